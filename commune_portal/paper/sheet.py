"""A sheet of paper to draw on: one way to open a PDF, and lines of text broken to a width.

Text is broken by hand: the legal forms are a few fixed cells, the books are thousands of rows, and the platypus
machinery is too slow for the one and too stiff for the other.
"""

from __future__ import annotations

import functools
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from commune_portal.paper.fonts import FontNames
from commune_portal.paper.places import POINTS_PER_MM

if TYPE_CHECKING:
    from reportlab.pdfgen.canvas import Canvas

A4_PORTRAIT = (210 * POINTS_PER_MM, 297 * POINTS_PER_MM)
A4_LANDSCAPE = (297 * POINTS_PER_MM, 210 * POINTS_PER_MM)


def open_canvas(
    out: Path | BinaryIO, names: FontNames, *, title: str, size: tuple[float, float] = A4_PORTRAIT
) -> Canvas:
    """A canvas whose bytes depend on nothing but what is drawn, and in which every font is embedded."""
    from reportlab.pdfgen.canvas import Canvas

    canvas = Canvas(
        str(out) if isinstance(out, Path) else out,
        pagesize=size,
        invariant=1,
        pageCompression=1,
        pdfVersion=(1, 7),
        # Without this an unembedded Helvetica slips into every file.
        initialFontName=names.regular,  # type: ignore[arg-type]  # the stubs take the name for a number
        initialFontSize=13,
        lang="vi-VN",
    )
    canvas.setTitle(title)
    canvas.setAuthor("")
    canvas.setCreator("commune_portal")
    return canvas


@functools.lru_cache(maxsize=65536)
def width_of(text: str, font: str, size: float) -> float:
    """The width of a piece of text in points."""
    from reportlab.pdfbase.pdfmetrics import stringWidth

    return float(stringWidth(text, font, size))


def break_words(text: str, font: str, size: float, width: float) -> list[str]:
    """The lines a text takes in a width; its own line breaks stay, a word wider than the line is cut."""
    lines: list[str] = []
    space = width_of(" ", font, size)
    for paragraph in text.split("\n"):
        line, used = "", 0.0
        for word in pieces(paragraph.split(), font, size, width):
            wide = width_of(word, font, size)
            if line and used + space + wide > width:
                lines.append(line)
                line, used = word, wide
            elif line:
                line, used = f"{line} {word}", used + space + wide
            else:
                line, used = word, wide
        lines.append(line)
    return lines


def break_evenly(text: str, font: str, size: float, width: float) -> list[str]:
    """As `break_words`, with lines of about the same length: for centred titles and names."""
    lines = break_words(text, font, size, width)
    if len(lines) < 2:
        return lines
    low, high = width / 2, width
    while high - low > 2:
        middle = (low + high) / 2
        if len(break_words(text, font, size, middle)) > len(lines):
            low = middle
        else:
            high = middle
    return break_words(text, font, size, high)


def pieces(words: Iterable[str], font: str, size: float, width: float) -> Iterator[str]:
    """The words, those wider than the line cut into parts that fit."""
    for word in words:
        while len(word) > 1 and width_of(word, font, size) > width:
            fit = 1
            while fit < len(word) and width_of(word[: fit + 1], font, size) <= width:
                fit += 1
            yield word[:fit]
            word = word[fit:]
        if word:
            yield word


@dataclass(frozen=True, slots=True)
class Run:
    """A word in one face."""

    text: str
    font: str


def break_runs(runs: Iterable[Run], size: float, width: float, first_indent: float) -> list[tuple[Run, ...]]:
    """Breaks words of several faces into lines; the first line is shorter by its indent."""
    lines: list[tuple[Run, ...]] = []
    line: list[Run] = []
    room = width - first_indent
    used = 0.0
    for run in runs:
        for part in pieces([run.text], run.font, size, width - first_indent):
            wide = width_of(part, run.font, size)
            space = width_of(" ", run.font, size) if line else 0.0
            if line and used + space + wide > room:
                lines.append(tuple(line))
                line, used, room, space = [], 0.0, width, 0.0
            line.append(Run(part, run.font))
            used += space + wide
    if line:
        lines.append(tuple(line))
    return lines


def draw_runs(
    canvas: Canvas, runs: tuple[Run, ...], size: float, at: tuple[float, float], *, justify_to: float | None
) -> None:
    """Draws one line; with `justify_to`, its spaces are stretched until it has that width."""
    natural = sum(width_of(run.text, run.font, size) for run in runs)
    natural += sum(width_of(" ", run.font, size) for run in runs[1:])
    stretch = 0.0
    if justify_to is not None and len(runs) > 1:
        stretch = (justify_to - natural) / (len(runs) - 1)
    text = canvas.beginText(*at)
    text.setWordSpace(stretch)
    font = ""
    for number, run in enumerate(runs):
        if run.font != font:
            font = run.font
            text.setFont(font, size)
        text.textOut(run.text if number == len(runs) - 1 else run.text + " ")
    text.setWordSpace(0)
    canvas.drawText(text)


def draw_centred(canvas: Canvas, lines: Iterable[str], font: str, size: float, at: tuple[float, float]) -> float:
    """Draws lines centred on x from the baseline y downwards; returns the baseline after the last."""
    x, y = at
    for line in lines:
        canvas.setFont(font, size)
        canvas.drawCentredString(x, y, line)
        y -= leading(size)
    return y


def leading(size: float) -> float:
    """The distance of baselines at single spacing; Times has 1.15."""
    return size * 1.15
