"""Accounts: names, roles, the last administrator, and a journal line for every change."""

from __future__ import annotations

import unicodedata

import pytest

from commune_portal.errors import Malformed, NotAllowed, NotFound, RuleBroken
from commune_portal.people import accesses, accounts, sessions
from commune_portal.people.actors import PORTAL, Actor
from commune_portal.rules.acts import Act
from commune_portal.rules.permissions import Relation, Role, Verb
from commune_portal.settings import Settings
from commune_portal.store import database, journal, verify
from tests.people.conftest import PASSWORD, person


def acts() -> list[str]:
    return [line.fields["act"] for line in journal.every_line()]


def test_a_new_account_gets_a_random_password_that_must_be_changed(administrator: Actor) -> None:
    first = accounts.add(administrator, username="Hoa.VT", full_name="Nguyễn  Thị Hoa ", roles=[Role.CLERK])
    other = accounts.add(administrator, username="mai", full_name="Lê Thị Mai", roles=[Role.SPECIALIST])
    made = accounts.account(first.account_id)
    assert (made.username, made.full_name, made.roles) == ("hoa.vt", "Nguyễn Thị Hoa", frozenset({Role.CLERK}))
    assert made.must_change_password
    assert first.password != other.password
    assert first.password not in repr(first)


def test_names_are_one_whatever_their_unicode_form(administrator: Actor) -> None:
    accounts.add(administrator, username="Đức", full_name="Võ Minh Đức", roles=[Role.LEADER])
    found = accounts.by_username(unicodedata.normalize("NFD", "ĐỨC"))
    assert found is not None
    assert found.full_name == "Võ Minh Đức"
    with pytest.raises(Malformed, match="đã có người dùng"):
        accounts.add(administrator, username="đức", full_name="Người khác", roles=[Role.LEADER])


@pytest.mark.parametrize("username", ["", "có dấu cách", "a/b", "-a", "x" * 41, "a\u200bb"])
def test_a_name_that_cannot_be_typed_is_refused(administrator: Actor, username: str) -> None:
    with pytest.raises(Malformed):
        accounts.add(administrator, username=username, full_name="Ai đó", roles=[Role.CLERK])


def test_roles_of_a_node_are_refused_at_an_office(administrator: Actor) -> None:
    for roles in ([], [Role.AUDITOR], [Role.CLERK, Role.OPERATOR]):
        with pytest.raises(Malformed):
            accounts.add(administrator, username="x", full_name="X", roles=roles)


@pytest.mark.parametrize("role", [Role.CLERK, Role.LEADER, Role.SPECIALIST])
def test_only_the_administrator_changes_accounts(administrator: Actor, role: Role) -> None:
    other = person("khac", "Người khác", role)
    before = acts()
    for attempt in (
        lambda: accounts.add(other, username="x", full_name="X", roles=[Role.CLERK]),
        lambda: accounts.change(other, other.id, full_name="X", position="", unit="", roles=[Role.ADMINISTRATOR]),
        lambda: accounts.disable(other, administrator.id),
        lambda: accounts.enable(other, administrator.id),
        lambda: accounts.reset_password(other, administrator.id),
    ):
        with pytest.raises(NotAllowed):
            attempt()
    assert acts() == before
    accesses.flush()
    refused = database.rows("SELECT account_id, object FROM accesses WHERE kind = 'refused'")
    assert refused == [(other.id, Verb.ADMINISTRATION_USERS.value)] * 5


def test_the_last_administrator_stays(administrator: Actor) -> None:
    with pytest.raises(RuleBroken, match="ít nhất một tài khoản quản trị"):
        accounts.disable(administrator, administrator.id)
    with pytest.raises(RuleBroken, match="ít nhất một tài khoản quản trị"):
        accounts.change(administrator, administrator.id, full_name="X", position="", unit="", roles=[Role.CLERK])
    assert accounts.actor(administrator.id).roles == {Role.ADMINISTRATOR}
    second = person("haiqt", "Người thứ hai", Role.ADMINISTRATOR)
    accounts.disable(second, administrator.id)
    with pytest.raises(NotFound):
        accounts.actor(administrator.id)


def test_every_change_is_one_journal_line_and_the_register_verifies(office: Settings, administrator: Actor) -> None:
    clerk = person("hoa", "Nguyễn Thị Hoa", Role.CLERK)
    size = journal.checkpoint().size
    accounts.change(administrator, clerk.id, full_name="Nguyễn Thị Hoa", position="", unit="", roles=[Role.CLERK])
    assert journal.checkpoint().size == size, "nothing changed, nothing said"
    accounts.change(
        administrator, clerk.id, full_name="Nguyễn Thị Hoa", position="Văn thư", unit="", roles=[Role.LEADER]
    )
    accounts.disable(administrator, clerk.id)
    accounts.enable(administrator, clerk.id)
    accounts.reset_password(administrator, clerk.id)
    assert acts()[size:] == [
        Act.ACCOUNT_CHANGED, Act.ACCOUNT_CHANGED, Act.PASSWORD_CHANGED, Act.PASSWORD_CHANGED,
    ]  # fmt: skip
    assert [line.fields["facts"]["how"] for line in journal.lines(size)] == ["changed", "disabled", "enabled", "reset"]
    assert verify.verify(database.connect(), office.files_folder).ok


def test_no_password_is_in_the_journal_or_the_register(office: Settings, administrator: Actor) -> None:
    first = accounts.add(administrator, username="hoa", full_name="Nguyễn Thị Hoa", roles=[Role.CLERK])
    database.rows("PRAGMA wal_checkpoint(TRUNCATE)")
    assert first.password.encode() not in office.database_path.read_bytes()
    assert PASSWORD.encode() not in office.database_path.read_bytes()


def test_a_reset_and_a_disabling_end_every_session(administrator: Actor) -> None:
    clerk = person("hoa", "Nguyễn Thị Hoa", Role.CLERK)
    for act in (accounts.reset_password, accounts.disable):
        sessions.begin(clerk.id, "10.0.0.1")
        sessions.begin(clerk.id, "10.0.0.2")
        act(administrator, clerk.id)
        assert sessions.count_of(clerk.id) == 0


def test_ones_own_password_is_changed_with_the_old_one(administrator: Actor) -> None:
    with pytest.raises(Malformed, match="hiện tại không đúng") as refused:
        accounts.change_own_password(administrator, "sai", "một câu khác hẳn")
    assert refused.value.field == "old_password"
    with pytest.raises(Malformed, match="khác mật khẩu cũ"):
        accounts.change_own_password(administrator, PASSWORD, PASSWORD)
    with pytest.raises(Malformed, match="ít nhất 10"):
        accounts.change_own_password(administrator, PASSWORD, "ngắn")
    token = sessions.begin(administrator.id, "")
    accounts.change_own_password(administrator, PASSWORD, "một câu khác hẳn")
    assert sessions.count_of(administrator.id) == 0, token
    with pytest.raises(Malformed):
        accounts.change_own_password(administrator, PASSWORD, "một câu khác nữa")


def test_people_are_found_by_role_and_by_name(administrator: Actor) -> None:
    boss = person("duc", "Võ Minh Đức", Role.LEADER, position="Chủ tịch")
    both = person("an", "An Văn Bình", Role.LEADER, Role.SPECIALIST)
    assert accounts.by_roles(Role.LEADER) == [both, boss]
    accounts.disable(administrator, boss.id)
    assert accounts.by_roles(Role.LEADER) == [both]
    assert accounts.names([boss.id, both.id, 99]) == {boss.id: "Võ Minh Đức", both.id: "An Văn Bình"}
    assert [item.disabled_at is None for item in accounts.everyone()] == [True, True, False]


def test_the_portal_itself_may_act_and_has_no_account(office: Settings) -> None:
    assert accounts.actor(0) is PORTAL
    assert PORTAL.may(Verb.OUTGOING_SEAL)
    assert PORTAL.may_ever(Verb.NODE_AUDIT)
    assert PORTAL.uid == journal.SYSTEM


def test_an_actor_asks_the_one_table(administrator: Actor) -> None:
    specialist = person("mai", "Lê Thị Mai", Role.SPECIALIST)
    assert specialist.may(Verb.INCOMING_SEE, Relation.ASSIGNED)
    assert not specialist.may(Verb.INCOMING_SEE)
    assert specialist.may_ever(Verb.INCOMING_SEE)
    with pytest.raises(NotAllowed):
        specialist.require(Verb.INCOMING_SEE)
    specialist.require(Verb.INCOMING_SEE, Relation.OWN)
