"""The way of an incoming document in a real browser: by upload and by the exchange, with script and without."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from flask import Flask
from playwright.sync_api import Page, expect

from commune_portal.documents import incoming
from commune_portal.rules.statuses import IncomingState
from tests.browser import PHONE, OpenPage, Watch, axe_violations, overflow_pixels
from tests.cast import PASSWORD
from tests.views import pages
from tests.views.portal import Portal, founded, portal

__all__ = ["founded", "portal"]

Live = Callable[[Flask], str]

pytestmark = pytest.mark.story


def log_in(page: Page, address: str, username: str) -> None:
    page.goto(address + "/login")
    page.locator("[name=username]").fill(username)
    page.locator("[name=password]").fill(PASSWORD)
    page.get_by_role("button", name="Đăng nhập").click()
    expect(page.locator("details.user")).to_be_visible()


def leave_when_asked(page: Page) -> None:
    """Answers the browser's question before typed text is left, so that a story never waits for it."""
    page.on("dialog", lambda dialog: dialog.accept())


def accessible(page: Page) -> None:
    """At both widths: nothing sticks out and axe has nothing to say."""
    for size in ((1366, 768), PHONE):
        page.set_viewport_size({"width": size[0], "height": size[1]})
        assert overflow_pixels(page) <= 0
        assert axe_violations(page) == []
    page.set_viewport_size({"width": 1366, "height": 768})


@pytest.mark.parametrize("script", [True, False], ids=["script", "no-script"])
def test_a_letter_is_registered_directed_and_completed(
    portal: Portal, live: Live, open_page: OpenPage, tmp_path: Path, script: bool
) -> None:
    address = live(portal.app)
    letter = tmp_path / "Công văn 27.pdf"
    letter.write_bytes(pages.pdf(tmp_path))
    clerk = open_page(script=script)
    leave_when_asked(clerk)
    log_in(clerk, address, "vanthu")
    clerk.get_by_role("link", name="Vào sổ văn bản đến").first.click()
    clerk.set_input_files("#field-file", str(letter))
    clerk.get_by_role("button", name="Tải lên").click()
    expect(clerk.locator("#field-code")).to_have_value("27/UBND-VHXH")
    if script:
        accessible(clerk)
    clerk.locator("#field-signer_name").fill("Phạm Thị Mười")
    clerk.get_by_role("button", name="Lưu vào sổ").click()
    expect(clerk.locator(".arrival-number strong")).to_have_text("01")
    expect(clerk.locator(".facts")).to_contain_text("Phạm Thị Mười")

    leader = open_page(script=script)
    log_in(leader, address, "chutich")
    leader.locator("main a.open").first.click()
    leader.locator("#field-lead").select_option(label="Lê Hoàng Yến – Công chức VH-XH")
    leader.locator("#field-direction").fill("Báo cáo tôi trước thứ Sáu")
    if script:
        accessible(leader)
    leader.get_by_role("button", name="Phân công", exact=True).click()
    expect(leader.locator(".parts-list")).to_contain_text("chủ trì, chưa bắt đầu")

    specialist = open_page(script=script)
    log_in(specialist, address, "chuyenvien")
    specialist.locator("main a.open").first.click()
    specialist.get_by_role("button", name="Bắt đầu xử lý").click()
    specialist.get_by_role("link", name="Hoàn thành…").click()
    specialist.locator("#field-result").fill("Đã gửi báo cáo")
    if script:
        specialist.locator("#answer-q").fill("khong co")
        expect(specialist.locator("#answers")).to_contain_text("Không thấy văn bản đi nào")
        assert specialist.locator("#field-result").input_value() == "Đã gửi báo cáo"
        accessible(specialist)
    specialist.get_by_role("button", name="Hoàn thành", exact=True).click()
    expect(specialist.locator("#notice")).to_contain_text("Đã hoàn thành xử lý.")
    assert incoming.get(1).state is IncomingState.COMPLETED


def test_a_clerk_searches_opens_and_refuses_by_keyboard(portal: Portal, live: Live, page: Page) -> None:
    address = live(portal.app)
    for ordinal in range(3):
        pages.arrive(subject=f"Mời họp lần {ordinal}", number=str(ordinal + 1))
    wanted = pages.arrive(subject="Đề nghị xác minh hộ nghèo", number="9", urgency=2)
    leave_when_asked(page)
    log_in(page, address, "vanthu")
    page.goto(address + "/incoming")
    page.keyboard.press("/")
    page.keyboard.type("ho ngheo")
    expect(page.locator("#rows a.open")).to_have_count(1)
    page.locator("h1").focus()
    page.keyboard.press("j")
    page.keyboard.press("Enter")
    page.wait_for_url(f"**/incoming/{wanted}*")
    page.get_by_role("link", name="Từ chối nhận…").focus()
    page.keyboard.press("Enter")
    expect(page.locator("#act [name=reason]")).to_be_visible()
    accessible(page)
    page.locator("[name=reason]").focus()
    page.keyboard.type("Gửi nhầm cơ quan, trả lại nơi gửi.")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(page.locator("#notice")).to_contain_text("Đã từ chối nhận")
    assert incoming.get(wanted).state is IncomingState.REFUSED


def test_an_error_after_an_upload_keeps_the_file_and_says_what_to_mend(
    portal: Portal, live: Live, open_page: OpenPage, watch: Watch, tmp_path: Path
) -> None:
    watch.allow.add(422)
    address = live(portal.app)
    scan = tmp_path / "quét.pdf"
    scan.write_bytes(pages.pdf(tmp_path))
    page = open_page()
    leave_when_asked(page)
    log_in(page, address, "vanthu")
    page.goto(address + "/incoming/register?paper=1")
    page.locator("#field-subject").fill("Công văn giấy đã quét")
    page.set_input_files("#field-file", str(scan))
    page.get_by_role("button", name="Lưu vào sổ").click()
    expect(page.locator(".error-summary")).to_be_focused()
    expect(page.locator("main")).to_contain_text("đã tải lên, không cần chọn lại")
    accessible(page)
    page.locator("#field-sender_name").fill("Sở Nội vụ")
    page.get_by_role("button", name="Lưu và thêm tiếp").click()
    expect(page.locator("#just_saved")).to_contain_text("01")
