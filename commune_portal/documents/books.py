"""Books and numbers: the next number of a book inside the act's transaction; opening, closing and printing books.

The counter, the document, the outbox and the journal line commit together, so a failed act consumes no number
and a number once given stays. Source: NĐ 30/2020, Điều 15, Điều 22.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from commune_portal import clock
from commune_portal.documents import standstill
from commune_portal.errors import ClockDoubtful, RuleBroken
from commune_portal.people.actors import Actor
from commune_portal.rules import numbering
from commune_portal.rules.acts import Act
from commune_portal.rules.numbering import ARRIVALS_KEY, BookState
from commune_portal.rules.permissions import Verb
from commune_portal.store import database, journal
from commune_portal.store.register import Work

ARRIVALS_NAME = "Sổ đăng ký văn bản đến"


@dataclass(frozen=True, slots=True)
class Given:
    """A number just given."""

    book_id: int
    key: str
    year: int
    number: int
    book_name: str


@dataclass(frozen=True, slots=True)
class BookLine:
    """A book in the list of books; `last_number` is below `opening_number` while the book is empty."""

    id: int
    direction: str
    issuer_id: int | None
    issuer_name: str
    key: str
    name: str
    year: int
    opening_number: int
    last_number: int
    newest_date: date | None
    closed: bool

    @property
    def amount(self) -> int:
        """How many numbers the book has given."""
        return self.last_number - self.opening_number + 1


def give(work: Work, *, direction: str, issuer_id: int | None, key: str, name: str, on: date, confirmed: bool) -> Given:
    """Gives the next number of a book, which opens itself at its first number of the year.

    Raises ClockDoubtful while the date is doubtful and not confirmed, RuleBroken for a closed book or a year before
    the newest one, and for as long as a restore waits to be settled.
    """
    standstill.require_over(work)
    doubt = _doubt(work, on)
    series = "direction = ? AND key = ? AND coalesce(issuer_id, 0) = ?"
    parameters = (direction, key, issuer_id or 0)
    newest = work.execute(f"SELECT max(year) FROM books WHERE {series} AND last_number >= opening_number", parameters)
    numbering.check_year_is_open(on.year, newest.fetchone()[0])
    found = work.execute(
        f"SELECT id, opening_number, last_number, newest_date, closed_at, name FROM books WHERE {series} AND year = ?",
        (*parameters, on.year),
    ).fetchone()
    if found is None:
        book = BookState(on.year)
        row = work.insert("books", _new_book(direction, issuer_id, key, name, on.year, 1))
        book_id = row.id
    else:
        book_id, opening, last, newest_text, closed, name = found
        newest_date = date.fromisoformat(newest_text) if newest_text else None
        book = BookState(on.year, opening, last, newest_date, bool(closed))
    number = numbering.next_number(book, on)
    doubt = doubt or numbering.doubt_about_order(book, on)
    if doubt and not confirmed:
        raise ClockDoubtful(doubt)
    newest_on = max(on, book.newest_date) if book.newest_date else on
    work.update("books", book_id, {"last_number": number, "newest_date": newest_on.isoformat()})
    return Given(book_id, key, on.year, number, name)


def _new_book(
    direction: str, issuer_id: int | None, key: str, name: str, year: int, opening_number: int
) -> dict[str, str | int | None]:
    return {
        "direction": direction,
        "issuer_id": issuer_id,
        "key": key,
        "name": name,
        "year": year,
        "opening_number": opening_number,
        "last_number": opening_number - 1,
        "opened_at": clock.now_text(),
    }


def _doubt(work: Work, on: date) -> str | None:
    """Why the clock may be wrong; a number given on a confirmed date counts as a contact with the calendar."""
    last_line = work.execute("SELECT json_extract(body, '$.instant') FROM journal ORDER BY seq DESC LIMIT 1").fetchone()
    contact = work.execute("SELECT max(last_contact_at) FROM contacts").fetchone()[0]
    last_contact = clock.from_text(contact) if contact else None
    if last_contact is not None:
        numbered = work.execute("SELECT max(newest_date) FROM books").fetchone()[0]
        if numbered and date.fromisoformat(numbered) > clock.civil(last_contact):
            last_contact = clock.from_text(f"{numbered}T00:00:00Z")
    return numbering.doubt_about_date(
        on, clock.from_text(last_line[0]) if last_line else None, last_contact, now=clock.now()
    )


def mint_document_id(work: Work, issuer_id: int, organ_code: str, year: int) -> str:
    """The next document id of an issuer in a year. Source: QĐ 28/2018, Điều 10.2.b."""
    found = work.execute(
        "SELECT id, last_serial FROM serials WHERE issuer_id = ? AND year = ?", (issuer_id, year)
    ).fetchone()
    if found is None:
        work.insert("serials", {"issuer_id": issuer_id, "year": year, "last_serial": 1})
        return numbering.document_id(organ_code, year, 1)
    work.update("serials", found[0], {"last_serial": found[1] + 1})
    return numbering.document_id(organ_code, year, found[1] + 1)


def account_for(
    work: Work, *, direction: str, issuer_id: int | None, key: str, name: str, year: int, number: int, on: date | None
) -> int:
    """Counts a number that was given elsewhere, by a lost register or on paper, so that it is never given again.

    The book is opened where the register does not have it; answers the book. The caller writes the document.
    """
    found = work.execute(
        "SELECT id, last_number, newest_date FROM books WHERE direction = ? AND key = ?"
        " AND coalesce(issuer_id, 0) = ? AND year = ?",
        (direction, key, issuer_id or 0, year),
    ).fetchone()
    if found is None:
        found = (work.insert("books", _new_book(direction, issuer_id, key, name, year, 1)).id, 0, None)
    book_id, last, newest = found
    day = max(filter(None, (newest, on.isoformat() if on else None)), default=None)
    work.update("books", book_id, {"last_number": max(last, number), "newest_date": day})
    return int(book_id)


def move_serials(work: Work, issuer_id: int, year: int, least: int) -> None:
    """Sees to it that no document id of an issuer's year up to a serial is minted again. Source: decisions 12."""
    found = work.execute(
        "SELECT id, last_serial FROM serials WHERE issuer_id = ? AND year = ?", (issuer_id, year)
    ).fetchone()
    if found is None:
        work.insert("serials", {"issuer_id": issuer_id, "year": year, "last_serial": least})
    elif found[1] < least:
        work.update("serials", found[0], {"last_serial": least})


def open_at(
    actor: Actor, *, direction: str, issuer_id: int | None, key: str, name: str, year: int, opening_number: int
) -> None:
    """Opens a book that goes on from one kept elsewhere; raises RuleBroken when it is open already."""
    actor.require(Verb.BOOKS_OPEN)
    number = numbering.check_opening_number(opening_number)
    if key == ARRIVALS_KEY:
        name = ARRIVALS_NAME
    with database.transaction() as work:
        standstill.require_over(work)
        found = work.execute(
            "SELECT 1 FROM books WHERE direction = ? AND key = ? AND coalesce(issuer_id, 0) = ? AND year = ?",
            (direction, key, issuer_id or 0, year),
        ).fetchone()
        if found:
            raise RuleBroken(f"Sổ năm {year} đã mở, số bắt đầu không đổi được nữa.")
        row = work.insert("books", _new_book(direction, issuer_id, key, name, year, number))
        journal.write(
            work, Act.BOOK_OPENED, actor.uid, about=f"books:{row.uid}", book=key, year=year, number=number,
            facts={"direction": direction}, texts={"value": name, "actor_name": actor.full_name},
        )  # fmt: skip


def close(actor: Actor, book_id: int) -> None:
    """Closes a book for good: it gives no further number."""
    actor.require(Verb.BOOKS_CLOSE)
    with database.transaction() as work:
        found = work.execute("SELECT key, year, last_number, closed_at FROM books WHERE id = ?", (book_id,)).fetchone()
        if found is not None and found[3]:
            raise RuleBroken("Sổ này đã khóa rồi.")
        row = work.update("books", book_id, {"closed_at": clock.now_text()})
        journal.write(
            work, Act.BOOK_CLOSED, actor.uid, about=f"books:{row.uid}", book=found[0], year=found[1], number=found[2],
            texts={"actor_name": actor.full_name},
        )  # fmt: skip


def printed(actor: Actor, book_id: int, sha256: str, lines: int) -> None:
    """Notes that a book was printed, with the hash of what was printed. Source: NĐ 30/2020, Phụ lục VI, III.6.k."""
    actor.require(Verb.BOOKS_PRINT)
    with database.transaction() as work:
        found = work.execute("SELECT uid, key, year, last_number FROM books WHERE id = ?", (book_id,)).fetchone()
        journal.write(
            work, Act.BOOK_PRINTED, actor.uid, about=f"books:{found[0]}", book=found[1], year=found[2],
            number=found[3], files=[sha256], facts={"lines": lines}, texts={"actor_name": actor.full_name},
        )  # fmt: skip


def books(actor: Actor, *, year: int | None = None) -> list[BookLine]:
    """The books, newest year first."""
    actor.require(Verb.BOOKS_SEE)
    found = database.rows(
        "SELECT b.id, b.direction, b.issuer_id, coalesce(i.name, ''), b.key, b.name, b.year, b.opening_number,"
        " b.last_number, b.newest_date, b.closed_at IS NOT NULL FROM books b LEFT JOIN issuers i ON i.id = b.issuer_id"
        " WHERE ? IS NULL OR b.year = ? ORDER BY b.year DESC, b.direction, b.id",
        (year, year),
    )
    lines = []
    for row in found:
        values = list(row)
        values[9] = date.fromisoformat(row[9]) if row[9] else None
        values[10] = bool(row[10])
        lines.append(BookLine(*values))
    return lines
