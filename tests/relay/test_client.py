"""The client against a node on a real socket, which misbehaves where the test says so."""

from __future__ import annotations

import dataclasses
import socket
from collections.abc import Callable
from datetime import timedelta

import pytest

from commune_portal import clock
from commune_portal.errors import Malformed, NodeUnreachable
from commune_portal.relay.client import Delivery, NodeClient, PacketMissing, RefusedByNode, TryLater, identity_of
from commune_portal.rules import chain
from commune_portal.rules.chain import Checkpoint
from commune_portal.wire import checkpoint, enrolment, envelope, keys
from commune_portal.wire.enrolment import EnrolmentRequest
from commune_portal.wire.extract import JournalExtract, JournalLine
from commune_portal.wire.mailbox import Vector, Waiting
from commune_portal.wire.protocol import Refused
from commune_portal.wire.receipt import RefusalType, Verdict
from tests.fakes.wire import Fault, Faults, serving
from tests.relay.office import (
    NOON,
    ONE,
    ONES,
    TWO,
    TWOS,
    client,
    identity,
    node_with_two_members,
    sealed_envelope,
    sealed_receipt,
)


def once(fault: Fault, path_part: str) -> Faults:
    """A wire that does one thing to the first request whose path has a part, and then works."""
    left = [fault]
    return lambda _method, path: left.pop() if left and path_part in path else None


def delivered(answer: Delivery | PacketMissing) -> Delivery:
    assert isinstance(answer, Delivery)
    return answer


def test_a_small_message_goes_and_comes_in_one_round_trip_each() -> None:
    node, packet = node_with_two_members(), b"status 01"
    with serving(node) as wire:
        sent = sealed_envelope(packet)
        delivery = delivered(client(node, wire.address).commit(sent, packet))
        assert delivery.verdict is Verdict.ACCEPTED
        assert len(wire.seen) == 1
        there = client(node, wire.address, TWO)
        page = there.mailbox(0)
        assert [item.envelope for item in page.items] == [sent]
        there.acknowledge(sealed_receipt(sent))
        assert there.mailbox(0).items == ()
        assert [item.receipt for item in client(node, wire.address).mailbox(0).items] == [sealed_receipt(sent)]


def test_a_packet_that_the_node_lacks_is_asked_for() -> None:
    node = node_with_two_members()
    with serving(node) as wire:
        assert isinstance(client(node, wire.address).commit(sealed_envelope(b"x" * 100)), PacketMissing)
        assert node.messages == {}


@pytest.mark.parametrize("fault", [Fault.DROP_ANSWER, Fault.TRUNCATE_ANSWER, Fault.CORRUPT_ANSWER, Fault.LATE])
def test_a_lost_receipt_brings_the_original_receipt(fault: Fault) -> None:
    node, packet = node_with_two_members(), b"status 01"
    sent = sealed_envelope(packet)
    with serving(node, once(fault, "/messages")) as wire:
        there = client(node, wire.address)
        with pytest.raises(NodeUnreachable):
            there.commit(sent, packet)
        again = delivered(there.commit(sent, packet))
        assert [stored.receipt_bytes for stored in node.messages.values()] == [again.receipt_bytes]
        once_more = delivered(there.commit(sent, packet))
        assert (once_more.verdict, once_more.receipt_bytes) == (Verdict.DUPLICATE, again.receipt_bytes)
        assert len(node.boxes[TWO]) == 1


def test_a_request_that_the_wire_repeats_takes_effect_once() -> None:
    node, packet = node_with_two_members(), b"status 01"
    with serving(node, once(Fault.REPEAT, "/messages")) as wire:
        assert delivered(client(node, wire.address).commit(sealed_envelope(packet), packet)).verdict is Verdict.ACCEPTED
        assert len(node.boxes[TWO]) == 1


def test_the_same_id_with_other_bytes_is_refused_with_a_signature() -> None:
    node = node_with_two_members()
    with serving(node) as wire:
        there = client(node, wire.address)
        first = delivered(there.commit(sealed_envelope(b"one", "5d1c2f38-9c5e-4e2b-8a57-0d3c1f6a7b90"), b"one"))
        other = delivered(there.commit(sealed_envelope(b"two", "5d1c2f38-9c5e-4e2b-8a57-0d3c1f6a7b90"), b"two"))
        assert (first.verdict, other.verdict) == (Verdict.ACCEPTED, Verdict.REFUSED)
        assert other.receipt.refusal is RefusalType.CONFLICT


def test_a_foreign_sender_code_is_refused() -> None:
    node = node_with_two_members()
    with serving(node) as wire, pytest.raises(RefusedByNode) as caught:
        client(node, wire.address).commit(sealed_envelope(b"x", sender=TWO, recipient=ONE), b"x")
    assert caught.value.reason is Refused.NOT_PERMITTED
    assert node.messages == {}


def test_an_unknown_addressee_is_refused() -> None:
    node = node_with_two_members()
    with serving(node) as wire:
        answer = delivered(client(node, wire.address).commit(sealed_envelope(b"x", recipient="H99.77"), b"x"))
        assert answer.receipt.refusal is RefusalType.INVALID_ADDRESSEE


def test_a_receipt_for_another_message_or_of_another_key_proves_nothing() -> None:
    node, packet = node_with_two_members(), b"x"
    other = node_with_two_members()
    with serving(other) as wire:
        stranger = NodeClient(identity(node, wire.address), ONES, ONE)
        with pytest.raises(NodeUnreachable):
            stranger.commit(sealed_envelope(packet), packet)


@pytest.mark.parametrize("hours", [-3, 3, 24 * 400])
def test_a_clock_hours_wrong_works_after_one_answer(hours: int) -> None:
    node = node_with_two_members()
    node.clock_ahead = timedelta(hours=hours)
    with serving(node) as wire:
        there = client(node, wire.address)
        assert there.mailbox(0).items == ()
        assert len(wire.seen) == 2
        assert there.mailbox(0).items == ()
        assert len(wire.seen) == 3
        assert there.skew_seconds is not None
        assert abs(there.skew_seconds - hours * 3600) <= 2


def test_the_clock_is_told_to_anybody() -> None:
    node = node_with_two_members()
    with serving(node) as wire, clock.standing_at(NOON):
        assert client(node, wire.address).clock() == NOON


def _drop(_method: str, _path: str) -> Fault:
    return Fault.DROP_REQUEST


def _gateway(_method: str, _path: str) -> Fault:
    return Fault.GATEWAY_PAGE


@pytest.mark.parametrize("faults", [_drop, _gateway])
def test_silence_and_gateways_are_only_unreachable(faults: Callable[[str, str], Fault]) -> None:
    node = node_with_two_members()
    with serving(node, faults) as wire, pytest.raises(NodeUnreachable) as caught:
        client(node, wire.address).mailbox(0)
    assert not isinstance(caught.value, TryLater)


def test_nobody_listening_is_only_unreachable() -> None:
    node = node_with_two_members()
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        address = f"http://127.0.0.1:{taken.getsockname()[1]}"
        with pytest.raises(NodeUnreachable):
            client(node, address).mailbox(0)


def test_a_node_that_says_nothing_is_left_after_the_time_out() -> None:
    node = node_with_two_members()
    with socket.create_server(("127.0.0.1", 0)) as silent:
        address = f"http://127.0.0.1:{silent.getsockname()[1]}"
        with pytest.raises(NodeUnreachable):
            client(node, address, timeout_seconds=0.3).mailbox(0)


def test_a_busy_node_says_when_to_come_back() -> None:
    node = node_with_two_members()
    node.busy = Refused.TRY_LATER
    with serving(node) as wire, pytest.raises(TryLater) as caught:
        client(node, wire.address).mailbox(0)
    assert caught.value.retry_after_seconds == 7


def test_an_unknown_key_is_told_nothing_and_a_revoked_one_is_told_so() -> None:
    node = node_with_two_members()
    with serving(node) as wire:
        stranger = NodeClient(identity(node, wire.address), keys.from_seeds(bytes(32), bytes(32)), "H99.55")
        with pytest.raises(RefusedByNode) as caught:
            stranger.mailbox(0)
        assert caught.value.reason is Refused.UNAUTHENTICATED
        node.entries = [dataclasses.replace(entry, revoked_at=NOON) for entry in node.entries]
        with pytest.raises(RefusedByNode) as told:
            client(node, wire.address).mailbox(0)
        assert told.value.reason is Refused.KEY_REVOKED
        assert "thu hồi" in told.value.sentence


def test_a_damaged_request_is_sent_again_later() -> None:
    node = node_with_two_members()
    with serving(node, once(Fault.CORRUPT_REQUEST, "/messages")) as wire:
        there, sent = client(node, wire.address), sealed_envelope(b"x")
        with pytest.raises(NodeUnreachable):
            there.commit(sent, b"x")
        assert delivered(there.commit(sent, b"x")).verdict is Verdict.ACCEPTED


def test_an_office_enrols_with_its_file_once() -> None:
    node = node_with_two_members()
    with serving(node) as wire:
        file = enrolment.read(enrolment.write(node.enrolment_file("H99.03", wire.address)))
        fresh = keys.from_seeds(bytes(range(1, 33)), bytes(range(2, 34)))
        there = NodeClient(identity_of(file), fresh, "H99.03")
        request = EnrolmentRequest(
            token=file.token,
            code="H99.03",
            installation_uid="d0c",
            epoch=1,
            public_key=fresh.public_key,
            box_public_key=fresh.box_public_key,
            software="commune-portal/test",
        )
        answered, _ = there.enrol(request)
        assert [entry.code for entry in answered.entries] == ["H99.03"]
        assert there.enrol(request)[0] == answered
        assert there.mailbox(0).items == ()
        thief = NodeClient(identity_of(file), TWOS, "H99.03")
        with pytest.raises(RefusedByNode) as caught:
            thief.enrol(dataclasses.replace(request, public_key=TWOS.public_key, box_public_key=TWOS.box_public_key))
        assert caught.value.reason is Refused.TOKEN_USED


def test_the_directory_is_fetched_once_and_then_only_when_it_changes() -> None:
    node = node_with_two_members()
    with serving(node) as wire:
        there = client(node, wire.address)
        found = there.directory()
        assert found is not None
        entries, _, tag = found
        assert entries.public_key(TWO, TWOS.key_id) == TWOS.public_key
        assert entries.public_key(ONE, TWOS.key_id) is None
        assert there.directory(tag) is None


def test_the_journal_is_mirrored_and_countersigned() -> None:
    node = node_with_two_members()
    lines = [JournalLine(f'{{"seq":{number}}}', None, None) for number in (1, 2, 3)]
    heads = [chain.genesis("uid")]
    for line in lines:
        heads.append(chain.link(heads[-1], line.body.encode()))
    with serving(node) as wire:
        there = client(node, wire.address)
        assert there.journal().checkpoint.size == 0
        two = JournalExtract("uid", 0, 1, tuple(lines[:2]), Checkpoint(2, heads[2]))
        three = JournalExtract("uid", 0, 2, tuple(lines[1:]), Checkpoint(3, heads[3]))
        there.send_journal(two)
        note, data = there.send_journal(three)
        assert note.checkpoint == Checkpoint(3, heads[3])
        assert checkpoint.open_(data, node.code, node.keys.public_key) == note
        assert there.journal().note == data
        with pytest.raises(RefusedByNode) as caught:
            there.send_journal(dataclasses.replace(three, checkpoint=Checkpoint(3, heads[2])))
        assert caught.value.reason is Refused.JOURNAL_FORK


def test_the_vector_brings_back_a_lost_receipt() -> None:
    node = node_with_two_members()
    with serving(node, once(Fault.DROP_ANSWER, "/messages")) as wire:
        there, sent = client(node, wire.address), sealed_envelope(b"x")
        with pytest.raises(NodeUnreachable):
            there.commit(sent, b"x")
        written = envelope.parse_unverified(sent)
        lost = Waiting(written.message_id, written.packet_sha256)
        never = Waiting("00000000-0000-4000-8000-000000000000", "00" * 32)
        answer = there.compare(Vector(0, (lost, never)))
        assert answer.receipts == (node.messages[written.message_id].receipt_bytes,)
        assert answer.unknown == (never.message_id,)


@pytest.mark.parametrize("address", ["http://node.example", "http://localhost:1", "https://node.example", "ftp://x"])
def test_an_address_that_is_not_safe_is_never_called(address: str) -> None:
    node = node_with_two_members()
    with pytest.raises(Malformed):
        client(node, address)
