"""An office's relay in this process, and a real node in another one behind waitress, with a bad wire between the two.

The node is forked from the nursery of the stories, so a test may arm it to kill itself at a named point; the wire is
that of the fakes, which forwards here instead of answering. The commune next door is keys and a client.
"""

from __future__ import annotations

import dataclasses
import http.client
import random
import shutil
import sqlite3
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from commune_portal import clock
from commune_portal.parties import supervisor
from commune_portal.people import peers
from commune_portal.people.actors import PORTAL
from commune_portal.relay.client import Delivery, NodeClient, PacketMissing, identity_of
from commune_portal.relay.uploads import upload
from commune_portal.settings import Relay
from commune_portal.wire import enrolment, envelope, protocol
from commune_portal.wire.enrolment import EnrolmentFile, EnrolmentRequest
from commune_portal.wire.envelope import Kind
from commune_portal.wire.protocol import Refused
from tests.cast import NODE_CODE, OFFICE_CODE, OTHER_CODE, Cast
from tests.documents.partner import Partner
from tests.fakes.exchange import Answer, refuse
from tests.fakes.wire import Faults, Wire, faultless, serving
from tests.relay.linked import KIBIBYTE, Impatient
from tests.stories.killing import Arm, Nursery, Told, plan_of, told

PATIENT = Relay(
    poll_seconds=0.2, watch_seconds=0.02, timeout_seconds=10.0, retry_seconds=(0.0, 0.0), chunk_bytes=16 * KIBIBYTE,
    largest_chunk_bytes=64 * KIBIBYTE,
)  # fmt: skip
NAMES = {OFFICE_CODE: "Ủy ban nhân dân xã An Phú", OTHER_CODE: "Ủy ban nhân dân xã Bình Lợi"}


@dataclass
class Forwarder:
    """What stands behind the wire: it hands each request to the node's port and remembers the requests."""

    port: int
    before: Callable[[str, str], None] = lambda _method, _path: None
    after: Callable[[str, str, int], None] = lambda _method, _path, _status: None
    compares: bool = True
    requests: list[tuple[str, str, dict[str, str], bytes]] = field(default_factory=list)
    answers: list[tuple[str, str, int]] = field(default_factory=list)

    def handle(self, method: str, path: str, headers: Mapping[str, str], body: bytes) -> Answer:
        self.requests.append((method, path, dict(headers), body))
        self.before(method, path)
        if not self.compares and path == protocol.VECTOR:
            return self._not_supported()
        answer = self.ask(method, path, headers, body)
        self.answers.append((method, path, answer.status))
        self.after(method, path, answer.status)
        return answer

    def _not_supported(self) -> Answer:
        """What a node answers that knows no vector."""
        answer = refuse(Refused.NOT_SUPPORTED)
        answer.headers[protocol.NODE_TIME] = clock.now_text()
        return answer

    def ask(self, method: str, path: str, headers: Mapping[str, str], body: bytes) -> Answer:
        """One request on a connection of its own."""
        link = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        try:
            sent = {name: value for name, value in headers.items() if name.lower() not in ("host", "connection")}
            link.request(method, path, body=body or None, headers=sent)
            found = link.getresponse()
            hop = ("connection", "content-length", "date", "server", "via")
            back = {name: value for name, value in found.getheaders() if name.lower() not in hop}
            return Answer(found.status, found.read(), back)
        finally:
            link.close()

    def bodies(self, method: str, path: str) -> list[bytes]:
        """The bodies of the requests of a kind, in order."""
        return [body for verb, at, _, body in self.requests if (verb, at) == (method, path)]


@dataclass
class RealNode:
    """The node's process and its folder."""

    folder: Path
    nursery: Nursery
    forwarder: Forwarder
    process: int = 0

    def start(self, arm: Arm | None = None) -> None:
        answer = self.nursery.ask("serve_node", arm, folder=str(self.folder))
        assert "ready" in answer["ready"], answer
        self.process = answer["process"]

    def ended(self, *, end: bool = True) -> Told | None:
        """What it said when it has ended; None while it runs and is not to be ended."""
        if not self.process:
            return None
        answer = self.nursery.ask("reap", process=self.process, end=end)
        if not answer["ended"]:
            return None
        self.process = 0
        return told(answer["said"])

    def killed_at(self, point: str) -> None:
        """It has killed itself there."""
        for _ in range(200):
            found = self.ended(end=False)
            if found is not None:
                assert (found.killed, found.error) == (point, "")
                return
            time.sleep(0.02)
        raise AssertionError(f"it was not killed at {point}")

    def add_office(self, code: str) -> EnrolmentFile:
        """A file with a fresh token."""
        out = self.folder / f"{code}-{uuid.uuid4().hex}.json"
        found = self.nursery.do("add_office", folder=str(self.folder), code=code, name=NAMES[code], out=str(out))
        assert found.error == "", found
        return enrolment.read(out.read_bytes())

    def rows(self, statement: str, *values: Any) -> list[Any]:
        """Reads its register."""
        connection = sqlite3.connect(f"file:{self.folder}/data/register.sqlite3?mode=ro", uri=True)
        try:
            return connection.execute(statement, values).fetchall()
        finally:
            connection.close()

    def write(self, statement: str, *values: Any) -> None:
        """Changes one of its working tables behind its back (an expiry, a cap)."""
        connection = sqlite3.connect(self.folder / "data" / "register.sqlite3", timeout=10)
        try:
            connection.execute(statement, values)
            connection.commit()
        finally:
            connection.close()

    def mailbox(self) -> list[str]:
        """The ids of the messages that took effect, in order."""
        return [row[0] for row in self.rows("SELECT message_id FROM mailbox WHERE kind <> 'receipt' ORDER BY id")]

    def receipts(self) -> dict[str, bytes]:
        """The receipts that it gave, by message."""
        return {row[0]: row[1].encode() for row in self.rows("SELECT message_id, bytes FROM receipts_given")}

    def mirror(self) -> tuple[int, str]:
        """Size and disagreement of the newest mirror of the office."""
        found = self.rows(
            "SELECT m.size, m.disagreement FROM mirrors m JOIN members x ON x.id = m.member_id WHERE x.code = ?"
            " ORDER BY m.id DESC LIMIT 1",
            OFFICE_CODE,
        )
        return found[0][0], found[0][1]


@dataclass
class RealLink:
    """An office that is introduced to a real node, and the commune next door, enrolled there."""

    office: Cast
    node: RealNode
    wire: Wire
    partner: Partner

    @property
    def forwarder(self) -> Forwarder:
        return self.node.forwarder

    def worker(self, **changes: Any) -> Impatient:
        settings = self.office.settings
        return Impatient(dataclasses.replace(settings, relay=dataclasses.replace(settings.relay, **changes)))

    def introduce(self) -> None:
        """Hands the office a fresh enrolment file of this node."""
        file = dataclasses.replace(self.node.add_office(OFFICE_CODE), address=self.wire.address)
        peers.introduce(PORTAL, enrolment.write(file), self.office.settings.secrets_folder)

    def neighbour(self) -> NodeClient:
        """The neighbour's way to the node, past the bad wire."""
        peer = peers.peer()
        file = EnrolmentFile(
            token="", office_code=OTHER_CODE, office_name="", node_code=NODE_CODE, node_name="",
            node_public_key=peer.public_key, node_box_public_key=peer.public_key,
            address=f"http://127.0.0.1:{self.forwarder.port}", ca_pem=None, expires_at=clock.now(),
        )  # fmt: skip
        return NodeClient(identity_of(file), self.partner.own, OTHER_CODE, timeout_seconds=10)

    def arrives(self, packet: bytes, kind: Kind = Kind.EDOC, urgency: int = 0, message_id: str = "") -> str:
        """The neighbour sends a message to the office; gives its id."""
        written = self.partner.envelope(packet, kind=kind, urgency=urgency)
        written = dataclasses.replace(written, message_id=message_id or written.message_id)
        sealed = envelope.seal(written, self.partner.own)
        link = self.neighbour()
        try:
            answer = link.commit(sealed, packet if len(packet) <= protocol.LARGEST_INLINE_BYTES else None)
            if isinstance(answer, PacketMissing):
                path = self.office.settings.work_folder / f"{written.packet_sha256}.den"
                path.write_bytes(packet)
                upload(link, path, written.packet_sha256, written.message_id)
                path.unlink()
                answer = link.commit(sealed)
            assert isinstance(answer, Delivery)
        finally:
            link.close()
        return written.message_id


@contextmanager
def founded_node(folder: Path) -> Iterator[tuple[Path, Nursery]]:
    """Founds a node with two members, once for a module; each test works on a copy."""
    nursery = Nursery(folder / "children.log")
    try:
        settings = supervisor.write_settings(folder / "node", "node", supervisor.free_port())
        found = nursery.do(
            "found", folder=str(settings.folder), plan=plan_of("node").to_json(), authority=str(folder / "authority")
        )
        assert found.error == "", found
        yield settings.folder, nursery
    finally:
        nursery.close()


@contextmanager
def really_linked(
    founded: tuple[Path, Nursery], office: Cast, folder: Path, faults: Faults = faultless, arm: Arm | None = None
) -> Iterator[RealLink]:
    """Starts a copy of the node, enrols the neighbour and introduces the office over the wire."""
    office = dataclasses.replace(office, settings=dataclasses.replace(office.settings, relay=PATIENT))
    shutil.copytree(founded[0], folder / "node")
    settings = supervisor.write_settings(folder / "node", "node", supervisor.free_port())
    node = RealNode(settings.folder, founded[1], Forwarder(settings.server.port))
    partner = Partner()
    with serving(node.forwarder, faults) as wire:
        node.start()
        try:
            link = RealLink(office, node, wire, partner)
            link.introduce()
            _enrol(link, node.add_office(OTHER_CODE))
            if arm is not None:
                node.ended()
                node.start(arm)
            yield link
        finally:
            node.ended()


def _enrol(link: RealLink, file: EnrolmentFile) -> None:
    own = link.partner.own
    neighbour = NodeClient(identity_of(file), own, OTHER_CODE, timeout_seconds=10)
    try:
        neighbour.enrol(
            EnrolmentRequest(
                token=file.token,
                code=OTHER_CODE,
                installation_uid="xa-ben-canh",
                epoch=0,
                public_key=own.public_key,
                box_public_key=own.box_public_key,
                software="test",
            )
        )
    finally:
        neighbour.close()


def noise(size: int, seed: int = 1) -> bytes:
    """Bytes that nothing compresses, the same for the same seed."""
    return random.Random(seed).randbytes(size)
