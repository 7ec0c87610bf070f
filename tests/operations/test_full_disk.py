"""A disk that fills up at each step of an upgrade, on a small disk of its own: told, and nothing is lost."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from commune_portal.operations import releases
from commune_portal.operations.journal import Kind
from tests.operations.matrix import Cell, open_office, show
from tests.operations.sticks import SCHEMA
from tests.operations.world import ENVIRONMENT, PROJECT, SECONDS, Office, Sticks, Template, step_names

pytestmark = pytest.mark.story

CEILING_SECONDS = 60
DISK_MEGABYTES = 700


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A small disk in memory. Without the right to mount one this proves nothing, so it fails."""
    assert os.geteuid() == 0, "filling a disk needs one of its own: run these tests as root"
    place = tmp_path / "disk"
    place.mkdir()
    subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={DISK_MEGABYTES}m", "tmpfs", str(place)], check=True, timeout=30
    )
    yield place
    subprocess.run(["umount", "-l", str(place)], check=True, timeout=30)


def test_a_full_disk_at_any_step_leaves_the_old_or_the_new_release(
    disk: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "sticks").mkdir()
    office = Office(disk / "root", Sticks.make(tmp_path / "sticks"), 18700)
    open_office(office)
    template = Template(office, disk / "kept")
    cells: list[Cell] = []
    try:
        for count, step in enumerate(step_names(Kind.UPGRADE), 1):
            template.fresh()
            start = time.monotonic()
            cells.append(_cell(office, disk / "filler", count, step, start))
    finally:
        office.power_cut()
    show(cells, CEILING_SECONDS, capsys)
    assert any(cell.ended == "1.0.0" for cell in cells)


def _cell(office: Office, filler: Path, count: int, step: str, start: float) -> Cell:
    words = office.line("release", "install", "--bundle", str(office.sticks.second))
    done = subprocess.run(
        [sys.executable, "-m", "tests.operations.filler", str(filler), str(count), *words],
        cwd=PROJECT, env=ENVIRONMENT, capture_output=True, text=True, timeout=SECONDS, check=False,
    )  # fmt: skip
    was_full = filler.exists()
    filler.unlink(missing_ok=True)
    resumed = office.release("resume")
    if not office.services.is_running():
        office.start()
    version = releases.pointed(office.places)
    schema = SCHEMA + 1 if version == "1.1.0" else SCHEMA
    trouble = office.stands_at(version, schema)
    if not was_full:
        trouble = "the disk never filled up"
    if done.returncode not in (0, 1, 2, 3) or resumed.returncode:
        trouble = f"answered {done.returncode}, {resumed.returncode}: {done.stderr[-300:]}"
    if (version == "1.0.0") != (done.returncode in (2, 3)):
        trouble = f"answered {done.returncode} and stands at {version}"
    return Cell("full disk", step, f"answered {done.returncode}", version, trouble, time.monotonic() - start)


def test_a_disk_that_is_too_small_is_refused_before_anything_is_written(disk: Path, tmp_path: Path) -> None:
    (tmp_path / "sticks").mkdir()
    office = Office(disk / "root", Sticks.make(tmp_path / "sticks"), 18701)
    with (disk / "filler").open("wb") as file:
        os.posix_fallocate(file.fileno(), 0, (DISK_MEGABYTES - 100) * 1024 * 1024)
    done = office.install(office.sticks.first)
    assert done.returncode == 2
    assert "cần ít nhất" in done.stderr
    assert not office.root.exists()


def test_a_disk_that_cannot_be_written_is_refused_and_stays_as_it_is(disk: Path, tmp_path: Path) -> None:
    (tmp_path / "sticks").mkdir()
    office = Office(disk / "root", Sticks.make(tmp_path / "sticks"), 18702)
    subprocess.run(["mount", "-o", "remount,ro", str(disk)], check=True, timeout=30)
    done = office.install(office.sticks.first)
    assert done.returncode == 2
    assert "chỉ đọc" in done.stderr
    assert list(disk.iterdir()) == []
