"""Lấy lại: withdrawn from the queue, asked of the receiver, granted by the system or by the clerk, or declined."""

from __future__ import annotations

import pytest

from commune_portal import clock
from commune_portal.documents import (
    amendments,
    attachments,
    dispatch,
    incoming,
    outbox,
    outgoing,
    replacements,
    statistics,
    takebacks,
    tasks,
    waiting,
)
from commune_portal.errors import NotAllowed, NotFound, RuleBroken
from commune_portal.rules.amendments import AmendmentState
from commune_portal.rules.statistics import AmendmentCounts
from commune_portal.rules.statuses import IncomingState, StatusCode
from commune_portal.store import database
from tests.cast import OTHER_CODE, Cast
from tests.documents.dialogue import (
    REASON,
    accept,
    answer_of,
    asked,
    asking_back,
    document,
    issued,
    named,
    ours,
    row_of,
    sent,
)
from tests.documents.partner import Node, Partner, codes, items, keys_of, queued_statuses
from tests.documents.test_outgoing import is_sound


@pytest.fixture
def partner(office: Cast) -> Partner:
    return Partner().introduce()


def test_what_has_not_left_is_withdrawn_and_may_be_sent_again(office: Cast, partner: Partner) -> None:
    row_id = sent(office)
    addressee = dispatch.recipients(row_id)[0]
    takebacks.take_back(office.clerk, addressee.id, REASON)
    assert items() == []
    assert dispatch.recipients(row_id)[0].refusal == takebacks.WITHDRAWN
    assert [item.state for item in ours(row_id, "take-back")] == [AmendmentState.AGREED]
    dispatch.dispatch(office.clerk, row_id, [OTHER_CODE])
    assert [item.has_it for item in dispatch.recipients(row_id)] == [True, False]
    assert is_sound(office)


def test_a_withdrawn_message_that_reached_the_node_after_all_is_asked_back(office: Cast, partner: Partner) -> None:
    node = Node().introduce(office)
    row_id = sent(office)
    item = items()[0]
    takebacks.take_back(office.clerk, dispatch.recipients(row_id)[0].id, REASON)
    assert takebacks.chase() == 0
    assert outbox.delivered(item.message_id, node.receipt(item.envelope))
    assert dispatch.recipients(row_id)[0].has_it
    assert takebacks.chase() == 1
    assert takebacks.chase() == 0
    question = queued_statuses(item.message_id)[0]
    assert question.status.status_code == "13"
    answer_of(partner, question.status.response_for.document_id, "15", to=question.envelope.message_id).arrive()
    assert dispatch.recipients(row_id)[0].status is StatusCode.TAKE_BACK_AGREED
    assert is_sound(office)


def delivered(office: Cast, row_id: int) -> dispatch.Recipient:
    node = Node().introduce(office)
    for item in items():
        outbox.delivered(item.message_id, node.receipt(item.envelope))
    return dispatch.recipients(row_id)[0]


def test_what_has_left_is_asked_of_the_receiver_who_may_say_no_and_then_yes(office: Cast, partner: Partner) -> None:
    row_id = sent(office)
    addressee = delivered(office, row_id)
    takebacks.take_back(office.clerk, addressee.id, REASON)
    question = queued_statuses(addressee.message_id)[0]
    assert (question.status.response_for.organ_id, question.envelope.recipient) == (OTHER_CODE, OTHER_CODE)
    assert question.status.description == REASON
    with pytest.raises(RuleBroken, match="đợi"):
        takebacks.take_back(office.clerk, addressee.id, REASON)
    about = question.status.response_for.document_id
    no = answer_of(partner, about, "16", to=question.envelope.message_id, reason="Đã giao phòng chuyên môn xử lý")
    yes = answer_of(partner, about, "14", to=question.envelope.message_id)
    no.arrive()
    assert (dispatch.recipients(row_id)[0].status, ours(row_id, "take-back")[0].state) == (None, "declined")
    yes.arrive()
    no.arrive()
    answer_of(partner, about, "03").arrive()
    assert dispatch.recipients(row_id)[0].status is StatusCode.TAKE_BACK_AGREED
    assert ours(row_id, "take-back")[0].outcome == "Đã lấy lại"
    dispatch.dispatch(office.clerk, row_id, [OTHER_CODE])
    assert is_sound(office)


def test_an_answer_of_another_office_or_to_another_question_settles_nothing(office: Cast, partner: Partner) -> None:
    row_id = sent(office)
    addressee = delivered(office, row_id)
    takebacks.take_back(office.clerk, addressee.id, REASON)
    question = queued_statuses(addressee.message_id)[0]
    about = question.status.response_for.document_id
    stranger = Partner("H99.03", "Ủy ban nhân dân xã Cao Sơn", keys_of("stranger")).introduce()
    answer_of(stranger, about, "15", to=question.envelope.message_id).arrive()
    answer_of(stranger, about, "15").arrive()
    answer_of(partner, about, "15", to="5d1c2f38-9c5e-4e2b-8a57-0d3c1f6a7b90").arrive()
    assert ours(row_id, "take-back")[0].state is AmendmentState.ASKED
    answer_of(partner, about, "15").arrive()  # a system that leaves in_reply_to out
    assert ours(row_id, "take-back")[0].state is AmendmentState.AGREED


def test_nobody_takes_back_what_is_finished_refused_or_not_theirs_to_amend(office: Cast, partner: Partner) -> None:
    row_id = sent(office)
    addressee = delivered(office, row_id)
    with pytest.raises(NotAllowed):
        takebacks.take_back(office.leader, addressee.id, REASON)
    with pytest.raises((NotFound, NotAllowed)):
        takebacks.take_back(office.administrator, addressee.id, REASON)
    with pytest.raises(RuleBroken, match="10 ký tự"):
        takebacks.take_back(office.clerk, addressee.id, "nhầm")
    answer_of(partner, database.row("SELECT document_id FROM outgoing WHERE id = ?", (row_id,))[0], "06").arrive()
    with pytest.raises(RuleBroken, match="xử lý xong"):
        takebacks.take_back(office.clerk, addressee.id, REASON)


def test_before_the_book_the_system_gives_it_back_and_the_trace_stays(office: Cast, partner: Partner) -> None:
    first = document(partner)
    first.arrive()
    row_id = row_of(named(partner, 7))
    file = attachments.shown("incoming", row_id)
    assert file is not None
    question = asking_back(partner, of=first)
    assert question.arrive() == question.arrive()
    assert incoming.get(row_id).state is IncomingState.TAKEN_BACK
    assert codes(question.message_id) == ["15"]
    assert attachments.shown("incoming", row_id) is None
    with pytest.raises(NotFound):
        attachments.open_for(office.clerk, file.id)
    with pytest.raises(RuleBroken):
        incoming.accept(office.clerk, row_id, without_check=True)
    assert amendments.open_asked_of_us(office.clerk) == []
    assert is_sound(office)


def test_a_request_that_comes_before_its_document_waits_for_it(office: Cast, partner: Partner) -> None:
    first = document(partner)
    question = asking_back(partner, of=first)
    question.arrive()
    assert codes() == []
    first.arrive()
    assert incoming.get(row_of(named(partner, 7))).state is IncomingState.TAKEN_BACK
    assert codes() == ["01", "15"]
    assert queued_statuses(question.message_id)[0].envelope.recipient == OTHER_CODE
    assert is_sound(office)


def test_a_resent_document_is_not_mistaken_for_the_one_that_was_refused(office: Cast, partner: Partner) -> None:
    document(partner).arrive()
    refused = row_of(named(partner, 7))
    incoming.refuse(office.clerk, refused, "Không thuộc thẩm quyền của xã")
    again = document(partner)
    asking_back(partner, of=again).arrive()
    assert incoming.get(refused).state is IncomingState.REFUSED
    assert codes()[-1] == "02"
    again.arrive()
    assert incoming.get(row_of(named(partner, 7))).state is IncomingState.TAKEN_BACK


def test_in_the_book_the_clerk_agrees_and_the_number_stays(office: Cast, partner: Partner) -> None:
    first = document(partner)
    first.arrive()
    row_id = row_of(named(partner, 7))
    number = accept(office, row_id).number
    tasks.assign(office.leader, row_id, lead=office.specialist.id)
    question = asking_back(partner, of=first)
    question.arrive()
    pile = waiting.asked_by_senders(office.clerk)
    assert (pile.amount, pile.items[0].reason) == (1, "Gửi nhầm nơi nhận, xin lấy lại")
    takebacks.agree(office.clerk, asked(row_id, "take-back").id)
    assert (incoming.get(row_id).state, incoming.get(row_id).number) == (IncomingState.TAKEN_BACK, number)
    assert codes(question.message_id) == ["15"]
    assert waiting.tasks_of(office.specialist) == []
    with pytest.raises(RuleBroken, match="đã được trả lời"):
        takebacks.decline(office.clerk, asked(row_id, "take-back").id, REASON)
    assert is_sound(office)


def test_in_the_book_the_clerk_may_decline_with_a_reason_and_the_work_goes_on(office: Cast, partner: Partner) -> None:
    first = document(partner)
    first.arrive()
    row_id = row_of(named(partner, 7))
    accept(office, row_id)
    question = asking_back(partner, of=first)
    question.arrive()
    amendment = asked(row_id, "take-back").id
    with pytest.raises(RuleBroken, match="10 ký tự"):
        takebacks.decline(office.clerk, amendment, "không")
    with pytest.raises(NotAllowed):
        takebacks.decline(office.leader, amendment, REASON)
    takebacks.decline(office.clerk, amendment, "Đã giao bộ phận chuyên môn thực hiện")
    assert codes(question.message_id) == ["16"]
    tasks.assign(office.leader, row_id, lead=office.specialist.id)
    assert is_sound(office)


def test_what_is_finished_is_declined_by_the_system(office: Cast, partner: Partner) -> None:
    first = document(partner)
    first.arrive()
    row_id = row_of(named(partner, 7))
    accept(office, row_id)
    tasks.complete(office.leader, row_id, result="Đã thông báo tới các thôn")
    question = asking_back(partner, of=first)
    question.arrive()
    assert codes(question.message_id) == ["16"]
    assert (incoming.get(row_id).state, asked(row_id, "take-back").state) == (IncomingState.COMPLETED, "declined")


def test_another_office_takes_nothing_back(office: Cast, partner: Partner) -> None:
    first = document(partner)
    first.arrive()
    row_id = row_of(named(partner, 7))
    foreign = Partner("H99.03", "Ủy ban nhân dân xã Cao Sơn", keys_of("third")).introduce()
    packet = asking_back(partner).packet
    sealed = foreign.status_sealed(packet, in_reply_to=first.message_id)
    type(first)(sealed, packet).arrive()
    assert incoming.get(row_id).state is IncomingState.ARRIVED
    assert amendments.of_incoming(row_id) == []
    assert is_sound(office)


def test_the_statistics_count_what_came_back_and_what_was_asked_later(office: Cast, partner: Partner) -> None:
    row_id = sent(office)
    takebacks.take_back(office.clerk, dispatch.recipients(row_id)[0].id, REASON)
    dispatch.dispatch(office.clerk, row_id, [OTHER_CODE])
    document_id = outgoing.get(row_id).document_id
    answer_of(partner, document_id, "02", to=dispatch.recipients(row_id)[0].message_id).arrive()
    new = issued(office, "Về việc thành lập Tổ rà soát (thay thế)")
    replacements.replace(office.clerk, row_id, new, REASON)
    counts = statistics.amendment_counts(statistics.Period.of(clock.today().year))
    assert counts == AmendmentCounts(issued=2, recalled=0, replaced=1, updated=0, sent=2, returned=1, taken_back=1)
    named_rates = {
        rate.name: rate.text for rate in statistics.rates(office.leader, statistics.Period.of(clock.today().year))
    }
    assert named_rates["Tỷ lệ lấy lại"] == "50,00 % (1/2)"
