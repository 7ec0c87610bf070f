"""The shell verbs of the first day: init, user, migrate, token; and serve in a real process."""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import stat
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from commune_portal import cli, clock, settings
from commune_portal.people import accesses, accounts, issuers, login, sessions
from commune_portal.rules.permissions import Role
from commune_portal.store import database, installation, verify
from commune_portal.wire import enrolment, keys
from commune_portal.wire.enrolment import EnrolmentFile
from tests.cast import cheap_passwords

WHO = ["--code", "H99.01", "--name", "Ủy ban nhân dân xã An Phú", "--place", "An Phú"]


@pytest.fixture(autouse=True)
def closed() -> Iterator[None]:
    cheap_passwords()
    yield
    accesses.forget_waiting()
    database.close()
    keys.use(None)


@pytest.fixture
def config(tmp_path: Path) -> Path:
    return tmp_path / "xã An Phú" / "portal.toml"


def told(capsys: pytest.CaptureFixture[str], config: Path, *arguments: str) -> Any:
    """Runs a verb with --json and answers what it printed."""
    assert cli.run(["--config", str(config), *arguments, "--json"]) == cli.DONE
    return json.loads(capsys.readouterr().out)


def refused(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    """Runs a verb that fails and answers the sentence on the error stream."""
    assert cli.run(arguments) == cli.FAILED
    captured = capsys.readouterr()
    assert captured.out == ""
    return captured.err


def exit_code(arguments: list[str]) -> int:
    """What a process would end with; argparse ends by SystemExit."""
    try:
        return cli.run(arguments)
    except SystemExit as ended:
        return int(str(ended.code))


def test_init_founds_an_office_whose_first_password_works(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    made = told(capsys, config, "init", *WHO, "--port", "8099")
    configured = settings.load(config)
    assert (configured.role, configured.server.port) == ("office", 8099)
    assert made["address"] == "http://127.0.0.1:8099/"
    installation.open_(configured)
    installation.refuse_copy("office", keys.load(configured.secrets_folder).public_key.hex())
    person, _ = login.log_in(made["username"], made["password"], "127.0.0.1", configured.session)
    assert person.roles == {Role.ADMINISTRATOR}
    assert accounts.account(person.id).must_change_password
    assert [item.name for item in issuers.current(clock.today())] == ["Ủy ban nhân dân xã An Phú"]
    assert verify.verify(database.connect(), configured.files_folder).ok
    assert sessions.count_of(person.id) == 1


def test_init_keeps_keys_from_other_accounts_and_the_password_nowhere(
    config: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    made = told(capsys, config, "init", *WHO)
    folder = config.parent
    assert stat.S_IMODE((folder / "secrets").stat().st_mode) == 0o700
    assert stat.S_IMODE((folder / "data").stat().st_mode) == 0o700
    for path in (folder / "secrets").iterdir():
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
    for path in folder.rglob("*"):
        if path.is_file():
            assert made["password"].encode() not in path.read_bytes(), path


def test_init_never_writes_over_what_is_there(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    told(capsys, config, "init", *WHO)
    before = {path: path.read_bytes() for path in config.parent.rglob("*") if path.is_file()}
    assert "không khởi tạo đè" in refused(capsys, "--config", str(config), "init", *WHO)
    other = config.with_name("other.toml")
    assert "không khởi tạo đè" in refused(capsys, "--config", str(other), "init", *WHO)
    assert not other.exists()
    assert {path: path.read_bytes() for path in config.parent.rglob("*") if path.is_file()} == before


def test_an_init_that_fails_leaves_nothing_and_can_be_repeated(
    config: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    sentence = refused(capsys, "--config", str(config), "init", *WHO, "--admin", "có dấu cách")
    assert "Tên đăng nhập" in sentence
    assert not config.exists()
    assert [path for path in config.parent.rglob("*") if path.is_file()] == []
    told(capsys, config, "init", *WHO)


@pytest.mark.parametrize("missing", ["--code", "--name", "--place"])
def test_init_says_what_is_missing(config: Path, capsys: pytest.CaptureFixture[str], missing: str) -> None:
    where = WHO.index(missing)
    arguments = WHO[:where] + WHO[where + 2 :]
    assert missing in refused(capsys, "--config", str(config), "init", *arguments)
    assert not config.exists()


def test_init_takes_code_and_name_from_the_nodes_file(
    config: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    node = keys.from_seeds(b"n" * 32, b"b" * 32)
    file = EnrolmentFile(
        token="t" * 43,
        office_code="H99.07",
        office_name="Ủy ban nhân dân xã Vĩnh Hòa",
        node_code="H99",
        node_name="Nút tỉnh Lam Giang",
        node_public_key=node.public_key,
        node_box_public_key=node.box_public_key,
        address="http://127.0.0.1:9000",
        ca_pem=None,
        expires_at=clock.now() + timedelta(days=7),
    )
    path = tmp_path / "vinh-hoa.ghinoi.json"
    path.write_bytes(enrolment.write(file))
    made = told(capsys, config, "init", "--place", "Vĩnh Hòa", "--node", str(path))
    assert made["code"] == "H99.07"
    installation.open_(settings.load(config))
    assert database.row("SELECT code, address FROM peers") == ("H99", "http://127.0.0.1:9000")
    path.write_text("{}", encoding="utf-8")
    assert "tệp đăng ký" in refused(
        capsys, "--config", str(tmp_path / "x" / "portal.toml"), "init", "--place", "X", "--node", str(path)
    )


def test_a_node_begins_with_an_operator(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    told(capsys, config, "init", "--role", "node", "--code", "H99", "--name", "Nút tỉnh Lam Giang")
    found = told(capsys, config, "user", "list")
    assert [item["roles"] for item in found] == [["operator"]]


def test_user_adds_lists_resets_and_disables(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    told(capsys, config, "init", *WHO)
    added = told(
        capsys, config, "user", "add", "hoa", "--name", "Nguyễn Thị Hoa", "--role", "clerk", "--role", "leader"
    )
    again = told(capsys, config, "user", "reset", "HOA")
    assert again["username"] == "hoa"
    assert again["password"] != added["password"]
    assert told(capsys, config, "user", "disable", "hoa")["password"] is None
    found = {item["username"]: item for item in told(capsys, config, "user", "list")}
    assert found["hoa"]["roles"] == ["clerk", "leader"]
    assert found["hoa"]["disabled_at"] is not None
    assert told(capsys, config, "user", "enable", "hoa")["password"]
    assert cli.run(["--config", str(config), "user", "list"]) == cli.DONE
    assert "Nguyễn Thị Hoa" in capsys.readouterr().out
    assert "Không có tài khoản" in refused(capsys, "--config", str(config), "user", "reset", "khongai")
    assert "ít nhất một" in refused(capsys, "--config", str(config), "user", "disable", "quantri")


def test_a_copied_folder_is_read_but_not_changed(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    told(capsys, config, "init", *WHO)
    (config.parent / "secrets" / "installation.pem").unlink()
    assert len(told(capsys, config, "user", "list")) == 1
    assert "bản sao" in refused(capsys, "--config", str(config), "user", "reset", "quantri")


def test_migrate_has_nothing_to_do_after_init_and_refuses_a_newer_schema(
    config: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert "Không thấy tệp cấu hình" in refused(capsys, "--config", str(config), "migrate")
    told(capsys, config, "init", *WHO)
    found = told(capsys, config, "migrate")
    assert found["before"] == found["after"]
    assert found["copy"] is None
    connection = sqlite3.connect(settings.load(config).database_path)
    connection.execute("PRAGMA user_version = 999")
    connection.close()
    assert "phiên bản mới hơn" in refused(capsys, "--config", str(config), "migrate")


def test_token_says_when_no_device_is_configured(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    told(capsys, config, "init", *WHO)
    assert "token.module" in refused(capsys, "--config", str(config), "token", "list")


@pytest.mark.parametrize("arguments", [[], ["nonsense"], ["user"], ["user", "add"], ["init", "--role", "xã"]])
def test_wrong_use_has_its_own_exit_code(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert exit_code(arguments) == cli.WRONG_USE
    captured = capsys.readouterr()
    assert "commune-portal" in captured.out + captured.err


def test_asking_for_help_loads_no_verb() -> None:
    code = (
        "import sys; from commune_portal import cli\n"
        "try: cli.run(['--help'])\nexcept SystemExit: pass\n"
        "print(sorted(name for name in sys.modules if name.startswith(('flask', 'peewee', 'cryptography'))))"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    assert found.stdout.strip().endswith("[]")


@pytest.mark.story
def test_serve_says_where_it_is_answers_and_ends_on_a_signal(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    told(capsys, config, "init", *WHO, "--port", "0")
    environment = {**os.environ, "PYTHONUTF8": "1"}
    command = [sys.executable, "-m", "commune_portal", "--config", str(config), "serve"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as process:
        try:
            assert process.stdout is not None
            address = process.stdout.readline().split()[-1]
            with urllib.request.urlopen(f"{address}login", timeout=20) as answer:
                assert "Đăng nhập" in answer.read().decode()
            process.send_signal(signal.SIGTERM)
            assert process.wait(20) == 0
        finally:
            process.kill()
    path = settings.load(config).database_path
    assert not path.with_name(path.name + "-wal").exists(), "everything was closed in order"
