"""Real processes of the model, forked out of one that has everything imported: servers that can be ended, and deeds.

`python -m tests.model.children LOG` is the nursery of the stories with two more tasks. A server looks at a small
shared file, its wires, at every named point and every reading of the clock: how far its clock is off, and where it
is to kill itself.
"""

from __future__ import annotations

import dataclasses
import mmap
import os
import random
import signal
import struct
import time
import types
from pathlib import Path
from typing import get_args

from commune_portal import clock, points, serve
from commune_portal.errors import PortalError
from commune_portal.people import accounts
from commune_portal.people.actors import Actor
from commune_portal.points import Point
from commune_portal.settings import Relay, Settings, load
from commune_portal.store import database, installation
from commune_portal.views import node_api
from commune_portal.wire import keys
from tests.fakes import inkpad
from tests.model import people
from tests.stories import nursery

POINTS: tuple[Point, ...] = get_args(Point)
RELAY = Relay(
    poll_seconds=0.4, watch_seconds=0.05, timeout_seconds=5.0, retry_seconds=(0.1, 0.2, 0.3), chunk_bytes=16384,
    largest_chunk_bytes=32768,
)  # fmt: skip
_FORM = struct.Struct("<qii")


class Wires:
    """What a parent tells a running child: seconds that its clock is ahead, the point to die at, after how many."""

    def __init__(self, path: Path) -> None:
        if not path.exists():
            path.write_bytes(_FORM.pack(0, -1, 0))
        with path.open("r+b") as file:
            self._shared = mmap.mmap(file.fileno(), _FORM.size)

    @property
    def ahead(self) -> int:
        """How many seconds the clock is ahead."""
        return int(_FORM.unpack(self._shared[:])[0])

    def set_clock(self, ahead: int) -> None:
        """Moves the clock, at once and in the running process."""
        _, point, left = _FORM.unpack(self._shared[:])
        self._shared[:] = _FORM.pack(ahead, point, left)

    def arm(self, point: Point | None, left: int = 1) -> None:
        """The n-th reach of a point from now on is the last; None takes that back."""
        self._shared[:] = _FORM.pack(self.ahead, POINTS.index(point) if point else -1, left)

    def reached(self, point: Point) -> None:
        """The hook of the child."""
        ahead, armed, left = _FORM.unpack(self._shared[:])
        if armed < 0 or POINTS[armed] != point:
            return
        self._shared[:] = _FORM.pack(ahead, armed if left > 1 else -1, left - 1)
        if left <= 1:
            nursery.tell(killed=point)
            os.kill(os.getpid(), signal.SIGKILL)


def _opened(folder: str, wires: str) -> Settings:
    told = Wires(Path(wires))
    true = time.time  # noqa: TID251 -- the child's own clock is made of it
    own_clock = types.SimpleNamespace(time=lambda: true() + told.ahead, monotonic=time.monotonic)
    setattr(clock, "time", own_clock)  # noqa: B010
    settings = dataclasses.replace(load(Path(folder) / "portal.toml"), relay=RELAY)
    installation.open_(settings)
    keys.use(keys.load(settings.secrets_folder))
    inkpad.use(settings)
    points.hook = told.reached
    return settings


def serve_node(folder: str, wires: str) -> None:
    """Serves an office or the node, with its relay, until it is killed."""
    node_api.RETRY_AFTER_SECONDS = 1
    settings = _opened(folder, wires)
    portal = serve.Portal(settings)
    nursery.tell(ready=portal.port)
    portal.run()


@dataclasses.dataclass
class Office:
    """The people of the office that is open in this child."""

    key: str

    def person(self, username: str) -> Actor:
        """One of them."""
        found = accounts.by_username(username)
        assert found is not None
        return found.actor


def deeds(folder: str, wires: str, key: str, awake: list[str], seed: int, amount: int, few_left: int) -> None:
    """Does some things that people of an office could do; a rule that says no is told too."""
    _opened(folder, wires)
    points.hook = None
    source = random.Random(seed)
    for _ in range(amount):
        try:
            nursery.tell(deed=people.one_deed(Office(key), awake, source, few_left))
        except PortalError as error:
            nursery.tell(refused=error.code)
            database.roll_back_leftover()


nursery.TASKS |= {"serve_node": serve_node, "deeds": deeds}

if __name__ == "__main__":
    nursery.main()
