"""The books: the list by year, one book's lines as the law has them, opening, closing, printing.

Source: NĐ 30/2020, Điều 15, 22 and Phụ lục IV.
"""

from __future__ import annotations

import io
from typing import Any

from flask import Blueprint, Response, current_app, flash, send_file, url_for

from commune_portal import clock
from commune_portal.documents import book_lines, books, printing
from commune_portal.documents.book_lines import PAGE_ROWS
from commune_portal.documents.books import ARRIVALS_NAME, BookLine
from commune_portal.documents.printing import Form
from commune_portal.errors import Malformed, RuleBroken
from commune_portal.paper.register_book import INCOMING_COLUMNS, OUTGOING_COLUMNS, TRACKING_COLUMNS
from commune_portal.people import issuers, office_rules
from commune_portal.people.actors import Actor
from commune_portal.rules import kinds, numbering
from commune_portal.rules.numbering import ARRIVALS_KEY
from commune_portal.rules.permissions import Verb
from commune_portal.settings import Settings
from commune_portal.views import _session
from commune_portal.views._forms import FormReader, FormState, filled
from commune_portal.views._page import go_to, page, request

blueprint = Blueprint("books", __name__, url_prefix="/books")

POLICY = "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'self'"
"""The browser's own PDF viewer; the file is ours and holds nothing that runs."""


@blueprint.get("")
def show_list() -> Response:
    """Every book, newest year first."""
    by = _session.require(Verb.BOOKS_SEE)
    found = books.books(by)
    years: dict[int, list[BookLine]] = {}
    for item in found:
        years.setdefault(item.year, []).append(item)
    return page("books/list.html", years=years, this_year=clock.today().year, several=len(issuers.all_issuers()) > 1)


@blueprint.get("/<int:book>")
def show(book: int) -> Response:
    """One book's lines in the order of their numbers, a page at a time."""
    return _lines(_session.require(Verb.BOOKS_SEE), book, Form.REGISTER)


@blueprint.get("/<int:book>/tracking")
def tracking(book: int) -> Response:
    """How the documents of an incoming book are dealt with."""
    by = _session.require(Verb.BOOKS_SEE)
    if book_lines.book(by, book).direction != "incoming":
        raise RuleBroken("Sổ theo dõi giải quyết chỉ có cho văn bản đến.")
    return _lines(by, book, Form.TRACKING)


@blueprint.post("/<int:book>/print")
def print_(book: int) -> Response:
    """The book as PDF, with cover and all legal columns; that it was printed is journalled."""
    by = _session.actor()
    reader = FormReader(request.form)
    form = reader.choice("form", "Loại sổ", Form) or Form.REGISTER
    reader.finish()
    settings: Settings = current_app.config["PORTAL_SETTINGS"]
    with printing.print_book(by, book, form, folder=settings.fonts.folder) as printed:
        # Read whole: the file is gone when the answer leaves, and Windows removes no open file.
        body = io.BytesIO(printed.path.read_bytes())
    answer = send_file(body, mimetype="application/pdf", download_name=printed.name, max_age=None)
    answer.headers["Content-Security-Policy"] = POLICY
    answer.headers["Cache-Control"] = "no-store"
    return answer


@blueprint.post("/<int:book>/close")
def close(book: int) -> Response:
    """«Khóa sổ»: the book gives no further number."""
    by = _session.actor()
    by.require(Verb.BOOKS_CLOSE)
    book_lines.book(by, book)
    books.close(by, book)
    flash("Đã khóa sổ. Sổ không cấp thêm số nữa; hãy in, ký và đóng quyển.", "good")
    return go_to(url_for("books.show", book=book))


@blueprint.get("/open")
def opening() -> Response:
    """The form for a book that goes on from one kept elsewhere."""
    _session.require(Verb.BOOKS_OPEN)
    return _opening(filled({"year": clock.today().year, "series": _series()[0][0]}))


@blueprint.post("/open")
def open_() -> Response:
    """Opens a book at a number in mid-year."""
    by = _session.require(Verb.BOOKS_OPEN)
    reader = FormReader(request.form)
    today = clock.today()
    series = reader.one_of("series", "Sổ", dict(_series()).get, required=True)
    year = reader.number("year", "Năm", required=True, least=today.year - 1, most=today.year + 1)
    number = reader.number("opening_number", "Số bắt đầu", required=True, least=1, most=numbering.LAST_SERIAL)
    if series and year and number and not reader.refused:
        direction, issuer, key = reader.text("series", "Sổ").split("|", 2)
        try:
            books.open_at(
                by, direction=direction, issuer_id=int(issuer) or None, key=key, name=_book_name(key, int(issuer)),
                year=year, opening_number=number,
            )  # fmt: skip
        except (Malformed, RuleBroken) as refusal:
            reader.refuse_because(refusal)
        else:
            flash(f"Đã mở sổ năm {year}; số tiếp theo là {numbering.format_number(number)}.", "good")
            return go_to(url_for("books.show_list"))
    return _opening(reader.state())


def _opening(form: FormState) -> Response:
    return page("books/open.html", status=422 if form.errors else 200, form=form, series=_series())


def _series() -> list[tuple[str, str]]:
    """Every series that may be opened today: the arrivals, then each issuer's, as `direction|issuer|key`."""
    today = clock.today()
    found = {f"incoming|0|{ARRIVALS_KEY}": ARRIVALS_NAME}
    current = issuers.current(today)
    for issuer in current:
        rules = office_rules.numbering_rules(today, issuer.id)
        where = f" ({issuer.name})" if len(current) > 1 else ""
        for kind in kinds.document_types(today):
            key = numbering.book_key(rules, kind)
            found.setdefault(f"outgoing|{issuer.id}|{key}", numbering.book_name(rules, kind) + where)
    return list(found.items())


def _book_name(key: str, issuer_id: int) -> str:
    """The title that the first number of this series would give its book."""
    today = clock.today()
    rules = office_rules.numbering_rules(today, issuer_id or None)
    names = {numbering.book_key(rules, kind): numbering.book_name(rules, kind) for kind in kinds.document_types(today)}
    return names.get(key, ARRIVALS_NAME)


def _lines(by: Actor, book_id: int, form: Form) -> Response:
    of = book_lines.book(by, book_id)
    after = max(request.args.get("after", 0, type=int), 0)
    reading: dict[str, Any] = {
        "register": (book_lines.outgoing_entries, OUTGOING_COLUMNS)
        if of.direction == "outgoing"
        else (book_lines.incoming_entries, INCOMING_COLUMNS),
        "tracking": (book_lines.tracking_entries, TRACKING_COLUMNS),
    }
    read, columns = reading[form.value]
    entries = read(of, after, PAGE_ROWS + 1)
    shown = entries[:PAGE_ROWS]
    endpoint = "books.tracking" if form is Form.TRACKING else "books.show"
    earlier = book_lines.before(of, shown[0].number) if shown else None
    return page(
        "books/show.html",
        "books/_lines.html",
        of=of,
        form=form.value,
        direction=of.direction,
        columns=[column.heading for column in columns],
        entries=shown,
        said=_said(shown),
        older=url_for(endpoint, book=of.id, after=shown[-1].number) if len(entries) > PAGE_ROWS else "",
        newer=url_for(endpoint, book=of.id, after=earlier or None) if earlier is not None else "",
        first=url_for(endpoint, book=of.id) if after else "",
        chain=printing.chain_head(),
        prints=printing.prints_of(of.id),
        issuer=of.issuer_name,
    )


def _said(entries: list[Any]) -> str:
    if not entries:
        return "Sổ chưa có số nào"
    first, last = (numbering.format_number(entries[place].number) for place in (0, -1))
    return f"Từ số {first} đến số {last}"
