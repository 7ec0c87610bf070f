"""Running text over pages: items of a known height, kept together where the eye needs it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from commune_portal.paper.body import Block, Paragraph, ParagraphStyle, Table
from commune_portal.paper.fonts import FontNames
from commune_portal.paper.places import POINTS_PER_MM
from commune_portal.paper.sheet import Run, break_evenly, break_runs, break_words, draw_runs, leading

if TYPE_CHECKING:
    from reportlab.pdfgen.canvas import Canvas

FIRST_INDENT = 12.7 * POINTS_PER_MM
PARAGRAPH_GAP = 6.0
LINE_STRETCH = 1.08
END_MARK = "./."

Draw = Callable[["Canvas", float], None]


@dataclass(slots=True)
class Item:
    """One line, row or block: it is drawn from its upper edge downwards and never broken."""

    height: float
    draw: Draw
    space_before: float = 0.0
    keeps_next: bool = False
    repeated: Item | None = None


class Flow:
    """Places items one under the other and turns the page when the next group does not fit."""

    def __init__(
        self,
        canvas: Canvas,
        y: float,
        *,
        top: float,
        bottom: float,
        first_bottom: float,
        on_new_page: Callable[[], None],
    ) -> None:
        self.canvas = canvas
        self.y = y
        self.page = 0
        self._top = top
        self._bottom = bottom
        self._first_bottom = first_bottom
        self._on_new_page = on_new_page

    @property
    def floor(self) -> float:
        """The lowest point that this page's text may reach."""
        return self._first_bottom if self.page == 0 else self._bottom

    def run(self, items: Sequence[Item]) -> None:
        """Draws all items in order."""
        number = 0
        while number < len(items):
            end = number
            while items[end].keeps_next and end + 1 < len(items):
                end += 1
            group = items[number : end + 1]
            needed = sum(item.space_before + item.height for item in group)
            if self.y - needed < self.floor and self.y < self._top and needed <= self._top - self._bottom:
                self.turn()
                if group[0].repeated is not None:
                    self._place(group[0].repeated)
            for item in group:
                if self.y - item.space_before - item.height < self.floor and self.y < self._top:
                    self.turn()
                self._place(item)
            number = end + 1

    def turn(self) -> None:
        """Begins a new page."""
        self.canvas.showPage()
        self.page += 1
        self.y = self._top
        self._on_new_page()

    def _place(self, item: Item) -> None:
        if self.y < self._top:
            self.y -= item.space_before
        item.draw(self.canvas, self.y)
        self.y -= item.height


def body_items(blocks: Sequence[Block], names: FontNames, size: float, left: float, width: float) -> list[Item]:
    """The lines and rows of a letter's body; the last plain paragraph ends with "./."."""
    items: list[Item] = []
    for number, block in enumerate(blocks):
        if isinstance(block, Table):
            items += _table_items(block, names, min(size, 13.0), left, width)
        else:
            items += _paragraph_items(block, names, size, left, width, is_last=number == len(blocks) - 1)
    return items


def _paragraph_items(
    block: Paragraph, names: FontNames, size: float, left: float, width: float, *, is_last: bool
) -> list[Item]:
    if block.style is ParagraphStyle.HEADING:
        return _heading_items(block.text, names, size, left, width)
    face = {ParagraphStyle.BASIS: names.italic, ParagraphStyle.SUBHEADING: names.bold}.get(block.style, names.regular)
    text = block.text
    if is_last and block.style is ParagraphStyle.BODY and not text.endswith(END_MARK):
        text = text.removesuffix(".") + END_MARK
    runs = [Run(word, names.bold) for word in block.lead.split()] + [Run(word, face) for word in text.split()]
    lines = break_runs(runs, size, width, FIRST_INDENT)
    items = []
    for number, line in enumerate(lines):
        indent = FIRST_INDENT if number == 0 else 0.0
        is_end = number == len(lines) - 1
        stretch = None if is_end else width - indent
        items.append(
            Item(
                height=leading(size) * LINE_STRETCH,
                draw=_line_drawer(line, size, left + indent, stretch),
                space_before=PARAGRAPH_GAP if number == 0 else 0.0,
                # No single line of a paragraph stands alone at the end or the beginning of a page.
                keeps_next=not is_end and number in (0, len(lines) - 2),
            )
        )
    if items and block.style is ParagraphStyle.SUBHEADING:
        items[-1].keeps_next = True
    return items


def _line_drawer(line: tuple[Run, ...], size: float, x: float, stretch: float | None) -> Draw:
    def draw(canvas: Canvas, y: float) -> None:
        draw_runs(canvas, line, size, (x, y - size), justify_to=stretch)

    return draw


def _heading_items(text: str, names: FontNames, size: float, left: float, width: float) -> list[Item]:
    lines = break_evenly(text, names.bold, size, width * 0.9)
    items = []
    for number, line in enumerate(lines):
        gap = PARAGRAPH_GAP * 1.5 if number == 0 else 0.0
        draw = _centred_drawer(line, names.bold, size, left + width / 2)
        items.append(Item(leading(size) * LINE_STRETCH, draw, gap, keeps_next=True))
    return items


def _centred_drawer(line: str, font: str, size: float, x: float) -> Draw:
    def draw(canvas: Canvas, y: float) -> None:
        canvas.setFont(font, size)
        canvas.drawCentredString(x, y - size, line)

    return draw


def _table_items(table: Table, names: FontNames, size: float, left: float, width: float) -> list[Item]:
    shares = table.shares or tuple(1.0 for _ in table.columns)
    widths = [width * share / sum(shares) for share in shares]
    header = _row_item(table.columns, names.bold, size, left, widths, centred=True)
    header.space_before = PARAGRAPH_GAP
    header.keeps_next = bool(table.rows)
    items = [header]
    for row in table.rows:
        item = _row_item(row, names.regular, size, left, widths, centred=False)
        item.repeated = header
        items.append(item)
    return items


def _row_item(
    cells: Iterable[str], font: str, size: float, left: float, widths: Sequence[float], *, centred: bool
) -> Item:
    pad = 3.0
    broken = [break_words(cell, font, size, wide - 2 * pad) for cell, wide in zip(cells, widths, strict=True)]
    height = max(len(lines) for lines in broken) * leading(size) + 2 * pad

    def draw(canvas: Canvas, y: float) -> None:
        canvas.setLineWidth(0.5)
        x = left
        for lines, wide in zip(broken, widths, strict=True):
            canvas.rect(x, y - height, wide, height)
            baseline = y - pad - size * 0.92
            canvas.setFont(font, size)
            for line in lines:
                if centred:
                    canvas.drawCentredString(x + wide / 2, baseline, line)
                else:
                    canvas.drawString(x + pad, baseline, line)
                baseline -= leading(size)
            x += wide

    return Item(height, draw)
