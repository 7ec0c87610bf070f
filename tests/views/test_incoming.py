"""Incoming documents in pages: list, record, and each act with its rights, its method, its token."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest

from commune_portal import clock
from commune_portal.documents import arrivals, incoming, tasks
from commune_portal.documents.lists import IncomingTab
from commune_portal.rules.kinds import Urgency
from commune_portal.rules.statuses import IncomingState
from tests.views import pages
from tests.views.portal import HTMX, Portal, founded, portal, size

__all__ = ["founded", "portal"]

HOSTILE = '<script>alert("1")</script><img src=x onerror=alert(1)>'
REASON = "Gửi nhầm cơ quan, không thuộc thẩm quyền."


@pytest.fixture(scope="module")
def letter(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    return pages.pdf(tmp_path_factory.mktemp("letter"))


def state_of(row_id: int) -> IncomingState:
    return incoming.get(row_id).state


# ---- the list -------------------------------------------------------------------------------------------------------


def test_tabs_carry_counts_and_rows_carry_words(portal: Portal) -> None:
    office = portal.cast
    late = pages.registered(office, "Việc đã muộn", urgency=Urgency.FLASH)
    tasks.assign(office.leader, late, lead=office.specialist.id, due_date=clock.today())
    pages.registered(office, "Chờ giao việc")
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
    pages.registered(portal.cast, "Đề nghị rà soát hộ nghèo")
    pages.registered(portal.cast, "Mời họp giao ban")
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
    made = [pages.registered(portal.cast, f"Văn bản thứ {ordinal}", str(ordinal + 1)) for ordinal in range(52)]
    browser = portal.browser("vanthu")
    seen: list[str] = []
    url: str | None = "/incoming"
    while url:
        text = browser.get(url).text
        seen += re.findall(r'class="open" id="open-\d+" href="/incoming/(\d+)', text)
        older = re.search(r'rel="next" href="([^"]+)"', text)
        url = older[1].replace("&amp;", "&") if older else None
    assert [int(item) for item in seen] == made[::-1]


@pytest.mark.parametrize("url", ["/incoming?tab=khong-co", "/incoming?after=abc"])
def test_an_address_that_leads_nowhere_is_refused_in_words(portal: Portal, url: str) -> None:
    answer = portal.browser("vanthu").get(url)
    assert answer.status_code == 422
    assert "Hãy mở lại danh sách" in answer.text


def test_each_sees_in_the_list_what_concerns_them(portal: Portal) -> None:
    mine = pages.registered(portal.cast, "Giao cho tôi")
    pages.registered(portal.cast, "Giao người khác")
    tasks.assign(portal.cast.leader, mine, lead=portal.cast.specialist.id)
    text = portal.browser("chuyenvien").get("/incoming").text
    assert "Giao cho tôi" in text
    assert "Giao người khác" not in text
    assert portal.browser("quantri").get("/incoming").status_code == 403
    assert portal.anonymous().get("/incoming").status_code == 303


def test_a_list_costs_the_same_with_few_lines_and_with_many(portal: Portal) -> None:
    browser = portal.browser("vanthu")
    pages.registered(portal.cast)
    with pages.counted() as few:
        browser.get("/incoming")
    for ordinal in range(12):
        pages.registered(portal.cast, f"Văn bản {ordinal}", str(ordinal + 20))
    with pages.counted() as many:
        browser.get("/incoming")
    assert len(many) == len(few) <= 20
    with pages.counted() as part:
        browser.get("/incoming?q=van", headers={**HTMX, "HX-Target": "div#rows"})
    assert len(part) <= 6


# ---- acts: method, token, rights -----------------------------------------------------------------------------------

ACTS = ("accept", "refuse", "check", "assign", "start", "complete")


@pytest.mark.parametrize("act", ACTS)
def test_an_act_wants_a_post_with_its_token_by_somebody_known(portal: Portal, act: str) -> None:
    row_id = pages.registered(portal.cast)
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
    row_id = pages.arrive() if act in ("accept", "refuse", "check") else pages.registered(portal.cast)
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
