"""Taking packages, answering repetitions, handing them over, taking receipts home."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from commune_portal import clock, points
from commune_portal.node import mailbox, members, uploads, vectors
from commune_portal.node.mailbox import Answer
from commune_portal.node.refusals import ExchangeRefused
from commune_portal.people.actors import PORTAL
from commune_portal.rules.chain import Checkpoint
from commune_portal.store import database, files, journal
from commune_portal.wire import mailbox as wire
from commune_portal.wire import receipt
from commune_portal.wire.envelope import Envelope
from commune_portal.wire.mailbox import Vector, Waiting
from commune_portal.wire.protocol import Refused
from commune_portal.wire.receipt import Receipt, RefusalType, Verdict
from tests.node.cast import NODE_CODE, Office, enrol, new_keys
from tests.node.conftest import Node

PACKET = b"<edXML/>" * 50


def send(node: Node, office: Office, value: Envelope, packet: bytes | None = PACKET) -> Answer:
    return mailbox.take(office.member, office.seal(value), packet, node.limits)


def refused(node: Node, office: Office, value: Envelope, packet: bytes | None = PACKET) -> Refused:
    with pytest.raises(ExchangeRefused) as caught:
        send(node, office, value, packet)
    return caught.value.word


def opened(data: bytes) -> Receipt:
    own = new_keys(0)
    return receipt.open_(data, lambda code, key: own.public_key if (code, key) == (NODE_CODE, own.key_id) else None)


def rows() -> int:
    return int(database.row("SELECT count(*) FROM mailbox")[0])


def test_a_package_is_taken_with_a_receipt_whose_checkpoint_is_the_head_after_its_own_line(node: Node) -> None:
    value = node.first.envelope(node.second.code, PACKET)
    answer = send(node, node.first, value)
    assert answer.verdict is Verdict.ACCEPTED
    found = opened(answer.receipt)
    assert found.message_id == value.message_id
    assert found.checkpoint == journal.checkpoint()
    assert found.sender_checkpoint == value.checkpoint
    assert journal.lines_about(f"mailbox:{database.row('SELECT uid FROM mailbox')[0]}")[-1].seq == found.checkpoint.size
    assert files.path_of(value.packet_sha256).read_bytes() == PACKET


def test_a_repetition_gets_the_first_receipt_byte_for_byte(node: Node) -> None:
    value = node.first.envelope(node.second.code, PACKET)
    first = send(node, node.first, value)
    later = clock.now() + timedelta(days=30)
    with clock.standing_at(later):
        again = send(node, node.first, value)
        without = send(node, node.first, value, None)
    assert again.verdict is without.verdict is Verdict.DUPLICATE
    assert again.receipt == without.receipt == first.receipt
    assert rows() == 1


def test_the_same_id_with_other_bytes_is_refused_for_good_and_raised(node: Node) -> None:
    value = node.first.envelope(node.second.code, PACKET)
    send(node, node.first, value)
    other = node.first.envelope(node.second.code, b"other", message_id=value.message_id)
    answer = send(node, node.first, other, b"other")
    assert answer.refusal is RefusalType.CONFLICT
    assert opened(answer.receipt).refusal is RefusalType.CONFLICT
    lines = journal.checkpoint().size
    assert send(node, node.first, other, b"other").receipt == answer.receipt
    assert journal.checkpoint().size == lines
    assert rows() == 1


@pytest.mark.parametrize("change", [{"recipient": "H99.01"}, {"urgency": 3}])
def test_the_same_id_and_packet_in_another_envelope_is_a_conflict_too(node: Node, change: dict[str, Any]) -> None:
    value = node.first.envelope(node.second.code, PACKET)
    first = send(node, node.first, value)
    answer = send(node, node.first, replace(value, **change))
    assert answer.refusal is RefusalType.CONFLICT
    assert send(node, node.first, value).receipt == first.receipt


def test_the_id_of_another_office_s_message_gives_no_receipt_of_it(node: Node) -> None:
    value = node.first.envelope(node.second.code, PACKET)
    first = send(node, node.first, value)
    stolen = node.second.envelope(node.first.code, PACKET, message_id=value.message_id)
    answer = send(node, node.second, stolen)
    assert answer.refusal is RefusalType.CONFLICT
    assert answer.receipt != first.receipt


def test_an_unknown_or_closed_addressee_is_a_signed_refusal_that_stays(node: Node) -> None:
    value = node.first.envelope("H99.77", PACKET)
    answer = send(node, node.first, value)
    assert answer.refusal is RefusalType.INVALID_ADDRESSEE
    assert opened(answer.receipt).checkpoint == journal.checkpoint()
    assert send(node, node.first, value).receipt == answer.receipt
    assert not files.has(value.packet_sha256)
    members.close(PORTAL, node.second.member.uid, "sáp nhập")
    closed = send(node, node.first, node.first.envelope(node.second.code, PACKET))
    assert closed.refusal is RefusalType.INVALID_ADDRESSEE


def test_an_office_that_has_not_enrolled_yet_may_already_be_written_to(node: Node) -> None:
    from tests.node.cast import invite, new_office

    third = new_office(3)
    invite(third)
    assert send(node, node.first, node.first.envelope(third.code, PACKET)).verdict is Verdict.ACCEPTED


def test_a_packet_above_the_limit_is_a_signed_refusal(node: Node) -> None:
    value = node.first.envelope(node.second.code, PACKET, packet_bytes=node.limits.packet_bytes + 1)
    assert send(node, node.first, value, None).refusal is RefusalType.TOO_LARGE


def test_a_size_that_the_stored_packet_belies_is_a_signed_refusal(node: Node) -> None:
    send(node, node.first, node.first.envelope(node.second.code, PACKET))
    value = node.first.envelope(node.second.code, PACKET, packet_bytes=len(PACKET) + 1)
    assert send(node, node.first, value, None).refusal is RefusalType.MALFORMED


def test_a_foreign_sender_code_is_refused(node: Node) -> None:
    value = node.first.envelope(node.second.code, PACKET, sender=node.second.code)
    assert refused(node, node.first, value) is Refused.NOT_PERMITTED
    assert database.row("SELECT count(*) FROM receipts_given")[0] == 0


def test_an_envelope_with_a_wrong_signature_is_refused(node: Node) -> None:
    value = node.first.envelope(node.second.code, PACKET)
    lines = node.first.seal(value).split(b"\n")
    forged = lines[0].replace(b'"urgency":0', b'"urgency":3') + b"\n" + lines[1] + b"\n"
    answer = mailbox.take(node.first.member, forged, PACKET, node.limits)
    assert answer.refusal is RefusalType.NOT_PERMITTED
    with pytest.raises(ExchangeRefused) as caught:
        mailbox.take(node.first.member, b"not an envelope", PACKET, node.limits)
    assert caught.value.word is Refused.MALFORMED
    assert rows() == 0


def test_a_revoked_key_still_opens_what_it_signed_before_and_nothing_later(node: Node) -> None:
    old = node.first.keys
    frozen = node.first.envelope(node.second.code, PACKET)
    sealed = node.first.seal(frozen)
    node.first.keys, node.first.epoch = new_keys(11), 1
    with clock.standing_at(clock.now() + timedelta(minutes=1)):
        enrol(node.first)
    answer = mailbox.take(node.first.member, sealed, PACKET, node.limits)
    assert answer.verdict is Verdict.ACCEPTED
    node.first.keys = old
    late = node.first.envelope(node.second.code, PACKET, created=clock.now() + timedelta(hours=1))
    assert send(node, node.first, late).refusal is RefusalType.NOT_PERMITTED


def test_without_the_packet_the_node_asks_for_it(node: Node) -> None:
    value = node.first.envelope(node.second.code, PACKET)
    assert refused(node, node.first, value, None) is Refused.PACKET_MISSING
    assert send(node, node.first, value).verdict is Verdict.ACCEPTED


def test_a_packet_that_is_not_the_one_named_is_a_signed_refusal(node: Node) -> None:
    value = node.first.envelope(node.second.code, PACKET)
    assert send(node, node.first, value, PACKET[:-1]).refusal is RefusalType.MALFORMED
    assert rows() == 0


def test_one_packet_serves_many_envelopes_and_is_sent_once(node: Node) -> None:
    send(node, node.first, node.first.envelope(node.second.code, PACKET))
    answer = send(node, node.first, node.first.envelope(node.first.code, PACKET), None)
    assert answer.verdict is Verdict.ACCEPTED


def test_knowing_a_hash_is_not_enough_to_get_the_content(node: Node) -> None:
    from tests.node.cast import new_office

    value = node.first.envelope(node.second.code, PACKET)
    send(node, node.first, value)
    third = enrol(new_office(3))
    to_itself = third.envelope(third.code, PACKET)
    assert refused(node, third, to_itself, None) is Refused.PACKET_MISSING
    with pytest.raises(ExchangeRefused) as caught:
        mailbox.packet_for(third.member, value.packet_sha256)
    assert caught.value.word is Refused.NOT_FOUND
    assert mailbox.packet_for(node.second.member, value.packet_sha256).read_bytes() == PACKET


def test_a_full_disk_asks_to_come_back_and_leaves_nothing(node: Node) -> None:
    value = node.first.envelope(node.second.code, PACKET)
    with pytest.raises(ExchangeRefused) as caught:
        mailbox.take(node.first.member, node.first.seal(value), PACKET, replace(node.limits, disk_floor_bytes=2**60))
    assert caught.value.word is Refused.DISK_FULL
    assert rows() == 0


def test_the_mailbox_is_paged_by_a_cursor_and_shows_nobody_else_s(node: Node) -> None:
    values = [node.first.envelope(node.second.code, PACKET + bytes([index])) for index in range(5)]
    for index, value in enumerate(values):
        send(node, node.first, value, PACKET + bytes([index]))
    page = mailbox.waiting(node.second.member, 0, 3)
    assert page.more
    rest = mailbox.waiting(node.second.member, page.next_after, 3)
    assert not rest.more
    assert [item.envelope for item in (*page.items, *rest.items)] == [node.first.seal(value) for value in values]
    assert [item.packet for item in rest.items] == [PACKET + bytes([3]), PACKET + bytes([4])]
    assert mailbox.waiting(node.first.member, 0, 10).items == ()
    assert wire.read_page(wire.write_page(page)) == page


def test_an_addressee_s_receipt_goes_home_to_the_sender_and_twice_does_no_harm(node: Node) -> None:
    value = node.first.envelope(node.second.code, PACKET)
    send(node, node.first, value)
    theirs = node.second.receipt(value)
    assert len(mailbox.in_transit()) == 1
    for _ in range(2):
        mailbox.acknowledge(node.second.member, theirs)
    assert mailbox.in_transit() == []
    page = mailbox.waiting(node.first.member, 0, 10)
    assert [item.receipt for item in page.items] == [theirs]
    assert mailbox.waiting(node.second.member, 0, 10).items == ()
    again = node.second.receipt(value, checkpoint=Checkpoint(9, "ab" * 32))
    with pytest.raises(ExchangeRefused) as caught:
        mailbox.acknowledge(node.second.member, again)
    assert caught.value.word is Refused.CONFLICT
    assert [item.receipt for item in mailbox.waiting(node.first.member, 0, 10).items] == [theirs]


def test_a_restored_office_is_shown_again_what_it_fetched_before(node: Node) -> None:
    value = node.first.envelope(node.second.code, PACKET)
    send(node, node.first, value)
    mailbox.acknowledge(node.second.member, node.second.receipt(value))
    node.second.keys, node.second.epoch = new_keys(12), 1
    with clock.standing_at(clock.now() + timedelta(days=1)):
        enrol(node.second)
        assert len(mailbox.waiting(node.second.member, 0, 10).items) == 1
        mailbox.acknowledge(node.second.member, node.second.receipt(value))
        assert mailbox.waiting(node.second.member, 0, 10).items == ()
    assert len(mailbox.waiting(node.first.member, 0, 10).items) == 1


@pytest.mark.parametrize(
    ("make", "word"),
    [
        (lambda node, value: node.first.receipt(value), Refused.NOT_PERMITTED),
        (lambda node, value: b"nonsense", Refused.MALFORMED),
        (lambda node, value: node.second.receipt(value, packet_sha256="cd" * 32), Refused.NOT_FOUND),
        (
            lambda node, value: node.second.receipt(value, message_id="00000000-0000-0000-0000-000000000000"),
            Refused.NOT_FOUND,
        ),
        (lambda node, value: node.second.receipt(value)[:-4] + b"AA==", Refused.MALFORMED),
    ],
)
def test_a_receipt_that_is_not_the_addressee_s_is_refused(
    node: Node, make: Callable[[Node, Envelope], bytes], word: Refused
) -> None:
    value = node.first.envelope(node.second.code, PACKET)
    send(node, node.first, value)
    with pytest.raises(ExchangeRefused) as caught:
        mailbox.acknowledge(node.second.member, make(node, value))
    assert caught.value.word is word
    assert len(mailbox.in_transit()) == 1


def test_an_addressee_does_not_change_its_verdict(node: Node) -> None:
    value = node.first.envelope(node.second.code, PACKET)
    send(node, node.first, value)
    mailbox.acknowledge(node.second.member, node.second.receipt(value, RefusalType.MALFORMED))
    with pytest.raises(ExchangeRefused) as caught:
        mailbox.acknowledge(node.second.member, node.second.receipt(value))
    assert caught.value.word is Refused.CONFLICT


def test_the_vector_heals_a_lost_receipt_and_names_what_never_came(node: Node) -> None:
    sent, lost = (node.first.envelope(node.second.code, PACKET) for _ in range(2))
    answer = send(node, node.first, sent)
    mailbox.acknowledge(node.second.member, node.second.receipt(sent))
    said = Vector(0, tuple(Waiting(item.message_id, item.packet_sha256) for item in (sent, lost)))
    found = vectors.compare(node.first.member, said)
    assert found.receipts == (answer.receipt,)
    assert found.unknown == (lost.message_id,)
    assert found.mailbox_newest == 2
    assert vectors.compare(node.second.member, said).unknown == (sent.message_id, lost.message_id)


def test_many_at_once_take_each_package_once_and_give_one_receipt(node: Node) -> None:
    values = [node.first.envelope(node.second.code, PACKET) for _ in range(3)]
    answers: list[tuple[str, Answer]] = []

    def work(value: Envelope) -> None:
        answers.append((value.message_id, send(node, node.first, value)))
        database.close()

    threads = [threading.Thread(target=work, args=(value,)) for value in values for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(answers) == 12
    assert rows() == 3
    for value in values:
        mine = [answer for message_id, answer in answers if message_id == value.message_id]
        assert len({answer.receipt for answer in mine}) == 1
        assert sorted(answer.verdict.value for answer in mine) == ["accepted", "duplicate", "duplicate", "duplicate"]


class Stopped(BaseException):
    """The process dies here."""


@pytest.mark.parametrize("point", ["file-synced", "inside-transaction", "after-commit"])
def test_a_death_at_any_step_leaves_all_or_nothing_and_the_repetition_ends_well(
    node: Node, monkeypatch: pytest.MonkeyPatch, point: points.Point
) -> None:
    value = node.first.envelope(node.second.code, PACKET)

    def die(reached: points.Point) -> None:
        if reached == point:
            raise Stopped

    monkeypatch.setattr(points, "hook", die)
    with pytest.raises(Stopped):
        send(node, node.first, value)
    monkeypatch.setattr(points, "hook", None)
    kept = point == "after-commit"
    assert rows() == int(kept)
    assert database.row("SELECT count(*) FROM receipts_given")[0] == int(kept)
    assert node.verified().ok
    again = send(node, node.first, value)
    assert again.verdict is (Verdict.DUPLICATE if kept else Verdict.ACCEPTED)
    assert rows() == 1


def test_a_death_while_acknowledging_leaves_the_package_waiting(node: Node, monkeypatch: pytest.MonkeyPatch) -> None:
    value = node.first.envelope(node.second.code, PACKET)
    send(node, node.first, value)

    def die(reached: points.Point) -> None:
        if reached == "inside-transaction":
            raise Stopped

    monkeypatch.setattr(points, "hook", die)
    with pytest.raises(Stopped):
        mailbox.acknowledge(node.second.member, node.second.receipt(value))
    monkeypatch.setattr(points, "hook", None)
    assert len(mailbox.in_transit()) == 1
    assert mailbox.waiting(node.first.member, 0, 10).items == ()


def test_a_packet_goes_up_in_chunks_and_is_then_taken(node: Node) -> None:
    packet = bytes(range(256)) * 1000
    value = node.first.envelope(node.second.code, packet)
    upload = uploads.begin(node.first.member, value.packet_sha256, len(packet), value.message_id, node.limits)
    assert upload is not None
    for start in range(0, len(packet), 100_000):
        uploads.write(node.first.member, upload.id, start, packet[start : start + 100_000], node.limits)
    assert send(node, node.first, value, None).verdict is Verdict.ACCEPTED
    assert uploads.of_packet(node.first.member, value.packet_sha256) is None
    assert files.path_of(value.packet_sha256).read_bytes() == packet
