"""Printing a book: its lines are gathered, laid on paper with the chain's head, and the print is journalled.

Only the hash of what was printed is kept: a recall must be able to remove every word.
Source: NĐ 30/2020, Điều 16.2.b, 22.3.b; Phụ lục VI, III.6.k.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from pathlib import Path

from commune_portal import clock
from commune_portal.documents import book_lines, books
from commune_portal.documents.books import BookLine
from commune_portal.errors import RuleBroken
from commune_portal.paper import register_book
from commune_portal.paper.register_book import BookCover, PrintMarks
from commune_portal.people import issuers, office_rules
from commune_portal.people.actors import Actor
from commune_portal.rules import numbering
from commune_portal.rules.acts import Act
from commune_portal.rules.permissions import Verb
from commune_portal.store import database, files, installation, journal

SHORT_HASH_SIGNS = 12


class Form(StrEnum):
    """What is printed of a book: the yearly register, or the book that follows the handling."""

    REGISTER = "register"
    TRACKING = "tracking"


@dataclass(frozen=True, slots=True)
class PrintedBook:
    """A printed book: where its PDF lies for now, and what it says of itself."""

    path: Path
    name: str
    sha256: str
    pages: int
    chain: str


@dataclass(frozen=True, slots=True)
class PrintMark:
    """One former print of a book, as the journal has it."""

    at: datetime
    by: str
    last_number: int
    sha256: str


@contextmanager
def print_book(actor: Actor, book_id: int, form: Form = Form.REGISTER, *, folder: str = "") -> Iterator[PrintedBook]:
    """Prints a book and journals that it was printed; the PDF is there only inside the block.

    `folder` names where the office keeps Times New Roman, empty for the bundled face.
    """
    actor.require(Verb.BOOKS_PRINT)
    of = book_lines.book(actor, book_id)
    if form is Form.TRACKING and of.direction != "incoming":
        raise RuleBroken("Sổ theo dõi giải quyết chỉ có cho văn bản đến.")
    head = journal.checkpoint().head
    marks = PrintMarks(head[:SHORT_HASH_SIGNS], clock.now(), actor.full_name)
    out = files.temporary(".pdf")
    try:
        pages = _write(of, form, out, marks, folder)
        sha256 = files.digest_of(out).sha256
        books.printed(actor, book_id, sha256, max(of.amount, 0))
        yield PrintedBook(out, f"{_title(of, form)} {of.year}.pdf", sha256, pages, head[:SHORT_HASH_SIGNS])
    finally:
        out.unlink(missing_ok=True)


def chain_head() -> str:
    """The beginning of the journal's head, as the foot of a printed page has it."""
    return journal.checkpoint().head[:SHORT_HASH_SIGNS]


def prints_of(book_id: int) -> list[PrintMark]:
    """The former prints of a book, newest first. Source: NĐ 30/2020, Phụ lục VI, III.6.k."""
    found = database.row("SELECT uid FROM books WHERE id = ?", (book_id,))
    lines = [line for line in journal.lines_about(f"books:{found[0]}") if line.fields["act"] == Act.BOOK_PRINTED.value]
    return [
        PrintMark(
            clock.from_text(str(line.fields["instant"])),
            line.texts.get("actor_name", ""),
            int(line.fields.get("number") or 0),
            str(line.fields["files"][0]),
        )
        for line in reversed(lines)
    ]


def _write(of: BookLine, form: Form, out: Path, marks: PrintMarks, folder: str) -> int:
    cover = _cover(of)
    if form is Form.TRACKING:
        tracking = book_lines.every(book_lines.tracking_entries, of)
        return register_book.print_tracking(cover, tracking, out, marks, folder=folder)
    if of.direction == "incoming":
        incoming = book_lines.every(book_lines.incoming_entries, of)
        return register_book.print_incoming(cover, incoming, out, marks, folder=folder)
    outgoing = book_lines.every(book_lines.outgoing_entries, of)
    return register_book.print_outgoing(cover, outgoing, out, marks, folder=folder)


def _cover(of: BookLine) -> BookCover:
    mine = installation.own()
    issuer = issuers.issuer(of.issuer_id) if of.issuer_id is not None else None
    width = office_rules.numbering_rules(clock.today(), of.issuer_id).zero_width
    first, last = _dates(of)
    return BookCover(
        parent_name=issuer.parent_name if issuer else "",
        issuer_name=issuer.name if issuer else mine.name,
        year=of.year,
        from_date=first,
        to_date=last,
        from_number=numbering.format_number(of.opening_number, width) if of.amount > 0 else "",
        to_number=numbering.format_number(of.last_number, width) if of.amount > 0 else "",
        scope=of.name.partition(" – ")[2],
    )


def _dates(of: BookLine) -> tuple[date | None, date | None]:
    column, table = ("arrival_date", "incoming") if of.direction == "incoming" else ("promulgation_date", "outgoing")
    found = database.row(
        f"SELECT min({column}), max({column}) FROM {table} WHERE book_id = ? AND year = ? AND number IS NOT NULL",
        (of.id, of.year),
    )
    first, last = (date.fromisoformat(text) if text else None for text in found)
    return first, last


def _title(of: BookLine, form: Form) -> str:
    return "Sổ theo dõi giải quyết văn bản đến" if form is Form.TRACKING else of.name
