"""Stamps on paper: the frame of urgency, the stamp ĐẾN on what arrived.

Source: NĐ 30/2020, Phụ lục I, II (urgency: 30, 40 and 20 by 8 mm); Phụ lục IV (dấu "ĐẾN", 35 by 50 mm).
"""

from __future__ import annotations

from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING

from commune_portal.errors import Malformed
from commune_portal.paper.fonts import FontNames, registered
from commune_portal.paper.places import POINTS_PER_MM
from commune_portal.paper.sheet import break_evenly, open_canvas, width_of
from commune_portal.rules.kinds import Urgency

if TYPE_CHECKING:
    from reportlab.pdfgen.canvas import Canvas

    from commune_portal.paper.textlayer import PageText

BRIGHT_RED = (0.86, 0.05, 0.08)

URGENCY_WIDTH_MM = {Urgency.FLASH: 30.0, Urgency.VERY_URGENT: 40.0, Urgency.URGENT: 20.0}
URGENCY_HEIGHT_MM = 8.0

ARRIVAL_WIDTH_MM = 50.0
ARRIVAL_HEIGHT_MM = 35.0


@dataclass(frozen=True, slots=True)
class ArrivalStamp:
    """What the stamp ĐẾN says; empty fields leave dots to be filled by hand."""

    office_name: str
    number: str = ""
    date: str = ""
    handed_to: str = ""
    dossier: str = ""


def urgency_size(urgency: Urgency) -> tuple[float, float]:
    """Width and height in points; nothing for an ordinary document."""
    if urgency not in URGENCY_WIDTH_MM:
        return (0.0, 0.0)
    return (URGENCY_WIDTH_MM[urgency] * POINTS_PER_MM, URGENCY_HEIGHT_MM * POINTS_PER_MM)


def draw_urgency(canvas: Canvas, names: FontNames, urgency: Urgency, centre_x: float, top: float) -> float:
    """Draws the red frame under `top`, centred; returns its lower edge."""
    width, height = urgency_size(urgency)
    if not width:
        return top
    size = 13.0
    while width_of(urgency.stamp, names.bold, size) > width - 3:
        size -= 0.25
    canvas.saveState()
    canvas.setStrokeColorRGB(*BRIGHT_RED)
    canvas.setFillColorRGB(*BRIGHT_RED)
    canvas.setLineWidth(1.1)
    canvas.rect(centre_x - width / 2, top - height, width, height)
    canvas.setFont(names.bold, size)
    canvas.drawCentredString(centre_x, top - height / 2 - size * 0.33, urgency.stamp)
    canvas.restoreState()
    return top - height


def draw_arrival(canvas: Canvas, names: FontNames, stamp: ArrivalStamp, x: float, y: float) -> None:
    """Draws the stamp ĐẾN with its lower left corner at (x, y)."""
    width, height = ARRIVAL_WIDTH_MM * POINTS_PER_MM, ARRIVAL_HEIGHT_MM * POINTS_PER_MM
    canvas.saveState()
    canvas.setStrokeColorRGB(*BRIGHT_RED)
    canvas.setFillColorRGB(*BRIGHT_RED)
    canvas.setLineWidth(1.2)
    canvas.rect(x, y, width, height)
    size = 8.5
    lines = break_evenly(stamp.office_name.upper(), names.bold, size, width - 8)
    while len(lines) > 2 and size > 5:
        size -= 0.5
        lines = break_evenly(stamp.office_name.upper(), names.bold, size, width - 8)
    band = 13.0 if len(lines) == 1 else 2 * size + 7
    baseline = y + height - band / 2 + (len(lines) - 1) * size * 0.55 - size * 0.33
    for line in lines:
        canvas.setFont(names.bold, size)
        canvas.drawCentredString(x + width / 2, baseline, line)
        baseline -= size * 1.1
    canvas.line(x, y + height - band, x + width, y + height - band)
    body = height - band
    left = width * 0.3
    canvas.line(x + left, y + body * 0.42, x + left, y + body)
    canvas.line(x, y + body * 0.42, x + width, y + body * 0.42)
    canvas.setFont(names.bold, 14)
    canvas.drawCentredString(x + left / 2, y + body * 0.71 - 5, "ĐẾN")
    right = x + width - 4
    _field(canvas, names, "Số:", stamp.number, (x + left + 4, y + body * 0.79, right))
    _field(canvas, names, "Ngày:", stamp.date, (x + left + 4, y + body * 0.52, right))
    _field(canvas, names, "Chuyển:", stamp.handed_to, (x + 4, y + body * 0.25, right))
    _field(canvas, names, "Số và ký hiệu HS:", stamp.dossier, (x + 4, y + body * 0.07, right))
    canvas.restoreState()


def stamp_on_first_page(pdf: Path, out: Path, stamp: ArrivalStamp, *, folder: str = "") -> None:
    """Writes a copy for printing with the stamp ĐẾN on its first page, where the head leaves most room.

    The copy is for paper only: a stamped page is no longer what the sender signed.
    Source: NĐ 30/2020, Điều 21.1; QĐ 28/2018, Điều 21.2.
    """
    import pypdfium2

    from commune_portal.paper.textlayer import opened, page_text

    names = registered(folder)
    buffer = BytesIO()
    size = (ARRIVAL_WIDTH_MM * POINTS_PER_MM + 4, ARRIVAL_HEIGHT_MM * POINTS_PER_MM + 4)
    canvas = open_canvas(buffer, names, title="ĐẾN", size=size)
    draw_arrival(canvas, names, stamp, 2, 2)
    canvas.save()
    with opened(pdf) as document, pypdfium2.PdfDocument(buffer.getvalue()) as drawn:
        if len(document) < 1:
            raise Malformed("Tệp PDF không có trang nào nên không in dấu ĐẾN được.")
        x, y = _free_corner(page_text(document, 0), size)
        page = document[0]
        sheet = drawn.page_as_xobject(0, document).as_pageobject()
        sheet.set_matrix(pypdfium2.PdfMatrix().translate(x, y))
        page.insert_obj(sheet)
        page.gen_content()
        document.save(out)


def _free_corner(page: PageText, size: tuple[float, float]) -> tuple[float, float]:
    """The lower left corner for a stamp in the upper half of a page where it covers the least text.

    Source: NĐ 30/2020, Phụ lục IV (in the blank room under the symbol, the abstract or the date).
    """
    width, height = size
    best = (page.width * 0.5, page.height * 0.6)
    least = float("inf")
    y = page.height - 60 - height
    while y > page.height * 0.5 - height:
        x = 20.0
        while x < page.width - width - 15:
            covered = sum(
                max(0.0, min(piece.x1, x + width) - max(piece.x0, x))
                # Where there is no blank room, the body's first line is covered before the number or a name is.
                * (4 if piece.baseline > page.height * 0.8 else 1)
                for piece in page.pieces
                if piece.y0 < y + height + 4 and piece.y1 > y - 4
            )
            if covered < least:
                best, least = (x, y), covered
            x += 8.0
        y -= 6.0
    return best


def _field(canvas: Canvas, names: FontNames, label: str, value: str, spot: tuple[float, float, float]) -> None:
    x, y, right = spot
    size = 8.0
    canvas.setFont(names.regular, size)
    canvas.drawString(x, y, label)
    start = x + width_of(label, names.regular, size) + 3
    if value:
        while size > 5 and start + width_of(value, names.bold, size) > right:
            size -= 0.25
        canvas.setFont(names.bold, size)
        canvas.drawString(start, y, value)
    else:
        dots = int((right - start) / width_of(".", names.regular, size))
        canvas.drawString(start, y, "." * max(dots, 0))
