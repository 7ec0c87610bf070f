"""The list of outgoing documents and the draft's form: for whom they are, and nothing typed or chosen is lost."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from commune_portal.documents import attachments, outgoing
from commune_portal.rules.kinds import Medium, Urgency
from commune_portal.rules.statuses import OutgoingState
from commune_portal.signing.workshop import workshop
from commune_portal.store import database
from tests.views.outgoing_stage import (
    FORM,
    SUBJECT,
    a_draft,
    drafted,
    letter_pdf,
    statements_of,
    uploaded,
    waiting_uploads,
)
from tests.views.pages import arrive, chosen
from tests.views.portal import HTMX, Portal, founded, portal, size

__all__ = ["founded", "portal"]

ROWS = {**HTMX, "HX-Target": "div#rows"}


def newest() -> int:
    return int(database.row("SELECT max(id) FROM outgoing")[0])


def test_the_list_shows_each_person_what_is_theirs(portal: Portal) -> None:
    drafted(portal, OutgoingState.NUMBERED)
    for username, shown in {"vanthu": True, "chutich": True, "chuyenvien": True, "vanthu2": True}.items():
        answer = portal.browser(username).get("/outgoing")
        assert answer.status_code == 200
        assert ("01/QĐ-UBND" in answer.text) is shown
    assert portal.browser("quantri").get("/outgoing").status_code == 403
    assert portal.anonymous().get("/outgoing").headers["Location"].startswith("/login")


def test_a_specialist_does_not_see_what_others_draft(portal: Portal) -> None:
    outgoing.draft(portal.cast.clerk, a_draft(portal))
    browser = portal.browser("chuyenvien")
    assert SUBJECT not in browser.get("/outgoing").text
    assert browser.get(f"/outgoing/{newest()}").status_code == 404
    assert browser.get(f"/outgoing/{newest()}/edit").status_code == 404


def test_tabs_count_and_search_finds_without_marks_as_page_and_as_fragment(portal: Portal) -> None:
    drafted(portal, OutgoingState.NUMBERED)
    drafted(portal, OutgoingState.SUBMITTED)
    browser = portal.browser("vanthu")
    whole = browser.get("/outgoing?tab=cho-phat-hanh&q=ra+soat+ho+ngheo").text
    part = browser.get("/outgoing?tab=cho-phat-hanh&q=ra+soat+ho+ngheo", headers=ROWS).text
    for text in (whole, part):
        assert text.count('class="open"') == 1
        assert "01/QĐ-UBND" in text
    assert "<html" in whole
    assert "<html" not in part
    assert 'id="rows"' in part
    assert "Không tìm thấy" in browser.get("/outgoing?q=khongco", headers=ROWS).text


def test_the_list_and_a_document_ask_the_register_little(portal: Portal) -> None:
    for _ in range(3):
        drafted(portal, OutgoingState.SUBMITTED)
    browser = portal.browser("vanthu")
    few = statements_of(browser, "/outgoing")
    for _ in range(3):
        drafted(portal, OutgoingState.SUBMITTED)
    assert statements_of(browser, "/outgoing") == few <= 30
    assert statements_of(browser, f"/outgoing/{newest()}") <= 40


def test_a_composed_draft_is_saved_and_submitted(portal: Portal) -> None:
    browser = portal.browser("chuyenvien")
    answer = browser.post("/outgoing/draft", {**FORM, "then": "submit"})
    assert answer.status_code == 303
    now = outgoing.get(newest())
    assert answer.headers["Location"] == f"/outgoing/{now.id}"
    assert (now.state, now.subject, now.signer_id) == (OutgoingState.SUBMITTED, SUBJECT, portal.cast.leader.id)


def test_an_upload_is_saved_and_leads_to_its_places(portal: Portal, tmp_path: Path) -> None:
    browser = portal.browser("chuyenvien")
    data = letter_pdf(portal, tmp_path).read_bytes()
    form = {**FORM, "content": "upload", "file": chosen(data, "Quyết định.pdf"), "then": "submit"}
    answer = browser.post("/outgoing/draft", form, content_type="multipart/form-data")
    assert answer.headers["Location"] == f"/outgoing/{newest()}/places"
    file = attachments.current("outgoing", newest(), "draft")
    assert file is not None
    assert file.name == "Quyết định.pdf"
    assert waiting_uploads() == [], "what is in the register no longer waits"


def test_when_the_form_is_refused_the_file_stays_and_is_taken_the_second_time(portal: Portal, tmp_path: Path) -> None:
    browser = portal.browser("chuyenvien")
    data = letter_pdf(portal, tmp_path).read_bytes()
    form = {**FORM, "content": "upload", "subject": "", "file": chosen(data, "Quyết định.pdf"), "note": "Tôi gõ",
            "annexes": chosen(data, "Phụ lục 1.pdf")}  # fmt: skip
    answer = browser.post("/outgoing/draft", form, content_type="multipart/form-data")
    assert answer.status_code == 422
    assert "Trích yếu: chưa nhập" in answer.text
    assert ">Tôi gõ</textarea>" in answer.text
    assert "Đã giữ tệp:</strong> Quyết định.pdf" in answer.text
    token = answer.text.split('name="staged" value="')[1].split('"')[0]
    again = {**FORM, "content": "upload", "staged": token}
    stranger = portal.browser("vanthu").post("/outgoing/draft", again)
    assert stranger.status_code == 422, "a token belongs to one account"
    assert browser.post("/outgoing/draft", again).status_code == 303
    assert [file.name for file in attachments.all_of("outgoing", newest())] == ["Quyết định.pdf", "Phụ lục 1.pdf"]


def test_an_upload_that_could_never_be_signed_is_refused_beside_its_field(portal: Portal, tmp_path: Path) -> None:
    row_id = drafted(portal, OutgoingState.SIGNED)
    signed = attachments.current("outgoing", row_id, "signed")
    assert signed is not None
    browser = portal.browser("chuyenvien")
    for data, word in ((signed.path.read_bytes(), "đã có chữ ký số"), (b"%PDF-1.7 broken", "bị hỏng")):
        form = {**FORM, "content": "upload", "file": chosen(data, "Tệp.pdf")}
        answer = browser.post("/outgoing/draft", form, content_type="multipart/form-data")
        assert answer.status_code == 422
        assert word in answer.text
        assert 'id="error-file"' in answer.text


@pytest.mark.parametrize(
    ("changes", "word"),
    [
        ({"secrecy": "confidential"}, "không được đưa vào hệ thống này"),
        ({"type_code": ""}, "Loại văn bản: chưa chọn"),
        ({"type_code": "CV", "unit": ""}, "cần chữ viết tắt của đơn vị"),
        ({"body": ""}, "Nội dung: chưa nhập"),
        ({"content": "upload"}, "chưa chọn tệp PDF"),
        ({"deliver_by": "22/11/2030 14:30"}, "chỉ dùng cho văn bản hỏa tốc"),
        ({"deliver_by": "22/11/2030 25:30", "urgency": "3"}, "Giờ chưa đúng"),
        ({"due_date": "31/02/2027"}, "Không có ngày 31/02/2027"),
        ({"signer": "99"}, "lựa chọn không có trong danh sách"),
        ({"signer": "", "then": "submit"}, "chưa trình được"),
        ({"answers_id": "77"}, "không có văn bản này"),
        ({"answers_query": "ho ngheo"}, "Hãy chọn văn bản đến trong danh sách"),
    ],
)
def test_what_cannot_be_taken_is_said_and_nothing_typed_is_lost(
    portal: Portal, changes: dict[str, str], word: str
) -> None:
    before = size()
    answer = portal.browser("vanthu").post("/outgoing/draft", {**FORM, **changes})
    assert answer.status_code == 422
    assert word in answer.text
    assert "error-summary" in answer.text
    assert "Lưu: VT, VP." in answer.text
    assert size() == before


def test_a_flash_document_may_name_the_hour_of_delivery(portal: Portal) -> None:
    form = {**FORM, "urgency": "3", "deliver_by": "22/11/2030 14h30", "due_date": "1/12/2030"}
    assert portal.browser("vanthu").post("/outgoing/draft", form).status_code == 303
    now = outgoing.get(newest())
    assert now.urgency is Urgency.FLASH
    assert now.deliver_by is not None
    assert now.deliver_by.isoformat() == "2030-11-22T07:30:00+00:00"
    assert "22/11/2030 14:30" in portal.browser("vanthu").get(f"/outgoing/{now.id}/edit").text


def test_a_draft_answers_an_incoming_document_that_is_searched_for(portal: Portal) -> None:
    row_id = arrive(subject="V/v rà soát hộ nghèo năm 2026")
    browser = portal.browser("vanthu")
    part = browser.get("/outgoing/answerable?answers_query=ho+ngheo", headers=HTMX).text
    assert f'value="{row_id}"' in part
    assert "<html" not in part
    page = browser.get(f"/outgoing/draft?answers={row_id}").text
    assert f'value="{row_id}" checked' in page
    assert browser.post("/outgoing/draft", {**FORM, "answers_id": str(row_id)}).status_code == 303
    assert outgoing.get(newest()).answers_id == row_id
    assert "UBND-VX" in browser.get(f"/outgoing/{newest()}").text


def test_a_returned_draft_is_edited_with_its_files(portal: Portal, tmp_path: Path) -> None:
    row_id = uploaded(portal, tmp_path)
    browser = portal.browser("chuyenvien")
    text = browser.get(f"/outgoing/{row_id}/edit").text
    assert "Quyết định.pdf" in text
    form = {**FORM, "content": "upload", "subject": "Trích yếu mới"}
    assert browser.post(f"/outgoing/{row_id}/edit", form).status_code == 303
    assert outgoing.get(row_id).subject == "Trích yếu mới"
    assert attachments.current("outgoing", row_id, "draft") is not None


def test_a_submitted_document_is_not_edited(portal: Portal) -> None:
    row_id = drafted(portal, OutgoingState.SUBMITTED)
    answer = portal.browser("chuyenvien").get(f"/outgoing/{row_id}/edit")
    assert answer.status_code == 409
    assert "đang chờ duyệt" in answer.text


def test_paper_needs_no_file(portal: Portal) -> None:
    form = {**FORM, "medium": "paper", "content": "upload", "body": ""}
    assert portal.browser("vanthu").post("/outgoing/draft", form).status_code == 303
    assert outgoing.get(newest()).medium is Medium.PAPER


@pytest.mark.parametrize("path", ["/outgoing/draft", "/outgoing/1/edit", "/outgoing/1/places"])
def test_drafting_is_refused_to_other_roles_strangers_and_forms_without_token(
    portal: Portal, tmp_path: Path, path: str
) -> None:
    assert uploaded(portal, tmp_path) >= 1
    before = size()
    administrator = portal.browser("quantri")
    assert administrator.get(path).status_code in (403, 404)
    assert administrator.post(path, FORM).status_code in (403, 404)
    assert portal.anonymous().post(path, FORM).headers["Location"].startswith("/login")
    assert portal.browser("vanthu").client.post(path, data=FORM).status_code == 400
    assert size() == before


def test_places_are_shown_over_the_page_corrected_and_submitted(portal: Portal, tmp_path: Path) -> None:
    row_id = uploaded(portal, tmp_path)
    browser = portal.browser("chuyenvien")
    text = browser.get(f"/outgoing/{row_id}/places").text
    assert text.count('class="area"') == 4
    assert 'style="' not in text
    picture = browser.get(f"/outgoing/{row_id}/places/1.png")
    assert picture.data.startswith(b"\x89PNG")
    file = attachments.current("outgoing", row_id, "draft")
    assert file is not None
    guessed = workshop().guess_places(file.path)
    form = {name: value for name, value in _typed(text).items() if not name.startswith("csrf")}
    form["leader_x"] = "100,5"
    looked = browser.post(f"/outgoing/{row_id}/places", {**form, "then": "look"})
    assert looked.status_code == 200
    assert '<rect class="area" x="100.5"' in looked.text
    assert outgoing.get(row_id).state is OutgoingState.DRAFT
    assert browser.post(f"/outgoing/{row_id}/places", form).status_code == 303
    now = outgoing.get(row_id)
    assert now.state is OutgoingState.SUBMITTED
    assert now.places is not None
    assert now.places.leader.x0 == pytest.approx(100.5 * 72 / 25.4, abs=0.05)
    assert now.places.number.box == pytest.approx(guessed.number.box, abs=0.2)


@pytest.mark.parametrize(
    ("name", "value"), [("number_page", "9"), ("seal_x", "500"), ("date_width", "0"), ("leader_y", "a")]
)
def test_places_outside_the_page_are_refused(portal: Portal, tmp_path: Path, name: str, value: str) -> None:
    row_id = uploaded(portal, tmp_path)
    browser = portal.browser("chuyenvien")
    form = _typed(browser.get(f"/outgoing/{row_id}/places").text)
    answer = browser.post(f"/outgoing/{row_id}/places", {**form, name: value})
    assert answer.status_code == 422
    assert outgoing.get(row_id).state is OutgoingState.DRAFT


def _typed(text: str) -> dict[str, str]:
    return dict(re.findall(r'<input type="text"[^>]* name="([a-z_]+)" value="([^"]*)"', text))
