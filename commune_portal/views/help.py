"""The clerk's manual inside the portal: Markdown of this package, rendered by sixty lines of our own."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from importlib import resources

from flask import Blueprint, Response
from markupsafe import Markup, escape

from commune_portal.errors import NotFound
from commune_portal.views import _session
from commune_portal.views._page import page

blueprint = Blueprint("help", __name__, url_prefix="/help")

PAGES = ("bat-dau", "van-thu", "lanh-dao", "chuyen-vien", "quan-tri", "su-co", "loi", "phim-tat", "lenh", "settings")
"""The pages in the order of the manual; each is `help/<name>.md`."""

_LINK = re.compile(r"\[([^\]]+)\]\(([/#][a-z0-9/#._-]*)\)")
_BOLD = re.compile(r"\*\*([^*]+)\*\*")
_CODE = re.compile(r"`([^`]+)`")
_KEY = re.compile(r"\{([^}]+)\}")
_ITEM = re.compile(r"(?:- |(\d+)\. )(.*)")


@dataclass(frozen=True, slots=True)
class HelpPage:
    """One page of the manual."""

    name: str
    title: str
    body: Markup


@blueprint.get("")
@_session.public
def help_start() -> Response:
    """The first page."""
    return help_page(PAGES[0])


@blueprint.get("/<name>")
@_session.public
def help_page(name: str) -> Response:
    """One page beside the list of all."""
    if name not in PAGES:
        raise NotFound
    return page("help/show.html", shown=read(name), pages=[read(item) for item in PAGES])


@cache
def read(name: str) -> HelpPage:
    """A page of the manual, rendered once a process."""
    text = (resources.files("commune_portal") / "help" / f"{name}.md").read_text(encoding="utf-8")
    first, _, rest = text.partition("\n")
    return HelpPage(name, first.removeprefix("# ").strip(), render(rest))


def render(text: str) -> Markup:
    """Markdown's headings, lists, tables and paragraphs with links, bold, code and {keys}; everything is escaped."""
    made: list[Markup] = []
    for block in re.split(r"\n\s*\n", text.strip()):
        lines = block.strip("\n").split("\n")
        if lines[0].startswith("#"):
            level = len(lines[0]) - len(lines[0].lstrip("#"))
            made.append(Markup("<h{0}>{1}</h{0}>").format(level, _inline(lines[0].lstrip("# "))))
        elif lines[0].startswith("|"):
            made.append(_table(lines))
        elif _ITEM.fullmatch(lines[0]):
            made.append(_list(lines))
        else:
            made.append(Markup("<p>{}</p>").format(_inline(" ".join(lines))))
    return Markup("\n").join(made)


def _list(lines: list[str]) -> Markup:
    items: list[str] = []
    for line in lines:
        match = _ITEM.fullmatch(line)
        if match:
            items.append(match[2])
        else:
            items[-1] += " " + line.strip()
    kind = "ol" if lines[0][0].isdigit() else "ul"
    body = Markup("").join(Markup("<li>{}</li>").format(_inline(item)) for item in items)
    return Markup("<{0}>{1}</{0}>").format(kind, body)


def _table(lines: list[str]) -> Markup:
    rows = [[cell.strip() for cell in line.strip().strip("|").split("|")] for line in lines]
    head = Markup("").join(Markup('<th scope="col">{}</th>').format(_inline(cell)) for cell in rows[0])
    body = Markup("").join(
        Markup("<tr>{}</tr>").format(Markup("").join(Markup("<td>{}</td>").format(_inline(cell)) for cell in row))
        for row in rows[2:]
    )
    return Markup("<table><thead><tr>{}</tr></thead><tbody>{}</tbody></table>").format(head, body)


def _inline(text: str) -> Markup:
    safe = str(escape(text))
    safe = _CODE.sub(r"<code>\1</code>", safe)
    safe = _BOLD.sub(r"<strong>\1</strong>", safe)
    safe = _KEY.sub(r"<kbd>\1</kbd>", safe)
    return Markup(_LINK.sub(r'<a href="\2">\1</a>', safe))  # noqa: S704 -- escaped above, only our own tags added
