"""What a member is told about messages that it sent or that are for it: held, wiped or unknown, with the receipt."""

from __future__ import annotations

import hashlib
from typing import Any

from commune_portal import clock
from commune_portal.node.members import Member
from commune_portal.store import database
from commune_portal.wire.comparison import Held, HeldPage, Question, Standing

_COLUMNS = (
    "id, message_id, sender_code, recipient_code, packet_sha256, taken_at, fetched_at, wiped_at, recipient_receipt"
)


def answer(member: Member, questions: tuple[Question, ...]) -> tuple[Held, ...]:
    """What the node holds of each message asked about; another's message is as unknown as one that never came."""
    found = {}
    for row in database.rows(
        f"SELECT {_COLUMNS}, handed_by FROM mailbox WHERE kind = 'edoc' AND message_id IN"
        f" ({', '.join('?' for _ in questions)})",
        [question.message_id for question in questions],
    ):
        if member.code in (row[2], row[3], row[9]):
            found[row[1]] = row
    return tuple(_answer(question, found.get(question.message_id)) for question in questions)


def listing(member: Member, after: int, limit: int) -> HeldPage:
    """Documents for the member behind a cursor, fetched or not, in the order in which the node took them."""
    found = database.rows(
        f"SELECT {_COLUMNS} FROM mailbox WHERE recipient_code = ? AND id > ? AND kind = 'edoc' ORDER BY id LIMIT ?",
        (member.code, after, limit + 1),
    )
    items = tuple(_held(row, row[0], None) for row in found[:limit])
    return HeldPage(items, items[-1].sequence if items else after, len(found) > limit)


def _answer(question: Question, row: Any) -> Held:
    if row is None:
        return Held(message_id=question.message_id, standing=Standing.UNKNOWN)
    receipt: str = row[8]
    wanted = receipt and hashlib.sha256(receipt.encode()).hexdigest() != question.receipt_sha256
    return _held(row, 0, receipt.encode() if wanted else None)


def _held(row: Any, sequence: int, receipt: bytes | None) -> Held:
    return Held(
        message_id=row[1],
        standing=Standing.WIPED if row[7] else Standing.HELD,
        sequence=sequence,
        sender=row[2],
        recipient=row[3],
        packet_sha256=row[4],
        taken_at=clock.from_text(row[5]),
        fetched_at=clock.from_text(row[6]) if row[6] else None,
        receipt_sha256=hashlib.sha256(row[8].encode()).hexdigest() if row[8] else "",
        receipt=receipt,
    )
