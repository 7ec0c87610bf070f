"""A font without Vietnamese letters is never printed with, whatever the settings say."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from reportlab.pdfbase.ttfonts import TTFont

from commune_portal.errors import SettingsWrong
from commune_portal.paper import fonts
from commune_portal.paper.fonts import BUNDLED_FOLDER, FontSource, face_files, lacking_letters, registered


def subset(source: Path, out: Path, without: str) -> None:
    """Writes a face that lacks some letters."""
    from fontTools import subset as subsetting

    font = subsetting.load_font(str(source), subsetting.Options())
    worker = subsetting.Subsetter()
    worker.populate(unicodes=[point for point in font.getBestCmap() if chr(point) not in without])
    worker.subset(font)
    font.save(out)
    font.close()


def test_the_bundled_faces_have_every_letter_and_the_widths_of_times() -> None:
    files = face_files(BUNDLED_FOLDER)
    assert files is not None
    for file in files:
        font = TTFont(f"check-{file.stem}", str(file))
        assert lacking_letters(font) == []
    names = registered()
    assert names.source is FontSource.BUNDLED
    from reportlab.pdfbase.pdfmetrics import stringWidth

    assert [round(stringWidth(letter, names.regular, 1000)) for letter in "nA0"] == [500, 722, 500]
    assert (BUNDLED_FOLDER / "LICENSE").is_file()


def test_the_names_are_registered_once() -> None:
    assert registered() is registered()


def test_a_configured_folder_comes_first(tmp_path: Path) -> None:
    files = face_files(BUNDLED_FOLDER)
    assert files is not None
    for file, name in zip(files, ("times.ttf", "timesbd.ttf", "timesi.ttf", "timesbi.ttf"), strict=True):
        shutil.copyfile(file, tmp_path / name)
    assert registered(str(tmp_path)).source is FontSource.CONFIGURED


def test_a_folder_without_all_four_faces_is_passed_over_with_a_reason(tmp_path: Path) -> None:
    names = registered(str(tmp_path / "nowhere"))
    assert names.source is FontSource.BUNDLED
    assert "thiếu một trong bốn kiểu chữ" in names.passed_over[0]


def test_one_face_without_the_horned_letters_is_enough_to_pass_a_folder_over(tmp_path: Path) -> None:
    files = face_files(BUNDLED_FOLDER)
    assert files is not None
    for file in files[:3]:
        shutil.copyfile(file, tmp_path / file.name)
    subset(files[3], tmp_path / files[3].name, "ơưƠƯ")
    names = registered(str(tmp_path))
    assert names.source is FontSource.BUNDLED
    assert "BoldItalic.ttf thiếu chữ Ơ ơ Ư ư" in names.passed_over[0]


def test_a_file_that_is_no_font_is_passed_over(tmp_path: Path) -> None:
    for name in ("times.ttf", "timesbd.ttf", "timesi.ttf", "timesbi.ttf"):
        (tmp_path / name).write_bytes(b"not a font at all")
    assert "không đọc được times.ttf" in registered(str(tmp_path)).passed_over[0]


def test_printing_is_refused_when_no_font_has_vietnamese(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fonts, "BUNDLED_FOLDER", tmp_path / "missing")
    with pytest.raises(SettingsWrong, match="tiếng Việt"):
        registered(str(tmp_path / "empty"))
