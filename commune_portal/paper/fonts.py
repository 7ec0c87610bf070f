"""The four faces everything is printed in: the office's own folder, Windows' Times New Roman, or the bundled Tinos.

Every candidate passes the same check: four faces, each with every Vietnamese letter. A face that lacks ơ or ư prints
names wrongly without a word of warning, so when no candidate passes, printing is refused.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING

from commune_portal.errors import SettingsWrong

if TYPE_CHECKING:
    from reportlab.pdfbase.ttfonts import TTFont

BUNDLED_FOLDER = Path(__file__).resolve().parent.parent / "static" / "vendor" / "tinos"

# File names by which each face is known, in the order regular, bold, italic, bold italic.
FACE_FILES = (
    ("times.ttf", "timesbd.ttf", "timesi.ttf", "timesbi.ttf"),
    ("Tinos-Regular.ttf", "Tinos-Bold.ttf", "Tinos-Italic.ttf", "Tinos-BoldItalic.ttf"),
    (
        "LiberationSerif-Regular.ttf",
        "LiberationSerif-Bold.ttf",
        "LiberationSerif-Italic.ttf",
        "LiberationSerif-BoldItalic.ttf",
    ),
)

VIETNAMESE_LETTERS = frozenset(
    "ÀÁÂÃÈÉÊÌÍÒÓÔÕÙÚÝàáâãèéêìíòóôõùúýĂăĐđĨĩŨũƠơƯư" + "".join(chr(point) for point in range(0x1EA0, 0x1EFA))
)

# What the forms print besides letters and ASCII.
PRINTED_SIGNS = frozenset("–—‘’“”…")


class FontSource(Enum):
    """Where the faces in use come from; the value is what the health page shows."""

    CONFIGURED = "thư mục phông chữ trong tệp cấu hình"
    WINDOWS = "Times New Roman của Windows"
    BUNDLED = "Tinos đi kèm phần mềm"


@dataclass(frozen=True, slots=True)
class FontNames:
    """The four faces as registered with reportlab, where they came from, and why better ones were passed over."""

    regular: str
    bold: str
    italic: str
    bold_italic: str
    source: FontSource
    passed_over: tuple[str, ...] = ()


_registered: dict[str, FontNames] = {}
_guard = threading.Lock()


def registered(folder: str = "") -> FontNames:
    """The names of the four faces, registered once per process; raises SettingsWrong when no font has Vietnamese."""
    with _guard:
        if folder not in _registered:
            _registered[folder] = _register(_candidates(folder))
        return _registered[folder]


def face_files(folder: Path) -> tuple[Path, Path, Path, Path] | None:
    """The four files of a folder that belong together, or None when any is absent."""
    for names in FACE_FILES:
        regular, bold, italic, bold_italic = (folder / name for name in names)
        if all(face.is_file() for face in (regular, bold, italic, bold_italic)):
            return regular, bold, italic, bold_italic
    return None


def _candidates(folder: str) -> Iterator[tuple[FontSource, Path]]:
    if folder:
        yield FontSource.CONFIGURED, Path(folder)
    windows = os.environ.get("WINDIR", "")
    if os.name == "nt" and windows:
        yield FontSource.WINDOWS, Path(windows) / "Fonts"
    yield FontSource.BUNDLED, BUNDLED_FOLDER


def _register(candidates: Iterator[tuple[FontSource, Path]]) -> FontNames:
    from reportlab import rl_config
    from reportlab.pdfbase import pdfmetrics

    # Text armour for streams makes files a quarter larger and books slower; every viewer reads plain bytes.
    rl_config.useA85 = 0
    passed_over: list[str] = []
    for source, folder in candidates:
        fonts, complaint = _checked(source, folder)
        if complaint:
            passed_over.append(f"{source.value} ({folder}): {complaint}")
            continue
        for font in fonts:
            pdfmetrics.registerFont(font)
        regular, bold, italic, bold_italic = (str(font.fontName) for font in fonts)
        return FontNames(regular, bold, italic, bold_italic, source, tuple(passed_over))
    raise SettingsWrong(
        "Không có phông chữ đủ chữ tiếng Việt để in: " + "; ".join(passed_over) + ". Hãy sửa mục fonts.folder "
        "trong tệp cấu hình hoặc cài lại phần mềm.",
        field="fonts.folder",
    )


def _checked(source: FontSource, folder: Path) -> tuple[list[TTFont], str]:
    from reportlab.pdfbase.ttfonts import TTFError, TTFont

    files = face_files(folder)
    if files is None:
        return [], "thiếu một trong bốn kiểu chữ thường, đậm, nghiêng, đậm nghiêng"
    fonts = []
    for file in files:
        try:
            font = TTFont(f"{source.name.lower()}-{file.stem}", str(file))
        except (TTFError, OSError, ValueError) as error:
            return [], f"không đọc được {file.name} ({type(error).__name__})"
        missing = lacking_letters(font)
        if missing:
            return [], f"{file.name} thiếu chữ {' '.join(missing[:8])}"
        fonts.append(font)
    return fonts, ""


def lacking_letters(font: TTFont) -> list[str]:
    """The Vietnamese letters and printed signs that a face has no glyph for, in order."""
    glyphs = font.face.charToGlyph
    return [letter for letter in sorted(VIETNAMESE_LETTERS | PRINTED_SIGNS) if not glyphs.get(ord(letter))]
