"""When to try again, and whom first."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from commune_portal.relay import schedule
from commune_portal.relay.schedule import Circuit, Queued, contact_due, due, interrupts, next_attempt
from commune_portal.wire.envelope import Kind

NOON = datetime(2026, 11, 21, 5, tzinfo=UTC)
DELAYS = (5.0, 15.0, 60.0, 300.0, 900.0, 3600.0)


def item(name: str, urgency: int = 0, kind: Kind = Kind.EDOC, age_seconds: int = 0, wait_seconds: int = 0) -> Queued:
    return Queued(
        name, urgency, kind, NOON - timedelta(seconds=age_seconds), NOON + timedelta(seconds=wait_seconds)
    )  # fmt: skip


@settings(deadline=None)
@given(st.integers(1, 50), st.floats(0, 1))
def test_delays_follow_the_list_within_a_quarter_and_never_end(attempts: int, draw: float) -> None:
    found = next_attempt(attempts, NOON, DELAYS, draw)
    delay = (found.at - NOON).total_seconds()
    listed = DELAYS[min(attempts, 6) - 1]
    assert 0.75 * listed <= delay <= 1.25 * listed
    assert found.exhausted == (attempts >= 6)


def test_the_order_is_urgency_then_small_things_then_age() -> None:
    queue = [
        item("old", age_seconds=100),
        item("young"),
        item("status", kind=Kind.STATUS),
        item("khẩn", 1),
        item("hỏa tốc", 3),
        item("hẹn giờ", 4, age_seconds=1),
        item("later", 4, wait_seconds=1),
    ]
    random.Random(1).shuffle(queue)
    assert [queued.message_id for queued in due(queue, NOON)] == [
        "hẹn giờ", "hỏa tốc", "khẩn", "status", "old", "young",
    ]  # fmt: skip


def test_only_a_higher_level_interrupts_an_upload() -> None:
    assert interrupts(item("a", 3), item("b", 1))
    assert not interrupts(item("a", 1), item("b", 1))
    assert not interrupts(item("a", 0, Kind.STATUS), item("b", 0))
    assert not interrupts(item("a", 4), item("b", 3))


def test_a_peer_that_fails_often_gets_one_probe_an_interval() -> None:
    circuit = Circuit()
    for _ in range(2):
        circuit = circuit.after_failure(NOON, DELAYS, 0.5)
        assert circuit.permits(NOON)
    circuit = circuit.after_failure(NOON, DELAYS, 0.5)
    assert not circuit.permits(NOON)
    assert circuit.permits(NOON + timedelta(seconds=5))
    circuit = circuit.after_failure(NOON + timedelta(seconds=5), DELAYS, 0.5)
    assert not circuit.permits(NOON + timedelta(seconds=19))
    assert circuit.permits(NOON + timedelta(seconds=20))
    assert circuit.after_success().permits(NOON)


def test_the_patience_that_a_peer_asks_for_is_given() -> None:
    circuit = Circuit().after_failure(NOON, DELAYS, 0.5, asked_seconds=120)
    assert not circuit.permits(NOON + timedelta(seconds=119))
    assert circuit.permits(NOON + timedelta(seconds=120))


def test_contact_is_due_after_the_interval_and_after_a_clock_set_back() -> None:
    assert contact_due(None, NOON, 120)
    assert not contact_due(NOON, NOON + timedelta(seconds=119), 120)
    assert contact_due(NOON, NOON + timedelta(seconds=120), 120)
    assert contact_due(NOON, NOON - timedelta(days=1), 120)


def test_two_mornings_and_two_afternoons_are_kept_however_seldom_the_poll_is() -> None:
    day = datetime(2026, 11, 23, 0, 0, tzinfo=UTC)  # 07:00 in Vietnam
    last, contacts = day - timedelta(hours=12), []
    for minute in range(0, 11 * 60, 5):
        now = day + timedelta(minutes=minute)
        if schedule.contact_due(last, now, 7 * 86400.0):
            contacts.append((now + timedelta(hours=7)).strftime("%H:%M"))
            last = now
    assert contacts == ["08:00", "10:30", "14:00", "16:00"]


def test_before_the_first_time_of_a_day_the_last_of_the_day_before_counts() -> None:
    dawn = datetime(2026, 11, 23, 0, 0, tzinfo=UTC)
    assert schedule.last_customary(dawn) == datetime(2026, 11, 22, 9, 0, tzinfo=UTC)


def test_a_dark_link_is_looked_for_within_a_quarter_of_an_hour() -> None:
    circuit = schedule.Circuit()
    now = datetime(2026, 11, 23, tzinfo=UTC)
    for _ in range(30):
        circuit = circuit.after_failure(now, (5.0, 60.0, 3600.0), 0.5)
    assert circuit.closed_until is not None
    assert circuit.closed_until - now <= schedule.LONGEST_SILENCE
    patient = circuit.after_failure(now, (5.0,), 0.5, asked_seconds=3000.0)
    assert patient.closed_until == now + timedelta(seconds=3000)  # a node that asks for patience gets it
