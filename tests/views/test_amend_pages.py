"""What is asked about a document after it went out, page by page: by the clerk alone, and nothing typed is lost."""

from __future__ import annotations

import re

import pytest

from commune_portal.documents import amendments, dispatch, incoming, outgoing
from commune_portal.rules.statuses import IncomingState, OutgoingState
from tests.cast import OTHER_CODE
from tests.documents.dialogue import accept, asking_back, document, named, recall_of, row_of, update_of
from tests.documents.partner import Partner
from tests.views.outgoing_stage import drafted
from tests.views.portal import Portal, founded, portal

__all__ = ["founded", "portal"]

REASON = "Gửi nhầm nơi nhận, đề nghị cho lấy lại"
OTHERS = ("chutich", "chuyenvien", "quantri")


@pytest.fixture
def partner(portal: Portal) -> Partner:
    return Partner().introduce()


def sent(portal: Portal) -> int:
    row_id = drafted(portal, OutgoingState.ISSUED)
    dispatch.dispatch(portal.cast.clerk, row_id, [OTHER_CODE])
    return row_id


@pytest.mark.parametrize("kind", ["recall", "replace", "correct", "update"])
def test_only_the_clerk_asks_and_only_of_what_was_issued(portal: Portal, partner: Partner, kind: str) -> None:
    row_id = sent(portal)
    path = f"/outgoing/{row_id}/{kind}"
    for username in OTHERS:
        browser = portal.browser(username)
        assert browser.get(path).status_code in (403, 404), username
        assert browser.post(path, {"reason": REASON}).status_code in (403, 404), username
        if username != "quantri":
            assert f'href="{path}"' not in browser.get(f"/outgoing/{row_id}").text
    assert portal.anonymous().get(path).headers["Location"].startswith("/login")
    clerk = portal.browser("vanthu")
    assert f'href="{path}"' in clerk.get(f"/outgoing/{row_id}").text
    assert clerk.get(path).status_code == 200
    draft = drafted(portal, OutgoingState.DRAFT)
    assert clerk.get(f"/outgoing/{draft}/{kind}").status_code == 409
    assert amendments.of_outgoing(row_id) == []


@pytest.mark.parametrize(("kind", "after"), [("recall", OutgoingState.RECALLED), ("replace", OutgoingState.REPLACED)])
def test_a_notice_must_be_chosen_and_a_reason_given(
    portal: Portal, partner: Partner, kind: str, after: OutgoingState
) -> None:
    row_id = sent(portal)
    notice = drafted(portal, OutgoingState.ISSUED)
    clerk, path = portal.browser("vanthu"), f"/outgoing/{row_id}/{kind}"
    refused = clerk.post(path, {"reason": "Ban hành không đúng thẩm quyền"})
    assert refused.status_code == 422
    assert "Chưa chọn văn bản" in refused.text
    assert "Ban hành không đúng thẩm quyền" in refused.text
    short = clerk.post(path, {"reason": "ngắn", "notice": str(notice)})
    assert "ít nhất 10 ký tự" in short.text
    assert f'value="{notice}" checked' in short.text
    assert clerk.post(path, {"reason": REASON, "notice": "999999"}).status_code == 422
    assert outgoing.get(row_id).state is OutgoingState.ISSUED
    assert clerk.post(path, {"reason": REASON, "notice": str(notice)}).status_code == 303
    assert outgoing.get(row_id).state is after
    page = clerk.get(f"/outgoing/{row_id}").text
    assert REASON in page
    assert f'href="{path}"' not in page


@pytest.mark.parametrize("kind", ["recall", "replace", "correct"])
@pytest.mark.parametrize("wrong", ["itself", "a draft"])
def test_a_wrong_document_is_told_of_where_the_document_is_chosen(
    portal: Portal, partner: Partner, kind: str, wrong: str
) -> None:
    row_id = sent(portal)
    chosen = row_id if wrong == "itself" else drafted(portal, OutgoingState.DRAFT)
    refused = portal.browser("vanthu").post(f"/outgoing/{row_id}/{kind}", {"reason": REASON, "notice": str(chosen)})
    assert refused.status_code == 409
    assert re.findall(r'href="#(field-[^"]+)"', refused.text) == ["field-notice"]
    assert 'id="field-notice"' in refused.text


def test_an_update_shows_what_stands_and_keeps_what_was_typed(portal: Portal, partner: Partner) -> None:
    row_id = sent(portal)
    clerk, path = portal.browser("vanthu"), f"/outgoing/{row_id}/update"
    subject = outgoing.get(row_id).subject
    assert subject in clerk.get(path).text
    refused = clerk.post(path, {"subject": "Trích yếu mới", "urgency": "0", "due_date": "31/02/2027", "reason": REASON})
    assert refused.status_code == 422
    assert "Trích yếu mới" in refused.text
    now = outgoing.get(row_id)
    typed = {"subject": "Trích yếu mới", "urgency": "0", "signer_position": now.signer_position, "reason": REASON,
             "page_amount": str(now.page_amount or "")}  # fmt: skip
    assert clerk.post(path, typed).status_code == 303
    assert outgoing.get(row_id).subject == "Trích yếu mới"
    assert subject in clerk.get(f"/outgoing/{row_id}").text  # struck through beside the new one


def test_what_waits_in_the_queue_is_taken_back_at_once(portal: Portal, partner: Partner) -> None:
    row_id = sent(portal)
    item = dispatch.recipients(row_id)[0]
    clerk, path = portal.browser("vanthu"), f"/outgoing/{row_id}/recipients/{item.id}/take-back"
    assert f'href="{path}"' in clerk.get(f"/outgoing/{row_id}").text
    assert clerk.get(f"/outgoing/{row_id}/recipients/999999/take-back").status_code == 404
    assert "ít nhất 10 ký tự" in clerk.post(path, {"reason": "ngắn"}).text
    assert clerk.post(path, {"reason": REASON}).status_code == 303
    page = clerk.get(f"/outgoing/{row_id}").text
    assert "Gửi lại tới" in page
    assert clerk.get(path).status_code == 409
    for username in OTHERS:
        assert portal.browser(username).post(path, {"reason": REASON}).status_code in (403, 404)


def test_a_clerk_answers_what_a_sender_asks(portal: Portal, partner: Partner) -> None:
    first = document(partner)
    first.arrive()
    row_id = row_of(named(partner, 7))
    accept(portal.cast, row_id)
    asking_back(partner, of=first).arrive()
    amendment = amendments.of_incoming(row_id)[-1]
    clerk = portal.browser("vanthu")
    assert clerk.get("/incoming/requests").status_code == 200
    path = f"/incoming/{row_id}/requests/{amendment.id}"
    for username in OTHERS:
        assert portal.browser(username).post(f"{path}/agree").status_code in (403, 404)
        assert f'action="{path}/agree"' not in portal.browser(username).get(f"/incoming/{row_id}").text
    assert clerk.post(f"/incoming/{row_id + 1}/requests/{amendment.id}/agree").status_code == 404
    refused = clerk.post(f"{path}/decline", {"reason": "ngắn"})
    assert refused.status_code in (409, 422)
    assert "ngắn</textarea>" in refused.text
    assert clerk.post(f"{path}/agree").status_code == 303
    assert incoming.get(row_id).state is IncomingState.TAKEN_BACK
    page = clerk.get(f"/incoming/{row_id}").text
    assert "Nơi gửi đã lấy lại văn bản này" in page
    assert clerk.post(f"{path}/agree").status_code == 409


def test_a_recalled_document_offers_its_destruction_and_nothing_else(portal: Portal, partner: Partner) -> None:
    first = document(partner)
    first.arrive()
    row_id = row_of(named(partner, 7))
    accept(portal.cast, row_id)
    update_of(partner, of=first, subject="Tuần tra rừng phòng hộ").arrive()
    recall_of(partner, of=first).arrive()
    clerk = portal.browser("vanthu")
    page = clerk.get(f"/incoming/{row_id}").text
    assert f'action="/incoming/{row_id}/destroy"' in page
    assert "act=" not in page
    assert "act=assign" not in portal.browser("chutich").get(f"/incoming/{row_id}").text
    for username in OTHERS:
        assert portal.browser(username).post(f"/incoming/{row_id}/destroy").status_code in (403, 404)
    subject = incoming.get(row_id).subject
    assert clerk.post(f"/incoming/{row_id}/destroy").status_code == 303
    assert incoming.get(row_id).state is IncomingState.RECALLED
    assert subject not in clerk.get(f"/incoming/{row_id}").text
    assert clerk.post(f"/incoming/{row_id}/destroy").status_code == 409
