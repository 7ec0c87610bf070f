"""Offices and a node as real processes behind a real proxy, and what is done to them seed by seed."""

from __future__ import annotations

import contextlib
import json
import os
import random
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

from commune_portal import clock
from commune_portal.documents.verification import verify_installation
from commune_portal.parties import supervisor
from commune_portal.relay.worker import Worker
from tests.fakes.proxy import Forward
from tests.fakes.wire import Faults, Wire, faultless, seeded, serving
from tests.model import agreement, founding
from tests.model.children import POINTS, RELAY, Wires
from tests.model.founding import OFFICES, PARTIES, opened
from tests.model.run import CLOCKS, DEEDS, DISKS, KILLS, NODE_POINTS, OFFICE_POINTS, REFUSED, STATES
from tests.model.tally import Tally
from tests.model.wire import LINK
from tests.stories.killing import CODES

PROJECT = Path(__file__).parents[2]
PACKETS = 20
FAULTS = 0.06
SLOW_OF_A_HUNDRED = 4
QUIET_SECONDS = 90.0
FEW_LEFT = 14
DISK_BYTES = 160 * 1024 * 1024
DEEPEST = {"inside-transaction": 14, "after-commit": 14, "inside-chunk": 4, "file-synced": 3}
"""How deep a kill may lie in the stream of reaches."""


class Disk:
    """The data folder of a party: a small disk of memory that can be filled, where the system permits to mount one."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        size = f"size={DISK_BYTES}"
        mount = shutil.which("mount")
        self.is_mounted = mount is not None and os.name == "posix" and os.getuid() == 0 and not subprocess.run(
            [mount, "-t", "tmpfs", "-o", size, "tmpfs", str(folder)], check=False, capture_output=True
        ).returncode  # fmt: skip
        self._ballast = folder / "ballast"

    def fill(self, left_bytes: int) -> None:
        """Leaves so much room."""
        if self.is_mounted:
            free = shutil.disk_usage(self.folder).free - left_bytes
            with contextlib.suppress(OSError), self._ballast.open("wb") as out:
                os.posix_fallocate(out.fileno(), 0, max(1, free))

    def empty(self) -> None:
        """Gives the room back."""
        self._ballast.unlink(missing_ok=True)

    def close(self) -> None:
        """Takes the disk away."""
        if self.is_mounted:
            subprocess.run(["umount", "-l", str(self.folder)], check=False, capture_output=True)


class House:
    """A node and three offices with their processes, disks, clocks and the proxy between them."""

    def __init__(self, folder: Path, tally: Tally, stock: int) -> None:
        self.folder, self.tally = folder, tally
        self.source = random.Random(0)
        self._stack = ExitStack()
        self.disks = {key: Disk(folder / key / "data") for key in PARTIES}
        for disk in self.disks.values():
            self._stack.callback(disk.close)
        ports = {key: supervisor.free_port() for key in PARTIES}
        self.forward = Forward(ports["node"], self.source)
        self.wire: Wire = self._stack.enter_context(serving(self.forward, self._fault))
        self._faults: Faults = faultless
        port = int(self.wire.address.rpartition(":")[2])
        self.settings = founding.found(folder, clock.now() - timedelta(hours=1), stock, port)
        for key, settings in self.settings.items():
            config = settings.folder / supervisor.CONFIG
            text = config.read_text(encoding="utf-8").replace(f"port = {port}", f"port = {ports[key]}")
            config.write_text(text, encoding="utf-8")
            self.settings[key] = replace(settings, server=replace(settings.server, port=ports[key]))
        self.wires = {key: Wires(folder / f"{key}.wires") for key in PARTIES}
        self.log = folder / "children.log"
        self._nursery = subprocess.Popen(
            [sys.executable, "-m", "tests.model.children", str(self.log)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=PROJECT,
        )  # fmt: skip
        self._stack.callback(self._end)
        self.processes: dict[str, int] = {}
        self._stores = ExitStack()

    def begin(self) -> None:
        """Starts everybody and waits until all know each other."""
        self.start("node")
        for _ in range(2):
            for key in OFFICES:
                with opened(self.settings[key]) as settings:
                    if not Worker(replace(settings, relay=RELAY)).contact():
                        raise RuntimeError(f"{key} could not enrol")
        for key in OFFICES:
            self.start(key)
        found = {
            CODES[key]: self._stack.enter_context(agreement.reading(settings.database_path))
            for key, settings in self.settings.items()
        }
        self.stores = agreement.Stores(found, found.pop(CODES["node"]), CODES["node"])

    def _fault(self, method: str, path: str) -> Any:
        return self._faults(method, path)

    # ── processes ─────────────────────────────────────────────────────────────────────────────────────────────

    def _ask(self, task: str, **values: Any) -> dict[str, Any]:
        assert self._nursery.stdin is not None
        assert self._nursery.stdout is not None
        print(json.dumps({"task": task, "with": values}), file=self._nursery.stdin, flush=True)
        answer: dict[str, Any] = json.loads(self._nursery.stdout.readline())
        return answer

    def start(self, key: str) -> None:
        """Starts the server of a party."""
        answer = self._ask("serve_node", folder=str(self.settings[key].folder), wires=str(self._wires(key)))
        if "ready" not in answer["ready"]:
            raise RuntimeError(f"{key} does not start: {answer} {self.log.read_text(errors='replace')[-2000:]}")
        self.processes[key] = answer["process"]

    def _wires(self, key: str) -> Path:
        return self.folder / f"{key}.wires"

    def revive(self) -> int:
        """Starts again whoever has died at his point; answers how many had."""
        dead = 0
        for key, process in tuple(self.processes.items()):
            answer = self._ask("reap", process=process, end=False)
            if answer["ended"]:
                dead += 1
                self._died(key, answer["said"])
                self.start(key)
        return dead

    def kill(self, key: str) -> None:
        """Ends a server with SIGKILL wherever it stands, and starts it again."""
        answer = self._ask("reap", process=self.processes[key], end=True)
        self._died(key, answer["said"])
        self.start(key)

    def _died(self, key: str, said: list[dict[str, Any]]) -> None:
        errors = [item["error"] for item in said if "error" in item]
        if errors:
            raise RuntimeError(f"{key} ended by itself: {errors} {self.log.read_text(errors='replace')[-2000:]}")
        where = next((item["killed"] for item in said if "killed" in item), "anywhere")
        self.tally.add(KILLS, f"{_role(key)} {where}")

    def deeds(self, key: str, amount: int, few_left: int = FEW_LEFT) -> None:
        """Lets people of an office work."""
        told = self._ask(
            "deeds", folder=str(self.settings[key].folder), wires=str(self._wires(key)), key=key, awake=list(OFFICES),
            seed=self.source.getrandbits(40), amount=amount, few_left=few_left,
        )  # fmt: skip
        for item in told["said"]:
            if "error" in item:
                raise RuntimeError(f"{item['error']} {self.log.read_text(errors='replace')[-2500:]}")
            self.tally.add(DEEDS if "deed" in item else REFUSED, item.get("deed") or item["refused"])

    def _end(self) -> None:
        for process in self.processes.values():
            with contextlib.suppress(OSError, ValueError):
                self._ask("reap", process=process, end=True)
        self._nursery.kill()
        self._nursery.wait()
        for pipe in (self._nursery.stdin, self._nursery.stdout):
            if pipe is not None:
                pipe.close()

    def close(self) -> None:
        """Ends everything."""
        self._stack.close()

    # ── a seed ────────────────────────────────────────────────────────────────────────────────────────────────

    def queued(self) -> int:
        """How many packets were ever queued."""
        return sum(
            office.execute("SELECT count(*) FROM outbox").fetchone()[0] for office in self.stores.offices.values()
        )

    def play(self, seed: int) -> None:
        """Twenty packets and more with a kill among them; raises AssertionError for what does not hold at quiet."""
        self.source.seed(seed)
        self._faults = seeded(seed, FAULTS)
        self.forward.slow = SLOW_OF_A_HUNDRED
        victim = self.source.choice(PARTIES)
        point = self.source.choice(NODE_POINTS if victim == "node" else OFFICE_POINTS)
        self.wires[victim].arm(point, self.source.randint(1, DEEPEST.get(point, 2)))
        before, killed = self.queued(), 0
        with self._trouble():
            deadline = time.monotonic() + QUIET_SECONDS
            while self.queued() - before < PACKETS and time.monotonic() < deadline:
                for key in self.source.sample(OFFICES, 2):
                    self.deeds(key, self.source.randint(1, 3))
                time.sleep(self.source.random() * 0.2)
                killed += self.revive()
        if not killed:
            self.wires[victim].arm(None)
            killed += self.revive()
        if not killed:
            self.kill(victim)
        self.settle(seed)
        assert self.queued() - before >= PACKETS
        problems = agreement.problems(self.stores)
        assert problems == [], (seed, problems[:20])

    @contextlib.contextmanager
    def _trouble(self) -> Iterator[None]:
        """A clock that jumps, a disk that is full, for a part of the time."""
        unlucky = self.source.choice(PARTIES)
        draw = self.source.random()
        if draw < 0.35:
            ahead = self.source.choice((4 * 3600, -4 * 3600, 40 * 86400, -365 * 86400, _to_new_year()))
            self.wires[unlucky].set_clock(ahead)
            self.tally.add(CLOCKS, f"{_role(unlucky)} {'ahead' if ahead > 0 else 'behind'}")
        elif draw < 0.6 and self.disks[unlucky].is_mounted:
            self.disks[unlucky].fill(self.source.choice((0, 4096, 20_000, 60_000)))
            self.tally.add(DISKS, _role(unlucky))
        self.deeds(self.source.choice(OFFICES), 2)
        if draw >= 0.5:  # full for a moment only
            self.disks[unlucky].empty()
        try:
            yield
        finally:
            self.disks[unlucky].empty()
            self.wires[unlucky].set_clock(0)

    def settle(self, seed: int) -> None:
        """A good link, right clocks and empty disks, until nothing is left to be carried."""
        self._faults, self.forward.slow = faultless, 0
        for done in self.wire.done:
            self.tally.add(LINK, done.name.lower())
        self.wire.done.clear()
        for name, amount in self.forward.done.items():
            self.tally.add(LINK, name, amount)
        self.forward.done.clear()
        deadline = time.monotonic() + QUIET_SECONDS
        while left := agreement.unsettled(self.stores):
            self.revive()
            assert time.monotonic() < deadline, (seed, left, self.log.read_text(errors="replace")[-3000:])
            time.sleep(0.05)

    def verify(self) -> list[str]:
        """Every register read whole, as `register verify` does."""
        for state in agreement.states(self.stores):
            self.tally.add(STATES, state)
        return [
            f"{key}: {fault}"
            for key, settings in self.settings.items()
            for fault in verify_installation(settings).faults
        ]


def _to_new_year() -> int:
    now = clock.now().astimezone(clock.VIETNAM)
    eve = now.replace(year=now.year + 1, month=1, day=1, hour=0, minute=0, second=0) - timedelta(seconds=2)
    return int((eve - now).total_seconds())


def _role(key: str) -> str:
    return "node" if key == "node" else "office"


assert set(OFFICE_POINTS) <= set(POINTS)
