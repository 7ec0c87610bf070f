"""What district staff see of an office's two books: read only, from the mirror, with names of people masked.

The first look of a person into an office on a day is a line of the node's journal; every look is an access.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from datetime import date
from typing import Any, Literal

from commune_portal import clock
from commune_portal.node.members import Member
from commune_portal.node.mirrors import Mirror
from commune_portal.people import accesses
from commune_portal.people.actors import Actor
from commune_portal.rules import permissions, statistics
from commune_portal.rules.acts import Act
from commune_portal.rules.folding import fold
from commune_portal.rules.kinds import Medium
from commune_portal.rules.permissions import Verb
from commune_portal.rules.statistics import HandlingCounts, IssueCounts, Rate
from commune_portal.rules.statuses import IncomingState, OutgoingState
from commune_portal.store import database, journal

Direction = Literal["incoming", "outgoing"]

BAR = "•••"
"""What stands where a column is masked."""

OVERDUE = "overdue"
"""Besides the states: open, requiring handling, and past its deadline."""

LARGEST_PAGE = 200

_CLOSED = (IncomingState.COMPLETED, IncomingState.REFUSED, IncomingState.RECALLED, IncomingState.TAKEN_BACK)
_NOT_HANDLED = (IncomingState.REFUSED, IncomingState.RECALLED, IncomingState.TAKEN_BACK)
_ISSUED = (OutgoingState.ISSUED, OutgoingState.RECALLED, OutgoingState.REPLACED)


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of a mirrored book; masked columns hold a bar."""

    object: str
    issuer: str
    book: str
    year: int
    number: int
    state: str
    symbol: str
    type_name: str
    subject: str
    author: str
    signer: str
    recipients: str
    handler: str
    note: str
    medium: str
    is_signed: bool
    urgency: int
    requires_handling: bool
    promulgation_date: date | None
    arrival_date: date | None
    due_date: date | None
    completed_date: date | None
    dispatched_date: date | None


@dataclass(frozen=True, slots=True)
class Filters:
    """What an auditor asks for; `words` are searched without accents, dates are those of the book's own column."""

    year: int
    book: str = ""
    state: str = ""
    words: str = ""
    since: date | None = None
    until: date | None = None


@dataclass(frozen=True, slots=True)
class EntryPage:
    """A page of a book, the newest number first; `next_after` is empty on the last one."""

    entries: tuple[Entry, ...]
    next_after: str
    total: int


@dataclass(frozen=True, slots=True)
class BookName:
    """A book of a mirrored year, with how many numbers it holds."""

    key: str
    issuer: str
    amount: int


@dataclass(frozen=True, slots=True)
class Totals:
    """Figures of a book and period: how many in each state, and rates with their fractions."""

    by_state: tuple[tuple[str, int], ...]
    rates: tuple[Rate, ...]


_NAMES = tuple(field.name for field in fields(Entry))
_DATE_COLUMN = {"incoming": "arrival_date", "outgoing": "promulgation_date"}


def look(actor: Actor, member: Member) -> None:
    """Notes that a person looks into an office's books; raises NotAllowed for who may not."""
    actor.require(Verb.NODE_AUDIT)
    accesses.note(actor.id, accesses.SEEN, member.about)
    if _is_journalled_today(actor, member):
        return
    with database.transaction() as work:
        if not _is_journalled_today(actor, member):
            journal.write(work, Act.AUDIT_OPENED, actor.uid, about=member.about, facts={"code": member.code})


def _is_journalled_today(actor: Actor, member: Member) -> bool:
    recent = database.rows("SELECT body FROM journal WHERE object = ? ORDER BY seq DESC LIMIT 50", (member.about,))
    for (body,) in recent:
        line = json.loads(body)
        if clock.civil(clock.from_text(line["instant"])) < clock.today():
            return False
        if (line["act"], line["actor"]) == (Act.AUDIT_OPENED.value, actor.uid):
            return True
    return False


def years(mirror: Mirror, direction: Direction) -> list[int]:
    """The years that a mirrored book has, the newest first."""
    found = database.rows(
        "SELECT DISTINCT year FROM mirror_entries WHERE mirror_id = ? AND direction = ? AND year IS NOT NULL"
        " ORDER BY year DESC",
        (mirror.id, direction),
    )
    return [row[0] for row in found]


def book_names(mirror: Mirror, direction: Direction, year: int) -> list[BookName]:
    """The books that were kept in a year."""
    found = database.rows(
        "SELECT book, issuer, count(*) FROM mirror_entries WHERE mirror_id = ? AND direction = ? AND year = ?"
        " AND number IS NOT NULL GROUP BY book, issuer ORDER BY issuer, book",
        (mirror.id, direction, year),
    )
    return [BookName(*row) for row in found]


def entries(
    actor: Actor, mirror: Mirror, direction: Direction, filters: Filters, *, after: str = "", limit: int = 50
) -> EntryPage:
    """A page of a book behind a key, newest number first."""
    actor.require(Verb.NODE_AUDIT)
    condition, values = _condition(mirror, direction, filters)
    total = database.row(f"SELECT count(*) FROM mirror_entries WHERE {condition}", values)[0]
    number, _, about = after.partition(":")
    if number.isascii() and number.isdigit() and len(number) < 10:
        condition += " AND (number < ? OR (number = ? AND object < ?))"
        values = [*values, int(number), int(number), about]
    found = database.rows(
        f"SELECT {', '.join(_NAMES)} FROM mirror_entries WHERE {condition} ORDER BY number DESC, object DESC LIMIT ?",
        [*values, min(limit, LARGEST_PAGE) + 1],
    )
    shown = tuple(_masked(actor, _entry(row)) for row in found[:limit])
    behind = f"{shown[-1].number}:{shown[-1].object}" if len(found) > limit else ""
    return EntryPage(shown, behind, total)


def totals(actor: Actor, mirror: Mirror, direction: Direction, filters: Filters) -> Totals:
    """The figures of what the filters choose, as the law defines them."""
    actor.require(Verb.NODE_AUDIT)
    condition, values = _condition(mirror, direction, filters)
    by_state = database.rows(
        f"SELECT state, count(*) FROM mirror_entries WHERE {condition} GROUP BY state ORDER BY count(*) DESC", values
    )
    rates = _incoming_rates(condition, values) if direction == "incoming" else _outgoing_rates(condition, values)
    return Totals(tuple((row[0], row[1]) for row in by_state), rates)


def state_label(direction: Direction, state: str) -> str:
    """A state in words; one that this release does not know is shown as it came."""
    kinds: tuple[type[IncomingState | OutgoingState], ...] = (
        (IncomingState,) if direction == "incoming" else (OutgoingState,)
    )
    for kind in kinds:
        for member in kind:
            if member.value == state:
                return member.label
    return state


def _incoming_rates(condition: str, values: Sequence[Any]) -> tuple[Rate, ...]:
    today = clock.today().isoformat()
    row = database.row(
        f"SELECT {_amount('completed_date IS NOT NULL AND (due_date IS NULL OR completed_date <= due_date)')},"
        f" {_amount('completed_date IS NOT NULL AND due_date IS NOT NULL AND completed_date > due_date')},"
        f" {_amount('completed_date IS NULL AND due_date IS NOT NULL AND due_date < ?')},"
        f" {_amount('completed_date IS NULL AND (due_date IS NULL OR due_date >= ?)')}"
        f" FROM mirror_entries WHERE {condition} AND requires_handling = 1 AND state NOT IN {_marks(_NOT_HANDLED)}",
        [today, today, *values, *_NOT_HANDLED],
    )
    counts = HandlingCounts(*row)
    return (
        statistics.in_time_rate(counts),
        statistics.open_not_due_rate(counts),
        statistics.overdue_rate(counts),
    )


def _outgoing_rates(condition: str, values: Sequence[Any]) -> tuple[Rate, ...]:
    row = database.row(
        f"SELECT count(*), {_amount('medium = ?')}, {_amount('is_signed = 1')},"
        f" {_amount('dispatched_date IS NOT NULL')}, {_amount('is_signed = 1 AND dispatched_date IS NOT NULL')}"
        f" FROM mirror_entries WHERE {condition} AND state IN {_marks(_ISSUED)}",
        [Medium.ELECTRONIC.value, *values, *_ISSUED],
    )
    counts = IssueCounts(issued=row[0], electronic=row[1], signed=row[2], by_exchange=row[3], signed_by_exchange=row[4])
    return (
        statistics.electronic_rate(counts),
        statistics.signed_rate(counts),
        statistics.exchange_rate(counts),
    )


def _condition(mirror: Mirror, direction: Direction, filters: Filters) -> tuple[str, list[Any]]:
    """The one predicate of list, count and figures."""
    parts = ["mirror_id = ?", "direction = ?", "year = ?", "number IS NOT NULL"]
    values: list[Any] = [mirror.id, direction, filters.year]
    if filters.book:
        parts.append("book = ?")
        values.append(filters.book)
    if filters.state == OVERDUE:
        parts.append(
            f"requires_handling = 1 AND completed_date IS NULL AND due_date < ? AND state NOT IN {_marks(_CLOSED)}"
        )
        values += [clock.today().isoformat(), *_CLOSED]
    elif filters.state:
        parts.append("state = ?")
        values.append(filters.state)
    column = _DATE_COLUMN[direction]
    if filters.since is not None:
        parts.append(f"{column} >= ?")
        values.append(filters.since.isoformat())
    if filters.until is not None:
        parts.append(f"{column} <= ?")
        values.append(filters.until.isoformat())
    for word in fold(filters.words).split()[:12]:
        if word.isdigit():
            parts.append("(number = ? OR folded LIKE ? ESCAPE '!')")
            values.append(int(word[:9]))
        else:
            parts.append("folded LIKE ? ESCAPE '!'")
        values.append("%" + word.replace("!", "!!").replace("%", "!%").replace("_", "!_") + "%")
    return " AND ".join(parts), values


def _amount(condition: str) -> str:
    return f"coalesce(sum(CASE WHEN {condition} THEN 1 ELSE 0 END), 0)"


def _marks(values: Sequence[object]) -> str:
    return f"({', '.join('?' for _ in values)})"


def _entry(row: Sequence[Any]) -> Entry:
    named = dict(zip(_NAMES, row, strict=True))
    for name in _NAMES:
        if name.endswith("_date"):
            named[name] = date.fromisoformat(named[name]) if named[name] else None
    named["is_signed"] = bool(named["is_signed"])
    named["requires_handling"] = bool(named["requires_handling"])
    return Entry(**named)


def _masked(actor: Actor, entry: Entry) -> Entry:
    """The entry as this person may see it."""
    masks: dict[str, Any] = {
        name: BAR for name in _NAMES if getattr(entry, name) and permissions.is_masked(actor.roles, name)
    }
    return replace(entry, **masks)
