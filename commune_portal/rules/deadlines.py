"""Working days, mornings, and when a document is late; the calendar is always given, nothing reads a clock."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, timezone
from enum import StrEnum

from commune_portal.errors import Malformed
from commune_portal.rules.kinds import Urgency

VIETNAM = timezone(timedelta(hours=7), "+07:00")
"""A constant offset; the country has no summer time."""

SATURDAY = 5
MOST_WORKING_DAYS = 1000


@dataclass(frozen=True, slots=True)
class Calendar:
    """The office's days: holidays off, weekend days worked in exchange (hoán đổi), the end of a morning."""

    holidays: frozenset[date] = frozenset()
    worked_days: frozenset[date] = frozenset()
    morning_ends: time = time(11, 30)


class DueClass(StrEnum):
    """How near a due date is."""

    OVERDUE = "overdue"
    TODAY = "today"
    TOMORROW = "tomorrow"
    THIS_WEEK = "this-week"
    LATER = "later"
    NONE = "none"

    @property
    def label(self) -> str:
        """The words that people read."""
        return _DUE_LABELS[self]


_DUE_LABELS = {
    DueClass.OVERDUE: "Quá hạn",
    DueClass.TODAY: "Hạn hôm nay",
    DueClass.TOMORROW: "Hạn ngày mai",
    DueClass.THIS_WEEK: "Hạn trong tuần",
    DueClass.LATER: "Còn hạn",
    DueClass.NONE: "Không có hạn",
}


def is_working_day(day: date, calendar: Calendar) -> bool:
    """Whether the office works on a day: Monday to Friday but holidays, and the weekend days worked in exchange.

    Source: Bộ luật Lao động 2019, Điều 111-112 (recalled, not checked); swapped days are announced yearly.
    """
    return day in calendar.worked_days or (day.weekday() < SATURDAY and day not in calendar.holidays)


def next_working_day(day: date, calendar: Calendar) -> date:
    """The first working day after a day.

    Source: NĐ 30/2020, Điều 4.2.c (“ngày làm việc tiếp theo”).
    """
    following = day + timedelta(days=1)
    while not is_working_day(following, calendar):
        following += timedelta(days=1)
    return following


def add_working_days(day: date, amount: int, calendar: Calendar) -> date:
    """The day that is a number of working days later; none later is the day itself.

    Source: NĐ 30/2020, Điều 24 leaves terms to the office's regulation, which counts in working days.
    """
    if not 0 <= amount <= MOST_WORKING_DAYS:
        raise Malformed(f"Số ngày làm việc phải từ 0 đến {MOST_WORKING_DAYS}.", field="due_date")
    for _ in range(amount):
        day = next_working_day(day, calendar)
    return day


def must_be_sent_by(signed: datetime, calendar: Calendar) -> datetime:
    """The last instant (UTC) to send a document that was signed then: the end of the next working morning.

    An urgent one must go at once, for which the law counts no hours; this is its outermost bound too.

    Source: QĐ 28/2018, Điều 6.2; NĐ 30/2020, Điều 18.1 is milder (the next working day).
    """
    morning = next_working_day(_civil(signed), calendar)
    return datetime.combine(morning, calendar.morning_ends, VIETNAM).astimezone(UTC)


def is_sent_late(signed: datetime, sent: datetime | None, now: datetime, calendar: Calendar) -> bool:
    """Whether a document went, or while unsent would go now, after its last instant.

    Source: QĐ 28/2018, Điều 6.2.
    """
    return (sent or now) > must_be_sent_by(signed, calendar)


def must_be_registered_by(arrived: datetime, urgency: Urgency, calendar: Calendar) -> date:
    """The last day to register and submit what arrived: the next working day; an urgent one the same day.

    Source: NĐ 30/2020, Điều 4.2.c and Điều 23.1 (urgent: at once, here the same civil day).
    """
    day = _civil(arrived)
    return day if urgency is not Urgency.NORMAL else next_working_day(day, calendar)


def is_registered_late(
    arrived: datetime, registered: datetime | None, today: date, urgency: Urgency, calendar: Calendar
) -> bool:
    """Whether a document was registered, or while waiting would be today, after its last day.

    Source: NĐ 30/2020, Điều 4.2.c.
    """
    day = _civil(registered) if registered is not None else today
    return day > must_be_registered_by(arrived, urgency, calendar)


def due_class(due: date | None, today: date) -> DueClass:
    """How near a due date is; the week ends on Sunday.

    Source: NĐ 30/2020, Phụ lục VI, III.1.l and III.1.m (tracking and chasing to the deadline).
    """
    if due is None:
        return DueClass.NONE
    days = (due - today).days
    if days < 0:
        return DueClass.OVERDUE
    if days <= 1:
        return DueClass.TOMORROW if days else DueClass.TODAY
    return DueClass.THIS_WEEK if days <= 6 - today.weekday() else DueClass.LATER


def days_late(due: date | None, finished_or_today: date) -> int:
    """Civil days after the due date, 0 when in time or when there is none.

    Source: NĐ 30/2020, Phụ lục VI, III.1.l.
    """
    return 0 if due is None else max(0, (finished_or_today - due).days)


def _civil(instant: datetime) -> date:
    """The civil date in Vietnam on which an instant falls."""
    return instant.astimezone(VIETNAM).date()
