"""The answer to "what do you have": what a member lost, what never came, what it sent and the node has no more.

Cheap when nothing is open: two indexed reads. What is missing comes in the answer itself, so that healing needs no
second question; the same rule as everywhere makes it harmless twice.
"""

from __future__ import annotations

import shutil
from datetime import datetime

from commune_portal.edxml import package, reader
from commune_portal.errors import PortalError
from commune_portal.node import mirrors, routes
from commune_portal.node.members import Member
from commune_portal.rules import statuses
from commune_portal.store import database, files
from commune_portal.wire.envelope import Kind
from commune_portal.wire.mailbox import LARGEST_INLINE_BYTES, MailboxItem, Open, Vector, VectorAnswer

STATUSES_AT_MOST = 100


def compare(member: Member, vector: Vector, at: datetime | None = None) -> VectorAnswer:
    """Answers a vector; where it is known when it was signed, heeds what it states of the member's journal."""
    found = [_given(member, item.message_id, item.packet_sha256) for item in vector.waiting]
    mine, codes = routes.within("recipient_code", member)
    newest = database.row(f"SELECT max(id) FROM mailbox WHERE {mine}", codes)
    if vector.checkpoint is not None and at is not None:
        mirrors.heed_present(member, vector.checkpoint, at)
    return VectorAnswer(
        tuple(bytes_ for bytes_ in found if bytes_ is not None),
        tuple(item.message_id for item, bytes_ in zip(vector.waiting, found, strict=True) if bytes_ is None),
        int(newest[0] or 0),
        tuple(item.message_id for item in vector.open if _given(member, item.message_id, item.packet_sha256) is None),
        tuple(_higher(member, vector)),
    )


def _given(member: Member, message_id: str, sha256: str) -> bytes | None:
    """The receipt that this message of the member's own, or handed over by it, got."""
    mine, codes = routes.within("sender_code", member)
    found = database.row(
        f"SELECT bytes FROM receipts_given WHERE message_id = ? AND packet_sha256 = ? AND {mine}",
        (message_id, sha256, *codes),
    )
    return found[0].encode() if found else None


def _higher(member: Member, vector: Vector) -> list[MailboxItem]:
    """Statuses that the member has passed already, yet does not show: those of a higher rank than it states."""
    answers: list[MailboxItem] = []
    for item in vector.open:
        for sequence, sealed, sha256 in _answers_to(member, item, vector.mailbox_after):
            if len(answers) >= STATUSES_AT_MOST:
                return answers
            packet = files.path_of(sha256).read_bytes() if files.has(sha256) else b""
            if packet and _rank(packet) > item.rank:
                answers.append(MailboxItem(sequence, sealed.encode(), packet=packet))
    return answers


def _answers_to(member: Member, item: Open, after: int) -> list[tuple[int, str, str]]:
    mine, codes = routes.within("recipient_code", member)
    found: list[tuple[int, str, str]] = database.rows(
        f"SELECT id, envelope, packet_sha256 FROM mailbox WHERE in_reply_to = ? AND kind = ? AND id <= ? AND {mine}"
        " AND packet_bytes <= ? AND wiped_at IS NULL ORDER BY id",
        (item.message_id, Kind.STATUS.value, after, *codes, LARGEST_INLINE_BYTES),
    )
    return found


def _rank(packet: bytes) -> int:
    """How far a status says the document is; 0 for what cannot be read or ranks nowhere."""
    path, folder = files.temporary(".edxml"), files.temporary()
    try:
        path.write_bytes(packet)
        folder.mkdir()
        parsed = reader.read(path, folder)
        return statuses.read_status(parsed.status_code).rank if isinstance(parsed, package.Status) else 0
    except PortalError:
        return 0
    finally:
        path.unlink(missing_ok=True)
        shutil.rmtree(folder, ignore_errors=True)
