"""The conformance packets: each file is read, or refused, exactly as the JSON beside it says."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from commune_portal.edxml.package import Edoc
from commune_portal.edxml.reader import read
from commune_portal.edxml.status import write_status
from commune_portal.edxml.summary import summary
from commune_portal.errors import PortalError
from tests.edxml.specimens import written

FOLDER = Path(__file__).parent / "packets"
PACKETS = sorted(FOLDER.rglob("*.edxml"))


def named(path: Path) -> str:
    return path.relative_to(FOLDER).with_suffix("").as_posix()


@pytest.mark.parametrize("path", PACKETS, ids=named)
def test_a_conformance_packet_is_read_as_its_json_says(path: Path, tmp_path: Path) -> None:
    expected = json.loads(path.with_suffix(".json").read_text(encoding="utf-8"))
    result: dict[str, object]
    try:
        parsed = read(path, tmp_path)
    except PortalError as error:
        result = {"exit": 2, "refused": {"code": error.code, "sentence": error.sentence}}
        assert [*tmp_path.iterdir()] == []
    else:
        result = {"exit": 1 if parsed.findings else 0, "packet": summary(parsed)}
    assert result == expected
    assert expected["exit"] == ["good", "findings", "refused"].index(path.parent.name)


# Not the first: how deflate packs its attachments may differ between builds of zlib.
GOLDEN = [path for path in PACKETS if "good/02" <= named(path) < "good/15"]


@pytest.mark.parametrize("path", GOLDEN, ids=named)
def test_our_own_packets_are_golden(path: Path, tmp_path: Path) -> None:
    parsed = read(path, tmp_path)
    again = written(parsed) if isinstance(parsed, Edoc) else write_status(parsed)
    assert again == path.read_bytes()


def test_every_packet_has_its_json_and_the_other_way_round() -> None:
    assert {path.with_suffix("") for path in PACKETS} == {path.with_suffix("") for path in FOLDER.rglob("*.json")}
    assert len(PACKETS) > 60
