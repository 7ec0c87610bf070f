"""Documents whose list of attempts has run out, in words: on the exchange's page and on the first one."""

from __future__ import annotations

from dataclasses import dataclass

from flask import current_app, url_for

from commune_portal import clock
from commune_portal.documents import exchange, stuck
from commune_portal.people.actors import Actor
from commune_portal.settings import Settings

URGENT_LABELS = {1: "Khẩn", 2: "Thượng khẩn", 3: "Hỏa tốc", 4: "Hỏa tốc hẹn giờ"}


@dataclass(frozen=True, slots=True)
class StuckLine:
    """A document that a person should bring on another way: what it is, where it leads, what was tried."""

    item: stuck.Stuck
    words: str
    url: str
    urgency: str


def stuck_lines(by: Actor, limit: int = stuck.ROWS) -> list[StuckLine]:
    """What waits for a person; one read while there is nothing."""
    settings: Settings = current_app.config["PORTAL_SETTINGS"]
    items = stuck.exhausted(by, clock.now(), settings.relay.retry_seconds, limit)
    known = exchange.subjects(by, [item.about for item in items]) if items else {}
    lines = []
    for item in items:
        subject = known.get(item.about)
        url = url_for("outgoing_issue.show", document=subject.id) if subject else ""
        words = subject.words if subject else item.about
        lines.append(StuckLine(item, words, url, URGENT_LABELS.get(item.urgency, "")))
    return lines
