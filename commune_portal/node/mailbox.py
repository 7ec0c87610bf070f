"""Packages on their way: taken with a signed receipt, kept until the addressee has fetched and acknowledged them.

A package takes effect once: the message id is its identity, the packet's SHA-256 its content. The receipt is signed
inside the taking transaction and a repetition is answered with its bytes; a technical failure has no receipt.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from commune_portal import clock
from commune_portal.errors import DiskFull, Malformed, Unauthenticated, UnsupportedVersion
from commune_portal.node import members, mirrors, uploads
from commune_portal.node.members import Member
from commune_portal.node.refusals import ExchangeRefused
from commune_portal.rules.acts import Act
from commune_portal.rules.chain import Checkpoint
from commune_portal.settings import Limits
from commune_portal.store import database, files, journal
from commune_portal.store.register import Work
from commune_portal.wire import envelope as envelopes
from commune_portal.wire import given
from commune_portal.wire import mailbox as wire
from commune_portal.wire import receipt as wire_receipts
from commune_portal.wire.envelope import Envelope
from commune_portal.wire.mailbox import MailboxItem, MailboxPage, Vector, VectorAnswer
from commune_portal.wire.protocol import Refused
from commune_portal.wire.receipt import Receipt, RefusalType, Verdict

RECEIPT = "receipt"
"""The kind of a mailbox row that takes an addressee's receipt home to the sender; it has no packet."""

PAGE_BUDGET_BYTES = 2 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Answer:
    """What became of a package: the verdict for the header, and the receipt's bytes."""

    verdict: Verdict
    receipt: bytes
    refusal: RefusalType | None = None


@dataclass(frozen=True, slots=True)
class InTransit:
    """A package that its addressee has not acknowledged yet."""

    sequence: int
    message_id: str
    sender_code: str
    recipient_code: str
    kind: str
    urgency: int
    packet_bytes: int
    taken_at: datetime


def take(member: Member, envelope_bytes: bytes, packet: bytes | None, limits: Limits) -> Answer:
    """Takes a package of an authenticated member: its envelope, and the packet itself when it came along.

    Raises ExchangeRefused for what is not final: an unreadable envelope, somebody else's, missing bytes, a full disk.
    A final refusal is an answer with a signed receipt.
    """
    envelope = _read(member, envelope_bytes)
    answer = _earlier(envelope, envelope_bytes)
    if answer is not None:
        return answer
    refusal = _refusal(envelope, envelope_bytes, packet, limits)
    if refusal is None:
        _have_packet(member, envelope, packet, limits)
    with database.transaction() as work:
        answer = _earlier(envelope, envelope_bytes)  # another connection of the same office may have come first
        if answer is not None:
            return answer
        refusal = _refusal(envelope, envelope_bytes, packet, limits)
        if refusal is not None:
            return _refuse(work, member, envelope, refusal)
        return _accept(work, member, envelope, envelope_bytes)


def waiting(member: Member, after: int, limit: int) -> MailboxPage:
    """What waits for the member behind a cursor: messages without its receipt, and receipts for what it sent.

    A receipt from before the newest enrolment does not count: a restored office has forgotten what it fetched.
    """
    enrolled = clock.to_text(member.enrolled_at) if member.enrolled_at else ""
    found = database.rows(
        "SELECT id, kind, envelope, packet_sha256, packet_bytes FROM mailbox WHERE recipient_code = ? AND id > ?"
        " AND (fetched_at IS NULL OR fetched_at < ? OR kind = ?) ORDER BY id LIMIT ?",
        (member.code, after, enrolled, RECEIPT, limit + 1),
    )
    items: list[MailboxItem] = []
    budget = PAGE_BUDGET_BYTES
    for sequence, kind, text, sha256, packet_bytes in found[:limit]:
        if kind == RECEIPT:
            items.append(MailboxItem(sequence, None, receipt=text.encode()))
            continue
        inline = packet_bytes <= wire.LARGEST_INLINE_BYTES and packet_bytes <= budget
        packet = files.path_of(sha256).read_bytes() if inline else None
        budget -= len(packet or b"")
        items.append(MailboxItem(sequence, text.encode(), packet=packet))
    return MailboxPage(tuple(items), items[-1].sequence if items else after, len(found) > limit)


def packet_for(member: Member, sha256: str) -> Path:
    """Where a packet lies, for its sender and its addressees only; for others it does not exist."""
    if not uploads.may_fetch(member, sha256):
        raise ExchangeRefused(Refused.NOT_FOUND, "no such packet for this member")
    return files.path_of(sha256)


def acknowledge(member: Member, receipt_bytes: bytes) -> None:
    """Keeps the addressee's receipt with the package and sends it home to the sender; twice does no harm.

    Raises ExchangeRefused: not the member's own receipt, or for nothing in its mailbox, or another one than before.
    """
    found = _opened_receipt(member, receipt_bytes)
    with database.transaction() as work:
        row = work.execute(
            "SELECT id, sender_code, packet_sha256, recipient_receipt, uid, urgency, fetched_at FROM mailbox"
            " WHERE message_id = ? AND recipient_code = ? AND kind <> ?",
            (found.message_id, member.code, RECEIPT),
        ).fetchone()
        if row is None or row[2] != found.packet_sha256:
            raise ExchangeRefused(Refused.NOT_FOUND, "no such message for this member")
        row_id, sender_code, _, earlier, uid, urgency, fetched_at = row
        now = clock.now_text()
        if not earlier:
            _heed(work, member, found.key_id, found.checkpoint, found.message_id)
            work.update("mailbox", row_id, {"fetched_at": now, "recipient_receipt": receipt_bytes.decode()})
            _send_home(work, member, sender_code, found.message_id, receipt_bytes, urgency)
        elif earlier.encode() == receipt_bytes:
            return
        elif _is_fetched_again(member, fetched_at, earlier, found):
            work.update("mailbox", row_id, {"fetched_at": now})  # the first word stays
        else:
            raise ExchangeRefused(Refused.CONFLICT, "another receipt than before")
        journal.write(
            work,
            Act.PACKAGE_FETCHED,
            member.about,
            about=f"mailbox:{uid}",
            facts={"message": found.message_id, "verdict": found.verdict.value},
        )


def _is_fetched_again(member: Member, fetched_at: str, earlier: str, receipt: Receipt) -> bool:
    """Whether a restored office says once more, with its new key, what it said before."""
    restored = member.enrolled_at is not None and clock.from_text(fetched_at) < member.enrolled_at
    return restored and wire_receipts.parse_unverified(earlier.encode()).verdict is receipt.verdict


def _send_home(
    work: Work, member: Member, sender_code: str, message_id: str, receipt_bytes: bytes, urgency: int
) -> None:
    """Puts the addressee's receipt into the sender's mailbox."""
    now = clock.now_text()
    work.insert(
        "mailbox",
        {
            "message_id": f"{RECEIPT}:{message_id}",
            "sender_code": member.code,
            "recipient_code": sender_code,
            "kind": RECEIPT,
            "urgency": urgency,
            "envelope": receipt_bytes.decode(),
            "packet_sha256": "",
            "packet_bytes": 0,
            "taken_at": now,
            "fetched_at": now,
        },
    )


def compare(member: Member, vector: Vector) -> VectorAnswer:
    """Answers "what do you have": receipts the member lost, messages that never came, the mailbox's newest number."""
    found = [given.given(member.code, item.message_id, item.packet_sha256) for item in vector.waiting]
    newest = database.row("SELECT max(id) FROM mailbox WHERE recipient_code = ?", (member.code,))
    return VectorAnswer(
        tuple(bytes_ for bytes_ in found if bytes_ is not None),
        tuple(item.message_id for item, bytes_ in zip(vector.waiting, found, strict=True) if bytes_ is None),
        int(newest[0] or 0),
    )


def in_transit(after: int = 0, limit: int = 100, recipient_code: str = "") -> list[InTransit]:
    """Packages that wait for their addressee, the oldest first; of one addressee when asked so."""
    found = database.rows(
        "SELECT id, message_id, sender_code, recipient_code, kind, urgency, packet_bytes, taken_at FROM mailbox"
        " WHERE fetched_at IS NULL AND id > ?" + (" AND recipient_code = ?" if recipient_code else "") + " ORDER BY id"
        " LIMIT ?",
        (after, *((recipient_code,) if recipient_code else ()), limit),
    )
    return [InTransit(row[0], row[1], row[2], row[3], row[4], row[5], row[6], clock.from_text(row[7])) for row in found]


def _read(member: Member, envelope_bytes: bytes) -> Envelope:
    """The envelope as it stands; raises ExchangeRefused when it cannot be read or names another sender.

    Another's message gets no receipt, not even one of refusal: it could be shown to that sender.
    """
    try:
        stated = envelopes.parse_unverified(envelope_bytes)
    except UnsupportedVersion as error:
        raise ExchangeRefused(Refused.UNSUPPORTED_VERSION, error.detail) from error
    except Malformed as error:
        raise ExchangeRefused(Refused.MALFORMED, error.detail) from error
    if stated.sender != member.code:
        raise ExchangeRefused(Refused.NOT_PERMITTED, "the sender in the envelope is not the member")
    return stated


def _is_signed_by_its_sender(envelope: Envelope, envelope_bytes: bytes) -> bool:
    """Whether the sender signed the envelope while its key was valid."""
    try:
        envelopes.open_(envelope_bytes, members.key_of_party)
    except (Malformed, Unauthenticated):
        return False
    found = members.member_by_key(envelope.key_id)
    return found is not None and (found[1].revoked_at is None or envelope.created <= found[1].revoked_at)


def _opened_receipt(member: Member, receipt_bytes: bytes) -> Receipt:
    try:
        found = wire_receipts.open_(receipt_bytes, members.key_of_party)
    except UnsupportedVersion as error:
        raise ExchangeRefused(Refused.UNSUPPORTED_VERSION, error.detail) from error
    except Malformed as error:
        raise ExchangeRefused(Refused.MALFORMED, error.detail) from error
    except Unauthenticated as error:
        raise ExchangeRefused(Refused.NOT_PERMITTED, error.detail) from error
    if found.receiver != member.code:
        raise ExchangeRefused(Refused.NOT_PERMITTED, "another receiver's receipt")
    return found


def _earlier(envelope: Envelope, envelope_bytes: bytes) -> Answer | None:
    """The answer that this message had before, if it had one."""
    stored = given.given(envelope.sender, envelope.message_id, envelope.packet_sha256)
    if stored is None:
        return None
    found = wire_receipts.parse_unverified(stored)
    if found.verdict is Verdict.REFUSED:
        return Answer(Verdict.REFUSED, stored, found.refusal)
    row = database.row("SELECT envelope FROM mailbox WHERE message_id = ?", (envelope.message_id,))
    same = row is not None and row[0].encode() == envelope_bytes
    return Answer(Verdict.DUPLICATE, stored) if same else None


def _refusal(envelope: Envelope, envelope_bytes: bytes, packet: bytes | None, limits: Limits) -> RefusalType | None:
    """Why the message is refused for good, or None."""
    if not _is_signed_by_its_sender(envelope, envelope_bytes):
        return RefusalType.NOT_PERMITTED
    taken = database.row("SELECT 1 FROM mailbox WHERE message_id = ?", (envelope.message_id,))
    answered = database.row(
        "SELECT 1 FROM receipts_given WHERE message_id = ? AND sender_code = ?", (envelope.message_id, envelope.sender)
    )
    if taken or answered:
        return RefusalType.CONFLICT
    addressee = database.row("SELECT 1 FROM members WHERE code = ? AND closed_at IS NULL", (envelope.recipient,))
    if not addressee:
        return RefusalType.INVALID_ADDRESSEE
    if envelope.packet_bytes > limits.packet_bytes:
        return RefusalType.TOO_LARGE
    if packet and not envelopes.describes(envelope, packet):
        return RefusalType.MALFORMED
    if files.has(envelope.packet_sha256):
        size = files.path_of(envelope.packet_sha256).stat().st_size
        if size != envelope.packet_bytes:
            return RefusalType.MALFORMED
    return None


def _have_packet(member: Member, envelope: Envelope, packet: bytes | None, limits: Limits) -> None:
    """Sees to it that the packet is stored, before the transaction; raises ExchangeRefused."""
    if packet:
        uploads.refuse_full_disk(limits, len(packet))
        try:
            files.keep(packet)
        except DiskFull as error:
            raise ExchangeRefused(Refused.DISK_FULL, error.detail) from error
    elif not uploads.may_fetch(member, envelope.packet_sha256) and not uploads.settle(member, envelope.packet_sha256):
        raise ExchangeRefused(Refused.PACKET_MISSING)


def _accept(work: Work, member: Member, envelope: Envelope, envelope_bytes: bytes) -> Answer:
    if not files.has(envelope.packet_sha256):
        raise ExchangeRefused(Refused.PACKET_MISSING)
    _heed(work, member, envelope.key_id, envelope.checkpoint, envelope.message_id)
    row = work.insert(
        "mailbox",
        {
            "message_id": envelope.message_id,
            "sender_code": envelope.sender,
            "recipient_code": envelope.recipient,
            "kind": envelope.kind.value,
            "urgency": envelope.urgency,
            "envelope": envelope_bytes.decode(),
            "packet_sha256": envelope.packet_sha256,
            "packet_bytes": envelope.packet_bytes,
            "taken_at": clock.now_text(),
        },
    )
    work.execute("DELETE FROM uploads WHERE member_id = ? AND sha256 = ?", (member.id, envelope.packet_sha256))
    head = journal.write(
        work,
        Act.PACKAGE_TAKEN,
        member.about,
        about=f"mailbox:{row.uid}",
        files=[envelope.packet_sha256],
        facts=_facts(envelope),
    )
    return Answer(Verdict.ACCEPTED, given.give(work, envelope, head))


def _refuse(work: Work, member: Member, envelope: Envelope, refusal: RefusalType) -> Answer:
    head = journal.write(
        work,
        Act.PACKAGE_REFUSED,
        member.about,
        about=f"members:{member.uid}",
        files=[envelope.packet_sha256],
        facts={**_facts(envelope), "refusal": refusal.value},
    )
    return Answer(Verdict.REFUSED, given.give(work, envelope, head, refusal), refusal)


def _facts(envelope: Envelope) -> dict[str, str | int | list[str] | None]:
    return {
        "message": envelope.message_id,
        "sender": envelope.sender,
        "recipient": envelope.recipient,
        "kind": envelope.kind.value,
        "bytes": envelope.packet_bytes,
    }


def _heed(work: Work, member: Member, key_id: str, stated: Checkpoint, message_id: str) -> None:
    """Compares a stated checkpoint with the mirror, unless an older key signed it: that may be an older journal."""
    found = members.member_by_key(key_id)
    if found is not None and found[1].revoked_at is None:
        mirrors.heed(work, member, stated, message_id)
