"""The comparison: what a member asks its node about messages, and what the node says that it holds.

The answer is the node's word, unsigned; what proves anything are receipts, which travel as they were signed.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from typing import Any

from commune_portal import clock
from commune_portal.wire import fields, receipt
from commune_portal.wire.canonical import canonical, parse

MOST_QUESTIONS = 500
LARGEST_QUESTION_BYTES = 128 * 1024
LARGEST_ANSWER_BYTES = 2 * 1024 * 1024
LARGEST_PAGE = 500


class Standing(Enum):
    """What a node says of a message: it has the packet, has never had it for this member, or has wiped it."""

    HELD = "held"
    UNKNOWN = "unknown"
    WIPED = "wiped"


@dataclass(frozen=True, slots=True)
class Question:
    """A message that is asked about; `receipt_sha256` is of the final receiver's receipt that the asker has."""

    message_id: str
    receipt_sha256: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """What the node says of one message.

    `sequence` is 0 in the answer to a question. `fetched_at` is when the final receiver's receipt came. `receipt` is
    that receipt, there only where the asker has another one or none.
    """

    message_id: str
    standing: Standing
    sequence: int = 0
    sender: str = ""
    recipient: str = ""
    packet_sha256: str = ""
    taken_at: datetime | None = None
    fetched_at: datetime | None = None
    receipt_sha256: str = ""
    receipt: bytes | None = None


@dataclass(frozen=True, slots=True)
class HeldPage:
    """Messages for the asker in order of sequence; `next_after` is the cursor of the following page."""

    items: tuple[Held, ...]
    next_after: int
    more: bool


def write_questions(questions: tuple[Question, ...]) -> bytes:
    """Spells the body of POST /exchange/v1/comparison."""
    return canonical(
        {"messages": [{"message_id": item.message_id, "receipt_sha256": item.receipt_sha256} for item in questions]}
    )


def read_questions(data: bytes) -> tuple[Question, ...]:
    """Reads that body; raises Malformed."""
    body = parse(data, LARGEST_QUESTION_BYTES)
    return tuple(
        Question(
            fields.matching(item, "message_id", fields.MESSAGE_ID),
            fields.optional_matching(item, "receipt_sha256", fields.SHA256),
        )
        for item in fields.objects(body, "messages", MOST_QUESTIONS)
    )


def write_answers(answers: tuple[Held, ...]) -> bytes:
    """Spells the answer to questions."""
    return canonical({"messages": [_body(item) for item in answers]})


def read_answers(data: bytes) -> tuple[Held, ...]:
    """Reads that answer; raises Malformed. Receipts in it are **unverified**."""
    body = parse(data, LARGEST_ANSWER_BYTES)
    return tuple(_read(item) for item in fields.objects(body, "messages", MOST_QUESTIONS))


def write_page(page: HeldPage) -> bytes:
    """Spells the answer of GET /exchange/v1/comparison."""
    return canonical({"items": [_body(item) for item in page.items], "more": page.more, "next": page.next_after})


def read_page(data: bytes) -> HeldPage:
    """Reads that answer; raises Malformed."""
    body = parse(data, LARGEST_ANSWER_BYTES)
    items = tuple(_read(item) for item in fields.objects(body, "items", LARGEST_PAGE))
    page = HeldPage(items, fields.integer(body, "next"), fields.boolean(body, "more"))
    sequences = [item.sequence for item in items]
    if sequences != sorted(set(sequences)) or (sequences and not 0 < sequences[0] <= sequences[-1] <= page.next_after):
        fields.refuse("items", "not in order of sequence")
    return page


def _body(item: Held) -> dict[str, Any]:
    body: dict[str, Any] = {"message_id": item.message_id, "state": item.standing.value}
    if item.sequence:
        body["sequence"] = item.sequence
    if item.standing is not Standing.UNKNOWN:
        body |= {
            "sender": item.sender,
            "recipient": item.recipient,
            "packet_sha256": item.packet_sha256,
            "taken_at": clock.to_text(item.taken_at) if item.taken_at else None,
            "fetched_at": clock.to_text(item.fetched_at) if item.fetched_at else None,
            "receipt_sha256": item.receipt_sha256 or None,
        }
    if item.receipt is not None:
        body["receipt"] = fields.to_base64(item.receipt)
    return body


def _read(body: dict[str, Any]) -> Held:
    standing = fields.member(body, "state", Standing)
    message_id = fields.matching(body, "message_id", fields.MESSAGE_ID)
    sequence = fields.integer(body, "sequence") if "sequence" in body else 0
    if standing is Standing.UNKNOWN:
        return Held(message_id=message_id, standing=standing, sequence=sequence)
    return Held(
        message_id=message_id,
        standing=standing,
        sequence=sequence,
        sender=fields.matching(body, "sender", fields.CODE),
        recipient=fields.matching(body, "recipient", fields.CODE),
        packet_sha256=fields.matching(body, "packet_sha256", fields.SHA256),
        taken_at=fields.instant(body, "taken_at"),
        fetched_at=fields.optional_instant(body, "fetched_at"),
        receipt_sha256=fields.optional_matching(body, "receipt_sha256", fields.SHA256) or "",
        receipt=None if body.get("receipt") is None else fields.octets(body, "receipt", receipt.LARGEST_BYTES),
    )
