"""What is written on the outside of a packet: who sends what to whom, signed by the sender, end to end.

The packet itself travels beside it and is named by its SHA-256, so one packet serves many recipients.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from typing import Any

from commune_portal import clock
from commune_portal.errors import UnsupportedVersion
from commune_portal.rules.chain import Checkpoint
from commune_portal.wire import checkpoint as checkpoints
from commune_portal.wire import fields, sealed
from commune_portal.wire.keys import InstallationKeys
from commune_portal.wire.sealed import PartyKeys

VERSION = 1
LARGEST_BYTES = 4096
MOST_URGENT = 4


class Kind(Enum):
    """What the packet is."""

    EDOC = "edoc"
    STATUS = "status"
    RECEIPT = "receipt"
    VECTOR = "vector"
    CHECKPOINT = "checkpoint"
    FINDING = "finding"


@dataclass(frozen=True, slots=True, kw_only=True)
class Envelope:
    """One message to one recipient. `urgency` is edXML's priority, 0 ordinary to 4 hỏa tốc hẹn giờ.

    `on_behalf_of` is set by a node that vouches for what came over the axis: the code of who wrote the packet.
    """

    message_id: str
    sender: str
    recipient: str
    kind: Kind
    urgency: int
    created: datetime
    packet_sha256: str
    packet_bytes: int
    checkpoint: Checkpoint
    key_id: str
    in_reply_to: str | None = None
    version: int = VERSION
    on_behalf_of: str | None = None

    @property
    def origin(self) -> str:
        """Who wrote the packet: the sender, or the one for whom a node vouches."""
        return self.on_behalf_of or self.sender


def seal(envelope: Envelope, keys: InstallationKeys) -> bytes:
    """Writes and signs an envelope; the same value and key always give the same bytes."""
    body = {
        "checkpoint": checkpoints.to_body(envelope.checkpoint),
        "created": clock.to_text(envelope.created),
        "in_reply_to": envelope.in_reply_to,
        "key_id": envelope.key_id,
        "kind": envelope.kind.value,
        "message_id": envelope.message_id,
        "packet_bytes": envelope.packet_bytes,
        "packet_sha256": envelope.packet_sha256,
        "recipient": envelope.recipient,
        "sender": envelope.sender,
        "urgency": envelope.urgency,
        "version": envelope.version,
        **({"on_behalf_of": envelope.on_behalf_of} if envelope.on_behalf_of else {}),
    }
    if _read(body) != envelope:
        raise ValueError("an envelope that could not be read back")
    return sealed.seal("envelope", body, keys)


def open_(data: bytes, lookup: PartyKeys) -> Envelope:
    """Reads an envelope and checks that its sender signed it; raises Malformed or Unauthenticated."""
    parse_unverified(data)
    return _read(sealed.open_("envelope", data, "sender", lookup, LARGEST_BYTES))


def parse_unverified(data: bytes) -> Envelope:
    """Reads an envelope without looking at the signature; raises Malformed."""
    body, _, _ = sealed.split(data, LARGEST_BYTES)
    return _read(body)


def _read(body: dict[str, Any]) -> Envelope:
    version = fields.integer(body, "version")
    if version != VERSION:
        raise UnsupportedVersion(detail=f"envelope version {version}")
    return Envelope(
        message_id=fields.matching(body, "message_id", fields.MESSAGE_ID),
        sender=fields.matching(body, "sender", fields.CODE),
        recipient=fields.matching(body, "recipient", fields.CODE),
        kind=fields.member(body, "kind", Kind),
        urgency=fields.integer(body, "urgency", 0, MOST_URGENT),
        created=fields.instant(body, "created"),
        packet_sha256=fields.matching(body, "packet_sha256", fields.SHA256),
        packet_bytes=fields.integer(body, "packet_bytes", 1),
        checkpoint=checkpoints.from_body(body, "checkpoint"),
        key_id=fields.matching(body, "key_id", fields.KEY_ID),
        in_reply_to=fields.optional_matching(body, "in_reply_to", fields.MESSAGE_ID),
        version=version,
        on_behalf_of=fields.optional_matching(body, "on_behalf_of", fields.CODE) if "on_behalf_of" in body else None,
    )


def describes(envelope: Envelope, packet: bytes) -> bool:
    """True when these are the bytes that the envelope names."""
    return len(packet) == envelope.packet_bytes and hashlib.sha256(packet).hexdigest() == envelope.packet_sha256
