"""kill -9 at every step of a first installation, a roll-back that was asked for, and an uninstallation."""

from __future__ import annotations

import shutil
import time
from pathlib import Path

import pytest

from commune_portal.operations.journal import Kind
from tests.operations.matrix import (
    WHERE,
    Cell,
    codes_of,
    install_resumed_at,
    is_gone,
    open_office,
    points_of,
    resumed_at,
    show,
)  # fmt: skip
from tests.operations.world import Office, Template

pytestmark = pytest.mark.story

CEILING_SECONDS = 120


def test_what_else_is_killed_ends_in_exactly_the_old_or_exactly_the_new_state(
    office: Office, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    open_office(office)
    sticks = office.sticks
    first = Template(office, tmp_path / "first")
    done = first.fresh().install(sticks.second)
    assert done.returncode == 0, done.stderr
    second = Template(office, tmp_path / "second")
    cells: list[Cell] = []
    for number, (step, point, count) in enumerate(points_of(Kind.ROLLBACK)):
        second.fresh()
        start = time.monotonic()
        killed = office.release("rollback", "--accept-loss", kill=(point, count))
        stays = step != "commit"
        cells.append(resumed_at(office, "rollback", step, point, killed.returncode, stays, number % 2 == 1, start))
    for step, point, count in points_of(Kind.UNINSTALL):
        first.fresh()
        start = time.monotonic()
        killed = office.release("uninstall", kill=(point, count))
        resumed = office.release("resume")
        trouble = codes_of(killed.returncode, resumed.returncode) or is_gone(office, keeps_data=True)
        cells.append(Cell("uninstall", step, WHERE[point], "gone", trouble, time.monotonic() - start))
    for step, point, count in points_of(Kind.INSTALL):
        first.fresh()
        shutil.rmtree(office.root)
        start = time.monotonic()
        killed = office.install(sticks.first, kill=(point, count))
        cells.append(install_resumed_at(office, step, point, killed.returncode, start))
    show(cells, CEILING_SECONDS, capsys)
    assert len(cells) == 16 + 8 + 20
