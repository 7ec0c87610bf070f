"""`register verify` on a whole office, on a copy of it, and on ruins."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from commune_portal import cli
from commune_portal.documents import incoming
from commune_portal.documents.incoming import Arrival
from commune_portal.people import accounts
from commune_portal.settings import Settings
from commune_portal.store import database, installation
from tests import cast
from tests.store.full import forging

TOML = "[paths]\nallow_any_disk = true\n[token]\ntrial = true\n[server]\nport = 0\n"


@pytest.fixture(scope="module")
def founded(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    cast.cheap_passwords()
    made = cast.office_at(tmp_path_factory.mktemp("office"))
    database.close()
    (made.settings.folder / "portal.toml").write_text(TOML, encoding="utf-8")
    return made.settings


@pytest.fixture
def office(founded: Settings, tmp_path: Path) -> Settings:
    folder = tmp_path / "ban sao"
    shutil.copytree(founded.folder, folder, ignore=shutil.ignore_patterns("secrets"))
    return cast.settings_at(folder)


def run(office: Settings, *words: str) -> int:
    return cli.run(["--config", str(office.folder / "portal.toml"), "register", *words])


def answer(office: Settings, capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, dict[str, object]]:
    code = run(office, *words, "--json")
    return code, json.loads(capsys.readouterr().out)


def test_a_copied_folder_without_keys_verifies(office: Settings, capsys: pytest.CaptureFixture[str]) -> None:
    code, found = answer(office, capsys, "verify")
    assert code == cli.DONE
    assert found["ok"] is True
    assert found["first_bad"] is None
    assert found["faults"] == []
    assert set(found) == {"ok", "first_bad", "tables", "faults", "lines", "rows", "files", "receipts", "head"}
    tables = found["tables"]
    assert isinstance(tables, dict)
    assert {"accounts", "issuers", "journal"} <= set(tables["register"])
    assert {"outbox", "sessions"} <= set(tables["working"])


def test_the_first_bad_row_is_named(office: Settings, capsys: pytest.CaptureFixture[str]) -> None:
    with forging(office) as connection:
        uid = connection.execute("SELECT uid FROM accounts WHERE username = 'vanthu'").fetchone()[0]
        connection.execute("UPDATE accounts SET roles = 'administrator' WHERE username = 'vanthu'")
    code, found = answer(office, capsys, "verify")
    assert code == cli.FAILED
    assert found["ok"] is False
    assert found["first_bad"] == f"accounts:{uid}"
    assert found["faults"] == [{"where": f"accounts:{uid}", "what": "Dòng sổ đã bị sửa ngoài hệ thống"}]
    assert run(office, "verify") == cli.FAILED
    assert f"accounts:{uid}" in capsys.readouterr().out


@pytest.mark.parametrize("words", [("verify",), ("verify", "--no-files")])
def test_a_person_reads_that_it_is_sound(
    office: Settings, capsys: pytest.CaptureFixture[str], words: tuple[str, ...]
) -> None:
    assert run(office, *words) == cli.DONE
    assert "SỔ NGUYÊN VẸN" in capsys.readouterr().out


def test_ruins_are_answered_in_the_same_form(office: Settings, capsys: pytest.CaptureFixture[str]) -> None:
    office.database_path.write_bytes(b"day khong phai la co so du lieu" * 400)
    code, found = answer(office, capsys, "verify")
    assert code == cli.FAILED
    assert found["ok"] is False
    assert found["first_bad"] == "database"


def test_without_settings_it_fails_in_words(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run(["--config", str(tmp_path / "khong-co.toml"), "register", "verify"]) == cli.FAILED
    assert "Không thấy tệp cấu hình" in capsys.readouterr().err


def test_an_unknown_act_is_wrong_use(office: Settings) -> None:
    with pytest.raises(SystemExit) as caught:
        run(office, "sua-so")
    assert caught.value.code == cli.WRONG_USE


def test_a_book_is_listed_exported_and_printed(
    founded: Settings, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    office = cast.settings_at(tmp_path / "office")
    shutil.copytree(founded.folder, office.folder)
    installation.open_(office)
    clerk = accounts.by_username("vanthu")
    assert clerk is not None
    incoming.register(clerk.actor, Arrival(sender_name="Sở Nội vụ", subject="Về việc rà soát", on_paper=True))
    database.close()
    assert run(office, "books", "--json") == cli.DONE
    [book] = json.loads(capsys.readouterr().out)
    assert (book["direction"], book["numbers"]) == ("incoming", 1)
    for act, name, begin in (
        ("export", "so.csv", b"\xef\xbb\xbf"),
        ("export", "so.xlsx", b"PK"),
        ("print", "so.pdf", b"%PDF"),
    ):
        out = tmp_path / name
        assert run(office, act, str(book["id"]), "--out", str(out)) == cli.DONE
        assert out.read_bytes().startswith(begin)
        assert run(office, act, str(book["id"]), "--out", str(out)) == cli.FAILED
    assert run(office, "print", str(book["id"]), "--tracking", "--out", str(tmp_path / "theo-doi.pdf")) == cli.DONE
    assert run(office, "export", str(book["id"]), "--out", str(tmp_path / "so.doc")) == cli.FAILED
    assert run(office, "books") == cli.DONE
    assert run(office, "verify") == cli.DONE
