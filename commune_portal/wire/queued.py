"""What waits to be carried to the node above: frozen bytes, and how urgent they are."""

from __future__ import annotations

from dataclasses import dataclass

from commune_portal.wire.envelope import Kind


@dataclass(frozen=True, slots=True)
class Item:
    """A message that waits: `envelope` are the frozen bytes; of kind RECEIPT they are the final receiver's receipt.

    `trace` holds the codes of the nodes that a forwarded message has been at, the first one first.
    """

    id: int
    message_id: str
    kind: Kind
    recipient_code: str
    urgency: int
    envelope: bytes
    packet_sha256: str
    packet_bytes: int
    about: str
    attempts: int
    trace: tuple[str, ...] = ()
