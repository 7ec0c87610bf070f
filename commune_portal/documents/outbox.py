"""The outbox: frozen envelopes written in the act's own transaction, and what became of them.

No row, no act; no act, no row. State moves only on a verified receipt; a timeout proves nothing. The relay above
drains it by `waiting`, and tells by `delivered`, `refused_by_node` and `attempt_failed` what happened.
"""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from commune_portal import clock
from commune_portal.documents import addressees
from commune_portal.errors import Malformed, NotAllowed, NotFound
from commune_portal.people.actors import Actor
from commune_portal.rules.acts import Act
from commune_portal.rules.chain import Checkpoint
from commune_portal.rules.permissions import Verb
from commune_portal.store import database, installation, journal
from commune_portal.store.files import Stored
from commune_portal.store.register import Work
from commune_portal.wire import envelope as envelopes
from commune_portal.wire import keys
from commune_portal.wire import receipt as receipts
from commune_portal.wire.envelope import Envelope, Kind
from commune_portal.wire.queued import Item
from commune_portal.wire.receipt import Receipt

LONGEST_PAUSE = timedelta(hours=3)
SKEW_SECONDS = 120


@dataclass(frozen=True, slots=True)
class QueueLine:
    """A line of the exchange page: what waits or went, since when, and why it is not there yet."""

    id: int
    message_id: str
    kind: Kind
    recipient_code: str
    recipient_name: str
    urgency: int
    packet_bytes: int
    about: str
    queued_at: datetime
    state: str
    attempts: int
    next_attempt_at: datetime
    last_reason: str
    closed_at: datetime | None


def new_message_id() -> str:
    """A message's identity: minted once, when it is queued, the same for every attempt."""
    return str(uuid.uuid4())


def queue(
    work: Work,
    *,
    message_id: str,
    kind: Kind,
    recipient_code: str,
    urgency: int,
    packet: Stored,
    checkpoint: Checkpoint,
    about: str,
    in_reply_to: str | None = None,
) -> None:
    """Freezes and signs one envelope and queues it, in the transaction of the act whose checkpoint it carries."""
    mine = keys.own()
    sender = work.execute("SELECT code FROM installation WHERE id = 1").fetchone()[0]
    now = clock.now()
    sealed = envelopes.seal(
        Envelope(
            message_id=message_id,
            sender=sender,
            recipient=recipient_code,
            kind=kind,
            urgency=urgency,
            created=now,
            packet_sha256=packet.sha256,
            packet_bytes=packet.bytes,
            checkpoint=checkpoint,
            key_id=mine.key_id,
            in_reply_to=in_reply_to,
        ),
        mine,
    )
    work.execute(
        "INSERT INTO outbox (message_id, kind, recipient_code, urgency, envelope, packet_sha256, packet_bytes, about,"
        " queued_at, state, next_attempt_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, 'ready', ?)",
        (
            message_id,
            kind.value,
            recipient_code,
            urgency,
            sealed.decode(),
            packet.sha256,
            packet.bytes,
            about,
            clock.to_text(now),
            clock.to_text(now),
        ),
    )


_ITEM = "id, message_id, kind, recipient_code, urgency, envelope, packet_sha256, packet_bytes, about, attempts"


def _item(row: Sequence[object]) -> Item:
    (row_id, message_id, kind, recipient, urgency, sealed, sha256, size, about, attempts) = row
    return Item(
        int(str(row_id)),
        str(message_id),
        Kind(kind),
        str(recipient),
        int(str(urgency)),
        str(sealed).encode(),
        str(sha256),
        int(str(size)),
        str(about),
        int(str(attempts)),
    )


_DUE = "state = 'ready' AND (attempts = 0 OR next_attempt_at <= :now OR next_attempt_at > :far)"


def _due_at(now: datetime) -> dict[str, str]:
    """An attempt that lies further ahead than any pause was written before the clock was set back: it is due.

    What nobody has tried yet is due whatever its time says: the clock was ahead when it was queued.
    """
    return {"now": clock.to_text(now), "far": clock.to_text(now + LONGEST_PAUSE)}


def waiting(now: datetime, limit: int = 20) -> list[Item]:
    """What may be tried now: urgent first, small before large within a level, then the oldest."""
    found = database.rows(
        f"SELECT {_ITEM} FROM outbox WHERE {_DUE} ORDER BY urgency DESC, packet_bytes > 65536, id LIMIT :limit",
        {**_due_at(now), "limit": limit},
    )
    return [_item(row) for row in found]


def anything_more_urgent(than: int, now: datetime) -> bool:
    """True when something more urgent waits: a long upload then steps aside between two chunks."""
    found = database.row(
        f"SELECT 1 FROM outbox WHERE {_DUE} AND urgency > :than LIMIT 1",
        {**_due_at(now), "than": than},
    )
    return found is not None


def delivered(message_id: str, receipt_bytes: bytes) -> bool:
    """Keeps the node's receipt and closes the item; False when it was closed before.

    The signature, the message id and the packet's hash are checked first; raises Malformed or Unauthenticated for
    a receipt that proves nothing, and then nothing moves.
    """
    receipt = receipts.open_(receipt_bytes, _node_key)
    now = clock.now_text()
    with database.transaction() as work:
        found = work.execute(
            "SELECT id, kind, packet_sha256, about, recipient_code, state FROM outbox WHERE message_id = ?",
            (message_id,),
        ).fetchone()
        if found is None:
            raise NotFound
        row_id, kind, sha256, about, recipient, state = found
        if state not in ("ready", "withdrawn"):
            return False
        if receipt.message_id != message_id or receipt.packet_sha256 != sha256:
            raise NotAllowed("Biên nhận của nút không phải cho gói tin này.", detail=message_id)
        refused = receipt.verdict is receipts.Verdict.REFUSED
        known = work.execute(
            "SELECT 1 FROM receipts WHERE given = 0 AND message_id = ? AND peer_code = ?",
            (message_id, receipt.receiver),
        ).fetchone()
        if known is None:  # else the node lost it and took it anew: its first word stays
            _keep_receipt(work, receipt, receipt_bytes)
        addressees.told(work, message_id, receipt.refusal.label if receipt.refusal else None, now)
        act = Act.RECEIPT_KEPT
        if kind == Kind.EDOC.value:
            act = Act.OUTGOING_REFUSED_BY_NODE if refused else Act.OUTGOING_DELIVERED
        journal.write(
            work,
            act,
            journal.SYSTEM,
            about=about,
            facts={
                "message": message_id,
                "recipient": recipient,
                "node": receipt.receiver,
                "node_size": receipt.checkpoint.size,
                "node_head": receipt.checkpoint.head,
                "refusal": receipt.refusal.value if receipt.refusal else "",
            },
        )
        work.execute(
            "UPDATE outbox SET state = ?, closed_at = ?, last_reason = ? WHERE id = ?",
            (
                "refused" if refused else "delivered",
                now,
                receipt.refusal.label if receipt.refusal else "",
                row_id,
            ),
        )
    return True


def receiver_took(receipt_bytes: bytes) -> bool:
    """Keeps a receipt that came home for a message of ours as evidence; False when it was kept before.

    It is the final receiver's, or the refusal of a node on the way there: that ends the message, whatever our own node
    said before. Raises Unauthenticated while the signer's key is not in the directory, Malformed for another packet
    and for a node's word that proves nothing about the recipient.
    """
    receipt = receipts.open_(receipt_bytes, _organisation_key)
    refused = receipt.verdict is receipts.Verdict.REFUSED
    with database.transaction() as work:
        found = work.execute(
            "SELECT packet_sha256, about, recipient_code, kind FROM outbox WHERE message_id = ?", (receipt.message_id,)
        ).fetchone()
        if found is None or found[0] != receipt.packet_sha256:
            raise Malformed("Biên nhận không phải cho gói tin của cơ quan này.", detail=receipt.message_id)
        _, about, recipient_code, kind = found
        is_final = receipt.receiver == recipient_code
        if not is_final and not refused:
            raise Malformed("Biên nhận không phải của nơi nhận.", detail=receipt.message_id)
        known = work.execute(
            "SELECT 1 FROM receipts WHERE given = 0 AND message_id = ? AND peer_code = ?",
            (receipt.message_id, receipt.receiver),
        ).fetchone()
        if known is not None:
            return False
        _keep_receipt(work, receipt, receipt_bytes)
        act = Act.RECEIPT_KEPT
        if refused and not is_final:
            act = Act.OUTGOING_REFUSED_BY_NODE if kind == Kind.EDOC.value else act
            _refused_on_the_way(work, receipt)
        elif is_final:
            _carried_past_the_node(work, receipt)
        journal.write(
            work, act, journal.SYSTEM, about=about,
            facts={"message": receipt.message_id, "recipient": recipient_code, "receiver": receipt.receiver,
                   "verdict": receipt.verdict.value, "refusal": receipt.refusal.value if receipt.refusal else ""},
        )  # fmt: skip
    return True


def _carried_past_the_node(work: Work, receipt: Receipt) -> None:
    """A bag may bring it to the receiver before the node has it: delivered; the node's receipt closes the item yet."""
    row = work.execute(
        "SELECT id FROM recipients WHERE message_id = ? AND delivered_at IS NULL AND refused_at IS NULL",
        (receipt.message_id,),
    ).fetchone()
    if row is not None:
        work.update("recipients", row[0], {"delivered_at": clock.now_text()})


def _refused_on_the_way(work: Work, receipt: Receipt) -> None:
    """A node behind ours refused for good: shown as refused, and by whom."""
    why = f"{receipt.refusal.label if receipt.refusal else ''} ({receipt.receiver})"
    work.execute(
        "UPDATE outbox SET state = 'refused', closed_at = ?, last_reason = ? WHERE message_id = ?",
        (clock.now_text(), why, receipt.message_id),
    )
    addressees.told(work, receipt.message_id, why, clock.now_text())


def _keep_receipt(work: Work, receipt: Receipt, receipt_bytes: bytes) -> None:
    work.insert(
        "receipts",
        {
            "given": 0,
            "message_id": receipt.message_id,
            "peer_code": receipt.receiver,
            "bytes": receipt_bytes.decode(),
            "sender_size": receipt.sender_checkpoint.size,
            "sender_head": receipt.sender_checkpoint.head,
            "stored_at": clock.now_text(),
        },
    )


def _organisation_key(code: str, key_id: str) -> bytes | None:
    found = database.row("SELECT public_key FROM organisation_keys WHERE organ_code = ? AND key_id = ?", (code, key_id))
    return bytes.fromhex(found[0]) if found else None


def _node_key(code: str, key_id: str) -> bytes | None:
    found = database.row("SELECT public_key FROM peers WHERE code = ?", (code,))
    if found is None:
        return None
    key = bytes.fromhex(found[0])
    return key if keys.key_id(key) == key_id else None


def attempt_failed(message_id: str, reason: str, next_attempt_at: datetime) -> None:
    """Notes a transient failure in plain words and when the next attempt is due; the item stays ready."""
    database.write_working(
        "UPDATE outbox SET attempts = attempts + 1, last_reason = ?, next_attempt_at = ?, last_attempt_at = ?,"
        " first_attempt_at = coalesce(first_attempt_at, ?) WHERE message_id = ? AND state = 'ready'",
        (reason, clock.to_text(next_attempt_at), clock.now_text(), clock.now_text(), message_id),
    )


def send_now(actor: Actor) -> None:
    """«Gửi lại ngay»: resets the timers, not the counts."""
    actor.require(Verb.EXCHANGE_RETRY)
    now = clock.now_text()
    with database.transaction() as work:
        work.execute("UPDATE outbox SET next_attempt_at = ? WHERE state = 'ready'", (now,))
        work.execute("UPDATE contacts SET next_attempt_at = NULL, failures = 0")


def lines(actor: Actor, *, waiting_only: bool, limit: int = 200) -> list[QueueLine]:
    """The queue as the exchange page shows it: what waits in the order in which it will go, else newest first."""
    actor.require(Verb.EXCHANGE_SEE)
    where = (
        "WHERE o.state = 'ready' ORDER BY o.urgency DESC, o.packet_bytes > 65536, o.id"
        if waiting_only
        else ("ORDER BY o.id DESC")
    )
    found = database.rows(
        "SELECT o.id, o.message_id, o.kind, o.recipient_code, coalesce(g.name, o.recipient_code), o.urgency,"
        " o.packet_bytes, o.about, o.queued_at, o.state, o.attempts, o.next_attempt_at, o.last_reason, o.closed_at"
        f" FROM outbox o LEFT JOIN organisations g ON g.code = o.recipient_code {where} LIMIT ?",
        (limit,),
    )
    queue_lines = []
    for row in found:
        values = list(row)
        values[2] = Kind(row[2])
        for position in (8, 11):
            values[position] = clock.from_text(row[position])
        values[13] = clock.from_text(row[13]) if row[13] else None
        queue_lines.append(QueueLine(*values))
    return queue_lines


@dataclass(frozen=True, slots=True)
class QueueState:
    """The queue in one line, for every page's head: how many wait, and since when the oldest does."""

    waiting: int
    oldest: datetime | None
    enrolled: bool
    last_contact_at: datetime | None
    next_attempt_at: datetime | None
    last_reason: str
    failures: int
    skew_seconds: int
    heartbeat_at: datetime | None

    @property
    def is_skewed(self) -> bool:
        """True when our clock is further from the node's than a person would bear."""
        return abs(self.skew_seconds) > SKEW_SECONDS


def state() -> QueueState:
    """How the exchange stands now, from the rows that the relay keeps."""
    waiting_row = database.row("SELECT count(*), min(queued_at) FROM outbox WHERE state = 'ready'")
    contact = database.row(
        "SELECT c.last_contact_at, c.next_attempt_at, c.last_reason, c.failures, c.skew_seconds, c.heartbeat_at"
        " FROM peers p LEFT JOIN contacts c ON c.peer_code = p.code ORDER BY p.id LIMIT 1"
    )
    instants = [clock.from_text(item) if item else None for item in (contact or (None, None))[:2]]
    return QueueState(
        waiting_row[0],
        clock.from_text(waiting_row[1]) if waiting_row[1] else None,
        contact is not None,
        instants[0],
        instants[1],
        (contact[2] or "") if contact else "",
        (contact[3] or 0) if contact else 0,
        (contact[4] or 0) if contact else 0,
        clock.from_text(contact[5]) if contact and contact[5] else None,
    )


def own_code() -> str:
    """The code under which this office exchanges."""
    return installation.own().code
