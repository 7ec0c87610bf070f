"""The four fields of an upload are moved over its page in a real browser, by mouse and by keyboard."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from flask import Flask
from playwright.sync_api import Page

from commune_portal.documents import outgoing
from tests.cast import PASSWORD
from tests.views.outgoing_stage import uploaded
from tests.views.portal import Portal, founded, portal

__all__ = ["founded", "portal"]


@pytest.mark.story
def test_a_place_is_moved_by_mouse_and_by_arrow_keys(
    portal: Portal, tmp_path: Path, live: Callable[[Flask], str], page: Page
) -> None:
    row_id = uploaded(portal, tmp_path)
    address = live(portal.app)
    page.goto(f"{address}/login")
    page.fill("[name=username]", "chuyenvien")
    page.fill("[name=password]", PASSWORD)
    page.get_by_role("button", name="Đăng nhập").click()
    page.wait_for_selector("details.user")
    page.goto(f"{address}/outgoing/{row_id}/places")

    def typed(side: str) -> float:
        return float(page.input_value(f"[name=leader_{side}]").replace(",", "."))

    group = page.locator("[data-place=leader]")
    x, width = typed("x"), typed("width")
    group.focus()
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("Shift+ArrowRight")
    assert typed("x") == pytest.approx(x - 1)
    assert typed("width") == pytest.approx(width + 1)
    box = page.locator("[data-place=leader] .area").bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + box["width"] - 20, box["y"] + 15)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] - 20, box["y"] + 115, steps=4)
    page.mouse.up()
    moved = typed("y")
    assert float(page.get_attribute("[data-place=leader] .area", "y") or "0") == pytest.approx(moved)
    page.get_by_role("button", name="Trình Nguyễn Văn An").click()
    page.wait_for_url(f"**/outgoing/{row_id}")
    places = outgoing.get(row_id).places
    assert places is not None
    assert places.leader.x0 == pytest.approx((x - 1) * 72 / 25.4, abs=0.1)
