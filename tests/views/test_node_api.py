"""The machine door: who is believed, what a stranger hears, and enrolment."""

from __future__ import annotations

from datetime import timedelta

import pytest

from commune_portal import clock
from commune_portal.node import members
from commune_portal.people.actors import PORTAL
from commune_portal.store import database
from commune_portal.wire import directory, enrolment, fields, protocol, requests
from commune_portal.wire.protocol import Refused
from tests.node.cast import invite, new_keys, new_office
from tests.node.conftest import Node, empty_node, node
from tests.views.node_door import Door, check, door

__all__ = ["door", "empty_node", "node"]


def test_the_clock_is_open_to_all_and_every_answer_tells_the_time(door: Door, node: Node) -> None:
    answer = door.client.get(protocol.CLOCK)
    assert answer.json == {"time": answer.headers["Node-Time"]}
    assert door.ask(node.first, "GET", protocol.MAILBOX).headers["Node-Time"]


EVERY_SIGNED = [
    ("POST", protocol.UPLOADS),
    ("HEAD", f"{protocol.UPLOADS}/1"),
    ("PATCH", f"{protocol.UPLOADS}/1"),
    ("DELETE", f"{protocol.UPLOADS}/1"),
    ("POST", protocol.MESSAGES),
    ("GET", protocol.MAILBOX),
    ("GET", f"{protocol.PACKETS}/{'ab' * 32}"),
    ("POST", protocol.RECEIPTS),
    ("GET", protocol.JOURNAL),
    ("POST", protocol.JOURNAL),
    ("GET", protocol.DIRECTORY),
    ("POST", protocol.VECTOR),
    ("POST", protocol.COMPARISON),
    ("GET", protocol.COMPARISON),
    ("GET", protocol.ORGANISATIONS),
    ("POST", protocol.SUBTREE),
    ("GET", protocol.LOST),
    ("GET", f"{protocol.LOST}/1"),
    ("GET", protocol.SENT),
]


@pytest.mark.parametrize(("method", "path"), EVERY_SIGNED)
def test_no_request_is_believed_without_a_member_s_signature(door: Door, node: Node, method: str, path: str) -> None:
    check(door.client.open(path, method=method), Refused.UNAUTHENTICATED)
    check(door.ask(new_keys(99), method, path), Refused.UNAUTHENTICATED)
    check(door.ask(node.first, method, path, node="H98"), Refused.UNAUTHENTICATED)
    check(door.ask(node.first, method, path, sent={"Range": "bytes=0-1"}), Refused.UNAUTHENTICATED)
    members.revoke_keys(PORTAL, node.first.member.uid, "thử thu hồi")
    check(door.ask(node.first, method, path), Refused.KEY_REVOKED)


def test_every_route_of_the_door_is_in_the_test_above(door: Door) -> None:
    routes = {
        (method, rule.rule.replace("<upload_id>", "1").replace("<sha256>", "ab" * 32).replace("<int:epoch>", "1"))
        for rule in door.client.application.url_map.iter_rules()
        if rule.endpoint.startswith("node_api.") and "<path:rest>" not in rule.rule
        for method in (rule.methods or set())
        if not (method == "HEAD" and "GET" in (rule.methods or set())) and (method != "OPTIONS")
    }
    public = {("GET", protocol.CLOCK), ("POST", protocol.ENROLMENT)}
    assert routes == {*EVERY_SIGNED, *public}


def test_a_stale_request_is_told_the_time_and_the_corrected_one_works(door: Door, node: Node) -> None:
    late = clock.now() - timedelta(hours=3)
    answer = door.ask(node.first, "GET", protocol.MAILBOX, created=late)
    check(answer, Refused.STALE)
    told = fields.instant(dict(answer.headers), "Node-Time")
    assert door.ask(node.first, "GET", protocol.MAILBOX, created=told).status_code == 200


def test_a_nonce_serves_once_within_twice_the_window_and_is_then_forgotten(
    door: Door, node: Node, monkeypatch: pytest.MonkeyPatch
) -> None:
    from commune_portal.node import contacts

    monkeypatch.setattr(contacts, "SWEPT_EVERY_SECONDS", 0.0)
    nonce = requests.new_nonce()
    assert door.ask(node.first, "GET", protocol.MAILBOX, nonce=nonce).status_code == 200
    check(door.ask(node.first, "GET", protocol.MAILBOX, nonce=nonce), Refused.REPLAYED)
    assert door.ask(node.second, "GET", protocol.MAILBOX, nonce=nonce).status_code == 200
    with clock.standing_at(clock.now() + timedelta(seconds=700)):
        assert door.ask(node.second, "GET", protocol.MAILBOX).status_code == 200
    with clock.standing_at(clock.now() + timedelta(seconds=1190)):
        check(door.ask(node.first, "GET", protocol.MAILBOX, nonce=nonce), Refused.REPLAYED)
    with clock.standing_at(clock.now() + timedelta(seconds=1300)):
        assert door.ask(node.second, "GET", protocol.MAILBOX).status_code == 200
        assert database.row("SELECT count(*) FROM nonces")[0] == 2


def test_a_changed_body_is_asked_for_again(door: Door, node: Node) -> None:
    answer = door.ask(node.first, "POST", protocol.VECTOR, b"changed", signed_body=b"signed")
    check(answer, Refused.DIGEST_MISMATCH)


def test_contact_and_skew_are_remembered(door: Door, node: Node) -> None:
    door.ask(node.first, "GET", protocol.MAILBOX, created=clock.now() - timedelta(seconds=120))
    found = database.row("SELECT skew_seconds, address FROM member_contacts WHERE member_id = ?", (1,))
    assert found[0] in (-121, -120)
    assert found[1] == "127.0.0.1"


def test_an_office_enrols_and_gets_its_own_entry_signed(door: Door) -> None:
    office = new_office(3)
    token = invite(office)
    body = enrolment.write_request(office.request(token))
    own = new_keys(0)
    for _ in range(2):
        answer = door.ask(office, "POST", protocol.ENROLMENT, body)
        found = directory.open_(answer.data, lambda _code, key: own.public_key if key == own.key_id else None)
        assert found.partial
        assert found.public_key(office.code, office.keys.key_id) == office.keys.public_key
    assert door.ask(office, "GET", protocol.MAILBOX).status_code == 200
    thief = new_office(3)
    thief.keys = new_keys(66)
    stolen = enrolment.write_request(thief.request(token))
    check(door.ask(thief, "POST", protocol.ENROLMENT, stolen), Refused.TOKEN_USED)


def test_an_enrolment_proves_that_it_holds_the_key(door: Door) -> None:
    office = new_office(3)
    body = enrolment.write_request(office.request(invite(office)))
    check(door.ask(new_keys(66), "POST", protocol.ENROLMENT, body), Refused.UNAUTHENTICATED)
    check(door.ask(office, "POST", protocol.ENROLMENT, b"{}"), Refused.MALFORMED)
    assert office.member.enrolled_at is None


def test_what_the_node_does_not_know_is_a_word_too(door: Door, node: Node) -> None:
    check(door.ask(node.first, "GET", f"{protocol.PREFIX}/news"), Refused.NOT_FOUND)
    check(door.ask(node.first, "PUT", protocol.MESSAGES), Refused.NOT_FOUND)
