"""The shell verbs of a node."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from commune_portal import cli
from commune_portal.settings import load
from commune_portal.store import database, installation
from commune_portal.wire import enrolment, keys


def found(folder: Path, role: str, code: str) -> Path:
    """An installation with keys, ready for the command line."""
    config = folder / "portal.toml"
    folder.mkdir(exist_ok=True)
    config.write_text(f'role = "{role}"\n[paths]\nallow_any_disk = true\n[token]\ntrial = true\n', encoding="utf-8")
    own = keys.create(folder / "secrets")
    installation.found(
        load(config),
        code=code,
        name="Nút liên thông" if role == "node" else "UBND xã An Phú",
        place="",
        public_key=own.public_key.hex(),
        box_public_key=own.box_public_key.hex(),
    )
    database.close()
    return config


@pytest.fixture
def node(tmp_path: Path) -> Path:
    return found(tmp_path / "node", "node", "H99")


def run(config: Path, *arguments: str) -> int:
    try:
        return cli.run(["--config", str(config), "node", *arguments])
    finally:
        database.close()


def test_an_office_is_added_and_introduced_to_its_node(
    node: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "an-phu.ghinoi.json"
    assert run(node, "add-office", "H99.01", "UBND xã An Phú", "--out", str(out)) == cli.DONE
    file = enrolment.read(out.read_bytes())
    assert (file.office_code, file.address) == ("H99.01", "http://127.0.0.1:8080")
    assert out.stat().st_mode & 0o077 == 0
    office = found(tmp_path / "office", "office", "H99.01")
    assert run(office, "import", str(out)) == cli.DONE
    assert (tmp_path / "office" / "secrets" / "enrolment.ghinoi.json").read_bytes() == out.read_bytes()
    assert "Nút liên thông" in capsys.readouterr().out


def test_a_file_is_never_written_over(node: Path, tmp_path: Path) -> None:
    out = tmp_path / "there.json"
    out.write_text("kept")
    assert run(node, "add-office", "H99.01", "UBND xã An Phú", "--out", str(out)) == cli.FAILED
    assert out.read_text() == "kept"
    assert run(node, "add-office", "H99.01", "Xã", "--out", str(tmp_path / "no" / "x.json")) == cli.FAILED
    assert run(node, "offices") == cli.DONE


def test_offices_are_listed_for_people_and_for_programs(
    node: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(node, "offices") == cli.DONE
    assert "Chưa có cơ quan nào" in capsys.readouterr().out
    run(node, "add-office", "H99.01", "UBND xã An Phú", "--out", str(tmp_path / "a.json"))
    capsys.readouterr()
    assert run(node, "offices") == cli.DONE
    assert "UBND xã An Phú: chưa liên lạc" in capsys.readouterr().out
    assert run(node, "offices", "--json") == cli.DONE
    (line,) = json.loads(capsys.readouterr().out)
    assert (line["code"], line["enrolled"], line["waiting"]) == ("H99.01", False, 0)


def test_organisations_are_imported_at_a_node(node: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    data = tmp_path / "danh-ba.csv"
    data.write_text("code,name\nH99.50,Sở Nội vụ\n", encoding="utf-8")
    assert run(node, "import", str(data)) == cli.DONE
    assert "1 cơ quan" in capsys.readouterr().out
    data.write_text("ma,ten\n", encoding="utf-8")
    assert run(node, "import", str(data)) == cli.FAILED
    assert run(node, "import", str(tmp_path / "none.csv")) == cli.FAILED


def test_an_office_adds_no_offices(tmp_path: Path) -> None:
    office = found(tmp_path / "office", "office", "H99.01")
    assert run(office, "offices") == cli.FAILED
    assert run(office, "add-office", "H99.02", "Xã", "--out", str(tmp_path / "x.json")) == cli.FAILED


def test_a_node_is_added_below_another_and_introduced_to_it(
    node: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "district.ghinoi.json"
    wanted = ("add-node", "H99.10", "Nút khu vực Suối Vàng", "--subtree", "H99.10.*", "--out", str(out))
    assert run(node, *wanted) == cli.DONE
    assert run(node, "offices", "--json") == cli.DONE
    assert json.loads(capsys.readouterr().out.partition("[")[2].join(["[", ""]))[0]["subtree"] == "H99.10.*"
    district = found(tmp_path / "district", "node", "H99.10")
    assert run(district, "join", str(out)) == cli.DONE
    assert (tmp_path / "district" / "secrets" / "enrolment.ghinoi.json").read_bytes() == out.read_bytes()
    assert "Nút liên thông (H99)" in capsys.readouterr().out


def test_an_office_cannot_have_a_node_below_it(tmp_path: Path) -> None:
    office = found(tmp_path / "office", "office", "H99.01")
    out = str(tmp_path / "x.json")
    assert run(office, "add-node", "H99.10", "Nút", "--subtree", "H99.10.*", "--out", out) != cli.DONE
    assert run(office, "join", out) != cli.DONE
    assert not Path(out).exists()
