"""What waits for one person: the first few of each pile, the most pressing on top, and how many there are.

The home page asks for these; everything stays within what the person may see.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Generic, TypeVar

from commune_portal import clock
from commune_portal.documents import amendments, visibility
from commune_portal.documents.amendments import Amendment
from commune_portal.people.actors import Actor
from commune_portal.rules.kinds import Urgency
from commune_portal.rules.statuses import IncomingState, OutgoingState
from commune_portal.store import database

Item = TypeVar("Item")

ROWS = 8
TASKS_AT_MOST = 100


@dataclass(frozen=True, slots=True)
class IncomingItem:
    """An incoming document that waits; `part` and `direction` are those of the person's own task."""

    id: int
    number: int | None
    state: IncomingState
    urgency: Urgency
    sender_name: str
    code: str
    type_name: str
    subject: str
    arrived_at: datetime
    due_date: date | None
    part: str = ""
    direction: str = ""


@dataclass(frozen=True, slots=True)
class OutgoingItem:
    """An outgoing document that waits; `since` is when it came to stand where it stands."""

    id: int
    number: int | None
    symbol: str
    state: OutgoingState
    urgency: Urgency
    type_name: str
    subject: str
    drafter_name: str
    signer_name: str
    since: datetime
    return_reason: str


@dataclass(frozen=True, slots=True)
class Pile(Generic[Item]):
    """The first of what waits, and how much there is in all."""

    amount: int
    items: tuple[Item, ...]


_INCOMING = (
    "SELECT d.id, d.number, d.state, d.urgency, d.sender_name, d.code_number, d.code_notation, d.type_name, d.subject,"
    " d.arrived_at, d.due_date"
)
_OUTGOING = (
    "SELECT d.id, d.number, d.symbol, d.state, d.urgency, d.type_name, d.subject,"
    " (SELECT full_name FROM accounts WHERE id = d.drafter_id), d.signer_name,"
    " coalesce(d.sealed_at, d.numbered_at, d.signed_at, d.approved_at, d.submitted_at, d.drafted_at), d.return_reason"
)


def to_register(actor: Actor, rows: int = ROWS) -> Pile[IncomingItem]:
    """What has arrived and is in no book yet: urgent first, then the oldest. Source: NĐ 30/2020, Điều 4.2.c."""
    return _incoming(actor, "d.state = 'arrived'", "d.urgency DESC, d.id", rows)


def asked_by_senders(actor: Actor, rows: int = ROWS) -> Pile[Amendment]:
    """«Yêu cầu của nơi gửi»: what senders ask about their documents and the clerk is to answer, recalls first."""
    found = amendments.open_asked_of_us(actor, rows + 1)
    if len(found) <= rows:
        return Pile(len(found), tuple(found))
    amount = database.row(f"SELECT count(*) FROM amendments a WHERE {amendments.OPEN}")[0]
    return Pile(amount, tuple(found[:rows]))


def to_direct(actor: Actor, rows: int = ROWS) -> Pile[IncomingItem]:
    """What is registered and waits for a directing officer: urgent first. Source: NĐ 30/2020, Điều 23.1."""
    return _incoming(actor, "d.state = 'registered'", "d.urgency DESC, d.id", rows)


def overdue(actor: Actor, rows: int = ROWS) -> Pile[IncomingItem]:
    """What is past its due date and not completed: the longest first."""
    condition = (
        "d.due_date IS NOT NULL AND d.completed_at IS NULL AND d.due_date < :today"
        " AND d.state NOT IN ('recalled', 'taken-back')"
    )
    return _incoming(actor, condition, "d.due_date, d.id", rows)


def tasks_of(actor: Actor, limit: int = TASKS_AT_MOST) -> list[IncomingItem]:
    """The person's own unfinished parts, by due date; those without one come last."""
    found = database.rows(
        f"{_INCOMING.replace('d.due_date', 'a.due_date')}, a.part, a.direction"
        " FROM assignments a JOIN incoming d ON d.id = a.incoming_id"
        " WHERE a.account_id = ? AND a.state IN ('assigned', 'in-progress')"
        " ORDER BY a.due_date IS NULL, a.due_date, d.urgency DESC, d.id LIMIT ?",
        (actor.id, limit),
    )
    return [_incoming_item(row) for row in found]


def to_sign(actor: Actor, rows: int = ROWS) -> Pile[OutgoingItem]:
    """What this leader is to approve or sign: urgent first, then the oldest."""
    condition = "d.signer_id = :me AND d.state IN ('submitted', 'approved')"
    return _outgoing(actor, condition, "d.urgency DESC, d.id", rows)


def to_issue(actor: Actor, rows: int = ROWS) -> Pile[OutgoingItem]:
    """What is signed and waits for number and seal. Source: QĐ 28/2018, Điều 6.2 (the same day)."""
    return _outgoing(actor, "d.state IN ('signed', 'numbered')", "d.urgency DESC, d.id", rows)


def to_send(actor: Actor, rows: int = ROWS) -> Pile[OutgoingItem]:
    """What is issued and was sent to nobody yet."""
    condition = "d.state = 'issued' AND d.dispatched_at IS NULL AND d.medium = 'electronic'"
    return _outgoing(actor, condition, "d.urgency DESC, d.id", rows, index="outgoing_to_send")


def returned(actor: Actor, rows: int = ROWS) -> Pile[OutgoingItem]:
    """The person's own drafts that came back with a reason."""
    return _outgoing(actor, "d.drafter_id = :me AND d.state = 'returned'", "d.id", rows)


def quarantined() -> int:
    """How many packets could not be read and lie aside with their bytes, not yet seen by a clerk."""
    return int(database.row("SELECT count(*) FROM quarantine WHERE classified = 0 AND seen_at IS NULL")[0])


def _incoming(actor: Actor, condition: str, order: str, rows: int) -> Pile[IncomingItem]:
    amount, found = _pile(actor, "incoming", _INCOMING, condition, order, rows)
    return Pile(amount, tuple(_incoming_item(row) for row in found))


def _outgoing(actor: Actor, condition: str, order: str, rows: int, *, index: str = "") -> Pile[OutgoingItem]:
    amount, found = _pile(actor, "outgoing", _OUTGOING, condition, order, rows, index)
    return Pile(amount, tuple(_outgoing_item(row) for row in found))


def _pile(
    actor: Actor, table: visibility.OwnerTable, select: str, condition: str, order: str, rows: int, index: str = ""
) -> tuple[int, list[Any]]:
    # Most documents of a year are issued: without its partial index «to send» would read them all.
    hint = f" INDEXED BY {index}" if index else ""
    seen, parameters = visibility.predicate(actor, table)
    source = f"FROM {table} d{hint} WHERE {condition} AND {seen}"
    values = {**parameters, "me": actor.id, "today": clock.today().isoformat(), "rows": rows + 1}
    found = database.rows(f"{select} {source} ORDER BY {order} LIMIT :rows", values)
    if len(found) <= rows:
        return len(found), found
    return int(database.row(f"SELECT count(*) {source}", values)[0]), found[:rows]


def _incoming_item(row: Any) -> IncomingItem:
    return IncomingItem(
        row[0], row[1], IncomingState(row[2]), Urgency(row[3]), row[4],
        "/".join(part for part in row[5:7] if part), row[7], row[8], clock.from_text(row[9]),
        date.fromisoformat(row[10]) if row[10] else None, *row[11:],
    )  # fmt: skip


def _outgoing_item(row: Any) -> OutgoingItem:
    return OutgoingItem(
        row[0], row[1], row[2], OutgoingState(row[3]), Urgency(row[4]), row[5], row[6], row[7] or "", row[8],
        clock.from_text(row[9]), row[10],
    )  # fmt: skip
