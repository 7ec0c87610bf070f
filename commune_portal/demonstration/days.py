"""The days of the demonstrated year: working days before today, an office's hours, what a subject's braces mean."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

from commune_portal import clock
from commune_portal.demonstration import subjects
from commune_portal.rules import deadlines
from commune_portal.rules.deadlines import Calendar

DAYS_OF_YEAR = 365
MINUTES_OF_DAY = (*range(460, 690), *range(815, 1000))
"""The minutes at which an office works: 7.40 to 11.30 and 13.35 to 16.40."""


def calendar_around(today: date) -> Calendar:
    """The country's days off around a day; the offices of the demonstration have confirmed them."""
    import holidays

    known = holidays.country_holidays("VN", years=range(today.year - 2, today.year + 2))
    return Calendar(frozenset(known), frozenset(getattr(known, "weekend_workdays", ())))


@dataclass(frozen=True, slots=True)
class Days:
    """The working days from a year ago to yesterday, and the calendar that says which they are."""

    today: date
    working: tuple[date, ...]
    calendar: Calendar

    @property
    def last(self) -> date:
        """The working day before today."""
        return self.working[-1]

    def after(self, day: date, amount: int) -> date:
        """The day that is so many working days later."""
        return deadlines.add_working_days(day, amount, self.calendar)

    def back(self, amount: int) -> date:
        """The working day so many working days before today; 1 is the last one."""
        return self.working[-amount]


def days_before(today: date, amount: int = DAYS_OF_YEAR) -> Days:
    """The working days of so many days before today."""
    calendar = calendar_around(today)
    passed = (today - timedelta(days=back) for back in range(amount, 0, -1))
    return Days(today, tuple(day for day in passed if deadlines.is_working_day(day, calendar)), calendar)


def at(day: date, minute: int) -> datetime:
    """The instant of a minute of a Vietnamese day."""
    midnight = datetime.combine(day, time(), clock.VIETNAM)
    return (midnight + timedelta(minutes=minute)).astimezone(UTC)


def some_minute(chance: random.Random, first: int = 0, last: int = 24 * 60) -> int:
    """A minute of office hours between two minutes of the day."""
    chosen: int = chance.choice([minute for minute in MINUTES_OF_DAY if first <= minute < last])
    return chosen


def person(chance: random.Random) -> str:
    """A citizen: ông or bà with an invented name."""
    family = chance.choice(subjects.FAMILY_NAMES)
    if chance.random() < 0.5:
        return f"ông {family} {chance.choice(subjects.MEN)}"
    return f"bà {family} {chance.choice(subjects.WOMEN)}"


def filled(template: str, day: date, chance: random.Random) -> str:
    """A subject with its braces filled as on a day: reports speak of the month and the quarter before."""
    month = day.replace(day=1) - timedelta(days=1)
    quarter = (day.month - 1) // 3
    of_quarter = (quarter, day.year) if quarter else (4, day.year - 1)
    text = template.replace("{month}/{year}", f"{month.month:02d}/{month.year}")
    text = text.replace("{quarter}/{year}", f"{of_quarter[0]}/{of_quarter[1]}")
    return text.format(
        year=day.year, next_year=day.year + 1, last_year=day.year - 1, month=f"{month.month:02d}",
        quarter=of_quarter[0], half="đầu" if day.month <= 7 else "cuối", half_number="I" if day.month <= 7 else "II",
        village=chance.choice(subjects.VILLAGES), person=person(chance),
    )  # fmt: skip


def in_season(template: str, day: date) -> bool:
    """True when a document about this is written in that month."""
    return all(day.month in months for words, months in subjects.SEASONS.items() if words in template)


def spread(amount: int, days: Sequence[date], chance: random.Random) -> list[date]:
    """So many days in order, evenly spread with a little chance."""
    if not amount:
        return []
    step = len(days) / amount
    return sorted(days[min(len(days) - 1, int((place + chance.random()) * step))] for place in range(amount))
