"""The parts of a chapter as items that flow over pages: headings, paragraphs, lists, tables, screens."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from commune_portal.paper import prose
from commune_portal.paper.flow import Item
from commune_portal.paper.fonts import FontNames
from commune_portal.paper.markdown import Grid, Heading, Listing, Mark, Part, Passage, Picture, Text
from commune_portal.paper.places import POINTS_PER_MM
from commune_portal.paper.prose import BRAND, INK, RULE, TINT, Line
from commune_portal.paper.sheet import A4_PORTRAIT, width_of

if TYPE_CHECKING:
    from reportlab.pdfgen.canvas import Canvas

LEFT = 23 * POINTS_PER_MM
WIDTH = A4_PORTRAIT[0] - LEFT - 21 * POINTS_PER_MM
SIZE = 11.0
LINE = 14.6
CELL_SIZE = 10.0
CELL_LINE = 13.0
PAD = 4.0
INDENT = 16.0
HEADING_SIZES = {2: 14.0, 3: 12.0, 4: 11.0}
PICTURE_AT_MOST = 88 * POINTS_PER_MM


@dataclass(frozen=True, slots=True)
class Setting:
    """What the parts of one manual share: its faces, and where its screens lie (None: without screens)."""

    names: FontNames
    pictures: Path | None


def items_of(part: Part, setting: Setting) -> Iterator[Item]:
    """The items of one part, from top to bottom; headings are the book's own."""
    if isinstance(part, Heading):
        yield from heading_items(part, setting)
    elif isinstance(part, Passage):
        yield from _passage(part.text, setting)
    elif isinstance(part, Listing):
        yield from _listing(part, setting)
    elif isinstance(part, Grid):
        yield from _grid(part, setting)
    else:
        yield from _picture(part, setting)


def heading_items(part: Heading, setting: Setting) -> Iterator[Item]:
    """A heading, kept with what follows."""
    size = HEADING_SIZES.get(part.level, SIZE)
    text = prose.words(part.text, setting.names, base=setting.names.bold)
    for number, line in enumerate(prose.lines(text, size, WIDTH)):
        yield _line_item(line, size, LEFT, size * 1.3, gap=size * 1.1 if number == 0 else 0.0, keeps=True)


def _line_item(line: Line, size: float, x: float, height: float, *, gap: float = 0.0, keeps: bool = False) -> Item:
    def draw(canvas: Canvas, y: float) -> None:
        prose.draw(canvas, line, size, x, y - size)

    return Item(height, draw, gap, keeps_next=keeps)


def _passage(text: Text, setting: Setting) -> Iterator[Item]:
    broken = prose.lines(prose.words(text, setting.names), SIZE, WIDTH)
    for number, line in enumerate(broken):
        yield _line_item(line, SIZE, LEFT, LINE, gap=6.0 if number == 0 else 0.0, keeps=_keeps(number, len(broken)))


def _keeps(number: int, amount: int) -> bool:
    """No single line of a paragraph stands alone at the end or the beginning of a page."""
    return number + 1 < amount and number in (0, amount - 2)


def _listing(part: Listing, setting: Setting) -> Iterator[Item]:
    for at, text in enumerate(part.items):
        broken = prose.lines(prose.words(text, setting.names), SIZE, WIDTH - INDENT)
        for number, line in enumerate(broken):
            gap = 0.0 if number else (5.0 if at == 0 else 3.0)
            mark = "" if number else f"{part.first + at}." if part.mark is Mark.NUMBER else part.mark.value
            item = _line_item(line, SIZE, LEFT + INDENT, LINE, gap=gap, keeps=_keeps(number, len(broken)))
            yield _marked(item, mark, setting) if mark else item


def _marked(item: Item, mark: str, setting: Setting) -> Item:
    inner = item.draw

    def draw(canvas: Canvas, y: float) -> None:
        inner(canvas, y)
        if mark == Mark.BOX.value:
            canvas.setStrokeColorRGB(*INK)
            canvas.setLineWidth(0.8)
            canvas.rect(LEFT + 1, y - SIZE - 0.6, 8.5, 8.5)
        elif mark == Mark.BULLET.value:
            canvas.setFillColorRGB(*BRAND)
            canvas.circle(LEFT + 5, y - SIZE + 3.4, 1.7, stroke=0, fill=1)
        else:
            canvas.setFillColorRGB(*BRAND)
            canvas.setFont(setting.names.bold, SIZE)
            canvas.drawRightString(LEFT + INDENT - 4, y - SIZE, mark)
        canvas.setFillColorRGB(*INK)

    item.draw = draw
    return item


def _grid(part: Grid, setting: Setting) -> Iterator[Item]:
    widths = column_widths(part, setting)
    head = _row(part.head, widths, setting, is_head=True)
    head.space_before = 7.0
    head.keeps_next = bool(part.rows)
    yield head
    for row in part.rows:
        item = _row(row, widths, setting, is_head=False)
        item.repeated = head
        yield item


def column_widths(part: Grid, setting: Setting) -> list[float]:
    """Widths that fill the page: each column its widest word at least, the rest by how much it has to say."""
    least, most = [], []
    for column in zip(part.head, *part.rows, strict=True):
        found = [prose.natural_width(cell, setting.names, CELL_SIZE) for cell in column[1:]]
        found.append(prose.natural_width(column[0], setting.names, CELL_SIZE, base=setting.names.bold))
        most.append(max(whole for whole, _ in found) + 2 * PAD + 1)
        least.append(max(word for _, word in found) + 2 * PAD + 1)
    if sum(most) <= WIDTH:
        return [wide * WIDTH / sum(most) for wide in most]
    if sum(least) > WIDTH:  # a word wider than its share of the page is cut
        least = [min(word, max(WIDTH / len(least), WIDTH / 3)) for word in least]
    if sum(least) >= WIDTH:
        return [wide * WIDTH / sum(least) for wide in least]
    room = WIDTH - sum(least)
    wants = [(whole - word) ** 0.75 for whole, word in zip(most, least, strict=True)]
    return [word + room * want / sum(wants) for word, want in zip(least, wants, strict=True)]


def _row(cells: Sequence[Text], widths: Sequence[float], setting: Setting, *, is_head: bool) -> Item:
    base = setting.names.bold if is_head else ""
    broken = [
        prose.lines(prose.words(cell, setting.names, base=base), CELL_SIZE, wide - 2 * PAD)
        for cell, wide in zip(cells, widths, strict=True)
    ]
    height = max(len(found) for found in broken) * CELL_LINE + 2 * PAD

    def draw(canvas: Canvas, y: float) -> None:
        if is_head:
            canvas.setFillColorRGB(*TINT)
            canvas.rect(LEFT, y - height, WIDTH, height, stroke=0, fill=1)
        canvas.setStrokeColorRGB(*RULE)
        canvas.setLineWidth(0.5)
        x = LEFT
        for found, wide in zip(broken, widths, strict=True):
            canvas.rect(x, y - height, wide, height)
            for number, line in enumerate(found):
                prose.draw(canvas, line, CELL_SIZE, x + PAD, y - PAD - CELL_SIZE * 0.92 - number * CELL_LINE)
            x += wide

    return Item(height, draw)


def _picture(part: Picture, setting: Setting) -> Iterator[Item]:
    path = setting.pictures / f"{part.name}.png" if setting.pictures is not None else None
    if path is None or not path.is_file():
        return
    from reportlab.lib.utils import ImageReader

    wide, high = ImageReader(str(path)).getSize()
    scale = min(WIDTH / wide, PICTURE_AT_MOST / high)
    width, height = wide * scale, high * scale
    left = LEFT + (WIDTH - width) / 2
    caption = prose.printed(part.caption)

    def draw(canvas: Canvas, y: float) -> None:
        canvas.drawImage(str(path), left, y - height, width, height)
        canvas.setStrokeColorRGB(*RULE)
        canvas.setLineWidth(0.7)
        canvas.rect(left, y - height, width, height)
        canvas.setFont(setting.names.italic, 9.5)
        wide_text = width_of(caption, setting.names.italic, 9.5)
        canvas.drawString(LEFT + (WIDTH - wide_text) / 2, y - height - 13, caption)

    yield Item(height + 20, draw, 9.0)
