"""`lan` from the shell: what it writes, what it keeps, what it refuses."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from commune_portal import cli
from commune_portal.operations import nginx
from commune_portal.settings import load
from commune_portal.wire import lan_authority

TOML = """# ghi chú của người quản trị
role = "{role}"

[server]
port = 18080   # cổng của máy này

[relay]
poll_seconds = 60.0
"""


@pytest.fixture
def config(tmp_path: Path) -> Path:
    path = tmp_path / "portal.toml"
    path.write_text(TOML.format(role="office"), encoding="utf-8")
    return path


def run(config: Path, capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, dict[str, Any]]:
    code = cli.run(["--config", str(config), "lan", *words, "--json"])
    out = capsys.readouterr().out
    return code, json.loads(out) if out else {}


def test_enabling_makes_everything_and_leaves_the_rest_of_the_file_as_it_was(
    config: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, told = run(config, capsys, "enable", "--name", "VanBan.local", "--port", "18443")
    assert (code, told["enabled"], told["restart_needed"], told["front"]) == (cli.DONE, True, True, "builtin")
    assert "https://vanban.local:18443/" in told["addresses"]
    assert told["root"]["fingerprint"].count(":") == 31
    settings = load(config)
    assert (settings.lan.names, settings.lan.port) == (("vanban.local",), 18443)
    kept = config.read_text(encoding="utf-8")
    assert kept.startswith(TOML.format(role="office").rstrip())
    assert lan_authority.root(settings) is not None
    assert not nginx.configuration_path(settings).exists()


def test_enabling_again_keeps_the_root_that_others_trust(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    first = run(config, capsys, "enable", "--name", "a.local")[1]
    again = run(config, capsys, "enable", "--name", "b.local", "--port", "18444")[1]
    assert again["root"] == first["root"]
    assert "b.local" in again["server"]["names"]
    assert run(config, capsys, "enable")[1]["port"] == 18444


def test_nginx_gets_its_configuration_and_loses_it_when_the_door_is_closed(
    config: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run(config, capsys, "enable", "--front", "nginx", "--port", "18443")
    settings = load(config)
    path = nginx.configuration_path(settings)
    text = path.read_text(encoding="utf-8")
    assert "listen 0.0.0.0:18443 ssl" in text
    assert "server 127.0.0.1:18080;" in text
    assert path.stat().st_mode & 0o077 == 0, "it holds the word by which the portal knows nginx"
    code, told = run(config, capsys, "disable")
    assert (code, told["enabled"], path.exists()) == (cli.DONE, False, False)
    assert lan_authority.root(load(config)) is not None, "who opens again must not ask every PC to trust anew"


def test_a_name_beyond_the_root_is_refused_with_the_way_out(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run(config, capsys, "enable", "--name", "a.local")
    before = config.read_text(encoding="utf-8")
    assert cli.run(["--config", str(config), "lan", "enable", "--name", "nut.tinh.example"]) == cli.FAILED
    assert "--new-root" in capsys.readouterr().err
    assert config.read_text(encoding="utf-8") == before
    code, told = run(config, capsys, "enable", "--name", "nut.tinh.example", "--new-root")
    assert code == cli.DONE
    assert "nut.tinh.example" in told["server"]["names"]


@pytest.mark.parametrize(
    "words",
    [("--port", "0"), ("--port", "70000"), ("--port", "18080"), ("--name", "không dấu"), ("--host", "a b")],
)
def test_what_cannot_be_is_refused_and_nothing_is_made(
    config: Path, capsys: pytest.CaptureFixture[str], words: tuple[str, ...]
) -> None:
    before = config.read_text(encoding="utf-8")
    assert cli.run(["--config", str(config), "lan", "enable", *words]) == cli.FAILED
    assert capsys.readouterr().err
    assert config.read_text(encoding="utf-8") == before
    assert sorted(path.name for path in config.parent.iterdir()) == ["portal.toml"]


def test_a_portal_that_listens_to_the_network_itself_is_not_given_a_second_door(config: Path) -> None:
    config.write_text('[server]\nhost = "10.0.0.1"\nbehind_tls_proxy = true\n', encoding="utf-8")
    assert cli.run(["--config", str(config), "lan", "enable"]) == cli.FAILED


def test_renewing_before_enabling_says_what_to_do(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for words in ((), ("--new-root",)):
        assert cli.run(["--config", str(config), "lan", "renew", *words]) == cli.FAILED
        assert "lan enable" in capsys.readouterr().err


def test_renewing_changes_the_server_and_a_new_root_everything(
    config: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    first = run(config, capsys, "enable", "--name", "a.local")[1]
    path = lan_authority.server_path(load(config))
    before = path.read_bytes()
    renewed = run(config, capsys, "renew")[1]
    assert path.read_bytes() != before
    assert renewed["root"] == first["root"]
    assert run(config, capsys, "renew", "--new-root")[1]["root"]["fingerprint"] != first["root"]["fingerprint"]


def test_the_state_is_told_and_a_door_that_nobody_opened_is_a_warning(
    config: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, told = run(config, capsys, "status")
    assert (code, told["enabled"], told["root"], told["server"]) == (cli.DONE, False, None, None)
    run(config, capsys, "enable", "--port", "18443")
    code, told = run(config, capsys, "status")
    assert (code, told["state"], told["sound"]) == (cli.WARNED, "closed", False)
    assert told["server"]["days_left"] >= 395
    assert cli.run(["--config", str(config), "lan", "status"]) == cli.WARNED
    said = capsys.readouterr().out
    assert "Không mở" in said
    assert told["root"]["fingerprint"] in said


def test_a_node_s_enrolment_files_will_name_the_door_and_its_root(
    config: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config.write_text(TOML.format(role="node"), encoding="utf-8")
    run(config, capsys, "enable", "--name", "nut-donghoa.local", "--port", "443")
    settings = load(config)
    assert settings.node_address == "https://nut-donghoa.local"
    assert settings.read_node_ca() == (settings.tls_folder / "root.pem").read_text(encoding="ascii")
    run(config, capsys, "enable", "--name", "nut-khac.local", "--port", "8443")
    assert load(config).node_address == "https://nut-khac.local:8443"


def test_a_node_s_address_that_was_set_by_hand_stays(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = TOML.format(role="node") + '\n[node]\naddress = "https://nut.tinh.example"\nca = "ca-tinh.pem"\n'
    config.write_text(text, encoding="utf-8")
    run(config, capsys, "enable", "--name", "nut.local")
    assert load(config).node_address == "https://nut.tinh.example"
