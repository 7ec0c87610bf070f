"""Who may speak for whom: announcements, and the directories that travel both ways."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from commune_portal.errors import Malformed, RuleBroken
from commune_portal.node import announcements, directory, members, parties, routes
from commune_portal.node.refusals import ExchangeRefused
from commune_portal.node.routes import Way
from commune_portal.people.actors import PORTAL
from commune_portal.store import database
from commune_portal.wire import directory as wire
from commune_portal.wire.directory import Directory, DirectoryEntry
from commune_portal.wire.protocol import Refused
from tests.node.cast import ADDRESS, Journal, Office, enrol, new_keys
from tests.node.tree import FIRST, PROVINCE, SECOND, A, B, Tree


@pytest.fixture
def tree(tmp_path: Path) -> Iterator[Tree]:
    made = Tree(tmp_path)
    made.found()
    yield made
    assert made.are_sound()
    made.close()


def listed(tree: Tree, code: str) -> dict[str, DirectoryEntry]:
    """What a node tells its own members."""
    with tree.at(code):
        found = wire.open_(directory.signed_directory().bytes, tree.key_of_node)
    return {entry.code: entry for entry in found.entries}


def reachable(tree: Tree, code: str) -> set[str]:
    with tree.at(code):
        return {row[0] for row in database.rows("SELECT code FROM organisations WHERE reachable = 1")}


def test_everybody_is_in_everybodys_directory(tree: Tree) -> None:
    for code in (FIRST, PROVINCE, SECOND):
        assert {PROVINCE, FIRST, SECOND, A.code, B.code} <= set(listed(tree, code))
    assert reachable(tree, FIRST) == {A.code, PROVINCE, SECOND, B.code}
    assert listed(tree, SECOND)[A.code].public_key == A.keys.public_key
    with tree.at(PROVINCE):
        assert database.row("SELECT source FROM organisations WHERE code = ?", (A.code,))[0] == "subtree"


def test_saying_the_same_again_changes_nothing(tree: Tree) -> None:
    def states() -> list[object]:
        with tree.at(PROVINCE):
            return [database.rows("SELECT * FROM organisation_keys"), database.rows("SELECT count(*) FROM journal")]

    before = states()
    assert tree.announce(FIRST).taken == 1
    assert states() == before
    with tree.at(PROVINCE):
        first = directory.signed_directory()
    tree.announce(SECOND)
    with tree.at(PROVINCE):
        assert directory.signed_directory().etag == first.etag


def test_a_revocation_travels_to_the_other_districts_communes(tree: Tree) -> None:
    with tree.at(FIRST):
        told = announcements.tag()
        members.revoke_keys(PORTAL, A.member.uid, "mất máy chủ")
        assert announcements.tag() != told
    tree.announce(FIRST)
    tree.directory_down(SECOND)
    assert listed(tree, SECOND)[A.code].revoked_at is not None
    assert A.code not in reachable(tree, SECOND)
    with tree.at(SECOND):
        late = A.envelope(B.code, b"x", created=listed(tree, SECOND)[A.code].valid_from.replace(year=2099))
        assert not parties.is_signed_by_its_sender(late, A.seal(late))
        early = replace(late, created=listed(tree, SECOND)[A.code].valid_from)
        assert parties.is_signed_by_its_sender(early, A.seal(early))


def test_a_key_that_is_announced_no_more_counts_as_revoked(tree: Tree) -> None:
    own = new_keys(101)
    with tree.at(FIRST):
        entry = listed(tree, FIRST)[FIRST]
    empty = Directory(node=FIRST, issued_at=entry.valid_from, partial=False, entries=(entry,), key_id=own.key_id)
    with tree.at(PROVINCE):
        assert announcements.hear(members.by_code(FIRST), wire.seal(empty, own)).taken == 0
    assert listed(tree, PROVINCE)[A.code].revoked_at is not None
    assert A.code not in reachable(tree, PROVINCE)


def test_codes_outside_the_subtree_are_passed_over_and_named(tree: Tree) -> None:
    own = new_keys(101)
    stranger = new_keys(55)
    entry = listed(tree, FIRST)[A.code]
    for code in ("H77.01", B.code, PROVINCE, SECOND):
        foreign = replace(entry, code=code, key_id=stranger.key_id, public_key=stranger.public_key, name="Xã giả")
        told = Directory(
            node=FIRST, issued_at=entry.valid_from, partial=False, entries=(entry, foreign), key_id=own.key_id
        )
        with tree.at(PROVINCE):
            heard = announcements.hear(members.by_code(FIRST), wire.seal(told, own))
            assert (heard.taken, heard.outside) == (1, (code,))
            assert not parties.is_known(code, stranger.key_id)
    assert listed(tree, PROVINCE)[B.code].public_key == B.keys.public_key


def test_anothers_key_cannot_be_taken_over_by_announcing_it(tree: Tree) -> None:
    own = new_keys(101)
    entry = listed(tree, FIRST)[A.code]
    theirs = listed(tree, PROVINCE)[B.code]
    mine = replace(theirs, code="H99.10.66", revoked_at=entry.valid_from)
    told = Directory(node=FIRST, issued_at=entry.valid_from, partial=False, entries=(entry, mine), key_id=own.key_id)
    with tree.at(PROVINCE):
        announcements.hear(members.by_code(FIRST), wire.seal(told, own))
        assert parties.key_of_party("H99.10.66", theirs.key_id) is None
    assert listed(tree, PROVINCE)[B.code].revoked_at is None


def test_only_a_node_announces_and_only_for_itself(tree: Tree) -> None:
    direct = Office("H99.05", new_keys(31), Journal("direct"))
    with tree.at(SECOND):
        others = announcements.own()
    with tree.at(PROVINCE):
        enrol(direct)
        for member, data, word in (
            (direct.member, others, Refused.NOT_PERMITTED),
            (members.by_code(FIRST), others, Refused.NOT_PERMITTED),
            (members.by_code(SECOND), others.replace(B.code.encode(), b"H99.20.02"), Refused.NOT_PERMITTED),
            (members.by_code(SECOND), b"?", Refused.MALFORMED),
        ):
            with pytest.raises(ExchangeRefused) as caught:
                announcements.hear(member, data)
            assert caught.value.word is word


def test_the_province_cannot_speak_for_a_districts_own_communes(tree: Tree) -> None:
    with tree.at(FIRST):
        before = parties.key_of_party(A.code, A.keys.key_id)
        members.revoke_keys(PORTAL, A.member.uid, "thử thu hồi")
    tree.directory_down(FIRST)  # the province has not heard of it: there A is still sound
    assert A.code not in reachable(tree, FIRST)
    assert listed(tree, FIRST)[A.code].revoked_at is not None
    with tree.at(FIRST):
        assert parties.key_of_party(A.code, A.keys.key_id) == before


def test_an_organisation_of_a_closed_district_is_listed_no_more(tree: Tree) -> None:
    with tree.at(PROVINCE):
        members.close(PORTAL, members.by_code(SECOND).uid, "giải thể cấp huyện")
    tree.directory_down(FIRST)
    assert B.code not in reachable(tree, FIRST)
    with tree.at(PROVINCE):
        assert routes.route(B.code) is None


@pytest.mark.parametrize(
    ("subtree", "error"),
    [("H99.10.*", RuleBroken), ("H99.10.01", RuleBroken), ("H99.*", RuleBroken), ("H99", RuleBroken), ("", Malformed)],
)
def test_no_two_nodes_hold_one_code(tree: Tree, subtree: str, error: type[Exception]) -> None:
    with tree.at(PROVINCE), pytest.raises(error):
        members.add_node(PORTAL, "H99.30", "Nút thứ ba", subtree=subtree, address=ADDRESS)


def test_a_direct_member_has_the_shorter_way(tree: Tree) -> None:
    direct = Office("H99.10.50", new_keys(32), Journal("direct"))
    with tree.at(PROVINCE):
        below = routes.route(direct.code)
        assert below is not None
        assert below.way is Way.BELOW
        enrol(direct)
        found = routes.route(direct.code, handed_by=members.by_code(FIRST))
        assert found is not None
        assert found.way is Way.MEMBER
        assert not routes.speaks_for(members.by_code(FIRST), direct.code)
        assert not routes.speaks_for(direct.member, FIRST)


def test_the_subtree_may_be_changed_with_a_new_file(tree: Tree) -> None:
    with tree.at(PROVINCE):
        members.add_node(PORTAL, FIRST, "Nút một", subtree="H99.10.* H99.11.*", address=ADDRESS)
        member = members.by_code(FIRST)
        assert routes.speaks_for(member, "H99.11.03")
        members.add_office(PORTAL, FIRST, "Nút một", address=ADDRESS)
        assert members.by_code(FIRST).is_node
