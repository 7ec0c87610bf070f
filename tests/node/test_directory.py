"""The signed directory and the list of organisations."""

from __future__ import annotations

import pytest

from commune_portal.errors import Malformed
from commune_portal.node import directory, members, organisations
from commune_portal.people.actors import PORTAL
from commune_portal.store import database
from commune_portal.wire import directory as wire
from tests.node.cast import NODE_CODE, enrol, new_keys, new_office
from tests.node.conftest import Node


def opened(signed: directory.SignedDirectory) -> wire.Directory:
    own = new_keys(0)
    return wire.open_(
        signed.bytes, lambda code, key: own.public_key if (code, key) == (NODE_CODE, own.key_id) else None
    )


def test_the_directory_carries_every_key_with_its_validity(node: Node) -> None:
    old = node.first.keys
    node.first.keys, node.first.epoch = new_keys(11), 1
    enrol(node.first)
    found = opened(directory.signed_directory())
    assert not found.partial
    assert [(entry.code, entry.key_id, entry.revoked_at is None) for entry in found.entries] == [
        (NODE_CODE, new_keys(0).key_id, True),
        (node.first.code, old.key_id, False),
        (node.first.code, node.first.keys.key_id, True),
        (node.second.code, node.second.keys.key_id, True),
    ]


def test_equal_content_has_equal_bytes_and_a_change_another_tag(node: Node) -> None:
    before = directory.signed_directory()
    assert directory.signed_directory() == before
    enrol(new_office(3))
    assert directory.signed_directory().etag != before.etag


def test_the_answer_to_an_enrolment_shows_the_office_itself_alone(node: Node) -> None:
    found = opened(directory.answer_to_enrolment(node.second.member.id))
    assert found.partial
    assert [entry.code for entry in found.entries] == [node.second.code]


def test_organisations_come_from_csv_and_a_known_code_gets_the_new_name(node: Node) -> None:
    data = "\ufeffcode;name;code_legacy\nH99.50;Sở Nội vụ;000.00.50.H99\n\nH99.01;UBND xã Đổi Tên;\n".encode()
    assert organisations.import_organisations(PORTAL, data) == 2
    assert database.rows("SELECT code, code_legacy, name, folded, reachable FROM organisations ORDER BY code") == [
        ("H99.01", "", "UBND xã Đổi Tên", "ubnd xa doi ten h99.01", 1),
        ("H99.02", "", "UBND xã số H99.02", "ubnd xa so h99.02 h99.02", 1),
        ("H99.50", "000.00.50.H99", "Sở Nội vụ", "so noi vu h99.50 000.00.50.h99", 0),
    ]
    assert [member.code for member in members.every_member()] == ["H99.01", "H99.02"]


@pytest.mark.parametrize(
    "data",
    [b"\xff\xfe", b"ma,ten\nH99.50,S\n", "code,name\nH99.50,Sở\nH99 51,Sở\n".encode(), b"code,name\nH99.50,\n"],
)
def test_a_wrong_csv_changes_nothing(node: Node, data: bytes) -> None:
    with pytest.raises(Malformed):
        organisations.import_organisations(PORTAL, data)
    assert database.row("SELECT count(*) FROM organisations")[0] == 2
