"""A ruled book of many rows on landscape A4: cover, table, closing block; drawn by hand because it must be quick.

Everything is laid out first, so that each page can say how many there are; then pages are drawn one text block each.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from commune_portal import clock
from commune_portal.paper.fonts import FontNames, registered
from commune_portal.paper.places import POINTS_PER_MM
from commune_portal.paper.sheet import A4_LANDSCAPE, break_evenly, break_words, draw_centred, open_canvas, width_of

if TYPE_CHECKING:
    from reportlab.pdfgen.canvas import Canvas

PAGE_WIDTH, PAGE_HEIGHT = A4_LANDSCAPE
LEFT = 20 * POINTS_PER_MM
RIGHT = PAGE_WIDTH - 12 * POINTS_PER_MM
TOP = PAGE_HEIGHT - 15 * POINTS_PER_MM
BOTTOM = 16 * POINTS_PER_MM
FOOTER = 10 * POINTS_PER_MM

SIZE = 10.0
LINE = 11.6
PAD = 2.5
CLOSING_HEIGHT = 150.0


@dataclass(frozen=True, slots=True)
class Column:
    """One ruled column: its legal heading, its width in millimetres, and whether its text is centred."""

    heading: str
    width_mm: float
    centred: bool = False


@dataclass(frozen=True, slots=True)
class BookCover:
    """What the cover of a book says.

    `scope` names the series when the office keeps several books, such as "Quyết định"; `volume` is "Quyển số".
    A table that is no book has `details` instead of year, dates and numbers, and its own `closing` sentence.
    Source: NĐ 30/2020, Phụ lục IV.
    """

    parent_name: str
    issuer_name: str
    year: int
    from_date: date | None
    to_date: date | None
    from_number: str
    to_number: str
    volume: str = "01"
    scope: str = ""
    details: tuple[str, ...] = ()
    closing: str = ""


@dataclass(frozen=True, slots=True)
class PrintMarks:
    """What shows that a page came out of the System: who printed it, when, and the head of the journal's chain.

    Source: NĐ 30/2020, Phụ lục VI, III.6.k.
    """

    chain_hash: str
    printed_at: datetime
    printed_by: str
    system: str = "Hệ thống quản lý văn bản và điều hành"


@dataclass(frozen=True, slots=True)
class Row:
    """One line of a book: a text a column; `struck` ones are crossed out, a `remark` follows one of them in italics."""

    cells: tuple[str, ...]
    struck: bool = False
    remark: str = ""
    remark_column: int = 0


@dataclass(slots=True)
class _Line:
    text: str
    italic: bool
    struck: bool


@dataclass(slots=True)
class _LaidRow:
    columns: list[list[_Line]]
    height: float


class Ledger:
    """A book being printed; `title` is the legal name, `columns` the legal columns in their order."""

    def __init__(self, title: str, columns: Sequence[Column], cover: BookCover, marks: PrintMarks, folder: str) -> None:
        self._title = title
        self._columns = columns
        self._cover = cover
        self._marks = marks
        self._names: FontNames = registered(folder)
        self._widths = [column.width_mm * POINTS_PER_MM for column in columns]
        self._head = [
            break_words(column.heading, self._names.bold, SIZE, width - 2 * PAD)
            for column, width in zip(columns, self._widths, strict=True)
        ]
        self._head_height = max(len(lines) for lines in self._head) * LINE + 2 * PAD
        self._room = TOP - BOTTOM - self._head_height - LINE - 2 * PAD

    def write(self, rows: Iterable[Row], out: Path) -> int:
        """Writes the book and returns how many pages it has, the cover included."""
        pages, left_over = self._paginate(rows)
        closing_alone = left_over < CLOSING_HEIGHT
        total = 1 + len(pages) + int(closing_alone)
        canvas = open_canvas(out, self._names, title=f"{self._title} năm {self._cover.year}", size=A4_LANDSCAPE)
        self._draw_cover(canvas)
        canvas.showPage()
        # The head is the same on every page: drawn once, shown many times.
        canvas.beginForm("head")
        self._draw_head(canvas)
        canvas.endForm()
        y = TOP
        for number, page in enumerate(pages, start=2):
            y = self._draw_page(canvas, page)
            self._draw_footer(canvas, number, total)
            if number < total:
                canvas.showPage()
        if closing_alone:
            self._draw_footer(canvas, total, total)
            y = TOP
        self._draw_closing(canvas, y - 20, total)
        canvas.showPage()
        canvas.save()
        return total

    # -- layout ---------------------------------------------------------------------------------------------------

    def _paginate(self, rows: Iterable[Row]) -> tuple[list[list[_LaidRow]], float]:
        pages: list[list[_LaidRow]] = [[]]
        room = self._room
        for row in rows:
            for laid in self._laid(row):
                if laid.height > room and pages[-1]:
                    pages.append([])
                    room = self._room
                pages[-1].append(laid)
                room -= laid.height
        return pages, room

    def _laid(self, row: Row) -> list[_LaidRow]:
        regular, italic = self._names.regular, self._names.italic
        columns: list[list[_Line]] = []
        for number, (text, width) in enumerate(zip(row.cells, self._widths, strict=True)):
            lines = [
                _Line(line, italic=False, struck=row.struck)
                for line in break_words(text, regular, SIZE, width - 2 * PAD)
            ]
            if row.remark and number == row.remark_column:
                lines = [line for line in lines if line.text]
                lines += [
                    _Line(line, italic=True, struck=False)
                    for line in break_words(row.remark, italic, SIZE, width - 2 * PAD)
                ]
            columns.append(lines)
        tallest = max(len(lines) for lines in columns)
        # A row taller than a page goes on upon the next one.
        most = int((self._room - 2 * PAD) / LINE)
        return [
            _LaidRow([lines[start : start + most] for lines in columns], min(tallest - start, most) * LINE + 2 * PAD)
            for start in range(0, tallest, most)
        ]

    # -- drawing --------------------------------------------------------------------------------------------------

    def _draw_page(self, canvas: Canvas, rows: list[_LaidRow]) -> float:
        canvas.doForm("head")
        y = TOP - self._head_height - LINE - 2 * PAD
        ruled = [y]
        strikes: list[tuple[float, float, float, float]] = []
        text = canvas.beginText()
        text.setFont(self._names.regular, SIZE)
        for row in rows:
            x = LEFT
            for lines, width, column in zip(row.columns, self._widths, self._columns, strict=True):
                baseline = y - PAD - SIZE * 0.88
                for line in lines:
                    if line.text:
                        font = self._names.italic if line.italic else self._names.regular
                        start = x + PAD
                        if column.centred or line.struck:
                            wide = width_of(line.text, font, SIZE)
                            start = x + (width - wide) / 2 if column.centred else start
                            if line.struck:
                                strikes.append((start, baseline + 3, start + wide, baseline + 3))
                        text.setTextOrigin(start, baseline)
                        if line.italic:
                            text.setFont(font, SIZE)
                        text.textOut(line.text)
                        if line.italic:
                            text.setFont(self._names.regular, SIZE)
                    baseline -= LINE
                x += width
            y -= row.height
            ruled.append(y)
        canvas.drawText(text)
        canvas.setLineWidth(0.4)
        canvas.lines([(LEFT, at, LEFT + sum(self._widths), at) for at in ruled])
        canvas.lines([(x, ruled[0], x, y) for x in self._edges()])
        if strikes:
            canvas.setLineWidth(0.7)
            canvas.lines(strikes)
        return y

    def _edges(self) -> list[float]:
        edges = [LEFT]
        for width in self._widths:
            edges.append(edges[-1] + width)
        return edges

    def _draw_head(self, canvas: Canvas) -> None:
        """The headings and the row of column numbers, as the legal form has them."""
        lower = TOP - self._head_height
        canvas.setLineWidth(0.6)
        x = LEFT
        for number, (lines, width) in enumerate(zip(self._head, self._widths, strict=True), start=1):
            canvas.rect(x, lower, width, self._head_height)
            top = (TOP + lower) / 2 + len(lines) * LINE / 2 - SIZE * 0.88
            for line in lines:
                canvas.setFont(self._names.bold, SIZE)
                canvas.drawCentredString(x + width / 2, top, line)
                top -= LINE
            canvas.rect(x, lower - LINE - 2 * PAD, width, LINE + 2 * PAD)
            canvas.setFont(self._names.italic, SIZE)
            canvas.drawCentredString(x + width / 2, lower - PAD - SIZE * 0.88, f"({number})")
            x += width

    def _draw_cover(self, canvas: Canvas) -> None:
        names, cover, centre = self._names, self._cover, PAGE_WIDTH / 2
        canvas.setLineWidth(1.6)
        canvas.rect(LEFT, BOTTOM, RIGHT - LEFT, TOP - BOTTOM)
        canvas.setLineWidth(0.5)
        canvas.rect(LEFT + 4, BOTTOM + 4, RIGHT - LEFT - 8, TOP - BOTTOM - 8)
        room = (RIGHT - LEFT) * 0.8
        y = TOP - 50
        parent = break_evenly(cover.parent_name.upper(), names.regular, 14, room) if cover.parent_name else []
        y = draw_centred(canvas, parent, names.regular, 14, (centre, y))
        issuer = break_evenly(cover.issuer_name.upper(), names.bold, 14, room)
        y = draw_centred(canvas, issuer, names.bold, 14, (centre, y))
        rule = width_of(issuer[-1], names.bold, 14) * 0.4
        canvas.line(centre - rule / 2, y + 9, centre + rule / 2, y + 9)
        y = PAGE_HEIGHT * 0.58
        y = draw_centred(canvas, [self._title], names.bold, 26, (centre, y)) - 4
        if cover.scope:
            y = draw_centred(canvas, [f"({cover.scope})"], names.italic, 15, (centre, y)) - 4
        if not cover.details:
            y = draw_centred(canvas, [f"Năm: {cover.year}"], names.bold, 18, (centre, y)) - 24
        details = cover.details or (
            f"Từ ngày {day_text(cover.from_date) or '……'} đến ngày {day_text(cover.to_date) or '……'}",
            f"Từ số {cover.from_number or '……'} đến số {cover.to_number or '……'}",
            f"Quyển số: {cover.volume}",
        )
        for line in details:
            y = draw_centred(canvas, [line], names.regular, 15, (centre, y)) - 6
        canvas.setFont(names.italic, 9)
        canvas.drawCentredString(centre, FOOTER, origin_text(self._marks))

    def _draw_footer(self, canvas: Canvas, number: int, total: int) -> None:
        canvas.setFont(self._names.italic, 8.5)
        canvas.drawString(LEFT, FOOTER, origin_text(self._marks))
        canvas.drawCentredString(PAGE_WIDTH / 2 + 60, FOOTER, f"Trang {number}/{total}")
        canvas.drawRightString(RIGHT, FOOTER, f"Mã chuỗi nhật ký: {self._marks.chain_hash[:16]}")

    def _draw_closing(self, canvas: Canvas, y: float, total: int) -> None:
        names, cover = self._names, self._cover
        numbers = f"từ số {cover.from_number} đến số {cover.to_number}" if cover.from_number else "chưa có số nào"
        canvas.setFont(names.italic, 11)
        canvas.drawString(LEFT, y, cover.closing or f"Sổ này có {total} trang (kể cả bìa), {numbers}.")
        printed = clock.civil(self._marks.printed_at)
        # Only the first two months take a leading zero. Source: NĐ 30/2020, Phụ lục I, II.4.
        month = f"{printed.month:02}" if printed.month < 3 else str(printed.month)
        right, left = RIGHT - 130, LEFT + 130
        canvas.drawCentredString(right, y - 22, f"Ngày {printed.day:02} tháng {month} năm {printed.year}")
        for centre, post in ((left, "VĂN THƯ CƠ QUAN"), (right, "NGƯỜI ĐỨNG ĐẦU CƠ QUAN")):
            canvas.setFont(names.bold, 12)
            canvas.drawCentredString(centre, y - 38, post)
            canvas.setFont(names.italic, 10.5)
            canvas.drawCentredString(
                centre, y - 52, "(Ký, ghi rõ họ tên, đóng dấu)" if centre == right else "(Ký, ghi rõ họ tên)"
            )


def day_text(day: date | None) -> str:
    """A date as printed in a book; nothing for none."""
    return f"{day:%d/%m/%Y}" if day else ""


def origin_text(marks: PrintMarks) -> str:
    """The line that says that a page was printed from the System, when and by whom.

    Source: NĐ 30/2020, Phụ lục VI, III.6.k.
    """
    printed = marks.printed_at.astimezone(clock.VIETNAM)
    return f"In từ {marks.system} lúc {printed:%H:%M:%S ngày %d/%m/%Y} bởi {marks.printed_by}"
