"""One seed after the other: people act, the link does its worst, processes end, clocks jump, disks fill; then quiet."""

from __future__ import annotations

import dataclasses
import errno
import random
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from flask import Flask

from commune_portal import points
from commune_portal.app import create_app
from commune_portal.documents.verification import verify_installation
from commune_portal.errors import DiskFull, PortalError
from commune_portal.people import peers
from commune_portal.points import Point
from commune_portal.relay import link
from commune_portal.relay.worker import Worker
from commune_portal.settings import Settings
from commune_portal.store import database
from commune_portal.wire import keys
from tests.fakes import inkpad
from tests.model import agreement, founding, people
from tests.model.founding import OFFICES, PARTIES
from tests.model.party import MODEL_TIME, Party, standing
from tests.model.sticks import Stick
from tests.model.tally import Tally
from tests.model.wire import Crash, MemoryWire
from tests.stories.killing import CODES

AT = datetime(2026, 12, 1, 2, tzinfo=UTC)
NEW_YEAR = datetime(2026, 12, 31, 16, 30, tzinfo=UTC)
"""Half an hour before the civil year ends in Vietnam."""
STOCK = 12
RATE = 0.1
"""How many requests meet a fault while a seed is not at rest."""
ROUNDS_TO_QUIET = 300
KILLS, DISKS, CLOCKS, DEEDS, REFUSED = "kills", "full disks", "clock jumps", "deeds", "refused by a rule"
STUMBLES, STATES = "contacts that stumbled", "states reached"
JUMPS = {
    "three hours ahead": timedelta(hours=3), "three hours behind": timedelta(hours=-3),
    "forty days ahead": timedelta(days=40), "a year behind": timedelta(days=-365), "right again": timedelta(),
}  # fmt: skip
OFFICE_POINTS: tuple[Point, ...] = (
    "file-synced", "inside-transaction", "after-commit", "before-answer", "inside-chunk", "between-fetch-and-receipt",
)  # fmt: skip
NODE_POINTS: tuple[Point, ...] = ("file-synced", "inside-transaction", "after-commit", "before-answer", "inside-chunk")
FILLS = frozenset({"file-synced", "inside-transaction", "inside-chunk"})
DEEPEST = {"inside-transaction": 10, "after-commit": 10, "inside-chunk": 3}


class Disagreement(AssertionError):
    """A seed at whose end something did not hold; the text is for whoever replays it."""


class Relaying(Worker):
    """The relay without its pauses, and with the draws of the seed."""

    def __init__(self, settings: Settings, draw: Callable[[], float]) -> None:
        super().__init__(settings)
        self._draw = draw

    def _pause(self, seconds: float) -> None:
        MODEL_TIME[0] += timedelta(seconds=int(seconds))

    def is_willing(self) -> bool:
        """Whether it would make contact now of itself."""
        peer = peers.find_peer()
        return peer is not None and self._wants_contact(peer)


@dataclass
class Armed:
    """Where a process ends next, or finds its disk full."""

    key: str
    point: Point
    left: int
    full: bool


class Model:
    """A node and three offices in one process. The stores are reused; each seed begins with the same registers."""

    def __init__(self, folder: Path, tally: Tally) -> None:
        self.folder, self.tally = folder, tally
        made = founding.found(folder, AT, STOCK, poll_seconds=120.0, chunk_bytes="16384", largest_chunk_bytes="32768")
        self.parties = {key: Party(key, made[key], keys.load(made[key].secrets_folder)) for key in PARTIES}
        self.source = random.Random(0)
        self.stick = Stick(folder / "stick", self.source, tally)
        self.armed: Armed | None = None
        self._nested = False
        self._awake: list[str] = list(OFFICES)
        self._workers: dict[str, Relaying] = {}
        inkpad.use(made["a"])
        for party in self.parties.values():
            party.open()
        node = self.parties["node"]
        self._app: Flask = node.do(lambda: create_app(node.settings))
        self.wire = MemoryWire(
            {CODES["node"]: (node, self._app)}, self.source, tally, self.restart, self._meanwhile
        )  # fmt: skip
        link._pool = self.wire.pool  # type: ignore[assignment]  # the one place where the client meets a socket
        points.hook = self._reached
        MODEL_TIME[0] = AT + timedelta(minutes=1)
        for key in OFFICES * 2:
            if not self.parties[key].do(self._worker(key).contact):
                raise RuntimeError("the offices of the model could not enrol")
        for party in self.parties.values():
            party.keep_template()
        self._reading = ExitStack()
        found = {
            CODES[key]: self._reading.enter_context(agreement.reading(party.settings.database_path))
            for key, party in self.parties.items()
        }
        self.stores = agreement.Stores(found, found.pop(CODES["node"]), CODES["node"])

    def close(self) -> None:
        """Ends the parties' threads."""
        points.hook = None
        self._reading.close()
        for party in self.parties.values():
            party.close()

    # ── one seed ──────────────────────────────────────────────────────────────────────────────────────────────

    def run(self, seed: int, *, thorough: bool = False) -> None:
        """Plays a seed to its quiet end; raises Disagreement for whatever does not hold then."""
        self.source.seed(seed)
        self._begin()
        for _ in range(self.source.randint(1, 4)):
            self._round()
            MODEL_TIME[0] += timedelta(seconds=self.source.choice((0, 1, 5, 40, 200, 900)))
        rounds = self.settle()
        if self.source.random() < 0.4:  # what has arrived is answered, and all comes to rest once more
            for key in self._awake:
                for _ in range(self.source.randint(1, 3)):
                    self._deed(self.parties[key], few_left=STOCK)
            rounds += self.settle()
        problems = agreement.problems(self.stores)
        for state in agreement.states(self.stores):
            self.tally.add(STATES, state)
        if thorough and not problems:
            for key, party in self.parties.items():
                problems += [f"{key}: {fault}" for fault in verify_installation(party.settings).faults]
        if problems:
            raise Disagreement(f"seed {seed}, after {rounds} rounds:\n" + "\n".join(problems[:20]))

    def _begin(self) -> None:
        self._awake = self.source.sample(OFFICES, 2 if self.source.random() < 0.7 else 3)
        self.stick.wipe()
        self.wire.late.clear()
        self.wire.rate = RATE
        self.armed = None
        self._workers.clear()
        MODEL_TIME[0] = NEW_YEAR if self.source.random() < 0.25 else AT + timedelta(days=1)
        if MODEL_TIME[0] == NEW_YEAR:
            self.tally.add(CLOCKS, "31/12 to 01/01")
        for party in self.parties.values():
            party.ahead = timedelta()
            party.begin_again()
        self._floor(full=False)

    def _round(self) -> None:
        """Somebody does something, something goes wrong, and each relay may have its turn."""
        draw = self.source.random
        for _ in range(self.source.choice((0, 1, 2, 2))):
            self._deed(self.parties[self.source.choice(self._awake)])
        if draw() < 0.15:
            self._jump()
        if self.armed is None and draw() < 0.6:
            self._arm()
        if draw() < 0.05:
            self._floor(full=draw() < 0.6)
        if draw() < 0.06:
            ends = self.source.sample(("node", *self._awake), 2)
            self._guarded(lambda: self.stick.carry(*(self.parties[key] for key in ends)))
        if draw() < 0.02:
            self.tally.add(KILLS, "office at rest")
            self.restart(self.parties[self.source.choice(self._awake)])
        for key in self.source.sample(self._awake, len(self._awake)):
            self._contact(self.parties[key], willing_only=draw() < 0.5)
        if draw() < 0.5:
            self.wire.deliver_late(0.6)

    def _guarded(self, act: Callable[[], None]) -> None:
        """Something that may end the process of whoever does it."""
        try:
            act()
        except Crash:
            for party in self.parties.values():
                self.restart(party)

    def _deed(self, office: Party, few_left: int = people.FEW_LEFT) -> None:
        """One act of somebody; a rule that says no is an answer too."""
        try:
            name = office.do(lambda: people.one_deed(office, self._awake, self.source, few_left))
            self.tally.add(DEEDS, name)
        except Crash:
            self.restart(office)
        except PortalError as error:
            self.tally.add(REFUSED, error.code)

    def _contact(self, office: Party, *, willing_only: bool) -> None:
        """A round of an office's relay; what the outermost loop of the worker would catch is counted."""
        worker = self._worker(office.key)
        try:
            if not willing_only or office.do(worker.is_willing):
                office.do(worker.contact)
                office.do(worker.check_arrivals)
        except Crash:
            self.restart(office)
        except PortalError as error:
            self.tally.add(STUMBLES, error.code)
            office.do(database.roll_back_leftover)

    def _meanwhile(self) -> None:
        """Something happens elsewhere, or at the same office, while a request is on its way."""
        if self._nested:
            return
        self._nested = True
        try:
            office = self.parties[self.source.choice(self._awake)]
            if office in standing or self.source.random() < 0.5:
                self._deed(office)
            else:
                self._contact(office, willing_only=False)
        finally:
            self._nested = False

    def _jump(self) -> None:
        party, name = self.parties[self.source.choice(("node", *self._awake))], self.source.choice(tuple(JUMPS))
        self.tally.add(CLOCKS, f"{_role(party.key)} {name}")
        party.ahead = JUMPS[name]

    def _arm(self) -> None:
        key = self.source.choice(("node", *self._awake))
        point = self.source.choice(NODE_POINTS if key == "node" else OFFICE_POINTS)
        full = point in FILLS and self.source.random() < 0.4
        self.armed = Armed(key, point, self.source.randint(1, DEEPEST.get(point, 2)), full)

    def _reached(self, point: Point) -> None:
        armed, party = self.armed, standing[-1]
        if armed is None or (armed.key, armed.point) != (party.key, point):
            return
        armed.left -= 1
        if armed.left > 0:
            return
        self.armed = None
        self.tally.add(DISKS if armed.full else KILLS, f"{_role(party.key)} {point}")
        if armed.full:
            if party.key == "node" and point == "inside-chunk":
                raise OSError(errno.ENOSPC, "full")
            raise DiskFull
        if point == "inside-chunk":
            self._lose_unsynced(party)
        raise Crash

    def _lose_unsynced(self, party: Party) -> None:
        """A power cut takes the end of what was not synced yet."""
        found = [*party.settings.work_folder.glob("*.upload"), *party.settings.work_folder.glob("fetched/*.part")]
        for path in found[-1:]:
            with path.open("r+b") as file:
                file.truncate(max(0, path.stat().st_size - self.source.randrange(3000)))

    def restart(self, party: Party) -> None:
        """The process of a party has ended and begins anew."""
        self._workers.pop(party.key, None)
        party.open()

    def _worker(self, key: str) -> Relaying:
        if key not in self._workers:
            office = self.parties[key]
            self._workers[key] = office.do(lambda: Relaying(office.settings, self.source.random))
        return self._workers[key]

    def _floor(self, *, full: bool) -> None:
        """The node's disk is at its floor, or not."""
        limits = self.parties["node"].settings.limits
        floor = 1 << 60 if full else limits.disk_floor_bytes
        self._app.config["PORTAL_SETTINGS"] = dataclasses.replace(
            self.parties["node"].settings, limits=dataclasses.replace(limits, disk_floor_bytes=floor)
        )
        if full:
            self.tally.add(DISKS, "node at its floor")

    # ── quiet ─────────────────────────────────────────────────────────────────────────────────────────────────

    def settle(self) -> int:
        """Lets everything be carried by the relays' own decisions; answers after how many rounds it was at rest."""
        self.armed = None
        self.wire.deliver_late()
        self.wire.rate = 0.0
        self.armed = None
        self._floor(full=False)
        for party in self.parties.values():
            party.ahead = timedelta()
        for ordinal in range(ROUNDS_TO_QUIET):
            for key in self._awake:
                self._contact(self.parties[key], willing_only=True)
            if not agreement.unsettled(self.stores):
                return ordinal
            MODEL_TIME[0] += timedelta(seconds=5 if ordinal < 12 else 120)
        return ROUNDS_TO_QUIET


def _role(key: str) -> str:
    return "node" if key == "node" else "office"
