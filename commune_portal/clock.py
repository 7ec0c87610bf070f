"""The only reader of the clock.

Instants are aware UTC datetimes with whole seconds; civil dates are those of Vietnam (UTC+7, a constant
offset, so that Windows needs no time-zone data). Tests and the demonstration set the time with `standing_at`.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta, timezone
from datetime import time as clock_time

VIETNAM = timezone(timedelta(hours=7), "+07:00")

_override: datetime | None = None
_guard = threading.Lock()
_made: tuple[int, datetime, str] = (-1, datetime.min.replace(tzinfo=UTC), "")


def now() -> datetime:
    """The present instant: aware UTC, whole seconds."""
    if _override is not None:
        return _override
    return _second()[0]


def today() -> date:
    """The present civil date in Vietnam."""
    return civil(now())


def civil(instant: datetime) -> date:
    """The civil date in Vietnam on which an instant falls."""
    return instant.astimezone(VIETNAM).date()


def bounds(first: date, last: date) -> tuple[str, str]:
    """The first instant of a stretch of civil days and the first one after it, as stored."""
    begins = datetime.combine(first, clock_time(), VIETNAM)
    ends = datetime.combine(last + timedelta(days=1), clock_time(), VIETNAM)
    return to_text(begins), to_text(ends)


def monotonic() -> float:
    """Seconds of a clock that never jumps; only differences mean anything."""
    return time.monotonic()


def to_text(instant: datetime) -> str:
    """An instant as stored and sent: `2026-11-21T02:00:00Z`, fixed width."""
    return instant.astimezone(UTC).replace(tzinfo=None).isoformat(timespec="seconds") + "Z"


def from_text(text: str) -> datetime:
    """Reads what `to_text` wrote; raises ValueError for anything else."""
    # A list of documents reads a hundred of these a page; `strptime` takes twenty times as long.
    if len(text) != 20 or text[4::3] != "--T::Z" or not text.isascii():
        raise ValueError(f"not an instant: {text[:40]!r}")
    return datetime.fromisoformat(text)


def now_text() -> str:
    """The present instant as stored text."""
    return to_text(_override) if _override is not None else _second()[1]


def _second() -> tuple[datetime, str]:
    """The present second as instant and text, made once a second: one act asks for it half a dozen times."""
    global _made
    second = int(time.time())
    made = _made
    if made[0] != second:
        instant = datetime.fromtimestamp(second, UTC)
        _made = made = (second, instant, to_text(instant))
    return made[1], made[2]


@contextmanager
def standing_at(instant: datetime) -> Iterator[None]:
    """Makes `now()` answer one given instant, for tests and for the demonstration's past year."""
    global _override
    if instant.tzinfo is None:
        raise ValueError("an instant needs a zone")
    with _guard:
        before, _override = _override, instant.astimezone(UTC).replace(microsecond=0)
    try:
        yield
    finally:
        with _guard:
            _override = before
