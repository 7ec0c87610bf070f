"""What is done to one outgoing document: each act for whom it is, refused to all others, and the PIN nowhere."""

from __future__ import annotations

import logging
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from commune_portal import clock
from commune_portal.documents import dispatch, outgoing
from commune_portal.rules.kinds import Medium
from commune_portal.rules.statuses import OutgoingState
from commune_portal.store import database
from tests.cast import OTHER_CODE, OTHER_NAME, PIN
from tests.views.outgoing_stage import a_draft, drafted, make_reachable, uploaded
from tests.views.portal import HTMX, Portal, founded, portal, size

__all__ = ["founded", "portal"]

REASON = "Sai thể thức, cần sửa lại nơi nhận."
EVERYBODY = ("vanthu", "chutich", "chuyenvien", "quantri")


@dataclass(frozen=True)
class ActCase:
    """One act: in which state, what is sent, who may, and where the document stands afterwards."""

    state: OutgoingState
    allowed: tuple[str, ...]
    after: OutgoingState
    data: dict[str, Any] = field(default_factory=dict)
    medium: Medium = Medium.ELECTRONIC
    is_shared: bool = False
    """True where the same path shows a page on GET."""


ACTS = {
    "submit": ActCase(OutgoingState.DRAFT, ("chuyenvien", "vanthu"), OutgoingState.SUBMITTED),
    "return": ActCase(OutgoingState.SUBMITTED, ("chutich",), OutgoingState.RETURNED, {"reason": REASON}),
    "approve": ActCase(OutgoingState.SUBMITTED, ("chutich",), OutgoingState.APPROVED),
    "sign": ActCase(OutgoingState.SUBMITTED, ("chutich",), OutgoingState.SIGNED, {"pin": PIN}),
    "issue": ActCase(OutgoingState.SIGNED, ("vanthu",), OutgoingState.ISSUED, {"pin": PIN}),
    "void": ActCase(OutgoingState.NUMBERED, ("vanthu",), OutgoingState.VOIDED, {"reason": REASON}),
    "dispatch": ActCase(OutgoingState.ISSUED, ("vanthu",), OutgoingState.ISSUED, {"to": [OTHER_CODE]}, is_shared=True),
}
PAPER = {
    "approve": ActCase(OutgoingState.SUBMITTED, ("chutich",), OutgoingState.APPROVED, medium=Medium.PAPER),
    "issue": ActCase(OutgoingState.APPROVED, ("vanthu",), OutgoingState.ISSUED, medium=Medium.PAPER),
}
CASES = [*ACTS.items(), *PAPER.items()]
NAMES = [f"{name} {case.medium.value}" for name, case in CASES]


@pytest.mark.parametrize(("name", "case"), CASES, ids=NAMES)
def test_an_act_works_for_whom_it_is_and_is_refused_to_everybody_else(portal: Portal, name: str, case: ActCase) -> None:
    make_reachable()
    row_id = drafted(portal, case.state, medium=case.medium)
    path = f"/outgoing/{row_id}/{name}"
    before = size()
    for username in set(EVERYBODY) - set(case.allowed):
        browser = portal.browser(username)
        assert browser.post(path, case.data).status_code in (403, 404), username
        if username != "quantri":
            assert f'action="{path}"' not in browser.get(f"/outgoing/{row_id}").text, username
    assert portal.anonymous().post(path, case.data).headers["Location"].startswith("/login")
    mine = portal.browser(case.allowed[0])
    assert mine.client.post(path, data=case.data).status_code == 400, "without the token"
    assert mine.get(path).status_code == (200 if case.is_shared else 405)
    assert size() == before, "nothing was done"
    answer = mine.post(path, case.data)
    assert answer.status_code == 303, answer.text
    assert outgoing.get(row_id).state is case.after
    page = mine.get(f"/outgoing/{row_id}")
    assert page.status_code == 200
    assert 'class="notice good"' in page.text
    part = mine.post(path, case.data, headers=HTMX)
    assert part.status_code in (403, 409, 422), "the same act is not done twice"


@pytest.mark.parametrize("state", [item for item in OutgoingState if item not in ("recalled", "replaced", "voided")])
def test_every_state_opens_for_everybody_who_may_see_it(portal: Portal, state: OutgoingState) -> None:
    row_id = drafted(portal, state)
    for username in ("vanthu", "chutich", "chuyenvien"):
        answer = portal.browser(username).get(f"/outgoing/{row_id}")
        assert answer.status_code == 200
        assert state.label in answer.text
    assert portal.browser("quantri").get(f"/outgoing/{row_id}").status_code == 404


def test_an_upload_is_offered_its_places_before_it_is_submitted(portal: Portal, tmp_path: Path) -> None:
    row_id = uploaded(portal, tmp_path)
    assert f'href="/outgoing/{row_id}/places"' in portal.browser("chuyenvien").get(f"/outgoing/{row_id}").text


def test_the_pin_is_in_no_answer_and_in_no_log(portal: Portal, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    secret = "PIN-bi-mat-7391"
    row_id = drafted(portal, OutgoingState.SUBMITTED)
    leader, clerk = portal.browser("chutich"), portal.browser("vanthu")
    hidden = portal.cast.settings.trial_folder.rename(portal.cast.settings.folder / "hidden")
    answers = [leader.post(f"/outgoing/{row_id}/sign", {"pin": secret})]
    assert answers[-1].status_code in (409, 422)
    assert outgoing.get(row_id).state is OutgoingState.APPROVED, "the approval stands, the signature is tried again"
    hidden.rename(portal.cast.settings.trial_folder)
    answers += [leader.post(f"/outgoing/{row_id}/sign", {"pin": secret}), leader.get(f"/outgoing/{row_id}")]
    answers += [clerk.post(f"/outgoing/{row_id}/issue", {"pin": secret, "reason": "x"}), clerk.get("/outgoing")]
    for answer in answers:
        assert secret not in answer.text
        assert secret not in str(answer.headers)
    assert outgoing.get(row_id).state is OutgoingState.ISSUED
    assert secret not in caplog.text
    for table in ("journal", "journal_leaves"):
        column = "body" if table == "journal" else "leaf"
        assert database.row(f"SELECT count(*) FROM {table} WHERE {column} LIKE ?", (f"%{secret}%",))[0] == 0


def test_a_missing_token_says_what_to_do_and_nothing_is_lost(portal: Portal) -> None:
    row_id = drafted(portal, OutgoingState.SUBMITTED)
    portal.cast.settings.trial_folder.rename(portal.cast.settings.folder / "hidden")
    answer = portal.browser("chutich").post(f"/outgoing/{row_id}/sign", {"pin": PIN})
    assert answer.status_code in (409, 422)
    assert "Đã duyệt, chưa ký." in answer.text
    assert 'name="pin"' in answer.text
    assert "KHÓA THỬ NGHIỆM" in answer.text


def test_a_seal_that_fails_keeps_the_number_and_is_tried_again_with_the_same(portal: Portal) -> None:
    row_id = drafted(portal, OutgoingState.SIGNED)
    hidden = portal.cast.settings.folder / "hidden"
    portal.cast.settings.trial_folder.rename(hidden)
    clerk = portal.browser("vanthu")
    answer = clerk.post(f"/outgoing/{row_id}/issue", {"pin": PIN})
    assert answer.status_code in (409, 422)
    assert "Số 01/QĐ-UBND đã cấp và giữ nguyên; chưa đóng dấu được." in answer.text
    assert "Đóng dấu lại với số 01/QĐ-UBND" in answer.text
    hidden.rename(portal.cast.settings.trial_folder)
    assert clerk.post(f"/outgoing/{row_id}/issue", {"pin": PIN}).status_code == 303
    now = outgoing.get(row_id)
    assert (now.state, now.number) == (OutgoingState.ISSUED, 1)


def test_a_number_is_not_given_while_the_pin_is_empty(portal: Portal) -> None:
    row_id = drafted(portal, OutgoingState.SIGNED)
    answer = portal.browser("vanthu").post(f"/outgoing/{row_id}/issue", {"pin": ""})
    assert answer.status_code == 422
    assert "Mã PIN: chưa nhập" in answer.text
    assert outgoing.get(row_id).number is None


def test_a_doubtful_clock_asks_for_a_tick_first(portal: Portal) -> None:
    row_id = drafted(portal, OutgoingState.SIGNED)
    clerk = portal.browser("vanthu")
    with clock.standing_at(clock.now() - timedelta(minutes=5)):
        answer = clerk.post(f"/outgoing/{row_id}/issue", {"pin": PIN})
        assert answer.status_code == 409
        assert "chậm hơn lần ghi sổ" in answer.text
        assert 'name="confirmed"' in answer.text
        assert outgoing.get(row_id).number is None
        assert clerk.post(f"/outgoing/{row_id}/issue", {"pin": PIN, "confirmed": "1"}).status_code == 303
    assert outgoing.get(row_id).number == 1


def test_a_reason_that_says_nothing_is_refused_and_kept(portal: Portal) -> None:
    row_id = drafted(portal, OutgoingState.SUBMITTED)
    answer = portal.browser("chutich").post(f"/outgoing/{row_id}/return", {"reason": "Sai"})
    assert answer.status_code == 409
    assert "ít nhất 10 ký tự" in answer.text
    assert ">Sai</textarea>" in answer.text
    assert outgoing.get(row_id).state is OutgoingState.SUBMITTED


def test_every_signature_is_checked_as_page_and_as_fragment(portal: Portal) -> None:
    row_id = drafted(portal, OutgoingState.ISSUED)
    browser = portal.browser("chuyenvien")
    assert f'hx-get="/outgoing/{row_id}/signatures"' in browser.get(f"/outgoing/{row_id}").text
    whole = browser.get(f"/outgoing/{row_id}/signatures").text
    part = browser.get(f"/outgoing/{row_id}/signatures", headers=HTMX).text
    for text in (whole, part):
        assert "Nguyễn Văn An" in text
        assert "xã An Phú" in text
        assert "không có giá trị pháp lý" in text
        assert text.count('class="signature ') == 2
    assert "<html" in whole
    assert "<html" not in part


def test_offices_are_found_without_marks_and_what_is_chosen_stays_chosen(portal: Portal) -> None:
    make_reachable()
    make_reachable("H99.10", "Sở Nội vụ")
    database.write_working("INSERT INTO organisations (code, name, folded) VALUES ('H99.9', 'Sở Xa', 'so xa')")
    row_id = drafted(portal, OutgoingState.ISSUED)
    browser = portal.browser("vanthu")
    path = f"/outgoing/{row_id}/dispatch"
    part = browser.get(f"{path}?q=so+noi&to={OTHER_CODE}", headers={**HTMX, "HX-Target": "div#directory"}).text
    assert "<html" not in part
    assert f'value="{OTHER_CODE}" checked' in part
    assert 'value="H99.10">' in part
    whole = browser.post(path, {"q": "so xa", "to": [OTHER_CODE], "then": "search"}).text
    assert f'value="{OTHER_CODE}" checked' in whole
    assert "chưa kết nối liên thông" in whole
    empty = browser.post(path, {"q": ""})
    assert empty.status_code == 422
    assert "Chưa chọn nơi nhận" in empty.text


def test_what_is_queued_is_neither_called_sent_nor_failed(portal: Portal) -> None:
    make_reachable()
    row_id = drafted(portal, OutgoingState.ISSUED)
    browser = portal.browser("vanthu")
    assert browser.post(f"/outgoing/{row_id}/dispatch", {"to": [OTHER_CODE]}).status_code == 303
    text = browser.get(f"/outgoing/{row_id}").text
    assert OTHER_NAME in text
    assert "Trong hàng chờ gửi" in text
    assert "đã gửi 0/1 nơi" in browser.get("/outgoing").text
    again = browser.post(f"/outgoing/{row_id}/dispatch", {"to": [OTHER_CODE]})
    assert again.status_code == 409
    assert "văn bản không gửi lặp" in again.text
    assert len(dispatch.recipients(row_id)) == 1


def test_names_and_words_are_escaped(portal: Portal) -> None:
    evil = "<script>alert(1)</script>"
    row_id = outgoing.draft(portal.cast.specialist, a_draft(portal, subject=evil, note=evil, recipients_text=evil))
    browser = portal.browser("vanthu")
    for path in ("/outgoing", f"/outgoing/{row_id}", f"/outgoing/{row_id}/edit"):
        text = browser.get(path).text
        assert evil not in text
        assert "&lt;script&gt;" in text
