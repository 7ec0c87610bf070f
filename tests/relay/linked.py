"""An office's worker and a node behind a real socket, for the tests of the relay's rounds."""

from __future__ import annotations

import dataclasses
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import timedelta

from commune_portal import clock
from commune_portal.documents import outbox
from commune_portal.documents.verification import verify_installation
from commune_portal.errors import Malformed
from commune_portal.people import peers, trail
from commune_portal.people.actors import PORTAL
from commune_portal.relay.client import NodeClient, NodeIdentity
from commune_portal.relay.worker import Worker
from commune_portal.rules.acts import Act
from commune_portal.settings import Relay
from commune_portal.store import database, files, journal
from commune_portal.wire import enrolment, envelope, keys, protocol
from commune_portal.wire.envelope import Kind
from commune_portal.wire.mailbox import MailboxItem
from commune_portal.wire.protocol import Refused
from tests.cast import NODE_CODE, OFFICE_CODE, OTHER_CODE, Cast
from tests.documents.partner import Partner
from tests.fakes.exchange import Answer
from tests.fakes.node import FakeNode
from tests.fakes.wire import Faults, Wire, faultless, serving

KIBIBYTE = 1024
QUICK = Relay(
    poll_seconds=0.2, watch_seconds=0.02, timeout_seconds=5.0, retry_seconds=(0.0, 0.0), chunk_bytes=16 * KIBIBYTE,
    largest_chunk_bytes=16 * KIBIBYTE,
)  # fmt: skip


class RecordingNode(FakeNode):
    """A node that remembers what was sent for each message, and lets a test look in before it answers."""

    def __init__(self) -> None:
        super().__init__(NODE_CODE)
        self.sent: dict[str, set[bytes]] = {}
        self.before: Callable[[str, str], None] = lambda _method, _path: None

    def handle(self, method: str, path: str, headers: Mapping[str, str], body: bytes) -> Answer:
        self.before(method, path)
        answer = super().handle(method, path, headers, body)
        believed = answer.headers.get(protocol.EXCHANGE_ERROR) in (None, Refused.PACKET_MISSING.value)
        if (method, path) == ("POST", protocol.MESSAGES) and believed:  # else it was damaged on the way
            length = int({name.lower(): value for name, value in headers.items()}["envelope-length"])
            sealed = body[:length]
            self.sent.setdefault(envelope.parse_unverified(sealed).message_id, set()).add(sealed)
        return answer

    def _done(self, item: MailboxItem) -> bool:
        try:
            return super()._done(item)
        except Malformed:  # poison that a test has put there has no message to look up
            return False


class Impatient(Worker):
    """The relay without its pauses."""

    def _pause(self, seconds: float) -> None:
        pass


@dataclasses.dataclass
class Link:
    """An office that is introduced to a node, and the commune next door."""

    office: Cast
    node: RecordingNode
    wire: Wire
    partner: Partner

    @property
    def settings(self) -> Relay:
        return self.office.settings.relay

    def worker(self) -> Impatient:
        return Impatient(self.office.settings)

    def neighbour(self) -> NodeClient:
        """The neighbour's way to the node."""
        identity = NodeIdentity(NODE_CODE, self.wire.address, None, {self.node.keys.key_id: self.node.keys.public_key})
        return NodeClient(identity, self.partner.own, OTHER_CODE, timeout_seconds=5)

    def arrives(self, packet: bytes, kind: Kind = Kind.EDOC, urgency: int = 0) -> str:
        """Puts a message of the neighbour into the office's mailbox; gives its id."""
        sealed = self.partner.sealed(packet, kind=kind, urgency=urgency)
        written = envelope.parse_unverified(sealed)
        self.node.packets[OTHER_CODE, written.packet_sha256] = packet
        headers = {protocol.ENVELOPE_LENGTH.lower(): str(len(sealed))}
        assert self.node._message(OTHER_CODE, headers, sealed).status == 200
        return written.message_id

    def cursor(self) -> int:
        return peers.contact(NODE_CODE).mailbox_cursor


@contextmanager
def linked(office: Cast, faults: Faults = faultless) -> Iterator[Link]:
    office = dataclasses.replace(office, settings=dataclasses.replace(office.settings, relay=QUICK))
    node, partner = RecordingNode(), Partner()
    node.enrol(OTHER_CODE, partner.own)
    node.enrol(OFFICE_CODE, keys.own())  # its token is still asked for; a mailbox it has from the beginning
    with serving(node, faults) as wire:
        file = node.enrolment_file(OFFICE_CODE, wire.address)
        peers.introduce(PORTAL, enrolment.write(file), office.settings.secrets_folder)
        yield Link(office, node, wire, partner)


def queue(packet: bytes = b"", urgency: int = 0) -> str:
    """Queues a status-like item of ours; gives its message id."""
    message_id = str(uuid.uuid4())
    stored = files.keep(packet or message_id.encode())
    with database.transaction() as work:
        checkpoint = journal.write(work, Act.EXPORTED, PORTAL.uid, about="incoming:thu")
        outbox.queue(
            work, message_id=message_id, kind=Kind.STATUS, recipient_code=OTHER_CODE, urgency=urgency, packet=stored,
            checkpoint=checkpoint, about="incoming:thu",
        )  # fmt: skip
    return message_id


def states() -> dict[str, str]:
    return dict(database.rows("SELECT message_id, state FROM outbox ORDER BY id"))


def arrived() -> list[str]:
    return [row[0] for row in database.rows("SELECT message_id FROM incoming ORDER BY id")]


def bytes_patched(wire: Wire) -> int:
    return sum(count for method, _, count in wire.seen if method == "PATCH")


def until(holds: Callable[[], bool], seconds: float = 20.0) -> None:
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def is_quiet(link: Link) -> bool:
    """Nothing waits, the journal is mirrored, and every message of the neighbour has our receipt."""
    return (
        not outbox.waiting(clock.now() + timedelta(days=1), 1)
        and peers.contact(NODE_CODE).journal_sent == trail.journal_size()
        and all(
            stored.recipient_receipt is not None
            for stored in link.node.messages.values()
            if stored.envelope.recipient == OFFICE_CODE
        )
    )


def assert_agreed(link: Link) -> None:
    """At quiet: outbox, node, mailbox and receipts say the same, and the register verifies."""
    for message_id, state, sealed in database.rows("SELECT message_id, state, envelope FROM outbox"):
        assert state == "delivered"
        assert link.node.messages[message_id].envelope_bytes == sealed.encode()
        assert link.node.sent[message_id] == {sealed.encode()}
        kept = database.rows(
            "SELECT bytes FROM receipts WHERE message_id = ? AND peer_code = ?", (message_id, NODE_CODE)
        )
        assert [row[0].encode() for row in kept] == [link.node.messages[message_id].receipt_bytes]
    given_receipts = dict(database.rows("SELECT message_id, bytes FROM receipts_given"))
    mine = {key: found for key, found in link.node.messages.items() if found.envelope.recipient == OFFICE_CODE}
    assert set(given_receipts) == set(mine)
    for message_id, stored in mine.items():
        assert stored.recipient_receipt is not None
        assert stored.recipient_receipt.decode() == given_receipts[message_id]
    found = verify_installation(link.office.settings)
    assert found.ok, found.faults
