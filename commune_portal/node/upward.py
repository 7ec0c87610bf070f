"""The way up: a node is to the node above it what an office is to it.

What its members hand over and nobody below it is meant for goes on, byte for byte; what comes down is checked to be
the origin's, receipted by this node, and put into its own members' mailbox. Receipts and refusals go home.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from commune_portal import clock
from commune_portal.errors import Malformed, NotAllowed, RuleBroken, Unauthenticated
from commune_portal.node import homeward, mailbox, parties, routes, wiping
from commune_portal.node.homeward import RECEIPT
from commune_portal.node.routes import Way
from commune_portal.people import peers
from commune_portal.people.actors import Actor
from commune_portal.people.peers import Peer
from commune_portal.rules.acts import Act
from commune_portal.settings import Limits
from commune_portal.store import database, files, installation, journal
from commune_portal.store.files import Stored
from commune_portal.wire import enrolment, given, keys
from commune_portal.wire import envelope as envelopes
from commune_portal.wire import receipt as receipts
from commune_portal.wire.directory import Directory
from commune_portal.wire.envelope import Envelope, Kind
from commune_portal.wire.queued import Item
from commune_portal.wire.receipt import Receipt, RefusalType, Verdict

LONGEST_PAUSE = timedelta(hours=3)

_DUE = (
    "u.state = 'ready' AND u.port = :port AND (u.attempts = 0 OR u.next_attempt_at <= :now OR u.next_attempt_at > :far)"
)
_ITEM = (
    "SELECT u.message_id, u.kind, u.urgency, u.attempts, u.trace, u.receipt, b.id, b.recipient_code, b.envelope,"
    " b.packet_sha256, b.packet_bytes FROM upward u LEFT JOIN mailbox b ON b.message_id = u.message_id"
)


def introduce(actor: Actor, data: bytes, secrets_folder: Path) -> Peer:
    """Takes the enrolment file of the node above; raises as `peers.introduce`, RuleBroken for a node below this one."""
    above = enrolment.read(data).node_code
    if routes.node_below(above) or database.row("SELECT 1 FROM members WHERE code = ? AND closed_at IS NULL", (above,)):
        raise RuleBroken(f"Nút {above} đang là thành viên của nút này, nên không thể đồng thời là nút trên.")
    return peers.introduce(actor, data, secrets_folder)


def waiting(now: datetime, limit: int, port: Way = Way.NODE) -> list[Item]:
    """What may go up now: urgent first, small before large within a level, then the oldest."""
    found = database.rows(
        f"{_ITEM} WHERE {_DUE} AND b.wiped_at IS NULL ORDER BY min(u.urgency, 3) DESC,"
        " coalesce(b.packet_bytes, 0) > 65536, u.queued_at, coalesce(b.id, 0), u.message_id LIMIT :limit",
        {**_due_at(now, port), "limit": limit},
    )
    return [_item(row) for row in found]


def anything_more_urgent(than: int, now: datetime) -> bool:
    """True when something more urgent waits to go up."""
    found = database.row(
        f"SELECT 1 FROM upward u WHERE {_DUE} AND u.urgency > :than LIMIT 1", {**_due_at(now, Way.NODE), "than": than}
    )
    return found is not None


def attempt_failed(message_id: str, reason: str, next_attempt_at: datetime) -> None:
    """Notes a transient failure in plain words and when the next attempt is due."""
    database.write_working(
        "UPDATE upward SET attempts = attempts + 1, last_reason = ?, next_attempt_at = ?"
        " WHERE message_id = ? AND state = 'ready'",
        (reason, clock.to_text(next_attempt_at), message_id),
    )


def delivered(item: Item, receipt_bytes: bytes) -> bool:
    """Keeps the receipt of the node above and closes the item; a refusal goes home. False when it was closed before.

    Raises Malformed or Unauthenticated for a receipt that proves nothing, and then nothing moves.
    """
    receipt = None if item.kind is Kind.RECEIPT else receipts.open_(receipt_bytes, _key_above)
    if receipt is not None and (receipt.message_id, receipt.packet_sha256) != (item.message_id, item.packet_sha256):
        raise NotAllowed("Biên nhận của nút trên không phải cho gói tin này.", detail=item.message_id)
    refused = receipt is not None and receipt.verdict is Verdict.REFUSED
    with database.transaction() as work:
        closed = work.execute(
            "UPDATE upward SET state = ?, closed_at = ?, last_reason = ?,"
            " receipt = CASE WHEN ? = '' THEN receipt ELSE ? END WHERE message_id = ? AND state = 'ready'",
            (
                "refused" if refused else "delivered",
                clock.now_text(),
                receipt.refusal.label if receipt is not None and receipt.refusal else "",
                receipt_bytes.decode(),
                receipt_bytes.decode(),
                item.message_id,
            ),
        ).rowcount
        if not closed:
            return False
        if receipt is None:
            return True
        held = homeward.held_message(work, receipt)
        if held is None:
            raise NotAllowed(detail=f"no message {item.message_id} in the mailbox")
        if refused:
            homeward.keep_refusal(work, held, receipt_bytes)
        elif held.fetched_at is None:
            work.update("mailbox", held.id, {"fetched_at": clock.now_text()})
        journal.write(
            work,
            Act.PACKAGE_FORWARDED,
            journal.SYSTEM,
            about=f"mailbox:{held.uid}",
            facts={
                "message": item.message_id,
                "node": receipt.receiver,
                "node_size": receipt.checkpoint.size,
                "node_head": receipt.checkpoint.head,
                "verdict": receipt.verdict.value,
                "refusal": receipt.refusal.value if receipt.refusal else "",
            },
        )
        if held.in_reply_to is not None:
            wiping.wipe_answers(work, journal.SYSTEM, held.in_reply_to)
    return True


def receiver_took(receipt_bytes: bytes) -> bool:
    """Takes a receipt that came down for a message that went up from here; False when it was here before.

    It is the final receiver's, or the refusal of a node on the way. Raises Malformed for one of nothing that was
    handed over here, Unauthenticated while its signer is unknown.
    """
    receipt = receipts.open_(receipt_bytes, parties.key_of_party)
    with database.transaction() as work:
        held = homeward.held_message(work, receipt)
        if held is None:
            raise Malformed("Biên nhận không phải cho gói tin đi qua nút này.", detail=receipt.message_id)
        if receipt.receiver == held.recipient_code:
            if held.final:
                return False
            homeward.keep_final(work, held, receipt_bytes)
        elif receipt.verdict is Verdict.REFUSED:
            if not homeward.keep_refusal(work, held, receipt_bytes):
                return False
        else:
            raise Malformed("Biên nhận không phải của nơi nhận.", detail=receipt.message_id)
        journal.write(
            work,
            Act.RECEIPT_KEPT,
            journal.SYSTEM,
            about=f"mailbox:{held.uid}",
            facts={
                "message": receipt.message_id,
                "recipient": receipt.receiver,
                "verdict": receipt.verdict.value,
                "refusal": receipt.refusal.value if receipt.refusal else "",
            },
        )
    return True


def earlier_receipt(envelope: Envelope) -> bytes | None:
    """The receipt that this message got here before, to be given again."""
    return given.given(envelope.sender, envelope.message_id, envelope.packet_sha256)


def receive(envelope_bytes: bytes, packet_path: Path, limits: Limits) -> bytes:
    """Takes a message that the node above had for somebody below, and answers this node's signed receipt.

    Raises Unauthenticated for an envelope that its sender did not sign, or whose key has not come down yet, Malformed
    for other bytes than it names: both prove nothing and get no receipt.
    """
    envelope = envelopes.open_(envelope_bytes, parties.key_of_party)
    if not parties.is_signed_by_its_sender(envelope, envelope_bytes):
        raise Unauthenticated("Khóa của nơi gửi đã bị thu hồi trước khi gói tin được lập.", detail=envelope.message_id)
    earlier = earlier_receipt(envelope)
    if earlier is not None:
        return earlier
    packet = files.adopt(packet_path)
    if packet != Stored(envelope.packet_sha256, envelope.packet_bytes):
        raise Malformed("Gói tin tải về không đúng mã băm ghi trên phong bì.", detail=envelope.message_id)
    with database.transaction() as work:
        above = work.execute("SELECT code, uid FROM peers ORDER BY id DESC LIMIT 1").fetchone()
        bearer = f"peers:{above[1]}"
        answer = mailbox.earlier(envelope, envelope_bytes)
        if answer is None:
            route = routes.route(envelope.recipient, from_above=True)
            refusal = mailbox.refusal_of(envelope, envelope_bytes, None, limits, route)
            if refusal is None and route is not None:
                answer = mailbox.accept(work, bearer, envelope, envelope_bytes, route, handed_by=above[0])
            else:
                answer = mailbox.refuse(work, bearer, envelope, refusal or RefusalType.INVALID_ADDRESSEE)
    return answer.receipt


def directory_arrived(code: str, directory: Directory, etag: str) -> None:
    """Takes the directory of the node above over; of whom is below it this node knows better itself."""
    peers.directory_arrived(code, directory, etag, _is_ours)


@dataclass(frozen=True, slots=True)
class Standing:
    """How the way up stands, for the pages: what waits, since when, and when the node above was last heard."""

    name: str
    waiting: int
    oldest: datetime | None
    last_contact_at: datetime | None
    next_attempt_at: datetime | None
    last_reason: str


def standing() -> Standing | None:
    """How the way up stands; None for a node with nobody above."""
    above = peers.find_peer()
    if above is None:
        return None
    waiting_row = database.row("SELECT count(*), min(queued_at) FROM upward WHERE state = 'ready' AND port = 'node'")
    contact = peers.contact(above.code)
    reason = database.row("SELECT last_reason FROM contacts WHERE peer_code = ?", (above.code,))[0]
    oldest = clock.from_text(waiting_row[1]) if waiting_row[1] else None
    return Standing(above.name, waiting_row[0], oldest, contact.last_contact_at, contact.next_attempt_at, reason)


def receipt_above(message_id: str) -> Receipt | None:
    """What the node above signed for a forwarded message, as it stands."""
    row = database.row("SELECT receipt FROM upward WHERE message_id = ? AND kind <> ?", (message_id, RECEIPT))
    return receipts.parse_unverified(row[0].encode()) if row and row[0] else None


def _is_ours(code: str) -> bool:
    if code == installation.own().code or routes.node_below(code) is not None:
        return True
    return database.row("SELECT 1 FROM members WHERE code = ?", (code,)) is not None


def _key_above(code: str, key_id: str) -> bytes | None:
    above = peers.find_peer()
    if above is None or above.code != code or keys.key_id(above.public_key) != key_id:
        return None
    return above.public_key


def _due_at(now: datetime, port: Way) -> dict[str, str]:
    """An attempt that lies further ahead than any pause was written before the clock was set back: it is due."""
    return {"now": clock.to_text(now), "far": clock.to_text(now + LONGEST_PAUSE), "port": port.value}


def _item(row: Sequence[object]) -> Item:
    message_id, kind, urgency, attempts, trace, receipt, row_id, recipient, sealed, sha256, size = row
    carried = receipt if kind == RECEIPT else sealed
    return Item(
        int(str(row_id or 0)),
        str(message_id),
        Kind(kind),
        str(recipient or ""),
        int(str(urgency)),
        str(carried).encode(),
        str(sha256 or ""),
        int(str(size or 0)),
        "",
        int(str(attempts)),
        tuple(str(trace).split()),
    )
