"""kill -9 at every step of every operation, and what the next start makes of it: exactly the old or exactly the new.

Each cell is a real process that kills itself, between writing its journal and acting, after acting, and inside the
undoing; every second cell is a power cut, in which the service dies too and the system's boot resumes.
"""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from commune_portal import settings
from commune_portal.operations.journal import Kind
from tests.operations.matrix import (
    DONE,
    UNDOING,
    WRITTEN,
    Cell,
    is_gone,
    open_office,
    points_of,
    resumed_at,
    show,
)
from tests.operations.sticks import SCHEMA
from tests.operations.world import AtWork, Office, Template, step_names

pytestmark = pytest.mark.story

CEILING_SECONDS = 90


def test_an_upgrade_that_is_killed_ends_in_exactly_the_old_or_exactly_the_new_release(
    office: Office, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    open_office(office)
    sticks, template = office.sticks, Template(office, tmp_path / "kept")
    cells: list[Cell] = []
    for number, (step, point, count) in enumerate(points_of(Kind.UPGRADE)):
        template.fresh()
        start = time.monotonic()
        killed = office.install(sticks.second, kill=(point, count))
        new = step == "commit"
        cells.append(resumed_at(office, "upgrade", step, point, killed.returncode, new, number % 2 == 1, start))
    at_undo = step_names(Kind.UPGRADE).index("health") + 2
    undoing = [(WRITTEN, at_undo), *((UNDOING, count) for count in range(1, 5)), (DONE, at_undo - 1)]
    for number, (point, count) in enumerate(undoing):
        template.fresh()
        start = time.monotonic()
        killed = office.install(sticks.broken, kill=(point, count))
        name = "undo" if point != UNDOING else f"undo {count}"
        cells.append(resumed_at(office, "broken", name, point, killed.returncode, False, number % 2 == 1, start))
    show(cells, CEILING_SECONDS, capsys)
    assert len(cells) == 20 + 6


def test_a_clerk_who_goes_on_registering_loses_no_number_to_an_upgrade_or_a_roll_back(
    office: Office, capsys: pytest.CaptureFixture[str]
) -> None:
    open_office(office)
    sticks = office.sticks
    clerk = AtWork(office)
    clerk.start()
    try:
        broken = office.install(sticks.broken)
        assert broken.returncode == 3, broken.stderr
        upgraded = office.install(sticks.second)
        assert upgraded.returncode == 0, upgraded.stderr
        before, deadline = len(office.numbers), time.monotonic() + 60
        while len(office.numbers) == before and time.monotonic() < deadline:
            time.sleep(0.05)  # what is entered from here on is what going back would cost
    finally:
        clerk.ending.set()
        clerk.join(60)
    with capsys.disabled():
        print(
            f"\n  {len(office.numbers)} numbers acknowledged beside a roll-back and an upgrade, {clerk.refused} refused"
        )
    registered = office.registered()
    assert office.numbers.items() <= registered.items()
    assert len(registered) - len(office.numbers) <= 2, "at each stop one answer may be lost on its way"
    office.numbers = registered
    assert len(office.numbers) > 10
    assert office.stands_at("1.1.0", SCHEMA + 1) == ""
    aside = list(office.places.put_aside.glob("*/register.sqlite3"))
    assert len(aside) == 1, "the register of the release that failed is put aside, not deleted"
    refused = office.release("rollback")
    assert refused.returncode == 2
    assert "số đã cấp" in refused.stderr
    assert settings.load(office.places.config).server.port == office.port
    assert office.release("uninstall").returncode == 0
    assert is_gone(office, keeps_data=True) == ""
