"""A bad link of our own: two TUN devices in two network namespaces, joined by a small program that shapes what passes.

Needs root, `/dev/net/tun`, `ip`, `unshare` and `nsenter`; `is_permitted` asks. Rate, delay, loss, a queue that is not
endless, and cuts: for some seconds nothing passes, and the flows that were open are lost as behind a modem that dials
anew (they are answered with RST). Both ends have addresses of 127.0.0.0/8, so that plain HTTP is allowed on it.
"""

from __future__ import annotations

import collections
import ctypes
import fcntl
import heapq
import json
import os
import random
import select
import shutil
import socket
import struct
import subprocess
import sys
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

NEAR, FAR = "127.9.0.1", "127.9.0.2"
"""The office's end and the node's end."""
MTU = 1500
TUNSETIFF, IFF_TUN_NO_PI = 0x400454CA, 0x0001 | 0x1000
CLONE_NEWNET = 0x40000000
RST, SYN = 0x04, 0x02


@dataclass(frozen=True)
class Shape:
    """What the link is like; rates in bits a second, loss as a share, times in seconds."""

    up_bits: int = 64_000
    down_bits: int = 64_000
    delay: float = 0.15
    loss: float = 0.05
    cut_every: float = 60.0
    dark: float = 5.0
    queue_seconds: float = 2.0
    seed: int = 1


@dataclass(frozen=True)
class Figures:
    """What passed since the beginning, IP headers and what was lost included, in the office's direction and back."""

    up_bytes: int = 0
    down_bytes: int = 0
    lost: int = 0
    cuts: int = 0


def is_permitted() -> bool:
    """Whether this computer lets us make such a link."""
    tools = all(shutil.which(name) for name in ("ip", "unshare", "nsenter"))
    if not tools or not Path("/dev/net/tun").exists() or os.getuid() != 0:
        return False
    return subprocess.run(["unshare", "--net", "true"], check=False, capture_output=True).returncode == 0


class TunLink:
    """A link with a namespace at either end, for the time of its life."""

    def __init__(self, shape: Shape, folder: Path) -> None:
        self.shape = shape
        self._figures = folder / f"link-{shape.seed}.json"
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.fakes.tun_link", json.dumps(asdict(shape)), str(self._figures)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=Path(__file__).parents[2],
        )  # fmt: skip
        assert self._process.stdout is not None
        said = self._process.stdout.readline()
        if not said:
            self.close()
            raise RuntimeError("the link could not be made")
        told = json.loads(said)
        self.congestion = str(told["congestion"])
        self._ends = {"near": told["near"], "far": told["far"]}

    def inside(self, end: str) -> list[str]:
        """What stands before a command that is to run at an end, `near` or `far`."""
        return ["nsenter", "--target", str(self._ends[end]), "--net", "--"]

    def figures(self) -> Figures:
        """What has passed."""
        return Figures(**json.loads(self._figures.read_text()))

    def close(self) -> None:
        """Takes it down."""
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                pipe.close()
        try:
            self._process.wait(5)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()


# ── the program between the devices ───────────────────────────────────────────────────────────────────────────


class Direction:
    """One way through the link."""

    def __init__(self, bits: int, shape: Shape) -> None:
        self._rate, self._shape = bits / 8, shape
        self._free_at = 0.0
        self.flight: list[tuple[float, int, bytes]] = []
        self._ordinal = 0
        self.bytes = 0

    def send(self, packet: bytes, now: float, lost: bool) -> bool:
        """Puts a packet on the line; False when the queue is full or the line loses it."""
        begins = max(now, self._free_at)
        if begins - now > self._shape.queue_seconds:
            return False
        self._free_at = begins + len(packet) / self._rate
        self.bytes += len(packet)
        if lost:
            return False
        self._ordinal += 1
        heapq.heappush(self.flight, (self._free_at + self._shape.delay, self._ordinal, packet))
        return True

    def clear(self) -> None:
        """What is under way is gone."""
        self.flight.clear()
        self._free_at = 0.0


def _namespace() -> subprocess.Popen[bytes]:
    """A namespace of its own, for as long as the process lives."""
    holder = subprocess.Popen(["unshare", "--net", "cat"], stdin=subprocess.PIPE, stdout=subprocess.DEVNULL)
    mine = Path("/proc/self/ns/net").readlink()
    while Path(f"/proc/{holder.pid}/ns/net").readlink() == mine:
        time.sleep(0.01)
    return holder


def _device(pid: int, address: str) -> int:
    """A TUN device inside a namespace, with its address; answers its handle."""
    libc = ctypes.CDLL(None, use_errno=True)
    home = os.open("/proc/self/ns/net", os.O_RDONLY)
    there = os.open(f"/proc/{pid}/ns/net", os.O_RDONLY)
    if libc.setns(there, CLONE_NEWNET):
        raise OSError(ctypes.get_errno(), "setns")
    handle = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
    fcntl.ioctl(handle, TUNSETIFF, struct.pack("16sH22x", b"bad0", IFF_TUN_NO_PI))
    for command in (
        "ip link set lo up", "ip addr del 127.0.0.1/8 dev lo", "ip addr add 127.0.0.1/32 dev lo",
        f"ip addr add {address}/24 dev bad0", f"ip link set bad0 mtu {MTU} up",
    ):  # fmt: skip
        subprocess.run(command.split(), check=True, capture_output=True)
    settings = Path("/proc/sys/net/ipv4")
    for device in ("all", "bad0"):
        (settings / f"conf/{device}/route_localnet").write_text("1")
        (settings / f"conf/{device}/rp_filter").write_text("0")
    libc.setns(home, CLONE_NEWNET)
    os.close(home)
    os.close(there)
    return handle


def _flow(packet: bytes) -> tuple[bytes, bytes, int] | None:
    """The flow of a TCP packet, the same in both directions, and its flags."""
    head = (packet[0] & 15) * 4
    if len(packet) < head + 20 or packet[0] >> 4 != 4 or packet[9] != 6:
        return None
    one, other = packet[12:16] + packet[head : head + 2], packet[16:20] + packet[head + 2 : head + 4]
    return min(one, other), max(one, other), packet[head + 13]


def _reset(packet: bytes) -> bytes:
    """What answers a packet of a flow that nobody knows any more. Source: RFC 9293, 3.10.7.1."""
    head = (packet[0] & 15) * 4
    source, target, seq, ack, offset = struct.unpack("!HHIIB", packet[head : head + 13])
    data = len(packet) - head - (offset >> 4) * 4
    tcp = struct.pack("!HHIIBBHHH", target, source, ack, (seq + data) & 0xFFFFFFFF, 5 << 4, RST | 0x10, 0, 0, 0)
    pseudo = packet[16:20] + packet[12:16] + struct.pack("!BBH", 0, 6, len(tcp))
    tcp = tcp[:16] + struct.pack("!H", _sum(pseudo + tcp)) + tcp[18:]
    ip = struct.pack("!BBHHHBBH", 0x45, 0, 40, 0, 0, 64, 6, 0) + packet[16:20] + packet[12:16]
    return ip[:10] + struct.pack("!H", _sum(ip)) + ip[12:] + tcp


def _sum(data: bytes) -> int:
    total: int = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def _run(shape: Shape, near: int, far: int, figures: Path) -> None:
    """Carries packets until standard input ends."""
    source = random.Random(shape.seed)
    up, down = Direction(shape.up_bits, shape), Direction(shape.down_bits, shape)
    ways = {near: (up, far), far: (down, near)}
    flows: set[tuple[bytes, bytes]] = set()
    gone: collections.deque[tuple[bytes, bytes]] = collections.deque(maxlen=2000)
    began = time.monotonic()
    lost = cuts = 0
    was_dark, told = False, 0.0
    while True:
        due = [way.flight[0][0] for way in (up, down) if way.flight]
        now = time.monotonic()
        pause = min([0.2, *(max(0.0, at - now) for at in due)])
        ready, _, _ = select.select([near, far, sys.stdin], [], [], pause)
        now = time.monotonic()
        phase = (now - began) % shape.cut_every if shape.cut_every else 1e9
        is_dark = bool(shape.cut_every) and phase >= shape.cut_every - shape.dark
        if is_dark and not was_dark:
            cuts += 1
            gone.extend(flows)
            flows.clear()
            up.clear()
            down.clear()
        was_dark = is_dark
        for handle in (near, far):
            if handle not in ready:
                continue
            packet = os.read(handle, 2 * MTU)
            if is_dark:
                lost += 1
                continue
            found = _flow(packet)
            if found is not None and found[:2] in gone:
                if not found[2] & RST:
                    os.write(handle, _reset(packet))
                continue
            if found is not None:
                flows.add(found[:2])
            way, _ = ways[handle]
            lost += not way.send(packet, now, source.random() < shape.loss)
        for handle, (way, target) in ways.items():
            while way.flight and way.flight[0][0] <= now:
                os.write(target, heapq.heappop(way.flight)[2])
            assert handle != target
        if now - told > 0.25:
            told = now
            part = figures.with_suffix(".part")
            part.write_text(json.dumps(asdict(Figures(up.bytes, down.bytes, lost, cuts))))
            part.replace(figures)
        if sys.stdin in ready:
            return


def main() -> None:
    """`python -m tests.fakes.tun_link SHAPE FIGURES`: says which processes hold the ends, and carries."""
    shape, figures = Shape(**json.loads(sys.argv[1])), Path(sys.argv[2])
    figures.write_text(json.dumps(asdict(Figures())))
    holders = [_namespace(), _namespace()]
    try:
        near, far = (_device(holder.pid, address) for holder, address in zip(holders, (NEAR, FAR), strict=True))
        used = subprocess.run(
            ["nsenter", "--target", str(holders[0].pid), "--net", "cat", "/proc/sys/net/ipv4/tcp_congestion_control"],
            check=True, capture_output=True, text=True,
        ).stdout.strip()  # fmt: skip
        said: dict[str, Any] = {"near": holders[0].pid, "far": holders[1].pid, "congestion": used}
        print(json.dumps(said), flush=True)
        _run(shape, near, far, figures)
    finally:
        for holder in holders:
            holder.kill()
            holder.wait()


assert socket.inet_aton(NEAR) != socket.inet_aton(FAR)

if __name__ == "__main__":
    main()
