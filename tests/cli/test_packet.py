"""`packet read`: sound, with findings, refused; nothing stays behind."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path

import pytest

from commune_portal import cli
from commune_portal.edxml.status import write_status
from tests.edxml.specimens import PDF, STATUS, with_files, written


def read(path: Path, capsys: pytest.CaptureFixture[str]) -> tuple[int, dict[str, object]]:
    code = cli.run(["packet", "read", str(path), "--json"])
    found = json.loads(capsys.readouterr().out)
    assert isinstance(found, dict)
    return code, found


def packet(folder: Path, data: bytes) -> Path:
    path = folder / "goi.edxml"
    path.write_bytes(data)
    return path


def test_a_sound_packet_is_told_in_stable_keys(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = packet(tmp_path, written(with_files(tmp_path, van_ban__pdf=PDF)))
    code, found = read(path, capsys)
    assert code == cli.DONE
    assert (found["kind"], found["document_id"], found["findings"]) == ("edoc", "H99.18.02.2026.000017", [])
    assert cli.run(["packet", "read", str(path)]) == cli.DONE
    assert "17/QĐ-UBND" in capsys.readouterr().out


def test_a_status_is_told_too(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, found = read(packet(tmp_path, write_status(STATUS)), capsys)
    assert code == cli.DONE
    assert (found["kind"], found["status_code"]) == ("status", "03")
    assert cli.run(["packet", "read", str(tmp_path / "goi.edxml")]) == cli.DONE


def test_what_strays_is_told_and_warned_of(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    data = written(with_files(tmp_path, van_ban__pdf=PDF)).replace(b"edXMLManifest", b"MucLucRieng")
    code, found = read(packet(tmp_path, data), capsys)
    assert found["findings"]
    assert code == cli.WARNED
    assert cli.run(["packet", "read", str(tmp_path / "goi.edxml")]) == cli.WARNED
    assert "Lưu ý" in capsys.readouterr().out


@pytest.mark.parametrize("data", [b"", b"khong phai XML", b"<a/>", b"\0" * 100])
def test_what_is_no_packet_is_refused_with_the_reason(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], data: bytes
) -> None:
    code, found = read(packet(tmp_path, data), capsys)
    assert code == cli.FAILED
    assert list(found) == ["refused"]
    assert found["refused"]


def test_a_file_that_is_not_there_is_refused_too(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for path in (tmp_path / "khong-co", tmp_path):
        code, found = read(path, capsys)
        assert (code, list(found)) == (cli.FAILED, ["refused"])
    assert cli.run(["packet", "read", str(tmp_path)]) == cli.FAILED
    assert "Không nhận" in capsys.readouterr().out


def test_nothing_stays_behind(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    path = packet(tmp_path, written(with_files(tmp_path, van_ban__pdf=PDF)))
    scratch = tmp_path / "tam"
    scratch.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(scratch))
    read(path, capsys)
    assert list(scratch.iterdir()) == []
