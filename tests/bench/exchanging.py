"""G10: uploads to the node, as the relay makes them, beside a bare socket that hashes and syncs too.

Each upload is a new packet and is handed over by an envelope afterwards, which is not measured.
"""

from __future__ import annotations

import hashlib
import os
import socket
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from commune_portal import serve
from commune_portal.relay import uploads
from commune_portal.relay.client import NodeClient, PacketMissing
from commune_portal.relay.link import NodeIdentity
from commune_portal.relay.uploads import Grain
from commune_portal.settings import Paths, Server, Settings
from commune_portal.store import installation
from commune_portal.wire import keys
from tests.bench import machine
from tests.bench.harness import REPETITIONS, Bench, Part, Sample, Samples, at_least, at_most
from tests.bench.limits import raw_socket
from tests.bench.served import Served, served
from tests.bench.slices import PACE, Timed
from tests.node.cast import NODE_CODE, Office, enrol, new_keys, new_office

TWO_MEGABYTES, FIFTY_MEGABYTES = 2_000_000, 50_000_000
RELAY, ONE_PIECE, RAW = "nút, mảnh của bộ chuyển", "nút, một mảnh", "socket thô"
GROWTH = "bộ nhớ nút tăng khi nhận 50 MB"


def serve_node(folder: Path, started: Callable[[int], None], *, offices: int = 2, host: str = "127.0.0.1") -> None:
    """A node with enrolled offices, served as `serve` does."""
    server = Server(host=host, port=0)
    settings = Settings(folder=folder, role="node", paths=Paths(allow_any_disk=True), server=server)
    own = new_keys(0)
    public, box = own.public_key.hex(), own.box_public_key.hex()
    installation.found(
        settings, code=NODE_CODE, name="Nút liên thông", place="Lam Giang", public_key=public, box_public_key=box
    )
    keys.use(own)
    for number in range(1, offices + 1):
        enrol(new_office(number))
    portal = serve.Portal(settings)
    started(portal.port)
    portal.run()


class Sender:
    """The first office with its client."""

    def __init__(self, node: Served, folder: Path) -> None:
        own = new_keys(0)
        self.office: Office = new_office(1)
        self.path = folder / "packet"
        identity = NodeIdentity(NODE_CODE, f"http://127.0.0.1:{node.port}", None, {own.key_id: own.public_key})
        self.client = NodeClient(identity, self.office.keys, self.office.code)

    def send(self, data: bytes, grain: Grain) -> float:
        """Uploads a packet and hands it over; answers the seconds that the upload took."""
        self.path.write_bytes(data)
        envelope = self.office.envelope("H99.02", data)
        started = time.perf_counter()
        uploads.upload(self.client, self.path, envelope.packet_sha256, envelope.message_id, grain=grain)
        seconds = time.perf_counter() - started
        if isinstance(self.client.commit(self.office.seal(envelope)), PacketMissing):
            raise RuntimeError("the node has not got the packet")
        return seconds


def measure() -> Iterator[Sample]:
    """Two megabytes again and again by each arm, then fifty in one go for the memory."""
    with (
        tempfile.TemporaryDirectory() as place,
        served("node", Path(place) / "node") as node,
        served("socket", Path(place) / "raw") as raw,
        socket.create_connection(("127.0.0.1", raw.port)) as connection,
    ):
        sender = Sender(node, Path(place))
        relay, one = Grain(), Grain(4 << 20, 4 << 20, 4 << 20)

        def bare(data: bytes) -> float:
            started = time.perf_counter()
            hashlib.sha256(data).digest()  # the sender names its packet in both arms
            raw_socket.send(connection, data)
            return time.perf_counter() - started

        arms: dict[str, tuple[Served, Callable[[bytes], float]]] = {
            RELAY: (node, lambda data: sender.send(data, relay)),
            ONE_PIECE: (node, lambda data: sender.send(data, one)),
            RAW: (raw, bare),
        }
        for _, send in arms.values():
            for _ in range(3):
                send(os.urandom(TWO_MEGABYTES))
        for _ in range(PACE.rounds):
            for name, (server, send) in arms.items():
                found = _sliced(server, send)
                yield Sample(name, found.rate, "/s", found.cpu_seconds)
    for _ in range(REPETITIONS):
        yield Sample(GROWTH, _growth(), "MiB")


def _growth() -> float:
    """By how much the most memory a fresh node ever held grows with fifty megabytes, after some smaller packets."""
    with tempfile.TemporaryDirectory() as place, served("node", Path(place) / "node") as node:
        sender, grain = Sender(node, Path(place)), Grain()
        for _ in range(3):
            sender.send(os.urandom(TWO_MEGABYTES), grain)
        before = machine.high_water_mib(node.process.pid)
        sender.send(os.urandom(FIFTY_MEGABYTES), grain)
        return machine.high_water_mib(node.process.pid) - before


def _sliced(server: Served, send: Callable[[bytes], float]) -> Timed:
    each: list[float] = []
    cpu, until = server.cpu_seconds, time.perf_counter() + PACE.seconds
    while time.perf_counter() < until or len(each) < 3:
        each.append(send(os.urandom(TWO_MEGABYTES)))
    return Timed(each, sum(each), server.cpu_seconds - cpu)


def judge(samples: Samples) -> list[Part]:
    """The upload's rate beside the bare socket's, and the node's memory over a large one."""
    return [
        at_least("tải 2 MB lên nút so với socket thô", lambda: samples.ratio(RELAY, RAW), 0.40),
        at_most("bộ nhớ nút tăng khi nhận 50 MB (MiB)", lambda: max(samples.values(GROWTH)), 10),
    ]


BENCHES = (
    Bench("G10", "Tải gói lên nút", "2 MB ≥ 0,40 × socket thô có băm và fsync; 50 MB: bộ nhớ +10 MB", measure, judge),
)
