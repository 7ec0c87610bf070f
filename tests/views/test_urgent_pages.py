"""Hỏa tốc on the pages: the strip on every page, the calls, the paper, the report of what bore a mark of secrecy."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest

from commune_portal import clock
from commune_portal.documents import dispatch, incoming, issuing, secrecy, urgent
from commune_portal.edxml import package
from commune_portal.people import directory, office_rules
from commune_portal.rules.calls import CallLimits, CallOutcome
from commune_portal.rules.delivery import deliver_by_text
from commune_portal.rules.kinds import Urgency
from commune_portal.rules.paper_alongside import PaperStep
from commune_portal.store import database
from tests.cast import OTHER_CODE, OTHER_NAME, PIN
from tests.documents.partner import Partner, receive
from tests.documents.test_outgoing import signed
from tests.views.portal import HTMX, Portal, founded, portal, size

__all__ = ["founded", "portal"]

CALLS = "/outgoing/calls"
RULES = "/administration/office/rules/urgent"


@pytest.fixture
def partner(portal: Portal) -> Partner:
    return Partner().introduce()


def send(portal: Portal, minutes_ago: int = 60, urgency: Urgency = Urgency.FLASH) -> tuple[int, int]:
    """A document that went; its row and its recipient's."""
    cast = portal.cast
    with clock.standing_at(clock.now() - timedelta(minutes=minutes_ago)):
        row_id = signed(cast, urgency=urgency)
        issuing.number(cast.clerk, row_id)
        issuing.seal(cast.clerk, row_id, PIN)
        dispatch.dispatch(cast.clerk, row_id, [OTHER_CODE])
    return row_id, int(database.row("SELECT max(id) FROM recipients")[0])


def arrive(partner: Partner, serial: int = 7, hours: int = 1) -> int:
    text = deliver_by_text(clock.now() + timedelta(hours=hours))
    packet = partner.edoc(serial, other=package.OtherInfo(priority=4, appendixes=(text,)))
    receive(partner.sealed(packet, urgency=4), packet)
    return int(database.row("SELECT max(id) FROM incoming")[0])


def strip(text: str) -> str:
    found = re.search(r'<div id="urgent".*?\n</div>', text, re.DOTALL)
    return found[0] if found else ""


def test_what_came_urgently_stands_on_every_page_of_clerk_and_leader_until_it_is_accepted(
    portal: Portal, partner: Partner
) -> None:
    row_id = arrive(partner)
    for username in ("vanthu", "chutich"):
        for path in ("/", "/account", "/incoming", "/help"):
            shown = strip(portal.browser(username).get(path).text)
            assert "Hỏa tốc chờ tiếp nhận" in shown, (username, path)
            assert f'data-sounding="{row_id}"' in shown
            assert "hẹn trước" in shown
    for username in ("chuyenvien", "quantri"):
        assert strip(portal.browser(username).get("/account").text) == ""
    incoming.accept(portal.cast.clerk, row_id, without_check=True)
    assert "Hỏa tốc chờ tiếp nhận" not in portal.browser("vanthu").get("/account").text


def test_an_hour_that_has_passed_is_said(portal: Portal, partner: Partner) -> None:
    arrive(partner, hours=-1)
    assert "đã quá giờ hẹn" in strip(portal.browser("vanthu").get("/").text)


def test_the_strip_is_asked_for_again_and_keeps_nobody_logged_in(portal: Portal, partner: Partner) -> None:
    browser = portal.browser("vanthu")
    address = strip(browser.get("/account").text).partition('hx-get="')[2].partition('"')[0]
    before = database.rows("SELECT last_act_at FROM sessions")
    with clock.standing_at(clock.now() + timedelta(minutes=5)):
        assert browser.get(address, headers=HTMX).status_code == 204
        arrive(partner)
        answer = browser.get(address, headers=HTMX)
        assert answer.status_code == 200
        assert "Hỏa tốc chờ tiếp nhận" in answer.text
    assert database.rows("SELECT last_act_at FROM sessions") == before


def test_calls_stand_above_all_on_the_first_page_and_in_the_menu(portal: Portal, partner: Partner) -> None:
    send(portal)
    text = portal.browser("vanthu").get("/").text
    piles = re.findall(r'id="(pile-[^"]+)"', text)
    assert piles[0] == "pile-calls"
    assert f"Gọi {OTHER_NAME}" in text
    assert re.search(r'Cần gọi điện</span> <span class="count bad">1<', text)
    assert "Cần gọi điện: 1 nơi" in strip(portal.browser("vanthu").get("/account").text)
    assert "Cần gọi điện" not in portal.browser("chutich").get("/").text


def test_a_call_is_made_and_recorded_without_script(portal: Portal, partner: Partner) -> None:
    row_id, recipient = send(portal)
    other = directory.by_code(OTHER_CODE)
    assert other is not None
    directory.set_phone(portal.cast.administrator, other.id, "0263 3123 456")
    browser = portal.browser("vanthu")
    page = browser.get(f"{CALLS}/{recipient}").text
    for said in ("tel:02633123456", "A lô, tôi gọi từ", "01/QĐ-UBND", "Nút liên thông chưa nhận"):
        assert said in page
    refused = browser.post(f"{CALLS}/{recipient}", {"outcome": "reached", "phone": "0263 3123 456", "note": "hẹn"})
    assert refused.status_code == 422
    assert "Hãy ghi họ tên" in refused.text
    assert ">hẹn</textarea>" in refused.text, "nothing typed is lost"
    typed = {"outcome": "reached", "phone": "0263 3123 456", "spoke_to": "Hà Thị Suối", "note": "hẹn 15 phút"}
    assert browser.post(f"{CALLS}/{recipient}", typed).status_code == 303
    assert "Không phải gọi cho ai" in browser.get(CALLS).text
    shown = browser.get(f"/outgoing/{row_id}").text
    assert "Cuộc gọi về văn bản hỏa tốc" in shown
    assert "Hà Thị Suối" in shown


def test_other_roles_are_refused_the_calls(portal: Portal, partner: Partner) -> None:
    _, recipient = send(portal)
    before = size()
    for username in ("chutich", "chuyenvien", "quantri"):
        browser = portal.browser(username)
        assert browser.get(CALLS).status_code == 403
        assert browser.get(f"{CALLS}/{recipient}").status_code == 403
        assert browser.post(f"{CALLS}/{recipient}", {"outcome": "reached"}).status_code == 403
        assert browser.post(f"{CALLS}/paper/{recipient}", {}).status_code in (403, 404)
    assert size() == before
    assert portal.browser("vanthu").get(f"{CALLS}/9999").status_code == 404


def test_the_paper_list_is_set_and_said_and_the_clerk_notes_that_it_went(portal: Portal, partner: Partner) -> None:
    admin = portal.browser("quantri")
    assert admin.post(f"{RULES}/paper", {"paper": "Sắc lệnh"}).status_code == 422
    assert admin.post(f"{RULES}/paper", {"paper": "Quyết định: H77"}).status_code == 422
    assert admin.post(f"{RULES}/paper", {"paper": f"Nghị quyết\nQuyết định: {OTHER_CODE}"}).status_code == 303
    assert f"Nghị quyết\nQuyết định: {OTHER_CODE}" in admin.get(RULES).text
    row_id, recipient = send(portal, urgency=Urgency.NORMAL)
    clerk = portal.browser("vanthu")
    assert "Phải gửi bản giấy" in clerk.get(f"/outgoing/{row_id}").text
    assert clerk.post(f"{CALLS}/paper/{recipient}", {}).status_code == 303
    assert "Phải gửi bản giấy" not in clerk.get(f"/outgoing/{row_id}").text
    assert database.row("SELECT paper_follows FROM recipients")[0] == PaperStep.GONE
    assert clerk.post(f"{CALLS}/paper/{recipient}", {}).status_code == 409


def test_the_minutes_are_set_by_the_administrator_alone(portal: Portal) -> None:
    typed = {"receipt": "5", "acceptance": "10", "before_deliver_by": "30", "again": "20"}
    assert portal.browser("quantri").post(f"{RULES}/limits", {**typed, "again": "0"}).status_code == 422
    assert portal.browser("quantri").post(f"{RULES}/limits", typed).status_code == 303
    assert office_rules.call_limits(clock.today()) == CallLimits(5, 10, 30, 20)
    for username in ("vanthu", "chutich", "chuyenvien"):
        assert portal.browser(username).get(RULES).status_code == 403
        assert portal.browser(username).post(f"{RULES}/limits", typed).status_code == 403


def test_the_number_to_call_is_kept_in_the_directory(portal: Portal, partner: Partner) -> None:
    admin = portal.browser("quantri")
    row = database.row("SELECT id FROM organisations WHERE code = ?", (OTHER_CODE,))[0]
    address = f"/administration/directory/{row}"
    assert admin.post(f"{address}/phone", {"phone": "không có"}).status_code == 422
    assert admin.post(f"{address}/phone", {"phone": "0263 3123 456"}).status_code == 303
    assert 'value="0263 3123 456"' in admin.get(address).text
    assert portal.browser("vanthu").post(f"{address}/phone", {"phone": "1"}).status_code == 403


def test_a_marked_packet_becomes_a_task_to_report(portal: Portal, partner: Partner) -> None:
    packet = partner.edoc(subject="[TỐI MẬT] Phương án bảo vệ mục tiêu")
    receive(partner.sealed(packet), packet)
    browser = portal.browser("vanthu")
    assert "Cần báo cáo: 1 văn bản" in strip(browser.get("/").text)
    page = browser.get("/incoming/classified").text
    assert OTHER_NAME in page
    assert "Phương án bảo vệ mục tiêu" not in page
    (refusal,) = secrecy.refusals(portal.cast.clerk)
    address = f"/incoming/classified/{refusal.id}"
    assert browser.post(address, {"note": "ngắn"}).status_code == 422
    assert portal.browser("chutich").post(address, {"note": "Đã báo Công an xã"}).status_code == 403
    assert browser.post(address, {"note": "Đã báo Chủ tịch và Công an xã"}).status_code == 303
    assert "Cần báo cáo" not in browser.get("/").text


def test_statistics_show_the_new_rates(portal: Portal, partner: Partner) -> None:
    _, recipient = send(portal)
    urgent.record_call(portal.cast.clerk, recipient, phone="113", spoke_to="", outcome=CallOutcome.NO_ANSWER)
    text = portal.browser("vanthu").get("/statistics").text
    for name in ("Tỷ lệ hỏa tốc được tiếp nhận đúng giờ", "Tỷ lệ hỏa tốc phải gọi điện", "Tỷ lệ gửi kèm bản giấy"):
        assert name in text
