"""Documents whose list of attempts has run out: a person calls, sends paper, or carries a bag; the relay goes on too.

Nothing here has failed: it is not confirmed yet. An attempt is one of the document itself, or, while the node cannot be
reached at all, one of the link.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from commune_portal import clock
from commune_portal.people.actors import Actor
from commune_portal.rules.permissions import Verb
from commune_portal.store import database

ROWS = 50


@dataclass(frozen=True, slots=True)
class Stuck:
    """A document that waits for a person, with the proof of what was tried."""

    message_id: str
    about: str
    recipient_id: int | None
    recipient_name: str
    urgency: int
    queued_at: datetime
    attempts: int
    first_attempt_at: datetime
    last_attempt_at: datetime | None
    last_reason: str
    called_at: datetime | None


def exhausted(actor: Actor, now: datetime, delays_seconds: Sequence[float], limit: int = ROWS) -> list[Stuck]:
    """What the schedule has not brought to the node in the time that its whole list takes; the most urgent first.

    While the installation is not linked to a node nothing is tried, so nothing is exhausted.
    """
    actor.require(Verb.EXCHANGE_SEE)
    found = database.rows(
        "SELECT o.message_id, o.about, r.id, coalesce(r.organ_name, o.recipient_code), o.urgency, o.queued_at,"
        " o.attempts + c.failures, coalesce(o.first_attempt_at, o.queued_at),"
        " max(coalesce(o.last_attempt_at, ''), coalesce(c.last_attempt_at, '')),"
        " CASE WHEN o.last_reason <> '' THEN o.last_reason ELSE c.last_reason END,"
        " (SELECT max(called_at) FROM calls WHERE recipient_id = r.id)"
        " FROM outbox o LEFT JOIN recipients r ON r.message_id = o.message_id"
        " JOIN peers p ON p.id = (SELECT max(id) FROM peers) JOIN contacts c ON c.peer_code = p.code"
        " WHERE o.state = 'ready' AND o.kind = 'edoc' AND o.queued_at <= :before"
        " AND (o.attempts >= :list OR c.failures >= :list) ORDER BY o.urgency DESC, o.id LIMIT :limit",
        {"before": clock.to_text(now - timedelta(seconds=sum(delays_seconds))), "list": len(delays_seconds),
         "limit": limit},
    )  # fmt: skip
    return [
        Stuck(
            row[0], row[1], row[2], row[3], row[4], clock.from_text(row[5]), row[6], clock.from_text(row[7]),
            clock.from_text(row[8]) if row[8] else None, row[9], clock.from_text(row[10]) if row[10] else None,
        )
        for row in found
    ]  # fmt: skip
