"""What stands around one incoming document: its neighbours in a list, the statuses sent back, possible answers."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime

from commune_portal import clock
from commune_portal.documents import lists, visibility
from commune_portal.documents.lists import IncomingTab, OutgoingLine, OutgoingTab
from commune_portal.errors import Malformed
from commune_portal.people.actors import Actor
from commune_portal.rules.acts import Act
from commune_portal.rules.statuses import OutgoingState, StatusCode
from commune_portal.store import database
from commune_portal.wire import envelope as envelopes

ANSWERS_SHOWN = 20
NEWEST_LOOKED_THROUGH = 5000

_CODE_OF_ACT = {
    Act.INCOMING_ARRIVED: StatusCode.ARRIVED,
    Act.INCOMING_REFUSED: StatusCode.REFUSED,
    Act.INCOMING_REGISTERED: StatusCode.REGISTERED,
    Act.INCOMING_ASSIGNED: StatusCode.ASSIGNED,
    Act.INCOMING_STARTED: StatusCode.IN_PROGRESS,
    Act.INCOMING_COMPLETED: StatusCode.COMPLETED,
}


@dataclass(frozen=True, slots=True)
class SentStatus:
    """A status that we told the sender: queued, delivered to the node, or refused by it."""

    code: StatusCode | None
    queued_at: datetime
    state: str
    closed_at: datetime | None
    attempts: int
    next_attempt_at: datetime
    last_reason: str


@dataclass(frozen=True, slots=True)
class Neighbours:
    """The documents beside one in a list, newest first: the one above it and the one below it."""

    above: int | None
    below: int | None


def sent_statuses(about: str, message_id: str) -> list[SentStatus]:
    """What was told to the sender about a document, in order; nothing for what came by hand.

    An envelope carries the journal's size at its act, so that line says which act it was.
    """
    if not message_id:
        return []
    found = database.rows(
        "SELECT envelope, queued_at, state, closed_at, attempts, next_attempt_at, last_reason FROM outbox"
        " WHERE about = ? AND about <> '' ORDER BY id",
        (about,),
    )
    acts = {
        int(row[0]): Act(row[1])
        for row in database.rows("SELECT seq, json_extract(body, '$.act') FROM journal WHERE object = ?", (about,))
    }
    return [
        SentStatus(
            _CODE_OF_ACT.get(acts.get(_line_of(row[0]), Act.EXPORTED)), clock.from_text(row[1]), row[2],
            clock.from_text(row[3]) if row[3] else None, row[4], clock.from_text(row[5]), row[6],
        )
        for row in found
    ]  # fmt: skip


def _line_of(envelope: str) -> int:
    try:
        return envelopes.parse_unverified(envelope.encode()).checkpoint.size
    except (Malformed, json.JSONDecodeError):
        return 0


def neighbours(actor: Actor, row_id: int, tab: IncomingTab = IncomingTab.ALL) -> Neighbours:
    """The documents beside one, of those that stand in a tab and that this person may see."""
    seen, parameters = visibility.predicate(actor, "incoming")
    condition = f"{lists._INCOMING_CONDITIONS[tab]} AND {seen}"
    values = {**parameters, "id": row_id, "today": clock.today().isoformat()}
    above = database.row(f"SELECT d.id FROM incoming d WHERE d.id > :id AND {condition} ORDER BY d.id LIMIT 1", values)
    below = database.row(
        f"SELECT d.id FROM incoming d WHERE d.id < :id AND {condition} ORDER BY d.id DESC LIMIT 1", values
    )
    return Neighbours(above[0] if above else None, below[0] if below else None)


def possible_answers(actor: Actor, row_id: int, query: str = "") -> list[OutgoingLine]:
    """Issued documents that could answer this one: those drafted as its answer first, then the newest that fit."""
    drafted = _drafted_as_answer(actor, row_id) if not query else []
    found = lists.outgoing_page(actor, OutgoingTab.ISSUED, query=query, rows=ANSWERS_SHOWN).lines
    known = {line.id for line in drafted}
    return (drafted + [line for line in found if line.id not in known])[:ANSWERS_SHOWN]


def _drafted_as_answer(actor: Actor, row_id: int) -> list[OutgoingLine]:
    seen, parameters = visibility.predicate(actor, "outgoing")
    # No index leads there; whoever answers does so among the newest documents.
    found = database.rows(
        f"{lists._OUTGOING} FROM outgoing d WHERE d.id > (SELECT coalesce(max(id), 0) FROM outgoing) - :newest"
        f" AND d.answers_id = :answers AND d.state = :issued AND {seen} ORDER BY d.id DESC LIMIT 5",
        {
            **parameters,
            "newest": NEWEST_LOOKED_THROUGH,
            "answers": row_id,
            "issued": OutgoingState.ISSUED.value,
        },
    )
    return [lists._outgoing_line(row) for row in found]
