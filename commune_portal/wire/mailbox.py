"""What a node shows a member: pages of what waits for it, and the short vector of "what do you have"."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from commune_portal.rules.chain import Checkpoint
from commune_portal.wire import checkpoint as checkpoints
from commune_portal.wire import envelope as envelopes
from commune_portal.wire import fields, protocol, receipt
from commune_portal.wire.canonical import canonical, parse

LARGEST_PAGE_BYTES = 4 * 1024 * 1024
LARGEST_VECTOR_BYTES = 512 * 1024
MOST_WAITING = 2000
MOST_OPEN = 500
HIGHEST_RANK = 6
LARGEST_INLINE_BYTES = 16 * 1024


@dataclass(frozen=True, slots=True)
class MailboxItem:
    """Either a message to the member (`envelope`) or a receipt that its addressee gave for one it sent (`receipt`).

    `packet` is there only when it is small and the node chose to save a round trip.
    """

    sequence: int
    envelope: bytes | None
    packet: bytes | None = None
    receipt: bytes | None = None


@dataclass(frozen=True, slots=True)
class MailboxPage:
    """Some items in order of sequence; `next_after` is the cursor for the next page, `more` says there is one."""

    items: tuple[MailboxItem, ...]
    next_after: int
    more: bool


@dataclass(frozen=True, slots=True)
class Waiting:
    """A message that was sent and has no receipt yet."""

    message_id: str
    packet_sha256: str


@dataclass(frozen=True, slots=True)
class Open:
    """A document that was sent with a receipt and has not ended: the highest status rank that came home, 0 for none."""

    message_id: str
    packet_sha256: str
    rank: int


@dataclass(frozen=True, slots=True)
class Vector:
    """What the member has: the largest mailbox sequence dealt with, what it sent without a receipt, its journal.

    `open` is there only where everything is compared: after an enrolment, a start, and once a day.
    """

    mailbox_after: int
    waiting: tuple[Waiting, ...]
    open: tuple[Open, ...] = ()
    checkpoint: Checkpoint | None = None


@dataclass(frozen=True, slots=True)
class VectorAnswer:
    """What the member lacks: receipts it lost, ids the node has never accepted, and the mailbox's newest sequence.

    `lost` are open ones that the node does not have (any more), `statuses` answers to open ones of a higher rank.
    """

    receipts: tuple[bytes, ...]
    unknown: tuple[str, ...]
    mailbox_newest: int
    lost: tuple[str, ...] = ()
    statuses: tuple[MailboxItem, ...] = ()


def write_page(page: MailboxPage) -> bytes:
    """Spells the answer of GET /exchange/v1/mailbox."""
    return canonical(
        {
            "items": [_item_body(item) for item in page.items],
            "more": page.more,
            "next": page.next_after,
        }
    )


def read_page(data: bytes) -> MailboxPage:
    """Reads that answer; raises Malformed. Envelopes and receipts in it are **unverified**."""
    body = parse(data, LARGEST_PAGE_BYTES)
    items = tuple(_read_item(item) for item in fields.objects(body, "items", protocol.LARGEST_MAILBOX_PAGE))
    page = MailboxPage(items, fields.integer(body, "next"), fields.boolean(body, "more"))
    sequences = [item.sequence for item in items]
    if sequences != sorted(set(sequences)) or (sequences and page.next_after < sequences[-1]):
        fields.refuse("items", "not in order of sequence")
    return page


def write_vector(vector: Vector) -> bytes:
    """Spells the body of POST /exchange/v1/vector."""
    body: dict[str, Any] = {
        "mailbox_after": vector.mailbox_after,
        "waiting": [{"message_id": item.message_id, "packet_sha256": item.packet_sha256} for item in vector.waiting],
    }
    if vector.checkpoint is not None:
        body["checkpoint"] = checkpoints.to_body(vector.checkpoint)
    if vector.open:
        body["open"] = [
            {"message_id": item.message_id, "packet_sha256": item.packet_sha256, "rank": item.rank}
            for item in vector.open
        ]
    return canonical(body)


def read_vector(data: bytes) -> Vector:
    """Reads that body; raises Malformed."""
    body = parse(data, LARGEST_VECTOR_BYTES)
    return Vector(
        fields.integer(body, "mailbox_after"),
        tuple(
            Waiting(
                fields.matching(item, "message_id", fields.MESSAGE_ID),
                fields.matching(item, "packet_sha256", fields.SHA256),
            )
            for item in fields.objects(body, "waiting", MOST_WAITING)
        ),
        tuple(
            Open(
                fields.matching(item, "message_id", fields.MESSAGE_ID),
                fields.matching(item, "packet_sha256", fields.SHA256),
                fields.integer(item, "rank", 0, HIGHEST_RANK),
            )
            for item in (fields.objects(body, "open", MOST_OPEN) if "open" in body else [])
        ),
        checkpoints.from_body(body, "checkpoint") if body.get("checkpoint") is not None else None,
    )


def write_vector_answer(answer: VectorAnswer) -> bytes:
    """Spells the answer of POST /exchange/v1/vector."""
    body: dict[str, Any] = {
        "mailbox_newest": answer.mailbox_newest,
        "receipts": [fields.to_base64(data) for data in answer.receipts],
        "unknown": list(answer.unknown),
    }
    if answer.lost:
        body["lost"] = list(answer.lost)
    if answer.statuses:
        body["statuses"] = [_item_body(item) for item in answer.statuses]
    return canonical(body)


def read_vector_answer(data: bytes) -> VectorAnswer:
    """Reads that answer; raises Malformed. Receipts in it are **unverified**."""
    body = parse(data, LARGEST_PAGE_BYTES)
    return VectorAnswer(
        tuple(
            fields.octets({"receipts": spelled}, "receipts", receipt.LARGEST_BYTES)
            for spelled in fields.sequence(body, "receipts", MOST_WAITING)
        ),
        tuple(
            fields.matching({"unknown": spelled}, "unknown", fields.MESSAGE_ID)
            for spelled in fields.sequence(body, "unknown", MOST_WAITING)
        ),
        fields.integer(body, "mailbox_newest"),
        tuple(
            fields.matching({"lost": spelled}, "lost", fields.MESSAGE_ID)
            for spelled in (fields.sequence(body, "lost", MOST_OPEN) if "lost" in body else [])
        ),
        tuple(_read_item(item) for item in (fields.objects(body, "statuses", MOST_OPEN) if "statuses" in body else [])),
    )


def _item_body(item: MailboxItem) -> dict[str, Any]:
    parts = {"envelope": item.envelope, "packet": item.packet, "receipt": item.receipt}
    spelled = {name: fields.to_base64(data) for name, data in parts.items() if data is not None}
    return {"sequence": item.sequence, **spelled}


def _read_item(body: dict[str, Any]) -> MailboxItem:
    def part(name: str, most: int) -> bytes | None:
        return None if body.get(name) is None else fields.octets(body, name, most)

    item = MailboxItem(
        fields.integer(body, "sequence", 1),
        part("envelope", envelopes.LARGEST_BYTES),
        part("packet", LARGEST_INLINE_BYTES),
        part("receipt", receipt.LARGEST_BYTES),
    )
    if (item.envelope is None) == (item.receipt is None):
        fields.refuse("items", "an item is an envelope or a receipt")
    return item
