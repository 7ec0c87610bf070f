"""When to try again, and whom first: pure functions of what the queue's rows say."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, time, timedelta

from commune_portal.clock import VIETNAM
from commune_portal.wire.envelope import Kind

JITTER = 0.25
CUSTOMARY = (time(8), time(10, 30), time(14), time(16))
"""When an office looks for post even if it is told to poll seldom, in Vietnam's time."""
LONGEST_SILENCE = timedelta(minutes=15)
"""However long a link has been dark, it is looked for again within this time."""
HOA_TOC = 3
SMALL_KINDS = frozenset({Kind.STATUS, Kind.RECEIPT, Kind.VECTOR, Kind.CHECKPOINT, Kind.FINDING})
FAILURES_TO_OPEN = 3


@dataclass(frozen=True, slots=True)
class NextAttempt:
    """When an item is tried again; `exhausted`: its list has run out and a person should hear of it."""

    at: datetime
    exhausted: bool


def next_attempt(attempts: int, now: datetime, delays_seconds: Sequence[float], draw: float) -> NextAttempt:
    """After `attempts` failures (one or more): the delay of that place in the list, spread by a quarter either way.

    `draw` is a random number from 0 to 1. Behind the list's end its last delay is kept, so nothing is given up.
    """
    place = min(max(attempts, 1), len(delays_seconds)) - 1
    delay = delays_seconds[place] * (1 - JITTER + 2 * JITTER * draw)
    return NextAttempt(now + timedelta(seconds=delay), attempts >= len(delays_seconds))


@dataclass(frozen=True, slots=True)
class Circuit:
    """What is known of one peer: failures in a row, and until when only silence helps."""

    failures: int = 0
    closed_until: datetime | None = None

    def permits(self, now: datetime) -> bool:
        """True when a contact may be tried; after the pause that is one probe, whose result decides."""
        return self.closed_until is None or now >= self.closed_until

    def after_success(self) -> Circuit:
        """The peer answered, even with a refusal."""
        return Circuit()

    def after_failure(
        self, now: datetime, delays_seconds: Sequence[float], draw: float, asked_seconds: float = 0.0
    ) -> Circuit:
        """The peer could not be reached; `asked_seconds` is the patience it asked for, if it did."""
        failures = self.failures + 1
        pause = timedelta(seconds=asked_seconds)
        if failures >= FAILURES_TO_OPEN:
            after = next_attempt(failures - FAILURES_TO_OPEN + 1, now, delays_seconds, draw)
            pause = max(pause, min(after.at - now, LONGEST_SILENCE))
        return replace(self, failures=failures, closed_until=now + pause if pause else None)


@dataclass(frozen=True, slots=True)
class Queued:
    """What the order of sending depends on."""

    message_id: str
    urgency: int
    kind: Kind
    queued_at: datetime
    next_at: datetime

    @property
    def rank(self) -> tuple[int, int, datetime, str]:
        """Smaller goes first: urgency, then small kinds before documents, then age. Hẹn giờ counts as hỏa tốc."""
        return (-min(self.urgency, HOA_TOC), 0 if self.kind in SMALL_KINDS else 1, self.queued_at, self.message_id)


def due(items: Iterable[Queued], now: datetime) -> list[Queued]:
    """Those whose time has come, in the order of sending."""
    return sorted((item for item in items if item.next_at <= now), key=lambda item: item.rank)


def interrupts(waiting: Queued, under_way: Queued) -> bool:
    """True when an item may take the link from a long upload: it is of a higher level of urgency."""
    return min(waiting.urgency, HOA_TOC) > min(under_way.urgency, HOA_TOC)


def contact_due(last_contact: datetime | None, now: datetime, poll_seconds: float) -> bool:
    """True when the peer should be asked; a clock that was set back does not silence the poll.

    However long the poll is set, the customary times of a day, two in the morning and two in the afternoon, are kept.
    """
    if last_contact is None or now < last_contact or now - last_contact >= timedelta(seconds=poll_seconds):
        return True
    return last_contact < last_customary(now) <= now


def last_customary(now: datetime) -> datetime:
    """The newest of the day's customary times that has come; before the first, the last of the day before."""
    local = now.astimezone(VIETNAM)
    today = [datetime.combine(local.date(), at, VIETNAM) for at in CUSTOMARY]
    past = [at for at in today if at <= local]
    return past[-1] if past else today[-1] - timedelta(days=1)
