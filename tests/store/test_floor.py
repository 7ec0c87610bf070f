"""A disk that is nearly full: what needs room is refused early and in words, what reads goes on.

On a file system of its own (a small tmpfs) where the computer allows one, as the continuous integration does.
"""

from __future__ import annotations

import dataclasses
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from commune_portal.errors import DiskFull
from commune_portal.settings import MEBIBYTE, Limits
from commune_portal.store import database, files, installation
from tests import cast

DISK_MIB = 48
FLOOR_MIB = 16


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    folder = tmp_path / "disk"
    folder.mkdir()
    made = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={DISK_MIB}m", "tmpfs", str(folder)],
        capture_output=True,
        text=True,
        timeout=20,
    )
    if made.returncode:
        pytest.fail(f"a small disk is needed, as root: {made.stderr}")
    yield folder
    database.close()
    subprocess.run(["umount", "-l", str(folder)], check=True, timeout=20)


def test_below_the_floor_nothing_is_taken_and_everything_is_read(small_disk: Path) -> None:
    cast.cheap_passwords()
    office = cast.office_at(small_disk / "office")
    limits = Limits(disk_floor_bytes=FLOOR_MIB * MEBIBYTE)
    installation.open_(dataclasses.replace(office.settings, limits=limits))
    kept = files.keep(b"%PDF-1.7 a letter")
    (small_disk / "phim.mkv").write_bytes(b"x" * (DISK_MIB - FLOOR_MIB) * MEBIBYTE)
    before = set(small_disk.rglob("*"))
    with pytest.raises(DiskFull) as refused:
        files.keep(b"%PDF-1.7 another")
    assert "dưới mức tối thiểu 16 MB" in refused.value.sentence
    assert "Đọc, tìm và in vẫn được" in refused.value.sentence
    assert set(small_disk.rglob("*")) == before
    assert files.path_of(kept.sha256).read_bytes() == b"%PDF-1.7 a letter"
    assert files.temporary(".png")
    (small_disk / "phim.mkv").unlink()
    assert files.has(files.keep(b"%PDF-1.7 another").sha256)


def test_what_is_announced_counts_before_it_comes(small_disk: Path) -> None:
    files.use(small_disk / "files", small_disk / "work", FLOOR_MIB * MEBIBYTE)
    files.refuse_below_floor((DISK_MIB - FLOOR_MIB - 4) * MEBIBYTE)
    with pytest.raises(DiskFull):
        files.refuse_below_floor((DISK_MIB - FLOOR_MIB + 1) * MEBIBYTE)
