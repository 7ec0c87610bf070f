"""The manual as a book: cover, contents with page numbers, and the chapters of the help pages.

The same chapters and the same pictures give the same bytes, on every machine: it is printed with the bundled faces.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from commune_portal import __version__
from commune_portal.paper import prose
from commune_portal.paper.flow import Flow, Item
from commune_portal.paper.fonts import BUNDLED_FOLDER, FontNames, registered
from commune_portal.paper.markdown import CHAPTERS, Chapter, Heading, Part, chapter, plain
from commune_portal.paper.places import POINTS_PER_MM
from commune_portal.paper.prose import BRAND, INK, RULE, TINT
from commune_portal.paper.sheet import A4_PORTRAIT, open_canvas, width_of
from commune_portal.paper.typesetting import LEFT, WIDTH, Setting, items_of

if TYPE_CHECKING:
    from reportlab.pdfgen.canvas import Canvas

TITLE = "HƯỚNG DẪN SỬ DỤNG"
SUBTITLE = ("Sổ văn bản và liên thông văn bản", "của Ủy ban nhân dân xã, và nút liên thông cấp trên")
TOP = A4_PORTRAIT[1] - 20 * POINTS_PER_MM
BOTTOM = 24 * POINTS_PER_MM
FOOT = 13 * POINTS_PER_MM
URGENT = (
    ("Cài đặt lần đầu", "cai-dat"),
    ("Mất điện, hỏng máy, mất thiết bị…", "su-co"),
    ("Lấy lại sổ từ bản sao lưu", "sao-luu"),
    ("Ngày làm việc đầu tiên", "ngay-dau"),
)
WITHOUT_SECTIONS = frozenset({"settings", "nghiem-thu"})
"""Chapters whose sections the contents need not name."""

TO_FILL_IN = ("Cơ quan", "Người quản trị, điện thoại", "Nút liên thông, điện thoại", "Nơi cất tờ «Khóa phục hồi»")


@dataclass(frozen=True, slots=True)
class Entry:
    """A line of the contents: where it leads, its words, its level from 0, and its page."""

    place: str
    title: str
    level: int
    page: int


def print_manual(out: Path | BinaryIO, pictures: Path | None = None, *, names: Sequence[str] = CHAPTERS) -> int:
    """Writes the manual and returns its number of pages; without `pictures` it has no screens."""
    faces = registered(str(BUNDLED_FOLDER))
    chapters = [chapter(name) for name in names]
    setting = Setting(faces, pictures)
    # The first setting finds the pages, the second prints them.
    entries = _Book(BytesIO(), setting, chapters).set([])
    book = _Book(out, setting, chapters)
    book.set(entries)
    return book.pages


class _Book:
    def __init__(self, out: Path | BinaryIO, setting: Setting, chapters: list[Chapter]) -> None:
        self._setting = setting
        self._names = setting.names
        self._chapters = chapters
        self._canvas = open_canvas(out, setting.names, title=f"Hướng dẫn sử dụng {__version__}")
        self._running = ""
        self._entries: list[Entry] = []
        self._flow = Flow(
            self._canvas, TOP, top=TOP, bottom=BOTTOM, first_bottom=BOTTOM, on_new_page=self._begin_page
        )  # fmt: skip

    @property
    def pages(self) -> int:
        """How many pages were begun."""
        return self._flow.page + 1

    def set(self, known: list[Entry]) -> list[Entry]:
        """Sets the whole book, its contents from the entries that are known; answers those that it found."""
        _draw_cover(self._canvas, self._names, known)
        self._running = "Mục lục"
        self._flow.turn()
        self._contents(known or _unnumbered(self._chapters))
        for one in self._chapters:
            self._running = one.title
            self._flow.turn()
            self._set_chapter(one)
        self._canvas.showPage()
        self._canvas.save()
        return self._entries

    def _begin_page(self) -> None:
        canvas, names = self._canvas, self._names
        canvas.setStrokeColorRGB(*RULE)
        canvas.setLineWidth(0.5)
        canvas.line(LEFT, FOOT + 12, LEFT + WIDTH, FOOT + 12)
        canvas.setFillColorRGB(*INK)
        canvas.setFont(names.regular, 9)
        canvas.drawString(LEFT, FOOT, f"Phiên bản {__version__}")
        canvas.drawCentredString(LEFT + WIDTH / 2, FOOT, prose.printed(self._running))
        canvas.drawRightString(LEFT + WIDTH, FOOT, f"Trang {self.pages}")

    def _enter(self, place: str, title: str, level: int) -> None:
        self._entries.append(Entry(place, title, level, self.pages))
        self._canvas.bookmarkPage(place)
        self._canvas.addOutlineEntry(title, place, level, closed=level == 0)

    def _contents(self, entries: list[Entry]) -> None:
        self._flow.run([_title_item("Mục lục", self._names), *(_contents_item(one, self._names) for one in entries)])

    def _set_chapter(self, one: Chapter) -> None:
        self._enter(one.name, one.title, 0)
        items = [_title_item(one.title, self._names)]
        number = 0
        for part in one.parts:
            made = list(items_of(part, self._setting))
            if is_entry(one, part) and isinstance(part, Heading) and made:
                number += 1
                self._mark(made[0], f"{one.name}-{number}", plain(part.text))
            items += made
        self._flow.run(items)

    def _mark(self, item: Item, place: str, title: str) -> None:
        """Makes a heading enter itself when it is drawn: only then is its page known."""
        inner = item.draw

        def draw(canvas: Canvas, y: float) -> None:
            self._enter(place, title, 1)
            inner(canvas, y)

        item.draw = draw


def _unnumbered(chapters: list[Chapter]) -> list[Entry]:
    """As many entries as there will be: the contents take the same room whatever the numbers are."""
    found: list[Entry] = []
    for one in chapters:
        found.append(Entry("", one.title, 0, 0))
        headings = [part for part in one.parts if isinstance(part, Heading) and is_entry(one, part)]
        found += [Entry("", plain(part.text), 1, 0) for part in headings]
    return found


def is_entry(one: Chapter, part: Part) -> bool:
    """Whether the contents name this part."""
    return isinstance(part, Heading) and part.level == 2 and one.name not in WITHOUT_SECTIONS


def _title_item(title: str, names: FontNames) -> Item:
    def draw(canvas: Canvas, y: float) -> None:
        canvas.setFillColorRGB(*BRAND)
        canvas.setFont(names.bold, 21)
        canvas.drawString(LEFT, y - 20, prose.printed(title))
        canvas.setStrokeColorRGB(*BRAND)
        canvas.setLineWidth(1.4)
        canvas.line(LEFT, y - 29, LEFT + WIDTH, y - 29)
        canvas.setFillColorRGB(*INK)

    return Item(36, draw, keeps_next=True)


def _contents_item(entry: Entry, names: FontNames) -> Item:
    size = 11.0 if entry.level == 0 else 10.0
    font = names.bold if entry.level == 0 else names.regular
    x = LEFT + entry.level * 14

    def draw(canvas: Canvas, y: float) -> None:
        canvas.setFont(font, size)
        title, number = prose.printed(entry.title), str(entry.page)
        baseline = y - size
        canvas.drawString(x, baseline, title)
        canvas.drawRightString(LEFT + WIDTH, baseline, number)
        begin, end = x + width_of(title, font, size) + 5, LEFT + WIDTH - width_of(number, font, size) - 5
        if begin < end:
            canvas.setStrokeColorRGB(*RULE)
            canvas.setLineWidth(0.7)
            canvas.setDash(0.7, 2.6)
            canvas.line(begin, baseline + 1.5, end, baseline + 1.5)
            canvas.setDash()
        if entry.place:
            canvas.linkRect("", entry.place, (LEFT, baseline - 2, LEFT + WIDTH, y), relative=0, thickness=0)

    return Item(size * 1.32, draw, 4.5 if entry.level == 0 else 0.0, keeps_next=entry.level == 0)


def _draw_cover(canvas: Canvas, names: FontNames, entries: list[Entry]) -> None:
    page_width, page_height = A4_PORTRAIT
    canvas.setFillColorRGB(*BRAND)
    canvas.rect(0, page_height - 92 * POINTS_PER_MM, page_width, 92 * POINTS_PER_MM, stroke=0, fill=1)
    canvas.setFillColorRGB(1, 1, 1)
    canvas.setFont(names.bold, 34)
    canvas.drawString(LEFT, page_height - 52 * POINTS_PER_MM, TITLE)
    canvas.setFont(names.regular, 16)
    for number, text in enumerate(SUBTITLE):
        canvas.drawString(LEFT, page_height - 64 * POINTS_PER_MM - number * 21, text)
    canvas.setFillColorRGB(*INK)
    canvas.setFont(names.regular, 13)
    canvas.drawString(LEFT, page_height - 106 * POINTS_PER_MM, f"Phiên bản {__version__}")
    _draw_urgent(canvas, names, entries, page_height - 120 * POINTS_PER_MM)
    y = page_height - 200 * POINTS_PER_MM
    for label in TO_FILL_IN:
        canvas.setFont(names.regular, 12)
        canvas.drawString(LEFT, y, f"{label}:")
        canvas.setStrokeColorRGB(*INK)
        canvas.setLineWidth(0.7)
        canvas.setDash(0.7, 2.6)
        canvas.line(LEFT + width_of(f"{label}:", names.regular, 12) + 6, y - 1, LEFT + WIDTH, y - 1)
        canvas.setDash()
        y -= 30


def _draw_urgent(canvas: Canvas, names: FontNames, entries: list[Entry], y: float) -> None:
    pages = {entry.place: entry.page for entry in entries}
    found = [(words, pages[place]) for words, place in URGENT if place in pages]
    if not found:
        return
    height = 40 + 20 * len(found)
    canvas.setFillColorRGB(*TINT)
    canvas.roundRect(LEFT, y - height, WIDTH, height, 5, stroke=0, fill=1)
    canvas.setFillColorRGB(*INK)
    canvas.setFont(names.bold, 14)
    canvas.drawString(LEFT + 14, y - 24, "Cần ngay?")
    for number, (words, page) in enumerate(found):
        line = y - 46 - number * 20
        canvas.setFont(names.regular, 12)
        canvas.drawString(LEFT + 14, line, words)
        canvas.drawRightString(LEFT + WIDTH - 14, line, f"trang {page}")
