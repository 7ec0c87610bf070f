"""The hỏa tốc watch: whom to telephone about what has gone and is not accepted, the calls, and what came to us so.

The watch reads receipts and statuses and never moves one; a call is a note of its own. When to call is `rules.calls`.
Source: QĐ 28/2018, Điều 6.2, 8.2; NĐ 30/2020, Điều 4.2.c.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from commune_portal import clock
from commune_portal.errors import Malformed, NotFound, RuleBroken
from commune_portal.people import office_rules
from commune_portal.people.actors import Actor
from commune_portal.rules import calls, folding, numbering
from commune_portal.rules.acts import Act
from commune_portal.rules.calls import CallOutcome, Missing, Watched
from commune_portal.rules.permissions import Verb
from commune_portal.store import database, installation, journal

LONGEST_PHONE = 40
LONGEST_NAME = 200
LONGEST_NOTE = 2000
ARRIVALS_SHOWN = 20


@dataclass(frozen=True, slots=True)
class Attempts:
    """What the relay did for one recipient: the proof that we tried."""

    amount: int
    waiting: bool
    last_reason: str
    next_attempt_at: datetime | None


@dataclass(frozen=True, slots=True)
class Call:
    """One call about a document, as pages show it."""

    recipient_id: int
    organ_name: str
    phone: str
    spoke_to: str
    outcome: CallOutcome
    note: str
    called_at: datetime
    called_by: str


@dataclass(frozen=True, slots=True)
class CallTask:
    """Somebody to telephone about one hỏa tốc document: who, which number, what to say, what was tried."""

    recipient_id: int
    outgoing_id: int
    organ_code: str
    organ_name: str
    phone: str
    code: str
    type_name: str
    subject: str
    deliver_by: datetime | None
    sent_at: datetime
    delivered_at: datetime | None
    arrived_at: datetime | None
    missing: Missing
    due_at: datetime
    script: tuple[str, ...]
    attempts: Attempts
    calls: tuple[Call, ...]


@dataclass(frozen=True, slots=True)
class FlashArrival:
    """A hỏa tốc document that has come and is not accepted yet."""

    id: int
    code: str
    type_name: str
    subject: str
    sender_name: str
    arrived_at: datetime
    deliver_by: datetime | None
    is_late: bool


# Status 01, or the receiver's own receipt, says that it is there; 03 and later that it was accepted.
_WATCHED = (
    "SELECT r.id, o.id, r.organ_code, r.organ_name, o.number, o.symbol, o.type_name, o.subject, o.deliver_by,"
    " r.queued_at, r.delivered_at, r.message_id, o.issuer_id,"
    " coalesce((SELECT min(x.stored_at) FROM receipts x WHERE x.given = 0 AND x.message_id = r.message_id"
    "  AND x.peer_code = r.organ_code), CASE WHEN r.status = '01' THEN r.status_at END),"
    " (SELECT max(c.called_at) FROM calls c WHERE c.recipient_id = r.id AND c.outcome <> 'no-answer'"
    "  AND c.called_at <= :latest)"
    " FROM outgoing o INDEXED BY outgoing_flash JOIN recipients r ON r.outgoing_id = o.id"
    " WHERE o.urgency = 3 AND o.dispatched_at IS NOT NULL AND o.state = 'issued'"
    " AND r.refused_at IS NULL AND r.status IN ('', '01')"
)


def to_call(actor: Actor, now: datetime) -> list[CallTask]:
    """Whom to telephone now, the appointed hours first, then the longest waiting."""
    actor.require(Verb.EXCHANGE_CALL)
    due = _due(now)
    made = _calls_by_recipient([row[0] for row, _, _ in due])
    tasks = [_task(row, watched, at, made.get(row[0], ())) for row, watched, at in due]
    return sorted(tasks, key=lambda task: (task.deliver_by is None, task.deliver_by or task.due_at, task.recipient_id))


def amount_to_call(now: datetime) -> int:
    """How many calls are due, for the menu of every page."""
    return len(_due(now))


def task(actor: Actor, recipient_id: int) -> CallTask:
    """One recipient that is being watched, whether a call is due yet or not; raises NotFound for any other."""
    actor.require(Verb.EXCHANGE_CALL)
    now = clock.now()
    rows = database.rows(f"{_WATCHED} AND r.id = :id", {"id": recipient_id, "latest": _latest(now)})
    if not rows:
        raise NotFound("Nơi nhận này không còn phải gọi: đã tiếp nhận, đã trả lại, hoặc văn bản không phải hỏa tốc.")
    watched = _watched(rows[0])
    at = calls.call_due_at(watched, office_rules.call_limits(clock.today()), now)
    assert at is not None
    return _task(rows[0], watched, at, tuple(_calls_by_recipient([recipient_id]).get(recipient_id, ())))


def record_call(
    actor: Actor, recipient_id: int, *, phone: str, spoke_to: str, outcome: CallOutcome, note: str = ""
) -> None:
    """Notes a call; the first number that somebody answered is kept in the directory for the next time.

    The call moves no state: whether the document is there, receipts and statuses say.
    """
    actor.require(Verb.EXCHANGE_CALL)
    concerned = database.row(
        "SELECT o.uid, o.urgency, r.organ_code, r.organ_name FROM recipients r JOIN outgoing o ON o.id = r.outgoing_id"
        " WHERE r.id = ?",
        (recipient_id,),
    )
    if concerned is None:
        raise NotFound
    uid, urgency, organ_code, organ_name = concerned
    if urgency != 3:
        raise RuleBroken("Chỉ ghi cuộc gọi cho văn bản hỏa tốc.")
    phone = _line(phone, LONGEST_PHONE, "phone", "Số điện thoại")
    spoke_to = _line(spoke_to, LONGEST_NAME, "spoke_to", "Người nghe máy")
    note = folding.clean_text(note)[:LONGEST_NOTE]
    _require_enough(phone, spoke_to, outcome, note)
    with database.transaction() as work:
        work.insert(
            "calls",
            {"recipient_id": recipient_id, "phone": phone, "spoke_to": spoke_to, "outcome": outcome, "note": note,
             "called_at": clock.now_text(), "called_by": actor.id},
        )  # fmt: skip
        if outcome is CallOutcome.REACHED:
            work.execute("UPDATE organisations SET phone = ? WHERE code = ? AND phone = ''", (phone, organ_code))
        journal.write(
            work, Act.CALLED, actor.uid, about=f"outgoing:{uid}", facts={"recipient": organ_code, "outcome": outcome},
            texts={"recipients": organ_name, "handler": spoke_to, "note": " · ".join(filter(None, (phone, note))),
                   "actor_name": actor.full_name},
        )  # fmt: skip


def _require_enough(phone: str, spoke_to: str, outcome: CallOutcome, note: str) -> None:
    if outcome is CallOutcome.OTHER_WAY:
        if not note:
            raise Malformed("Hãy ghi đã báo bằng cách nào: cử người sang, nhắn tin, bộ đàm…", field="note")
        return
    if sum(sign.isdigit() for sign in phone) < 3:
        raise Malformed("Hãy ghi số điện thoại đã gọi.", field="phone")
    if outcome is CallOutcome.REACHED and not spoke_to:
        raise Malformed("Hãy ghi họ tên, chức vụ người nghe máy.", field="spoke_to")


def _line(text: str, longest: int, field: str, label: str) -> str:
    line = folding.clean_line(text)
    if len(line) > longest:
        raise Malformed(f"{label}: dài quá {longest} ký tự.", field=field)
    return line


def calls_of(outgoing_id: int) -> list[Call]:
    """Every call about a document, newest first; who may see the document may see them."""
    found = database.rows(f"{_CALLS} WHERE r.outgoing_id = ? ORDER BY c.id DESC", (outgoing_id,))
    return [_call(row) for row in found]


def watched_recipients(outgoing_id: int) -> frozenset[int]:
    """The recipients of a document that may still have to be called."""
    found = database.rows(f"{_WATCHED} AND o.id = :id", {"id": outgoing_id, "latest": ""})
    return frozenset(row[0] for row in found)


def flash_arrivals(actor: Actor) -> list[FlashArrival]:
    """Hỏa tốc documents that wait to be accepted, the appointed hours first; nothing for whoever may not see them."""
    if not (actor.may(Verb.INCOMING_REGISTER) or actor.may(Verb.INCOMING_ASSIGN)):
        return []
    now = clock.now()
    found = database.rows(
        "SELECT id, code_number, code_notation, type_name, subject, sender_name, arrived_at, deliver_by FROM incoming"
        " WHERE state = 'arrived' AND urgency = 3 ORDER BY deliver_by IS NULL, deliver_by, id LIMIT ?",
        (ARRIVALS_SHOWN,),
    )
    return [
        FlashArrival(
            row[0], "/".join(part for part in row[1:3] if part), row[3], row[4], row[5], clock.from_text(row[6]),
            _instant(row[7]), bool(row[7]) and clock.from_text(row[7]) < now,
        )
        for row in found
    ]  # fmt: skip


def _due(now: datetime) -> list[tuple[Any, Watched, datetime]]:
    rows = database.rows(_WATCHED, {"latest": _latest(now)})
    if not rows:
        return []
    limits = office_rules.call_limits(clock.civil(now))
    found = []
    for row in rows:
        watched = _watched(row)
        at = calls.call_due_at(watched, limits, now)
        if at is not None and at <= now:
            found.append((row, watched, at))
    return found


def _latest(now: datetime) -> str:
    """Calls from further ahead were written before the clock was set back; they must not hide an honest one."""
    return clock.to_text(now + calls.FUTURE_TOLERANCE)


def _watched(row: Any) -> Watched:
    return Watched(
        sent_at=clock.from_text(row[9]),
        delivered_at=_instant(row[10]),
        arrived_at=_instant(row[13]),
        deliver_by=_instant(row[8]),
        told_at=_instant(row[14]),
    )


def _task(row: Any, watched: Watched, due_at: datetime, made: Sequence[Call]) -> CallTask:
    lacking = calls.missing(watched)
    assert lacking is not None
    width = office_rules.numbering_rules(clock.today(), row[12]).zero_width
    code = numbering.number_and_symbol(row[4], row[5], width)
    phone = database.row("SELECT phone FROM organisations WHERE code = ?", (row[2],))
    return CallTask(
        recipient_id=row[0],
        outgoing_id=row[1],
        organ_code=row[2],
        organ_name=row[3],
        phone=phone[0] if phone else "",
        code=code,
        type_name=row[6],
        subject=row[7],
        deliver_by=watched.deliver_by,
        sent_at=watched.sent_at,
        delivered_at=watched.delivered_at,
        arrived_at=watched.arrived_at,
        missing=lacking,
        due_at=due_at,
        script=calls.script(
            own_name=installation.own().name, organ_name=row[3], code=code, type_name=row[6], subject=row[7],
            sent_at=watched.sent_at, deliver_by=watched.deliver_by, lacking=lacking,
        ),
        attempts=_attempts(row[11]),
        calls=tuple(made),
    )  # fmt: skip


def _attempts(message_id: str) -> Attempts:
    row = database.row(
        "SELECT attempts, state, last_reason, next_attempt_at FROM outbox WHERE message_id = ?", (message_id,)
    )
    if row is None:
        return Attempts(0, waiting=False, last_reason="", next_attempt_at=None)
    waiting = row[1] == "ready"
    return Attempts(row[0], waiting, row[2], clock.from_text(row[3]) if waiting else None)


_CALLS = (
    "SELECT c.recipient_id, r.organ_name, c.phone, c.spoke_to, c.outcome, c.note, c.called_at, a.full_name"
    " FROM calls c JOIN recipients r ON r.id = c.recipient_id JOIN accounts a ON a.id = c.called_by"
)


def _calls_by_recipient(recipient_ids: Sequence[int]) -> dict[int, list[Call]]:
    made: dict[int, list[Call]] = {}
    if recipient_ids:
        marks = ", ".join("?" for _ in recipient_ids)
        for row in database.rows(f"{_CALLS} WHERE c.recipient_id IN ({marks}) ORDER BY c.id DESC", recipient_ids):
            made.setdefault(row[0], []).append(_call(row))
    return made


def _call(row: Any) -> Call:
    return Call(row[0], row[1], row[2], row[3], CallOutcome(row[4]), row[5], clock.from_text(row[6]), row[7])


def _instant(text: str | None) -> datetime | None:
    return clock.from_text(text) if text else None
