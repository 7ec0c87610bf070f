"""Neighbours in a list, statuses told to the sender, documents that may answer."""

from __future__ import annotations

from commune_portal.documents import incoming, issuing, outgoing, surroundings, tasks
from commune_portal.documents.incoming import Arrival
from commune_portal.documents.lists import IncomingTab
from commune_portal.documents.surroundings import Neighbours
from commune_portal.rules.statuses import StatusCode
from commune_portal.store import database
from tests.cast import PIN, Cast
from tests.documents.test_outgoing import a_draft
from tests.views import pages


def register(office: Cast, subject: str = "Văn bản") -> int:
    return incoming.register(office.clerk, Arrival(sender_name="Sở Nội vụ", subject=subject, on_paper=True))


def issued(office: Cast, answers: int | None, subject: str) -> int:
    row_id = outgoing.draft(office.clerk, a_draft(office, answers_id=answers, subject=subject))
    outgoing.submit(office.clerk, row_id)
    outgoing.approve(office.leader, row_id)
    issuing.sign(office.leader, row_id, PIN)
    issuing.number(office.clerk, row_id)
    issuing.seal(office.clerk, row_id, PIN)
    return row_id


def test_neighbours_are_those_that_the_person_may_see_in_the_tab(office: Cast) -> None:
    first, second, third = (register(office) for _ in range(3))
    assert surroundings.neighbours(office.clerk, second) == Neighbours(third, first)
    tasks.assign(office.leader, third, lead=office.specialist.id)
    assert surroundings.neighbours(office.clerk, second, IncomingTab.REGISTERED) == Neighbours(None, first)
    assert surroundings.neighbours(office.specialist, second) == Neighbours(third, None)


def test_each_status_is_named_by_the_act_that_queued_it(office: Cast) -> None:
    row_id = pages.arrive()
    incoming.accept(office.clerk, row_id, without_check=True)
    tasks.assign(office.leader, row_id, lead=office.specialist.id)
    now = incoming.get(row_id)
    told = surroundings.sent_statuses(now.about, now.message_id)
    assert [item.code for item in told] == [StatusCode.ARRIVED, StatusCode.REGISTERED, StatusCode.ASSIGNED]
    assert {item.state for item in told} == {"ready"}
    by_hand = incoming.get(register(office))
    assert surroundings.sent_statuses(by_hand.about, by_hand.message_id) == []


def test_statuses_are_found_by_an_index(office: Cast) -> None:
    plan = database.rows("EXPLAIN QUERY PLAN SELECT envelope FROM outbox WHERE about = ? AND about <> ''", ("x",))
    assert "outbox_by_about" in plan[0][3]


def test_what_was_drafted_as_the_answer_stands_first(office: Cast) -> None:
    row_id = register(office)
    answer = issued(office, row_id, "V/v trả lời Sở Nội vụ")
    newest = issued(office, None, "V/v việc khác")
    assert [line.id for line in surroundings.possible_answers(office.leader, row_id)] == [answer, newest]
    assert [line.id for line in surroundings.possible_answers(office.leader, row_id, "viec khac")] == [newest]
    assert surroundings.possible_answers(office.specialist, row_id) == []
