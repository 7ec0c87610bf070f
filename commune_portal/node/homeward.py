"""Receipts on their way home: from the final receiver, from hop to hop, to the office that sent the message.

A node below gives two: its own, when it has the message, which ends the item here; and later the final receiver's,
which goes on to the sender. A refusal that a node on the way signed goes home like it.
"""

from __future__ import annotations

from dataclasses import dataclass

from commune_portal import clock
from commune_portal.errors import Malformed, Unauthenticated, UnsupportedVersion
from commune_portal.node import members, mirrors, parties, routes, wiping
from commune_portal.node.members import Member
from commune_portal.node.refusals import ExchangeRefused
from commune_portal.rules.acts import Act
from commune_portal.rules.chain import Checkpoint
from commune_portal.store import database, erasure, installation, journal
from commune_portal.store.register import Work
from commune_portal.wire import receipt as wire_receipts
from commune_portal.wire.protocol import Refused
from commune_portal.wire.receipt import Receipt, Verdict

RECEIPT = "receipt"
"""The kind of a mailbox row, or of a row on its way up, that takes a receipt home; it has no packet."""
REFUSAL = "refusal"
"""What the id of such a row begins with when a node on the way refused."""


@dataclass(frozen=True, slots=True)
class Held:
    """A message in the mailbox, as far as its receipts concern it; `final` is the final receiver's receipt."""

    id: int
    uid: str
    message_id: str
    sender_code: str
    recipient_code: str
    packet_sha256: str
    urgency: int
    final: str
    fetched_at: str | None
    in_reply_to: str | None


def take(member: Member, receipt_bytes: bytes) -> None:
    """Keeps a receipt that a member hands over and sends it home; twice does no harm.

    Raises ExchangeRefused: neither the member's own nor its subtree's, for nothing in its mailbox, or another than
    before.
    """
    found = _opened(member, receipt_bytes)
    with database.transaction() as work:
        held = held_message(work, found)
        if held is None or not routes.speaks_for(member, held.recipient_code):
            raise ExchangeRefused(Refused.NOT_FOUND, "no such message for this member")
        if found.receiver == held.recipient_code:
            if not _final(work, member, held, found, receipt_bytes):
                return
        elif found.verdict is Verdict.REFUSED:
            if not keep_refusal(work, held, receipt_bytes):
                return
        elif found.receiver != member.code:
            raise ExchangeRefused(Refused.NOT_PERMITTED, "another receiver's receipt")
        elif not _hop(work, member, held, found):
            return
        journal.write(
            work,
            Act.PACKAGE_FETCHED,
            member.about,
            about=f"mailbox:{held.uid}",
            facts={"message": found.message_id, "verdict": found.verdict.value, "receiver": found.receiver},
        )
        if held.in_reply_to is not None:
            wiping.wipe_answers(work, member.about, held.in_reply_to)
    erasure.finish()


def held_message(work: Work, receipt: Receipt) -> Held | None:
    """The message that a receipt speaks of."""
    row = work.execute(
        "SELECT id, uid, message_id, sender_code, recipient_code, packet_sha256, urgency, recipient_receipt,"
        " fetched_at, in_reply_to FROM mailbox WHERE message_id = ? AND packet_sha256 = ? AND kind <> ?",
        (receipt.message_id, receipt.packet_sha256, RECEIPT),
    ).fetchone()
    return Held(*row) if row else None


def keep_final(work: Work, held: Held, receipt_bytes: bytes) -> None:
    """Keeps the final receiver's first word with the message and sends it home."""
    fetched_at = held.fetched_at or clock.now_text()
    work.update("mailbox", held.id, {"fetched_at": fetched_at, "recipient_receipt": receipt_bytes.decode()})
    send_home(work, held, receipt_bytes, RECEIPT)


def keep_refusal(work: Work, held: Held, receipt_bytes: bytes) -> bool:
    """Ends the item and sends the refusal of a node on the way home; False when that was done before."""
    if is_on_its_way_home(work, held, REFUSAL):
        return False
    if held.fetched_at is None:
        work.update("mailbox", held.id, {"fetched_at": clock.now_text()})
    send_home(work, held, receipt_bytes, REFUSAL)
    return True


def is_on_its_way_home(work: Work, held: Held, what: str) -> bool:
    """Whether such a receipt for the message was sent home already."""
    named = (f"{what}:{held.message_id}",) * 2
    found = work.execute(
        "SELECT 1 FROM mailbox WHERE message_id = ? UNION ALL SELECT 1 FROM upward WHERE message_id = ?", named
    )
    return found.fetchone() is not None


def send_home(work: Work, held: Held, receipt_bytes: bytes, what: str) -> None:
    """Puts a receipt into the sender's mailbox, or on its way up where the sender is not below this node."""
    named, now = f"{what}:{held.message_id}", clock.now_text()
    way = routes.route(held.sender_code)
    if held.sender_code == installation.own().code:
        return  # what this node signed itself, for the axis, ends here
    if way is not None and way.is_upward:
        routes.send_up(work, routes.Way.NODE, named, RECEIPT, held.urgency, now, (), receipt_bytes.decode())
        return
    work.insert(
        "mailbox",
        {
            "message_id": named,
            "sender_code": wire_receipts.parse_unverified(receipt_bytes).receiver,
            "recipient_code": held.sender_code,
            "kind": RECEIPT,
            "urgency": held.urgency,
            "envelope": receipt_bytes.decode(),
            "packet_sha256": "",
            "packet_bytes": 0,
            "taken_at": now,
            "fetched_at": now,
        },
    )


def heed(work: Work, member: Member, key_id: str, stated: Checkpoint, message_id: str) -> None:
    """Compares a stated checkpoint with the mirror, unless an older key signed it: that may be an older journal."""
    found = members.member_by_key(key_id)
    if found is not None and found[0].id == member.id and found[1].revoked_at is None:
        mirrors.heed(work, member, stated, message_id)


def _final(work: Work, member: Member, held: Held, found: Receipt, receipt_bytes: bytes) -> bool:
    """Takes the final receiver's receipt; False when these very bytes are here already."""
    if not held.final:
        heed(work, member, found.key_id, found.checkpoint, found.message_id)
        keep_final(work, held, receipt_bytes)
    elif held.final.encode() == receipt_bytes:
        return False
    elif held.recipient_code == member.code and _is_fetched_again(member, held, found):
        work.update("mailbox", held.id, {"fetched_at": clock.now_text()})  # the first word stays
    else:
        raise ExchangeRefused(Refused.CONFLICT, "another receipt than before")
    return True


def _hop(work: Work, member: Member, held: Held, found: Receipt) -> bool:
    """Ends the item: the node below has it. False when that was said before."""
    if held.fetched_at is not None and not _was_restored(member, held.fetched_at):
        return False
    heed(work, member, found.key_id, found.checkpoint, found.message_id)
    work.update("mailbox", held.id, {"fetched_at": clock.now_text()})
    return True


def _is_fetched_again(member: Member, held: Held, receipt: Receipt) -> bool:
    """Whether a restored office says once more, with its new key, what it said before."""
    restored = held.fetched_at is not None and _was_restored(member, held.fetched_at)
    return restored and wire_receipts.parse_unverified(held.final.encode()).verdict is receipt.verdict


def _was_restored(member: Member, fetched_at: str) -> bool:
    return member.enrolled_at is not None and clock.from_text(fetched_at) < member.enrolled_at


def _opened(member: Member, receipt_bytes: bytes) -> Receipt:
    try:
        found = wire_receipts.open_(receipt_bytes, parties.key_of_party)
    except UnsupportedVersion as error:
        raise ExchangeRefused(Refused.UNSUPPORTED_VERSION, error.detail) from error
    except Malformed as error:
        raise ExchangeRefused(Refused.MALFORMED, error.detail) from error
    except Unauthenticated as error:
        raise ExchangeRefused(Refused.NOT_PERMITTED, error.detail) from error
    if not routes.speaks_for(member, found.receiver):
        raise ExchangeRefused(Refused.NOT_PERMITTED, "another receiver's receipt")
    return found
