"""G9: what the relay brings over the bad link of speed.md §2, beside what such a link could carry at most.

256 kbit/s up, 300 ms there and back, 5 % loss, dark for 5 s of every minute with all flows lost. Several links stand
side by side, each with a node and an office of its own: they are idle nearly all of the time.
`python -m tests.bench.far node FOLDER HOST` and `… office ADDRESS FOLDER PACKETS BYTES CONTROL` are the two ends.
"""

from __future__ import annotations

import hashlib
import json
import os
import socket
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace
from functools import partial
from pathlib import Path

from urllib3.connection import HTTPConnection

from commune_portal.errors import NodeUnreachable
from commune_portal.parties import supervisor
from commune_portal.relay import uploads
from commune_portal.relay.client import NodeClient, PacketMissing
from commune_portal.relay.link import NodeIdentity
from commune_portal.relay.uploads import Grain
from commune_portal.wire import keys
from tests.bench.harness import Bench, Part, Sample, Samples, at_least, at_most
from tests.bench.slices import PACE
from tests.fakes import tun_link
from tests.fakes.shaped import ShapedProxy
from tests.fakes.tun_link import Shape, TunLink
from tests.node.cast import NODE_CODE, new_keys, new_office

ROOT = Path(__file__).parents[2]
PACKET_BYTES = 2_000_000
LINKS, PACKETS = 3, 2
SHAPE = Shape(up_bits=256_000, down_bits=1_000_000, delay=0.15, loss=0.05, cut_every=60.0, dark=5.0)
PAYLOAD_OF_A_SEGMENT = 1448 / 1500
CEILING = SHAPE.up_bits / 8 * (1 - SHAPE.loss) * (1 - SHAPE.dark / SHAPE.cut_every) * PAYLOAD_OF_A_SEGMENT
"""Bytes a second that anybody could bring over this link, by arithmetic: 26.9 kB/s."""
GOALS = {"bbr": 0.80, "cubic": 0.70}
WRONG = "gói mất hoặc trùng"


def available() -> list[str]:
    """The congestion controls of the goal that this kernel has; without TUN devices a proxy stands in."""
    if not tun_link.is_permitted():
        return [ShapedProxy.congestion]
    known = Path("/proc/sys/net/ipv4/tcp_available_congestion_control").read_text(encoding="ascii").split()
    return [name for name in GOALS if name in known]


def measure() -> Iterator[Sample]:
    """Packets of two megabytes one after the other, over all links at once."""
    links, packets, size = (1, 1, PACKET_BYTES // 8) if PACE.quick else (LINKS, PACKETS, PACKET_BYTES)
    with tempfile.TemporaryDirectory() as place, ExitStack() as stack:
        running = [
            (name, Path(place) / f"{name[:5]}-{ordinal}", _office(stack, Path(place), name, ordinal, packets, size))
            for name in available()
            for ordinal in range(links)
        ]
        for name, folder, office in running:
            out, _ = office.communicate(timeout=1800)
            if office.returncode:
                raise RuntimeError("an office of the bad link broke off")
            for line in out.splitlines():
                yield Sample(_arm(name), size / json.loads(line)["seconds"] / 1000, "kB/s")
            for wrong in _wrong(folder, packets):
                yield Sample(WRONG, wrong, "")


def _office(stack: ExitStack, place: Path, name: str, ordinal: int, packets: int, size: int) -> subprocess.Popen[str]:
    folder = place / f"{name[:5]}-{ordinal}"
    folder.mkdir()
    is_tun = tun_link.is_permitted()
    shape = replace(SHAPE, seed=ordinal + 1)
    link: TunLink | ShapedProxy | None = TunLink(shape, folder) if is_tun else None
    if link is not None:
        stack.callback(link.close)
    host = tun_link.FAR if is_tun else "127.0.0.1"
    node = subprocess.Popen(
        [*(link.inside("far") if link else []), sys.executable, "-m", "tests.bench.far", "node", str(folder / "node"),
         host],
        stdout=subprocess.PIPE, text=True, cwd=ROOT,
    )  # fmt: skip
    stack.callback(node.wait)
    stack.callback(node.terminate)
    assert node.stdout is not None
    port = json.loads(node.stdout.readline())["port"]
    if link is None:
        near = supervisor.free_port()
        link = ShapedProxy(shape, folder, near, port)
        stack.callback(link.close)
        port = near
    return subprocess.Popen(
        [*link.inside("near"), sys.executable, "-m", "tests.bench.far", "office", f"http://{host}:{port}", str(folder),
         str(packets), str(size), name if is_tun else ""],
        stdout=subprocess.PIPE, text=True, cwd=ROOT,
    )  # fmt: skip


def _wrong(folder: Path, packets: int) -> Iterator[float]:
    """For each packet sent 0, or 1 where the node has it not once and whole."""
    sent = json.loads((folder / "sent.json").read_text())
    store = sqlite3.connect(f"file:{folder}/node/data/register.sqlite3?mode=ro", uri=True)
    try:
        for sha256 in sent:
            times = store.execute("SELECT count(*) FROM mailbox WHERE packet_sha256 = ?", (sha256,)).fetchone()[0]
            path = folder / "node" / "data" / "files" / sha256[:2] / sha256[2:4] / sha256
            whole = path.exists() and hashlib.sha256(path.read_bytes()).hexdigest() == sha256
            yield float(times != 1 or not whole)
    finally:
        store.close()
    assert len(sent) == packets


def serve(folder: Path, host: str) -> None:
    """The node's end."""
    from tests.bench import exchanging

    exchanging.serve_node(folder, lambda port: print(json.dumps({"port": port}), flush=True), host=host)


def send(address: str, folder: Path, packets: int, size: int, congestion: str) -> None:
    """The office's end: uploads packet after packet as the relay does, and goes on after every cut."""
    if congestion:
        option = (socket.IPPROTO_TCP, socket.TCP_CONGESTION, congestion.encode())
        HTTPConnection.default_socket_options = [*HTTPConnection.default_socket_options, option]
    own, office, grain = new_keys(0), new_office(1), Grain()
    keys.use(office.keys)
    client = NodeClient(NodeIdentity(NODE_CODE, address, None, {own.key_id: own.public_key}), office.keys, office.code)
    path, sent = folder / "packet", []
    for _ in range(packets):
        data = os.urandom(size)
        path.write_bytes(data)
        envelope = office.envelope("H99.02", data)
        sealed, began = office.seal(envelope), time.perf_counter()
        while True:
            try:
                uploads.upload(client, path, envelope.packet_sha256, envelope.message_id, grain=grain, pause=time.sleep)
                if not isinstance(client.commit(sealed), PacketMissing):
                    break
            except NodeUnreachable:
                time.sleep(0.5)
        sent.append(envelope.packet_sha256)
        (folder / "sent.json").write_text(json.dumps(sent))
        print(json.dumps({"seconds": time.perf_counter() - began}), flush=True)


def _arm(name: str) -> str:
    return f"chuyển gói, {name}"


def _share(samples: Samples, name: str) -> float:
    return samples.median(_arm(name)) * 1000 / CEILING


def judge(samples: Samples) -> list[Part]:
    """Goodput beside the computed ceiling, by congestion control, and that nothing was lost or doubled."""
    found = [
        at_least(
            f"thông lượng / trần {CEILING / 1000:.1f} kB/s, {name}",
            partial(_share, samples, name),
            GOALS.get(name, 0.80), "" if name in GOALS else "không có TUN: qua proxy",
        )
        for name in available()
    ]  # fmt: skip
    return [*found, at_most(WRONG, lambda: max(samples.values(WRONG)), 0)]


BENCHES = (
    Bench("G9", "Đường truyền xấu", "thông lượng ≥ 0,80 × trần (BBR), ≥ 0,70 × (cubic); không mất, không trùng",
          measure, judge, sized=True),
)  # fmt: skip

if __name__ == "__main__":
    if sys.argv[1] == "node":
        serve(Path(sys.argv[2]), sys.argv[3])
    else:
        send(sys.argv[2], Path(sys.argv[3]), int(sys.argv[4]), int(sys.argv[5]), sys.argv[6])
