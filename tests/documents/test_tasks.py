"""Handling: who leads, who supports, whose task it is, and the statuses 04, 05, 06 that go home once."""

from __future__ import annotations

from datetime import timedelta

import pytest

from commune_portal import clock
from commune_portal.documents import incoming, issuing, outgoing, tasks
from commune_portal.documents.incoming import Incoming
from commune_portal.errors import Malformed, NotAllowed, NotFound, RuleBroken
from commune_portal.people import accounts
from commune_portal.people.actors import PORTAL, Actor
from commune_portal.rules.kinds import Medium
from commune_portal.rules.permissions import Role
from commune_portal.rules.statuses import IncomingState
from commune_portal.store import journal
from tests.cast import PASSWORD, Cast
from tests.documents.partner import Partner, an_arrival, codes, queued_statuses
from tests.documents.test_incoming import a_letter
from tests.documents.test_outgoing import a_draft, is_sound


@pytest.fixture
def accepted(office: Cast) -> Incoming:
    arrived = an_arrival(Partner().introduce())
    incoming.accept(office.clerk, arrived.id, without_check=True)
    return incoming.get(arrived.id)


@pytest.fixture
def colleague(office: Cast) -> Actor:
    made = accounts.add(
        PORTAL, username="dongnghiep", full_name="Phan Văn Khê", roles=[Role.SPECIALIST], password=PASSWORD
    )
    return accounts.actor(made.account_id)


def parts(row_id: int) -> list[tuple[str, str, str]]:
    return [(item.full_name, item.part, item.state) for item in tasks.assignments_of(row_id)]


def issued_answer(office: Cast, drafter: Actor) -> int:
    row_id = outgoing.draft(drafter, a_draft(office, medium=Medium.PAPER, letter=None))
    outgoing.submit(drafter, row_id)
    outgoing.approve(office.leader, row_id)
    issuing.number(office.clerk, row_id)
    issuing.seal(office.clerk, row_id)
    return row_id


def test_the_way_from_directing_to_done_answers_04_05_06_once_each(office: Cast, accepted: Incoming) -> None:
    due = clock.today() + timedelta(days=5)
    tasks.assign(office.leader, accepted.id, lead=office.specialist.id, direction="Xem xét, trả lời", due_date=due)
    now = incoming.get(accepted.id)
    assert (now.state, now.due_date, now.recipient_name) == (IncomingState.ASSIGNED, due, office.specialist.full_name)
    tasks.start(office.specialist, accepted.id)
    assert incoming.get(accepted.id).state is IncomingState.IN_PROGRESS
    tasks.complete(office.specialist, accepted.id, result="Đã phối hợp xong")
    now = incoming.get(accepted.id)
    assert now.state is IncomingState.COMPLETED
    assert now.completed_at is not None
    assert codes(accepted.message_id) == ["01", "03", "04", "05", "06"]
    assert queued_statuses(accepted.message_id)[-1].status.description == "Đã phối hợp xong"
    assert parts(accepted.id) == [(office.specialist.full_name, "lead", "completed")]
    assert is_sound(office)


def test_directing_anew_keeps_the_trail_and_answers_nothing_more(
    office: Cast, accepted: Incoming, colleague: Actor
) -> None:
    tasks.assign(office.leader, accepted.id, lead=office.specialist.id, direction="Tham mưu")
    tasks.assign(office.leader, accepted.id, lead=colleague.id, supports=[office.specialist.id, office.clerk.id])
    assert sorted(parts(accepted.id)) == sorted(
        [
            (colleague.full_name, "lead", "assigned"),
            (office.specialist.full_name, "support", "assigned"),
            (office.clerk.full_name, "support", "assigned"),
            (office.specialist.full_name, "lead", "replaced"),
        ]
    )
    lines = [line for line in journal.lines_about(accepted.about) if line.fields["act"] == "incoming.assigned"]
    assert [line.fields["facts"]["handlers"] for line in lines] == [
        [office.specialist.uid],
        [colleague.uid, office.specialist.uid, office.clerk.uid],
    ]
    assert codes(accepted.message_id) == ["01", "03", "04"]


def test_directing_anew_while_it_is_worked_on_moves_nothing_backwards(
    office: Cast, accepted: Incoming, colleague: Actor
) -> None:
    tasks.assign(office.leader, accepted.id, lead=office.specialist.id)
    tasks.start(office.specialist, accepted.id)
    tasks.assign(office.leader, accepted.id, lead=colleague.id)
    assert incoming.get(accepted.id).state is IncomingState.IN_PROGRESS
    with pytest.raises(NotFound):
        tasks.complete(office.specialist, accepted.id, result="Không còn là việc của tôi")
    tasks.complete(colleague, accepted.id, result="Đã trả lời")
    assert codes(accepted.message_id) == ["01", "03", "04", "05", "06"]


def test_a_task_is_done_only_by_those_it_was_given_to(office: Cast, accepted: Incoming, colleague: Actor) -> None:
    tasks.assign(office.leader, accepted.id, lead=office.specialist.id)
    for person, error in ((colleague, NotFound), (office.clerk, NotAllowed), (office.administrator, NotFound)):
        with pytest.raises(error):
            tasks.start(person, accepted.id)
        with pytest.raises(error):
            tasks.complete(person, accepted.id, result="xong")
    with pytest.raises(NotAllowed):
        tasks.start(office.leader, accepted.id)  # who directs does not work on it unless it was given to him
    assert incoming.get(accepted.id).state is IncomingState.ASSIGNED
    assert codes(accepted.message_id) == ["01", "03", "04"]


def test_only_a_leader_directs(office: Cast, accepted: Incoming) -> None:
    for person, error in ((office.clerk, NotAllowed), (office.specialist, NotFound), (office.administrator, NotFound)):
        with pytest.raises(error):
            tasks.assign(person, accepted.id, lead=office.specialist.id)
    assert parts(accepted.id) == []


def test_one_person_is_not_lead_and_support_and_no_deadline_lies_before_the_arrival(
    office: Cast, accepted: Incoming
) -> None:
    with pytest.raises(Malformed, match="chủ trì") as refused:
        tasks.assign(office.leader, accepted.id, lead=office.specialist.id, supports=[office.specialist.id])
    assert refused.value.field == "supports"
    with pytest.raises(Malformed) as refused:
        tasks.assign(office.leader, accepted.id, lead=office.specialist.id, due_date=clock.today() - timedelta(days=1))
    assert refused.value.field == "due_date"
    with pytest.raises(NotFound):
        tasks.assign(office.leader, accepted.id, lead=4711)
    assert parts(accepted.id) == []
    assert codes(accepted.message_id) == ["01", "03"]


def test_it_cannot_be_begun_twice_nor_ended_twice(office: Cast, accepted: Incoming) -> None:
    tasks.assign(office.leader, accepted.id, lead=office.specialist.id, supports=[office.clerk.id])
    tasks.start(office.specialist, accepted.id)
    with pytest.raises(RuleBroken, match="đã được bắt đầu"):
        tasks.start(office.clerk, accepted.id)
    tasks.complete(office.clerk, accepted.id, result="Xong")
    with pytest.raises(RuleBroken):
        tasks.complete(office.specialist, accepted.id, result="Xong lần nữa")
    assert codes(accepted.message_id) == ["01", "03", "04", "05", "06"]


def test_ending_needs_a_result_or_an_issued_answer(office: Cast, accepted: Incoming) -> None:
    tasks.assign(office.leader, accepted.id, lead=office.specialist.id)
    with pytest.raises(Malformed, match="kết quả"):
        tasks.complete(office.specialist, accepted.id, result="  ")
    draft = outgoing.draft(office.specialist, a_draft(office))
    with pytest.raises(RuleBroken, match="đã phát hành"):
        tasks.complete(office.specialist, accepted.id, answered_by=draft)
    foreign = issued_answer(office, office.clerk)
    with pytest.raises(NotFound):
        tasks.complete(office.specialist, accepted.id, answered_by=foreign)
    answer = issued_answer(office, office.specialist)
    tasks.complete(office.specialist, accepted.id, answered_by=answer)
    now = incoming.get(accepted.id)
    assert (now.state, now.answered_by) == (IncomingState.COMPLETED, answer)
    assert journal.lines_about(accepted.about)[-1].texts["answered_by"] == "02/QĐ-UBND"
    assert codes(accepted.message_id)[-1] == "06"
    assert is_sound(office)


def test_what_is_for_information_is_ended_without_directing(office: Cast, accepted: Incoming) -> None:
    tasks.complete(office.leader, accepted.id, result="Đã biết, lưu hồ sơ")
    assert incoming.get(accepted.id).state is IncomingState.COMPLETED
    assert codes(accepted.message_id) == ["01", "03", "06"]


def test_what_came_by_hand_is_handled_without_a_status(office: Cast) -> None:
    row_id = incoming.register(office.clerk, a_letter())
    tasks.assign(office.leader, row_id, lead=office.specialist.id)
    tasks.start(office.specialist, row_id)
    tasks.complete(office.specialist, row_id, result="Đã giải quyết")
    assert incoming.get(row_id).state is IncomingState.COMPLETED
    assert codes() == []


def test_nothing_is_directed_before_it_is_in_the_book(office: Cast) -> None:
    arrived = an_arrival(Partner().introduce())
    with pytest.raises(RuleBroken, match="chưa vào sổ"):
        tasks.assign(office.leader, arrived.id, lead=office.specialist.id)
    assert codes() == ["01"]
