"""The axis behind a node, against a fake of its description: headers, both directions, whatever goes wrong."""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from commune_portal import clock
from commune_portal.documents import arrivals
from commune_portal.edxml import package
from commune_portal.edxml.status import write_status
from commune_portal.errors import NodeUnreachable, SettingsWrong
from commune_portal.node import mailbox, routes, upward
from commune_portal.node.refusals import ExchangeRefused
from commune_portal.node.routes import Way
from commune_portal.relay import vxp
from commune_portal.relay.axis import AxisRelay
from commune_portal.relay.vxp import AxisRefused, Vxp
from commune_portal.settings import Axis, Relay, from_document
from commune_portal.store import database
from commune_portal.wire import envelope
from commune_portal.wire.envelope import Kind
from commune_portal.wire.protocol import Refused
from tests.cast import OFFICE_CODE, Cast
from tests.documents.partner import Partner, on_disk
from tests.fakes.exchange import Answer
from tests.fakes.vxp import SECRET, SYSTEM, FakeAxis
from tests.fakes.wire import serving
from tests.node.cast import new_keys
from tests.node.conftest import Node, empty_node, node

__all__ = ["empty_node", "node"]

FAR = "G22.01"


@dataclass
class Gateway:
    """A node with the fake axis behind it."""

    node: Node
    axis: FakeAxis
    adapter: Vxp
    relay: AxisRelay

    def packet(self, recipient: str, **changes: Any) -> bytes:
        """What somebody on the axis wrote."""
        partner = Partner(FAR, "Bộ Thử nghiệm")
        return partner.edoc(receivers=(package.Organ(recipient, "Nơi nhận"),), **changes)


@pytest.fixture
def gateway(node: Node) -> Iterator[Gateway]:
    fake = FakeAxis(agencies=[{"code": FAR, "name": "Bộ  Thử nghiệm", "oldCode": "000.00.01.G22", "deleted": "0"}])
    with serving(fake) as wire:
        settings = replace(
            node.settings,
            axis=Axis(
                enabled=True, address=f"{wire.address}/api", system_id=SYSTEM, poll_seconds=0.0, timeout_seconds=5.0
            ),
            relay=Relay(retry_seconds=(0.0,)),
        )
        adapter = Vxp(settings.axis, SECRET)
        yield Gateway(node, fake, adapter, AxisRelay(settings, adapter))
        adapter.close()


def test_headers_are_signed_over_their_compact_json_in_order() -> None:
    found = vxp.signed({"timestamp": "22112026T184500+0123", "systemid": "H99", "from": "H99.01"}, b"khoa")
    text = '{"XroadVnpt-timestamp":"22112026T184500+0123","XroadVnpt-systemid":"H99","XroadVnpt-from":"H99.01"}'
    assert found["XroadVnpt-sign-header"] == text
    assert found["XroadVnpt-sign-header-key"] == "timestamp;systemid;from"
    assert found["XroadVnpt-hash-header"] == hmac.new(b"khoa", text.encode(), hashlib.sha256).hexdigest()
    assert list(json.loads(text)) == list(found)[:3]


def test_the_time_is_vietnamese_and_ends_in_milliseconds_that_look_like_an_offset() -> None:
    assert vxp.timestamp(datetime(2026, 11, 22, 18, 45, 7, 86_000, UTC)) == "23112026T014507+0086"


def test_the_hash_of_a_file_loses_the_zeros_in_front() -> None:
    data = next(b"%d" % n for n in range(999) if hashlib.sha256(b"%d" % n).hexdigest().startswith("0"))
    assert len(vxp.file_hash(data)) < 64
    assert hashlib.sha256(data).hexdigest().endswith(vxp.file_hash(data))


def test_a_message_that_only_the_axis_knows_goes_there_once(gateway: Gateway) -> None:
    gateway.relay.work()  # learns the agencies
    node = gateway.node
    packet = gateway.packet(FAR)
    sent = [node.first.envelope(FAR, packet) for _ in range(2)]  # one packet, two addressees there
    for value in sent:
        mailbox.take(node.first.member, node.first.seal(value), packet, node.limits)
    route = routes.route(FAR)
    assert route is not None
    assert route.way is Way.AXIS
    assert upward.waiting(clock.now(), 9) == []  # nothing for the node above
    gateway.relay.work()
    gateway.relay.work()
    assert gateway.axis.sent == [(node.first.code, "edoc", packet)]
    assert {row[0] for row in database.rows("SELECT state FROM upward")} == {"delivered"}
    assert mailbox.in_transit() == []
    status = gateway.adapter.sent_status("701")
    assert status is not None
    assert (status.sent, status.received) == ("done", "processing")


def test_what_comes_is_stored_before_done_is_said_and_vouched_for(gateway: Gateway) -> None:
    second = gateway.node.second
    packet = gateway.packet(second.code)
    doc_id = gateway.axis.put("edoc", FAR, second.code, packet)
    status = write_status(
        package.Status(
            sender=package.Organ(FAR, "Bộ Thử nghiệm"), status_code="03", description="đã tiếp nhận",
            response_for=package.ResponseFor(second.code, "01/QĐ-UBND", "H99.02.2026.000001", None),
            timestamp=clock.now(),
        )
    )  # fmt: skip
    gateway.axis.put("status", FAR, second.code, status)
    gateway.relay.work()
    found = [item for item in mailbox.waiting(second.member, 0, 9).items if item.envelope]
    assert [item.packet for item in found] == [packet, status]
    own = new_keys(0)
    opened = [envelope.open_(item.envelope or b"", lambda _code, _key: own.public_key) for item in found]
    assert [(value.sender, value.on_behalf_of, value.origin) for value in opened] == [("H99", FAR, FAR)] * 2
    assert [value.kind for value in opened] == [Kind.EDOC, Kind.STATUS]
    assert gateway.axis.acknowledged[0] == (doc_id, "done")
    mailbox.acknowledge(second.member, second.receipt(opened[0]))  # ends here: the axis has no receipts
    assert database.row("SELECT count(*) FROM upward")[0] == 0


def test_a_document_that_is_listed_again_is_one_message(gateway: Gateway) -> None:
    second = gateway.node.second
    doc_id = gateway.axis.put("edoc", FAR, second.code, gateway.packet(second.code))
    row = dict(gateway.axis.held[doc_id])
    gateway.relay.work()
    gateway.axis.held[doc_id] = row  # «done» got lost
    gateway.relay.work()
    assert len(mailbox.waiting(second.member, 0, 9).items) == 1
    assert gateway.axis.acknowledged == [(doc_id, "done")] * 2


@pytest.mark.parametrize("case", ["rubbish", "nobody", "other"])
def test_what_can_never_be_taken_is_failed_and_the_next_comes(gateway: Gateway, case: str) -> None:
    second = gateway.node.second
    packet = {"rubbish": b"<no/>", "nobody": gateway.packet("H99.77"), "other": gateway.packet("H99.77")}[case]
    bad = gateway.axis.put("edoc", FAR, "H99.77" if case == "nobody" else second.code, packet)
    good = gateway.axis.put("edoc", FAR, second.code, gateway.packet(second.code))
    gateway.relay.work()
    assert gateway.axis.acknowledged == [(bad, "fail"), (good, "done")]
    assert len(mailbox.waiting(second.member, 0, 9).items) == 1


def test_a_refusal_and_a_silence_leave_the_message_waiting(gateway: Gateway) -> None:
    gateway.relay.work()
    node = gateway.node
    packet = gateway.packet(FAR)
    mailbox.take(node.first.member, node.first.seal(node.first.envelope(FAR, packet)), packet, node.limits)
    for trouble in ("18", ""):
        gateway.axis.refuse = trouble
        if not trouble:
            gateway.axis.instead = lambda _path: Answer(502, b"<html>")
        gateway.relay.work()
        assert gateway.axis.sent == []
    attempts, reason = database.row("SELECT attempts, last_reason FROM upward")
    assert attempts == 2
    assert reason
    gateway.axis.instead = lambda _path: None
    gateway.relay.work()
    assert len(gateway.axis.sent) == 1


def test_a_wrong_secret_is_refused_by_the_fakes_own_reckoning(gateway: Gateway) -> None:
    settings = gateway.relay._settings
    liar = Vxp(settings.axis, b"sai")
    with pytest.raises(AxisRefused, match="hash-header"):
        liar.list(Kind.EDOC)
    liar.close()


@pytest.mark.parametrize("body", [b"", b"[]", b"<html>", b'{"data": "?"}'])
def test_an_answer_that_is_none_proves_nothing(gateway: Gateway, body: bytes, tmp_path: Path) -> None:
    gateway.axis.instead = lambda _path: Answer(200, body)
    with pytest.raises(NodeUnreachable):
        gateway.adapter.fetch("1", tmp_path / "packet")
    with pytest.raises(NodeUnreachable):
        gateway.adapter.send("H99.01", Kind.EDOC, on_disk(b"packet"))


def test_an_office_cannot_vouch_for_others(node: Node) -> None:
    value = node.first.envelope(node.second.code, b"<edXML/>", on_behalf_of=FAR)
    with pytest.raises(ExchangeRefused) as caught:
        mailbox.take(node.first.member, node.first.seal(value), b"<edXML/>", node.limits)
    assert caught.value.word is Refused.NOT_PERMITTED


def test_the_axis_is_off_unless_asked_for_and_wants_https(tmp_path: Path) -> None:
    assert vxp.adapter_of(from_document({"role": "node"}, tmp_path)) is None
    assert vxp.adapter_of(from_document({"role": "office", "axis": {"enabled": True}}, tmp_path)) is None
    asked = {"enabled": True, "address": "http://truc.example", "system_id": "H99"}
    with pytest.raises(SettingsWrong):
        vxp.adapter_of(from_document({"role": "node", "axis": asked}, tmp_path))  # no secret
    (tmp_path / "secrets").mkdir()
    (tmp_path / "secrets" / "axis.secret").write_bytes(b"khoa\n")
    with pytest.raises(SettingsWrong):
        vxp.adapter_of(from_document({"role": "node", "axis": asked}, tmp_path))
    asked["address"] = "https://truc.example/api"
    assert vxp.adapter_of(from_document({"role": "node", "axis": asked}, tmp_path)) is not None


def test_an_office_shows_who_vouches_and_answers_to_the_true_sender(office: Cast) -> None:
    gate = Partner("H99", "Nút liên thông").introduce()
    packet = Partner(FAR, "Bộ Thử nghiệm").edoc()
    sealed = gate.sealed(packet, on_behalf_of=FAR)
    receipt = arrivals.receive(sealed, on_disk(packet))
    assert arrivals.receive(sealed, on_disk(packet)) == receipt
    assert arrivals.earlier_receipt(envelope.parse_unverified(sealed)) == receipt
    sender, name, note = database.row("SELECT sender_code, sender_name, note FROM incoming")
    assert (sender, name) == (FAR, "Bộ Thử nghiệm")
    assert "qua trục liên thông" in note
    assert database.rows("SELECT DISTINCT recipient_code FROM outbox") == [(FAR,)]
    assert envelope.parse_unverified(sealed).recipient == OFFICE_CODE
