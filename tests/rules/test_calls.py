"""When somebody must telephone: over midnight, on holidays, after clock jumps, and after a call."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from commune_portal.errors import Malformed
from commune_portal.rules import calls
from commune_portal.rules.calls import CallLimits, CallOutcome, Missing, Watched
from commune_portal.rules.deadlines import VIETNAM

LIMITS = CallLimits(receipt=15, acceptance=30, before_deliver_by=60, again=60)
SENT = datetime(2026, 11, 21, 23, 50, tzinfo=VIETNAM)
"""A Saturday, ten minutes before midnight: no working hour anywhere near."""

instants = st.datetimes(datetime(2026, 1, 1), datetime(2027, 12, 31), timezones=st.just(UTC))
minutes = st.integers(0, 5000).map(lambda amount: timedelta(minutes=amount))


def at(amount: int) -> datetime:
    return SENT + timedelta(minutes=amount)


def test_without_a_receipt_a_call_is_due_after_the_minutes_even_over_midnight_and_on_a_sunday() -> None:
    assert not calls.must_call(Watched(SENT), LIMITS, at(14))
    assert calls.must_call(Watched(SENT), LIMITS, at(15))
    assert calls.missing(Watched(SENT)) is Missing.NODE
    assert calls.missing(Watched(SENT, delivered_at=at(2))) is Missing.ARRIVAL


def test_what_has_arrived_has_until_the_limit_of_acceptance() -> None:
    there = Watched(SENT, delivered_at=at(1), arrived_at=at(3))
    assert calls.missing(there) is Missing.ACCEPTANCE
    assert not calls.must_call(there, LIMITS, at(29))
    assert calls.must_call(there, LIMITS, at(30))
    assert not calls.must_call(Watched(SENT, arrived_at=at(3), accepted=True), LIMITS, at(9999))


def test_an_hour_calls_before_it_strikes_but_never_before_the_sending() -> None:
    soon = Watched(SENT, arrived_at=at(1), deliver_by=at(80))
    assert calls.call_due_at(soon, LIMITS, at(0)) == at(20)
    hurried = Watched(SENT, arrived_at=at(1), deliver_by=at(10))
    assert calls.call_due_at(hurried, LIMITS, at(0)) == SENT
    tomorrow = Watched(SENT, arrived_at=at(1), deliver_by=at(2000))
    assert calls.call_due_at(tomorrow, LIMITS, at(0)) == at(30), "hỏa tốc is at once, whatever the hour"


def test_a_call_that_reached_somebody_closes_the_task_and_the_watch_goes_on() -> None:
    told = Watched(SENT, arrived_at=at(1), told_at=at(40))
    assert not calls.must_call(told, LIMITS, at(99))
    assert calls.must_call(told, LIMITS, at(100)), "still not accepted after the second limit"
    reminded = Watched(SENT, arrived_at=at(1), told_at=at(40), deliver_by=at(130))
    assert calls.call_due_at(reminded, LIMITS, at(41)) == at(70), "the hour comes before the second limit"


def test_a_clock_that_was_set_back_does_not_silence_the_watch() -> None:
    ahead = Watched(SENT + timedelta(days=3))
    assert calls.must_call(ahead, LIMITS, at(0))
    called_ahead = Watched(SENT, arrived_at=at(1), told_at=SENT + timedelta(days=3))
    assert calls.must_call(called_ahead, LIMITS, at(31))
    assert not calls.must_call(Watched(at(2)), LIMITS, at(0)), "two minutes ahead are no jump"


@settings(max_examples=60)
@given(sent=instants, passed=minutes, arrived=st.none() | minutes, hour=st.none() | minutes, told=st.none() | minutes)
def test_the_watch_never_asks_before_the_sending_and_never_falls_silent(
    sent: datetime, passed: timedelta, arrived: timedelta | None, hour: timedelta | None, told: timedelta | None
) -> None:
    watched = Watched(
        sent,
        arrived_at=sent + arrived if arrived is not None else None,
        deliver_by=sent + hour if hour is not None else None,
        told_at=sent + told if told is not None else None,
    )
    now = sent + passed
    due = calls.call_due_at(watched, LIMITS, now)
    assert due is not None
    assert due >= sent
    longest = max(told or timedelta(), timedelta()) + timedelta(minutes=60)
    assert calls.must_call(watched, LIMITS, sent + longest + timedelta(minutes=1))


@settings(max_examples=40)
@given(sent=instants, days=st.integers(0, 400))
def test_no_day_is_a_holiday_for_hoa_toc(sent: datetime, days: int) -> None:
    shifted = sent + timedelta(days=days)
    first = calls.call_due_at(Watched(sent), LIMITS, sent)
    second = calls.call_due_at(Watched(shifted), LIMITS, shifted)
    assert first is not None
    assert second == first + timedelta(days=days)


def test_a_recipients_own_time_counts_unless_its_clock_contradicts_us() -> None:
    assert calls.accepted_at(at(5), heard=at(60), sent=SENT) == at(5), "an offline office answers late"
    assert calls.accepted_at(at(-5), heard=at(60), sent=SENT) == at(60)
    assert calls.accepted_at(at(90), heard=at(60), sent=SENT) == at(60)
    assert calls.accepted_at(None, heard=at(60), sent=SENT) == at(60)


def test_in_time_is_by_the_hour_where_there_is_one() -> None:
    assert calls.is_accepted_in_time(at(30), SENT, None, LIMITS)
    assert not calls.is_accepted_in_time(at(31), SENT, None, LIMITS)
    assert calls.is_accepted_in_time(at(300), SENT, at(300), LIMITS)
    assert not calls.is_accepted_in_time(None, SENT, at(300), LIMITS)


def test_limits_are_minutes_within_a_week_and_come_back_as_stored() -> None:
    assert CallLimits.from_json(LIMITS.to_json()) == LIMITS
    assert CallLimits.from_json({"receipt": 5}) == CallLimits(receipt=5)
    for wrong in ({"receipt": 0}, {"again": 7 * 24 * 60 + 1}):
        with pytest.raises(Malformed):
            CallLimits.from_json(wrong)


def test_only_a_call_that_told_somebody_counts() -> None:
    assert [outcome.told for outcome in CallOutcome] == [True, False, True]


@pytest.mark.parametrize("lacking", list(Missing))
def test_the_script_names_everything_and_asks_for_a_name(lacking: Missing) -> None:
    words = " ".join(
        calls.script(
            own_name="UBND xã An Phú", organ_name="UBND xã Bình Lợi", code="05/CĐ-UBND", type_name="Công điện",
            subject="Ứng phó bão số 9", sent_at=SENT, deliver_by=at(70), lacking=lacking,
        )
    )  # fmt: skip
    for said in ("UBND xã Bình Lợi", "Công điện số 05/CĐ-UBND", "Ứng phó bão số 9", "23 giờ 50 ngày 21/11/2026",
                 "1 giờ 00 ngày 22/11/2026", "họ tên"):  # fmt: skip
        assert said in words
