"""Packets that cannot be taken: kept aside with their bytes and the reason, so that the queue goes on.

What names a readable message is refused for good by a signed receipt; what names nothing gets none and is known by the
hash of its bytes. A person looks at both; nothing here is ever run, shown as a document, or thrown away. What is aside
because it bears a mark of secrecy is `documents.secrecy`'s alone.
"""

from __future__ import annotations

import hashlib
import io
import json
import zipfile
from dataclasses import dataclass
from datetime import datetime

from commune_portal import clock
from commune_portal.errors import NotFound
from commune_portal.people.actors import Actor
from commune_portal.rules.acts import Act
from commune_portal.rules.permissions import Verb
from commune_portal.store import database, files, journal
from commune_portal.store.files import Stored
from commune_portal.store.register import Work
from commune_portal.wire import given
from commune_portal.wire.envelope import Envelope
from commune_portal.wire.receipt import RefusalType

NAMELESS = "sha256:"
"""How the id of something begins that has no message id of its own."""


@dataclass(frozen=True, slots=True)
class Quarantined:
    """Something put aside: who sent it, why it could not be taken, and whether a clerk has seen it."""

    id: int
    message_id: str
    sender_code: str
    sender_name: str
    packet_sha256: str
    reason: str
    arrived_at: datetime
    seen_at: datetime | None
    seen_by: str

    @property
    def is_refused(self) -> bool:
        """True when its sender was told by a signed receipt; what nobody can read has no sender to tell."""
        return not self.message_id.startswith(NAMELESS)


def refuse(envelope: Envelope, sealed: bytes, packet: Stored, refusal: RefusalType, reason: str) -> bytes:
    """Puts a packet aside and refuses it for good by the signed receipt that this answers."""
    with database.transaction() as work:
        known = given.given(envelope.sender, envelope.message_id, envelope.packet_sha256)
        if known is not None:
            return known
        _put(work, _free_id(work, envelope), envelope.sender, sealed, packet.sha256, reason)
        checkpoint = journal.write(
            work, Act.PACKET_QUARANTINED, journal.SYSTEM, files=[packet.sha256],
            facts={"message": envelope.message_id, "sender": envelope.sender, "refusal": refusal.value},
            texts={"reason": reason},
        )  # fmt: skip
        return given.give(work, envelope, checkpoint, refusal)


def set_aside(raw: bytes, reason: str) -> None:
    """Puts aside what came in place of an envelope, or an envelope that nobody can vouch for; again does no harm."""
    sha256 = hashlib.sha256(raw).hexdigest()
    if database.row("SELECT 1 FROM quarantine WHERE message_id = ?", (NAMELESS + sha256,)):
        return
    files.keep(raw)
    with database.transaction() as work:
        if work.execute("SELECT 1 FROM quarantine WHERE message_id = ?", (NAMELESS + sha256,)).fetchone():
            return
        _put(work, NAMELESS + sha256, "", b"", sha256, reason)
        journal.write(
            work, Act.PACKET_QUARANTINED, journal.SYSTEM, files=[sha256], facts={"bytes": len(raw)},
            texts={"reason": reason},
        )  # fmt: skip


def _put(work: Work, message_id: str, sender: str, sealed: bytes, sha256: str, reason: str) -> None:
    work.execute(
        "INSERT INTO quarantine (message_id, sender_code, envelope, packet_sha256, reason, arrived_at)"
        " VALUES (?, ?, ?, ?, ?, ?)",
        (message_id, sender, sealed.decode(), sha256, reason, clock.now_text()),
    )


def _free_id(work: Work, envelope: Envelope) -> str:
    """The message's id; with the packet's hash behind it where another packet of that id lies here already."""
    taken = work.execute("SELECT 1 FROM quarantine WHERE message_id = ?", (envelope.message_id,)).fetchone()
    return f"{envelope.message_id}/{envelope.packet_sha256[:16]}" if taken else envelope.message_id


_LISTED = (
    "SELECT q.id, q.message_id, q.sender_code, coalesce(o.name, q.sender_code), q.packet_sha256, q.reason,"
    " q.arrived_at, q.seen_at, coalesce(a.full_name, '') FROM quarantine q"
    " LEFT JOIN organisations o ON o.code = q.sender_code LEFT JOIN accounts a ON a.id = q.seen_by"
    " WHERE q.classified = 0"
)


def listed(actor: Actor, limit: int = 50) -> list[Quarantined]:
    """What lies aside: unseen first, then the newest."""
    actor.require(Verb.EXCHANGE_SEE)
    found = database.rows(f"{_LISTED} ORDER BY q.seen_at IS NOT NULL, q.id DESC LIMIT ?", (limit,))
    return [_item(row) for row in found]


def _item(row: tuple[int, str, str, str, str, str, str, str | None, str]) -> Quarantined:
    seen_at = clock.from_text(row[7]) if row[7] else None
    return Quarantined(row[0], row[1], row[2], row[3], row[4], row[5], clock.from_text(row[6]), seen_at, row[8])


def bundle(actor: Actor, row_id: int) -> tuple[str, bytes]:
    """The raw bytes, the envelope and the reason in one zip, for whoever is asked about it; and its file name.

    The bytes lie in it as `packet.bin`, so that nothing opens them by their kind.
    """
    actor.require(Verb.EXCHANGE_RETRY)
    row = database.row(f"{_LISTED} AND q.id = ?", (row_id,))
    if row is None:
        raise NotFound
    item = _item(row)
    sealed = str(database.row("SELECT envelope FROM quarantine WHERE id = ?", (row_id,))[0])
    about = {
        "arrived_at": clock.to_text(item.arrived_at), "message_id": item.message_id, "reason": item.reason,
        "sender": item.sender_code, "sha256": item.packet_sha256,
    }  # fmt: skip
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("about.json", json.dumps(about, ensure_ascii=False, indent=1))
        if sealed:
            archive.writestr("envelope.txt", sealed)
        archive.write(files.path_of(item.packet_sha256), "packet.bin")
    return f"cach-ly-{item.packet_sha256[:12]}.zip", out.getvalue()


def seen(actor: Actor, row_id: int) -> None:
    """A clerk has looked at it; it stays listed, but warns no more."""
    actor.require(Verb.EXCHANGE_RETRY)
    with database.transaction() as work:
        found = work.execute(
            "SELECT message_id, packet_sha256 FROM quarantine WHERE id = ? AND classified = 0", (row_id,)
        ).fetchone()
        if found is None:
            raise NotFound
        changed = work.execute(
            "UPDATE quarantine SET seen_at = ?, seen_by = ? WHERE id = ? AND seen_at IS NULL",
            (clock.now_text(), actor.id, row_id),
        ).rowcount
        if changed:
            journal.write(work, Act.QUARANTINE_SEEN, actor.uid, files=[found[1]], facts={"message": found[0]})
