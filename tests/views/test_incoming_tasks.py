"""Directing, starting and completing through the pages."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest

from commune_portal import clock
from commune_portal.documents import incoming, issuing, tasks
from commune_portal.people import office_rules
from commune_portal.people.actors import PORTAL
from commune_portal.rules.statuses import IncomingState
from tests.cast import PIN
from tests.documents.test_outgoing import signed
from tests.views import pages
from tests.views.portal import HTMX, Portal, founded, portal

__all__ = ["founded", "portal"]


def state_of(row_id: int) -> IncomingState:
    return incoming.get(row_id).state


def test_a_leader_directs_with_the_usual_deadline_at_hand(portal: Portal) -> None:
    office = portal.cast
    office_rules.set_rule(PORTAL, office_rules.DEFAULT_DUE_DAYS, 5)
    row_id = pages.registered(office)
    browser = portal.browser("chutich")
    form = browser.get(f"/incoming/{row_id}").text
    assert re.search(r'name="due_date"[^>]* value="\d\d/\d\d/\d{4}"', form)
    assert "Lê Hoàng Yến – Công chức VH-XH" in form
    due = clock.today() + timedelta(days=5)
    values = {
        "lead": str(office.specialist.id), "supports": [str(office.clerk.id)], "direction": "Làm ngay",
        "due_date": f"{due:%d/%m/%Y}",
    }  # fmt: skip
    assert browser.post(f"/incoming/{row_id}/assign", values).status_code == 303
    parts = {item.account_id: (item.part, item.due_date) for item in tasks.assignments_of(row_id)}
    assert parts == {office.specialist.id: ("lead", due), office.clerk.id: ("support", due)}
    again = browser.get(f"/incoming/{row_id}?act=assign").text
    assert re.search(rf'<option value="{office.specialist.id}" selected>', again)


@pytest.mark.parametrize(
    ("values", "field"),
    [
        ({}, "lead"),
        ({"lead": "999"}, "lead"),
        ({"due_date": "32/01/2026"}, "due_date"),
        ({"due_date": "1/1/2020"}, "due_date"),
    ],
)
def test_a_direction_that_cannot_stand_is_shown_again(portal: Portal, values: dict[str, str], field: str) -> None:
    row_id = pages.registered(portal.cast)
    sent = {
        "direction": "Ý kiến đã gõ",
        **({} if field == "lead" else {"lead": str(portal.cast.specialist.id)}),
        **values,
    }
    answer = portal.browser("chutich").post(f"/incoming/{row_id}/assign", sent)
    assert answer.status_code == 422
    assert f'href="#field-{field}"' in answer.text
    assert "Ý kiến đã gõ</textarea>" in answer.text
    assert state_of(row_id) is IncomingState.REGISTERED


def test_one_person_is_not_lead_and_support_at_once(portal: Portal) -> None:
    row_id, me = pages.registered(portal.cast), str(portal.cast.specialist.id)
    answer = portal.browser("chutich").post(f"/incoming/{row_id}/assign", {"lead": me, "supports": [me]})
    assert answer.status_code == 422
    assert "không đồng thời" in answer.text


def test_a_leader_gives_several_documents_at_once(portal: Portal) -> None:
    office = portal.cast
    made = [pages.registered(office, f"Văn bản {ordinal}", str(ordinal + 1)) for ordinal in range(3)]
    browser = portal.browser("chutich")
    assert 'form="assign-many"' in browser.get("/incoming?tab=cho-phan-cong").text
    values = {"documents": [str(item) for item in made[:2]], "lead": str(office.specialist.id), "direction": "Xem"}
    assert browser.post("/incoming/assign", values).status_code == 303
    assert [state_of(item) for item in made] == [IncomingState.ASSIGNED] * 2 + [IncomingState.REGISTERED]
    assert "Đã phân công 2 văn bản cho Lê Hoàng Yến." in browser.get("/incoming").text
    assert browser.get("/incoming/assign").status_code == 405
    assert portal.browser("vanthu").post("/incoming/assign", values).status_code == 403
    assert portal.anonymous().post("/incoming/assign", values).status_code == 303
    assert 'form="assign-many"' not in portal.browser("vanthu").get("/incoming?tab=cho-phan-cong").text


def test_a_specialist_starts_and_completes_with_the_document_that_answers(portal: Portal) -> None:
    office = portal.cast
    row_id = pages.registered(office)
    tasks.assign(office.leader, row_id, lead=office.specialist.id)
    answer_id = signed(office)
    issuing.number(office.clerk, answer_id)
    issuing.seal(office.clerk, answer_id, PIN)
    browser = portal.browser("chuyenvien")
    assert browser.post(f"/incoming/{row_id}/start").status_code == 303
    assert state_of(row_id) is IncomingState.IN_PROGRESS
    found = browser.get(
        f"/incoming/{row_id}?act=complete&q=ho+ngheo", headers={**HTMX, "HX-Target": "fieldset#answers"}
    )
    assert found.text.lstrip().startswith('<fieldset id="answers"')
    assert "<strong>01/QĐ-UBND</strong>" in found.text
    assert browser.post(f"/incoming/{row_id}/complete").status_code == 422
    assert browser.post(f"/incoming/{row_id}/complete", {"answered_by": "9999"}).status_code == 422
    assert browser.post(f"/incoming/{row_id}/complete", {"answered_by": str(answer_id)}).status_code == 303
    now = incoming.get(row_id)
    assert (now.state, now.answered_by) == (IncomingState.COMPLETED, answer_id)
    assert "Trả lời bằng 01/QĐ-UBND" in browser.get(f"/incoming/{row_id}").text


def test_only_acts_that_state_and_role_allow_are_offered(portal: Portal) -> None:
    office = portal.cast
    row_id = pages.arrive()
    clerk, leader, specialist = (portal.browser(name) for name in ("vanthu", "chutich", "chuyenvien"))
    assert f"/incoming/{row_id}/accept" in clerk.get(f"/incoming/{row_id}").text
    assert "act=refuse" in clerk.get(f"/incoming/{row_id}").text
    assert "/accept" not in leader.get(f"/incoming/{row_id}").text
    incoming.accept(office.clerk, row_id, without_check=True)
    assert "/accept" not in clerk.get(f"/incoming/{row_id}").text
    assert f"/incoming/{row_id}/assign" in leader.get(f"/incoming/{row_id}").text
    tasks.assign(office.leader, row_id, lead=office.specialist.id)
    assert f"/incoming/{row_id}/start" in specialist.get(f"/incoming/{row_id}").text
    assert f"/incoming/{row_id}/start" not in leader.get(f"/incoming/{row_id}").text
    tasks.complete(office.specialist, row_id, result="Xong")
    for browser in (clerk, leader, specialist):
        assert f'action="/incoming/{row_id}/' not in browser.get(f"/incoming/{row_id}").text.replace(
            f'action="/incoming/{row_id}/check', ""
        )
