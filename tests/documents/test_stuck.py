"""When the list of attempts has run out a person hears of it, with the proof; what only waits has not failed."""

from __future__ import annotations

from datetime import timedelta

import pytest

from commune_portal import clock
from commune_portal.documents import outbox, stuck
from commune_portal.errors import NotAllowed
from commune_portal.people import peers
from commune_portal.store import database
from tests.cast import NODE_CODE, OTHER_NAME, Cast
from tests.documents.partner import Node, Partner
from tests.documents.test_arrivals import dispatched

DELAYS = (5.0, 60.0, 3600.0)
HOURS = timedelta(hours=2)


@pytest.fixture
def message(office: Cast) -> str:
    Node().introduce(office)
    Partner().introduce()
    dispatched(office)
    return str(database.row("SELECT message_id FROM outbox")[0])


def found(office: Cast, after: timedelta = HOURS) -> list[stuck.Stuck]:
    return stuck.exhausted(office.clerk, clock.now() + after, DELAYS)


def test_a_document_is_a_person_s_task_when_its_list_has_run_out_and_not_before(office: Cast, message: str) -> None:
    assert found(office) == []  # nobody has tried yet
    began = clock.now()
    for minute in range(3):
        with clock.standing_at(began + timedelta(minutes=minute)):
            outbox.attempt_failed(message, "Nút không trả lời", clock.now() + timedelta(hours=1))
    assert found(office, timedelta(minutes=30)) == []  # the time of the list has not passed
    (task,) = found(office)
    assert (task.message_id, task.recipient_name, task.attempts) == (message, OTHER_NAME, 3)
    assert (task.first_attempt_at, task.last_attempt_at) == (began, began + timedelta(minutes=2))
    assert task.last_reason == "Nút không trả lời"
    assert database.row("SELECT state FROM outbox")[0] == "ready"


def test_while_the_link_is_dark_its_attempts_are_the_proof(office: Cast, message: str) -> None:
    peers.contact_failed(NODE_CODE, "Không có mạng", 2, clock.now(), 0)
    assert found(office) == []
    peers.contact_failed(NODE_CODE, "Không có mạng", 3, clock.now(), 0)
    (task,) = found(office)
    assert (task.message_id, task.attempts, task.last_reason) == (message, 3, "Không có mạng")


def test_what_the_node_has_taken_is_nobody_s_task(office: Cast, message: str) -> None:
    for _ in DELAYS:
        outbox.attempt_failed(message, "Nút bận", clock.now())
    assert len(found(office)) == 1
    database.write_working("UPDATE outbox SET state = 'delivered'")
    assert found(office) == []


def test_an_office_that_is_not_linked_has_tried_nothing(office: Cast) -> None:
    Partner().introduce()
    dispatched(office)
    assert found(office) == []
    with pytest.raises(NotAllowed):
        stuck.exhausted(office.specialist, clock.now(), DELAYS)
