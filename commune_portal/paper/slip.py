"""Phiếu giải quyết văn bản đến: the slip on which an incoming document is directed, handed on and answered.

Source: NĐ 30/2020, Phụ lục IV (mẫu phiếu giải quyết văn bản đến).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

from commune_portal.paper.fonts import FontNames, registered
from commune_portal.paper.ledger import PrintMarks, day_text, origin_text
from commune_portal.paper.places import POINTS_PER_MM
from commune_portal.paper.sheet import A4_PORTRAIT, break_evenly, break_words, draw_centred, open_canvas, width_of

if TYPE_CHECKING:
    from reportlab.pdfgen.canvas import Canvas

LEFT = 25 * POINTS_PER_MM
RIGHT = A4_PORTRAIT[0] - 18 * POINTS_PER_MM
TOP = A4_PORTRAIT[1] - 18 * POINTS_PER_MM
BOTTOM = 18 * POINTS_PER_MM
SIZE = 12.0
LINE = 16.0
LINES_AT_MOST = 12


@dataclass(frozen=True, slots=True)
class Direction:
    """What one of the three says on the slip; an empty text leaves lines to be filled by hand."""

    text: str = ""
    due_date: date | None = None
    given_on: date | None = None
    given_by: str = ""


@dataclass(frozen=True, slots=True)
class Slip:
    """The incoming document in one line, and the words of leader, unit head and handler."""

    issuer_name: str
    arrival_number: str
    arrival_date: date | None
    type_name: str
    symbol: str
    document_date: date | None
    author: str
    subject: str
    lead: str = ""
    support: str = ""
    leader: Direction = Direction()
    unit_head: Direction = Direction()
    handler: Direction = Direction()


def print_slip(slip: Slip, out: Path, marks: PrintMarks, *, folder: str = "") -> None:
    """Writes the slip on one A4 page."""
    names = registered(folder)
    canvas = open_canvas(out, names, title=f"Phiếu giải quyết văn bản đến số {slip.arrival_number}")
    y = _draw_head(canvas, names, slip)
    y = _draw_document(canvas, names, slip, y)
    leader_lines = [f"Chủ trì: {slip.lead or _dots(60)}", f"Phối hợp: {slip.support or _dots(60)}"]
    sections: tuple[tuple[str, str, list[str], Direction, str], ...] = (
        ("Ý kiến của lãnh đạo cơ quan, tổ chức", "(1)", leader_lines, slip.leader, "Thời hạn giải quyết"),
        ("Ý kiến của lãnh đạo đơn vị", "(2)", [], slip.unit_head, "Thời hạn hoàn thành"),
        ("Ý kiến đề xuất của người giải quyết", "(3)", [], slip.handler, ""),
    )
    height = (y - BOTTOM - 14) / len(sections)
    for title, mark, first, direction, due_label in sections:
        _draw_section(canvas, names, (title, mark, due_label), first, direction, (y, height))
        y -= height
    canvas.setFont(names.italic, 8.5)
    canvas.drawCentredString(A4_PORTRAIT[0] / 2, 10 * POINTS_PER_MM, origin_text(marks))
    canvas.showPage()
    canvas.save()


def _draw_head(canvas: Canvas, names: FontNames, slip: Slip) -> float:
    centre = LEFT + 95
    issuer = break_evenly(slip.issuer_name.upper(), names.bold, 12, 185)
    y = draw_centred(canvas, issuer, names.bold, 12, (centre, TOP - 12))
    canvas.setLineWidth(0.6)
    half = width_of(issuer[-1], names.bold, 12) * 0.2
    canvas.line(centre - half, y + 8, centre + half, y + 8)
    canvas.setFont(names.regular, 12)
    canvas.drawRightString(RIGHT, TOP - 12, f"Số đến: {slip.arrival_number or _dots(10)}")
    canvas.drawRightString(RIGHT, TOP - 28, f"Ngày đến: {day_text(slip.arrival_date) or _dots(16)}")
    title = ["PHIẾU GIẢI QUYẾT VĂN BẢN ĐẾN"]
    return draw_centred(canvas, title, names.bold, 15, (A4_PORTRAIT[0] / 2, min(y, TOP - 40) - 20)) - 6


def _draw_document(canvas: Canvas, names: FontNames, slip: Slip, y: float) -> float:
    symbol = f" số {slip.symbol}" if slip.symbol else ""
    dated = f" ngày {day_text(slip.document_date)}" if slip.document_date else ""
    line = f"{slip.type_name or 'Văn bản'}{symbol}{dated} của {slip.author}"
    for text in (line, f"Về việc: {slip.subject}"):
        for part in break_words(text, names.regular, 13, RIGHT - LEFT)[:8]:
            canvas.setFont(names.regular, 13)
            canvas.drawString(LEFT, y, part)
            y -= LINE
    return y - 2


def _draw_section(
    canvas: Canvas,
    names: FontNames,
    labels: tuple[str, str, str],
    first: list[str],
    direction: Direction,
    box: tuple[float, float],
) -> None:
    title, mark, due_label = labels
    top, height = box
    canvas.setLineWidth(0.6)
    canvas.rect(LEFT, top - height, RIGHT - LEFT, height)
    canvas.setFont(names.bold, SIZE)
    canvas.drawString(LEFT + 6, top - LINE, title)
    canvas.setFont(names.regular, SIZE)
    canvas.drawString(LEFT + 6 + width_of(title, names.bold, SIZE) + 5, top - LINE, mark)
    lines = [part for text in (*first, direction.text) if text for part in _broken(text, names)]
    if due_label:
        lines.append(f"{due_label}: {day_text(direction.due_date) or _dots(24)}")
    y = top - 2 * LINE - 2
    for line in lines[:LINES_AT_MOST]:
        canvas.drawString(LEFT + 6, y, line)
        y -= LINE
    # What is not written yet is written by hand.
    canvas.setDash(1, 2)
    while not direction.text and y > top - height + 2.4 * LINE:
        canvas.line(LEFT + 6, y, RIGHT - 6, y)
        y -= LINE
    canvas.setDash()
    day = direction.given_on
    signed = f"Ngày {day_text(day)}" if day else "Ngày ..... tháng ..... năm ........"
    canvas.setFont(names.italic, SIZE)
    canvas.drawRightString(RIGHT - 8, top - height + LINE + 3, signed)
    canvas.setFont(names.bold, SIZE)
    canvas.drawRightString(RIGHT - 8, top - height + 6, direction.given_by)


def _broken(text: str, names: FontNames) -> list[str]:
    return break_words(text, names.regular, SIZE, RIGHT - LEFT - 12)


def _dots(count: int) -> str:
    return "." * count
