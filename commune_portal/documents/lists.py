"""Lists of documents: tabs with counts, keyset pages, search without accents, all within what a person may see.

A page is one statement that walks an index and stops; nothing is sorted, nothing is skipped by OFFSET.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from typing import Any, Generic, TypeVar

from commune_portal import clock
from commune_portal.documents import visibility
from commune_portal.errors import Malformed
from commune_portal.people.actors import Actor
from commune_portal.rules import folding, numbering
from commune_portal.rules.kinds import Medium, Urgency
from commune_portal.rules.statuses import IncomingState, OutgoingState
from commune_portal.signing.reports import Verdict
from commune_portal.store import database

PAGE_ROWS = 50
Line = TypeVar("Line")
Tab = TypeVar("Tab", bound=StrEnum)


class IncomingTab(StrEnum):
    """The places in the list of incoming documents; values are the slugs of their addresses."""

    ALL = "tat-ca"
    ARRIVED = "cho-vao-so"
    REGISTERED = "cho-phan-cong"
    IN_HAND = "dang-xu-ly"
    OVERDUE = "qua-han"
    COMPLETED = "hoan-thanh"
    REFUSED = "tu-choi"

    @property
    def label(self) -> str:
        """The tab's words."""
        return _INCOMING_LABELS[self]


_INCOMING_LABELS = {
    IncomingTab.ALL: "Tất cả",
    IncomingTab.ARRIVED: "Chờ vào sổ",
    IncomingTab.REGISTERED: "Chờ phân công",
    IncomingTab.IN_HAND: "Đang xử lý",
    IncomingTab.OVERDUE: "Quá hạn",
    IncomingTab.COMPLETED: "Hoàn thành",
    IncomingTab.REFUSED: "Đã từ chối",
}


class OutgoingTab(StrEnum):
    """The places in the list of outgoing documents."""

    ALL = "tat-ca"
    DRAFTS = "du-thao"
    TO_SIGN = "cho-duyet-ky"
    TO_ISSUE = "cho-phat-hanh"
    TO_SEND = "cho-gui"
    ISSUED = "da-phat-hanh"
    VOIDED = "huy-so"

    @property
    def label(self) -> str:
        """The tab's words."""
        return _OUTGOING_LABELS[self]


_OUTGOING_LABELS = {
    OutgoingTab.ALL: "Tất cả",
    OutgoingTab.DRAFTS: "Dự thảo",
    OutgoingTab.TO_SIGN: "Chờ duyệt, ký",
    OutgoingTab.TO_ISSUE: "Chờ phát hành",
    OutgoingTab.TO_SEND: "Chờ gửi",
    OutgoingTab.ISSUED: "Đã phát hành",
    OutgoingTab.VOIDED: "Hủy số",
}

_INCOMING_CONDITIONS = {
    IncomingTab.ALL: "1",
    IncomingTab.ARRIVED: "d.state = 'arrived'",
    IncomingTab.REGISTERED: "d.state = 'registered'",
    IncomingTab.IN_HAND: "d.state IN ('assigned', 'in-progress')",
    IncomingTab.OVERDUE: (
        "d.due_date IS NOT NULL AND d.completed_at IS NULL AND d.due_date < :today"
        " AND d.state NOT IN ('recalled', 'taken-back')"
    ),
    IncomingTab.COMPLETED: "d.state = 'completed'",
    IncomingTab.REFUSED: "d.state = 'refused'",
}
_OUTGOING_CONDITIONS = {
    OutgoingTab.ALL: "1",
    OutgoingTab.DRAFTS: "d.state IN ('draft', 'returned')",
    OutgoingTab.TO_SIGN: "d.state IN ('submitted', 'approved')",
    OutgoingTab.TO_ISSUE: "d.state IN ('signed', 'numbered')",
    OutgoingTab.TO_SEND: "d.state = 'issued' AND d.dispatched_at IS NULL AND d.medium = 'electronic'",
    OutgoingTab.ISSUED: "d.state = 'issued'",
    OutgoingTab.VOIDED: "d.state = 'voided'",
}
# An index that holds just these rows in the order of the list; the planner would rather sort.
_INDEXES: dict[StrEnum, str] = {
    IncomingTab.IN_HAND: "incoming_in_hand",
    IncomingTab.OVERDUE: "incoming_by_due",
    OutgoingTab.DRAFTS: "outgoing_in_draft",
    OutgoingTab.TO_SIGN: "outgoing_to_sign",
    OutgoingTab.TO_ISSUE: "outgoing_to_issue",
    OutgoingTab.TO_SEND: "outgoing_to_send",
}
_TALLIED: dict[StrEnum, tuple[str, ...]] = {
    IncomingTab.ALL: tuple(IncomingState),
    IncomingTab.ARRIVED: (IncomingState.ARRIVED,),
    IncomingTab.REGISTERED: (IncomingState.REGISTERED,),
    IncomingTab.IN_HAND: (IncomingState.ASSIGNED, IncomingState.IN_PROGRESS),
    IncomingTab.COMPLETED: (IncomingState.COMPLETED,),
    IncomingTab.REFUSED: (IncomingState.REFUSED,),
}
_TALLIED_OUTGOING: dict[StrEnum, tuple[str, ...]] = {
    OutgoingTab.ALL: tuple(OutgoingState),
    OutgoingTab.DRAFTS: (OutgoingState.DRAFT, OutgoingState.RETURNED),
    OutgoingTab.TO_SIGN: (OutgoingState.SUBMITTED, OutgoingState.APPROVED),
    OutgoingTab.TO_ISSUE: (OutgoingState.SIGNED, OutgoingState.NUMBERED),
    OutgoingTab.ISSUED: (OutgoingState.ISSUED,),
    OutgoingTab.VOIDED: (OutgoingState.VOIDED,),
}


@dataclass(frozen=True, slots=True)
class IncomingLine:
    """A line of the list of incoming documents."""

    id: int
    number: int | None
    year: int | None
    state: IncomingState
    urgency: Urgency
    sender_name: str
    code: str
    promulgation_date: date | None
    type_name: str
    subject: str
    arrived_at: datetime
    arrival_date: date | None
    recipient_name: str
    due_date: date | None
    completed_at: datetime | None
    verdict: Verdict | None
    deliver_by: datetime | None = None
    asked_due_date: date | None = None
    paper_follows: bool = False


@dataclass(frozen=True, slots=True)
class OutgoingLine:
    """A line of the list of outgoing documents."""

    id: int
    number: int | None
    year: int | None
    state: OutgoingState
    medium: Medium
    urgency: Urgency
    symbol: str
    promulgation_date: date | None
    type_name: str
    subject: str
    signer_name: str
    drafter_name: str
    drafted_at: datetime
    dispatched_at: datetime | None
    recipients: int
    delivered: int
    finished: int


@dataclass(frozen=True, slots=True)
class Page(Generic[Line]):
    """A page of a list; `next` is the cursor of the page after it, None on the last one."""

    lines: tuple[Line, ...]
    next: str | None


_INCOMING = (
    "SELECT d.id, d.number, d.year, d.state, d.urgency, d.sender_name, d.code_number, d.code_notation,"
    " d.promulgation_date, d.type_name, d.subject, d.arrived_at, d.arrival_date, d.recipient_name, d.due_date,"
    " d.completed_at, d.check_verdict, d.deliver_by, d.asked_due_date, d.paper_follows"
)
_OUTGOING = (
    "SELECT d.id, d.number, d.year, d.state, d.medium, d.urgency, d.symbol, d.promulgation_date, d.type_name,"
    " d.subject, d.signer_name, (SELECT full_name FROM accounts WHERE id = d.drafter_id), d.drafted_at,"
    " d.dispatched_at, (SELECT count(*) FROM recipients r WHERE r.outgoing_id = d.id),"
    " (SELECT count(*) FROM recipients r WHERE r.outgoing_id = d.id AND r.delivered_at IS NOT NULL),"
    " (SELECT count(*) FROM recipients r WHERE r.outgoing_id = d.id AND r.status IN ('02', '06', '15'))"
)


def incoming_page(
    actor: Actor, tab: IncomingTab = IncomingTab.ALL, *, query: str = "", after: str = "", rows: int = PAGE_ROWS
) -> Page[IncomingLine]:
    """A page of incoming documents, newest first; overdue ones by their due date, the longest first.

    `query` is free text without accents, whole words or the beginning of the last; a page after the first is named by
    the cursor that the page before gave.
    """
    found, cursor = _page(actor, "incoming", _INCOMING, _INCOMING_CONDITIONS[tab], query, after, rows, tab)
    return Page(tuple(_incoming_line(row) for row in found), cursor)


def outgoing_page(
    actor: Actor, tab: OutgoingTab = OutgoingTab.ALL, *, query: str = "", after: str = "", rows: int = PAGE_ROWS
) -> Page[OutgoingLine]:
    """A page of outgoing documents, newest first."""
    found, cursor = _page(actor, "outgoing", _OUTGOING, _OUTGOING_CONDITIONS[tab], query, after, rows, tab)
    return Page(tuple(_outgoing_line(row) for row in found), cursor)


def _page(
    actor: Actor,
    table: visibility.OwnerTable,
    select: str,
    condition: str,
    query: str,
    after: str,
    rows: int,
    tab: StrEnum,
) -> tuple[list[Any], str | None]:
    actor_condition, parameters = visibility.predicate(actor, table)
    values: dict[str, Any] = {**parameters, "today": clock.today().isoformat(), "rows": rows + 1}
    terms = folding.search_terms(query) if query else None
    if query and terms is None:
        return [], None
    by_due = tab is IncomingTab.OVERDUE and terms is None
    conditions = [condition, actor_condition]
    if terms is not None:
        source, key = f"{table}_search s CROSS JOIN {table} d ON d.id = s.rowid", "s.rowid"
        conditions.insert(0, f"{table}_search MATCH :terms")
        values["terms"] = _words(source, conditions, values, terms)
    else:
        source, key = f"{table} d" + (f" INDEXED BY {_INDEXES[tab]}" if tab in _INDEXES else ""), "d.id"
    if by_due:
        order = "d.due_date, d.id"
        if after:
            values["due"], values["id"] = _due_cursor(after)
            conditions.append("(d.due_date, d.id) > (:due, :id)")
    else:
        order = f"{key} DESC"
        if after:
            values["id"] = _id_cursor(after)
            conditions.append(f"{key} < :id")
    found = database.rows(f"{select} FROM {source} WHERE {_all(conditions)} ORDER BY {order} LIMIT :rows", values)
    exact = _exact(table, select, actor_condition, parameters, query) if terms is not None and not after else []
    cursor = None
    if len(found) > rows:
        found = found[:rows]
        last = found[-1]
        cursor = f"{last[14]}.{last[0]}" if by_due else str(last[0])
    known = {row[0] for row in exact}
    return exact + [row for row in found if row[0] not in known], cursor


def _all(conditions: Sequence[str]) -> str:
    return " AND ".join(item for item in conditions if item != "1") or "1"


def _words(source: str, conditions: Sequence[str], values: dict[str, Any], terms: str) -> str:
    """Whole words where something in this list has them all; else the last may be the beginning of a word.

    A beginning is dear: FTS5 gathers all documents of all words that begin so before it gives the first of them,
    100 ms in a register of a million for a word that nearly all have; whole words are walked from the newest.
    """
    whole = terms.removesuffix("*")
    statement = f"SELECT 1 FROM {source} WHERE {_all(conditions)} ORDER BY s.rowid DESC LIMIT 1"
    return whole if database.rows(statement, {**values, "terms": whole}) else terms


def _exact(
    table: visibility.OwnerTable, select: str, actor_condition: str, parameters: dict[str, Any], query: str
) -> list[Any]:
    """Documents whose số, ký hiệu is exactly what was typed stand first."""
    try:
        parsed = numbering.parse(query)
    except Malformed:
        return []
    if not parsed.number or not parsed.notation:
        return []
    condition = (
        "d.code_number = :number AND d.code_notation = :notation"
        if table == "incoming"
        else "d.id IN (SELECT id FROM outgoing WHERE issuer_id IN (SELECT id FROM issuers)"
        " AND year IN (SELECT year FROM books) AND number = CAST(:number AS INTEGER) AND symbol = :notation)"
    )
    values = {**parameters, "number": parsed.number, "notation": parsed.notation}
    return database.rows(
        f"{select} FROM {table} d WHERE {condition} AND {actor_condition} ORDER BY d.id DESC LIMIT 5",
        values,
    )


def _id_cursor(after: str) -> int:
    try:
        return int(after)
    except ValueError:
        raise Malformed("Đường dẫn trang danh sách không đúng. Hãy mở lại danh sách.") from None


def _due_cursor(after: str) -> tuple[str, int]:
    due, _, row_id = after.partition(".")
    try:
        return date.fromisoformat(due).isoformat(), int(row_id)
    except ValueError:
        raise Malformed("Đường dẫn trang danh sách không đúng. Hãy mở lại danh sách.") from None


def _day(text: str | None) -> date | None:
    return date.fromisoformat(text) if text else None


def _instant(text: str | None) -> datetime | None:
    return clock.from_text(text) if text else None


def _incoming_line(row: Any) -> IncomingLine:
    code = "/".join(part for part in row[6:8] if part)
    return IncomingLine(
        row[0], row[1], row[2], IncomingState(row[3]), Urgency(row[4]), row[5], code, _day(row[8]), row[9], row[10],
        clock.from_text(row[11]), _day(row[12]), row[13], _day(row[14]), _instant(row[15]),
        Verdict(row[16]) if row[16] else None, _instant(row[17]), _day(row[18]), bool(row[19]),
    )  # fmt: skip


def _outgoing_line(row: Any) -> OutgoingLine:
    return OutgoingLine(
        row[0], row[1], row[2], OutgoingState(row[3]), Medium(row[4]), Urgency(row[5]), row[6], _day(row[7]), row[8],
        row[9], row[10], row[11] or "", clock.from_text(row[12]), _instant(row[13]), row[14], row[15], row[16],
    )  # fmt: skip


def incoming_counts(actor: Actor) -> dict[IncomingTab, int]:
    """How many documents stand in each tab, of those that this person may see."""
    return _counts(actor, "incoming", _INCOMING_CONDITIONS, _TALLIED)


def outgoing_counts(actor: Actor) -> dict[OutgoingTab, int]:
    """How many documents stand in each tab, of those that this person may see."""
    return _counts(actor, "outgoing", _OUTGOING_CONDITIONS, _TALLIED_OUTGOING)


def _counts(
    actor: Actor,
    table: visibility.OwnerTable,
    conditions: Mapping[Tab, str],
    tallied: Mapping[StrEnum, tuple[str, ...]],
) -> dict[Tab, int]:
    """Whoever may see everything is answered out of the tallies, read once; only the other tabs are counted."""
    seen, parameters = visibility.predicate(actor, table)
    tallies: dict[str, int] = {}
    if seen == "1":
        tallies = dict(database.rows("SELECT state, amount FROM tallies WHERE kind = ?", (table,)))
    values = {**parameters, "today": clock.today().isoformat()}
    counts: dict[Tab, int] = {}
    for tab, condition in conditions.items():
        if seen == "1" and tab in tallied:
            counts[tab] = sum(tallies.get(state, 0) for state in tallied[tab])
        else:
            found = database.row(f"SELECT count(*) FROM {table} d WHERE {condition} AND {seen}", values)
            counts[tab] = int(found[0])
    return counts
