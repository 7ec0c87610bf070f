"""The shell verb of the bag: what it prints, and its exit codes."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from commune_portal import cli
from commune_portal.store import database
from tests.cli.test_node import found
from tests.relay.carried import World, found_world


def run(config: Path, *arguments: str) -> int:
    try:
        return cli.run(["--config", str(config), "bag", *arguments])
    finally:
        database.close()


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    made = found_world(tmp_path_factory.mktemp("bag"))
    for key in ("a", "b", "node"):
        role = "node" if key == "node" else "office"
        (made.folder / key / "portal.toml").write_text(
            f'role = "{role}"\n[paths]\nallow_any_disk = true\n[token]\ntrial = true\n', encoding="utf-8"
        )
    return made


def test_the_exit_code_says_whether_everything_was_taken(
    world: World, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    message = world.send(world.documents[0])
    configs = {key: world.folder / key / "portal.toml" for key in ("a", "b", "node")}
    assert run(configs["a"], "export", str(tmp_path), "--json") == cli.DONE
    made = json.loads(capsys.readouterr().out)
    assert (made["addressee"], made["encrypted"], made["messages"]) == ("H99", True, 1)
    assert run(configs["b"], "import", str(tmp_path)) == cli.FAILED
    assert "đúng nơi nhận" in capsys.readouterr().err
    longest = max(Path(made["path"]).iterdir(), key=lambda path: path.stat().st_size)
    whole = longest.read_bytes()
    longest.write_bytes(whole[:-1])
    assert run(configs["node"], "import", str(tmp_path)) == cli.WARNED
    assert "KHÔNG NHẬN" in capsys.readouterr().out
    longest.write_bytes(whole)
    assert run(configs["node"], "import", str(tmp_path), "--json") == cli.DONE
    told = json.loads(capsys.readouterr().out)["bags"][0]
    assert (told["maker"], told["refused"]) == ("H99.01", 0)
    assert [item["message_id"] for item in told["items"] if item["what"] == "envelope"] == [message]


def test_a_node_is_asked_for_whom_and_an_office_that_met_nobody_is_told(
    world: World, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    node = world.folder / "node" / "portal.toml"
    assert run(node, "export", str(tmp_path)) == cli.FAILED
    assert "--to" in capsys.readouterr().err
    assert run(node, "export", str(tmp_path), "--to", "H99.02", "--plain") == cli.DONE
    assert "KHÔNG mã hóa" in capsys.readouterr().out
    office = found(tmp_path / "office", "office", "H99.09")
    assert run(office, "export", str(tmp_path)) == cli.FAILED
    assert run(office, "import", str(tmp_path / "khong-co")) == cli.FAILED
    assert "cắm USB" in capsys.readouterr().err
