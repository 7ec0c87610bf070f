"""Another office and the node above, as keys: what they would send to the office of these tests."""

from __future__ import annotations

import hashlib
import io
import shutil
import tempfile
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path
from typing import Any

from commune_portal import clock
from commune_portal.documents import arrivals, incoming, outbox
from commune_portal.documents.incoming import Incoming
from commune_portal.edxml import package, reader, writer
from commune_portal.edxml.status import write_status
from commune_portal.people import peers
from commune_portal.people.actors import PORTAL
from commune_portal.rules.chain import Checkpoint
from commune_portal.store import database, files
from commune_portal.wire import enrolment, envelope, keys, receipt
from commune_portal.wire.envelope import Envelope, Kind
from commune_portal.wire.keys import InstallationKeys
from commune_portal.wire.queued import Item
from commune_portal.wire.receipt import Receipt, RefusalType, Verdict
from tests.cast import NODE_CODE, OFFICE_CODE, OFFICE_NAME, OTHER_CODE, OTHER_NAME, Cast

PDF = b"%PDF-1.7\n% mot trang, khong ky so\n%%EOF\n"
DAY = date(2026, 11, 20)


def keys_of(name: str) -> InstallationKeys:
    """Keys that are always the same for a name."""
    return keys.from_seeds(*(hashlib.sha256(f"{part} {name}".encode()).digest() for part in ("sign", "box")))


@dataclass
class Partner:
    """The commune next door; the office knows its key from the directory."""

    code: str = OTHER_CODE
    name: str = OTHER_NAME
    own: InstallationKeys = field(default_factory=lambda: keys_of("partner"))

    def introduce(self) -> Partner:
        """Puts it into the office's directory, as the node's signed directory would."""
        database.write_working(
            "INSERT INTO organisations (code, name, folded, reachable) VALUES (?, ?, ?, 1)",
            (self.code, self.name, self.name.lower()),
        )
        database.write_working(
            "INSERT INTO organisation_keys (key_id, organ_code, public_key, box_public_key, valid_from)"
            " VALUES (?, ?, ?, ?, ?)",
            (self.own.key_id, self.code, self.own.public_key.hex(), self.own.box_public_key.hex(), clock.now_text()),
        )
        return self

    def edoc(self, serial: int = 7, **changes: Any) -> bytes:
        """A document packet with one PDF."""
        name = changes.pop("name", "van-ban.pdf")
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "van-ban.pdf"
            path.write_bytes(changes.pop("pdf", PDF))
            values: dict[str, Any] = {
                "sender": package.Organ(self.code, self.name),
                "receivers": (package.Organ(OFFICE_CODE, OFFICE_NAME),),
                "document_id": f"{self.code}.2026.{serial:06d}",
                "code": package.Code(f"{serial:02d}", "CV-VP"),
                "promulgation_date": DAY,
                "document_type": package.DocumentType("Công văn", 1, 1),
                "subject": f"Về việc phối hợp tuần tra lần {serial}",
                "signer": package.Signer("TM.", "Chủ tịch", "Lê Văn Núi"),
                "attachments": (writer.attach(path, name),),
                **changes,
            }
            out = io.BytesIO()
            writer.write(package.Edoc(**values), out)
            return out.getvalue()

    def status(self, document_id: str, code: str, description: str = "") -> bytes:
        """A status of a document of ours."""
        return write_status(
            package.Status(
                sender=package.Organ(self.code, self.name),
                response_for=package.ResponseFor(OFFICE_CODE, "01/QĐ-UBND", document_id, DAY),
                status_code=code,
                description=description or "theo quy định",
                timestamp=clock.now(),
                staff=package.Staff(department="VP", staff="Hà Thị Suối"),
            )
        )

    def envelope(self, packet: bytes, **changes: Any) -> Envelope:
        """The outside of a packet."""
        values: dict[str, Any] = {
            "message_id": str(uuid.uuid4()),
            "sender": self.code,
            "recipient": OFFICE_CODE,
            "kind": Kind.EDOC,
            "urgency": 0,
            "created": clock.now(),
            "packet_sha256": hashlib.sha256(packet).hexdigest(),
            "packet_bytes": len(packet),
            "checkpoint": Checkpoint(3, "ab" * 32),
            "key_id": self.own.key_id,
            **changes,
        }
        return Envelope(**values)

    def sealed(self, packet: bytes, **changes: Any) -> bytes:
        """The signed outside of a packet."""
        return envelope.seal(self.envelope(packet, **changes), self.own)

    def status_sealed(self, packet: bytes, **changes: Any) -> bytes:
        """The signed outside of a status."""
        return self.sealed(packet, kind=Kind.STATUS, **changes)

    def receipt(self, sealed: bytes, refusal: RefusalType | None = None, **changes: Any) -> bytes:
        """Its receipt for a message of ours."""
        return a_receipt(sealed, self.own, self.code, refusal, **changes)


def a_receipt(
    sealed: bytes, own: InstallationKeys, receiver: str, refusal: RefusalType | None = None, **changes: Any
) -> bytes:
    """A receipt that `own` signs for an envelope."""
    written = envelope.parse_unverified(sealed)
    values: dict[str, Any] = {
        "message_id": written.message_id,
        "packet_sha256": written.packet_sha256,
        "verdict": Verdict.REFUSED if refusal else Verdict.ACCEPTED,
        "refusal": refusal,
        "receiver": receiver,
        "receiver_sequence": 9,
        "received_at": clock.now(),
        "checkpoint": Checkpoint(9, "cd" * 32),
        "sender_checkpoint": written.checkpoint,
        "key_id": own.key_id,
        **changes,
    }
    return receipt.seal(Receipt(**values), own)


@dataclass
class Node:
    """The node above: its key signs receipts."""

    own: InstallationKeys = field(default_factory=lambda: keys_of("node"))

    def introduce(self, office: Cast) -> Node:
        """Gives the office its enrolment file."""
        file = enrolment.EnrolmentFile(
            token="một lần",
            office_code=OFFICE_CODE,
            office_name=OFFICE_NAME,
            node_code=NODE_CODE,
            node_name="Nút liên thông",
            node_public_key=self.own.public_key,
            node_box_public_key=self.own.box_public_key,
            address="http://127.0.0.1:9",
            ca_pem=None,
            expires_at=clock.now() + timedelta(days=7),
        )
        peers.introduce(PORTAL, enrolment.write(file), office.settings.secrets_folder)
        return self

    def receipt(self, sealed: bytes, refusal: RefusalType | None = None, **changes: Any) -> bytes:
        """Its receipt for an envelope of ours."""
        return a_receipt(sealed, self.own, changes.pop("receiver", NODE_CODE), refusal, **changes)


def on_disk(packet: bytes) -> Path:
    """The packet as the relay leaves it for `receive`."""
    path = files.temporary(".edxml")
    path.write_bytes(packet)
    return path


def receive(sealed: bytes, packet: bytes) -> bytes:
    """What the relay does with a message."""
    path = on_disk(packet)
    try:
        return arrivals.receive(sealed, path)
    finally:
        path.unlink(missing_ok=True)


def an_arrival(partner: Partner, serial: int = 7, **changes: Any) -> Incoming:
    """A document that came by the exchange and was not looked at yet."""
    packet = partner.edoc(serial, **changes)
    sealed = partner.sealed(packet)
    receive(sealed, packet)
    message_id = envelope.parse_unverified(sealed).message_id
    return incoming.get(database.row("SELECT id FROM incoming WHERE message_id = ?", (message_id,))[0])


@dataclass(frozen=True)
class Sent:
    """A status message of ours in the outbox, read back."""

    envelope: Envelope
    status: package.Status


def queued_statuses(in_reply_to: str = "") -> list[Sent]:
    """The status messages in the outbox, in order; of one message when asked so."""
    found = []
    for (sealed,) in database.rows("SELECT envelope FROM outbox WHERE kind = 'status' ORDER BY id"):
        written = envelope.open_(sealed.encode(), lambda _code, _key: keys.own().public_key)
        if in_reply_to in ("", written.in_reply_to):
            found.append(Sent(written, read_status(written.packet_sha256)))
    return found


def codes(in_reply_to: str = "") -> list[str]:
    """Their codes."""
    return [sent.status.status_code for sent in queued_statuses(in_reply_to)]


def read_status(sha256: str) -> package.Status:
    """A stored status packet."""
    folder = files.temporary()
    folder.mkdir()
    try:
        parsed = reader.read(files.path_of(sha256), folder)
    finally:
        shutil.rmtree(folder)
    assert isinstance(parsed, package.Status)
    return parsed


def outbox_rows() -> Sequence[tuple[str, str, str]]:
    """The outbox as (message id, state, envelope)."""
    return database.rows("SELECT message_id, state, envelope FROM outbox ORDER BY id")


def items() -> list[Item]:
    """What the relay would carry now."""
    return outbox.waiting(clock.now(), 100)
