"""A demonstration's folder: what is taken for finished, for half-built, and for somebody else's."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from commune_portal.demonstration import building, running, scans, year
from commune_portal.errors import Malformed, StoreRefused


def test_a_missing_or_empty_folder_is_to_be_built(tmp_path: Path) -> None:
    assert building.require_ours(tmp_path / "new") is False
    assert building.require_ours(tmp_path) is False


def test_a_folder_with_something_else_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "thư.txt").write_text("của tôi", encoding="utf-8")
    with pytest.raises(StoreRefused, match="dữ liệu khác"):
        building.require_ours(tmp_path)


def test_a_file_is_no_folder(tmp_path: Path) -> None:
    (tmp_path / "demo").touch()
    with pytest.raises(StoreRefused, match="không phải là thư mục"):
        building.require_ours(tmp_path / "demo")


def test_a_half_built_folder_is_built_anew(tmp_path: Path) -> None:
    (tmp_path / building.BUILDING).touch()
    (tmp_path / building.MADE).write_text("{}", encoding="utf-8")
    assert building.require_ours(tmp_path) is False


def test_a_finished_folder_is_taken_as_it_is(tmp_path: Path) -> None:
    (tmp_path / building.MADE).write_text("{}", encoding="utf-8")
    assert building.require_ours(tmp_path) is True


def test_an_unreadable_account_of_the_folder_is_told(tmp_path: Path) -> None:
    (tmp_path / building.MADE).write_text("{", encoding="utf-8")
    with pytest.raises(Malformed, match="xóa thư mục"):
        running.made(tmp_path)


def test_a_scan_is_one_picture_without_a_text_layer(tmp_path: Path) -> None:
    import pypdfium2

    values = year.plan(date(2026, 11, 22), year.SMALL).scans[0]
    out = tmp_path / "scan.pdf"
    scans.draw(values, out)
    with pypdfium2.PdfDocument(out) as document:
        assert len(document) == 1
        assert document[0].get_textpage().get_text_range().strip() == ""
    assert [path.name for path in tmp_path.iterdir()] == ["scan.pdf"]


def test_the_uploaded_draft_has_a_text_layer(tmp_path: Path) -> None:
    import pypdfium2

    out = tmp_path / "draft.pdf"
    scans.draw_draft(out, "Ủy ban nhân dân xã An Phú")
    with pypdfium2.PdfDocument(out) as document:
        assert "QUYẾT ĐỊNH" in document[0].get_textpage().get_text_range()
