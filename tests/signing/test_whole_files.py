"""Whole or not there."""

from __future__ import annotations

from pathlib import Path

import pytest

from commune_portal.signing.whole_files import written_whole


def _broken_off(out: Path) -> None:
    with written_whole(out) as file:
        file.write(b"half")
        raise ZeroDivisionError


def test_a_file_takes_its_name_only_when_it_is_whole(tmp_path: Path) -> None:
    out = tmp_path / "a.pdf"
    with pytest.raises(ZeroDivisionError):
        _broken_off(out)
    assert list(tmp_path.iterdir()) == []
    with written_whole(out) as file:
        file.write(b"whole")
        assert not out.exists()
    assert out.read_bytes() == b"whole"
    with pytest.raises(ZeroDivisionError):
        _broken_off(out)
    assert out.read_bytes() == b"whole"
