"""What a restored office asks its node: its earlier journals beyond what it still has, and what it sent.

The lines travel as an extract does; the node's note over an earlier journal proves its end. See docs/wire.md, "After a
restore".
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from commune_portal import clock
from commune_portal.rules.chain import Checkpoint
from commune_portal.wire import checkpoint as checkpoints
from commune_portal.wire import envelope as envelopes
from commune_portal.wire import fields, protocol
from commune_portal.wire.canonical import canonical, parse
from commune_portal.wire.checkpoint import LARGEST_NOTE_BYTES

MOST_JOURNALS = 50
LARGEST_PAGE = 200
LARGEST_ANSWER_BYTES = 4 * 1024 * 1024
LARGEST_STRETCH_BYTES = protocol.LARGEST_JOURNAL_BYTES


@dataclass(frozen=True, slots=True)
class LostJournal:
    """An earlier journal of the member: how long it was, how many lines the member still has, the node's note on it."""

    epoch: int
    checkpoint: Checkpoint
    shared: int
    note: bytes


@dataclass(frozen=True, slots=True)
class SentItem:
    """A document that the node took from the member: the envelope as it came; the packet may be gone."""

    sequence: int
    envelope: bytes
    taken_at: datetime
    is_wiped: bool


@dataclass(frozen=True, slots=True)
class SentPage:
    """Some of them in order of sequence; `next_after` is the cursor for the next page, `more` says there is one."""

    items: tuple[SentItem, ...]
    next_after: int
    more: bool


def write_journals(journals: tuple[LostJournal, ...]) -> bytes:
    """Spells the answer of GET /exchange/v1/lost."""
    return canonical(
        {
            "journals": [
                {
                    "checkpoint": checkpoints.to_body(item.checkpoint),
                    "epoch": item.epoch,
                    "note": fields.to_base64(item.note),
                    "shared": item.shared,
                }
                for item in journals
            ]
        }
    )


def read_journals(data: bytes) -> tuple[LostJournal, ...]:
    """Reads that answer; raises Malformed. The notes in it are **unverified**."""
    body = parse(data, LARGEST_ANSWER_BYTES)
    return tuple(
        LostJournal(
            fields.integer(item, "epoch"),
            checkpoints.from_body(item, "checkpoint"),
            fields.integer(item, "shared"),
            fields.octets(item, "note", LARGEST_NOTE_BYTES),
        )
        for item in fields.objects(body, "journals", MOST_JOURNALS)
    )


def write_sent(page: SentPage) -> bytes:
    """Spells the answer of GET /exchange/v1/sent."""
    return canonical({"items": [_item_body(item) for item in page.items], "more": page.more, "next": page.next_after})


def read_sent(data: bytes) -> SentPage:
    """Reads that answer; raises Malformed. Envelopes in it are **unverified**."""
    body = parse(data, LARGEST_ANSWER_BYTES)
    items = tuple(
        SentItem(
            fields.integer(item, "sequence", 1),
            fields.octets(item, "envelope", envelopes.LARGEST_BYTES),
            fields.instant(item, "taken_at"),
            fields.boolean(item, "wiped"),
        )
        for item in fields.objects(body, "items", LARGEST_PAGE)
    )
    page = SentPage(items, fields.integer(body, "next"), fields.boolean(body, "more"))
    sequences = [item.sequence for item in items]
    if sequences != sorted(set(sequences)) or (sequences and page.next_after < sequences[-1]):
        fields.refuse("items", "not in order of sequence")
    return page


def _item_body(item: SentItem) -> dict[str, Any]:
    return {
        "envelope": fields.to_base64(item.envelope),
        "sequence": item.sequence,
        "taken_at": clock.to_text(item.taken_at),
        "wiped": item.is_wiped,
    }
