"""`doctor` from the shell: rows, exit codes, and what it mends by itself."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from commune_portal import cli
from commune_portal.settings import Settings
from commune_portal.store import database
from tests import cast
from tests.cli.test_register import TOML
from tests.store.full import forging


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
    (folder / "data").chmod(0o700)
    return cast.settings_at(folder)


def run(office: Settings, *words: str) -> int:
    return cli.run(["--config", str(office.folder / "portal.toml"), "doctor", *words])


def test_a_new_office_is_warned_and_told_what_to_do(office: Settings, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(office) == cli.WARNED
    told = capsys.readouterr().out
    assert "Chưa sao lưu lần nào" in told
    assert "Cách xử lý" in told


def test_a_program_reads_rows(office: Settings, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(office, "--json") == cli.WARNED
    found = json.loads(capsys.readouterr().out)
    assert (found["ok"], found["level"], found["fixed"]) == (False, "warn", [])
    assert all(set(row) == {"id", "level", "what", "why", "mend"} for row in found["rows"])


def test_a_damaged_office_fails(office: Settings, capsys: pytest.CaptureFixture[str]) -> None:
    with forging(office) as connection:
        connection.execute("UPDATE accounts SET roles = 'administrator'")
    assert run(office, "--json") == cli.FAILED
    rows = {row["id"]: row for row in json.loads(capsys.readouterr().out)["rows"]}
    assert rows["chain"]["level"] == "fail"
    assert "accounts:" in rows["chain"]["what"]


def test_it_mends_what_is_safe(office: Settings, capsys: pytest.CaptureFixture[str]) -> None:
    office.secrets_folder.chmod(0o755)
    assert run(office, "--json") == cli.FAILED
    capsys.readouterr()
    assert run(office, "--fix", "--json") == cli.WARNED
    assert len(json.loads(capsys.readouterr().out)["fixed"]) == 1


def test_a_copied_folder_without_keys_is_examined(office: Settings, capsys: pytest.CaptureFixture[str]) -> None:
    shutil.rmtree(office.secrets_folder)
    assert run(office, "--json") == cli.WARNED
    rows = {row["id"]: row for row in json.loads(capsys.readouterr().out)["rows"]}
    assert "restore --adopt" in rows["owner"]["mend"]
