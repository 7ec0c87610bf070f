"""The outbox: frozen bytes, the order in which they go, and that nothing but a verified receipt moves a state."""

from __future__ import annotations

import uuid
from datetime import timedelta
from typing import Any

import pytest

from commune_portal import clock
from commune_portal.documents import dispatch, issuing, outbox
from commune_portal.errors import Malformed, NotAllowed, NotFound, PortalError, Unauthenticated
from commune_portal.people.actors import PORTAL
from commune_portal.rules.acts import Act
from commune_portal.rules.kinds import Urgency
from commune_portal.store import database, files, journal
from commune_portal.wire import envelope as envelopes
from commune_portal.wire import keys
from commune_portal.wire.envelope import Kind
from commune_portal.wire.receipt import RefusalType
from tests.cast import OTHER_CODE, OTHER_NAME, PIN, Cast
from tests.documents.partner import Node, Partner, items, keys_of, outbox_rows
from tests.documents.test_outgoing import is_sound, make_reachable, signed


@pytest.fixture
def node(office: Cast) -> Node:
    return Node().introduce(office)


@pytest.fixture
def partner(office: Cast) -> Partner:
    return Partner().introduce()


@pytest.fixture
def sent(office: Cast, node: Node, partner: Partner) -> int:
    """An issued document, dispatched to one office."""
    row_id = signed(office)
    issuing.number(office.clerk, row_id)
    issuing.seal(office.clerk, row_id, PIN)
    dispatch.dispatch(office.clerk, row_id, [OTHER_CODE])
    return row_id


def queue(kind: Kind = Kind.STATUS, urgency: int = 0, packet_bytes: int = 10) -> str:
    """Queues one item as an act would."""
    message_id = str(uuid.uuid4())
    packet = files.keep(message_id.encode().ljust(packet_bytes, b"."))
    with database.transaction() as work:
        checkpoint = journal.write(work, Act.EXPORTED, PORTAL.uid, about="incoming:thu")
        outbox.queue(
            work, message_id=message_id, kind=kind, recipient_code=OTHER_CODE, urgency=urgency, packet=packet,
            checkpoint=checkpoint, about="incoming:thu",
        )  # fmt: skip
    return message_id


def standing() -> tuple[Any, ...]:
    return (
        database.rows("SELECT message_id, state, attempts, closed_at FROM outbox"),
        database.rows("SELECT message_id, delivered_at, refused_at, refusal FROM recipients"),
        database.rows("SELECT message_id FROM receipts"),
        journal.checkpoint(),
    )


def test_the_envelope_is_frozen_and_signed_when_it_is_queued(office: Cast, sent: int) -> None:
    item = items()[0]
    written = envelopes.open_(item.envelope, lambda _code, _key: keys.own().public_key)
    assert (written.message_id, written.packet_sha256) == (item.message_id, item.packet_sha256)
    assert (written.sender, written.recipient, written.kind) == ("H99.01", OTHER_CODE, Kind.EDOC)
    assert envelopes.describes(written, files.path_of(item.packet_sha256).read_bytes())
    for _ in range(3):
        outbox.attempt_failed(item.message_id, "Chưa liên lạc được", clock.now())
    outbox.send_now(office.clerk)
    again = items()[0]
    assert (again.envelope, again.message_id, again.attempts) == (item.envelope, item.message_id, 3)


def test_the_nodes_receipt_closes_the_item_once(office: Cast, node: Node, sent: int) -> None:
    item = items()[0]
    receipt = node.receipt(item.envelope)
    assert outbox.delivered(item.message_id, receipt) is True
    assert outbox.delivered(item.message_id, receipt) is False
    assert [state for _, state, _ in outbox_rows()] == ["delivered"]
    recipient = dispatch.recipients(sent)[0]
    assert recipient.delivered_at is not None
    assert recipient.refused_at is None
    assert recipient.status is None  # transport is not the receiver's word
    assert items() == []
    assert [row[0] for row in database.rows("SELECT bytes FROM receipts")] == [receipt.decode()]
    assert is_sound(office)


def test_a_receipt_that_proves_nothing_moves_nothing(office: Cast, node: Node, partner: Partner, sent: int) -> None:
    item = items()[0]
    other = queue()
    forger = Node(keys_of("forger"))
    good = node.receipt(item.envelope)
    elsewhere = node.receipt(next(found.envelope for found in items() if found.message_id == other))
    before = standing()
    for forged, error in (
        (forger.receipt(item.envelope), Unauthenticated),
        (node.receipt(item.envelope, receiver="H99.77"), Unauthenticated),
        (partner.receipt(item.envelope), Unauthenticated),  # the addressee's word is not the node's
        (good.replace(b'"refusal":null', b'"refusal":"malformed"').replace(b"accepted", b"refused"), Unauthenticated),
        (node.receipt(item.envelope, packet_sha256="ab" * 32), NotAllowed),
        (elsewhere, NotAllowed),
        (good[:-30], Malformed),
        (b"", Malformed),
        (b"<html>200 OK</html>", Malformed),
    ):
        with pytest.raises(error):
            outbox.delivered(item.message_id, forged)
        assert standing() == before
    with pytest.raises(NotFound):
        outbox.delivered(str(uuid.uuid4()), good)
    assert standing() == before
    assert outbox.delivered(item.message_id, good)


def test_the_nodes_refusal_is_final_and_lets_the_office_send_anew(office: Cast, node: Node, sent: int) -> None:
    item = items()[0]
    assert outbox.delivered(item.message_id, node.receipt(item.envelope, RefusalType.TOO_LARGE))
    recipient = dispatch.recipients(sent)[0]
    assert (recipient.delivered_at, recipient.refusal) == (None, RefusalType.TOO_LARGE.label)
    assert outbox.lines(office.clerk, waiting_only=False)[0].state == "refused"
    assert outbox.delivered(item.message_id, node.receipt(item.envelope)) is False
    dispatch.dispatch(office.clerk, sent, [OTHER_CODE])
    assert [found.refused_at is None for found in dispatch.recipients(sent)] == [True, False]  # the newest first
    assert items()[0].message_id != item.message_id
    assert is_sound(office)


def test_one_office_is_sent_to_once_however_often_it_is_named(office: Cast, sent: int, node: Node) -> None:
    make_reachable("H99.03", "Ủy ban nhân dân xã Cao Sơn")
    dispatch.dispatch(office.clerk, sent, ["H99.03", "", "H99.03"])
    assert [found.organ_code for found in dispatch.recipients(sent)] == [OTHER_CODE, "H99.03"]
    assert len({item.message_id for item in items()}) == 2


def test_one_packet_for_all_who_are_written_to_at_once(office: Cast, node: Node) -> None:
    row_id = signed(office)
    issuing.number(office.clerk, row_id)
    issuing.seal(office.clerk, row_id, PIN)
    make_reachable()
    make_reachable("H99.03", "Ủy ban nhân dân xã Cao Sơn")
    dispatch.dispatch(office.clerk, row_id, [OTHER_CODE, "H99.03"])
    assert len({item.packet_sha256 for item in items()}) == 1
    assert {item.recipient_code for item in items()} == {OTHER_CODE, "H99.03"}


def test_what_the_addressee_signed_is_kept_as_evidence_once(
    office: Cast, node: Node, partner: Partner, sent: int
) -> None:
    item = items()[0]
    receipt = partner.receipt(item.envelope)
    assert outbox.receiver_took(receipt) is True
    assert outbox.receiver_took(receipt) is False
    assert [state for _, state, _ in outbox_rows()] == ["ready"]  # only the node's receipt closes it
    before = standing()
    stranger = Partner("H99.03", "Ủy ban nhân dân xã Cao Sơn", keys_of("stranger")).introduce()
    with pytest.raises(Unauthenticated):
        outbox.receiver_took(Partner(own=keys_of("forger")).receipt(item.envelope))
    with pytest.raises(Malformed):
        outbox.receiver_took(stranger.receipt(item.envelope))
    with pytest.raises(Malformed):
        outbox.receiver_took(partner.receipt(item.envelope, packet_sha256="ab" * 32))
    assert standing() == before
    assert is_sound(office)


def test_urgent_goes_first_then_small_then_old(office: Cast, node: Node) -> None:
    large = queue(Kind.EDOC, 0, 70_000)
    old = queue()
    urgent_large = queue(Kind.EDOC, 1, 70_000)
    young = queue(Kind.EDOC)
    urgent = queue(urgency=1)
    flash = queue(Kind.EDOC, int(Urgency.FLASH), 70_000)
    assert [item.message_id for item in items()] == [flash, urgent, urgent_large, old, young, large]
    assert [line.message_id for line in outbox.lines(office.clerk, waiting_only=True)] == [
        item.message_id for item in items()
    ]
    assert outbox.anything_more_urgent(1, clock.now())
    assert not outbox.anything_more_urgent(3, clock.now())


def test_a_failed_attempt_waits_for_its_time_and_a_person_may_ask_at_once(office: Cast, node: Node) -> None:
    message_id = queue()
    at = clock.now() + timedelta(hours=1)
    outbox.attempt_failed(message_id, "Chưa liên lạc được với nút liên thông.", at)
    assert items() == []
    line = outbox.lines(office.clerk, waiting_only=True)[0]
    assert (line.attempts, line.next_attempt_at, line.last_reason) == (
        1,
        at,
        "Chưa liên lạc được với nút liên thông.",
    )
    assert [item.message_id for item in outbox.waiting(at)] == [message_id]
    outbox.send_now(office.clerk)
    assert [(item.message_id, item.attempts) for item in items()] == [(message_id, 1)]


def test_a_clock_that_was_set_back_does_not_silence_the_queue(office: Cast, node: Node) -> None:
    message_id = queue()
    outbox.attempt_failed(message_id, "", clock.now() + timedelta(days=400))
    assert [item.message_id for item in items()] == [message_id]


def test_what_was_queued_while_the_clock_was_ahead_goes_when_it_is_right_again(office: Cast, node: Node) -> None:
    with clock.standing_at(clock.now() + timedelta(hours=2)):
        message_id = queue()
    assert [item.message_id for item in items()] == [message_id]


@pytest.mark.parametrize("who", ["leader", "specialist", "administrator"])
def test_only_a_clerk_asks_for_another_attempt(office: Cast, node: Node, who: str) -> None:
    queue()
    with pytest.raises(NotAllowed):
        outbox.send_now(getattr(office, who))


def test_an_act_that_fails_queues_nothing(office: Cast, node: Node, monkeypatch: pytest.MonkeyPatch) -> None:
    make_reachable(OTHER_CODE, OTHER_NAME)
    row_id = signed(office)
    issuing.number(office.clerk, row_id)
    issuing.seal(office.clerk, row_id, PIN)

    def fail(*_: Any, **__: Any) -> None:
        raise PortalError("dừng")

    monkeypatch.setattr(outbox, "queue", fail)
    with pytest.raises(PortalError, match="dừng"):
        dispatch.dispatch(office.clerk, row_id, [OTHER_CODE])
    assert dispatch.recipients(row_id) == []
    assert items() == []
    assert is_sound(office)
