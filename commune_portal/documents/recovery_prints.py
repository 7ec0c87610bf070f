"""The report of a settled restore, on paper: what was done, journalled by the hash of what was printed."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, datetime
from typing import Any

from commune_portal import clock
from commune_portal.documents import standstill
from commune_portal.documents.printing import SHORT_HASH_SIGNS, PrintedBook
from commune_portal.documents.standstill import Restoration
from commune_portal.errors import NotFound
from commune_portal.paper import reconciled_numbers
from commune_portal.paper.ledger import PrintMarks
from commune_portal.paper.reconciled_numbers import RecoveredLine
from commune_portal.people import issuers
from commune_portal.people.actors import Actor
from commune_portal.rules import numbering
from commune_portal.rules.acts import Act
from commune_portal.rules.permissions import Verb
from commune_portal.store import database, files, installation, journal

RESTORED = "Khôi phục: "


def settled(actor: Actor) -> Restoration | None:
    """The newest restore that was settled, None where there never was one."""
    actor.require(Verb.BOOKS_OPEN)
    return next((item for item in standstill.restorations() if item.confirmed_at and item.said), None)


@contextmanager
def print_report(actor: Actor, *, folder: str = "") -> Iterator[PrintedBook]:
    """Prints the report of the newest settled restore; the PDF is there only inside the block."""
    of = settled(actor)
    if of is None or of.confirmed_at is None:
        raise NotFound("Chưa có lần khôi phục nào được đối chiếu xong.")
    head = journal.checkpoint().head[:SHORT_HASH_SIGNS]
    parents = [item.parent_name for item in issuers.current(clock.today())]
    on = clock.civil(of.confirmed_at)
    cover = reconciled_numbers.cover(installation.own().name, parents[0] if parents else "", on, _details(of))
    out = files.temporary(".pdf")
    try:
        marks = PrintMarks(head, clock.now(), actor.full_name)
        pages = reconciled_numbers.print_recovery(cover, lines(of), out, marks, folder=folder)
        sha256 = files.digest_of(out).sha256
        with database.transaction() as work:
            journal.write(
                work, Act.EXPORTED, actor.uid, about=of.about, files=[sha256],
                facts={"what": "recovery", "epoch": of.epoch, "pages": pages}, texts={"actor_name": actor.full_name},
            )  # fmt: skip
        yield PrintedBook(out, f"Đối chiếu sau khôi phục {on.isoformat()}.pdf", sha256, pages, head)
    finally:
        out.unlink(missing_ok=True)


def lines(of: Restoration) -> list[RecoveredLine]:
    """Every number of every book that was given since the backup, in order."""
    found = []
    for book in of.said.get("settled", []):
        direction, issuer, key, year = book["ref"].split("|")
        highest = max(book["restored"], book["node"] or 0, book["paper"] or 0)
        columns = (
            "number, promulgation_date, symbol, subject, note"
            if direction == "outgoing"
            else "number, arrival_date, trim(code_number || '/' || code_notation, '/'), subject, note"
        )
        for number, day, symbol, subject, note in database.rows(
            f"SELECT {columns} FROM {direction} WHERE book_id = (SELECT id FROM books WHERE direction = ? AND key = ?"
            " AND coalesce(issuer_id, 0) = ? AND year = ?) AND year = ? AND number > ? AND number <= ? ORDER BY number",
            (direction, key, int(issuer), int(year), int(year), book["restored"], highest),
        ):
            printed = numbering.number_and_symbol(number, symbol) if direction == "outgoing" else symbol
            found.append(
                RecoveredLine(
                    f"{book['name']} {year}", number, date.fromisoformat(day) if day else None, printed, subject,
                    source_in(note),
                )
            )  # fmt: skip
    return found


def source_in(note: str) -> str:
    """Where a row came from, as its note says."""
    return next((line[len(RESTORED) :] for line in note.split("\n") if line.startswith(RESTORED)), "")


def _details(of: Restoration) -> tuple[str, ...]:
    return (
        f"Bản sao lưu: {_instant(of.backup_made_at)} · khôi phục: {_instant(of.restored_at)} · lần thứ {of.epoch}",
        f"Đối chiếu xong: {_instant(of.confirmed_at)}",
        *(_book(item) for item in of.said.get("settled", [])),
        *([f"Không hỏi được nút liên thông: {of.said['without_node']}"] if of.said.get("without_node") else []),
    )


def _book(item: dict[str, Any]) -> str:
    year = item["ref"].rpartition("|")[2]
    node = item["node"] if item["node"] is not None else "không có"
    return f"{item['name']} năm {year}: trong bản sao lưu {item['restored']}, nút {node}, bản giấy {item['paper']}"


def _instant(at: datetime | None) -> str:
    return f"{at.astimezone(clock.VIETNAM):%d/%m/%Y %H:%M}" if at else "không rõ"
