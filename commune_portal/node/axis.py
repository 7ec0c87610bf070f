"""The document axis behind a node: what an adapter must be able to do, and what becomes of what it brings.

The axis signs nothing that our receivers could check, so the node vouches: it signs the envelope with its own key and
names the true sender in `on_behalf_of` (docs/wire.md §9). Nothing here knows a network; the adapters stand in `relay`.
Never tried against the real axis.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from commune_portal import clock
from commune_portal.edxml import package, reader
from commune_portal.errors import Malformed
from commune_portal.node import mailbox, routes
from commune_portal.node.routes import Way
from commune_portal.people import directory as organisations
from commune_portal.rules import folding
from commune_portal.rules.acts import Act
from commune_portal.settings import Limits
from commune_portal.store import database, files, installation, journal
from commune_portal.wire import envelope as envelopes
from commune_portal.wire import fields, keys
from commune_portal.wire.envelope import MOST_URGENT, Envelope, Kind
from commune_portal.wire.queued import Item

NAMESPACE = uuid.UUID("6f1f0c52-7d0e-4a5e-9d2b-0f6b7f0a5c11")
"""Out of it and the axis' document number come message ids, so that one taken twice is one message."""


@dataclass(frozen=True, slots=True)
class Listed:
    """A document that waits on the axis for one of ours."""

    doc_id: str
    kind: Kind
    sender_code: str
    recipient_code: str


@dataclass(frozen=True, slots=True)
class SentStatus:
    """What the axis says of a document that was sent: its own words for sending and for receiving."""

    doc_id: str
    sent: str
    received: str


@dataclass(frozen=True, slots=True)
class Agency:
    """An organisation in the list of the axis."""

    code: str
    code_legacy: str
    name: str


class AxisAdapter(Protocol):
    """One axis. Every method raises NodeUnreachable where trying again may help, NodeRefused where a person must."""

    def send(self, sender_code: str, kind: Kind, packet: Path) -> str:
        """Hands a packet over; answers the document's number on the axis."""

    def list(self, kind: Kind) -> list[Listed]:
        """What waits for us."""

    def fetch(self, doc_id: str, target: Path) -> None:
        """Writes the packet of a document to a file."""

    def acknowledge(self, doc_id: str, *, done: bool) -> None:
        """Says that a document was taken and is safe here, or that it could not be."""

    def sent_status(self, doc_id: str) -> SentStatus | None:
        """How far a document of ours has come."""

    def agencies(self) -> Iterable[Agency]:
        """Everybody on the axis: as many as a hundred thousand."""


def agencies_arrived(agencies: Iterable[Agency]) -> int:
    """Keeps the list of the axis: whoever is known by no node can be reached that way. Answers how many there are."""
    found = {item.code: item for item in agencies if fields.CODE.fullmatch(item.code)}
    with database.transaction() as work:
        for item in found.values():
            legacy = item.code_legacy if fields.CODE.fullmatch(item.code_legacy) else ""
            name = folding.clean_line(item.name) or item.code
            work.execute(
                "INSERT INTO organisations (code, code_legacy, name, folded, reachable, source) VALUES (?, ?, ?, ?, 1,"
                " 'axis') ON CONFLICT (code) DO UPDATE SET name = excluded.name, folded = excluded.folded,"
                " code_legacy = excluded.code_legacy, reachable = 1 WHERE source = 'axis'",
                (item.code, legacy, name, organisations.folded(item.code, legacy, name)),
            )
        known = work.execute("SELECT code FROM organisations WHERE source = 'axis' AND reachable = 1").fetchall()
        for (code,) in known:
            if code not in found:
                work.execute("UPDATE organisations SET reachable = 0 WHERE code = ?", (code,))
        journal.write(work, Act.DIRECTORY_CHANGED, journal.SYSTEM, facts={"axis": 1, "organisations": len(found)})
    return len(found)


def same_packet_sent(item: Item) -> str:
    """The axis' number of this very packet where it went for another addressee before; one packet names them all."""
    row = database.row(
        "SELECT u.receipt FROM mailbox b JOIN upward u ON u.message_id = b.message_id"
        " WHERE b.packet_sha256 = ? AND u.port = ? AND u.state = 'delivered' LIMIT 1",
        (item.packet_sha256, Way.AXIS.value),
    )
    return str(row[0]).removeprefix("axis:") if row else ""


def handed_over(item: Item, doc_id: str) -> bool:
    """The axis has the packet, by its own number; it signs no receipt. False when that was noted before."""
    now = clock.now_text()
    with database.transaction() as work:
        closed = work.execute(
            "UPDATE upward SET state = 'delivered', closed_at = ?, receipt = ?, last_reason = '' WHERE message_id = ?"
            " AND state = 'ready'",
            (now, f"axis:{doc_id}", item.message_id),
        ).rowcount
        if not closed:
            return False
        row_id, uid = work.execute("SELECT id, uid FROM mailbox WHERE message_id = ?", (item.message_id,)).fetchone()
        work.update("mailbox", row_id, {"fetched_at": now})
        journal.write(
            work, Act.PACKAGE_FORWARDED, journal.SYSTEM, about=f"mailbox:{uid}",
            facts={"message": item.message_id, "axis": doc_id},
        )  # fmt: skip
    return True


def arrived(listed: Listed, packet_path: Path, limits: Limits) -> bool:
    """Puts a document of the axis into its addressee's mailbox, vouched for by this node; twice does no harm.

    The packet itself says who wrote it, and must name the addressee. False for what nobody below this node can take.
    Raises Malformed for a packet that cannot be read.
    """
    sender_code, urgency = _read(listed, packet_path)
    route = routes.route(listed.recipient_code, from_above=True)
    if route is None:
        return False
    packet = files.adopt(packet_path)
    own = installation.own()
    message_id = str(uuid.uuid5(NAMESPACE, f"{own.uid}:{listed.doc_id}:{listed.recipient_code}"))
    with database.transaction() as work:
        if work.execute("SELECT 1 FROM mailbox WHERE message_id = ?", (message_id,)).fetchone():
            return True
        envelope = Envelope(
            message_id=message_id, sender=own.code, recipient=listed.recipient_code, kind=listed.kind,
            urgency=urgency, created=clock.now(), packet_sha256=packet.sha256, packet_bytes=packet.bytes,
            checkpoint=journal.checkpoint(), key_id=keys.own().key_id, on_behalf_of=sender_code,
        )  # fmt: skip
        sealed = envelopes.seal(envelope, keys.own())
        if mailbox.refusal_of(envelope, sealed, None, limits, route) is not None:
            return False
        mailbox.accept(work, journal.SYSTEM, envelope, sealed, route, handed_by=own.code)
    return True


def _read(listed: Listed, packet_path: Path) -> tuple[str, int]:
    """Who wrote the packet, and its urgency."""
    folder = files.temporary()
    folder.mkdir()
    try:
        parsed = reader.read(packet_path, folder)
        if (listed.kind is Kind.STATUS) is not isinstance(parsed, package.Status):
            raise Malformed("Trục gọi gói này là loại khác với nội dung.", detail=listed.doc_id)
        written_by = parsed.sender.organ_id
        if not fields.CODE.fullmatch(written_by):
            raise Malformed("Gói tin không cho biết mã nơi gửi.", detail=listed.doc_id)
        if isinstance(parsed, package.Status):
            return written_by, 0
        if listed.recipient_code not in {organ.organ_id for organ in parsed.receivers}:
            raise Malformed("Gói tin không ghi nơi nhận mà trục giao cho.", detail=listed.doc_id)
        priority = parsed.other.priority if parsed.other else None
        return written_by, priority if priority is not None and 0 <= priority <= MOST_URGENT else 0
    finally:
        for path in folder.iterdir():
            path.unlink(missing_ok=True)
        folder.rmdir()
