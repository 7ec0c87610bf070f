"""The relay's rounds with a node behind a real socket that drops, repeats, reorders, truncates, and goes away."""

from __future__ import annotations

import dataclasses
import random
from datetime import timedelta

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from commune_portal import clock
from commune_portal.documents import arrivals, incoming, outbox
from commune_portal.people import peers, trail
from commune_portal.relay.client import Delivery
from commune_portal.store import database, files
from commune_portal.wire import protocol, receipt
from commune_portal.wire.receipt import Verdict
from tests.cast import NODE_CODE, OFFICE_CODE, OTHER_CODE, Cast
from tests.fakes.node import FakeNode
from tests.fakes.wire import Fault, Faults, seeded
from tests.relay.linked import (
    KIBIBYTE,
    QUICK,
    Impatient,
    Link,
    arrived,
    assert_agreed,
    bytes_patched,
    is_quiet,
    linked,
    queue,
    states,
    until,
)


def test_the_first_contact_enrols_and_carries_both_ways(office: Cast) -> None:
    with linked(office) as link:
        mine, theirs = queue(), link.arrives(link.partner.edoc())
        assert link.worker().contact()
        assert peers.peer().enrolled_at is not None
        assert peers.pending_enrolment(link.office.settings.secrets_folder) is None
        assert arrived() == [theirs]
        assert states()[mine] == "delivered"
        assert set(states().values()) == {"delivered"}
        assert len(states()) == 2  # ours, and the 01 that the arrival asked for
        assert is_quiet(link)
        assert_agreed(link)
        assert len(link.node.mirrors[OFFICE_CODE].lines) == trail.journal_size()


def wild(seed: int, share: float) -> Faults:
    """Every fault, but no damaged page of the mailbox: it is not signed in itself, only TLS keeps it whole."""
    fault = seeded(seed, share)

    def chosen(method: str, path: str) -> Fault | None:
        found = fault(method, path)
        return None if found is Fault.CORRUPT_ANSWER and path.startswith(protocol.MAILBOX) else found

    return chosen


@settings(deadline=None, max_examples=6, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(seed=st.integers(0, 2**32), share=st.sampled_from([0.1, 0.3, 0.5]), size=st.integers(1, 200 * KIBIBYTE))
def test_over_a_wire_that_fails_at_random_everything_takes_effect_once(
    office: Cast, seed: int, share: float, size: int
) -> None:
    earlier = set(arrived())
    forget_node()
    with linked(office, wild(seed, share)) as link:
        source = random.Random(seed)
        mine = [queue(source.randbytes(size)), queue(), queue(urgency=2)]
        theirs = [link.arrives(link.partner.edoc(serial)) for serial in range(1, 4)]
        theirs.append(link.arrives(link.partner.edoc(9, pdf=b"%PDF-1.7\n" + source.randbytes(size))))
        poison = link.arrives(b"hong " + source.randbytes(20))
        for _ in range(300):
            if is_quiet(link):
                break
            worker = link.worker()  # a new one each round: what it knew is lost, as by a restart
            worker.contact()
            outbox.send_now(office.clerk)
        assert is_quiet(link), (seed, share, size)
        assert sorted(set(arrived()) - earlier) == sorted(theirs)
        assert len(arrived()) == len(set(arrived()))
        assert set(mine) <= set(states())
        refused = link.node.messages[poison].recipient_receipt
        assert refused is not None
        assert receipt.parse_unverified(refused).verdict is Verdict.REFUSED
        assert_agreed_for(link, mine, theirs)


def forget_node() -> None:
    """Each example has a node of its own: what was said to the one before is no longer asked for."""
    database.write_working("DELETE FROM contacts")
    database.write_working("DELETE FROM organisation_keys")
    database.write_working("UPDATE outbox SET state = 'delivered'")


def assert_agreed_for(link: Link, mine: list[str], theirs: list[str]) -> None:
    """The same as `assert_agreed`, for the messages of one example."""
    for message_id in mine:
        sealed = database.row("SELECT envelope FROM outbox WHERE message_id = ?", (message_id,))[0].encode()
        assert link.node.sent[message_id] == {sealed}
        assert link.node.messages[message_id].envelope_bytes == sealed
        assert states()[message_id] == "delivered"
        assert database.row("SELECT count(*) FROM receipts WHERE message_id = ?", (message_id,))[0] == 1
    for message_id in theirs:
        first = [stored for stored in link.node.messages.values() if stored.envelope.in_reply_to == message_id]
        assert len(first) == 1  # its 01, once


def test_a_retry_is_byte_identical_and_a_lost_receipt_brings_the_original(office: Cast) -> None:
    plan = iter([Fault.DROP_ANSWER, Fault.TRUNCATE_ANSWER, Fault.GATEWAY_PAGE, Fault.CORRUPT_ANSWER])

    def faults(method: str, path: str) -> Fault | None:
        return next(plan, None) if (method, path) == ("POST", protocol.MESSAGES) else None

    with linked(office, faults) as link:
        link.node.compares = False  # else the answer to the vector brings it at the second contact
        message_id = queue()
        worker = link.worker()
        assert [worker.contact() for _ in range(5)] == [False] * 4 + [True]
        assert link.wire.done[:1] == [Fault.DROP_ANSWER]
        assert len(link.node.messages) == 1
        assert len(link.node.sent[message_id]) == 1
        assert database.row("SELECT attempts, state FROM outbox") == (4, "delivered")
        assert_agreed(link)


def test_a_node_that_is_away_for_a_month_loses_nothing_and_asks_for_nobody(office: Cast) -> None:
    away = [False]
    with linked(office, lambda _method, _path: Fault.DROP_REQUEST if away[0] else None) as link:
        worker = link.worker()
        assert worker.contact()
        away[0] = True
        mine = [queue(), queue(urgency=3)]
        theirs = link.arrives(link.partner.edoc())
        now = clock.now()
        for day in range(30):
            with clock.standing_at(now + timedelta(days=day)):
                assert worker.contact() is False
                contact = peers.contact(NODE_CODE)
                assert contact.failures == day + 1
                assert contact.next_attempt_at is not None
                assert contact.next_attempt_at <= clock.now() + timedelta(hours=2)
        assert [states()[message_id] for message_id in mine] == ["ready", "ready"]
        away[0] = False
        with clock.standing_at(now + timedelta(days=31)):
            assert worker.contact()
            assert peers.contact(NODE_CODE).failures == 0
            assert arrived() == [theirs]
            assert set(states().values()) == {"delivered"}
            assert list(link.node.messages)[:1] == [theirs]
            assert [key for key in link.node.messages if key in mine] == mine[::-1]  # the urgent one first
            assert_agreed(link)


def test_the_thread_finds_the_node_again_by_itself(office: Cast) -> None:
    away = [True]
    with linked(office, lambda _method, _path: Fault.DROP_REQUEST if away[0] else None) as link:
        worker = link.worker()
        worker.start()
        try:
            message_id = queue()
            until(lambda: peers.contact(NODE_CODE).failures >= 2)
            assert states()[message_id] == "ready"
            assert outbox.state().last_reason != ""
            away[0] = False
            until(lambda: states()[message_id] == "delivered")
            later = queue()
            until(lambda: states()[later] == "delivered")
            assert outbox.state().failures == 0
            assert worker.is_alive
        finally:
            worker.stop()
        assert not worker.is_alive


def test_an_urgent_item_overtakes_a_long_upload_between_two_chunks(office: Cast) -> None:
    with linked(office) as link:
        long = random.Random(5).randbytes(400 * KIBIBYTE)
        slow, urgent, order = queue(long), [""], []

        def before(method: str, path: str) -> None:
            order.append((method, path.rpartition("/")[2]))
            if [item[0] for item in order].count("PATCH") == 3 and not urgent[0]:
                urgent[0] = queue(urgency=3)
                database.close()  # this is a thread of the node's

        link.node.before = before
        assert link.worker().contact()
        assert [key for key in link.node.messages if key in (slow, urgent[0])] == [urgent[0], slow]
        kinds = [name for name, _ in order if name == "PATCH"]
        assert len(kinds) == 25
        assert bytes_patched(link.wire) == len(long)  # it stepped aside without losing a byte
        first_message = next(place for place, item in enumerate(order) if item == ("POST", "messages") and place > 5)
        assert [name for name, _ in order[:first_message]].count("PATCH") == 3
        assert_agreed(link)


def test_a_new_worker_goes_on_where_the_node_is(office: Cast) -> None:
    with linked(office) as link:
        long = random.Random(6).randbytes(300 * KIBIBYTE)
        message_id, patches, worker = queue(long), [0], link.worker()

        def before(method: str, _path: str) -> None:
            patches[0] += method == "PATCH"
            if patches[0] == 5:
                worker._stop.set()

        link.node.before = before
        worker.contact()
        assert states()[message_id] == "ready"
        assert bytes_patched(link.wire) == 5 * 16 * KIBIBYTE
        link.node.before = lambda _method, _path: None
        assert link.worker().contact()
        assert states()[message_id] == "delivered"
        assert bytes_patched(link.wire) == len(long)
        assert_agreed(link)


def test_an_interrupted_download_goes_on_at_the_size_on_disk(office: Cast) -> None:
    asked: list[str] = []
    with linked(office) as link:
        whole = random.Random(7).randbytes(2500 * KIBIBYTE)
        theirs = link.arrives(link.partner.edoc(pdf=b"%PDF-1.7\n" + whole))
        worker = link.worker()

        def before(method: str, path: str) -> None:
            if path.startswith(protocol.PACKETS):
                asked.append(path)
                if len(asked) == 2:
                    worker._stop.set()

        link.node.before = before
        worker.contact()
        assert arrived() == []
        assert link.worker().contact()
        assert arrived() == [theirs]
        size = link.node.messages[theirs].envelope.packet_bytes
        assert len(asked) == -(-size // (1024 * KIBIBYTE))
        assert not list((link.office.settings.work_folder / "fetched").iterdir())
        assert_agreed(link)


def test_poison_in_the_mailbox_does_not_delay_the_next(office: Cast) -> None:
    with linked(office) as link:
        link.node._put(OFFICE_CODE, envelope=b"khong phai phong bi\n")
        poison = link.arrives(b"khong phai goi tin")
        good = link.arrives(link.partner.edoc())
        assert link.worker().contact()
        assert arrived() == [good]
        aside = database.rows("SELECT message_id, packet_sha256 FROM quarantine ORDER BY id")
        assert sorted(row[0] == poison for row in aside) == [False, True]
        nameless = next(row[1] for row in aside if row[0] != poison)
        assert files.path_of(nameless).read_bytes() == b"khong phai phong bi\n"
        refused = link.node.messages[poison].recipient_receipt
        assert refused is not None
        assert receipt.parse_unverified(refused).verdict is Verdict.REFUSED
        assert link.cursor() == 3  # what nobody could read is aside and is asked for no more
        later = link.arrives(link.partner.edoc(8))
        assert link.worker().contact()
        assert arrived() == [good, later]


def test_a_receipt_for_a_message_that_a_restore_forgot_is_passed_over(office: Cast) -> None:
    with linked(office) as link:
        assert link.worker().contact()
        foreign = link.partner.sealed(b"da gui truoc khi khoi phuc", sender=OTHER_CODE)
        link.node._put(OFFICE_CODE, receipt=link.partner.receipt(foreign))
        assert link.worker().contact()
        assert link.cursor() == 1
        assert database.rows("SELECT * FROM receipts") == []


def test_an_item_whose_file_is_gone_does_not_hold_up_the_queue(office: Cast) -> None:
    with linked(office) as link:
        lost, sound = queue(urgency=1), queue()
        sha256 = database.row("SELECT packet_sha256 FROM outbox WHERE message_id = ?", (lost,))[0]
        files.path_of(sha256).unlink()
        with clock.standing_at(clock.now()):
            slow = dataclasses.replace(link.office.settings, relay=dataclasses.replace(QUICK, retry_seconds=(60.0,)))
            assert Impatient(slow).contact()
        assert states() == {lost: "ready", sound: "delivered"}
        assert "Thiếu tệp" in database.row("SELECT last_reason FROM outbox WHERE message_id = ?", (lost,))[0]


def test_an_arrival_that_cannot_be_checked_stops_neither_the_others_nor_the_relay(office: Cast) -> None:
    with linked(office) as link:
        link.arrives(link.partner.edoc(1))
        link.arrives(link.partner.edoc(2, pdf=b"%PDF-1.7\n% khac\n"))
        worker = link.worker()
        assert worker.contact()
        first, second = arrivals.unchecked()
        main = database.row("SELECT sha256 FROM attachments WHERE owner_id = ? AND part = 'main'", (first,))[0]
        files.path_of(main).write_bytes(b"bi sua")
        worker.start()
        try:
            until(lambda: incoming.get(second).check_verdict is not None)
            message_id = queue()
            until(lambda: states()[message_id] == "delivered")
        finally:
            worker.stop()
        assert incoming.get(first).check_verdict is None


def test_a_node_that_speaks_for_another_proves_nothing(office: Cast) -> None:
    with linked(office) as link:
        assert link.worker().contact()
        message_id = queue()
        mine = link.node.keys
        link.node.keys = FakeNode().keys
        assert link.worker().contact() is False
        assert states()[message_id] == "ready"
        link.node.keys = mine
        outbox.send_now(link.office.clerk)
        assert link.worker().contact()
        assert states()[message_id] == "delivered"
        assert isinstance(link.neighbour().commit(link.partner.sealed(b"thu"), b"thu"), Delivery)
