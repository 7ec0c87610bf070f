"""G13: a province's day: 133 offices, driven by at most four processes, send to each other through one real node.

Documents as a mountain province has them: three quarters one scanned page (200 KB), the rest up to 5 MB. A document
is done when its addressee has fetched it, checked it and handed its receipt to the node. The offices have keys and
links but no registers: what is measured is the node and the way through it.
`python -m tests.bench.province ADDRESS FOLDER ORDINAL CLIENTS` is one client.
"""

from __future__ import annotations

import hashlib
import json
import os
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from commune_portal.errors import NodeUnreachable
from commune_portal.relay import uploads
from commune_portal.relay.client import NodeClient
from commune_portal.relay.link import NodeIdentity
from commune_portal.relay.uploads import Grain
from commune_portal.wire import envelope as envelopes
from tests.bench.harness import Bench, Part, Sample, Samples, at_least
from tests.bench.served import ROOT, Served, served
from tests.bench.slices import PACE
from tests.node.cast import NODE_CODE, Office, new_keys, new_office

OFFICES = 133
SIZES = (33, 66, 133)
CLIENTS = 4
PAGE_BYTES, LARGEST_BYTES = 200_000, 5_000_000
POLL_SECONDS = 0.5
"""How soon an office looks into its mailbox again while there is nothing in it."""


def serve(folder: Path, started: Any) -> None:
    """The node of the province."""
    from tests.bench import exchanging

    exchanging.serve_node(folder, started, offices=OFFICES)


class Client:
    """Every n-th office of the province, one after the other, in one process."""

    def __init__(self, address: str, folder: Path, ordinal: int, clients: int) -> None:
        own = new_keys(0)
        self.folder, self.source = folder, random.Random(ordinal)
        self._identity = NodeIdentity(NODE_CODE, address, None, {own.key_id: own.public_key})
        self._numbers = range(1 + ordinal, OFFICES + 1, clients)
        self._links: dict[int, tuple[Office, NodeClient]] = {}
        self._after: dict[int, int] = {}
        self._looked: dict[int, float] = {}
        self._ballast = self.source.randbytes(LARGEST_BYTES)
        self._grain = Grain()
        self.sent = self.taken = self.bytes = 0

    def office(self, number: int) -> tuple[Office, NodeClient]:
        """An office and its link."""
        if number not in self._links:
            office = new_office(number)
            self._links[number] = office, NodeClient(self._identity, office.keys, office.code)
        return self._links[number]

    def work(self, size: int, seconds: float, waiting_at_most: int) -> None:
        """Sends and takes for some seconds, as long as not too many wait; then takes what is left."""
        mine = [number for number in self._numbers if number <= size]
        self.sent = self.taken = self.bytes = 0
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            if self.sent - self.taken < waiting_at_most:
                self._send(self.source.choice(mine), self.source.randint(1, size))
            for number in self.source.sample(mine, min(4, len(mine))):
                self._take(number)

    def empty(self, size: int) -> None:
        """Takes what still lies in the mailboxes."""
        for number in self._numbers:
            if number <= size:
                self._looked.pop(number, None)
                self._take(number)

    def _send(self, number: int, to: int) -> None:
        office, link = self.office(number)
        size = PAGE_BYTES if self.source.random() < 0.75 else self.source.randint(PAGE_BYTES, LARGEST_BYTES)
        data = os.urandom(32) + self._ballast[: size - 32]
        path = self.folder / f"packet-{os.getpid()}"
        path.write_bytes(data)
        envelope = office.envelope(f"H99.{to:02d}", data)
        try:
            uploads.upload(link, path, envelope.packet_sha256, envelope.message_id, grain=self._grain)
            link.commit(office.seal(envelope))
        except NodeUnreachable:
            return
        self.sent += 1

    def _take(self, number: int) -> None:
        if time.monotonic() - self._looked.get(number, 0.0) < POLL_SECONDS:
            return
        office, link = self.office(number)
        try:
            page = link.mailbox(self._after.get(number, 0))
            for item in page.items:
                if item.envelope is not None:
                    self._fetch(office, link, item.envelope)
            self._after[number] = page.next_after
        except NodeUnreachable:
            return
        if not page.items:
            self._looked[number] = time.monotonic()

    def _fetch(self, office: Office, link: NodeClient, sealed: bytes) -> None:
        envelope = envelopes.parse_unverified(sealed)
        sender = new_office(int(envelope.sender.rpartition(".")[2]))
        envelopes.open_(sealed, lambda _code, _key: sender.keys.public_key)
        path = uploads.download(link, envelope.packet_sha256, envelope.packet_bytes, self.folder / "fetched")
        assert path is not None
        assert hashlib.sha256(path.read_bytes()).hexdigest() == envelope.packet_sha256
        path.unlink()
        link.acknowledge(office.receipt(envelope))
        self.taken += 1
        self.bytes += envelope.packet_bytes


def measure() -> Iterator[Sample]:
    """A slice with 33, with 66 and with 133 offices, in turns."""
    rounds, seconds = (1, 2.0) if PACE.quick else (5, 6.0)
    with tempfile.TemporaryDirectory() as place, served("province", Path(place) / "node") as node:
        clients = [_client(node, Path(place), ordinal) for ordinal in range(CLIENTS)]
        try:
            _all(clients, size=OFFICES, seconds=seconds / 2)  # everybody has made contact once
            for _ in range(rounds):
                for size in SIZES:
                    cpu, began = node.cpu_seconds, time.perf_counter()
                    told = _all(clients, size=size, seconds=seconds)
                    spent = time.perf_counter() - began
                    documents = sum(item["taken"] for item in told)
                    yield Sample(_arm(size), documents / spent, "/s", node.cpu_seconds - cpu)
                    if size == OFFICES:
                        yield Sample("nội dung", sum(item["bytes"] for item in told) / spent / 1e6, "MB/s")
                    for client in clients:
                        _ask(client, size=size, seconds=0.0)
                    for client in clients:
                        _hear(client)
        finally:
            for client in clients:
                client.terminate()
                client.communicate()


def _client(node: Served, place: Path, ordinal: int) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "tests.bench.province", f"http://127.0.0.1:{node.port}", str(place), str(ordinal),
         str(CLIENTS)],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT,
    )  # fmt: skip


def _all(clients: list[subprocess.Popen[str]], *, size: int, seconds: float) -> list[dict[str, int]]:
    for client in clients:
        _ask(client, size=size, seconds=seconds)
    return [_hear(client) for client in clients]


def _ask(client: subprocess.Popen[str], **asked: float) -> None:
    assert client.stdin is not None
    client.stdin.write(json.dumps(asked) + "\n")
    client.stdin.flush()


def _hear(client: subprocess.Popen[str]) -> dict[str, int]:
    assert client.stdout is not None
    found: dict[str, int] = json.loads(client.stdout.readline())
    return found


def _arm(size: int) -> str:
    return f"văn bản trọn đường, {size} cơ quan"


def judge(samples: Samples) -> list[Part]:
    """How the rate holds when the offices become more; the rates themselves are in the arms."""
    return [
        at_least("133 cơ quan so với 33", lambda: samples.ratio(_arm(133), _arm(33)), 0.7),
        at_least("66 cơ quan so với 33", lambda: samples.ratio(_arm(66), _arm(33)), 0.8),
    ]


BENCHES = (
    Bench("G13", "Một ngày của tỉnh, 133 cơ quan", "văn bản mỗi giây; 133 cơ quan ≥ 0,7 × 33 cơ quan", measure, judge,
          sized=True),
)  # fmt: skip


def main() -> None:
    """One client: a line asks, a line answers."""
    client = Client(sys.argv[1], Path(sys.argv[2]) / f"client-{sys.argv[3]}", int(sys.argv[3]), int(sys.argv[4]))
    client.folder.mkdir()
    for line in sys.stdin:
        asked = json.loads(line)
        if asked["seconds"]:
            client.work(int(asked["size"]), asked["seconds"], 12)
        else:
            client.empty(int(asked["size"]))
        print(json.dumps({"sent": client.sent, "taken": client.taken, "bytes": client.bytes}), flush=True)


if __name__ == "__main__":
    main()
