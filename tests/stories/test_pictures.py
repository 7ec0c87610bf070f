"""The picture of the README: what a clerk sees first, taken in a running demonstration.

It is always taken; `docs/pictures/home.png` is written anew only with `COMMUNE_PORTAL_PICTURES=1`, so that a test run
leaves a clean checkout clean.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.browser import DESK, OpenPage, picture
from tests.stories.demonstrated import small_demonstration

pytestmark = pytest.mark.story

HOME = Path(__file__).parents[2] / "docs" / "pictures" / "home.png"
LARGEST_BYTES = 200_000


@pytest.fixture
def office(tmp_path: Path) -> Iterator[dict[str, Any]]:
    """The first office of a small demonstration, or of the one that `COMMUNE_PORTAL_DEMO` names."""
    with small_demonstration(tmp_path, first_port=9580) as document:
        yield document["parties"][0]


def log_in(page: Page, office: dict[str, Any]) -> None:
    account = office["accounts"][0]
    page.goto(office["address"] + "login")
    page.locator("[name=username]").fill(account["username"])
    page.locator("[name=password]").fill(account["password"])
    page.get_by_role("button", name="Đăng nhập").click()
    expect(page.locator("details.user")).to_be_visible()


def test_the_readme_shows_what_a_clerk_sees_first(office: dict[str, Any], open_page: OpenPage) -> None:
    page = open_page(DESK)
    log_in(page, office)
    page.goto(office["address"])
    expect(page.locator("h1")).to_be_visible()
    expect(page.get_by_text("Hỏa tốc").first).to_be_visible()
    taken = picture(page, "home")
    assert 10_000 < taken.stat().st_size < LARGEST_BYTES
    if os.environ.get("COMMUNE_PORTAL_PICTURES"):
        HOME.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(taken, HOME)
    assert HOME.is_file()
