"""The manual inside the portal: the same chapters that are printed, as pages."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

from flask import Blueprint, Response
from markupsafe import Markup

from commune_portal.errors import NotFound
from commune_portal.paper import markdown
from commune_portal.paper.markdown import Face, Grid, Heading, Listing, Mark, Part, Passage, Picture, Span, Text
from commune_portal.views import _session
from commune_portal.views._page import page

blueprint = Blueprint("help", __name__, url_prefix="/help")

PAGES = markdown.CHAPTERS


@dataclass(frozen=True, slots=True)
class HelpPage:
    """One page of the manual."""

    name: str
    title: str
    body: Markup


@blueprint.get("")
@_session.public
def help_start() -> Response:
    """The page for somebody who begins."""
    return help_page(markdown.FIRST_CHAPTER)


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
    chapter = markdown.chapter(name)
    return HelpPage(name, chapter.title, _rendered(chapter.parts))


def render(text: str) -> Markup:
    """Text of the manual as a page shows it; everything is escaped."""
    return _rendered(markdown.read(text))


def _rendered(parts: tuple[Part, ...]) -> Markup:
    return Markup("\n").join(_part(part) for part in parts if not isinstance(part, Picture))


def _part(part: Part) -> Markup:
    if isinstance(part, Heading):
        return Markup("<h{0}>{1}</h{0}>").format(part.level, _inline(part.text))
    if isinstance(part, Passage):
        return Markup("<p>{}</p>").format(_inline(part.text))
    if isinstance(part, Listing):
        return _list(part)
    if isinstance(part, Grid):
        return _table(part)
    return Markup("")


def _list(part: Listing) -> Markup:
    body = Markup("").join(Markup("<li>{}</li>").format(_inline(item)) for item in part.items)
    if part.mark is not Mark.NUMBER:
        kind = ' class="boxes"' if part.mark is Mark.BOX else ""
        return Markup("<ul{}>{}</ul>").format(Markup(kind), body)  # noqa: S704 -- one of two constants
    start = Markup(' start="{}"').format(part.first) if part.first != 1 else ""
    return Markup("<ol{}>{}</ol>").format(start, body)


def _table(part: Grid) -> Markup:
    head = Markup("").join(Markup('<th scope="col">{}</th>').format(_inline(cell)) for cell in part.head)
    body = Markup("").join(
        Markup("<tr>{}</tr>").format(Markup("").join(Markup("<td>{}</td>").format(_inline(cell)) for cell in row))
        for row in part.rows
    )
    return Markup("<table><thead><tr>{}</tr></thead><tbody>{}</tbody></table>").format(head, body)


def _inline(text: Text) -> Markup:
    return Markup("").join(_span(span) for span in text)


_TAGS = {Face.BOLD: "strong", Face.CODE: "code", Face.KEY: "kbd"}


def _span(span: Span) -> Markup:
    if span.face is Face.LINK:
        return Markup('<a href="{}">{}</a>').format(span.address, span.text)
    if span.face in _TAGS:
        return Markup("<{0}>{1}</{0}>").format(_TAGS[span.face], span.text)
    return Markup("{}").format(span.text)
