"""Packages on their way: taken with a signed receipt, kept until the addressee has fetched and acknowledged them.

A package takes effect once: the message id is its identity, the packet's SHA-256 its content. The receipt is signed
inside the taking transaction and a repetition is answered with its bytes; a technical failure has no receipt.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from commune_portal import clock
from commune_portal.errors import DiskFull, Malformed, UnsupportedVersion
from commune_portal.node import homeward, members, parties, routes, uploads
from commune_portal.node.homeward import RECEIPT
from commune_portal.node.members import Member
from commune_portal.node.refusals import ExchangeRefused
from commune_portal.node.routes import Route
from commune_portal.rules.acts import Act
from commune_portal.settings import Limits
from commune_portal.store import database, files, installation, journal
from commune_portal.store.register import Work
from commune_portal.wire import envelope as envelopes
from commune_portal.wire import given
from commune_portal.wire import mailbox as wire
from commune_portal.wire import receipt as wire_receipts
from commune_portal.wire.envelope import Envelope
from commune_portal.wire.mailbox import MailboxItem, MailboxPage
from commune_portal.wire.protocol import Refused
from commune_portal.wire.receipt import RefusalType, Verdict

PAGE_BUDGET_BYTES = 2 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Answer:
    """What became of a package: the verdict for the header, and the receipt's bytes."""

    verdict: Verdict
    receipt: bytes
    refusal: RefusalType | None = None


@dataclass(frozen=True, slots=True)
class InTransit:
    """A package that its addressee has not acknowledged yet; `port` is set for one on its way up."""

    sequence: int
    message_id: str
    sender_code: str
    recipient_code: str
    kind: str
    urgency: int
    packet_bytes: int
    taken_at: datetime
    port: str = ""
    attempts: int = 0
    last_reason: str = ""


def take(
    member: Member, envelope_bytes: bytes, packet: bytes | None, limits: Limits, trace: tuple[str, ...] = ()
) -> Answer:
    """Takes a package of an authenticated member: its envelope, and the packet itself when it came along.

    `trace` names the nodes below through which it came. Raises ExchangeRefused for what is not final: an unreadable
    envelope, somebody else's, missing bytes, a full disk. A final refusal is an answer with a signed receipt.
    """
    envelope = _read(member, envelope_bytes, trace)
    answer = earlier(envelope, envelope_bytes)
    if answer is not None:
        return answer
    route = routes.route(envelope.recipient, handed_by=member)
    refusal = refusal_of(envelope, envelope_bytes, packet, limits, route)
    if refusal is None:
        _have_packet(member, envelope, packet, limits)
    with database.transaction() as work:
        answer = earlier(envelope, envelope_bytes)  # another connection of the same office may have come first
        if answer is not None:
            return answer
        route = routes.route(envelope.recipient, handed_by=member)
        refusal = refusal_of(envelope, envelope_bytes, packet, limits, route)
        if refusal is not None or route is None:
            return refuse(work, member.about, envelope, refusal or RefusalType.INVALID_ADDRESSEE)
        if not files.has(envelope.packet_sha256):
            raise ExchangeRefused(Refused.PACKET_MISSING)
        if envelope.sender == member.code:
            homeward.heed(work, member, envelope.key_id, envelope.checkpoint, envelope.message_id)
        handed_by = None if envelope.sender == member.code else member.code
        work.execute("DELETE FROM uploads WHERE member_id = ? AND sha256 = ?", (member.id, envelope.packet_sha256))
        return accept(work, member.about, envelope, envelope_bytes, route, handed_by=handed_by, trace=trace)


def waiting(member: Member, after: int, limit: int) -> MailboxPage:
    """What waits for the member, or for the subtree of a node below, behind a cursor.

    Messages without its receipt, and receipts for what it sent or handed over.

    A receipt from before the newest enrolment does not count: a restored office has forgotten what it fetched. What it
    destroyed before its receipt came is listed without the packet, for the receipt alone.
    """
    enrolled = clock.to_text(member.enrolled_at) if member.enrolled_at else ""
    mine, codes = routes.within("recipient_code", member)
    found = database.rows(
        f"SELECT id, kind, envelope, packet_sha256, packet_bytes, wiped_at FROM mailbox WHERE {mine} AND id > ?"
        " AND (fetched_at IS NULL OR (wiped_at IS NULL AND (fetched_at < ? OR kind = ?))) ORDER BY id LIMIT ?",
        (*codes, after, enrolled, RECEIPT, limit + 1),
    )
    items: list[MailboxItem] = []
    budget = PAGE_BUDGET_BYTES
    for sequence, kind, text, sha256, packet_bytes, wiped_at in found[:limit]:
        if kind == RECEIPT:
            items.append(MailboxItem(sequence, None, receipt=text.encode()))
            continue
        inline = wiped_at is None and packet_bytes <= wire.LARGEST_INLINE_BYTES and packet_bytes <= budget
        packet = files.path_of(sha256).read_bytes() if inline and files.has(sha256) else None
        budget -= len(packet or b"")
        items.append(MailboxItem(sequence, text.encode(), packet=packet))
    return MailboxPage(tuple(items), items[-1].sequence if items else after, len(found) > limit)


def packet_for(member: Member, sha256: str) -> Path:
    """Where a packet lies, for its sender and its addressees only; for others it does not exist.

    An addressee that has destroyed it gets it no more, nor does anybody when the last of them has.
    """
    if uploads.is_wiped_for(member, sha256):
        raise ExchangeRefused(Refused.WIPED)
    if not uploads.may_fetch(member, sha256):
        raise ExchangeRefused(Refused.NOT_FOUND, "no such packet for this member")
    return files.path_of(sha256)


def acknowledge(member: Member, receipt_bytes: bytes) -> None:
    """Takes a receipt from a member: its own, or one that it hands over; see `node.homeward`."""
    homeward.take(member, receipt_bytes)


def in_transit(after: int = 0, limit: int = 100, recipient_code: str = "") -> list[InTransit]:
    """Packages that wait for their addressee, the oldest first; of one addressee when asked so."""
    condition: str = "1"
    codes: tuple[str, ...] = ()
    if recipient_code:
        asked = database.row("SELECT id FROM members WHERE code = ?", (recipient_code,))
        condition, codes = "b.recipient_code = ?", (recipient_code,)
        if asked:
            condition, codes = routes.within("b.recipient_code", members.by_id(asked[0]))
    found = database.rows(
        "SELECT b.id, b.message_id, b.sender_code, b.recipient_code, b.kind, b.urgency, b.packet_bytes, b.taken_at,"
        " coalesce(u.port, ''), coalesce(u.attempts, 0), coalesce(u.last_reason, '') FROM mailbox b"
        " LEFT JOIN upward u ON u.message_id = b.message_id"
        f" WHERE b.fetched_at IS NULL AND b.id > ? AND {condition} ORDER BY b.id LIMIT ?",
        (after, *codes, limit),
    )
    return [
        InTransit(
            row[0], row[1], row[2], row[3], row[4], row[5], row[6], clock.from_text(row[7]), row[8], row[9], row[10]
        )
        for row in found
    ]


def _read(member: Member, envelope_bytes: bytes, trace: tuple[str, ...]) -> Envelope:
    """The envelope as it stands; raises ExchangeRefused when it cannot be read or names another sender.

    Another's message gets no receipt, not even one of refusal: it could be shown to that sender.
    """
    try:
        stated = envelopes.parse_unverified(envelope_bytes)
    except UnsupportedVersion as error:
        raise ExchangeRefused(Refused.UNSUPPORTED_VERSION, error.detail) from error
    except Malformed as error:
        raise ExchangeRefused(Refused.MALFORMED, error.detail) from error
    if not routes.speaks_for(member, stated.sender):
        raise ExchangeRefused(Refused.NOT_PERMITTED, "the sender in the envelope is not the member, nor below it")
    if stated.on_behalf_of is not None and not (member.is_node and stated.sender == member.code):
        raise ExchangeRefused(Refused.NOT_PERMITTED, "only a node vouches for others")
    if installation.own().code in trace or len(trace) > routes.MOST_HOPS:
        raise ExchangeRefused(Refused.NOT_PERMITTED, f"goes round: {' '.join(trace)}")
    if stated.sender != member.code and not parties.is_known(stated.sender, stated.key_id):
        raise ExchangeRefused(Refused.NOT_PERMITTED, "the sender's key was not announced by the node below")
    return stated


def earlier(envelope: Envelope, envelope_bytes: bytes) -> Answer | None:
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


def refusal_of(
    envelope: Envelope, envelope_bytes: bytes, packet: bytes | None, limits: Limits, route: Route | None
) -> RefusalType | None:
    """Why the message is refused for good, or None."""
    if not parties.is_signed_by_its_sender(envelope, envelope_bytes):
        return RefusalType.NOT_PERMITTED
    taken = database.row("SELECT 1 FROM mailbox WHERE message_id = ?", (envelope.message_id,))
    answered = database.row(
        "SELECT 1 FROM receipts_given WHERE message_id = ? AND sender_code = ?", (envelope.message_id, envelope.sender)
    )
    if taken or answered:
        return RefusalType.CONFLICT
    if route is None:
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


def accept(
    work: Work,
    bearer: str,
    envelope: Envelope,
    envelope_bytes: bytes,
    route: Route,
    *,
    handed_by: str | None,
    trace: tuple[str, ...] = (),
) -> Answer:
    """Puts a message into the mailbox, and on its way up where it leads there, in the caller's act.

    `bearer` is who brought it, as a journal's actor; `handed_by` the node's code where that was not the sender.
    """
    now = clock.now_text()
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
            "taken_at": now,
            "in_reply_to": envelope.in_reply_to,
            "handed_by": handed_by,
        },
    )
    if route.is_upward:
        through = (*trace, installation.own().code)
        routes.send_up(work, route.way, envelope.message_id, envelope.kind.value, envelope.urgency, now, through)
    head = journal.write(
        work,
        Act.PACKAGE_TAKEN,
        bearer,
        about=f"mailbox:{row.uid}",
        files=[envelope.packet_sha256],
        facts=_facts(envelope),
    )
    return Answer(Verdict.ACCEPTED, given.give(work, envelope, head))


def refuse(work: Work, bearer: str, envelope: Envelope, refusal: RefusalType) -> Answer:
    """Refuses a message for good with a signed receipt, in the caller's act."""
    head = journal.write(
        work,
        Act.PACKAGE_REFUSED,
        bearer,
        about=bearer,
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
