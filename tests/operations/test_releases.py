"""Releases side by side: staged whole or not at all, pointed at in one go, and nothing climbs out of its folder."""

from __future__ import annotations

import gzip
import io
import os
import shutil
import tarfile
from pathlib import Path

import pytest

from commune_portal import cli
from commune_portal.errors import SettingsWrong, StoreDamaged
from commune_portal.operations import releases
from commune_portal.operations.bundle import Stick
from commune_portal.operations.installing import installed_program
from commune_portal.operations.places import Places
from tests.operations.sticks import Publisher, make_stick, sign_stick
from tests.operations.test_refusals import tiny_release

OURS = Publisher()


@pytest.fixture
def places(tmp_path: Path) -> Places:
    return Places.under(tmp_path / "root")


def stick_of(folder: Path, *, packed: bool, version: str = "2.0.0") -> Stick:
    release = tiny_release(folder / f"release-{version}-{packed}", version)
    return Stick.open(make_stick(folder / f"stick-{version}-{packed}", release, OURS, packed=packed), None)


@pytest.mark.parametrize("packed", [True, False])
def test_a_release_is_staged_whole_under_its_name(places: Places, tmp_path: Path, packed: bool) -> None:
    releases.stage(places, stick_of(tmp_path, packed=packed))
    assert [path.name for path in places.releases.iterdir()] == ["2.0.0"]
    assert releases.is_whole(places.release("2.0.0"))
    assert (places.release("2.0.0") / "bin" / "commune-portal").stat().st_mode & 0o111 == 0o111
    assert releases.installed(places) == ["2.0.0"]


def test_staging_again_changes_nothing_and_mends_what_is_half_there(places: Places, tmp_path: Path) -> None:
    stick = stick_of(tmp_path, packed=True)
    releases.stage(places, stick)
    inode = places.release("2.0.0").stat().st_ino
    releases.stage(places, stick)
    assert places.release("2.0.0").stat().st_ino == inode
    (places.release("2.0.0") / "bin" / "commune-portal").write_text("#!/bin/evil\n", encoding="utf-8")
    (releases.part_of(places, "2.0.0")).mkdir()
    releases.stage(places, stick)
    assert releases.is_whole(places.release("2.0.0"))
    assert [path.name for path in places.releases.iterdir()] == ["2.0.0"]


@pytest.mark.parametrize("kind", ["climbing", "absolute", "device", "link out", "hard link"])
def test_a_packed_release_that_reaches_out_is_refused(places: Places, tmp_path: Path, kind: str) -> None:
    stick = stick_of(tmp_path, packed=True)
    assert stick.payload is not None
    raw = io.BytesIO()
    with tarfile.open(fileobj=raw, mode="w") as archive:
        member = tarfile.TarInfo({"climbing": "../out", "absolute": "/tmp/out"}.get(kind, "out"))
        types = {"device": tarfile.CHRTYPE, "link out": tarfile.SYMTYPE, "hard link": tarfile.LNKTYPE}
        member.type, member.linkname = types.get(kind, tarfile.REGTYPE), "../../../etc/passwd"
        archive.addfile(member)
    stick.payload.write_bytes(gzip.compress(raw.getvalue()))
    sign_stick(stick.folder, OURS)
    with pytest.raises(StoreDamaged):
        releases.stage(places, Stick.open(stick.folder, None))
    assert not (places.releases / "out").exists()
    assert releases.installed(places) == []


@pytest.mark.parametrize("version", ["../2.0.0", "2", "", "2.0.0/..", ".2.0", "2.0.0.failed.00000000x y"])
def test_what_is_no_version_names_no_folder(places: Places, version: str) -> None:
    with pytest.raises(SettingsWrong):
        places.release(version)


def test_a_pointer_moves_in_one_go_and_can_be_taken_away(places: Places) -> None:
    places.program.mkdir(parents=True)
    assert releases.pointed(places) == ""
    for version in ("1.0.0", "1.1.0", "1.1.0"):
        releases.point(places, version)
        assert releases.pointed(places) == version
        assert str((places.program / "current").readlink()) == f"releases/{version}"
    releases.point(places, "")
    releases.point(places, "")
    assert list(places.program.iterdir()) == []


def test_pruning_keeps_what_is_named_and_a_failed_release_is_never_listed(places: Places, tmp_path: Path) -> None:
    for version in ("1.0.0", "1.1.0", "1.2.0"):
        releases.stage(places, stick_of(tmp_path, packed=False, version=version))
    releases.mark_failed(places, "1.2.0", "0badcafe")
    releases.mark_failed(places, "1.2.0", "0badcafe")
    assert releases.failed(places) == ["1.2.0.failed.0badcafe"]
    assert releases.installed(places) == ["1.0.0", "1.1.0"]
    releases.prune(places, {"1.1.0", "1.0.0"})
    assert sorted(path.name for path in places.releases.iterdir()) == ["1.0.0", "1.1.0"]


def test_trying_again_and_again_keeps_one_failed_release(places: Places, tmp_path: Path) -> None:
    for operation in ("00000001", "00000002", "00000003"):
        releases.stage(places, stick_of(tmp_path / operation, packed=False, version="1.2.0"))
        releases.mark_failed(places, "1.2.0", operation)
    assert [path.name for path in places.releases.iterdir()] == ["1.2.0.failed.00000003"]


def test_a_release_can_be_read_by_the_service_and_written_by_nobody_whatever_root_is_used_to(
    places: Places, tmp_path: Path
) -> None:
    stick = stick_of(tmp_path, packed=True)
    for mask in (0o077, 0o000):
        before = os.umask(mask)
        try:
            cli.run(["release", "status", "--root", str(places.root), "--json"])
            releases.stage(places, stick)
        finally:
            os.umask(before)
        made = [places.releases, *places.releases.rglob("*")]
        assert [oct(path.stat().st_mode & 0o077) for path in made if path.stat().st_mode & 0o066 != 0o044] == []
        assert all(path.stat().st_mode & 0o011 == 0o011 for path in made if path.is_dir())
        shutil.rmtree(places.program)


@pytest.mark.parametrize("damage", ["missing", "more", "changed", "no manifest", "link out"])
def test_every_difference_from_the_manifest_is_found(places: Places, tmp_path: Path, damage: str) -> None:
    releases.stage(places, stick_of(tmp_path, packed=True))
    folder = places.release("2.0.0")
    if damage == "missing":
        (folder / "bin" / "commune-portal").unlink()
    elif damage == "more":
        (folder / "more").write_bytes(b"")
    elif damage == "changed":
        (folder / "bin" / "commune-portal").write_bytes(b"")
    elif damage == "no manifest":
        (folder / "FILES.sha256").unlink()
    else:
        (folder / "more").symlink_to("../../..")
    assert not releases.is_whole(folder)


@pytest.mark.parametrize("packed", [True, False])
def test_a_damaged_release_gets_back_what_its_stick_holds_and_nothing_else_is_touched(
    places: Places, tmp_path: Path, packed: bool
) -> None:
    stick = stick_of(tmp_path, packed=packed)
    releases.stage(places, stick)
    folder = places.release("2.0.0")
    assert releases.mend(places, stick) == []
    kept = (folder / "release.json").stat().st_ino
    (folder / "bin" / "commune-portal").write_bytes(b"quarantined")
    (folder / "more").write_bytes(b"")
    assert releases.mend(places, stick) == ["bin/commune-portal", "more"]
    assert releases.is_whole(folder)
    assert (folder / "release.json").stat().st_ino == kept
    assert (folder / "bin" / "commune-portal").stat().st_mode & 0o111 == 0o111
    shutil.rmtree(folder / "bin")
    (folder / "FILES.sha256").write_bytes(b"")
    assert releases.mend(places, stick) == ["FILES.sha256", "bin/commune-portal"]
    (folder / "release.json").unlink()
    (folder / "release.json").mkdir()
    assert releases.mend(places, stick) == ["release.json"]
    shutil.rmtree(folder)
    assert len(releases.mend(places, stick)) == 3
    assert releases.is_whole(folder)
    assert [path.name for path in places.releases.iterdir()] == ["2.0.0"]


def test_a_damaged_release_is_not_asked_about_a_stick_of_the_same_version(places: Places, tmp_path: Path) -> None:
    on_stick = tmp_path / "unpacked" / "x.py"
    same, newer = stick_of(tmp_path, packed=True), stick_of(tmp_path, packed=True, version="2.1.0")
    releases.stage(places, same)
    releases.point(places, "2.0.0", releases.RESCUE)
    (places.release("2.0.0") / "more").write_bytes(b"")
    assert installed_program(places, on_stick, same.folder) == []
    assert installed_program(places, on_stick, newer.folder) != []
    releases.mend(places, same)
    assert installed_program(places, on_stick, same.folder) != []


def test_a_stick_is_judged_by_the_installed_program_and_not_by_its_own(places: Places, tmp_path: Path) -> None:
    stick = stick_of(tmp_path, packed=True, version="2.1.0")
    on_stick = tmp_path / "unpacked" / "site-packages" / "commune_portal" / "cli" / "release.py"
    assert installed_program(places, on_stick, stick.folder) == []
    releases.stage(places, stick_of(tmp_path, packed=True))
    releases.point(places, "2.0.0", releases.RESCUE)
    assert installed_program(places, on_stick, stick.folder) == [
        str(places.release("2.0.0") / "bin" / "commune-portal")
    ]
    assert installed_program(places, places.release("2.0.0") / "site-packages" / "x.py", stick.folder) == []
    (places.release("2.0.0") / "bin" / "commune-portal").unlink()
    assert installed_program(places, on_stick, stick.folder) == []
