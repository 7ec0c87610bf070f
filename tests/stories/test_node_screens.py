"""The node's pages in a real browser: pictures, axe, with and without script, at a desk and on a phone."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from flask import Flask
from playwright.sync_api import Page, expect

from tests.browser import DESK, PHONE, OpenPage, axe_violations, overflow_pixels, picture
from tests.cast import PASSWORD
from tests.node.conftest import empty_node, node
from tests.views.node_stage import Stage, stage

__all__ = ["empty_node", "node", "stage"]

pytestmark = pytest.mark.story


def log_in(page: Page, address: str, username: str) -> None:
    page.goto(f"{address}/login")
    page.fill("[name=username]", username)
    page.fill("[name=password]", PASSWORD)
    page.click("main button")


def places(stage: Stage, username: str) -> list[tuple[str, str]]:
    first = stage.node.first.member.uid
    if username == "vanhanh":
        return [
            ("node-members", "/members"),
            ("node-member", f"/members/{first}"),
            ("node-member-waiting", f"/members/{stage.node.second.member.uid}"),
            ("node-add", "/members/add"),
            ("node-transit", "/transit"),
        ]
    return [
        ("node-audit", "/audit"),
        ("node-audit-incoming", f"/audit/{first}/incoming"),
        ("node-audit-outgoing", f"/audit/{first}/outgoing"),
        ("node-audit-empty", f"/audit/{first}/outgoing?q=khong+co"),
    ]


@pytest.mark.parametrize("username", ["vanhanh", "kiemtra"])
@pytest.mark.parametrize(("size", "script"), [(DESK, True), (PHONE, True), (DESK, False)])
def test_every_page_of_the_node_is_sound(
    stage: Stage, live: Callable[[Flask], str], open_page: OpenPage, username: str, size: tuple[int, int], script: bool
) -> None:
    address = live(stage.app)
    page = open_page(size, script=script)
    log_in(page, address, username)
    for name, path in places(stage, username):
        page.goto(address + path)
        expect(page.locator("h1")).to_be_visible()
        if script:
            picture(page, f"{name}-{size[0]}", whole=size == PHONE)
            assert axe_violations(page) == [], name
        assert overflow_pixels(page) <= 0, name


def test_an_auditor_filters_as_they_type_and_without_script_by_a_button(
    stage: Stage, live: Callable[[Flask], str], open_page: OpenPage
) -> None:
    address = live(stage.app)
    path = f"/audit/{stage.node.first.member.uid}/incoming"
    page = open_page()
    log_in(page, address, "kiemtra")
    page.goto(address + path)
    page.fill("[name=q]", "ke hoach su dung dat")
    expect(page.locator("[data-said]")).to_have_text("12 văn bản")
    assert "q=ke" in page.url
    plain = open_page(script=False)
    log_in(plain, address, "kiemtra")
    plain.goto(address + path)
    plain.fill("[name=q]", "ke hoach su dung dat")
    plain.click("text=Lọc >> nth=0")
    expect(plain.locator("[data-said]")).to_have_text("12 văn bản")


def test_an_operator_downloads_an_enrolment_file_by_keyboard(
    stage: Stage, live: Callable[[Flask], str], open_page: OpenPage
) -> None:
    address = live(stage.app)
    page = open_page()
    log_in(page, address, "vanhanh")
    page.goto(address + "/members/add")
    page.focus("[name=code]")
    page.keyboard.type("H99.09")
    page.keyboard.press("Tab")
    page.keyboard.type("UBND xã Tân Phước")
    with page.expect_download() as caught:
        page.keyboard.press("Enter")
    assert caught.value.suggested_filename == "H99.09.ghinoi.json"
