"""An office for the relay's tests: keys, a client, envelopes."""

from __future__ import annotations

import hashlib
import uuid
from datetime import UTC, datetime

from commune_portal.relay.client import NodeClient, NodeIdentity
from commune_portal.rules.chain import Checkpoint
from commune_portal.wire import envelope, keys, receipt
from commune_portal.wire.envelope import Envelope, Kind
from commune_portal.wire.receipt import Receipt, Verdict
from tests.fakes.node import FakeNode

ONE, TWO = "H99.01", "H99.02"
ONES = keys.from_seeds(bytes(range(32)), bytes(range(32, 64)))
TWOS = keys.from_seeds(bytes(range(64, 96)), bytes(range(96, 128)))
NOON = datetime(2026, 11, 21, 5, tzinfo=UTC)


def node_with_two_members() -> FakeNode:
    node = FakeNode()
    node.enrol(ONE, ONES)
    node.enrol(TWO, TWOS)
    return node


def identity(node: FakeNode, address: str) -> NodeIdentity:
    return NodeIdentity(node.code, address, None, {node.keys.key_id: node.keys.public_key})


def client(node: FakeNode, address: str, code: str = ONE, timeout_seconds: float = 5.0) -> NodeClient:
    own = {ONE: ONES, TWO: TWOS}[code]
    return NodeClient(identity(node, address), own, code, timeout_seconds=timeout_seconds)


def sealed_envelope(packet: bytes, message_id: str = "", sender: str = ONE, recipient: str = TWO) -> bytes:
    own = {ONE: ONES, TWO: TWOS}[sender]
    return envelope.seal(
        Envelope(
            message_id=message_id or str(uuid.uuid4()),
            sender=sender,
            recipient=recipient,
            kind=Kind.EDOC,
            urgency=0,
            created=NOON,
            packet_sha256=hashlib.sha256(packet).hexdigest(),
            packet_bytes=len(packet),
            checkpoint=Checkpoint(1, "ab" * 32),
            key_id=own.key_id,
        ),
        own,
    )


def sealed_receipt(envelope_bytes: bytes) -> bytes:
    """What TWO answers for an envelope."""
    written = envelope.parse_unverified(envelope_bytes)
    return receipt.seal(
        Receipt(
            message_id=written.message_id,
            packet_sha256=written.packet_sha256,
            verdict=Verdict.ACCEPTED,
            refusal=None,
            receiver=TWO,
            receiver_sequence=1,
            received_at=NOON,
            checkpoint=Checkpoint(1, "cd" * 32),
            sender_checkpoint=written.checkpoint,
            key_id=TWOS.key_id,
        ),
        TWOS,
    )
