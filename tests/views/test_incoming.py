"""Incoming documents in pages: list, record, and each act with its rights, its method, its token."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest

from commune_portal import clock
from commune_portal.documents import arrivals, attachments, incoming, issuing, tasks
from commune_portal.documents.incoming import Arrival
from commune_portal.documents.lists import IncomingTab
from commune_portal.people import accesses, office_rules
from commune_portal.people.actors import PORTAL
from commune_portal.rules.kinds import Urgency
from commune_portal.rules.statuses import IncomingState
from commune_portal.store import database
from tests.cast import PIN, Cast
from tests.documents.test_outgoing import signed
from tests.views import pages
from tests.views.portal import HTMX, Portal, founded, portal, size

__all__ = ["founded", "portal"]

HOSTILE = '<script>alert("1")</script><img src=x onerror=alert(1)>'
REASON = "Gửi nhầm cơ quan, không thuộc thẩm quyền."


@pytest.fixture(scope="module")
def letter(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    return pages.pdf(tmp_path_factory.mktemp("letter"))


def registered(office: Cast, subject: str = "V/v rà soát hộ nghèo", number: str = "12", **changes: object) -> int:
    values: dict[str, object] = {
        "sender_name": "Sở Nội vụ tỉnh Lam Giang", "subject": subject, "code_number": number, "code_notation": "SNV-VP",
        "on_paper": True, **changes,
    }  # fmt: skip
    return incoming.register(office.clerk, Arrival(**values))  # type: ignore[arg-type]  # named as its fields


def state_of(row_id: int) -> IncomingState:
    return incoming.get(row_id).state


# ---- the list -------------------------------------------------------------------------------------------------------


def test_tabs_carry_counts_and_rows_carry_words(portal: Portal) -> None:
    office = portal.cast
    late = registered(office, "Việc đã muộn", urgency=Urgency.FLASH)
    tasks.assign(office.leader, late, lead=office.specialist.id, due_date=clock.today())
    registered(office, "Chờ giao việc")
    text = portal.browser("vanthu").get("/incoming").text
    for tab, amount in ((IncomingTab.ALL, 2), (IncomingTab.REGISTERED, 1), (IncomingTab.IN_HAND, 1)):
        assert re.search(rf"{tab.label}\s*<span class=\"count[^\"]*\">{amount}</span>", text), tab
    assert "Hỏa tốc" in text
    assert "Hạn hôm nay" in text
    assert "Đã phân công" in text
    with clock.standing_at(clock.now() + timedelta(days=3)):
        late_text = portal.browser("vanthu").get("/incoming?tab=qua-han").text
    assert "Quá hạn 3 ngày" in late_text
    assert "Chờ giao việc" not in late_text


def test_search_finds_without_accents_and_answers_the_table_alone_to_htmx(portal: Portal) -> None:
    registered(portal.cast, "Đề nghị rà soát hộ nghèo")
    registered(portal.cast, "Mời họp giao ban")
    browser = portal.browser("vanthu")
    found = browser.get("/incoming?q=ho+ngheo")
    assert "Đề nghị rà soát" in found.text
    assert "Mời họp" not in found.text
    part = browser.get("/incoming?q=ho+ngheo", headers={**HTMX, "HX-Target": "div#rows"})
    assert part.text.lstrip().startswith('<div id="rows">')
    assert "<html" not in part.text
    assert "Đề nghị rà soát" in part.text
    assert "1 văn bản" in part.text
    assert "Không có văn bản nào khớp" in browser.get("/incoming?q=khong+co+gi").text


def test_pages_are_joined_by_their_last_line(portal: Portal) -> None:
    made = [registered(portal.cast, f"Văn bản thứ {ordinal}", str(ordinal + 1)) for ordinal in range(52)]
    browser = portal.browser("vanthu")
    seen: list[str] = []
    url: str | None = "/incoming"
    while url:
        text = browser.get(url).text
        seen += re.findall(r'class="open" href="/incoming/(\d+)', text)
        older = re.search(r'rel="next" href="([^"]+)"', text)
        url = older[1].replace("&amp;", "&") if older else None
    assert [int(item) for item in seen] == made[::-1]


@pytest.mark.parametrize("url", ["/incoming?tab=khong-co", "/incoming?after=abc"])
def test_an_address_that_leads_nowhere_is_refused_in_words(portal: Portal, url: str) -> None:
    answer = portal.browser("vanthu").get(url)
    assert answer.status_code == 422
    assert "Hãy mở lại danh sách" in answer.text


def test_each_sees_in_the_list_what_concerns_them(portal: Portal) -> None:
    mine = registered(portal.cast, "Giao cho tôi")
    registered(portal.cast, "Giao người khác")
    tasks.assign(portal.cast.leader, mine, lead=portal.cast.specialist.id)
    text = portal.browser("chuyenvien").get("/incoming").text
    assert "Giao cho tôi" in text
    assert "Giao người khác" not in text
    assert portal.browser("quantri").get("/incoming").status_code == 403
    assert portal.anonymous().get("/incoming").status_code == 303


def test_a_list_costs_the_same_with_few_lines_and_with_many(portal: Portal) -> None:
    browser = portal.browser("vanthu")
    registered(portal.cast)
    with pages.counted() as few:
        browser.get("/incoming")
    for ordinal in range(12):
        registered(portal.cast, f"Văn bản {ordinal}", str(ordinal + 20))
    with pages.counted() as many:
        browser.get("/incoming")
    assert len(many) == len(few) <= 20
    with pages.counted() as part:
        browser.get("/incoming?q=van", headers={**HTMX, "HX-Target": "div#rows"})
    assert len(part) <= 6


# ---- the record -----------------------------------------------------------------------------------------------------


def test_a_record_shows_its_file_its_trail_and_the_statuses_sent_back(portal: Portal, letter: bytes) -> None:
    office = portal.cast
    row_id = pages.arrive(letter)
    arrivals.check(row_id)
    incoming.accept(office.clerk, row_id, without_check=True)
    tasks.assign(office.leader, row_id, lead=office.specialist.id, direction="Báo cáo tôi\ntrước thứ Sáu")
    tasks.start(office.specialist, row_id)
    text = portal.browser("vanthu").get(f"/incoming/{row_id}").text
    assert re.search(r"<iframe src=\"/files/\d+#view=FitH", text)
    assert "<strong>01</strong>" in text
    assert "Trần Thị Bình:</strong> Tiếp nhận, vào sổ, số đến 01" in text
    assert "Nguyễn Văn An:</strong> Phân công xử lý" in text
    assert "Báo cáo tôi<br>trước thứ Sáu" in text
    for status in ("01 – Đã đến", "03 – Đã tiếp nhận", "04 – Đã phân công", "05 – Đang xử lý"):
        assert status in text
    assert text.count("đang chờ gửi") == 4
    assert "Không có chữ ký số; chỉ để biết, tham khảo" in text


def test_each_signature_is_named_with_its_verdict(portal: Portal) -> None:
    office = portal.cast
    sent = signed(office)
    issuing.number(office.clerk, sent)
    issuing.seal(office.clerk, sent, PIN)
    file = attachments.shown("outgoing", sent)
    assert file is not None
    row_id = pages.arrive(file.path.read_bytes())
    browser = portal.browser("vanthu")
    assert "Hệ thống chưa kiểm tra xong" in browser.get(f"/incoming/{row_id}").text
    assert browser.post(f"/incoming/{row_id}/check").status_code == 303
    text = browser.get(f"/incoming/{row_id}").text
    assert text.count('<div class="signature good">') == 2
    assert "<strong>Nguyễn Văn An</strong>" in text
    assert text.count("Toàn vẹn, đúng chứng thư; chưa kiểm tra được thu hồi") >= 3


def test_a_broken_file_is_told_as_not_checked(portal: Portal) -> None:
    row_id = pages.arrive(b"%PDF-1.7 broken")
    arrivals.check(row_id)
    text = portal.browser("vanthu").get(f"/incoming/{row_id}").text
    assert "Chưa kiểm tra được:" in text
    assert "Tiếp nhận khi chưa kiểm tra được chữ ký số" in text


def test_hostile_words_are_only_words(portal: Portal, letter: bytes) -> None:
    row_id = pages.arrive(letter, subject=HOSTILE, name='x"><script>.pdf')
    registered(portal.cast, HOSTILE, sender_name=HOSTILE, signer_name=HOSTILE, note=HOSTILE, type_name=HOSTILE[:50])
    browser = portal.browser("vanthu")
    paths = ("/", "/incoming", f"/incoming/{row_id}", f"/incoming/{row_id + 1}", f"/incoming?q={HOSTILE}")
    for path in paths:
        answer = browser.get(path)
        assert answer.status_code == 200, path
        assert "<script>alert" not in answer.text, path
        assert "<img src=x" not in answer.text, path


def test_a_record_of_others_is_unknown_and_opening_one_is_noted(portal: Portal) -> None:
    row_id = registered(portal.cast)
    for username in ("chuyenvien", "quantri"):
        assert portal.browser(username).get(f"/incoming/{row_id}").status_code == 404
    assert portal.anonymous().get(f"/incoming/{row_id}").headers["Location"].startswith("/login")
    assert portal.browser("vanthu").get("/incoming/99999").status_code == 404
    portal.browser("chutich").get(f"/incoming/{row_id}")
    accesses.flush()
    about = incoming.get(row_id).about
    assert database.rows("SELECT account_id FROM accesses WHERE kind = 'seen' AND object = ?", (about,)) == [
        (portal.cast.leader.id,)
    ]


def test_one_goes_from_record_to_record_within_a_tab(portal: Portal) -> None:
    office = portal.cast
    first, second, third = (registered(office, f"Văn bản {ordinal}", str(ordinal + 1)) for ordinal in range(3))
    tasks.assign(office.leader, second, lead=office.specialist.id)
    browser = portal.browser("chutich")
    text = browser.get(f"/incoming/{third}?tab=cho-phan-cong").text
    assert re.search(rf'rel="next" href="/incoming/{first}\?tab=cho-phan-cong"', text)
    assert 'rel="prev"' not in text
    assert re.search(rf'rel="next" href="/incoming/{second}\?', browser.get(f"/incoming/{third}").text)


def test_pages_of_the_file_can_be_looked_at_as_pictures(portal: Portal, letter: bytes) -> None:
    row_id = pages.arrive(letter)
    text = portal.browser("vanthu").get(f"/incoming/{row_id}?page=7").text
    assert "Trang 1/1" in text
    assert re.search(r'<img src="/files/\d+/page/1\.png"', text)
    assert "<iframe" not in text


def test_a_record_costs_few_statements_however_long_its_trail(portal: Portal, letter: bytes) -> None:
    office = portal.cast
    row_id = pages.arrive(letter)
    incoming.accept(office.clerk, row_id, without_check=True)
    browser = portal.browser("vanthu")
    with pages.counted() as short:
        browser.get(f"/incoming/{row_id}")
    for _ in range(4):
        tasks.assign(office.leader, row_id, lead=office.specialist.id)
    with pages.counted() as long:
        browser.get(f"/incoming/{row_id}")
    assert len(long) == len(short) <= 26


# ---- acts: method, token, rights -----------------------------------------------------------------------------------

ACTS = ("accept", "refuse", "check", "assign", "start", "complete")


@pytest.mark.parametrize("act", ACTS)
def test_an_act_wants_a_post_with_its_token_by_somebody_known(portal: Portal, act: str) -> None:
    row_id = registered(portal.cast)
    before = size()
    browser = portal.browser("vanthu")
    assert browser.get(f"/incoming/{row_id}/{act}").status_code == 405
    assert browser.client.post(f"/incoming/{row_id}/{act}").status_code == 400
    stranger = portal.anonymous().post(f"/incoming/{row_id}/{act}")
    assert stranger.status_code == 303
    assert "/login" in stranger.headers["Location"]
    assert size() == before


@pytest.mark.parametrize(
    ("act", "username", "status"),
    [
        ("accept", "chutich", 403), ("accept", "chuyenvien", 404), ("accept", "quantri", 404),
        ("refuse", "chutich", 403), ("refuse", "chuyenvien", 404), ("refuse", "quantri", 404),
        ("check", "chutich", 403), ("check", "chuyenvien", 404), ("check", "quantri", 404),
        ("assign", "vanthu", 403), ("assign", "chuyenvien", 404), ("assign", "quantri", 404),
        ("start", "vanthu", 403), ("start", "chutich", 403), ("start", "chuyenvien", 404), ("start", "quantri", 404),
        ("complete", "vanthu", 403), ("complete", "chuyenvien", 404), ("complete", "quantri", 404),
    ],
)  # fmt: skip
def test_an_act_is_refused_to_whom_it_does_not_belong(portal: Portal, act: str, username: str, status: int) -> None:
    row_id = pages.arrive() if act in ("accept", "refuse", "check") else registered(portal.cast)
    before = size()
    values = {"reason": REASON, "lead": str(portal.cast.specialist.id), "result": "Xong"}
    assert portal.browser(username).post(f"/incoming/{row_id}/{act}", values).status_code == status
    assert size() == before


# ---- accept, refuse -------------------------------------------------------------------------------------------------


def test_accepting_gives_a_number_and_says_it(portal: Portal, letter: bytes) -> None:
    row_id = pages.arrive(letter)
    arrivals.check(row_id)
    browser = portal.browser("vanthu")
    page = browser.get(f"/incoming/{row_id}").text
    assert 'name="without_check"' not in page
    answer = browser.post(f"/incoming/{row_id}/accept", {"recipient_name": "Phòng Văn hóa", "requires_handling": "1"})
    assert answer.status_code == 303
    text = browser.get(answer.headers["Location"]).text
    assert "Đã vào sổ văn bản đến, số đến 01." in text
    now = incoming.get(row_id)
    assert (now.number, now.recipient_name, now.requires_handling) == (1, "Phòng Văn hóa", True)


def test_what_is_not_checked_is_accepted_only_with_the_tick(portal: Portal, letter: bytes) -> None:
    row_id = pages.arrive(letter)
    browser = portal.browser("vanthu")
    answer = browser.post(f"/incoming/{row_id}/accept", {"recipient_name": "Ô đã gõ"})
    assert answer.status_code == 422
    assert 'href="#field-without_check"' in answer.text
    assert 'value="Ô đã gõ"' in answer.text
    assert state_of(row_id) is IncomingState.ARRIVED
    assert browser.post(f"/incoming/{row_id}/accept", {"without_check": "1"}).status_code == 303
    assert state_of(row_id) is IncomingState.REGISTERED


def test_a_doubtful_clock_asks_once_more(portal: Portal) -> None:
    row_id = pages.arrive()
    arrivals.check(row_id)
    browser = portal.browser("vanthu")
    with clock.standing_at(clock.now() - timedelta(days=2)):
        browser = portal.browser("vanthu")
        answer = browser.post(f"/incoming/{row_id}/accept")
        assert answer.status_code == 422
        assert 'name="date_confirmed"' in answer.text
        assert browser.post(f"/incoming/{row_id}/accept", {"date_confirmed": "1"}).status_code == 303
    assert incoming.get(row_id).number == 1


def test_refusing_wants_a_reason_that_says_something(portal: Portal) -> None:
    row_id = pages.arrive()
    browser = portal.browser("vanthu")
    form = browser.get(f"/incoming/{row_id}?act=refuse", headers={**HTMX, "HX-Target": "div#act"})
    assert form.text.lstrip().startswith('<div id="act">')
    assert 'name="reason"' in form.text
    answer = browser.post(f"/incoming/{row_id}/refuse", {"reason": "nhầm"})
    assert answer.status_code == 422
    assert "nhầm</textarea>" in answer.text
    assert state_of(row_id) is IncomingState.ARRIVED
    assert browser.post(f"/incoming/{row_id}/refuse", {"reason": REASON}).status_code == 303
    assert state_of(row_id) is IncomingState.REFUSED
    text = browser.get(f"/incoming/{row_id}").text
    assert REASON in text
    assert "02 – Từ chối tiếp nhận" in text


def test_what_a_colleague_has_done_meanwhile_is_said_and_not_done_twice(portal: Portal) -> None:
    row_id = pages.arrive()
    incoming.refuse(portal.cast.other_clerk, row_id, REASON)
    answer = portal.browser("vanthu").post(f"/incoming/{row_id}/accept", {"without_check": "1"})
    assert answer.status_code == 409
    assert "Từ chối nhận" in answer.text


# ---- assign, start, complete ----------------------------------------------------------------------------------------


def test_a_leader_directs_with_the_usual_deadline_at_hand(portal: Portal) -> None:
    office = portal.cast
    office_rules.set_rule(PORTAL, office_rules.DEFAULT_DUE_DAYS, 5)
    row_id = registered(office)
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
    row_id = registered(portal.cast)
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
    row_id, me = registered(portal.cast), str(portal.cast.specialist.id)
    answer = portal.browser("chutich").post(f"/incoming/{row_id}/assign", {"lead": me, "supports": [me]})
    assert answer.status_code == 422
    assert "không đồng thời" in answer.text


def test_a_leader_gives_several_documents_at_once(portal: Portal) -> None:
    office = portal.cast
    made = [registered(office, f"Văn bản {ordinal}", str(ordinal + 1)) for ordinal in range(3)]
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
    row_id = registered(office)
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
