"""A book as a table for a spreadsheet: the columns of the printed book, no cell that a spreadsheet would execute.

The act is journalled with the hash of what left the house. Source: NĐ 30/2020, Phụ lục VI, III.6.k.
"""

from __future__ import annotations

import csv
import secrets
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields
from datetime import date
from enum import StrEnum
from pathlib import Path

from commune_portal.documents import book_lines
from commune_portal.documents.books import BookLine
from commune_portal.errors import StoreRefused
from commune_portal.paper.register_book import INCOMING_COLUMNS, OUTGOING_COLUMNS, IncomingLine, OutgoingLine
from commune_portal.people.actors import Actor
from commune_portal.rules.acts import Act
from commune_portal.rules.permissions import Verb
from commune_portal.store import database, files, journal

BEGINS_A_FORMULA = ("=", "+", "-", "@", "\t", "\r")
REMARKS = ("Hủy số", "Thu hồi")


class Form(StrEnum):
    """What kind of file is written."""

    CSV = "csv"
    XLSX = "xlsx"


@dataclass(frozen=True, slots=True)
class Exported:
    """A table that was written: where, its hash, and how many lines it has."""

    path: Path
    sha256: str
    lines: int


def export_book(actor: Actor, book_id: int, out: Path, form: Form) -> Exported:
    """Writes a book to a new file and journals it; raises StoreRefused rather than replace a file."""
    actor.require(Verb.BOOKS_PRINT)
    of = book_lines.book(actor, book_id)
    if out.exists():
        raise StoreRefused(f"Đã có tệp {out}; không ghi đè. Hãy chọn tên khác.")
    part = out.with_name(f"{out.name}.{secrets.token_hex(4)}.part")
    try:
        with files.disk_errors():
            amount = _write_csv(of, part) if form is Form.CSV else _write_xlsx(of, part)
            sha256 = files.digest_of(part).sha256
            _journal(actor, book_id, of, sha256, amount, form)
            part.replace(out)
    finally:
        part.unlink(missing_ok=True)
    return Exported(out, sha256, amount)


def neutral(text: str) -> str:
    """A cell's text that no spreadsheet takes for a formula. Source: OWASP, CSV injection."""
    return f"'{text}" if text.startswith(BEGINS_A_FORMULA) else text


def headings(of: BookLine) -> list[str]:
    """The columns' headings: those of the printed book, then why a number was cancelled or recalled."""
    columns = INCOMING_COLUMNS if of.direction == "incoming" else OUTGOING_COLUMNS
    return [column.heading for column in columns] + list(REMARKS)


def rows(of: BookLine) -> Iterator[list[str]]:
    """The book's lines as texts, dates as dd/mm/yyyy."""
    if of.direction == "incoming":
        yield from map(_cells, book_lines.every(book_lines.incoming_entries, of))
    else:
        yield from map(_cells, book_lines.every(book_lines.outgoing_entries, of))


def _cells(line: IncomingLine | OutgoingLine) -> list[str]:
    return [_text(getattr(line, item.name)) for item in fields(line)]


def _text(value: date | str | None) -> str:
    return f"{value:%d/%m/%Y}" if isinstance(value, date) else value or ""


def _write_csv(of: BookLine, path: Path) -> int:
    amount = 0
    with path.open("w", encoding="utf-8-sig", newline="") as file:
        writer = csv.writer(file, quoting=csv.QUOTE_ALL)
        writer.writerow(headings(of))
        for row in rows(of):
            writer.writerow([neutral(text) for text in row])
            amount += 1
    return amount


def _write_xlsx(of: BookLine, path: Path) -> int:
    import xlsxwriter

    amount = 0
    with xlsxwriter.Workbook(str(path)) as book:
        sheet = book.add_worksheet(str(of.year))
        _line(sheet, 0, headings(of))
        for row in rows(of):
            amount += 1
            _line(sheet, amount, row)
        sheet.freeze_panes(1, 0)
        sheet.autofilter(0, 0, amount, len(headings(of)) - 1)
    return amount


def _line(sheet: object, at: int, texts: Sequence[str]) -> None:
    for column, text in enumerate(texts):
        # never `write`, which makes a formula or a link of what looks like one
        sheet.write_string(at, column, text)  # type: ignore[attr-defined]  # xlsxwriter carries no types


def _journal(actor: Actor, book_id: int, of: BookLine, sha256: str, amount: int, form: Form) -> None:
    with database.transaction() as work:
        uid = work.execute("SELECT uid FROM books WHERE id = ?", (book_id,)).fetchone()[0]
        journal.write(
            work, Act.EXPORTED, actor.uid, about=f"books:{uid}", book=of.key, year=of.year, number=of.last_number,
            files=[sha256], facts={"lines": amount, "form": form.value}, texts={"actor_name": actor.full_name},
        )  # fmt: skip
