"""What a node puts into a member's bag and how it takes one in: the verbs of the machine door, called for a stick.

A bag from a member is believed as its signed requests are; each envelope in it is checked as if it had come by link.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

from commune_portal import clock
from commune_portal.errors import Malformed, RuleBroken
from commune_portal.node import directory, mailbox, members, mirrors, uploads, vectors
from commune_portal.node.members import Member
from commune_portal.node.refusals import ExchangeRefused
from commune_portal.people import bags
from commune_portal.people.actors import Actor
from commune_portal.rules.permissions import Verb
from commune_portal.settings import Limits
from commune_portal.store import database, files
from commune_portal.wire import envelope as envelopes
from commune_portal.wire import extract
from commune_portal.wire import mailbox as wire
from commune_portal.wire import receipt as receipts
from commune_portal.wire.bag import BagVector, What
from commune_portal.wire.cargo import (
    MESSAGES_AT_MOST,
    RECEIPTS_AT_MOST,
    Cargo,
    Fate,
    Message,
    Outcome,
    Party,
)
from commune_portal.wire.envelope import Envelope
from commune_portal.wire.mailbox import MailboxItem, Vector, Waiting
from commune_portal.wire.protocol import LARGEST_CHUNK_BYTES, LARGEST_INLINE_BYTES, LARGEST_MAILBOX_PAGE
from commune_portal.wire.receipt import Verdict

SURELY_SEEN = timedelta(days=7)
"""A receipt that lay in the mailbox so long before the member's last contact by link was fetched there."""


def addressees(actor: Actor) -> list[Party]:
    """The members that a bag can be made for, by name."""
    actor.require(Verb.EXCHANGE_BAG)
    found = [(member, _box_key(member)) for member in members.every_member() if member.closed_at is None]
    return sorted((Party(member.code, member.name, key) for member, key in found if key), key=lambda item: item.name)


def waiting(actor: Actor) -> list[tuple[str, str, int]]:
    """Members for whom packages wait: code, name, how many; the most first."""
    actor.require(Verb.EXCHANGE_BAG)
    found = database.rows(
        "SELECT m.code, m.name, count(*) FROM mailbox b JOIN members m ON m.code = b.recipient_code"
        " WHERE b.fetched_at IS NULL AND b.wiped_at IS NULL AND m.closed_at IS NULL GROUP BY m.id ORDER BY 3 DESC, 2"
    )
    return [(row[0], row[1], int(row[2])) for row in found]


def cargo(actor: Actor, code: str = "", *, preview: bool = False) -> Cargo:
    """Everything that a member may lack; a preview leaves the directory and the note out.

    Raises RuleBroken where no bag can be made for it.
    """
    actor.require(Verb.EXCHANGE_BAG)
    if not code:
        raise RuleBroken("Hãy chọn cơ quan nhận túi thư (--to MÃ).", field="to")
    party = next((item for item in addressees(actor) if item.code == code), None)
    if party is None:
        raise RuleBroken(f"Không có thành viên mã «{code}» đã đăng ký khóa. Xem lại trang Thành viên.", field="to")
    member = members.by_code(code)
    asked = bags.asked(code)
    after = _seen_by(member)
    messages, given_home, owed, last, left = _mailbox(member, after)
    answered = _answers(member, asked.waiting if asked else ())
    waiting = tuple(Waiting(message.message_id, message.packet_sha256) for message in messages)
    return Cargo(
        party,
        messages,
        tuple(dict.fromkeys((*answered, *given_home))),
        BagVector(0, (*waiting, *owed[: wire.MOST_WAITING - len(waiting)]), (after, last)),
        directory=b"" if preview else directory.signed_directory().bytes,
        note=b"" if preview else _note(member),
        left_behind=left,
    )


def _note(member: Member) -> bytes:
    try:
        return extract.write_mirrored(mirrors.mirrored(member))
    except ExchangeRefused:
        return b""


def _seen_by(member: Member) -> int:
    """Up to which number of its mailbox the member has surely seen the receipts; 0 after it enrolled anew."""
    asked = bags.asked(member.code)
    told = 0
    if asked is not None and (member.enrolled_at is None or asked.taken_at >= member.enrolled_at):
        told = asked.seen
    contact = database.row("SELECT last_contact_at FROM member_contacts WHERE member_id = ?", (member.id,))
    if contact is None or not contact[0]:
        return told
    met_at = clock.from_text(contact[0])
    if member.enrolled_at is not None and met_at - SURELY_SEEN < member.enrolled_at:
        return told
    fetched = database.row(
        "SELECT coalesce(max(id), 0) FROM mailbox WHERE recipient_code = ? AND taken_at < ?",
        (member.code, clock.to_text(met_at - SURELY_SEEN)),
    )
    return max(told, int(fetched[0]))


def _mailbox(member: Member, after: int) -> tuple[tuple[Message, ...], list[bytes], tuple[Waiting, ...], int, int]:
    """Messages without the member's receipt and, behind a number, receipts; the last number; how many stay behind.

    Of what the member has destroyed the receipt alone is asked for.
    """
    messages: list[Message] = []
    given_home: list[bytes] = []
    owed: list[Waiting] = []
    last, cursor, left = after, 0, 0
    more = True
    while more:
        page = mailbox.waiting(member, cursor, LARGEST_MAILBOX_PAGE)
        cursor, more = page.next_after, page.more
        for item in page.items:
            if item.receipt is not None and item.sequence <= after:
                continue
            if len(messages) >= MESSAGES_AT_MOST or len(given_home) >= RECEIPTS_AT_MOST:
                left += 1
            elif item.receipt is not None:
                given_home.append(item.receipt)
            elif not _add(member, messages, owed, item):
                left += 1
            # A message ends what is covered: until its receipt is here, the link has to go on listing it.
            if not left and not messages and not owed:
                last = max(last, item.sequence)
    return tuple(messages), given_home, tuple(owed), last, left


def _add(member: Member, messages: list[Message], owed: list[Waiting], item: MailboxItem) -> bool:
    if item.envelope is None:
        return True
    envelope = envelopes.parse_unverified(item.envelope)
    if uploads.is_wiped_for(member, envelope.packet_sha256):
        owed.append(Waiting(envelope.message_id, envelope.packet_sha256))
        return True
    if not files.has(envelope.packet_sha256):
        return False
    messages.append(Message(envelope.message_id, item.envelope, envelope.packet_sha256, envelope.packet_bytes))
    return True


def _answers(member: Member, waiting: tuple[tuple[str, str], ...]) -> tuple[bytes, ...]:
    """The receipts that the node gave for what the member's newest bag waited for."""
    vector = Vector(0, tuple(Waiting(*item) for item in waiting[: wire.MOST_WAITING]))
    return vectors.compare(member, vector).receipts


def maker_key(code: str, key_id: str) -> bytes | None:
    """The valid key of a member: a `PartyKeys` for manifests; a revoked one makes no bag, as it signs no request."""
    found = members.member_by_key(key_id)
    if found is None or found[0].code != code or found[0].closed_at is not None or found[1].revoked_at is not None:
        return None
    return found[1].public_key


def take_message(maker: str, sealed: bytes, packet: Callable[[Envelope], Path], limits: Limits) -> Outcome:
    """Takes one envelope as the machine door would; `packet` unpacks its file, not called for what is here already."""
    member = members.by_code(maker)
    envelope = envelopes.parse_unverified(sealed)
    same = database.row(
        "SELECT 1 FROM mailbox WHERE message_id = ? AND envelope = ?", (envelope.message_id, sealed.decode())
    )
    if same is not None:
        return Outcome(What.ENVELOPE, Fate.KNOWN, envelope.message_id, envelope.recipient)
    path = packet(envelope)
    try:
        inline = path.read_bytes() if envelope.packet_bytes <= LARGEST_INLINE_BYTES else None
        if inline is None:
            _lay_down(member, envelope, path, limits)
        answer = mailbox.take(member, sealed, inline, limits)
    finally:
        path.unlink(missing_ok=True)
    if answer.verdict is Verdict.REFUSED:
        why = answer.refusal.label if answer.refusal else ""
        reason = f"Nút đã từ chối và sẽ báo nơi gửi: {why}."
        return Outcome(What.ENVELOPE, Fate.REFUSED, envelope.message_id, envelope.recipient, reason)
    fate = Fate.KNOWN if answer.verdict is Verdict.DUPLICATE else Fate.TAKEN
    return Outcome(What.ENVELOPE, fate, envelope.message_id, envelope.recipient)


def _lay_down(member: Member, envelope: Envelope, path: Path, limits: Limits) -> None:
    """Brings a long packet in by the member's own upload, going on where the link left off."""
    upload = uploads.begin(member, envelope.packet_sha256, envelope.packet_bytes, envelope.message_id, limits)
    with path.open("rb") as file:
        while upload is not None and not upload.is_whole:
            file.seek(upload.offset)
            chunk = file.read(LARGEST_CHUNK_BYTES)
            if not chunk:
                raise Malformed("Gói tin trong túi ngắn hơn ghi trên phong bì.")
            upload = uploads.write(member, upload.id, upload.offset, chunk, limits)


def take_receipt(maker: str, receipt_bytes: bytes) -> Outcome:
    """Keeps the member's receipt for what it took and sends it home to the sender."""
    receipt = receipts.parse_unverified(receipt_bytes)
    known = database.row(
        "SELECT 1 FROM mailbox WHERE message_id = ? AND recipient_code = ? AND recipient_receipt = ?",
        (receipt.message_id, maker, receipt_bytes.decode()),
    )
    mailbox.acknowledge(members.by_code(maker), receipt_bytes)
    return Outcome(What.RECEIPT, Fate.KNOWN if known else Fate.TAKEN, receipt.message_id, receipt.receiver)


def take_other(maker: str, what: What, content: bytes) -> Outcome | None:
    """Takes a stretch of the member's journal into its mirror; None for what is nothing to a node."""
    if what is not What.JOURNAL:
        return None
    member = members.by_code(maker)
    handed = extract.read(content)
    mirror = mirrors.of_member(member)
    known = mirror is not None and handed.checkpoint.size <= mirror.size
    mirrors.take_extract(member, handed)
    return Outcome(What.JOURNAL, Fate.KNOWN if known else Fate.TAKEN, party=maker)


def converged(_maker: str, _vector: BagVector) -> None:
    """A node keeps no cursor into a member's mailbox."""


def _box_key(member: Member) -> bytes | None:
    valid = [key for key in members.keys_of(member.id) if key.revoked_at is None]
    return valid[-1].box_public_key if valid else None
