"""Logging in, the throttle, and sessions that end. Source: ASVS 5.0, 6.3.1, 7.3.1, 7.4.1-7.4.2."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from commune_portal import clock
from commune_portal.errors import Throttled, Unauthenticated
from commune_portal.people import accesses, accounts, login, sessions
from commune_portal.people.actors import Actor
from commune_portal.rules.permissions import Role
from commune_portal.settings import Session, Settings
from commune_portal.store import database
from tests.people.conftest import PASSWORD, person

LIMITS = Session(wrong_passwords_per_account=3, wrong_passwords_per_address=6, throttle_minutes=10)
IDLE = timedelta(minutes=30)
START = datetime(2026, 11, 20, 1, 0, tzinfo=UTC)


def fail(username: str, address: str = "10.0.0.1") -> type[Exception]:
    with pytest.raises((Unauthenticated, Throttled)) as refused:
        login.log_in(username, "sai mật khẩu", address, LIMITS)
    return refused.type


def test_the_right_password_opens_a_session(administrator: Actor) -> None:
    found, token = login.log_in(" QUANTRI ", PASSWORD, "10.0.0.1", LIMITS)
    assert found == administrator
    session = sessions.find(token, IDLE, renew=True)
    assert session is not None
    assert session.account_id == administrator.id
    assert database.row("SELECT token_sha256 FROM sessions")[0] != token


def test_a_wrong_password_and_an_unknown_name_are_refused_alike(administrator: Actor) -> None:
    with pytest.raises(Unauthenticated) as wrong:
        login.log_in("quantri", "sai", "10.0.0.1", LIMITS)
    with pytest.raises(Unauthenticated) as unknown:
        login.log_in("khongai", "sai", "10.0.0.1", LIMITS)
    assert wrong.value.sentence == unknown.value.sentence


def test_an_account_rests_after_too_many_wrong_passwords(administrator: Actor) -> None:
    with clock.standing_at(START):
        assert [fail("quantri") for _ in range(4)] == [Unauthenticated] * 3 + [Throttled]
        with pytest.raises(Throttled):
            login.log_in("quantri", PASSWORD, "10.0.0.9", LIMITS)
    with clock.standing_at(START + timedelta(minutes=10, seconds=1)):
        login.log_in("quantri", PASSWORD, "10.0.0.1", LIMITS)
        assert fail("quantri") is Unauthenticated, "the right password cleared the count"


def test_a_reset_by_the_administrator_is_the_way_out(administrator: Actor) -> None:
    clerk = person("hoa", "Nguyễn Thị Hoa", Role.CLERK)
    for _ in range(4):
        fail("hoa")
    fresh = accounts.reset_password(administrator, clerk.id)
    login.log_in("hoa", fresh, "10.0.0.1", LIMITS)


def test_one_address_that_tries_many_names_gets_one_try_a_name(administrator: Actor) -> None:
    for number in range(6):
        assert fail(f"ten{number}") is Unauthenticated
    assert fail("quantri") is Unauthenticated
    assert fail("quantri") is Throttled
    assert fail("quantri", "10.0.0.2") is Unauthenticated, "another address is not held back by the first"


def test_an_office_behind_one_address_is_not_locked_out(administrator: Actor) -> None:
    for number in range(6):
        fail(f"ten{number}")
    found, _ = login.log_in("quantri", PASSWORD, "10.0.0.1", LIMITS)
    assert found == administrator


def test_a_disabled_account_is_told_so_only_with_its_password(administrator: Actor) -> None:
    clerk = person("hoa", "Nguyễn Thị Hoa", Role.CLERK)
    accounts.disable(administrator, clerk.id)
    with pytest.raises(Unauthenticated, match="đã khóa"):
        login.log_in("hoa", PASSWORD, "10.0.0.1", LIMITS)
    with pytest.raises(Unauthenticated, match="không đúng"):
        login.log_in("hoa", "sai", "10.0.0.1", LIMITS)


def test_log_ins_and_their_failures_are_noted(administrator: Actor) -> None:
    fail("quantri")
    _, token = login.log_in("quantri", PASSWORD, "10.0.0.1", LIMITS)
    login.log_out(administrator.id, token)
    accesses.flush()
    kinds = [row[0] for row in database.rows("SELECT kind FROM accesses ORDER BY id")]
    assert kinds == [accesses.LOGIN_FAILED, accesses.LOGGED_IN, accesses.LOGGED_OUT]
    assert sessions.find(token, IDLE, renew=False) is None


def test_an_idle_session_ends_and_polling_does_not_keep_it_alive(administrator: Actor) -> None:
    with clock.standing_at(START):
        token = sessions.begin(administrator.id, "")
    with clock.standing_at(START + timedelta(minutes=29)):
        assert sessions.find(token, IDLE, renew=False) is not None
    with clock.standing_at(START + timedelta(minutes=31)):
        assert sessions.find(token, IDLE, renew=True) is None
        assert sessions.count_of(administrator.id) == 0


def test_acting_keeps_a_session_alive(administrator: Actor) -> None:
    with clock.standing_at(START):
        token = sessions.begin(administrator.id, "")
    for minutes in (20, 40, 60):
        with clock.standing_at(START + timedelta(minutes=minutes)):
            assert sessions.find(token, IDLE, renew=True) is not None


def test_a_foreign_token_opens_nothing(office: Settings) -> None:
    for token in ("", "x", "a" * 43):
        assert sessions.find(token, IDLE, renew=True) is None


def test_sweeping_removes_what_is_idle_and_old(administrator: Actor) -> None:
    with clock.standing_at(START):
        sessions.begin(administrator.id, "")
        fail("quantri")
    with clock.standing_at(START + timedelta(days=8)):
        sessions.begin(administrator.id, "")
        assert sessions.sweep(IDLE) == 1
    assert sessions.count_of(administrator.id) == 1
    assert database.row("SELECT count(*) FROM login_failures")[0] == 0
