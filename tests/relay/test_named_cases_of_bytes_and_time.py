"""The named cases of the relay's specification, each a test with that name: chunks, time, expiry, restores.

As in `test_named_cases`: a real office here, a real node in a process of its own, a bad wire between them.
"""

from __future__ import annotations

import shutil
import socket
from datetime import timedelta

import pytest

from commune_portal import clock
from commune_portal.documents import dispatch, issuing, outbox, restoration
from commune_portal.people.actors import PORTAL
from commune_portal.store import backup, database, installation
from commune_portal.wire import envelope, keys, protocol, requests
from commune_portal.wire.envelope import Kind
from commune_portal.wire.protocol import Refused
from tests.cast import NODE_CODE, OTHER_CODE, PIN, Cast
from tests.documents.test_outgoing import signed
from tests.fakes.exchange import Answer
from tests.fakes.wire import Fault, Faults
from tests.relay.conftest import Linking
from tests.relay.linked import KIBIBYTE, arrived, queue, states
from tests.relay.real import RealLink, noise

pytestmark = pytest.mark.story


def to_the_chunk(*numbers: int, fault: Fault) -> Faults:
    """A wire that does a thing to the n-th chunks."""
    seen = [0]

    def chosen(method: str, _path: str) -> Fault | None:
        seen[0] += method == "PATCH"
        return fault if method == "PATCH" and seen[0] in numbers else None

    return chosen


def offsets(link: RealLink) -> list[int]:
    """From where each chunk that reached the node went on."""
    return [int(headers["Upload-Offset"]) for method, _, headers, _ in link.forwarder.requests if method == "PATCH"]


def bytes_in_chunks(link: RealLink) -> int:
    return sum(count for method, _, count in link.wire.seen if method == "PATCH")


def test_a_truncated_chunk_resumes_at_the_size_on_disk(really: Linking) -> None:
    with really(to_the_chunk(3, 6, fault=Fault.CUT_REQUEST)) as link:
        mine = queue(noise(200 * KIBIBYTE))
        assert link.worker(largest_chunk_bytes=16 * KIBIBYTE).contact()
        assert link.node.mailbox() == [mine]
        assert offsets(link) == [step * 16 * KIBIBYTE for step in range(13)]  # never one byte again, never from zero
        assert [status for method, _, status in link.forwarder.answers if method == "HEAD"] == [200, 200]


def test_a_corrupt_chunk_is_asked_for_again(really: Linking) -> None:
    with really(to_the_chunk(2, 5, fault=Fault.CORRUPT_REQUEST)) as link:
        mine = queue(noise(200 * KIBIBYTE))
        assert link.worker(largest_chunk_bytes=16 * KIBIBYTE).contact()
        assert link.node.mailbox() == [mine]
        refused = [status for method, _, status in link.forwarder.answers if method == "PATCH" and status != 204]
        assert refused == [protocol.CHECKSUM_MISMATCH] * 2
        assert bytes_in_chunks(link) == (200 + 2 * 16) * KIBIBYTE


def test_a_cut_between_chunk_and_answer_sends_nothing_twice(really: Linking) -> None:
    with really(to_the_chunk(2, fault=Fault.DROP_ANSWER)) as link:
        queue(noise(200 * KIBIBYTE))
        assert link.worker(largest_chunk_bytes=16 * KIBIBYTE).contact()
        assert bytes_in_chunks(link) == 200 * KIBIBYTE


def test_kill_9_of_the_node_inside_a_chunk_resumes_at_the_size_on_disk(really: Linking) -> None:
    with really(arm=("inside-chunk", 4, "node.uploads")) as link:
        mine = queue(noise(200 * KIBIBYTE))
        assert link.worker(largest_chunk_bytes=16 * KIBIBYTE).contact() is False
        link.node.killed_at("inside-chunk")
        link.node.start()
        outbox.send_now(link.office.clerk)
        assert link.worker(largest_chunk_bytes=16 * KIBIBYTE).contact()
        assert link.node.mailbox() == [mine]
        assert min(offsets(link)[-5:]) >= 64 * KIBIBYTE
        assert bytes_in_chunks(link) <= (200 + 10 * 16) * KIBIBYTE


def test_a_half_open_chunk_holds_no_lock(really: Linking) -> None:
    with really() as link:
        mine, worker = queue(noise(100 * KIBIBYTE)), link.worker(largest_chunk_bytes=16 * KIBIBYTE)
        half: list[socket.socket] = []

        def leave_one_open(method: str, path: str) -> None:
            if method == "PATCH" and not half:
                half.append(socket.create_connection(("127.0.0.1", link.forwarder.port), 10))
                half[0].sendall(f"PATCH {path} HTTP/1.1\r\nHost: x\r\nContent-Length: 50000\r\n\r\nhalf".encode())

        link.forwarder.before = leave_one_open
        try:
            assert worker.contact()
        finally:
            half[0].close()
        assert link.node.mailbox() == [mine]
        assert [status for method, _, status in link.forwarder.answers if method == "PATCH"] == [204] * 7


def asked(link: RealLink, created: int = 0, **changes: str) -> Answer:
    """A signed request of the office for its mailbox; gives the node's answer."""
    path = f"{protocol.MAILBOX}?after=0&limit=5"
    sent = {"Exchange-Node": NODE_CODE}
    at = clock.now() + timedelta(seconds=created)
    nonce = changes.get("nonce", requests.new_nonce())
    sent |= requests.sign("GET", path, sent, b"", keys=keys.own(), created=at, nonce=nonce)
    return link.forwarder.ask("GET", path, sent, b"")


def test_a_stale_replayed_or_re_ordered_request_is_refused(really: Linking) -> None:
    with really() as link:
        mine = queue(noise(100 * KIBIBYTE))
        assert link.worker(largest_chunk_bytes=16 * KIBIBYTE).contact()
        for created in (-3 * 3600, 3 * 3600, -700):
            answer = asked(link, created)
            assert (answer.status, answer.headers["Exchange-Error"]) == (401, Refused.STALE.value)
        nonce = requests.new_nonce()
        assert asked(link, nonce=nonce).status == 200
        assert asked(link, nonce=nonce).headers["Exchange-Error"] == Refused.REPLAYED.value
        # Every chunk and the commit once more, as they were, in another order: none is believed, nothing changes.
        told = [request for request in link.forwarder.requests if request[0] in ("PATCH", "POST")]
        answers = [link.forwarder.ask(*request) for request in reversed(told)]
        assert {answer.headers.get("Exchange-Error") for answer in answers} == {Refused.REPLAYED.value}
        assert link.node.mailbox() == [mine]
        # A new request with an old offset is refused by the size on disk.
        client = link.neighbour()
        upload = client.begin_upload("ab" * 32, 100, "5d1c2f38-9c5e-4e2b-8a57-0d3c1f6a7b90")
        client.send_chunk(upload.path, 0, b"x" * 10)
        with pytest.raises(Exception, match=Refused.WRONG_OFFSET.value):
            client.send_chunk(upload.path, 0, b"x" * 10)
        client.close()


@pytest.mark.parametrize("hours", [3, -3])
def test_a_clock_3_h_wrong_still_works_after_one_answer(really: Linking, hours: int) -> None:
    with really() as link, clock.standing_at(clock.now() + timedelta(hours=hours)):
        mine, theirs = queue(), link.arrives(link.partner.edoc())
        assert link.worker().contact()
        stale = [path for _, path, status in link.forwarder.answers if status == 401]
        assert len(stale) == 1  # the first answer told the time
        assert states()[mine] == "delivered"
        assert arrived() == [theirs]
        assert abs(outbox.state().skew_seconds + hours * 3600) < 30


def test_an_expired_upload_starts_again_without_human_help(really: Linking) -> None:
    with really() as link:
        mine, worker = queue(noise(200 * KIBIBYTE)), link.worker(largest_chunk_bytes=16 * KIBIBYTE)

        def stop(method: str, _path: str, _status: int) -> None:
            if method == "PATCH" and len(offsets(link)) == 5:
                worker._stop.set()

        link.forwarder.after = stop
        worker.contact()
        assert states()[mine] == "ready"
        link.forwarder.after = lambda _method, _path, _status: None
        link.node.write("UPDATE uploads SET expires_at = '2026-01-01T00:00:00Z'")
        link.node.ended()
        link.node.start()  # its sweep of what has expired begins anew
        assert link.worker(largest_chunk_bytes=16 * KIBIBYTE).contact()
        assert link.node.mailbox() == [mine]
        assert offsets(link)[5] == 0
        assert len(link.node.rows("SELECT id FROM uploads")) == 0


def dispatched(office: Cast) -> str:
    """A document of ours on its way to the neighbour; gives its message id."""
    row_id = signed(office)
    issuing.number(office.clerk, row_id)
    issuing.seal(office.clerk, row_id, PIN)
    dispatch.dispatch(office.clerk, row_id, [OTHER_CODE])
    return str(database.row("SELECT message_id FROM recipients WHERE outgoing_id = ?", (row_id,))[0])


def status_of(message_id: str) -> str:
    return str(database.row("SELECT status FROM recipients WHERE message_id = ?", (message_id,))[0])


def answer(link: RealLink, message_id: str, code: str) -> None:
    """The neighbour's status for a document of ours."""
    document = database.row(
        "SELECT o.document_id FROM outgoing o JOIN recipients r ON r.outgoing_id = o.id WHERE r.message_id = ?",
        (message_id,),
    )[0]
    packet = link.partner.status(document, code)
    sealed = link.partner.sealed(packet, kind=Kind.STATUS, in_reply_to=message_id)
    there = link.neighbour()
    there.commit(sealed, packet)
    there.close()


def test_restore_of_a_week_old_commune_backup_the_vector_heals_the_node_reports_the_rollback(really: Linking) -> None:
    with really() as link:
        settings = link.office.settings
        with clock.standing_at(clock.now() - timedelta(days=7)):
            assert link.worker().contact()
            document, long = dispatched(link.office), queue(noise(90 * KIBIBYTE, 7))
            first = link.arrives(link.partner.edoc(1))
            kept = backup.make(settings, settings.folder / "usb").path
        # The week that will be forgotten: what waited goes, statuses and a document come, another one is sent.
        assert link.worker().contact()
        answer(link, document, "01")
        answer(link, document, "03")
        second = link.arrives(link.partner.edoc(2))
        forgotten = queue()
        assert link.worker().contact()
        assert link.worker().contact()
        assert (status_of(document), arrived()) == ("03", [first, second])
        took = link.node.mailbox()
        assert {document, long, forgotten} <= set(took)
        originals = link.node.receipts()
        size = link.node.mirror()[0]
        assert size == chain_size()

        # The restore: an installation of its own, which enrols anew.
        database.close()
        restoration.restore(PORTAL, settings, kept)
        installation.open_(settings)
        keys.use(keys.load(settings.secrets_folder))
        assert (states()[document], states()[long], status_of(document), arrived()) == ("ready", "ready", "", [])
        assert forgotten not in states()
        link.introduce()
        link.forwarder.requests.clear()
        assert link.worker().contact()

        # The vector heals: receipts home without one byte of a packet, statuses and documents from the mailbox.
        sent = link.forwarder.bodies("POST", protocol.MESSAGES)
        again = {envelope.parse_unverified(b"\n".join(body.split(b"\n")[:2]) + b"\n").message_id for body in sent}
        assert not {document, long} & again
        for message_id in (document, long):
            kept_bytes = database.rows(
                "SELECT bytes FROM receipts WHERE message_id = ? AND peer_code = ?", (message_id, NODE_CODE)
            )
            assert [row[0].encode() for row in kept_bytes] == [originals[message_id]]
        assert status_of(document) == "03"
        assert sorted(arrived()) == sorted([first, second])
        assert [message_id for message_id in link.node.mailbox() if message_id in took] == took
        # The node reports it: the new mirror shares only so much with the one that was known.
        mirrors = link.node.rows("SELECT m.id, m.size, m.disagreement FROM mirrors m ORDER BY m.id")
        mirrors = [row for row in mirrors if row[1]]
        assert [row[2] for row in mirrors] == ["", ""]
        shared = link.node.rows(
            "SELECT max(a.seq) FROM mirror_lines a JOIN mirror_lines b ON b.mirror_id = ? AND b.seq = a.seq"
            " AND b.hash = a.hash WHERE a.mirror_id = ?",
            mirrors[1][0],
            mirrors[0][0],
        )[0][0]
        assert 0 < shared < mirrors[0][1] == size


def chain_size() -> int:
    return int(database.row("SELECT max(seq) FROM journal")[0])


def test_a_data_folder_that_was_put_back_without_a_restore_is_reported_by_the_node(really: Linking) -> None:
    with really() as link:
        settings = link.office.settings
        assert link.worker().contact()
        database.close()
        shutil.copytree(settings.data_folder, settings.folder / "hom-qua")
        installation.open_(settings)
        queue(noise(10, 1))
        assert link.worker().contact()
        assert link.node.mirror() == (chain_size(), "")
        database.close()
        shutil.rmtree(settings.data_folder)
        (settings.folder / "hom-qua").rename(settings.data_folder)
        installation.open_(settings)
        queue(noise(10, 2))
        assert link.worker().contact()
        kind = link.node.mirror()[1].partition(":")[0]
        assert kind in ("fork", "stated", "rolled")
