"""The installed release: its files against their list, and the last operation."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest

import commune_portal
from commune_portal.health import release
from commune_portal.health.row import Level
from commune_portal.settings import Settings
from tests.health.conftest import rows_of


def release_at(folder: Path, amount: int = 60) -> Path:
    lines = []
    for number in range(amount):
        path = folder / "site-packages" / f"mô-đun {number}.py"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"x = {number}\n")
        name = path.relative_to(folder).as_posix()
        lines.append(f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {name}\n")
    (folder / "FILES.sha256").write_text("".join(lines), encoding="utf-8")
    (folder / "release.json").write_text("{}")
    return folder


def test_a_checkout_is_no_release(office: Settings) -> None:
    assert release.release_folder() is None
    row = rows_of(office, thorough=False)["release"]
    assert (row.level, "bản phát triển" in row.what) == (Level.OK, True)


def test_a_release_is_found_from_where_its_package_lies(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = release_at(tmp_path / "1.2.0")
    package = folder / "site-packages" / "commune_portal" / "__init__.py"
    package.parent.mkdir()
    package.write_text("")
    monkeypatch.setattr(commune_portal, "__file__", str(package))
    assert release.release_folder() == folder


def test_a_missing_file_is_found_by_the_quick_look_and_a_changed_one_by_the_thorough(tmp_path: Path) -> None:
    folder = release_at(tmp_path)
    assert release.wrong_files(folder) == release.wrong_files(folder, sample=5) == []
    (folder / "site-packages" / "mô-đun 7.py").write_text("x = 8\n")
    assert release.wrong_files(folder) == ["site-packages/mô-đun 7.py"]
    (folder / "site-packages" / "mô-đun 3.py").unlink()
    assert "site-packages/mô-đun 3.py" in release.wrong_files(folder, sample=1)


def test_a_ruined_list_of_files_is_itself_a_wrong_file(tmp_path: Path) -> None:
    folder = release_at(tmp_path)
    (folder / "FILES.sha256").write_text("không phải danh sách\n")
    assert release.wrong_files(folder) == ["FILES.sha256"]


def test_quarantined_program_files_are_told_with_the_way_out(
    office: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = release_at(tmp_path / "release")
    monkeypatch.setattr(release, "release_folder", lambda: folder)
    assert rows_of(office)["release"].level is Level.OK
    (folder / "site-packages" / "mô-đun 0.py").unlink()
    row = rows_of(office, thorough=False)["release"]
    assert (row.level, "diệt vi-rút" in row.mend) == (Level.FAIL, True)


def operation(office: Settings, **values: str) -> None:
    state = office.folder / "state"
    state.mkdir(exist_ok=True)
    document = {
        "format": 1, "id": "ab", "kind": "upgrade", "source": "1.0.0", "target": "1.1.0", "step": "switch",
        "state": "running", "begun_at": "", "written_at": "", "facts": {}, "error": "", **values,
    }  # fmt: skip
    (state / "ops-state.json").write_text(json.dumps(document), encoding="utf-8")


@pytest.mark.parametrize(
    ("values", "level", "word"),
    [
        ({}, Level.FAIL, "đang dở ở bước «switch»"),
        ({"state": "done"}, Level.OK, "nâng cấp 1.1.0, đã xong"),
        ({"state": "undone", "error": "bản mới không trả lời"}, Level.WARN, "bản mới không trả lời"),
    ],
)
def test_the_last_operation_is_told(office: Settings, values: dict[str, str], level: Level, word: str) -> None:
    operation(office, **values)
    row = rows_of(office, thorough=False)["operation"]
    assert (row.level, word in row.what) == (level, True)


def test_an_operation_journal_is_found_beside_a_debian_home(tmp_path: Path) -> None:
    home = tmp_path / "var" / "lib" / "commune-portal"
    assert tmp_path / "etc" / "commune-portal" in release.state_folders(Settings(folder=home))


def test_a_ruined_operation_journal_and_a_left_mark_are_told(office: Settings) -> None:
    operation(office)
    (office.folder / "state" / "ops-state.json").write_text("{")
    assert rows_of(office, thorough=False)["operation"].level is Level.FAIL
    operation(office, state="done")
    office.pause_mark.write_text("")
    row = rows_of(office, thorough=False)["operation"]
    assert (row.level, "đang nâng cấp" in row.what) == (Level.FAIL, True)


def test_the_journal_that_operations_write_is_the_one_that_is_read(office: Settings) -> None:
    from commune_portal.operations import journal

    path = office.folder / "state" / "ops-state.json"
    path.parent.mkdir()
    journal.write(path, journal.begin(journal.Kind.ROLLBACK, "1.1.0", "1.0.0"))
    found = release.last_operation(office)
    assert found is not None
    assert (found.label, found.source, found.step, found.state) == (
        "quay lại bản trước 1.0.0", "1.1.0", "begin", "running",
    )  # fmt: skip
