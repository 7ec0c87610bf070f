"""Adding, enrolling, revoking and closing offices."""

from __future__ import annotations

from datetime import timedelta

import pytest

from commune_portal import clock
from commune_portal.errors import Malformed, NotAllowed, NotFound, RuleBroken
from commune_portal.node import members, parties
from commune_portal.node.refusals import ExchangeRefused
from commune_portal.people.actors import PORTAL, Actor
from commune_portal.rules.permissions import Role
from commune_portal.settings import Settings
from commune_portal.store import database
from commune_portal.wire import enrolment
from commune_portal.wire.protocol import Refused
from tests.node.cast import ADDRESS, NODE_CODE, Journal, enrol, invite, new_keys, new_office
from tests.node.conftest import Node


def refusal(request: enrolment.EnrolmentRequest) -> Refused:
    with pytest.raises(ExchangeRefused) as caught:
        members.enrol(request)
    return caught.value.word


def test_an_office_enrols_with_its_token_and_is_known_by_its_key(node: Node) -> None:
    found = members.member_by_key(node.first.keys.key_id)
    assert found is not None
    assert found[0].code == node.first.code
    assert found[0].enrolled_at is not None
    assert found[1].public_key == node.first.keys.public_key
    assert parties.key_of_party(node.second.code, node.first.keys.key_id) is None


def test_the_token_itself_is_nowhere_in_the_register(empty_node: Settings) -> None:
    token = invite(new_office(1))
    database.connect().execute("PRAGMA wal_checkpoint(TRUNCATE)")
    assert token.encode() not in empty_node.database_path.read_bytes()


def test_a_lost_answer_to_an_enrolment_is_given_again(empty_node: Settings) -> None:
    office = new_office(1)
    request = office.request(invite(office))
    first = members.enrol(request)
    assert members.enrol(request) == first
    assert len(members.keys_of(first.id)) == 1


def test_a_token_serves_one_key_only(empty_node: Settings) -> None:
    office, thief = new_office(1), new_office(1)
    thief.keys = new_keys(66)
    token = invite(office)
    members.enrol(office.request(token))
    assert refusal(thief.request(token)) is Refused.TOKEN_USED


def test_a_wrong_token_and_an_unknown_office_are_refused_alike(empty_node: Settings) -> None:
    office = new_office(1)
    invite(office)
    assert refusal(office.request("guessed")) is Refused.TOKEN_USED
    assert refusal(new_office(7).request("guessed")) is Refused.TOKEN_USED


def test_an_expired_token_is_refused(empty_node: Settings) -> None:
    office = new_office(1)
    token = invite(office)
    with clock.standing_at(clock.now() + timedelta(days=members.TOKEN_DAYS, seconds=1)):
        assert refusal(office.request(token)) is Refused.TOKEN_USED


def test_enrolling_again_after_a_restore_revokes_the_old_key(node: Node) -> None:
    old = node.first.keys.key_id
    node.first.keys, node.first.epoch = new_keys(11), 1
    enrol(node.first)
    found = members.member_by_key(old)
    assert found is not None
    assert found[1].revoked_at is not None
    assert node.first.member.epoch == 1
    assert [key.revoked_at is None for key in members.keys_of(node.first.member.id)] == [False, True]


def test_an_epoch_never_goes_back(node: Node) -> None:
    node.first.keys, node.first.epoch = new_keys(11), 3
    enrol(node.first)
    node.first.keys, node.first.epoch = new_keys(12), 2
    assert refusal(node.first.request(invite(node.first))) is Refused.CONFLICT


def test_nobody_enrols_with_the_key_of_another(node: Node) -> None:
    other = new_office(3)
    other.keys = node.first.keys
    assert refusal(other.request(invite(other))) is Refused.CONFLICT


def test_a_new_installation_of_an_office_begins_a_new_mirror(node: Node) -> None:
    node.first.keys, node.first.journal = new_keys(11), Journal("installed-afresh")
    enrol(node.first)
    assert database.row("SELECT count(*) FROM mirrors WHERE member_id = ?", (node.first.member.id,))[0] == 2


def test_revoking_takes_the_waiting_token_too(node: Node) -> None:
    token = invite(node.first)
    members.revoke_keys(PORTAL, node.first.member.uid, "mất máy chủ")
    node.first.keys = new_keys(11)
    assert refusal(node.first.request(token)) is Refused.TOKEN_USED
    with pytest.raises(RuleBroken):
        members.revoke_keys(PORTAL, node.first.member.uid, "mất máy chủ")
    with pytest.raises(Malformed):
        members.revoke_keys(PORTAL, node.second.member.uid, "")


def test_a_closed_office_gets_no_new_file(node: Node) -> None:
    members.close(PORTAL, node.first.member.uid, "sáp nhập")
    with pytest.raises(RuleBroken):
        invite(node.first)
    with pytest.raises(RuleBroken):
        members.close(PORTAL, node.first.member.uid, "sáp nhập")


@pytest.mark.parametrize(
    ("code", "name", "address", "field"),
    [
        ("", "UBND xã An Phú", ADDRESS, "code"),
        ("H99 01", "UBND xã An Phú", ADDRESS, "code"),
        (NODE_CODE, "UBND xã An Phú", ADDRESS, "code"),
        ("H99.01", " ", ADDRESS, "name"),
        ("H99.01", "UBND xã An Phú", "http://node.example", "address"),
        ("H99.01", "UBND xã An Phú", "https://node.example", "ca_pem"),
    ],
)
def test_what_cannot_be_used_is_said_beside_its_field(
    empty_node: Settings, code: str, name: str, address: str, field: str
) -> None:
    with pytest.raises(Malformed) as caught:
        members.add_office(PORTAL, code, name, address=address)
    assert caught.value.field == field
    assert members.every_member() == []


def test_only_the_operator_adds_revokes_and_closes(node: Node) -> None:
    auditor = Actor(2, "u2", "kiemtra", "Kiểm tra viên", "", "", frozenset({Role.AUDITOR}))
    uid = node.first.member.uid
    with pytest.raises(NotAllowed):
        members.add_office(auditor, "H99.09", "Xã", address=ADDRESS)
    with pytest.raises(NotAllowed):
        members.revoke_keys(auditor, uid, "thử xem sao")
    with pytest.raises(NotAllowed):
        members.close(auditor, uid, "thử xem sao")


def test_an_unknown_office_is_not_found(node: Node) -> None:
    with pytest.raises(NotFound):
        members.by_uid("nobody")
    assert members.member_by_key("0" * 16) is None
