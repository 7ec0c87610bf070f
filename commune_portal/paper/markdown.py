"""The manual's Markdown, read once for both the help pages and the printed manual.

A small, closed part of it: headings, paragraphs, lists, check lists, tables, pictures; links to our own pages, bold,
code and {keys}. Whatever else stands in a text stays as it is written.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum
from functools import cache
from importlib import resources

CHAPTERS = (
    "cai-dat", "bat-dau", "ngay-dau", "van-thu", "lanh-dao", "chuyen-vien", "nut", "quan-tri", "may-khac", "sao-luu",
    "su-co", "nghiem-thu", "loi", "phim-tat", "lenh", "settings",
)  # fmt: skip
"""The pages in the order of the manual; each is `help/<name>.md`."""

FIRST_CHAPTER = "bat-dau"
"""What somebody who asks for help without more sees."""

_BLANK_LINES = re.compile(r"\n\s*\n")
_ITEM = re.compile(r"(?:- (?:\[ \] )?|(\d+)\. )(.*)")
_TASK = "- [ ] "
_PICTURE = re.compile(r"!\[([^\]]*)\]\(([a-z0-9-]+)\.png\)")
_SPAN = re.compile(
    r"`(?P<code>[^`]+)`|\*\*(?P<bold>[^*]+)\*\*|\{(?P<key>[^}]+)\}"
    r"|\[(?P<label>[^\]]+)\]\((?P<address>[/#][a-z0-9/#._-]*)\)"
)


class Face(Enum):
    """How a stretch of text is set."""

    PLAIN = "plain"
    BOLD = "bold"
    CODE = "code"
    KEY = "key"
    LINK = "link"


@dataclass(frozen=True, slots=True)
class Span:
    """A stretch of text in one face; `address` is where a link leads."""

    text: str
    face: Face = Face.PLAIN
    address: str = ""


Text = tuple[Span, ...]


@dataclass(frozen=True, slots=True)
class Heading:
    """A heading below the chapter's own; `level` is 2 or more."""

    level: int
    text: Text


@dataclass(frozen=True, slots=True)
class Passage:
    """A paragraph."""

    text: Text


class Mark(Enum):
    """What stands before each item of a list."""

    BULLET = "bullet"
    NUMBER = "number"
    BOX = "box"


@dataclass(frozen=True, slots=True)
class Listing:
    """A list; with `Mark.BOX` one whose items are ticked on paper."""

    mark: Mark
    items: tuple[Text, ...]
    first: int = 1


@dataclass(frozen=True, slots=True)
class Grid:
    """A table: its head and its rows."""

    head: tuple[Text, ...]
    rows: tuple[tuple[Text, ...], ...]


@dataclass(frozen=True, slots=True)
class Picture:
    """A screen, by the name of its file without folder and ending; printed where the pictures are at hand."""

    name: str
    caption: str


Part = Heading | Passage | Listing | Grid | Picture


@dataclass(frozen=True, slots=True)
class Chapter:
    """One page of the manual."""

    name: str
    title: str
    parts: tuple[Part, ...]


@cache
def chapter(name: str) -> Chapter:
    """A chapter out of this package, read once a process."""
    text = (resources.files("commune_portal") / "help" / f"{name}.md").read_text(encoding="utf-8")
    first, _, rest = text.partition("\n")
    return Chapter(name, first.removeprefix("# ").strip(), read(rest))


def read(text: str) -> tuple[Part, ...]:
    """The parts of a text; blank lines part them, and a heading is a part even without one."""
    parts: list[Part] = []
    for block in _BLANK_LINES.split(text.strip()):
        lines = block.strip("\n").split("\n") if block.strip() else []
        while lines and lines[0].startswith("#"):
            parts.append(_heading(lines.pop(0)))
        if lines:
            parts.append(_part(lines))
    return tuple(parts)


def _heading(line: str) -> Heading:
    return Heading(len(line) - len(line.lstrip("#")), spans(line.lstrip("# ")))


def _part(lines: list[str]) -> Part:
    first = lines[0]
    picture = _PICTURE.fullmatch(first.strip())
    if picture and len(lines) == 1:
        return Picture(picture[2], picture[1])
    if first.startswith("|"):
        rows = [tuple(spans(cell.strip()) for cell in line.strip().strip("|").split("|")) for line in lines]
        return Grid(rows[0], tuple(rows[2:]))
    if _ITEM.fullmatch(first):
        return _listing(lines)
    return Passage(spans(" ".join(line.strip() for line in lines)))


def _listing(lines: list[str]) -> Listing:
    items: list[str] = []
    for line in lines:
        found = _ITEM.fullmatch(line)
        if found:
            items.append(found[2])
        else:
            items[-1] += " " + line.strip()
    first = _ITEM.fullmatch(lines[0])
    number = first[1] if first else None
    mark = Mark.NUMBER if number else Mark.BOX if lines[0].startswith(_TASK) else Mark.BULLET
    return Listing(mark, tuple(spans(item) for item in items), int(number) if number else 1)


def spans(text: str) -> Text:
    """A line of text cut where its face changes."""
    found: list[Span] = []
    at = 0
    for match in _SPAN.finditer(text):
        if match.start() > at:
            found.append(Span(text[at : match.start()]))
        at = match.end()
        if match["code"] is not None:
            found.append(Span(match["code"], Face.CODE))
        elif match["bold"] is not None:
            found.append(Span(match["bold"], Face.BOLD))
        elif match["key"] is not None:
            found.append(Span(match["key"], Face.KEY))
        else:
            found.append(Span(match["label"], Face.LINK, match["address"]))
    if at < len(text):
        found.append(Span(text[at:]))
    return tuple(found)


def plain(text: Text) -> str:
    """The words of a text without their faces."""
    return "".join(span.text for span in text)
