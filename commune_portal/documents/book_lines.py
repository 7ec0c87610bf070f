"""The lines of a book as the law's columns have them, for the screen and for the printer alike.

Lines come in the order of their numbers; a cancelled number keeps its line. Source: NĐ 30/2020, Phụ lục IV.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date
from typing import Any, Generic, TypeVar

from commune_portal import clock
from commune_portal.documents import amendments, books
from commune_portal.documents.amendments import Remark
from commune_portal.documents.books import BookLine
from commune_portal.errors import NotFound
from commune_portal.paper.register_book import IncomingLine, OutgoingLine, TrackingLine
from commune_portal.people import office_rules
from commune_portal.people.actors import Actor
from commune_portal.rules import numbering
from commune_portal.rules.amendments import Side
from commune_portal.rules.statuses import IncomingState
from commune_portal.store import database

Printed = TypeVar("Printed")

PAGE_ROWS = 50
BATCH_ROWS = 1000
BY_EXCHANGE = "Liên thông"


@dataclass(frozen=True, slots=True)
class Entry(Generic[Printed]):
    """One number of a book: the document behind it and its line."""

    document: int
    number: int
    line: Printed


def book(actor: Actor, book_id: int) -> BookLine:
    """One book; raises NotFound."""
    found = next((item for item in books.books(actor) if item.id == book_id), None)
    if found is None:
        raise NotFound("Không tìm thấy sổ này.")
    return found


_OUTGOING = (
    "SELECT d.id, d.number, d.symbol, d.promulgation_date, d.type_name, d.subject, d.signer_name, d.recipients_text,"
    " d.kept_by, d.copy_amount, d.dispatched_at, d.medium, d.note, d.voided_at, d.void_reason,"
    " (SELECT count(*) FROM recipients r WHERE r.outgoing_id = d.id),"
    " (SELECT count(*) FROM recipients r WHERE r.outgoing_id = d.id AND r.delivered_at IS NOT NULL),"
    " (SELECT group_concat(organ_name, '; ') FROM recipients r WHERE r.outgoing_id = d.id), d.sealed_at"
    " FROM outgoing d WHERE d.book_id = ? AND d.year = ? AND d.number > ? ORDER BY d.number LIMIT ?"
)

_INCOMING = (
    "SELECT d.id, d.number, d.arrival_date, d.sender_name, d.code_number, d.code_notation, d.promulgation_date,"
    " d.type_name, d.subject, d.recipient_name, d.note, d.origin, d.due_date, d.state, d.completed_at, d.answered_by,"
    " (SELECT group_concat(DISTINCT c.full_name) FROM assignments a JOIN accounts c ON c.id = a.account_id"
    " WHERE a.incoming_id = d.id AND a.part = 'lead' AND a.state <> 'replaced'),"
    " (SELECT min(assigned_at) FROM assignments a WHERE a.incoming_id = d.id),"
    " (SELECT number FROM outgoing o WHERE o.id = d.answered_by),"
    " (SELECT symbol FROM outgoing o WHERE o.id = d.answered_by)"
    " FROM incoming d WHERE d.book_id = ? AND d.year = ? AND d.number > ? ORDER BY d.number LIMIT ?"
)


def outgoing_entries(of: BookLine, after: int = 0, rows: int = PAGE_ROWS) -> list[Entry[OutgoingLine]]:
    """A stretch of an outgoing book, from behind a number."""
    width = office_rules.numbering_rules(clock.today(), of.issuer_id).zero_width
    found = database.rows(_OUTGOING, (of.id, of.year, after, rows))
    said = amendments.remarks(Side.OURS, [row[0] for row in found])
    return [_outgoing(row, width, said.get(row[0], Remark())) for row in found]


def incoming_entries(of: BookLine, after: int = 0, rows: int = PAGE_ROWS) -> list[Entry[IncomingLine]]:
    """A stretch of the incoming book."""
    found = database.rows(_INCOMING, (of.id, of.year, after, rows))
    said = amendments.remarks(Side.THEIRS, [row[0] for row in found])
    return [_incoming(row, said.get(row[0], Remark())) for row in found]


def tracking_entries(of: BookLine, after: int = 0, rows: int = PAGE_ROWS) -> list[Entry[TrackingLine]]:
    """A stretch of the book that follows how incoming documents are dealt with."""
    found = database.rows(_INCOMING, (of.id, of.year, after, rows))
    said = amendments.remarks(Side.THEIRS, [row[0] for row in found])
    return [_tracking(row, said.get(row[0], Remark())) for row in found]


def every(read: Callable[[BookLine, int, int], list[Entry[Printed]]], of: BookLine) -> Iterator[Printed]:
    """All lines of a book in batches, so that a long book needs little memory."""
    after = 0
    while True:
        found = read(of, after, BATCH_ROWS)
        yield from (entry.line for entry in found)
        if len(found) < BATCH_ROWS:
            return
        after = found[-1].number


def before(of: BookLine, first: int, rows: int = PAGE_ROWS) -> int | None:
    """The cursor of the page before the one that begins with a number; None on the first page."""
    return max(first - 1 - rows, 0) if first > of.opening_number else None


def _outgoing(row: Any, width: int, remark: Remark) -> Entry[OutgoingLine]:
    (row_id, number, symbol, dated, type_name, subject, signer, recipients, kept_by, copies, sent, medium, note,
     voided, reason, sent_to, received, organs, sealed) = row  # fmt: skip
    is_paper = medium == "paper"
    all_received = bool(sent_to) and sent_to == received
    places, kept = _places(recipients)
    return Entry(
        row_id,
        number,
        OutgoingLine(
            symbol=numbering.number_and_symbol(number, symbol, width),
            document_date=_day(dated),
            type_and_subject=type_and_subject(type_name, subject),
            signer=signer,
            recipients="; ".join(places) or organs or "",
            kept_by=kept_by or kept,
            copies=str(copies) if is_paper or copies > 1 else "",
            sent_date=_civil(sent) or (_civil(sealed) if is_paper else None),
            received_by=BY_EXCHANGE if all_received else "",
            note=remark.beside(note),
            cancelled=reason if voided else "",
            recalled=remark.recalled_by,
        ),
    )


def _incoming(row: Any, remark: Remark) -> Entry[IncomingLine]:
    (row_id, number, arrived, sender, code_number, notation, dated, type_name, subject, recipient, note, origin,
     _due, _state, _completed, _answered, handlers, assigned, _answer, _symbol) = row  # fmt: skip
    return Entry(
        row_id,
        number,
        IncomingLine(
            arrival_date=_day(arrived),
            arrival_number=numbering.format_number(number),
            author=sender,
            symbol="/".join(part for part in (code_number, notation) if part),
            document_date=_day(dated),
            type_and_subject=type_and_subject(type_name, subject),
            handled_by=recipient or handlers or "",
            handed_date=_civil(assigned),
            received_by=BY_EXCHANGE if assigned and origin == "exchange" else "",
            note=remark.beside(note),
            recalled=remark.recalled_by,
        ),
    )


def _tracking(row: Any, remark: Remark) -> Entry[TrackingLine]:
    (row_id, number, _arrived, sender, code_number, notation, dated, type_name, subject, recipient, note, _origin,
     due, state, completed, _answered, handlers, _assigned, answer, symbol) = row  # fmt: skip
    code = "/".join(part for part in (code_number, notation) if part)
    day = _day(dated)
    parts = (type_name or "Văn bản", code, f"ngày {day:%d/%m/%Y}" if day else "", f"của {sender}: {subject}")
    done = _civil(completed)
    progress = IncomingState(state).label
    return Entry(
        row_id,
        number,
        TrackingLine(
            arrival_number=numbering.format_number(number),
            document=" ".join(part for part in parts if part),
            handled_by=recipient or handlers or "",
            due_date=_day(due),
            progress=f"{progress} ngày {done:%d/%m/%Y}" if done else progress,
            answer=numbering.number_and_symbol(answer, symbol) if answer else "",
            note=remark.beside(note),
            recalled=remark.recalled_by,
        ),
    )


def type_and_subject(type_name: str, subject: str) -> str:
    """Type and subject as one cell; a subject that already begins with its type is not said twice."""
    if not type_name or subject.lower().startswith(type_name.lower()):
        return subject
    return f"{type_name}: {subject}"


def _places(recipients: str) -> tuple[list[str], str]:
    """The typed "Nơi nhận" as a list, and apart from it who keeps the file copy ("Lưu: VT, VP")."""
    lines = [line.strip().lstrip("-– ").rstrip(" ;.") for line in recipients.split("\n")]
    kept = [line.partition(":")[2].strip() for line in lines if line.lower().startswith("lưu:")]
    return [line for line in lines if line and not line.lower().startswith("lưu:")], kept[0] if kept else ""


def _day(text: str | None) -> date | None:
    return date.fromisoformat(text) if text else None


def _civil(text: str | None) -> date | None:
    return clock.civil(clock.from_text(text)) if text else None
