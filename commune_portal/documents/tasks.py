"""Handling: direct and assign, start, complete; each answers its status to the sender.

Source: NĐ 30/2020, Điều 23-24.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

from commune_portal import clock
from commune_portal.documents import amendments, answers, incoming, visibility
from commune_portal.errors import Malformed, RuleBroken
from commune_portal.people import accounts
from commune_portal.people.actors import Actor
from commune_portal.rules import folding, statuses
from commune_portal.rules.acts import Act
from commune_portal.rules.permissions import Verb
from commune_portal.rules.statuses import IncomingAct, OutgoingState
from commune_portal.store import database, journal


@dataclass(frozen=True, slots=True)
class Assignment:
    """One person's part in handling a document; `part` is `lead` (chủ trì) or `support` (phối hợp)."""

    id: int
    account_id: int
    full_name: str
    part: str
    direction: str
    due_date: date | None
    assigned_by: str
    assigned_at: datetime
    state: str
    started_at: datetime | None
    completed_at: datetime | None
    result: str


def assign(
    actor: Actor,
    row_id: int,
    *,
    lead: int,
    supports: Sequence[int] = (),
    direction: str = "",
    due_date: date | None = None,
) -> None:
    """Names who leads, who supports, what to do and until when; directing anew replaces the standing parts.

    Answers 04 the first time. Source: NĐ 30/2020, Điều 23.2.
    """
    visibility.require(actor, Verb.INCOMING_ASSIGN, "incoming", row_id)
    now = incoming.get(row_id)
    state = statuses.next_incoming(now.state, IncomingAct.ASSIGN)
    amendments.refuse_frozen(row_id)
    if lead in supports:
        raise Malformed("Người chủ trì không đồng thời là người phối hợp.", field="supports")
    if due_date is not None and now.arrival_date is not None and due_date < now.arrival_date:
        raise Malformed("Hạn xử lý không được trước ngày đến.", field="due_date")
    people = [accounts.actor(account_id) for account_id in (lead, *dict.fromkeys(supports))]
    direction = folding.clean_text(direction)
    first = state is not now.state
    answer = answers.prepare(actor, incoming.concerned(now), statuses.status_for(IncomingAct.ASSIGN)) if first else None
    at = clock.now_text()
    with database.transaction() as work:
        amendments.require_free(work, row_id)
        standing = work.execute(
            "SELECT id FROM assignments WHERE incoming_id = ? AND state IN ('assigned', 'in-progress')", (row_id,)
        ).fetchall()
        for (assignment_id,) in standing:
            work.update("assignments", assignment_id, {"state": "replaced", "completed_at": at})
        for person in people:
            work.insert(
                "assignments",
                {
                    "incoming_id": row_id,
                    "account_id": person.id,
                    "part": "lead" if person.id == lead else "support",
                    "direction": direction,
                    "due_date": due_date.isoformat() if due_date else None,
                    "assigned_by": actor.id,
                    "assigned_at": at,
                    "state": "assigned",
                },
            )
        work.update(
            "incoming",
            row_id,
            {
                "state": state,
                "due_date": due_date.isoformat() if due_date else None,
                "recipient_name": people[0].full_name,
            },
            expected={"state": now.state},
        )
        checkpoint = journal.write(
            work, Act.INCOMING_ASSIGNED, actor.uid, about=now.about, before=now.state, after=state,
            dates={"due": due_date.isoformat() if due_date else None},
            facts={"handlers": [person.uid for person in people], "requires_handling": 1},
            texts={"direction": direction, "handler": "; ".join(person.full_name for person in people),
                   "actor_name": actor.full_name},
        )  # fmt: skip
        answers.queue(work, answer, checkpoint)


def start(actor: Actor, row_id: int) -> None:
    """A handler begins; answers 05."""
    visibility.require(actor, Verb.INCOMING_START, "incoming", row_id)
    now = incoming.get(row_id)
    state = statuses.next_incoming(now.state, IncomingAct.START)
    amendments.refuse_frozen(row_id)
    answer = answers.prepare(actor, incoming.concerned(now), statuses.status_for(IncomingAct.START))
    at = clock.now_text()
    with database.transaction() as work:
        amendments.require_free(work, row_id)
        for (assignment_id,) in work.execute(
            "SELECT id FROM assignments WHERE incoming_id = ? AND account_id = ? AND state = 'assigned'",
            (row_id, actor.id),
        ).fetchall():
            work.update("assignments", assignment_id, {"state": "in-progress", "started_at": at})
        work.update("incoming", row_id, {"state": state}, expected={"state": now.state})
        checkpoint = journal.write(
            work, Act.INCOMING_STARTED, actor.uid, about=now.about, before=now.state, after=state,
            texts={"handler": actor.full_name, "actor_name": actor.full_name},
        )  # fmt: skip
        answers.queue(work, answer, checkpoint)


def complete(actor: Actor, row_id: int, *, result: str = "", answered_by: int | None = None) -> None:
    """The handling ends, with the document that answers it where there is one; answers 06.

    Source: NĐ 30/2020, Điều 24; Phụ lục IV (số, ký hiệu văn bản trả lời).
    """
    visibility.require(actor, Verb.INCOMING_COMPLETE, "incoming", row_id)
    now = incoming.get(row_id)
    state = statuses.next_incoming(now.state, IncomingAct.COMPLETE)
    amendments.refuse_frozen(row_id)
    result = folding.clean_text(result)
    answering = _answering(actor, answered_by)
    if not result and not answering:
        raise Malformed("Hãy ghi kết quả xử lý hoặc chọn văn bản trả lời.", field="result")
    answer = answers.prepare(actor, incoming.concerned(now), statuses.status_for(IncomingAct.COMPLETE), result[:200])
    at = clock.now_text()
    with database.transaction() as work:
        amendments.require_free(work, row_id)
        for (assignment_id,) in work.execute(
            "SELECT id FROM assignments WHERE incoming_id = ? AND state IN ('assigned', 'in-progress')", (row_id,)
        ).fetchall():
            work.update("assignments", assignment_id, {"state": "completed", "completed_at": at, "result": result})
        work.update(
            "incoming",
            row_id,
            {"state": state, "completed_at": at, "answered_by": answered_by},
            expected={"state": now.state},
        )
        checkpoint = journal.write(
            work, Act.INCOMING_COMPLETED, actor.uid, about=now.about, before=now.state, after=state,
            dates={"completed": clock.today().isoformat()},
            texts={"note": result, "answered_by": answering, "actor_name": actor.full_name},
        )  # fmt: skip
        answers.queue(work, answer, checkpoint)


def _answering(actor: Actor, answered_by: int | None) -> str:
    if answered_by is None:
        return ""
    visibility.require(actor, Verb.OUTGOING_SEE, "outgoing", answered_by)
    row = database.row("SELECT state, number, symbol FROM outgoing WHERE id = ?", (answered_by,))
    if row is None or row[0] != OutgoingState.ISSUED:
        raise RuleBroken("Văn bản trả lời phải là văn bản đi đã phát hành.", field="answered_by")
    return f"{row[1]:02d}/{row[2]}"


def assignments_of(row_id: int) -> list[Assignment]:
    """Who was directed to do what, newest directing first, replaced ones too."""
    found = database.rows(
        "SELECT a.id, a.account_id, p.full_name, a.part, a.direction, a.due_date, b.full_name, a.assigned_at, a.state,"
        " a.started_at, a.completed_at, a.result FROM assignments a JOIN accounts p ON p.id = a.account_id"
        " JOIN accounts b ON b.id = a.assigned_by WHERE a.incoming_id = ?"
        " ORDER BY a.state = 'replaced', a.assigned_at DESC, a.part, a.id",
        (row_id,),
    )
    assignments = []
    for row in found:
        values = list(row)
        values[5] = date.fromisoformat(row[5]) if row[5] else None
        for position in (7, 9, 10):
            values[position] = clock.from_text(row[position]) if row[position] else None
        assignments.append(Assignment(*values))
    return assignments
