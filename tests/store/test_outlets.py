"""Several places at once: one that fails, lies or is pulled hinders no other, and nothing half gets a name."""

from __future__ import annotations

import errno
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from commune_portal import clock
from commune_portal.errors import DiskFull, StoreBusy, StoreDamaged
from commune_portal.settings import Settings
from commune_portal.store import backup, drives, outlets, sealing, verify
from commune_portal.store.backup import Keep
from commune_portal.store.files import Stored
from commune_portal.store.outlets import Outlet
from tests import cast
from tests.store.backed import made, office

__all__ = ["made", "office"]

PAPER = sealing.new_secret()
PAPER_PUBLIC = sealing.recipient_of(PAPER)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of its own of one mebibyte."""
    folder = tmp_path / "usb-nho"
    folder.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", folder], check=True, timeout=20)
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", folder], check=True, timeout=20)


def everywhere(office: Settings, *folders: Path, keep: Keep = backup.KEEP) -> list[backup.Outcome]:
    return backup.make_everywhere(office, folders, recipients=[PAPER_PUBLIC], secrets=[PAPER], keep=keep)


def test_every_place_gets_the_same_closed_bytes_in_one_pass(office: Settings, tmp_path: Path) -> None:
    one, two = everywhere(office, tmp_path / "a", tmp_path / "b")
    assert one.backup is not None
    assert two.backup is not None
    assert one.backup.is_proven
    assert two.backup.is_proven
    assert one.backup.path.read_bytes() == two.backup.path.read_bytes()
    assert one.backup.path.name.endswith(".zip.age")
    assert backup.prove(two.backup.path, tmp_path / "thu", [PAPER]) == []
    assert not (tmp_path / "thu").exists()


def test_a_full_place_is_told_and_the_other_gets_its_backup(office: Settings, tmp_path: Path, small_disk: Path) -> None:
    (small_disk / "anh.jpg").write_bytes(bytes(600_000))
    full, well = everywhere(office, small_disk, tmp_path / "b")
    assert isinstance(full.error, DiskFull)
    assert "hết chỗ" in full.error.sentence
    assert [path.name for path in small_disk.iterdir()] == ["anh.jpg"]
    assert well.backup is not None
    assert well.backup.is_proven


def test_a_full_place_is_helped_by_rotation_alone(office: Settings, small_disk: Path) -> None:
    old = [small_disk / f"saoluu-{cast.OFFICE_CODE}-2020010{day}-113000.zip.age" for day in (1, 2)]
    for path in old:
        path.write_bytes(bytes(350_000))
    (small_disk / "anh.jpg").write_bytes(bytes(100_000))
    for path in office.files_folder.rglob("*"):
        if path.is_file() and path.stat().st_size > 100_000:
            path.unlink()  # small enough for the disk once the old ones are gone
    (kept,) = everywhere(office, small_disk, keep=Keep(3, 0, 0))
    assert isinstance(kept.error, DiskFull)
    assert all(path.exists() for path in old)
    (helped,) = everywhere(office, small_disk, keep=Keep(1, 0, 0))
    assert helped.backup is not None
    assert not any(path.exists() for path in old)
    assert (small_disk / "anh.jpg").exists()


def test_a_stick_that_gives_back_something_else_keeps_no_backup(
    office: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    honest = outlets.read_from_medium

    def lying(path: Path) -> Stored:
        found = honest(path)
        return Stored("0" * 64, found.bytes) if path.parent.name == "usb" else found

    monkeypatch.setattr(outlets, "read_from_medium", lying)
    old = tmp_path / "usb" / f"saoluu-{cast.OFFICE_CODE}-20200101-113000.zip.age"
    old.parent.mkdir()
    old.write_bytes(b"cu")
    bad, well = everywhere(office, tmp_path / "usb", tmp_path / "b", keep=Keep(1, 0, 0))
    assert isinstance(bad.error, StoreDamaged)
    assert "giả dung lượng" in bad.error.sentence
    assert list(old.parent.iterdir()) == [old]
    assert well.backup is not None
    assert well.backup.is_proven


def test_a_stick_that_is_pulled_in_the_middle_is_told_as_such(office: Settings, tmp_path: Path) -> None:
    usb = tmp_path / "usb"
    told: list[int] = []

    def pull(written: int) -> None:
        if not told:
            shutil.rmtree(usb)
        told.append(written)

    pulled, well = backup.make_everywhere(
        office, [usb, tmp_path / "b"], recipients=[PAPER_PUBLIC], secrets=[PAPER], told=pull
    )
    assert isinstance(pulled.error, StoreDamaged)
    assert "rút ra" in pulled.error.sentence
    assert well.backup is not None
    assert well.backup.is_proven
    assert told == sorted(told)


def test_no_place_at_all_is_an_answer_and_not_an_accident(office: Settings, tmp_path: Path) -> None:
    blocked = tmp_path / "tep"
    blocked.write_bytes(b"")
    outcomes = everywhere(office, blocked / "a", blocked / "b")
    assert [type(item.error) for item in outcomes] == [StoreDamaged, StoreDamaged]
    assert all(item.error is not None and "chưa cắm" in item.error.sentence for item in outcomes)
    assert not list(office.work_folder.glob("backup-*"))


def test_a_file_above_what_fat32_holds_is_told_in_words(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outlets, "FAT32_BYTES", 2000 * 1024)
    outlet = Outlet(tmp_path / "saoluu-x.zip")
    outlet.begin()
    assert outlet.out is not None
    outlet.out.write(bytes(1500 * 1024))
    outlet.out.flush()
    outlet.fail(OSError(errno.EFBIG, "File too large"))
    assert outlet.error is not None
    assert "exFAT" in outlet.error.sentence
    assert list(tmp_path.iterdir()) == []


def test_a_damaged_register_lets_no_older_backup_go(office: Settings, tmp_path: Path) -> None:
    with clock.standing_at(clock.now().replace(year=2025)):
        everywhere(office, tmp_path / "a", keep=Keep(1, 0, 0))
    sha256 = next(verify.stored_files(office.files_folder))
    (office.files_folder / sha256[:2] / sha256[2:4] / sha256).write_bytes(b"hong")
    (outcome,) = everywhere(office, tmp_path / "a", keep=Keep(1, 0, 0))
    assert outcome.backup is not None
    assert not outcome.backup.is_proven
    assert len(list((tmp_path / "a").iterdir())) == 2


def test_the_sticks_with_a_backup_folder_are_found(tmp_path: Path) -> None:
    home = tmp_path / "may"
    for stick in ("media/lan/KINGSTON 8GB", "run/media/lan/B", "mnt/c", "media/lan/khong", "opt/d"):
        (tmp_path / stick).mkdir(parents=True)
        if "khong" not in stick:
            (tmp_path / stick / "sao-luu").mkdir()
    mounts = tmp_path / "mounts"
    lines = [
        f"/dev/sd{letter} {str(tmp_path / stick).replace(' ', chr(92) + '040')} vfat rw 0 0"
        for letter, stick in zip(
            "abcde", ("media/lan/KINGSTON 8GB", "run/media/lan/B", "mnt/c", "media/lan/khong", "opt/d"), strict=True
        )
    ]
    mounts.write_text("\n".join(["proc /proc proc rw 0 0", *lines]), encoding="utf-8")
    below = tuple(str(tmp_path / top) for top in ("media", "run/media", "mnt"))
    old, drives.BELOW = drives.BELOW, below
    try:
        found = drives.stick_folders(home, mounts)
    finally:
        drives.BELOW = old
    assert [str(path.relative_to(tmp_path)) for path in found] == [
        "media/lan/KINGSTON 8GB/sao-luu", "mnt/c/sao-luu", "run/media/lan/B/sao-luu",
    ]  # fmt: skip
    assert drives.stick_folders(home, tmp_path / "khong-co") == []


def test_only_one_backup_is_at_work_and_a_dead_one_leaves_nothing(office: Settings, tmp_path: Path) -> None:
    left = office.work_folder / "backup-0123456789abcdef0123456789abcdef"
    left.mkdir(parents=True)
    (left / "register.sqlite3").write_bytes(b"ro rang")
    with backup.scratch(office):
        assert not left.exists()
        assert not backup.sweep(office)
        with pytest.raises(StoreBusy, match="lần sao lưu"):
            everywhere(office, tmp_path / "a")
    left.mkdir()
    assert backup.sweep(office)
    assert not left.exists()
    assert not list(office.work_folder.glob("backup-*"))
