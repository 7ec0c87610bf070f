"""The metadata of a letter out of its text layer, and where a draft made elsewhere wants its number and signatures.

Everything here is a guess with a place and a confidence: the screen shows it on the page's picture and the clerk
confirms. Nothing is ever registered from a guess alone.

Source: NĐ 30/2020, Phụ lục I (where each element stands).
"""

from __future__ import annotations

import ctypes
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from commune_portal.errors import Malformed, NotFound
from commune_portal.paper import draft_places, elements
from commune_portal.paper.elements import Fields, Guess
from commune_portal.paper.letter import signature_places
from commune_portal.paper.places import Places
from commune_portal.paper.textlayer import PageText, looks_like_pdf, opened, page_text
from commune_portal.rules.classified import PagePiece

__all__ = [
    "Fields",
    "Guess",
    "PdfReading",
    "first_page",
    "full_text",
    "guess_places",
    "is_scan",
    "looks_like_pdf",
    "page_count",
    "page_picture",
    "page_size",
    "read",
]

# The signer's block stands before the annexes; nobody's letter is longer than this.
PAGES_SEARCHED = 40
PIXELS_AT_MOST = 4000
SEAL_DIAMETER_MM = 36.0


@dataclass(frozen=True, slots=True)
class PdfReading:
    """What a PDF says about itself: its pages, whether it has text at all, its signatures, and guessed fields."""

    pages: int
    has_text: bool
    signatures: int
    fields: Fields


def read(path: Path) -> PdfReading:
    """Reads the fields of a letter; raises Malformed for what is not a readable PDF."""
    from pypdfium2 import raw

    with opened(path) as document:
        pages = _counted(document)
        first = page_text(document, 0)
        sign_page = _signing_page(document, first)
        fields = elements.fields_of(first, sign_page)
        if first.pieces and (fields.number is None or fields.promulgation_date is None):
            # Some programs stamp number and date with a signature's picture, which is no part of the page's text.
            fields = fields.completed_with(elements.fields_of(page_text(document, 0, flattened=True), sign_page))
        has_text = bool(first.pieces) or any(page_text(document, number).pieces for number in range(1, min(pages, 5)))
        return PdfReading(pages, has_text, max(raw.FPDF_GetSignatureCount(document), 0), fields)


def guess_places(path: Path, *, seal_diameter_mm: float = SEAL_DIAMETER_MM) -> Places:
    """Where number, date, signature and seal belong on a draft; where nothing is found, the usual places."""
    with opened(path) as document:
        pages = _counted(document)
        first = page_text(document, 0)
        number = draft_places.number_room(first) or draft_places.usual_number(first)
        date = draft_places.date_line(first, number)
        block = elements.signer_block(_signing_page(document, first))
        if block is None:
            last = page_text(document, pages - 1) if pages > 1 else first
            page, centre, lower, upper = draft_places.usual_signature(last)
        else:
            page, centre, lower, upper = draft_places.signature_room(block)
        leader, seal = signature_places(page, centre, lower, upper, seal_diameter_mm)
        return Places(number, date, leader, seal)


def first_page(path: Path) -> tuple[PagePiece, ...]:
    """What stands on the first page and where, stamps that were put on as annotations too; raises Malformed."""
    with opened(path) as document:
        _counted(document)
        page = page_text(document, 0, flattened=True)
    width, height = max(page.width, 1.0), max(page.height, 1.0)
    return tuple(
        PagePiece(
            piece.text, piece.x0 / width, piece.x1 / width, 1 - piece.baseline / height, max(piece.size, 6.0) / height
        )
        for piece in page.pieces
    )


def page_count(path: Path) -> int:
    """How many pages a PDF has; raises Malformed when it is none."""
    with opened(path) as document:
        return _counted(document)


def page_size(path: Path, page: int) -> tuple[float, float]:
    """Width and height of a page (counted from 0) in points, turned as it is shown; raises NotFound, Malformed."""
    with opened(path) as document:
        if not 0 <= page < _counted(document):
            raise NotFound("Văn bản không có trang này.")
        sheet = document[page]
        try:
            width, height = sheet.get_size()
        finally:
            sheet.close()
        return float(width), float(height)


def is_scan(path: Path) -> bool:
    """True when the first page is a picture without any text."""
    from pypdfium2 import raw

    with opened(path) as document:
        _counted(document)
        if page_text(document, 0).pieces:
            return False
        page = document[0]
        try:
            return any(True for _ in page.get_objects(filter=[raw.FPDF_PAGEOBJ_IMAGE], max_depth=3))
        finally:
            page.close()


def full_text(path: Path, *, letters_at_most: int = 2_000_000) -> str:
    """All text of a PDF in reading order, for the search index; empty for a scan."""
    parts: list[str] = []
    room = letters_at_most
    with opened(path) as document:
        for number in range(_counted(document)):
            page = document[number]
            text = page.get_textpage()
            try:
                parts.append(text.get_text_range(0, min(text.count_chars(), room)) if text.count_chars() else "")
            finally:
                text.close()
                page.close()
            room -= len(parts[-1])
            if room <= 0:
                break
    return "\n".join(parts).replace("\r\n", "\n").replace("\0", "")


def page_picture(path: Path, page: int, width_pixels: int, out_png: Path) -> tuple[int, int]:
    """Writes one page (counted from 0) as a PNG of the given width, signatures included; returns its size.

    Raises NotFound when there is no such page, Malformed when the PDF cannot be read.
    """
    with opened(path) as document:
        if not 0 <= page < _counted(document):
            raise NotFound("Văn bản không có trang này.")
        sheet = document[page]
        try:
            width, height = sheet.get_size()
            scale = min(width_pixels, PIXELS_AT_MOST) / max(width, 1.0)
            if height * scale > PIXELS_AT_MOST:
                scale = PIXELS_AT_MOST / height
            picture = sheet.render(scale=scale, may_draw_forms=True).to_pil()
            picture.save(out_png, format="PNG", optimize=False)
            return (int(picture.width), int(picture.height))
        except (ValueError, MemoryError, OSError, ctypes.ArgumentError) as error:
            raise Malformed("Không vẽ được trang này. Hãy tải tệp về để xem.", detail=str(error)) from error
        finally:
            sheet.close()


def _counted(document: Any) -> int:
    pages = len(document)
    if pages < 1:
        raise Malformed("Tệp PDF không có trang nào. Hãy xuất lại tệp PDF rồi tải lên.")
    return pages


def _signing_page(document: Any, first: PageText) -> PageText:
    """The first page with a signer's block; the first page when none has."""
    for number in range(min(len(document), PAGES_SEARCHED)):
        page = first if number == 0 else page_text(document, number)
        if elements.signer_block(page) is not None:
            return page
    return first
