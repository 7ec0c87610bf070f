"""Kills of operations, what the next start makes of them, and how a table of them is printed."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from commune_portal.operations import journal, record, releases
from commune_portal.operations.journal import Kind
from commune_portal.parties.supervisor import free_port
from tests.operations.sticks import SCHEMA
from tests.operations.world import Office, Sticks, step_names

WRITTEN, DONE, UNDOING = "operation-step-written", "operation-step-done", "operation-undoing"
WHERE = {WRITTEN: "before the act", DONE: "after the act", UNDOING: "inside the undoing"}


@dataclass(frozen=True)
class Cell:
    """One kill: which operation, at which step, at which point of it, and how it ended."""

    operation: str
    step: str
    where: str
    ended: str
    trouble: str
    seconds: float


@pytest.fixture
def office(tmp_path: Path) -> Iterator[Office]:
    """An office that is not installed yet; whatever serves it ends with the test."""
    (tmp_path / "sticks").mkdir()
    made = Office(tmp_path / "root", Sticks.make(tmp_path / "sticks"), free_port(18300))
    yield made
    made.power_cut()


def open_office(office: Office) -> None:
    """A founded office at the first release, with some numbers that its clerk was told."""
    done = office.install(office.sticks.first)
    assert done.returncode == 0, done.stderr
    office.found()
    clerk = office.clerk()
    for number in range(1, 4):
        assert office.register(clerk, f"Công văn {number}") == number


def points_of(kind: Kind) -> list[tuple[str, str, int]]:
    return [(step, point, count) for count, step in enumerate(step_names(kind), 1) for point in (WRITTEN, DONE)]


def resumed_at(
    office: Office, operation: str, step: str, point: str, code: int, new: bool, power_cut: bool, start: float
) -> Cell:
    """Resumes and looks whether the office stands at exactly the release it should."""
    if power_cut:
        office.power_cut()
    resumed = office.release("resume", *(["--boot"] if power_cut else []))
    again = office.release("resume")
    if power_cut or not office.services.is_running():
        office.start()
    version, schema = ("1.1.0", SCHEMA + 1) if new else ("1.0.0", SCHEMA)
    trouble = codes_of(code, resumed.returncode, again.returncode) or office.stands_at(version, schema)
    if not trouble and office.answers() != version:
        trouble = f"{office.answers() or 'nobody'} answers"
    return Cell(operation, step, WHERE[point], version, trouble, time.monotonic() - start)


def install_resumed_at(office: Office, step: str, point: str, code: int, start: float) -> Cell:
    resumed = office.release("resume")
    if step == "commit":
        trouble = codes_of(code, resumed.returncode)
        installed = record.read(office.places)
        if not trouble and (installed is None or office.answers() != "1.0.0"):
            trouble = "not installed"
        return Cell("install", step, WHERE[point], "1.0.0", trouble, time.monotonic() - start)
    trouble = codes_of(code, resumed.returncode) or is_gone(office, keeps_data=False)
    return Cell("install", step, WHERE[point], "nothing", trouble, time.monotonic() - start)


def codes_of(killed: int, *others: int) -> str:
    if killed != -9:
        return f"the point was not reached ({killed})"
    return "" if set(others) == {0} else f"resume answered {others}"


def is_gone(office: Office, *, keeps_data: bool) -> str:
    """Empty when no program, no service and no pointer is left, and the data as they should be."""
    places = office.places
    last = journal.read(places.journal)
    checks = {
        "service": not office.services.is_running(),
        "pointer": releases.pointed(places) == "" and releases.pointed(places, releases.RESCUE) == "",
        "record": record.read(places) is None,
        "releases": not places.releases.is_dir() or not list(places.releases.iterdir()),
        "closed": last is not None and not last.is_pending,
        "settings": places.config.exists() == keeps_data,
        "numbers": not keeps_data or office.registered() == office.numbers,
    }
    return ", ".join(name for name, holds in checks.items() if not holds)


def show(cells: list[Cell], ceiling_seconds: int, capsys: pytest.CaptureFixture[str]) -> None:
    """Prints the table; whatever is wrong in it fails the test."""
    with capsys.disabled():
        print("\n\n  operation  step       killed              ends as   seconds")
        for cell in cells:
            print(
                f"  {cell.operation:<9}  {cell.step:<9}  {cell.where:<18}  {cell.ended:<8}  {cell.seconds:5.1f}"
                + (f"  WRONG: {cell.trouble}" if cell.trouble else "")
            )
        spent = sum(cell.seconds for cell in cells)
        print(f"  {len(cells)} kills in {spent:.0f} s (ceiling {ceiling_seconds} s on an idle machine)")
    assert [cell for cell in cells if cell.trouble] == []
