"""One poison item never delays the next: unread, unvouched, unfetchable, or one that the reader itself trips over."""

from __future__ import annotations

import dataclasses
import time
from datetime import timedelta
from pathlib import Path

import pytest

from commune_portal import clock
from commune_portal.documents import arrivals, vectors
from commune_portal.people import peers
from commune_portal.relay.memory import STUMBLES, Memory
from commune_portal.store import database
from commune_portal.wire import envelope, protocol, receipt
from commune_portal.wire.protocol import Refused
from tests.cast import NODE_CODE, OFFICE_CODE, OTHER_CODE, Cast
from tests.documents.partner import keys_of
from tests.fakes.exchange import Answer, No
from tests.fakes.wire import Fault
from tests.relay.linked import KIBIBYTE, Link, arrived, linked, queue, states, until


def unknown_sender(link: Link, age: timedelta) -> None:
    """A message in the mailbox whose signer no directory lists."""
    packet = link.partner.edoc(77)
    stranger = keys_of("stranger")
    written = dataclasses.replace(
        link.partner.envelope(packet), key_id=stranger.key_id, created=clock.now() - age, sender="H99.66"
    )
    link.node._put(OFFICE_CODE, envelope=envelope.seal(written, stranger))


def aside() -> list[str]:
    return [row[0] for row in database.rows("SELECT reason FROM quarantine ORDER BY id")]


def test_a_signer_that_is_not_listed_yet_is_waited_for_some_days_and_not_one_byte_is_fetched(office: Cast) -> None:
    fetched: list[str] = []
    with linked(office) as link:
        link.node._done = lambda item: False  # type: ignore[method-assign] # it lists what it does not know
        unknown_sender(link, timedelta(hours=1))
        link.node.before = lambda _method, path: fetched.append(path) if protocol.PACKETS in path else None
        assert link.worker().contact()
        assert (link.cursor(), aside(), fetched) == (0, [], [])
        with clock.standing_at(clock.now() + timedelta(days=4)):
            assert link.worker().contact()
        assert link.cursor() == 1
        assert len(aside()) == 1
        assert fetched == []


def test_a_packet_that_the_node_cannot_give_does_not_hold_the_next_one_up(office: Cast) -> None:
    lost: list[str] = []

    def faults(_method: str, path: str) -> Fault | None:
        return Fault.GATEWAY_PAGE if lost and lost[0] in path else None

    with linked(office, faults) as link:
        poison = link.arrives(link.partner.edoc(1, pdf=b"%PDF-1.7\n" + bytes(40 * KIBIBYTE)), urgency=3)
        lost.append(link.node.messages[poison].envelope.packet_sha256)
        good = link.arrives(link.partner.edoc(2))
        assert link.worker().contact()
        assert arrived() == [good]
        lost.clear()
        assert link.worker().contact()
        assert sorted(arrived()) == sorted([good, poison])


def test_a_packet_that_is_damaged_at_the_node_does_not_hold_the_next_one_up(office: Cast) -> None:
    with linked(office) as link:
        poison = link.arrives(link.partner.edoc(1, pdf=b"%PDF-1.7\n" + bytes(40 * KIBIBYTE)), urgency=3)
        sha256 = link.node.messages[poison].envelope.packet_sha256
        whole = link.node.packets[OTHER_CODE, sha256]
        link.node.packets[OTHER_CODE, sha256] = b"\0" * len(whole)
        good = link.arrives(link.partner.edoc(2))
        assert link.worker().contact()
        assert arrived() == [good]
        link.node.packets[OTHER_CODE, sha256] = whole
        assert link.worker().contact()
        assert sorted(arrived()) == sorted([good, poison])


def test_what_the_reader_itself_trips_over_is_put_aside_and_the_thread_goes_on(
    office: Cast, monkeypatch: pytest.MonkeyPatch
) -> None:
    receive = arrivals.receive
    with linked(office) as link:
        poison = link.arrives(link.partner.edoc(1), urgency=3)

        def tripping(sealed: bytes, packet: Path) -> bytes:
            if envelope.parse_unverified(sealed).message_id == poison:
                raise ZeroDivisionError("nobody foresaw this")
            return receive(sealed, packet)

        monkeypatch.setattr(arrivals, "receive", tripping)
        good = link.arrives(link.partner.edoc(2))
        worker = link.worker()
        for _ in range(STUMBLES):
            with pytest.raises(ZeroDivisionError):
                worker.contact()
            worker._memory.stumbled()  # as the thread's catch-all does
            database.roll_back_leftover()
        assert worker.contact()
        assert arrived() == [good]
        assert len(aside()) == 1


def test_a_thread_that_stumbles_goes_on_by_itself(office: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    tripped: list[int] = []

    def tripping(limit: int = 20) -> list[int]:
        tripped.append(limit)
        raise ZeroDivisionError("nobody foresaw this")

    with linked(office) as link:
        monkeypatch.setattr(arrivals, "unchecked", tripping)
        worker = link.worker()
        monkeypatch.setattr(worker._stop, "wait", lambda _seconds: time.sleep(0.02))  # its pauses after a stumble
        worker.start()
        try:
            message_id = queue()
            until(lambda: states()[message_id] == "delivered")
            assert worker.is_alive
            assert len(tripped) == STUMBLES  # then the link goes first
        finally:
            worker.stop()


def test_only_what_was_in_hand_is_blamed() -> None:
    memory = Memory()
    memory.stumbled()
    memory.take_up(b"one")
    memory.put_down()
    memory.stumbled()
    assert not memory.is_poison(b"one")
    for _ in range(STUMBLES):
        memory.take_up(b"one")
        memory.stumbled()
    assert memory.is_poison(b"one")
    assert not memory.is_poison(b"two")


def test_an_item_that_the_node_stumbles_over_lets_the_others_go(office: Cast) -> None:
    bad: list[int] = []

    def faults(method: str, path: str) -> Fault | None:
        if (method, path) == ("POST", protocol.MESSAGES) and not bad:
            bad.append(1)
            return Fault.GATEWAY_PAGE
        return None

    with linked(office, faults) as link:
        first, second = queue(urgency=2), queue()
        assert link.worker().contact() is False  # the link is not said to be well, but the second one went
        assert states() == {first: "ready", second: "delivered"}


def test_a_contact_with_nothing_open_is_small_and_asks_for_no_mailbox(office: Cast) -> None:
    with linked(office) as link:
        worker = link.worker()
        assert worker.contact()
        assert worker.contact()
        link.wire.seen.clear()
        assert worker.contact()
        asked = [path for _, path, _ in link.wire.seen]
        assert protocol.VECTOR in asked
        assert not any(path.startswith(protocol.MAILBOX) for path in asked)
        assert sum(count for _, path, count in link.wire.seen if path == protocol.VECTOR) < 200


def test_a_node_that_was_put_back_is_read_from_the_beginning_and_gets_again_what_it_lost(office: Cast) -> None:
    with linked(office) as link:
        theirs = link.arrives(link.partner.edoc())
        assert link.worker().contact()
        assert link.cursor() == 1
        peers.move_cursor(NODE_CODE, 9)  # what it had told of later, it has forgotten
        later = link.arrives(link.partner.edoc(8))
        assert link.worker().contact()
        assert arrived() == [theirs, later]


def test_the_whole_vector_goes_first_and_then_once_a_day(office: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[bool] = []
    made = vectors.vector

    def noted(cursor: int, *, whole: bool) -> object:
        asked.append(whole)
        return made(cursor, whole=whole)

    monkeypatch.setattr(vectors, "vector", noted)
    with linked(office) as link:
        worker = link.worker()
        for _ in range(3):
            assert worker.contact()
    assert asked == [True, False, False]


def test_a_receipt_that_the_node_refuses_does_not_hold_the_next_one_up(office: Cast) -> None:
    with linked(office) as link:
        first, second = link.arrives(link.partner.edoc(1)), link.arrives(link.partner.edoc(2))
        take = link.node._receipt

        def refusing(member: str, body: bytes) -> Answer:
            if receipt.parse_unverified(body).message_id == first:
                raise No(Refused.NOT_PERMITTED)
            return take(member, body)

        link.node._receipt = refusing  # type: ignore[method-assign]  # a node that plays up
        assert link.worker().contact()
        assert arrived() == [first, second]
        assert link.node.messages[second].recipient_receipt is not None
        assert link.cursor() == 0
        link.node._receipt = take  # type: ignore[method-assign]  # and is itself again
        assert link.worker().contact()
        assert link.node.messages[first].recipient_receipt is not None
        assert link.cursor() == 1  # the second is listed no more
