"""The folder from which Windows starts both services: brought to the current release, file by file, again and again."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from commune_portal.operations import releases, windows
from commune_portal.operations.places import Places


@pytest.fixture
def places(tmp_path: Path) -> Places:
    """Two releases beside each other, the second with another interpreter and another host."""
    found = Places.under(tmp_path)
    for version, python in (("1.0.0", "3.11.9"), ("2.0.0", "3.13.1")):
        release = found.release(version)
        (release / "python").mkdir(parents=True)
        library = f"python{'311' if python < '3.12' else '313'}"
        for name in ("pythonw.exe", f"{library}.dll", f"{library}.zip", f"{library}._pth"):
            (release / "python" / name).write_text(f"{name} {python}")
        (release / "python" / "vcruntime140.dll").write_text("the same in both")
        host = release / "site-packages/commune_portal/operations/windows_service.py"
        host.parent.mkdir(parents=True)
        host.write_text(f"host of {version}")
        facts = {"version": version, "release_seq": 1, "schema": 3, "python": {"linux": python, "windows": python}}
        (release / "release.json").write_text(json.dumps(facts))
    return found


def names(places: Places) -> set[str]:
    return {path.name for path in places.service_folder.iterdir() if not path.name.endswith(windows.ASIDE)}


def test_the_folder_follows_the_release_and_comes_back(places: Places) -> None:
    releases.point(places, "1.0.0")
    windows.refresh_host(places)
    first = {path.name: path.read_bytes() for path in places.service_folder.iterdir()}
    assert first["host.py"] == b"host of 1.0.0"
    assert first["python311._pth"] == b"python311.zip\n.\n"
    releases.point(places, "2.0.0")
    windows.refresh_host(places)
    assert names(places) == {"pythonw.exe", "python313.dll", "python313.zip", "python313._pth", "vcruntime140.dll",
                             "host.py", "interpreter.txt"}  # fmt: skip
    releases.point(places, "1.0.0")
    windows.refresh_host(places)
    assert {name: (places.service_folder / name).read_bytes() for name in names(places)} == first


def test_a_file_that_is_the_same_is_not_touched(places: Places) -> None:
    releases.point(places, "1.0.0")
    windows.refresh_host(places)
    before = (places.service_folder / "vcruntime140.dll").stat().st_ino
    releases.point(places, "2.0.0")
    windows.refresh_host(places)
    assert (places.service_folder / "vcruntime140.dll").stat().st_ino == before


def test_a_refresh_that_was_cut_off_is_done_again(places: Places) -> None:
    releases.point(places, "1.0.0")
    windows.refresh_host(places)
    (places.service_folder / "interpreter.txt").unlink()
    (places.service_folder / "pythonw.exe").unlink()
    (places.service_folder / "host.py.new.aside").write_text("half")
    windows.refresh_host(places)
    assert (places.service_folder / "pythonw.exe").read_text() == "pythonw.exe 3.11.9"
    assert names(places) >= {"host.py", "interpreter.txt"}
