"""`backup` and `restore` from the shell, on one office from its founding to another computer."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from commune_portal import cli
from commune_portal.people import recovery
from commune_portal.people.actors import PORTAL
from commune_portal.settings import Settings, load
from commune_portal.store import database, installation
from commune_portal.wire import keys
from tests import cast
from tests.cli.test_register import TOML


@pytest.fixture(scope="module")
def founded(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    cast.cheap_passwords()
    made = cast.office_at(tmp_path_factory.mktemp("office"))
    database.close()
    (made.settings.folder / "portal.toml").write_text(TOML, encoding="utf-8")
    return made.settings


@pytest.fixture
def office(founded: Settings, tmp_path: Path) -> Settings:
    folder = tmp_path / "office"
    shutil.copytree(founded.folder, folder)
    return cast.settings_at(folder)


def paper_key(office: Settings, folder: Path) -> Path:
    """The office's recovery key as somebody copied it from the sheet: in groups, in small letters."""
    installation.open_(office)
    sheet = recovery.make(PORTAL)
    recovery.confirm(PORTAL, sheet.confirm_group.lower())
    database.close()
    path = folder / "khoa.txt"
    letters = sheet.secret.lower()
    path.write_text(" ".join(letters[start : start + 6] for start in range(0, len(letters), 6)), encoding="utf-8")
    return path


def run(folder: Path, capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, dict[str, Any]]:
    code = cli.run(["--config", str(folder / "portal.toml"), *words, "--json"])
    return code, json.loads(capsys.readouterr().out)


def test_a_backup_is_written_proven_and_journalled(
    office: Settings, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, told = run(office.folder, capsys, "backup", "--to", str(tmp_path / "usb"))
    assert (code, told["ok"], told["proven"], told["faults"]) == (cli.DONE, True, True, [])
    assert Path(told["path"]).stat().st_size == told["bytes"]
    installation.open_(office)
    body = json.loads(database.row("SELECT body FROM journal ORDER BY seq DESC LIMIT 1")[0])
    database.close()
    assert (body["act"], body["facts"]["sha256"]) == ("backed-up", told["sha256"])
    assert cli.run(["--config", str(office.folder / "portal.toml"), "backup"]) == cli.DONE
    assert "Đã chứng minh" in capsys.readouterr().out
    assert len(list(office.backups_folder.glob("*.zip.age"))) == 1


def test_a_backup_of_a_copied_folder_is_made_and_not_journalled(
    office: Settings, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.rmtree(office.secrets_folder)
    before = office.database_path.read_bytes()
    code, told = run(office.folder, capsys, "backup", "--to", str(tmp_path / "usb"))
    assert (code, told["proven"]) == (cli.WARNED, True)
    assert "Không thấy khóa" in told["warning"]
    assert office.database_path.read_bytes() == before


def test_an_office_moves_to_another_computer(
    office: Settings, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    paper = paper_key(office, tmp_path)
    _, told = run(office.folder, capsys, "backup", "--to", str(tmp_path / "usb"))
    elsewhere = tmp_path / "may khac"
    assert cli.run(["--config", str(tmp_path / "x.toml"), "restore", told["path"], "--into", str(elsewhere)]) == 2
    assert "Khóa phục hồi" in capsys.readouterr().err
    words = ("restore", told["path"], "--into", str(elsewhere), "--recovery-key-file", str(paper))
    code, restored = run(tmp_path, capsys, *words)
    assert (code, restored["ok"], restored["epoch"], restored["put_aside"]) == (cli.DONE, True, 1, None)
    assert restored["head"] != told["head"]
    assert (elsewhere / "trust" / "trial.pem").exists()
    settings = load(elsewhere / "portal.toml")
    assert keys.load(settings.secrets_folder).key_id != keys.load(office.secrets_folder).key_id
    code, verified = run(elsewhere, capsys, "register", "verify")
    assert (code, verified["ok"]) == (cli.DONE, True)


def test_a_restore_in_the_same_place_puts_the_old_data_aside_and_prints_a_report(
    office: Settings, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    _, told = run(office.folder, capsys, "backup", "--to", str(tmp_path / "usb"))
    assert cli.run(["--config", str(office.folder / "portal.toml"), "restore", told["path"]]) == cli.DONE
    report = capsys.readouterr().out
    assert "BIÊN BẢN KHÔI PHỤC" in report
    assert "bản giấy" in report
    assert len(list(office.folder.glob("data.truoc-*"))) == 1


def test_a_copied_folder_is_adopted(office: Settings, capsys: pytest.CaptureFixture[str]) -> None:
    shutil.rmtree(office.secrets_folder)
    code, told = run(office.folder, capsys, "restore", "--adopt")
    assert (code, told["epoch"]) == (cli.DONE, 1)


@pytest.mark.parametrize("words", [(), ("x.zip", "--adopt"), ("--adopt", "--into", "x")])
def test_a_restore_of_nothing_or_of_two_things_is_refused(
    office: Settings, capsys: pytest.CaptureFixture[str], words: tuple[str, ...]
) -> None:
    assert cli.run(["--config", str(office.folder / "portal.toml"), "restore", *words]) == cli.FAILED
    assert capsys.readouterr().err


def test_a_file_that_is_no_backup_is_refused(
    office: Settings, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "anh.zip"
    path.write_bytes(b"khong phai zip")
    assert cli.run(["--config", str(office.folder / "portal.toml"), "restore", str(path)]) == cli.FAILED
    assert "không phải bản sao lưu" in capsys.readouterr().err


def test_a_drill_proves_what_is_stored_and_fails_for_what_is_not_sound(
    office: Settings, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config = ["--config", str(office.folder / "portal.toml")]
    assert cli.run([*config, "drill"]) == cli.FAILED
    assert "Hãy sao lưu trước" in capsys.readouterr().err
    assert cli.run([*config, "drill", "--due"]) == cli.DONE
    assert "Chưa nơi nào" in capsys.readouterr().out
    _, told = run(office.folder, capsys, "backup")
    code, proved = run(office.folder, capsys, "drill")
    assert (code, proved["ok"], [item["path"] for item in proved["proven"]]) == (cli.DONE, True, [told["path"]])
    path = Path(told["path"])
    path.write_bytes(path.read_bytes()[:-1])
    code, proved = run(office.folder, capsys, "drill", str(path))
    assert (code, proved["ok"]) == (cli.FAILED, False)
    assert cli.run([*config, "drill", str(tmp_path / "khong-co")]) == cli.FAILED


def test_only_what_is_due_is_backed_up_and_the_installer_says_why(
    office: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    code, told = run(office.folder, capsys, "backup", "--why", "upgrade")
    assert (code, told["ok"], told["recovery_key"], told["encrypted"]) == (cli.DONE, True, False, True)
    assert cli.run(["--config", str(office.folder / "portal.toml"), "backup"]) == cli.DONE
    assert "chưa có khóa phục hồi" in capsys.readouterr().out
    code, told = run(office.folder, capsys, "backup", "--due")
    assert (code, told["places"]) == (cli.DONE, [])
    installation.open_(office)
    assert [row[0] for row in database.rows("SELECT why FROM backup_runs ORDER BY id")] == ["upgrade", "asked"]
    database.close()


def test_a_place_that_fails_is_a_warning_and_no_place_at_all_is_a_failure(
    office: Settings, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    blocked = tmp_path / "tep"
    blocked.write_bytes(b"")
    config = office.folder / "portal.toml"
    config.write_text(config.read_text("utf-8") + f'\n[backup]\nfolders = ["{blocked}/x"]\n', encoding="utf-8")
    code, told = run(office.folder, capsys, "backup")
    assert (code, told["ok"], [bool(place["error"]) for place in told["places"]]) == (cli.WARNED, False, [False, True])
    code, told = run(office.folder, capsys, "backup", "--to", str(blocked / "y"))
    assert (code, told["ok"], "path" in told) == (cli.FAILED, False, False)


def test_a_plain_backup_is_made_only_when_asked_for(office: Settings, capsys: pytest.CaptureFixture[str]) -> None:
    code, told = run(office.folder, capsys, "backup", "--plain")
    assert (code, told["encrypted"]) == (cli.DONE, False)
    assert Path(told["path"]).suffix == ".zip"
