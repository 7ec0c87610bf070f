"""The machine door through real waitress and real sockets, spoken to by an office's own client."""

from __future__ import annotations

import hashlib
import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
from flask import Flask

from commune_portal import points
from commune_portal.app import create_app
from commune_portal.errors import NodeUnreachable
from commune_portal.relay.client import NodeClient, PacketMissing
from commune_portal.relay.link import NodeIdentity, RefusedByNode
from commune_portal.store import database
from commune_portal.wire.envelope import Envelope
from commune_portal.wire.mailbox import Vector, Waiting
from commune_portal.wire.protocol import Refused
from commune_portal.wire.receipt import RefusalType, Verdict
from tests.node.cast import NODE_CODE, Office, new_keys, new_office
from tests.node.conftest import Node, empty_node, node
from tests.serving import serving

__all__ = ["empty_node", "node"]

pytestmark = pytest.mark.story

PACKET = b"<edXML/>" * 40
LARGE = os.urandom(300_000)


@contextmanager
def served(app: Flask) -> Iterator[str]:
    """Serves an app through waitress on a free port."""
    with serving(app) as port:
        yield f"http://127.0.0.1:{port}"


@pytest.fixture
def address(node: Node) -> Iterator[str]:
    with served(create_app(node.settings)) as found:
        yield found


def client(office: Office, address: str) -> NodeClient:
    own = new_keys(0)
    return NodeClient(NodeIdentity(NODE_CODE, address, None, {own.key_id: own.public_key}), office.keys, office.code)


def put(link: NodeClient, value: Envelope, packet: bytes, chunk_bytes: int = 65_536) -> None:
    upload = link.begin_upload(value.packet_sha256, len(packet), value.message_id)
    offset = upload.offset
    while offset < len(packet) and not upload.present:
        offset = link.send_chunk(upload.path, offset, packet[offset : offset + chunk_bytes])


def test_an_office_s_client_does_the_whole_round(node: Node, address: str) -> None:
    sender, addressee = client(node.first, address), client(node.second, address)
    value = node.first.envelope(node.second.code, LARGE)
    sealed = node.first.seal(value)
    assert sender.clock()
    assert isinstance(sender.commit(sealed), PacketMissing)
    put(sender, value, LARGE)
    delivered = sender.commit(sealed)
    assert not isinstance(delivered, PacketMissing)
    assert delivered.verdict is Verdict.ACCEPTED
    again = sender.commit(sealed)
    assert not isinstance(again, PacketMissing)
    assert (again.verdict, again.receipt_bytes) == (Verdict.DUPLICATE, delivered.receipt_bytes)

    page = addressee.mailbox(0)
    assert [item.envelope for item in page.items] == [sealed]
    got = bytearray()

    def began(start: int, total: int) -> Callable[[bytes], None]:
        assert (start, total) == (len(got), len(LARGE))
        return got.extend

    addressee.packet(value.packet_sha256, 0, 100_000, began)
    addressee.packet(value.packet_sha256, 100_000, len(LARGE), began)
    assert hashlib.sha256(got).hexdigest() == value.packet_sha256
    theirs = node.second.receipt(value)
    addressee.acknowledge(theirs)
    assert [item.receipt for item in sender.mailbox(0).items] == [theirs]

    node.first.journal.add("incoming:1", {"subject": "Về việc"}, number=1)
    note, _ = sender.send_journal(node.first.journal.extract())
    assert note.checkpoint == node.first.journal.checkpoint
    assert sender.journal().checkpoint == note.checkpoint
    found = sender.directory()
    assert found is not None
    assert sender.directory(found[2]) is None
    said = Vector(0, (Waiting(value.message_id, value.packet_sha256),))
    assert sender.compare(said).receipts == (delivered.receipt_bytes,)
    for link in (sender, addressee):
        link.close()


def test_an_office_enrols_over_the_wire(node: Node, address: str) -> None:
    from tests.node.cast import invite

    third = new_office(3)
    link = client(third, address)
    request = third.request(invite(third))
    assert link.enrol(request)[0].public_key(third.code, third.keys.key_id) == third.keys.public_key
    link.enrol(request)
    assert link.mailbox(0).items == ()
    link.close()


def test_refusals_arrive_as_the_client_knows_them(node: Node, address: str) -> None:
    link = client(node.first, address)
    value = node.first.envelope("H99.77", PACKET)
    refused = link.commit(node.first.seal(value), PACKET)
    assert not isinstance(refused, PacketMissing)
    assert refused.receipt.refusal is RefusalType.INVALID_ADDRESSEE
    with pytest.raises(RefusedByNode) as caught:
        link.commit(node.second.seal(node.second.envelope(node.first.code, PACKET)), PACKET)
    assert caught.value.reason is Refused.NOT_PERMITTED
    link.close()


def test_an_answer_that_is_lost_after_the_commit_is_healed_by_the_same_bytes(
    node: Node, address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    link = client(node.first, address)
    value = node.first.envelope(node.second.code, PACKET)
    sealed = node.first.seal(value)

    def fall(reached: points.Point) -> None:
        if reached == "before-answer":
            raise OSError("the process dies between commit and answer")

    monkeypatch.setattr(points, "hook", fall)
    with pytest.raises(NodeUnreachable):
        link.commit(sealed, PACKET)
    monkeypatch.setattr(points, "hook", None)
    healed = link.commit(sealed)
    assert not isinstance(healed, PacketMissing)
    assert healed.verdict is Verdict.DUPLICATE
    assert database.row("SELECT count(*) FROM mailbox")[0] == 1
    link.close()


def test_many_connections_deliver_each_package_once(node: Node, address: str) -> None:
    values = [node.first.envelope(node.second.code, LARGE[: 80_000 + index]) for index in range(3)]
    verdicts: list[Verdict] = []
    problems: list[BaseException] = []

    def work(index: int) -> None:
        link = client(node.first, address)
        try:
            for _ in range(30):
                try:
                    put(link, values[index], LARGE[: 80_000 + index], 30_000)
                    done = link.commit(node.first.seal(values[index]))
                except (RefusedByNode, NodeUnreachable) as error:
                    problems.append(error)
                    continue
                if not isinstance(done, PacketMissing):
                    verdicts.append(done.verdict)
                    return
        finally:
            link.close()

    threads = [threading.Thread(target=work, args=(index,)) for index in (0, 0, 1, 1, 2, 2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(verdict.value for verdict in verdicts) == ["accepted"] * 3 + ["duplicate"] * 3
    allowed = (Refused.WRONG_OFFSET, Refused.NOT_FOUND, Refused.TRY_LATER)
    assert [error for error in problems if isinstance(error, RefusedByNode) and error.reason not in allowed] == []
    assert database.row("SELECT count(*) FROM mailbox")[0] == 3
