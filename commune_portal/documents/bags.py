"""What an office puts into a bag and how it takes one in: the verbs of the link, called for what a stick brings.

To the node goes everything that waits; to another office only what is addressed to it. Receipts come home by the
next bag or by the link, whichever is first.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import timedelta
from pathlib import Path

from commune_portal import clock
from commune_portal.documents import arrivals, outbox, standstill
from commune_portal.errors import Malformed, NotFound, RuleBroken
from commune_portal.people import bags, peers, trail
from commune_portal.people.actors import Actor
from commune_portal.people.peers import Peer
from commune_portal.rules.permissions import Verb
from commune_portal.settings import Limits
from commune_portal.store import database, files, installation, journal
from commune_portal.wire import checkpoint, directory, extract, keys
from commune_portal.wire import envelope as envelopes
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
from commune_portal.wire.mailbox import Waiting

EXTRACTS_AT_MOST = 40
CARRIED_ONCE_MORE = timedelta(days=90)
"""How long what the node has taken, and its receiver has not acknowledged, is still carried to that receiver."""


def addressees(actor: Actor) -> list[Party]:
    """Whom a bag can be made for: the node first, then every office of the directory whose key is known."""
    actor.require(Verb.EXCHANGE_BAG)
    found = database.rows(
        "SELECT o.code, o.name, k.box_public_key FROM organisations o JOIN organisation_keys k ON k.organ_code = o.code"
        " WHERE k.revoked_at IS NULL AND o.closed_at IS NULL ORDER BY k.valid_from"
    )
    node = peers.find_peer()
    newest = {code: Party(code, name, bytes.fromhex(key)) for code, name, key in found}
    for barred in (installation.own().code, node.code if node else ""):
        newest.pop(barred, None)
    first = [_node_party(node)] if node is not None and node.enrolled_at is not None else []
    return first + sorted(newest.values(), key=lambda party: party.name)


def cargo(actor: Actor, code: str = "", *, preview: bool = False) -> Cargo:
    """Everything that the node (or the office of this code) may lack; a preview leaves the journal out.

    Raises RuleBroken where no bag can be made.
    """
    actor.require(Verb.EXCHANGE_BAG)
    if standstill.is_on():
        raise RuleBroken(standstill.SENTENCE)
    node = peers.find_peer()
    if not code or (node is not None and node.code == code):
        if node is None or node.enrolled_at is None:
            raise RuleBroken(
                "Chưa làm được túi thư gửi nút: cơ quan này chưa kết nối với nút lần nào."
                " Hãy kết nối một lần qua mạng (mục Kết nối nút) rồi làm lại."
            )
        return _cargo_for_node(node, preview=preview)
    party = next((item for item in addressees(actor) if item.code == code), None)
    if party is None:
        raise RuleBroken(
            f"Danh bạ chưa có khóa của cơ quan mã «{code}». Kiểm tra lại mã, hoặc làm túi gửi nút liên thông để nút"
            " chuyển tiếp.",
            field="to",
        )
    return _cargo_for_office(party)


def _cargo_for_node(node: Peer, *, preview: bool) -> Cargo:
    found, left = _messages("state = 'ready'", ())
    contact = peers.contact(node.code)
    waiting = tuple(Waiting(message.message_id, message.packet_sha256) for message in found)
    return Cargo(
        _node_party(node),
        found,
        _receipts_asked_by(node.code),
        BagVector(contact.mailbox_cursor, waiting),
        journal=() if preview else _extracts(contact.journal_sent),
        left_behind=left,
    )


def _cargo_for_office(party: Party) -> Cargo:
    """What waits for one office, and what only the node has so far."""
    found, left = _messages(
        "state IN ('ready', 'delivered') AND recipient_code = ? AND queued_at >= ? AND NOT EXISTS (SELECT 1 FROM"
        " receipts r WHERE r.given = 0 AND r.message_id = outbox.message_id AND r.peer_code = outbox.recipient_code)",
        (party.code, clock.to_text(clock.now() - CARRIED_ONCE_MORE)),
    )
    waiting = tuple(Waiting(message.message_id, message.packet_sha256) for message in found)
    return Cargo(party, found, _receipts_asked_by(party.code), BagVector(0, waiting), left_behind=left)


def _messages(condition: str, parameters: tuple[str, ...]) -> tuple[tuple[Message, ...], int]:
    """Frozen envelopes, the urgent first; one whose packet is gone stays behind, a person must see to it."""
    found = [
        Message(row[0], row[1].encode(), row[2], row[3])
        for row in database.rows(
            f"SELECT message_id, envelope, packet_sha256, packet_bytes FROM outbox WHERE {condition}"
            " ORDER BY urgency DESC, id",
            parameters,
        )
    ]
    whole = [message for message in found if files.has(message.packet_sha256)]
    return tuple(whole[:MESSAGES_AT_MOST]), len(found) - len(whole[:MESSAGES_AT_MOST])


def _receipts_asked_by(code: str) -> tuple[bytes, ...]:
    """The receipts that we gave for what the peer's newest bag said it waits for."""
    asked = bags.asked(code)
    found = []
    for message_id, sha256 in asked.waiting[:RECEIPTS_AT_MOST] if asked else ():
        row = database.row(
            "SELECT bytes FROM receipts_given WHERE message_id = ? AND packet_sha256 = ?", (message_id, sha256)
        )
        if row is not None:
            found.append(row[0].encode())
    return tuple(found)


def _extracts(sent: int) -> tuple[bytes, ...]:
    found: list[bytes] = []
    while len(found) < EXTRACTS_AT_MOST and (stretch := trail.extract_after(sent)) is not None:
        found.append(extract.write(stretch))
        sent = stretch.checkpoint.size
    return tuple(found)


def maker_key(code: str, key_id: str) -> bytes | None:
    """The key of the node or of an office of the directory, unless it was revoked: a `PartyKeys` for manifests."""
    node = peers.find_peer()
    if node is not None and node.code == code:
        return node.public_key if keys.key_id(node.public_key) == key_id else None
    return arrivals.sender_key(code, key_id)


def take_message(maker: str, sealed: bytes, packet: Callable[[Envelope], Path], _limits: Limits) -> Outcome:
    """Takes one envelope as the relay would; `packet` unpacks its file, and is not called for what is here already."""
    envelope = envelopes.parse_unverified(sealed)
    node = peers.find_peer()
    is_anothers = envelope.sender != maker or envelope.on_behalf_of is not None
    if is_anothers and (node is None or node.code != maker):
        raise Malformed("Phong bì không phải của cơ quan làm túi thư này; chỉ nút liên thông được chuyển hộ.")
    fate = Fate.KNOWN
    receipt = arrivals.earlier_receipt(envelope)
    if receipt is None:
        path = packet(envelope)
        try:
            receipt, fate = arrivals.receive(sealed, path), Fate.TAKEN
        finally:
            path.unlink(missing_ok=True)
    refusal = receipts.parse_unverified(receipt).refusal
    if refusal is not None and fate is Fate.TAKEN:
        reason = f"Đã từ chối và sẽ báo nơi gửi: {refusal.label}."
        return Outcome(What.ENVELOPE, Fate.REFUSED, envelope.message_id, envelope.sender, reason)
    return Outcome(What.ENVELOPE, fate, envelope.message_id, envelope.sender)


def take_receipt(_maker: str, receipt_bytes: bytes) -> Outcome:
    """Keeps a receipt that came home: the node's, which closes the item, or the final receiver's."""
    receipt = receipts.parse_unverified(receipt_bytes)
    node = peers.find_peer()
    try:
        is_new = (
            outbox.delivered(receipt.message_id, receipt_bytes)
            if node is not None and receipt.receiver == node.code
            else outbox.receiver_took(receipt_bytes)
        )
    except (NotFound, Malformed):  # a message that a restore forgot
        reason = "Biên nhận cho gói không có trong hàng chờ của máy này."
        return Outcome(What.RECEIPT, Fate.KNOWN, receipt.message_id, receipt.receiver, reason)
    return Outcome(What.RECEIPT, Fate.TAKEN if is_new else Fate.KNOWN, receipt.message_id, receipt.receiver)


def take_other(maker: str, what: What, content: bytes) -> Outcome | None:
    """Takes the node's directory and its note on our journal; None for what is nothing to an office."""
    node = peers.find_peer()
    if node is None or node.code != maker:
        return None
    if what is What.DIRECTORY:
        return _take_directory(node, content)
    if what is What.NOTE:
        return _take_note(node, content)
    return None


def _take_directory(node: Peer, content: bytes) -> Outcome:
    """An older directory than ours is passed over: it could bring a revoked key back."""
    found = directory.open_(content, maker_key)
    newest = database.row(
        "SELECT max(coalesce(max(valid_from), ''), coalesce(max(revoked_at), '')) FROM organisation_keys"
    )[0]
    if clock.to_text(found.issued_at) < newest:
        return Outcome(What.DIRECTORY, Fate.KNOWN, party=node.code)
    peers.directory_arrived(node.code, found, "")
    return Outcome(What.DIRECTORY, Fate.TAKEN, party=node.code)


def _take_note(node: Peer, content: bytes) -> Outcome:
    told = extract.read_mirrored(content)
    mine = installation.own()
    if told.note is None or told.epoch != mine.epoch:
        return Outcome(What.NOTE, Fate.KNOWN, party=node.code)
    note = checkpoint.open_(told.note, node.code, node.public_key)
    line = next(iter(journal.lines(note.checkpoint.size - 1, 1)), None) if note.checkpoint.size else None
    if note.origin != f"{mine.code}/journal" or line is None or line.hash != note.checkpoint.head:
        raise Malformed("Xác nhận của nút không khớp nhật ký của máy này. Hãy báo người quản trị.")
    if note.checkpoint.size <= peers.contact(node.code).journal_sent:
        return Outcome(What.NOTE, Fate.KNOWN, party=node.code)
    trail.mirrored(node.code, note.checkpoint, told.note)
    return Outcome(What.NOTE, Fate.TAKEN, party=node.code)


def converged(maker: str, vector: BagVector) -> None:
    """Everything that a node's bag covers was taken: the link need not ask for it again."""
    node = peers.find_peer()
    if node is None or node.code != maker or vector.covers is None:
        return
    cursor = peers.contact(node.code).mailbox_cursor
    first, last = vector.covers
    if first <= cursor < last:
        peers.move_cursor(node.code, last)


def abouts(actor: Actor, message_ids: Sequence[str]) -> dict[str, str]:
    """What messages are about, as `incoming:<uid>` and `outgoing:<uid>`, for those that are known here."""
    actor.require(Verb.EXCHANGE_BAG)
    found: dict[str, str] = {}
    for start in range(0, len(message_ids), 500):
        some = message_ids[start : start + 500]
        marks = ", ".join("?" for _ in some)
        found |= dict(
            database.rows(
                f"SELECT message_id, about FROM outbox WHERE message_id IN ({marks}) AND about <> ''"
                f" UNION ALL SELECT message_id, 'incoming:' || uid FROM incoming WHERE message_id IN ({marks})"
                " UNION ALL SELECT s.message_id, 'outgoing:' || o.uid FROM statuses s JOIN outgoing o"
                f" ON o.id = s.outgoing_id WHERE s.message_id IN ({marks})",
                [*some, *some, *some],
            )
        )
    return found


def acknowledged(actor: Actor, message_ids: Sequence[str]) -> int:
    """How many of these messages have a receipt of the node or of their receiver by now."""
    actor.require(Verb.EXCHANGE_BAG)
    wanted = set(message_ids)
    closed = {row[0] for row in database.rows("SELECT message_id FROM receipts WHERE given = 0")} if wanted else set()
    return len(wanted & closed)


def _node_party(node: Peer) -> Party:
    key = database.row("SELECT box_public_key FROM peers WHERE code = ?", (node.code,))[0]
    return Party(node.code, node.name, bytes.fromhex(key))
