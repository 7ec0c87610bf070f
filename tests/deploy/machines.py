"""Bare machines: a Debian root without Python in namespaces of its own, joined by a cable and by nothing else.

The root is made once by debootstrap and kept under `.make/`; each machine gets a copy. A machine has no network but the
cable to the other one. Needs root, debootstrap, ip, unshare and nsenter; what is missing fails.
"""

from __future__ import annotations

import ctypes
import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parents[2]
KEPT = CHECKOUT / ".make" / "bare"
SUITE = "bookworm"
EXTRA = ("softhsm2",)
"""What a machine has besides Debian's smallest set: the simulated token, nothing of Python's."""
MIRROR = "http://deb.debian.org/debian"
ROOT_SECONDS, COMMAND_SECONDS = 420, 180
CLONE_NEWNET = 0x40000000
ENVIRONMENT = {
    "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
    "HOME": "/root",
    "LANG": "C.UTF-8",
}


class Failed(AssertionError):
    """A command on a machine ended with another code than was expected."""


@dataclass(frozen=True)
class Said:
    """What a command answered."""

    code: int
    out: str
    err: str


def bare_root() -> Path:
    """The smallest Debian, made at the first call and kept; nobody may change it."""
    root = KEPT / SUITE
    if not (root / "etc" / "debian_version").exists() or not (KEPT / "whole").exists():
        shutil.rmtree(root, ignore_errors=True)
        KEPT.mkdir(parents=True, exist_ok=True)
        made = subprocess.run(
            ["debootstrap", "--variant=minbase", f"--include={','.join(EXTRA)}", SUITE, str(root), MIRROR],
            capture_output=True,
            text=True,
            timeout=ROOT_SECONDS,
            check=False,
        )
        assert made.returncode == 0, made.stdout[-3000:] + made.stderr[-3000:]
        shutil.rmtree(root / "var" / "cache" / "apt", ignore_errors=True)
        (KEPT / "whole").write_text("debootstrap ended well\n", encoding="ascii")
    return root


class Machine:
    """One bare machine: its root folder, its namespaces, and what is run there."""

    def __init__(self, name: str, folder: Path) -> None:
        self.name = name
        self.root = folder / name
        subprocess.run(["cp", "-a", "--reflink=auto", str(bare_root()), str(self.root)], check=True, timeout=120)
        (self.root / "etc" / "hostname").write_text(name + "\n", encoding="ascii")
        self._start()

    def _start(self) -> None:
        inside = (
            'mount -t proc proc "$1/proc" && mount -t tmpfs -o mode=755 run "$1/run" && mount --rbind /dev "$1/dev"'
            ' && mount -t tmpfs -o mode=1777 tmp "$1/tmp" && ip link set lo up && hostname "$2"'
            ' && exec chroot "$1" sleep infinity'
        )
        self._holder = subprocess.Popen(
            ["unshare", "--net", "--mount", "--pid", "--uts", "--ipc", "--fork", "--kill-child", "--propagation",
             "private", "sh", "-c", inside, "sh", str(self.root), self.name],
        )  # fmt: skip
        self.pid = self._wait_for_init()

    def _wait_for_init(self) -> int:
        children = Path(f"/proc/{self._holder.pid}/task/{self._holder.pid}/children")
        for _ in range(200):
            found = children.read_text(encoding="ascii").split()
            if found and Path(f"/proc/{found[0]}/comm").read_text(encoding="ascii").strip() == "sleep":
                return int(found[0])
            assert self._holder.poll() is None, f"{self.name} did not start"
            time.sleep(0.05)
        raise AssertionError(f"{self.name} did not start in time")

    def cut_power(self) -> None:
        """Every process of the machine dies at once; the disk stays."""
        self._holder.kill()
        self._holder.wait(30)

    def boot(self) -> None:
        """Starts the machine again after a power cut; the cable must be plugged in anew."""
        self._start()

    def close(self) -> None:
        """Ends the machine."""
        self.cut_power()

    def command(self, *words: str) -> list[str]:
        """The command line that carries words out on the machine, for a process of one's own."""
        variables = [f"{name}={value}" for name, value in ENVIRONMENT.items()]
        return ["nsenter", "--target", str(self.pid), "--net", "--mount", "--pid", "--uts", "--ipc", "--root",
                "--wdns=/", "--", "env", "-i", *variables, *words]  # fmt: skip

    def run(self, *words: str, codes: Sequence[int] = (0,), seconds: float = COMMAND_SECONDS, stdin: str = "") -> Said:
        """Carries out a command; raises Failed for an exit code that was not expected."""
        done = subprocess.run(
            self.command(*words), input=stdin, capture_output=True, text=True, timeout=seconds, check=False
        )
        if done.returncode not in codes:
            raise Failed(
                f"{self.name}: {' '.join(words)}: {done.returncode}\n{done.stdout[-4000:]}\n{done.stderr[-4000:]}"
            )
        return Said(done.returncode, done.stdout, done.stderr)

    def shell(self, script: str, *, codes: Sequence[int] = (0,), seconds: float = COMMAND_SECONDS) -> Said:
        """Carries out a line of shell."""
        return self.run("sh", "-c", script, codes=codes, seconds=seconds)

    def path(self, inside: str) -> Path:
        """Where a file of the machine lies for this process (not for what is mounted inside)."""
        return self.root / inside.lstrip("/")

    def proc_path(self, inside: str) -> Path:
        """The same through the machine's own mounts."""
        return Path(f"/proc/{self.pid}/root") / inside.lstrip("/")

    @contextmanager
    def network(self) -> Iterator[None]:
        """Sockets that this thread makes meanwhile are the machine's."""
        libc = ctypes.CDLL(None, use_errno=True)
        own = os.open("/proc/thread-self/ns/net", os.O_RDONLY)
        there = os.open(f"/proc/{self.pid}/ns/net", os.O_RDONLY)
        try:
            _enter(libc, there)
            yield
        finally:
            _enter(libc, own)
            os.close(own)
            os.close(there)

    def interfaces(self) -> list[str]:
        """The names of the machine's network devices."""
        with self.network():
            return sorted(name for _, name in socket.if_nameindex())


def _enter(libc: ctypes.CDLL, handle: int) -> None:
    if libc.setns(handle, CLONE_NEWNET) != 0:
        raise OSError(ctypes.get_errno(), "setns")


def join(one: Machine, one_address: str, other: Machine, other_address: str) -> None:
    """Lays a cable between two machines; nothing else is at its ends."""
    subprocess.run(
        ["nsenter", "--target", str(one.pid), "--net", "ip", "link", "add", "cable0", "type", "veth", "peer", "name",
         "cable0", "netns", str(other.pid)], check=True, timeout=30,
    )  # fmt: skip
    for machine, address in ((one, one_address), (other, other_address)):
        into = ["nsenter", "--target", str(machine.pid), "--net", "ip"]
        subprocess.run([*into, "address", "add", f"{address}/24", "dev", "cable0"], check=True, timeout=30)
        subprocess.run([*into, "link", "set", "cable0", "up"], check=True, timeout=30)
