"""A message from commune to commune over two districts and a province, and what comes home."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from commune_portal import clock
from commune_portal.errors import Malformed, RuleBroken, Unauthenticated
from commune_portal.node import mailbox, members, uploads, upward
from commune_portal.node.refusals import ExchangeRefused
from commune_portal.people.actors import PORTAL
from commune_portal.store import database, files
from commune_portal.wire import receipt
from commune_portal.wire.protocol import Refused
from commune_portal.wire.receipt import Receipt, RefusalType, Verdict
from tests.node.cast import ADDRESS, Journal, Office, enrol, new_keys
from tests.node.tree import FIRST, PACKET, PROVINCE, SECOND, A, B, Tree

C = Office("H99.10.02", new_keys(12), Journal("commune-c"))


@pytest.fixture
def tree(tmp_path: Path) -> Iterator[Tree]:
    made = Tree(tmp_path)
    made.found()
    yield made
    assert made.are_sound()
    made.close()


def opened(data: bytes, tree: Tree) -> Receipt:
    communes = {office.keys.key_id: office.keys.public_key for office in (A, B)}
    return receipt.open_(data, lambda code, key: communes.get(key) or tree.key_of_node(code, key))


def count(statement: str) -> int:
    return int(database.row(statement)[0])


def test_a_message_crosses_three_nodes_and_the_receipt_of_the_last_comes_home(tree: Tree) -> None:
    value = A.envelope(B.code, PACKET)
    first = opened(tree.send(A, value, FIRST).receipt, tree)
    assert (first.receiver, first.verdict) == (FIRST, Verdict.ACCEPTED)
    assert tree.go_up(FIRST) == 1
    assert [item.envelope for item in tree.mailbox_of(SECOND)] == [A.seal(value)]
    assert tree.go_down(SECOND) == 1
    (item,) = tree.fetched(B, SECOND)
    assert item.envelope == A.seal(value)
    assert item.packet == PACKET
    given = tree.acknowledge(B, value, SECOND)
    assert tree.go_up(SECOND) == 1
    assert tree.go_down(FIRST) == 1
    assert [found.receipt for found in tree.fetched(A, FIRST)] == [given]
    assert opened(given, tree).receiver == B.code
    for code in (FIRST, PROVINCE, SECOND):
        with tree.at(code):
            assert mailbox.in_transit() == []
            assert database.row("SELECT recipient_receipt FROM mailbox WHERE kind = 'edoc'")[0].encode() == given


def test_each_node_holds_the_next_ones_signed_word_for_it(tree: Tree) -> None:
    value = A.envelope(B.code, PACKET)
    tree.send(A, value, FIRST)
    tree.go_up(FIRST)
    tree.go_down(SECOND)
    with tree.at(FIRST):
        above = upward.receipt_above(value.message_id)
    assert above is not None
    assert (above.receiver, above.message_id, above.verdict) == (PROVINCE, value.message_id, Verdict.ACCEPTED)
    assert above.sender_checkpoint == value.checkpoint  # the origin's, not the district's


def test_everything_twice_and_in_another_order_takes_effect_once(tree: Tree) -> None:
    value = A.envelope(B.code, PACKET)
    tree.send(A, value, FIRST)
    (item,) = tree.waiting_up(FIRST)
    answer = tree.hand_up(FIRST, item)
    assert tree.hand_up(FIRST, item) == answer  # the answer was lost
    with tree.at(FIRST):
        assert upward.delivered(item, answer)
        assert upward.delivered(item, answer) is False
    (down,) = tree.mailbox_of(SECOND)
    ours = tree.take_down(SECOND, down)
    assert tree.take_down(SECOND, down) == ours  # killed before the receipt was posted
    final = tree.acknowledge(B, value, SECOND)
    assert tree.go_up(SECOND) == 1  # the final receiver's word comes before the district's own
    with tree.at(PROVINCE):
        mailbox.acknowledge(members.by_code(SECOND), ours)
        mailbox.acknowledge(members.by_code(SECOND), ours)
        mailbox.acknowledge(members.by_code(SECOND), final)
    assert tree.mailbox_of(SECOND) == []
    assert tree.go_down(FIRST) == 1
    assert tree.go_down(FIRST) == 1  # receipts stay listed
    assert [found.receipt for found in tree.fetched(A, FIRST)] == [final]
    for code in (FIRST, PROVINCE, SECOND):
        with tree.at(code):
            assert count("SELECT count(*) FROM mailbox WHERE kind = 'edoc'") == 1
            assert count("SELECT count(*) FROM journal WHERE body LIKE '%package.taken%'") == 1


def test_what_the_province_does_not_know_comes_home_as_its_signed_refusal(tree: Tree) -> None:
    value = A.envelope("H77.05", PACKET)
    assert tree.send(A, value, FIRST).verdict is Verdict.ACCEPTED
    tree.go_up(FIRST)
    (item,) = tree.fetched(A, FIRST)
    assert item.receipt is not None
    found = opened(item.receipt, tree)
    assert (found.receiver, found.verdict, found.refusal) == (PROVINCE, Verdict.REFUSED, RefusalType.INVALID_ADDRESSEE)
    assert found.message_id == value.message_id
    with tree.at(FIRST):
        assert database.row("SELECT state FROM upward")[0] == "refused"
        assert mailbox.in_transit() == []


def test_a_refusal_by_the_district_below_comes_home_over_the_province(tree: Tree) -> None:
    value = A.envelope("H99.20.77", PACKET)  # within the second district, yet nobody there
    tree.send(A, value, FIRST)
    tree.go_up(FIRST)
    tree.go_down(SECOND)
    tree.go_down(FIRST)
    (item,) = tree.fetched(A, FIRST)
    assert item.receipt is not None
    assert opened(item.receipt, tree).receiver == SECOND
    assert opened(item.receipt, tree).refusal is RefusalType.INVALID_ADDRESSEE
    for code in (FIRST, PROVINCE):
        with tree.at(code):
            assert mailbox.in_transit() == []


def test_a_foreign_sender_is_refused_at_the_province(tree: Tree) -> None:
    value = B.envelope(A.code, PACKET)
    with tree.at(PROVINCE) as settings, pytest.raises(ExchangeRefused) as caught:
        mailbox.take(members.by_code(FIRST), B.seal(value), PACKET, settings.limits)
    assert caught.value.word is Refused.NOT_PERMITTED


def test_a_key_that_was_not_announced_is_tried_again_and_not_refused_for_good(tree: Tree) -> None:
    with tree.at(FIRST):
        enrol(C)
    value = C.envelope(B.code, PACKET)
    tree.send(C, value, FIRST)
    (item,) = tree.waiting_up(FIRST)
    with pytest.raises(ExchangeRefused) as caught:
        tree.hand_up(FIRST, item)
    assert caught.value.word is Refused.NOT_PERMITTED
    tree.announce(FIRST)
    assert opened(tree.hand_up(FIRST, item), tree).verdict is Verdict.ACCEPTED


def test_a_forged_origin_is_refused_for_good(tree: Tree) -> None:
    value = A.envelope(B.code, PACKET)
    body, _, _ = A.seal(value).partition(b"\n")
    _, _, signature = A.seal(A.envelope(B.code, PACKET)).partition(b"\n")
    forged = body + b"\n" + signature
    with tree.at(PROVINCE) as settings:
        answer = mailbox.take(members.by_code(FIRST), forged, PACKET, settings.limits)
    assert answer.refusal is RefusalType.NOT_PERMITTED


def test_a_message_never_goes_round(tree: Tree) -> None:
    tree.send(A, A.envelope(B.code, PACKET), FIRST)
    (item,) = tree.waiting_up(FIRST)
    assert item.trace == (FIRST,)
    with tree.at(PROVINCE) as settings:
        member = members.by_code(FIRST)
        for trace in ((PROVINCE, FIRST), tuple(f"H{number}" for number in range(9))):
            with pytest.raises(ExchangeRefused) as caught:
                mailbox.take(member, item.envelope, PACKET, settings.limits, trace)
            assert caught.value.word is Refused.NOT_PERMITTED
        back = A.envelope("H99.10.88", PACKET)  # the first district's own matter: it would come straight back
        answer = mailbox.take(member, A.seal(back), PACKET, settings.limits)
        assert answer.refusal is RefusalType.INVALID_ADDRESSEE


def test_what_came_from_above_never_goes_up_again(tree: Tree) -> None:
    value = A.envelope("H55", PACKET)
    with tree.at(SECOND) as settings:
        path = files.temporary(".edxml")
        path.write_bytes(PACKET)
        found = opened(upward.receive(A.seal(value), path, settings.limits), tree)
        assert found.refusal is RefusalType.INVALID_ADDRESSEE
        assert count("SELECT count(*) FROM upward") == 0


def test_an_unknown_origin_or_other_bytes_from_above_get_no_receipt(tree: Tree) -> None:
    stranger = Office("H99.10.09", new_keys(19), Journal("stranger"))
    with tree.at(SECOND) as settings:
        for sealed, packet, error in (
            (stranger.seal(stranger.envelope(B.code, PACKET)), PACKET, Unauthenticated),
            (A.seal(A.envelope(B.code, PACKET)), b"other", Malformed),
        ):
            path = files.temporary(".edxml")
            path.write_bytes(packet)
            with pytest.raises(error):
                upward.receive(sealed, path, settings.limits)
        assert count("SELECT count(*) FROM mailbox") == 0
        assert count("SELECT count(*) FROM receipts_given") == 0


def test_a_receipt_for_nothing_of_ours_is_passed_over(tree: Tree) -> None:
    value = A.envelope(B.code, PACKET)
    with tree.at(FIRST), pytest.raises(Malformed):
        upward.receiver_took(B.receipt(value))
    tree.send(A, value, FIRST)
    accepted = Office(PROVINCE, new_keys(100), Journal("province")).receipt(value)
    with tree.at(FIRST), pytest.raises(Malformed):
        upward.receiver_took(accepted)  # the province's «accepted» says nothing of the recipient


def test_urgent_ones_go_up_first_and_a_failure_waits_its_time(tree: Tree) -> None:
    values = [A.envelope(B.code, PACKET, urgency=urgency) for urgency in (0, 3, 1)]
    for value in values:
        tree.send(A, value, FIRST)
    assert [item.urgency for item in tree.waiting_up(FIRST)] == [3, 1, 0]
    with tree.at(FIRST):
        now = clock.now()
        assert upward.anything_more_urgent(1, now)
        upward.attempt_failed(values[1].message_id, "không tới được", now + timedelta(minutes=5))
        assert not upward.anything_more_urgent(1, now)
        assert len(upward.waiting(now, 9)) == 2
        assert len(upward.waiting(now + timedelta(minutes=6), 9)) == 3
        assert len(upward.waiting(now - timedelta(days=2), 9)) == 3  # the clock was set back


def test_messages_of_one_second_go_up_in_the_order_in_which_they_came(tree: Tree) -> None:
    with clock.standing_at(clock.now()):
        values = [A.envelope(B.code, PACKET) for _ in range(6)]
        for value in values:
            tree.send(A, value, FIRST)
        assert [item.message_id for item in tree.waiting_up(FIRST)] == [value.message_id for value in values]


def test_the_packet_is_for_those_on_the_way_alone(tree: Tree) -> None:
    value = A.envelope(B.code, PACKET)
    tree.send(A, value, FIRST)
    tree.go_up(FIRST)
    with tree.at(PROVINCE):
        assert uploads.may_fetch(members.by_code(FIRST), value.packet_sha256)
        assert uploads.may_fetch(members.by_code(SECOND), value.packet_sha256)
        members.add_node(PORTAL, "H99.30", "Nút thứ ba", subtree="H99.30.*", address=ADDRESS)
        assert not uploads.may_fetch(members.by_code("H99.30"), value.packet_sha256)


def test_a_node_cannot_be_above_and_below_the_same(tree: Tree) -> None:
    with tree.at(FIRST):
        file = members.add_node(PORTAL, "H98", "Nút khác", subtree="H98.*", address=ADDRESS)
        del file
    with tree.at(PROVINCE):
        own = members.add_office(PORTAL, "H98", "Nút khác", address=ADDRESS)
    with tree.at(FIRST), pytest.raises(RuleBroken):
        upward.introduce(PORTAL, own.replace(b'"H99"', b'"H98"'), tree.settings[FIRST].secrets_folder)
