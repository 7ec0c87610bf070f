"""The shell in a real browser: keyboard, no script, axe, upload with progress, focus, nothing wider than the window."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from flask import Flask
from playwright.sync_api import Dialog, Page, expect

from tests.browser import DESK, PHONE, OpenPage, Watch, axe_violations, overflow_pixels, picture
from tests.views.shell_app import create_shell_app

pytestmark = pytest.mark.story

PATHS = {
    "list": "/incoming",
    "show": "/incoming/1282",
    "form": "/incoming/register",
    "login": "/login",
    "empty": "/empty",
}


@pytest.fixture
def address(live: Callable[[Flask], str]) -> str:
    return live(create_shell_app())


@pytest.mark.parametrize("size", [DESK, PHONE], ids=["desk", "phone"])
def test_every_kind_of_page_is_accessible_and_fits_the_window(
    address: str, open_page: OpenPage, size: tuple[int, int]
) -> None:
    page = open_page(size)
    for name, path in PATHS.items():
        page.goto(address + path)
        assert overflow_pixels(page) <= 0, f"{name} scrolls sideways"
        assert axe_violations(page) == [], name
        picture(page, f"shell-{name}-{size[0]}")


def test_the_register_is_walked_and_opened_by_keyboard_alone(address: str, page: Page) -> None:
    page.goto(address + "/incoming")
    page.keyboard.press("j")
    page.keyboard.press("j")
    page.keyboard.press("k")
    page.keyboard.press("j")
    expect(page.locator(".dense tbody tr").nth(1).locator(".open")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page).to_have_url(address + "/incoming/1283")
    page.go_back()
    page.keyboard.press("/")
    expect(page.locator("[data-key=search]")).to_be_focused()
    page.keyboard.type("j?")
    expect(page.locator("[data-key=search]")).to_have_value("j?")
    page.keyboard.press("Alt+n")
    expect(page).to_have_url(address + "/incoming/register")


def test_single_letter_keys_can_be_switched_off(address: str, page: Page) -> None:
    page.goto(address + "/incoming")
    page.keyboard.press("?")
    expect(page.locator("#keys")).to_be_visible()
    assert axe_violations(page) == []
    page.locator("[data-keys-on]").uncheck()
    page.keyboard.press("Escape")
    page.keyboard.press("j")
    expect(page.locator(".dense .open").first).not_to_be_focused()


def test_the_skip_link_is_the_first_stop_and_leads_to_the_content(address: str, page: Page) -> None:
    page.goto(address + "/incoming")
    page.keyboard.press("Tab")
    expect(page.locator(".skip")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator("#main")).to_be_focused()


def test_a_filter_replaces_the_rows_and_tells_how_many_without_taking_the_focus(address: str, page: Page) -> None:
    page.goto(address + "/incoming")
    page.locator("[data-key=search]").press_sequentially("giấy mời", delay=20)
    expect(page.locator("[data-said]")).to_have_text("5 văn bản")
    expect(page.locator("#said")).to_have_text("5 văn bản")
    expect(page.locator("[data-key=search]")).to_be_focused()
    expect(page).to_have_url(address + "/incoming?q=gi%E1%BA%A5y+m%E1%BB%9Di&kind=&sender=&from=&to=")
    page.locator("[data-key=search]").fill("không có gì như thế")
    expect(page.locator(".empty")).to_contain_text("Thử bớt từ tìm kiếm")
    page.reload()
    expect(page.locator(".empty")).to_be_visible()


def test_a_click_anywhere_on_a_row_opens_it(address: str, page: Page) -> None:
    page.goto(address + "/incoming")
    page.locator(".dense tbody tr").nth(4).locator("td").nth(2).click()
    expect(page).to_have_url(address + "/incoming/1280")


def test_an_upload_shows_errors_then_progress_and_goes_on(
    address: str, page: Page, watch: Watch, tmp_path: Path
) -> None:
    watch.allow.add(422)
    scan = tmp_path / "Quyết định.pdf"
    scan.write_bytes(b"%PDF-1.7\n" + bytes(3 << 20))
    page.goto(address + "/incoming/register")
    page.locator("#field-scan").set_input_files(scan)
    expect(page.locator("[data-drop-says]")).to_have_text("Quyết định.pdf (3,0 MB)")
    page.get_by_role("button", name="Lưu vào sổ").click()
    expect(page.locator(".error-summary")).to_be_focused()
    assert axe_violations(page) == []
    page.locator(".error-summary a").first.click()
    expect(page.locator("#field-symbol")).to_be_focused()
    page.locator("#field-symbol").fill("12/QĐ-UBND")
    page.locator("#field-sender").fill("UBND tỉnh Lam Giang")
    page.locator("#field-issued_on").fill("5/11/2026")
    page.locator("#field-scan").set_input_files(scan)
    page.get_by_role("button", name="Lưu vào sổ").click()
    expect(page.locator("#notice .good")).to_have_text("Xong: Đã vào sổ văn bản đến số 1285.")


def test_typed_text_is_not_lost_by_a_slip(address: str, page: Page) -> None:
    asked: list[str] = []

    def leave(dialog: Dialog) -> None:
        asked.append(dialog.type)
        dialog.accept()

    page.on("dialog", leave)
    page.goto(address + "/incoming/register")
    page.locator("#field-symbol").press_sequentially("12")
    page.locator(".trail a").click()
    expect(page).to_have_url(address + "/incoming")
    assert asked == ["beforeunload"]


def test_an_act_that_cannot_be_undone_asks_first_and_its_refusal_is_read(
    address: str, page: Page, watch: Watch
) -> None:
    watch.allow.add(409)
    page.goto(address + "/incoming/1282")
    button = page.get_by_role("button", name="Từ chối tiếp nhận")
    expect(button).to_be_hidden()
    page.locator("summary", has_text="Từ chối…").focus()
    page.keyboard.press("Enter")
    expect(button).to_be_visible()
    assert axe_violations(page) == []
    button.click()
    expect(page.locator("h1")).to_have_text("Chưa làm được việc này")


@pytest.mark.parametrize("size", [DESK, PHONE], ids=["desk", "phone"])
def test_everything_works_without_script(
    address: str, open_page: OpenPage, watch: Watch, size: tuple[int, int]
) -> None:
    watch.allow.update({422, 409})
    page = open_page(size, script=False)
    page.goto(address + "/incoming")
    assert overflow_pixels(page) <= 0
    if size == PHONE:
        page.locator(".menu-open").click()
        page.locator("#menu a", has_text="Sổ văn bản đến").click()
        expect(page.locator("#menu")).to_be_hidden()
    page.locator("[data-key=search]").fill("giấy mời")
    page.get_by_role("button", name="Lọc").click()
    expect(page.locator("[data-said]")).to_have_text("5 văn bản")
    page.locator(".dense .open").first.click()
    expect(page.locator("h1")).to_contain_text("Văn bản đến số")
    page.locator("summary", has_text="Từ chối…").click()
    page.get_by_role("button", name="Từ chối tiếp nhận").click()
    expect(page.locator("h1")).to_have_text("Chưa làm được việc này")
    page.goto(address + "/incoming/register")
    page.get_by_role("button", name="Lưu vào sổ").click()
    expect(page.locator(".error-summary")).to_be_focused()
    expect(page.locator("#field-subject")).to_have_value(
        "V/v rà soát, tổng hợp danh sách hộ nghèo, hộ cận nghèo theo chuẩn nghèo đa chiều giai đoạn 2026 – 2030"
    )


def test_the_bell_rests_while_nobody_looks(address: str, page: Page) -> None:
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url) if request.url.endswith("/bell") else None)
    page.goto(address + "/incoming")
    page.wait_for_function("window.htmx")
    page.evaluate("Object.defineProperty(document, 'hidden', {value: true, configurable: true})")
    page.evaluate("htmx.ajax('GET', '/bell', {source: '#bell', target: '#bell', swap: 'none'})")
    page.wait_for_timeout(300)
    assert asked == []
    page.evaluate("Object.defineProperty(document, 'hidden', {value: false})")
    page.evaluate("htmx.ajax('GET', '/bell', {source: '#bell', target: '#bell', swap: 'none'})")
    page.wait_for_timeout(300)
    assert len(asked) == 1


def test_a_page_prints_without_the_menu(address: str, page: Page) -> None:
    page.goto(address + "/incoming")
    page.emulate_media(media="print")
    expect(page.locator(".menu")).to_be_hidden()
    expect(page.locator(".filters")).to_be_hidden()
    expect(page.locator(".dense")).to_be_visible()
    picture(page, "shell-print")
