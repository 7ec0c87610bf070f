"""An office on this computer below a root of its own: installed from a light stick, founded, with a clerk at work."""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
import subprocess
import sys
import threading
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from commune_portal import settings
from commune_portal.operations import journal, record, registers, releases
from commune_portal.operations.foreground import ForegroundServices
from commune_portal.operations.journal import Kind
from commune_portal.operations.places import Places
from commune_portal.operations.services import ask, wait_until_alive
from commune_portal.people import founding
from commune_portal.people.founding import FirstPerson, Plan
from commune_portal.rules.permissions import Role
from tests.deploy.clerk import Clerk
from tests.operations.sticks import SCHEMA, Publisher, edit, make_release, make_stick, one_more_migration

PROJECT = Path(__file__).resolve().parents[2]
PASSWORD = "mat-khau-de-thu-1"
ENVIRONMENT = {**os.environ, "PYTHONDONTWRITEBYTECODE": "1", "PYTHONPATH": str(PROJECT)}
SECONDS = 300
SAME_SCHEMA = edit("views/alive.py", '"""The machine', '"""A machine')


@dataclass(frozen=True)
class Sticks:
    """The sticks that an office meets in these tests."""

    publisher: Publisher
    first: Path
    second: Path
    broken: Path

    @classmethod
    def make(cls, folder: Path) -> Sticks:
        """The first release, one with a migration, and one whose migration destroys and which then does not answer."""
        publisher = Publisher()
        lost = one_more_migration("DROP TABLE accesses;\nCREATE TABLE later (id INTEGER PRIMARY KEY) STRICT;\n")
        says_wrong = edit("views/alive.py", "version=__version__", 'version="0"')
        known = edit("health/register.py", 'Row("guards", Level.FAIL', 'Row("guards", Level.WARN')
        made = {
            "1.0.0": make_release(folder / "r1", "1.0.0", 1),
            "1.1.0": make_release(folder / "r2", "1.1.0", 2, one_more_migration(), schema=SCHEMA + 1),
            "1.2.0": make_release(folder / "r3", "1.2.0", 3, lost, says_wrong, known, schema=SCHEMA + 1),
        }
        sticks = [make_stick(folder / f"stick-{version}", made[version], publisher) for version in made]
        return cls(publisher, *sticks)


@dataclass
class Office:
    """One installation below a root, what was acknowledged to its clerk, and how to ask its commands."""

    root: Path
    sticks: Sticks
    port: int
    numbers: dict[int, str] = field(default_factory=dict)

    @property
    def places(self) -> Places:
        return Places.under(self.root)

    @property
    def services(self) -> ForegroundServices:
        return ForegroundServices(self.places, "")

    # ── commands ──────────────────────────────────────────────────────────────────────────────────────────────────

    def line(self, *words: str) -> list[str]:
        return [*words, "--root", str(self.root), "--services", "foreground", "--json"]

    def release(self, *words: str, kill: tuple[str, int] | None = None) -> subprocess.CompletedProcess[str]:
        """`release WORDS` in a process of its own, which may be told to kill itself."""
        module = ["tests.operations.killer", kill[0], str(kill[1])] if kill else ["commune_portal"]
        return subprocess.run(
            [sys.executable, "-m", *module, *self.line("release", *words)],
            cwd=PROJECT, env=ENVIRONMENT, capture_output=True, text=True, timeout=SECONDS, check=False,
        )  # fmt: skip

    def install(
        self, stick: Path, *words: str, kill: tuple[str, int] | None = None
    ) -> subprocess.CompletedProcess[str]:
        return self.release("install", "--bundle", str(stick), "--port", str(self.port), *words, kill=kill)

    def document(self, done: subprocess.CompletedProcess[str]) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(done.stdout.strip().splitlines()[-1])
        return found

    # ── the office's own work ─────────────────────────────────────────────────────────────────────────────────────

    def found(self) -> None:
        """Founds the register where the service does not run, and starts it."""
        self.services.stop()
        own = settings.load(self.places.config)
        clerk = FirstPerson(username="lan", full_name="Trần Thị Lan", roles=(Role.CLERK,), password=PASSWORD)
        founding.found(own, Plan(code="H99.01", name="Ủy ban nhân dân xã An Phú", place="An Phú", people=(clerk,)))
        self.start()

    def start(self) -> None:
        self.services.start()
        wait_until_alive(self.services, self.port, releases.pointed(self.places), 60)

    def clerk(self) -> Clerk:
        """The clerk at a browser, logged in."""
        person = Clerk(f"http://127.0.0.1:{self.port}")
        person.log_in("lan", PASSWORD, PASSWORD + "x")
        return person

    def register(self, clerk: Clerk, subject: str) -> int:
        """Registers paper; the number that the portal acknowledged, 0 where it refused or did not answer."""
        page = clerk.open(f"http://127.0.0.1:{self.port}/incoming/register?paper=1")
        if page.status != 200 or "/login" in page.url:
            return 0
        answer = clerk.submit(
            page.form("subject"), subject=subject, code=f"{len(self.numbers) + 1}/UBND-VP", sender_name="UBND tỉnh",
            promulgation_date="20/11/2026",
        )  # fmt: skip
        number = saved_number(answer.text) if answer.status == 200 else 0
        if number:
            assert number not in self.numbers, (number, self.numbers)
            self.numbers[number] = subject
        return number

    # ── what must hold ────────────────────────────────────────────────────────────────────────────────────────────

    def registered(self) -> dict[int, str]:
        """Every arrival number in the register with its subject."""
        own = settings.load(self.places.config)
        with closing(sqlite3.connect(f"{own.database_path.as_uri()}?mode=ro", uri=True)) as connection:
            return dict(connection.execute("SELECT number, subject FROM incoming WHERE number IS NOT NULL"))

    def stands_at(self, version: str, schema: int) -> str:
        """Empty when the office stands at exactly this release, else what does not agree."""
        places, found = self.places, []
        installed = record.read(places)
        own = settings.load(places.config)
        last = journal.read(places.journal)
        checks = {
            "pointer": releases.pointed(places) == version,
            "rescue": releases.pointed(places, releases.RESCUE) == version,
            "record": installed is not None and installed.current == version,
            "whole": releases.is_whole(places.release(version)),
            "no part": not list(places.releases.glob(".*")),
            "closed": last is not None and not last.is_pending,
            "writes": not own.pause_mark.exists(),
            "schema": registers.facts(own.database_path)[0] == schema,
            "numbers": self.registered() == self.numbers,
            "rehearsal gone": not (places.home / "rehearsal").exists(),
        }
        found = [name for name, holds in checks.items() if not holds]
        return ", ".join(found)

    def answers(self) -> str:
        """The version that answers on the port, empty where none does."""
        found = ask(self.port)
        return found.version if found else ""

    def power_cut(self) -> None:
        """The service dies with everything else."""
        for process in self.services.processes():
            os.kill(process, 9)
        self.services.stop()


def saved_number(text: str) -> int:
    """The arrival number that a page acknowledges."""
    import re

    found = re.search(r"[Ss]ố đến(?:\s|<[^>]*>)*(\d+)", text)
    return int(found[1]) if found else 0


class Template:
    """A finished office that is brought back to its first state between two trials, at the same place."""

    def __init__(self, office: Office, kept: Path) -> None:
        self.office = office
        self._kept = kept
        office.services.stop()
        _copy(office.root, kept)
        self._numbers = dict(office.numbers)

    def fresh(self) -> Office:
        self.office.power_cut()
        shutil.rmtree(self.office.root, ignore_errors=True)
        _copy(self._kept, self.office.root)
        self.office.numbers = dict(self._numbers)
        return self.office


def _copy(source: Path, target: Path) -> None:
    """Copies an office; files of releases are never changed, so they are linked."""

    def one(from_: str, to: str) -> None:
        os.link(from_, to) if "/releases/" in from_ else shutil.copy2(from_, to)

    shutil.copytree(source, target, symlinks=True, copy_function=one)


def step_names(kind: Kind) -> list[str]:
    from commune_portal.operations import steps, uninstalling

    return [step.name for step in (uninstalling.STEPS if kind is Kind.UNINSTALL else steps.STEPS[kind])]


class AtWork(threading.Thread):
    """A clerk who goes on registering, whatever the portal answers, until told to stop."""

    def __init__(self, office: Office) -> None:
        super().__init__(daemon=True)
        self._office = office
        self.ending = threading.Event()
        self.refused = 0

    def run(self) -> None:
        clerk, turn = None, 0
        while not self.ending.is_set():
            turn += 1
            try:
                clerk = clerk or self._office.clerk()
                number = self._office.register(clerk, f"Công văn số {turn} trong khi nâng cấp")
            except (OSError, AssertionError):
                number, clerk = 0, None
            clerk = clerk if number else None  # a log-in that was refused meanwhile is tried again
            self.refused += not number
            self.ending.wait(0.02 if number else 0.2)
