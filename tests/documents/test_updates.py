"""Cập nhật: the envelope's data is put right at both ends, what changed is shown, the signed file stays as it is."""

from __future__ import annotations

import dataclasses
from datetime import date, timedelta

import pytest

from commune_portal import clock
from commune_portal.documents import attachments, dispatch, incoming, lists, outbox, outgoing, updates
from commune_portal.errors import Malformed, NotAllowed, RuleBroken
from commune_portal.rules.amendments import AmendmentState
from commune_portal.rules.kinds import Urgency
from commune_portal.rules.statuses import OutgoingState
from tests.cast import OTHER_CODE, Cast
from tests.documents.dialogue import (
    REASON,
    accept,
    answer_of,
    asked,
    document,
    named,
    ours,
    queued_edocs,
    row_of,
    sent,
    update_of,
)
from tests.documents.partner import PDF, Node, Partner, codes, items, keys_of
from tests.documents.test_outgoing import is_sound


@pytest.fixture
def partner(office: Cast) -> Partner:
    return Partner().introduce()


def test_an_update_changes_our_data_and_asks_the_receivers_without_the_file(office: Cast, partner: Partner) -> None:
    node = Node().introduce(office)
    row_id = sent(office)
    before = attachments.shown("outgoing", row_id)
    now = outgoing.get(row_id)
    wanted = dataclasses.replace(
        updates.metadata_of(now), subject="Về việc kiện toàn Tổ rà soát", due_date=date(2026, 12, 15),
        urgency=Urgency.URGENT,
    )  # fmt: skip
    updates.update(office.clerk, row_id, wanted, REASON)
    after = outgoing.get(row_id)
    assert (after.state, after.subject, after.due_date) == (OutgoingState.ISSUED, wanted.subject, wanted.due_date)
    assert attachments.shown("outgoing", row_id) == before
    envelope, edoc = queued_edocs()[-1]
    assert edoc.business is not None
    assert (edoc.business.type, edoc.document_id, edoc.subject, edoc.attachments) == (
        2, now.document_id, wanted.subject, (),
    )  # fmt: skip
    assert [(item.field, item.old, item.new) for item in ours(row_id, "update")[0].changes] == [
        ("due_date", "", "15/12/2026"),
        ("subject", now.subject, wanted.subject),
        ("urgency", Urgency.NORMAL.label, Urgency.URGENT.label),
    ]
    assert lists.outgoing_page(office.clerk, query="kiện toàn").lines[0].id == row_id
    for item in items():
        assert outbox.delivered(item.message_id, node.receipt(item.envelope))
    answer_of(partner, now.document_id, "15", to=envelope.message_id).arrive()
    assert ours(row_id, "update")[0].state is AmendmentState.AGREED
    assert dispatch.recipients(row_id)[0].status is None
    assert is_sound(office)


def test_an_update_needs_a_change_a_reason_and_takes_nothing_away(office: Cast, partner: Partner) -> None:
    row_id = sent(office, due_date=date(2026, 12, 1))
    now = updates.metadata_of(outgoing.get(row_id))
    with pytest.raises(Malformed, match="Chưa thay đổi"):
        updates.update(office.clerk, row_id, now, REASON)
    with pytest.raises(Malformed, match="Không để trống"):
        updates.update(office.clerk, row_id, dataclasses.replace(now, due_date=None), REASON)
    with pytest.raises(Malformed, match="trích yếu"):
        updates.update(office.clerk, row_id, dataclasses.replace(now, subject=" "), REASON)
    with pytest.raises(NotAllowed):
        updates.update(office.leader, row_id, dataclasses.replace(now, subject="Khác"), REASON)
    assert dispatch.recipients(row_id)[0].organ_code == OTHER_CODE


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_before_the_book_the_system_takes_an_update_over(
    office: Cast, partner: Partner, order: tuple[int, int]
) -> None:
    first = document(partner)
    messages = [first, update_of(partner, of=first, due_date=date(2026, 12, 15))]
    for which in order:
        messages[which].arrive()
        messages[which].arrive()
    row_id = row_of(named(partner, 7))
    now = incoming.get(row_id)
    assert (now.subject, now.asked_due_date) == ("Về việc phối hợp tuần tra lần 7 (sửa)", date(2026, 12, 15))
    shown = attachments.shown("incoming", row_id)
    assert shown is not None
    assert shown.path.read_bytes() == PDF
    original = attachments.current("incoming", row_id, "packet")
    assert original is not None
    assert original.path.read_bytes() == first.packet
    assert codes(messages[1].message_id) == ["15"]
    assert {item.field for item in asked(row_id, "update").changes} == {"subject", "due_date"}
    assert lists.incoming_page(office.clerk, query="(sửa)").lines[0].id == row_id
    assert is_sound(office)


def test_an_older_update_that_comes_late_changes_nothing(office: Cast, partner: Partner) -> None:
    first = document(partner)
    first.arrive()
    old = update_of(partner, of=first, subject="Bản sửa thứ nhất")
    with clock.standing_at(clock.now() + timedelta(minutes=5)):
        new = update_of(partner, of=first, subject="Bản sửa thứ hai")
    new.arrive()
    old.arrive()
    assert incoming.get(row_of(named(partner, 7))).subject == "Bản sửa thứ hai"
    assert is_sound(office)


def test_in_the_book_the_clerk_decides_and_sees_what_changes(office: Cast, partner: Partner) -> None:
    first = document(partner)
    first.arrive()
    row_id = row_of(named(partner, 7))
    accept(office, row_id)
    one, two = update_of(partner, of=first), update_of(partner, of=first, subject="Tuần tra rừng phòng hộ")
    one.arrive()
    updates.decline(office.clerk, asked(row_id, "update").id, "Đã vào sổ theo đúng bản ký số")
    assert incoming.get(row_id).subject == "Về việc phối hợp tuần tra lần 7"
    two.arrive()
    assert [change.label for change in asked(row_id, "update").changes] == ["Trích yếu"]  # what stays is not shown
    assert asked(row_id, "update").changes[0].old == "Về việc phối hợp tuần tra lần 7"
    updates.agree(office.clerk, asked(row_id, "update").id)
    change = asked(row_id, "update").changes[0]
    assert (change.old, change.new) == ("Về việc phối hợp tuần tra lần 7", "Tuần tra rừng phòng hộ")
    assert incoming.get(row_id).subject == "Tuần tra rừng phòng hộ"
    assert (codes(one.message_id), codes(two.message_id)) == (["16"], ["15"])
    with pytest.raises(RuleBroken, match="đã được trả lời"):
        updates.agree(office.clerk, asked(row_id, "update").id)
    assert is_sound(office)


def test_another_office_updates_nothing_of_this_sender(office: Cast, partner: Partner) -> None:
    first = document(partner)
    first.arrive()
    foreign = Partner("H99.03", "Ủy ban nhân dân xã Cao Sơn", keys_of("third")).introduce()
    packet = update_of(partner).packet
    type(first)(foreign.sealed(packet, in_reply_to=first.message_id), packet).arrive()
    assert incoming.get(row_of(named(partner, 7))).subject == "Về việc phối hợp tuần tra lần 7"
    assert codes() == ["01"]
    assert is_sound(office)
