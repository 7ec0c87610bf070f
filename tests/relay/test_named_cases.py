"""The named cases of the relay's specification, each a test with that name: messages, receipts, kills, order.

A real office here, a real node in a process of its own behind waitress and a real socket, a bad wire between them.
Those about chunks, time and restores are in `test_named_cases_of_bytes_and_time`; the bag's cases and the slow link's
stand with the bag and with the bad link.
"""

from __future__ import annotations

import dataclasses

import pytest

from commune_portal.documents import arrivals, incoming, outbox
from commune_portal.errors import Malformed
from commune_portal.relay.client import Delivery, PacketMissing, RefusedByNode
from commune_portal.store import database, files
from commune_portal.wire import envelope, protocol, receipt
from commune_portal.wire.protocol import Refused
from commune_portal.wire.receipt import RefusalType, Verdict
from tests.cast import OFFICE_CODE, OTHER_CODE
from tests.documents.partner import on_disk
from tests.fakes.wire import Fault, Faults
from tests.relay.conftest import Linking
from tests.relay.linked import KIBIBYTE, arrived, queue, states
from tests.relay.real import RealLink, noise

pytestmark = pytest.mark.story


def first(path: str, *faults: Fault, method: str = "POST") -> Faults:
    """A wire that does these things to the first requests to an address, one each, and then works."""
    plan = list(faults)

    def fault(verb: str, at: str) -> Fault | None:
        return plan.pop(0) if plan and (verb, at) == (method, path) else None

    return fault


def kept_receipts(message_id: str) -> list[bytes]:
    """The node's receipts that the office keeps for a message."""
    found = database.rows("SELECT bytes FROM receipts WHERE message_id = ? AND peer_code = 'H99'", (message_id,))
    return [row[0].encode() for row in found]


def until_contact(link: RealLink, tries: int = 6) -> int:
    """Contacts until one goes well; gives how many it took."""
    worker = link.worker()
    for count in range(1, tries + 1):
        if worker.contact():
            return count
    raise AssertionError("no contact")


def test_a_lost_receipt_brings_the_original_receipt_not_a_second_document(really: Linking) -> None:
    lost = [Fault.DROP_ANSWER, Fault.TRUNCATE_ANSWER, Fault.CORRUPT_ANSWER]
    with really(first(protocol.MESSAGES, *lost)) as link:
        link.forwarder.compares = False  # by the same bytes again
        mine = queue()
        assert until_contact(link) == len(lost) + 1
        assert link.wire.done == lost
        assert link.node.mailbox() == [mine]
        assert kept_receipts(mine) == [link.node.receipts()[mine]]
    assert states()[mine] == "delivered"


def test_a_lost_receipt_is_brought_by_the_answer_to_the_vector(really: Linking) -> None:
    with really(first(protocol.MESSAGES, Fault.DROP_ANSWER)) as link:
        mine = queue(noise(60_000))
        assert until_contact(link) == 2
        assert len(link.forwarder.bodies("POST", protocol.MESSAGES)) == 1  # not one byte of it went twice
        assert kept_receipts(mine) == [link.node.receipts()[mine]]
    assert states()[mine] == "delivered"


def test_a_lost_receipt_on_the_way_up_brings_the_original_receipt_not_a_second_document(really: Linking) -> None:
    with really(first(protocol.RECEIPTS, Fault.DROP_REQUEST, Fault.DROP_ANSWER)) as link:
        theirs = link.arrives(link.partner.edoc())
        assert until_contact(link) == 3
        assert arrived() == [theirs]
        assert len(set(link.forwarder.bodies("POST", protocol.RECEIPTS))) == 1
        (given,) = link.node.rows("SELECT recipient_receipt FROM mailbox WHERE message_id = ?", theirs)
        assert [given] == database.rows("SELECT bytes FROM receipts_given WHERE message_id = ?", (theirs,))


def test_a_duplicate_of_a_failed_delivery_gets_no_receipt(really: Linking) -> None:
    with really() as link:
        neighbour, packet = link.neighbour(), noise(500)
        sealed = link.partner.sealed(packet)
        written = envelope.parse_unverified(sealed)
        for _ in range(2):  # the first delivery fails, its duplicate too: there is no packet
            assert isinstance(neighbour.commit(sealed), PacketMissing)
            assert link.node.receipts() == {}
        delivered = neighbour.commit(sealed, packet)
        assert isinstance(delivered, Delivery)
        assert delivered.verdict is Verdict.ACCEPTED
        assert link.worker().contact()
        neighbour.close()
    # And at the office: a packet whose bytes are not those of its envelope has failed, as often as it comes.
    other = link.partner.sealed(link.partner.edoc(8))
    for _ in range(2):
        with pytest.raises(Malformed):
            arrivals.receive(other, on_disk(b"khac"))
        assert arrivals.earlier_receipt(envelope.parse_unverified(other)) is None
    assert written.message_id != envelope.parse_unverified(other).message_id


def test_the_same_id_with_other_bytes_is_refused_and_raised(really: Linking) -> None:
    with really() as link:
        neighbour = link.neighbour()
        theirs = link.arrives(link.partner.edoc(1))
        other = link.partner.edoc(2)
        forged = link.partner.sealed(other, message_id=theirs)
        refused = neighbour.commit(forged, other)
        assert isinstance(refused, Delivery)
        assert (refused.verdict, refused.receipt.refusal) == (Verdict.REFUSED, RefusalType.CONFLICT)
        raised = link.node.rows("SELECT body FROM journal WHERE body LIKE '%package.refused%'")
        assert len(raised) == 1
        assert '"refusal":"conflict"' in raised[0][0]
        neighbour.close()
        # A node that let it through: the office refuses it too, puts it aside for the clerk, and goes on.
        assert link.worker().contact()
        assert arrived() == [theirs]
        own = receipt.parse_unverified(arrivals.receive(forged, on_disk(other)))
        assert (own.verdict, own.refusal) == (Verdict.REFUSED, RefusalType.CONFLICT)
        again = receipt.parse_unverified(arrivals.receive(forged, on_disk(other)))
        assert again == own
        assert arrived() == [theirs]
        aside = database.rows("SELECT packet_sha256, reason FROM quarantine")
        assert [row[0] for row in aside] == [own.packet_sha256]
        assert "cùng một mã" in aside[0][1]


def test_a_retry_is_byte_identical_to_the_first_attempt(really: Linking) -> None:
    plan = [Fault.DROP_REQUEST, Fault.GATEWAY_PAGE, Fault.CUT_REQUEST, Fault.DROP_ANSWER, Fault.TRUNCATE_ANSWER]
    with really(first(protocol.MESSAGES, *plan)) as link:
        link.forwarder.compares = False
        mine = queue(noise(5000))
        sealed = database.row("SELECT envelope FROM outbox WHERE message_id = ?", (mine,))[0].encode()
        assert until_contact(link) == len(plan) + 1
        sent = link.forwarder.bodies("POST", protocol.MESSAGES)
        assert len(sent) == 3  # the node heard three of the six
        assert set(sent) == {sealed + noise(5000)}
        assert link.node.rows("SELECT envelope FROM mailbox") == [(sealed.decode(),)]


def test_kill_9_of_the_node_between_fsync_and_commit(really: Linking) -> None:
    with really(arm=("inside-transaction", 1, "node.mailbox")) as link:
        mine = queue(noise(3000))
        assert link.worker().contact() is False
        link.node.killed_at("inside-transaction")
        (sha256,) = database.row("SELECT packet_sha256 FROM outbox WHERE message_id = ?", (mine,))
        assert (link.node.folder / "data" / "files" / sha256[:2] / sha256[2:4] / sha256).exists()
        assert (link.node.mailbox(), link.node.receipts(), states()[mine]) == ([], {}, "ready")
        link.node.start()
        outbox.send_now(link.office.clerk)
        assert link.worker().contact()
        assert link.node.mailbox() == [mine]
        assert kept_receipts(mine) == [link.node.receipts()[mine]]


def test_kill_9_of_the_node_between_commit_and_answer(really: Linking) -> None:
    with really(arm=("before-answer", 1, "views.node_api")) as link:
        mine = queue(noise(3000))
        assert link.worker().contact() is False
        link.node.killed_at("before-answer")
        assert (link.node.mailbox(), states()[mine]) == ([mine], "ready")
        original = link.node.receipts()[mine]
        link.node.start()
        outbox.send_now(link.office.clerk)
        assert link.worker().contact()
        assert link.node.mailbox() == [mine]
        assert kept_receipts(mine) == [original]


def test_a_poison_packet_does_not_delay_the_next_one(really: Linking) -> None:
    with really() as link:
        poison = link.arrives(b"khong phai goi tin", urgency=3)
        good = link.arrives(link.partner.edoc())
        assert link.worker().contact()
        assert arrived() == [good]
        (given,) = link.node.rows("SELECT recipient_receipt FROM mailbox WHERE message_id = ?", poison)
        assert receipt.parse_unverified(given[0].encode()).refusal is RefusalType.MALFORMED
        assert database.rows("SELECT message_id FROM quarantine") == [(poison,)]
        # And upward: one whose file is gone holds nothing up.
        lost, sound = queue(urgency=2), queue()
        (sha256,) = database.row("SELECT packet_sha256 FROM outbox WHERE message_id = ?", (lost,))
        files.path_of(sha256).unlink()
        assert link.worker(retry_seconds=(60.0,)).contact()
        assert (states()[lost], states()[sound]) == ("ready", "delivered")


def test_an_urgent_one_overtakes_a_20_mb_one(really: Linking) -> None:
    with really() as link:
        slow, urgent = queue(noise(20 * 1024 * KIBIBYTE)), [""]

        def before(method: str, _path: str) -> None:
            if method == "PATCH" and len(link.forwarder.bodies("PATCH", _path)) == 6 and not urgent[0]:
                urgent[0] = queue(noise(50 * KIBIBYTE, 2), urgency=3)
                database.close()  # this is a thread of the wire's

        link.forwarder.before = before
        assert link.worker(largest_chunk_bytes=256 * KIBIBYTE).contact()
        assert link.node.mailbox() == [urgent[0], slow]
        order = [(method, path.rpartition("/")[2]) for method, path, _ in link.forwarder.answers]
        before_it = order[: order.index(("POST", "messages"), order.index(("POST", "uploads")))]
        assert [method for method, _ in before_it].count("PATCH") == 6
        chunks = [body for method, _, _, body in link.forwarder.requests if method == "PATCH"]
        assert sum(map(len, chunks)) == 20 * 1024 * KIBIBYTE  # it stepped aside without losing a byte


def test_through_real_waitress_and_real_sockets_at_least_once_per_release(really: Linking) -> None:
    with really() as link:
        long = link.partner.edoc(pdf=b"%PDF-1.7\n" + noise(300 * KIBIBYTE))
        mine, theirs = (
            [queue(noise(200 * KIBIBYTE, 3)), queue()],
            [link.arrives(long), link.arrives(link.partner.edoc(8))],
        )
        assert link.worker().contact()
        assert link.worker().contact()
        assert set(states().values()) == {"delivered"}
        assert arrived() == theirs
        assert set(mine) < set(link.node.mailbox())
        assert link.node.mirror() == (database.row("SELECT max(seq) FROM journal")[0], "")
        assert all(incoming.get(row[0]).sender_code == OTHER_CODE for row in database.rows("SELECT id FROM incoming"))


def test_the_node_refuses_a_foreign_sender_code(really: Linking) -> None:
    with really() as link:
        neighbour, packet = link.neighbour(), b"muon danh"
        forged = dataclasses.replace(link.partner.envelope(packet), sender=OFFICE_CODE, recipient=OTHER_CODE)
        with pytest.raises(RefusedByNode) as caught:
            neighbour.commit(envelope.seal(forged, link.partner.own), packet)
        assert caught.value.reason is Refused.NOT_PERMITTED
        assert (link.node.mailbox(), link.node.receipts()) == ([], {})
        neighbour.close()
