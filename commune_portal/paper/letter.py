"""A letter in the layout of Decree 30: values in, a PDF out, and where number, date and signatures will go.

Number and date are left blank: the System gives them after the leader has signed, and fills form fields at the places
returned here. The same values always give the same bytes.

Source: NĐ 30/2020, Phụ lục I (thể thức, kỹ thuật trình bày).
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from commune_portal.paper.body import Block
from commune_portal.paper.flow import LINE_STRETCH, Flow, Item, body_items
from commune_portal.paper.fonts import FontNames, registered
from commune_portal.paper.places import POINTS_PER_MM, Places, Rectangle
from commune_portal.paper.sheet import (
    A4_PORTRAIT,
    break_evenly,
    break_words,
    draw_centred,
    leading,
    open_canvas,
    width_of,
)
from commune_portal.paper.stamps import BRIGHT_RED, draw_urgency
from commune_portal.rules.kinds import Urgency

if TYPE_CHECKING:
    from reportlab.pdfgen.canvas import Canvas

NATION = "CỘNG HÒA XÃ HỘI CHỦ NGHĨA VIỆT NAM"
MOTTO = "Độc lập - Tự do - Hạnh phúc"

LEFT = 30 * POINTS_PER_MM
RIGHT = A4_PORTRAIT[0] - 15 * POINTS_PER_MM
TOP = A4_PORTRAIT[1] - 20 * POINTS_PER_MM
BOTTOM = 20 * POINTS_PER_MM
WIDTH = RIGHT - LEFT
PAGE_NUMBER_BASELINE = A4_PORTRAIT[1] - 13 * POINTS_PER_MM

HEAD_LEFT_WIDTH = 186.0
HEAD_RIGHT_WIDTH = 272.0
HEAD_LEFT_CENTRE = LEFT + HEAD_LEFT_WIDTH / 2
HEAD_RIGHT_CENTRE = RIGHT - HEAD_RIGHT_WIDTH / 2

NUMBER_ROOM = 32.0
SIGNATURE_WIDTH = 52 * POINTS_PER_MM
SIGNATURE_HEIGHT = 24 * POINTS_PER_MM
SIGN_CENTRE = RIGHT - 38 * POINTS_PER_MM
SIGN_COLUMN_WIDTH = 76 * POINTS_PER_MM
RECIPIENTS_WIDTH = 68 * POINTS_PER_MM


@dataclass(frozen=True, slots=True)
class Letter:
    """Everything that is printed on a letter except its number, date, signature and seal.

    `notation` is what follows the slash: `QĐ-UBND`, `UBND-VP`. `type_name` None makes it a công văn, whose subject
    stands as "V/v …" under the number. `competence` are the lines above the post: `TM. ỦY BAN NHÂN DÂN`, `KT. CHỦ
    TỊCH`. `filing` is printed as the last line of "Nơi nhận": `VT, VP` and then the drafter's mark.
    """

    parent_name: str
    issuer_name: str
    place: str
    notation: str
    type_name: str | None
    subject: str
    body: tuple[Block, ...]
    position: str
    signer_name: str
    competence: tuple[str, ...] = ()
    addressees: tuple[str, ...] = ()
    recipients: tuple[str, ...] = ()
    filing: str = "VT"
    drafter_mark: str = ""
    urgency: Urgency = Urgency.NORMAL
    address: str = ""
    banner: str = ""
    larger: bool = True
    seal_diameter_mm: float = 36.0


@dataclass(frozen=True, slots=True)
class LetterLayout:
    """How a composed letter came out: its pages, and the places for number, date, signature and seal."""

    pages: int
    places: Places


def compose(letter: Letter, out: Path, *, folder: str = "") -> LetterLayout:
    """Writes the letter as a PDF and says where number, date, the leader's signature and the seal go.

    `folder` is the configured folder of fonts. Source: NĐ 30/2020, Phụ lục I.
    """
    names = registered(folder)
    return _Drawing(letter, names, open_canvas(out, names, title=_title(letter))).run()


def _title(letter: Letter) -> str:
    return f"{letter.type_name or 'Công văn'} {letter.subject}"[:200]


class _Drawing:
    """One letter while it is drawn."""

    def __init__(self, letter: Letter, names: FontNames, canvas: Canvas) -> None:
        self.letter = letter
        self.names = names
        self.canvas = canvas
        # The sizes of one letter rise and fall together: 13/14/14 or 12/13/13.
        self.head_size, self.text_size = (13.0, 14.0) if letter.larger else (12.0, 13.0)
        self.flow = Flow(
            canvas,
            TOP,
            top=TOP,
            bottom=BOTTOM,
            first_bottom=BOTTOM + self._address_height(),
            on_new_page=self._open_page,
        )
        self.signers: tuple[Rectangle, Rectangle] | None = None

    def run(self) -> LetterLayout:
        """Draws everything from the national title to the last recipient."""
        self._draw_banner()
        self._draw_address()
        number, date, y = self._draw_head()
        self.flow.y = self._draw_addressees(self._draw_title(y))
        items = body_items(self.letter.body, self.names, self.text_size, LEFT, WIDTH)
        for item in items[-2:]:
            # A signature never stands on a page without a line of what is signed.
            item.keeps_next = True
        items.append(Item(self._sign_height(), self._draw_signer, space_before=12))
        self.flow.run(items)
        assert self.signers is not None
        self._draw_recipients(self.flow.y + self._sign_height())
        self.canvas.showPage()
        self.canvas.save()
        return LetterLayout(self.flow.page + 1, Places(number, date, *self.signers))

    # -- the head -------------------------------------------------------------------------------------------------

    def _draw_head(self) -> tuple[Rectangle, Rectangle, float]:
        names, size = self.names, self.head_size
        baseline = TOP - size
        left = [
            *((line, names.regular) for line in self._head_lines(self.letter.parent_name, names.regular)),
            *((line, names.bold) for line in self._head_lines(self.letter.issuer_name, names.bold)),
        ]
        y = baseline
        last = ("", names.bold)
        for last in left:
            y = draw_centred(self.canvas, [last[0]], last[1], size, (HEAD_LEFT_CENTRE, y))
        self._rule(HEAD_LEFT_CENTRE, y + leading(size) - 5.5, width_of(*last, size) * 0.4)
        right = draw_centred(self.canvas, [NATION], names.bold, size, (HEAD_RIGHT_CENTRE, baseline))
        motto_size = size + 1
        draw_centred(self.canvas, [MOTTO], names.bold, motto_size, (HEAD_RIGHT_CENTRE, right - 1))
        self._rule(HEAD_RIGHT_CENTRE, right - 6.5, width_of(MOTTO, names.bold, motto_size))
        row = min(y, right - leading(motto_size)) - 8
        number = self._draw_symbol(row)
        date_half = HEAD_RIGHT_WIDTH / 2 + 2
        date = Rectangle(
            0, *_rounded(HEAD_RIGHT_CENTRE - date_half, row - 4.5, HEAD_RIGHT_CENTRE + date_half, row + 12.5)
        )
        return number, date, self._draw_under_symbol(row)

    def _head_lines(self, name: str, font: str) -> list[str]:
        return break_evenly(name.upper(), font, self.head_size, HEAD_LEFT_WIDTH) if name else []

    def _draw_symbol(self, row: float) -> Rectangle:
        """Draws "Số:      /QĐ-UBND" and returns the room before the slash."""
        font, size = self.names.regular, 13.0
        label, symbol = "Số: ", f"/{self.letter.notation}"
        while width_of(label, font, size) + NUMBER_ROOM + width_of(symbol, font, size) > HEAD_LEFT_WIDTH and size > 8:
            size -= 0.5
        total = width_of(label, font, size) + NUMBER_ROOM + width_of(symbol, font, size)
        x = HEAD_LEFT_CENTRE - total / 2
        self.canvas.setFont(font, size)
        self.canvas.drawString(x, row, label.strip())
        room = x + width_of(label, font, size)
        self.canvas.drawString(room + NUMBER_ROOM, row, symbol)
        return Rectangle(0, *_rounded(room, row - 4.5, room + NUMBER_ROOM - 0.5, row + 12.5))

    def _draw_under_symbol(self, row: float) -> float:
        """The abstract of a công văn and the frame of urgency; returns where the text goes on."""
        y = row - 8
        if self.letter.type_name is None:
            size = self.head_size - 1
            lines = break_evenly(f"V/v {self.letter.subject}", self.names.regular, size, HEAD_LEFT_WIDTH)
            y = draw_centred(self.canvas, lines, self.names.regular, size, (HEAD_LEFT_CENTRE, row - 6 - leading(size)))
            y += leading(size) - 4
        if self.letter.urgency is not Urgency.NORMAL:
            y = draw_urgency(self.canvas, self.names, self.letter.urgency, HEAD_LEFT_CENTRE, y - 5)
        return y - 8

    def _draw_title(self, y: float) -> float:
        if self.letter.type_name is None:
            return y
        centre, size = LEFT + WIDTH / 2, self.text_size
        y -= 6 + size
        y = draw_centred(self.canvas, [self.letter.type_name.upper()], self.names.bold, size, (centre, y)) - 2
        lines = break_evenly(self.letter.subject, self.names.bold, size, WIDTH * 0.88)
        y = draw_centred(self.canvas, lines, self.names.bold, size, (centre, y))
        longest = max(width_of(line, self.names.bold, size) for line in lines)
        rule = y + leading(size) - 6
        self._rule(centre, rule, longest * 0.4)
        return rule - 8

    def _draw_addressees(self, y: float) -> float:
        names = self.letter.addressees
        if not names:
            return y
        font, size = self.names.regular, self.text_size
        label = "Kính gửi: "
        room = WIDTH * 0.92
        label_width = width_of(label, font, size)
        listed = [f"- {name}{'.' if number == len(names) - 1 else ';'}" for number, name in enumerate(names)]
        lines = [break_words(text, font, size, room - label_width) for text in (listed if len(names) > 1 else names)]
        longest = max(width_of(line, font, size) for text in lines for line in text)
        x = LEFT + max((WIDTH - label_width - longest) / 2, 0)
        y -= 10 + size
        self.canvas.setFont(font, size)
        self.canvas.drawString(x, y, label.strip())
        if len(names) > 1:
            y -= leading(size) * LINE_STRETCH
        for text in lines:
            for line in text:
                self.canvas.setFont(font, size)
                self.canvas.drawString(x + label_width, y, line)
                y -= leading(size) * LINE_STRETCH
        return y + size - 4

    # -- the foot -------------------------------------------------------------------------------------------------

    def _sign_lines(self) -> list[str]:
        lines = []
        for line in (*self.letter.competence, self.letter.position):
            lines += break_evenly(line.upper(), self.names.bold, self.text_size, SIGN_COLUMN_WIDTH)
        return lines

    def _sign_height(self) -> float:
        return (len(self._sign_lines()) + 1) * leading(self.text_size) + SIGNATURE_HEIGHT + 8

    def _draw_signer(self, canvas: Canvas, top: float) -> None:
        size = self.text_size
        y = draw_centred(canvas, self._sign_lines(), self.names.bold, size, (SIGN_CENTRE, top - size)) + leading(size)
        upper = y - 5
        lower = upper - SIGNATURE_HEIGHT
        canvas.setFont(self.names.bold, size)
        canvas.drawCentredString(SIGN_CENTRE, lower - size, self.letter.signer_name)
        self.signers = signature_places(self.flow.page, SIGN_CENTRE, lower, upper, self.letter.seal_diameter_mm)

    def _draw_recipients(self, top: float) -> None:
        """Draws "Nơi nhận" beside the signer, going on to further pages when the list is long."""
        y = top - 12
        self.canvas.setFont(self.names.bold_italic, 12)
        self.canvas.drawString(LEFT, y, "Nơi nhận:")
        mark = f" {self.letter.drafter_mark}" if self.letter.drafter_mark else ""
        entries = [f"- {name};" for name in self.letter.recipients] + [f"- Lưu: {self.letter.filing}.{mark}"]
        size = 11.0
        for entry in entries:
            for line in break_words(entry, self.names.regular, size, RECIPIENTS_WIDTH):
                y -= leading(size)
                if y < self.flow.floor:
                    self.flow.turn()
                    y = TOP - size
                self.canvas.setFont(self.names.regular, size)
                self.canvas.drawString(LEFT, y, line)

    def _address_height(self) -> float:
        return 20.0 if self.letter.address else 0.0

    def _draw_address(self) -> None:
        if not self.letter.address:
            return
        self.canvas.setLineWidth(0.6)
        self.canvas.line(LEFT, BOTTOM + 12, RIGHT, BOTTOM + 12)
        size = 11.0
        while width_of(self.letter.address, self.names.regular, size) > WIDTH and size > 7:
            size -= 0.25
        self.canvas.setFont(self.names.regular, size)
        self.canvas.drawString(LEFT, BOTTOM, self.letter.address)

    def _open_page(self) -> None:
        self.canvas.setFont(self.names.regular, 14)
        self.canvas.drawCentredString(A4_PORTRAIT[0] / 2, PAGE_NUMBER_BASELINE, str(self.flow.page + 1))
        self._draw_banner()

    def _draw_banner(self) -> None:
        if not self.letter.banner:
            return
        self.canvas.saveState()
        self.canvas.setFillColorRGB(*BRIGHT_RED)
        self.canvas.setFont(self.names.bold, 11)
        self.canvas.drawCentredString(A4_PORTRAIT[0] / 2, 10 * POINTS_PER_MM, self.letter.banner)
        self.canvas.restoreState()

    def _rule(self, centre: float, y: float, width: float) -> None:
        self.canvas.setLineWidth(0.6)
        self.canvas.line(centre - width / 2, y, centre + width / 2, y)


def signature_places(
    page: int, centre: float, lower: float, upper: float, seal_diameter_mm: float
) -> tuple[Rectangle, Rectangle]:
    """The leader's signature, centred, and the seal over a third of it on its left.

    Source: NĐ 30/2020, Phụ lục I, II.7.d and II.8.a.
    """
    half = SIGNATURE_WIDTH / 2
    leader = Rectangle(page, *_rounded(centre - half, lower, centre + half, upper))
    radius = seal_diameter_mm * POINTS_PER_MM / 2
    right = leader.x0 + SIGNATURE_WIDTH / 3
    middle = (lower + upper) / 2
    seal = Rectangle(page, *_rounded(right - 2 * radius, middle - radius, right, middle + radius))
    return leader, seal


def _rounded(*sides: float) -> tuple[float, ...]:
    return tuple(round(side, 2) for side in sides)
