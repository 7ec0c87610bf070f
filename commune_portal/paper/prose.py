"""Text in several faces on one line: words broken to a width, and drawn with their faces, boxes and links."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from commune_portal.paper.fonts import FontNames
from commune_portal.paper.markdown import Face, Span, Text
from commune_portal.paper.sheet import pieces, width_of

if TYPE_CHECKING:
    from reportlab.pdfgen.canvas import Canvas

INK = (0.10, 0.12, 0.15)
BRAND = (0.05, 0.24, 0.42)
TINT = (0.93, 0.95, 0.97)
RULE = (0.72, 0.77, 0.82)

_SIGNS = str.maketrans({"→": "›", "\u00a0": " "})
"""What the printed face lacks, by what stands for it."""


@dataclass(frozen=True, slots=True)
class Bit:
    """A stretch without spaces in one face."""

    text: str
    font: str
    face: Face
    address: str = ""

    def width(self, size: float) -> float:
        """How wide it stands, in points."""
        return width_of(self.text, self.font, size)


Word = tuple[Bit, ...]
Line = tuple[Word, ...]


def printed(text: str) -> str:
    """A text with signs that the printed face has."""
    return text.translate(_SIGNS)


def words(text: Text, names: FontNames, *, base: str = "") -> Iterator[Word]:
    """The words of a text; bits of two faces that touch are one word."""
    word: list[Bit] = []
    for span in text:
        for number, piece in enumerate(printed(span.text).split(" ")):
            if number and word:
                yield tuple(word)
                word = []
            if piece:
                word.append(Bit(piece, _font(span, names, base), span.face, span.address))
    if word:
        yield tuple(word)


def _font(span: Span, names: FontNames, base: str) -> str:
    if span.face is Face.BOLD:
        return names.bold
    return base or names.regular


def lines(text: Iterable[Word], size: float, width: float) -> list[Line]:
    """Words broken into lines; a word wider than the line is cut."""
    made: list[Line] = []
    line: list[Word] = []
    used = 0.0
    for whole in text:
        for word in _fitting(whole, size, width):
            wide = _width(word, size)
            space = width_of(" ", word[0].font, size) if line else 0.0
            if line and used + space + wide > width:
                made.append(tuple(line))
                line, used, space = [], 0.0, 0.0
            line.append(word)
            used += space + wide
    if line:
        made.append(tuple(line))
    return made or [()]


def _width(word: Word, size: float) -> float:
    return sum(bit.width(size) for bit in word)


def _fitting(word: Word, size: float, width: float) -> Iterator[Word]:
    if _width(word, size) <= width:
        yield word
        return
    for bit in word:
        for part in pieces([bit.text], bit.font, size, width):
            yield (Bit(part, bit.font, bit.face, bit.address),)


def natural_width(text: Text, names: FontNames, size: float, *, base: str = "") -> tuple[float, float]:
    """How wide a text is on one line, and how wide its widest word is."""
    found = [_width(word, size) for word in words(text, names, base=base)]
    return sum(found) + max(len(found) - 1, 0) * size * 0.25, max(found, default=0.0)


def draw(canvas: Canvas, line: Line, size: float, x: float, y: float) -> None:
    """Draws one line from x at the baseline y."""
    for number, word in enumerate(line):
        if number:
            space = width_of(" ", word[0].font, size)
            if _joins(line[number - 1][-1], word[0]):
                _ground(canvas, word[0], x - 0.5, y, space + 1.0, size)
            x += space
        for bit in word:
            wide = bit.width(size)
            _ground(canvas, bit, x, y, wide, size)
            canvas.setFillColorRGB(*(BRAND if bit.face is Face.LINK else INK))
            canvas.setFont(bit.font, size)
            canvas.drawString(x, y, bit.text)
            if bit.address.startswith("/help/"):
                place = bit.address.removeprefix("/help/").partition("#")[0]
                canvas.linkRect("", place, (x, y - size * 0.25, x + wide, y + size * 0.8), relative=0, thickness=0)
            x += wide
    canvas.setFillColorRGB(*INK)


def _joins(before: Bit, after: Bit) -> bool:
    return before.face is Face.CODE and after.face is Face.CODE


def _ground(canvas: Canvas, bit: Bit, x: float, y: float, wide: float, size: float) -> None:
    if bit.face is Face.CODE:
        canvas.setFillColorRGB(*TINT)
        canvas.rect(x - 0.8, y - size * 0.24, wide + 1.6, size * 1.06, stroke=0, fill=1)
    elif bit.face is Face.KEY:
        canvas.setStrokeColorRGB(*RULE)
        canvas.setLineWidth(0.6)
        canvas.roundRect(x - 1.5, y - size * 0.26, wide + 3, size * 1.1, 2, stroke=1, fill=0)
