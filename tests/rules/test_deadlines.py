"""Working days and lateness."""

from datetime import UTC, date, datetime, time, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from commune_portal.errors import Malformed
from commune_portal.rules.deadlines import (
    VIETNAM,
    Calendar,
    DueClass,
    add_working_days,
    days_late,
    due_class,
    is_registered_late,
    is_sent_late,
    is_working_day,
    must_be_registered_by,
    must_be_sent_by,
    next_working_day,
)
from commune_portal.rules.kinds import Urgency

FRIDAY = date(2026, 11, 20)
MONDAY = date(2026, 11, 23)
PLAIN = Calendar()
TET = Calendar(
    holidays=frozenset(date(2026, 2, 16) + timedelta(days=step) for step in range(5)),
    worked_days=frozenset({date(2026, 2, 28)}),
    morning_ends=time(11, 0),
)


def _at(day: date, hour: int, minute: int = 0) -> datetime:
    return datetime.combine(day, time(hour, minute), VIETNAM)


def test_weekends_and_holidays_are_off_and_swapped_days_are_worked() -> None:
    assert is_working_day(FRIDAY, PLAIN)
    assert not is_working_day(FRIDAY + timedelta(days=1), PLAIN)
    assert not is_working_day(date(2026, 2, 18), TET)
    assert is_working_day(date(2026, 2, 28), TET)
    assert next_working_day(FRIDAY, PLAIN) == MONDAY
    assert next_working_day(date(2026, 2, 13), TET) == date(2026, 2, 23)
    assert next_working_day(date(2026, 2, 27), TET) == date(2026, 2, 28)


def test_working_days_are_added() -> None:
    assert add_working_days(FRIDAY, 0, PLAIN) == FRIDAY
    assert add_working_days(FRIDAY, 1, PLAIN) == MONDAY
    assert add_working_days(date(2026, 2, 13), 6, TET) == date(2026, 2, 28)
    for amount in (-1, 1001):
        with pytest.raises(Malformed):
            add_working_days(FRIDAY, amount, PLAIN)


@given(st.dates(date(2026, 1, 1), date(2027, 12, 31)), st.integers(0, 40), st.integers(0, 40))
@settings(max_examples=80, deadline=None)
def test_adding_in_two_steps_is_adding_at_once(day: date, one: int, other: int) -> None:
    there = add_working_days(day, one + other, TET)
    assert add_working_days(add_working_days(day, one, TET), other, TET) == there
    assert one + other == 0 or is_working_day(there, TET)


@pytest.mark.parametrize(
    ("signed", "calendar", "last"),
    [
        (_at(date(2026, 11, 18), 9), PLAIN, _at(date(2026, 11, 19), 11, 30)),
        (_at(FRIDAY, 16, 59), PLAIN, _at(MONDAY, 11, 30)),
        (_at(FRIDAY + timedelta(days=1), 10), PLAIN, _at(MONDAY, 11, 30)),
        (_at(date(2026, 2, 13), 17), TET, _at(date(2026, 2, 23), 11, 0)),
    ],
)
def test_a_document_is_sent_by_the_end_of_the_next_working_morning(
    signed: datetime, calendar: Calendar, last: datetime
) -> None:
    assert must_be_sent_by(signed, calendar) == last
    assert must_be_sent_by(signed.astimezone(UTC), calendar) == last
    assert must_be_sent_by(signed, calendar).utcoffset() == timedelta(0)
    assert not is_sent_late(signed, last, last + timedelta(days=9), calendar)
    assert is_sent_late(signed, last + timedelta(seconds=1), last, calendar)
    assert is_sent_late(signed, None, last + timedelta(seconds=1), calendar)
    assert not is_sent_late(signed, None, last, calendar)


def test_the_day_is_vietnams_not_utcs() -> None:
    signed = datetime(2026, 11, 18, 18, tzinfo=UTC)  # 01:00 on Thursday the 19th in Vietnam
    assert must_be_sent_by(signed, PLAIN) == _at(FRIDAY, 11, 30)


def test_what_arrives_is_registered_by_the_next_working_day_and_urgent_the_same_day() -> None:
    arrived = _at(FRIDAY, 16)
    assert must_be_registered_by(arrived, Urgency.NORMAL, PLAIN) == MONDAY
    assert must_be_registered_by(arrived, Urgency.URGENT, PLAIN) == FRIDAY
    assert not is_registered_late(arrived, _at(MONDAY, 23), MONDAY, Urgency.NORMAL, PLAIN)
    assert is_registered_late(arrived, None, MONDAY + timedelta(days=1), Urgency.NORMAL, PLAIN)
    assert is_registered_late(arrived, _at(MONDAY, 8), MONDAY, Urgency.FLASH, PLAIN)


@pytest.mark.parametrize(
    ("days", "expected"),
    [
        (-1, DueClass.OVERDUE),
        (0, DueClass.TODAY),
        (1, DueClass.TOMORROW),
        (2, DueClass.THIS_WEEK),
        (4, DueClass.THIS_WEEK),
        (5, DueClass.LATER),
    ],
)
def test_how_near_a_due_date_is(days: int, expected: DueClass) -> None:
    wednesday = date(2026, 11, 18)
    assert due_class(wednesday + timedelta(days=days), wednesday) is expected
    assert expected.label


def test_on_a_sunday_tomorrow_is_still_tomorrow_and_the_week_is_over() -> None:
    sunday = date(2026, 11, 22)
    assert due_class(sunday + timedelta(days=1), sunday) is DueClass.TOMORROW
    assert due_class(sunday + timedelta(days=2), sunday) is DueClass.LATER
    assert due_class(None, sunday) is DueClass.NONE


def test_days_late_are_civil_days() -> None:
    assert days_late(FRIDAY, MONDAY) == 3
    assert days_late(MONDAY, FRIDAY) == 0
    assert days_late(None, MONDAY) == 0
