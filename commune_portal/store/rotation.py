"""Which old backups may go: the newest of each of the last days, weeks and months stay."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

AHEAD = timedelta(hours=26)
"""What lies further ahead than this was stamped by a clock that was wrong, then or now."""
_STAMP = re.compile(r"-(\d{8}-\d{6})(?:-\d+)?\.zip(?:\.age)?$")


@dataclass(frozen=True, slots=True)
class Keep:
    """How many days, weeks and months keep their newest backup."""

    daily: int = 7
    weekly: int = 4
    monthly: int = 12


def stamp_of(name: str) -> datetime | None:
    """When a backup was made, in the local time that its name carries; None for another file."""
    found = _STAMP.search(name)
    try:
        return datetime.strptime(found.group(1), "%Y%m%d-%H%M%S") if found else None  # noqa: DTZ007 - civil time
    except ValueError:
        return None


def superfluous(names: Iterable[str], keep: Keep, now: datetime, always: Collection[str] = ()) -> list[str]:
    """The names that may go, oldest first; `now` is local, `always` stay whatever their age.

    Files from the future are left out of the count and left alone: after a clock was set back they would otherwise
    push out every honest one.
    """
    stamped = sorted((stamp, name) for name in names if (stamp := stamp_of(name)) is not None and stamp <= now + AHEAD)
    stamped.reverse()
    kept = set(always)
    periods: tuple[tuple[int, Callable[[datetime], object]], ...] = (
        (keep.daily, datetime.date),
        (keep.weekly, lambda stamp: stamp.isocalendar()[:2]),
        (keep.monthly, lambda stamp: (stamp.year, stamp.month)),
    )
    for amount, period in periods:
        newest: dict[object, str] = {}
        for stamp, name in stamped:
            newest.setdefault(period(stamp), name)
        kept |= set(list(newest.values())[:amount])
    return [name for _, name in reversed(stamped) if name not in kept]
