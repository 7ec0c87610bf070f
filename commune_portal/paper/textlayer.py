"""A PDF's text layer as lines with their places, read defensively: whatever came in is somebody else's file.

pdfium is native code: hostile files belong into the workshop process (decision 22); here its errors become Malformed.
"""

from __future__ import annotations

import ctypes
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from commune_portal.errors import Malformed
from commune_portal.paper.places import Rectangle
from commune_portal.rules.folding import clean_line

# A page of an office letter has some three thousand letters; the rest of a page with more is not read.
LETTERS_AT_MOST = 40_000
FIELDS_AT_MOST = 200

# pdfium is not made for threads: one document at a time in a process.
_pdfium = threading.RLock()

UNREADABLE = "Không đọc được tệp PDF này: tệp bị hỏng hoặc không phải PDF. Hãy xuất lại tệp PDF rồi tải lên."
LOCKED = "Tệp PDF đặt mật khẩu nên không đọc được. Hãy bỏ mật khẩu của tệp rồi tải lên lại."


@dataclass(frozen=True, slots=True)
class Piece:
    """Text that stands together on one baseline; sides in points from the page's lower left corner."""

    page: int
    text: str
    x0: float
    y0: float
    x1: float
    y1: float
    baseline: float
    size: float
    bold: bool
    signs: tuple[tuple[str, float, float], ...] = ()

    @property
    def middle(self) -> float:
        """The horizontal middle."""
        return (self.x0 + self.x1) / 2

    @property
    def rectangle(self) -> Rectangle:
        """The place on the page."""
        return Rectangle(self.page, self.x0, self.y0, max(self.x1, self.x0 + 1), max(self.y1, self.y0 + 1))


@dataclass(frozen=True, slots=True)
class PageText:
    """The pieces of one page from top to bottom, left to right, and the page's size."""

    number: int
    width: float
    height: float
    pieces: tuple[Piece, ...]


@dataclass(slots=True)
class _Sign:
    text: str
    x0: float
    y0: float
    x1: float
    y1: float
    baseline: float
    size: float
    bold: bool


@contextmanager
def opened(path: Path) -> Iterator[Any]:
    """The pdfium document of a file; raises Malformed with a sentence when it cannot be read."""
    if not looks_like_pdf(path):
        raise Malformed(UNREADABLE)
    with _pdfium:
        yield from _opened(path)


def _opened(path: Path) -> Iterator[Any]:
    import pypdfium2

    try:
        document = pypdfium2.PdfDocument(path)
    except pypdfium2.PdfiumError as error:
        locked = "password" in str(error).lower() or "security" in str(error).lower()
        raise Malformed(LOCKED if locked else UNREADABLE, detail=str(error)) from error
    try:
        # Before any page is loaded: fields can be read and annotations flattened only then.
        document.init_forms()
        yield document
    except (pypdfium2.PdfiumError, ctypes.ArgumentError, OverflowError) as error:
        raise Malformed(UNREADABLE, detail=str(error)) from error
    finally:
        document.close()


def looks_like_pdf(path: Path) -> bool:
    """True when a file begins as a PDF does; nothing more is promised."""
    with path.open("rb") as stream:
        return b"%PDF-" in stream.read(1024)


def page_text(document: Any, number: int, *, flattened: bool = False) -> PageText:
    """The text of one page; `flattened` also reads what annotations show, such as a number stamped by a signature.

    Values of form fields always stand where the field is, in place of what is printed beneath.
    """
    page = document[number]
    try:
        covers = [] if flattened else _field_pieces(document, page, number)
        if flattened and document.formenv is not None:
            page.flatten()
        signs = [sign for sign in _signs(page) if not any(_covers(cover, sign) for cover in covers)]
        width, height = page.get_size()
        pieces = [*_pieces(signs, number), *covers]
        return PageText(number, width, height, tuple(sorted(pieces, key=lambda piece: (-piece.baseline, piece.x0))))
    finally:
        page.close()


def _signs(page: Any) -> list[_Sign]:
    from pypdfium2 import raw

    signs: list[_Sign] = []
    text = page.get_textpage()
    try:
        left, right, bottom, top = (ctypes.c_double() for _ in range(4))
        x, y = ctypes.c_double(), ctypes.c_double()
        weights: dict[tuple[bytes, int], bool] = {}
        name = ctypes.create_string_buffer(128)
        flags = ctypes.c_int()
        for index in range(min(text.count_chars(), LETTERS_AT_MOST)):
            point = raw.FPDFText_GetUnicode(text, index)
            if point in (0, 0xFFFE, 0xFFFF) or 0xD800 <= point < 0xE000 or point > 0x10FFFF:
                continue
            letter = chr(point)
            if letter in "\r\n" or raw.FPDFText_IsGenerated(text, index) == 1:
                continue
            if not raw.FPDFText_GetCharBox(text, index, left, right, bottom, top):
                continue
            raw.FPDFText_GetCharOrigin(text, index, x, y)
            size = raw.FPDFText_GetFontSize(text, index)
            name.raw = b"\0" * 128
            raw.FPDFText_GetFontInfo(text, index, name, 128, flags)
            key = (name.value, raw.FPDFText_GetFontWeight(text, index))
            if key not in weights:
                weights[key] = b"bold" in key[0].lower() or key[1] >= 600
            signs.append(_Sign(letter, left.value, bottom.value, right.value, top.value, y.value, size, weights[key]))
    finally:
        text.close()
    return signs


def _pieces(signs: list[_Sign], number: int) -> Iterator[Piece]:
    for line in _lines(signs):
        line.sort(key=lambda sign: sign.x0)
        group: list[_Sign] = []
        spaced = False
        for sign in line:
            if sign.text.isspace():
                spaced = True
                continue
            if group:
                gap = sign.x0 - group[-1].x1
                if gap > max(0.8 * _em(sign), 7.0):
                    yield from _piece(group, number)
                    group = []
                elif spaced or gap > 0.18 * _em(sign):
                    group[-1].text += " "
            group.append(sign)
            spaced = False
        yield from _piece(group, number)


def _lines(signs: list[_Sign]) -> list[list[_Sign]]:
    """Signs that share a baseline, whatever order the file draws them in."""
    lines: list[list[_Sign]] = []
    for sign in sorted(signs, key=lambda sign: -sign.baseline):
        if lines and abs(lines[-1][0].baseline - sign.baseline) < max(0.2 * _em(sign), 1.0):
            lines[-1].append(sign)
        else:
            lines.append([sign])
    return lines


def _em(sign: _Sign) -> float:
    # A font scaled by the text matrix reports size 1: then the letter's own height is the better measure.
    return sign.size if sign.size > 3 else max((sign.y1 - sign.y0) * 1.4, 6.0)


def _piece(group: list[_Sign], number: int) -> Iterator[Piece]:
    text = clean_line("".join(sign.text for sign in group))
    if not text:
        return
    yield Piece(
        number,
        text,
        min(sign.x0 for sign in group),
        min(sign.y0 for sign in group),
        max(sign.x1 for sign in group),
        max(sign.y1 for sign in group),
        group[0].baseline,
        _em(group[0]),
        sum(sign.bold for sign in group) * 2 > len(group),
        tuple((sign.text.strip(), sign.x0, sign.x1) for sign in group),
    )


def _covers(cover: Piece, sign: _Sign) -> bool:
    middle = (sign.x0 + sign.x1) / 2
    return cover.x0 <= middle <= cover.x1 and cover.y0 <= sign.baseline + 1 <= cover.y1


def _field_pieces(document: Any, page: Any, number: int) -> list[Piece]:
    """What the page's filled text fields say."""
    from pypdfium2 import raw

    if document.formenv is None:
        return []
    found: list[Piece] = []
    for index in range(min(raw.FPDFPage_GetAnnotCount(page), FIELDS_AT_MOST)):
        annotation = raw.FPDFPage_GetAnnot(page, index)
        if not annotation:
            continue
        try:
            if raw.FPDFAnnot_GetFormFieldType(document.formenv, annotation) != raw.FPDF_FORMFIELD_TEXTFIELD:
                continue
            value = _field_value(document, annotation)
            box = raw.FS_RECTF()
            if value and raw.FPDFAnnot_GetRect(annotation, box) and box.left < box.right and box.bottom < box.top:
                found.append(
                    Piece(number, value, box.left, box.bottom, box.right, box.top, box.bottom + 4.5, 13.0, bold=False)
                )
        finally:
            raw.FPDFPage_CloseAnnot(annotation)
    return found


def _field_value(document: Any, annotation: Any) -> str:
    from pypdfium2 import raw

    length = raw.FPDFAnnot_GetFormFieldValue(document.formenv, annotation, None, 0)
    if not 2 < length < 4096:
        return ""
    buffer = ctypes.create_string_buffer(length)
    pointer = ctypes.cast(buffer, ctypes.POINTER(ctypes.c_ushort))
    raw.FPDFAnnot_GetFormFieldValue(document.formenv, annotation, pointer, length)
    return clean_line(buffer.raw[: length - 2].decode("utf-16-le", errors="replace"))
