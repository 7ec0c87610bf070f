"""Hỏa tốc in a real browser: shown and sounded where it came, telephoned about where it was sent."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest
from flask import Flask
from playwright.sync_api import Page, expect

from commune_portal.documents import incoming
from commune_portal.people import directory
from commune_portal.store import database
from tests.browser import OpenPage, picture
from tests.cast import OTHER_CODE, OTHER_NAME
from tests.documents.partner import Partner, receive
from tests.stories.test_incoming import accessible, leave_when_asked, log_in
from tests.views.portal import Portal, founded, portal
from tests.views.test_urgent_pages import arrive, send

__all__ = ["founded", "portal"]

Live = Callable[[Flask], str]

pytestmark = pytest.mark.story

COUNT_TONES = """
window.tones = 0;
const start = OscillatorNode.prototype.start;
OscillatorNode.prototype.start = function (...when) { window.tones += 1; return start.apply(this, when); };
"""


def tones(page: Page) -> int:
    return int(page.evaluate("window.tones"))


def sent(portal: Portal) -> int:
    """Sends in a thread of its own: the signer wants an event loop, and the browser's stands in this one."""

    def work() -> int:
        try:
            return send(portal)[0]
        finally:
            database.close()

    with ThreadPoolExecutor(1) as pool:
        return pool.submit(work).result()


def heard(page: Page, amount: int) -> None:
    page.wait_for_function(f"window.tones === {amount}", timeout=5000)


def test_what_comes_urgently_is_shown_sounds_and_can_be_muted(portal: Portal, live: Live, open_page: OpenPage) -> None:
    address, page = live(portal.app), open_page()
    page.add_init_script(COUNT_TONES)
    partner = Partner().introduce()
    log_in(page, address, "vanthu")
    page.mouse.click(600, 500)
    assert tones(page) == 0
    row_id = arrive(partner)
    page.evaluate("htmx.ajax('GET', document.getElementById('urgent').getAttribute('hx-get'), "
                  "{source: '#urgent', target: '#urgent', swap: 'outerHTML'})")  # fmt: skip
    expect(page.get_by_role("alert")).to_contain_text("Hỏa tốc chờ tiếp nhận")
    heard(page, 3)
    picture(page, "urgent-strip")
    accessible(page)
    page.goto(address + "/incoming")
    page.mouse.click(600, 600)
    page.wait_for_timeout(300)
    assert tones(page) == 0, "within a minute the same document does not sound again on the next page"
    page.evaluate("localStorage.setItem('urgent-last', '0')")
    page.reload()
    page.get_by_role("button", name="Tắt tiếng ở máy này").click()
    expect(page.get_by_role("button", name="Bật tiếng ở máy này")).to_be_visible()
    before = tones(page)
    page.evaluate("localStorage.setItem('urgent-last', '0')")
    page.wait_for_timeout(5500)
    assert tones(page) == before, "muted in this browser"
    incoming.accept(portal.cast.clerk, row_id, without_check=True)
    page.reload()
    expect(page.locator("#urgent")).to_be_hidden()


@pytest.mark.parametrize("script", [True, False], ids=["script", "no-script"])
def test_a_call_is_made_by_keyboard(portal: Portal, live: Live, open_page: OpenPage, script: bool) -> None:
    address, page = live(portal.app), open_page(script=script)
    Partner().introduce()
    sent(portal)
    other = directory.by_code(OTHER_CODE)
    assert other is not None
    directory.set_phone(portal.cast.administrator, other.id, "0263 3123 456")
    leave_when_asked(page)
    log_in(page, address, "vanthu")
    page.goto(address + "/")
    if script:
        picture(page, "urgent-home")
        accessible(page)
    page.get_by_role("link", name=f"Gọi {OTHER_NAME}").focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Lời nói")).to_be_visible()
    if script:
        picture(page, "urgent-call")
        accessible(page)
    page.get_by_label("Người nghe máy").fill("Hà Thị Suối, văn thư")
    page.get_by_label("Nội dung trao đổi").fill("Hẹn tiếp nhận trong 15 phút")
    page.get_by_role("button", name="Ghi cuộc gọi").focus()
    page.keyboard.press("Enter")
    expect(page.get_by_text("Không phải gọi cho ai.")).to_be_visible()
    expect(page.get_by_text("Đã ghi cuộc gọi.")).to_be_visible()


def test_the_other_pages_of_this_are_accessible(portal: Portal, live: Live, open_page: OpenPage) -> None:
    address, page = live(portal.app), open_page()
    partner = Partner().introduce()
    row_id = sent(portal)
    packet = partner.edoc(subject="[TỐI MẬT] Phương án bảo vệ mục tiêu")
    receive(partner.sealed(packet), packet)
    log_in(page, address, "vanthu")
    for name, path in (("classified", "/incoming/classified"), ("urgent-document", f"/outgoing/{row_id}"),
                       ("urgent-list", "/outgoing/calls")):  # fmt: skip
        page.goto(address + path)
        picture(page, name, whole=True)
        accessible(page)
    page.context.clear_cookies()
    log_in(page, address, "quantri")
    page.goto(address + "/administration/office/rules/urgent")
    picture(page, "urgent-rules", whole=True)
    accessible(page)
