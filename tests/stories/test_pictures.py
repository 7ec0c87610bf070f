"""The picture of the README: what a clerk sees first, taken in a running demonstration.

It is always taken; `docs/pictures/home.png` is written anew only with `COMMUNE_PORTAL_PICTURES=1`, so that a test run
leaves a clean checkout clean.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.browser import DESK, OpenPage, picture
from tests.stories.demonstrated import Demonstration

pytestmark = pytest.mark.story

HOME = Path(__file__).parents[2] / "docs" / "pictures" / "home.png"
LARGEST_BYTES = 200_000


def test_the_readme_shows_what_a_clerk_sees_first(demonstration: Demonstration, open_page: OpenPage) -> None:
    page = demonstration.page(open_page, "office", "clerk", DESK)
    page.goto(demonstration.address("office"))
    expect(page.locator("h1")).to_be_visible()
    expect(page.get_by_text("Hỏa tốc").first).to_be_visible()
    taken = picture(page, "home")
    assert 10_000 < taken.stat().st_size < LARGEST_BYTES
    if os.environ.get("COMMUNE_PORTAL_PICTURES"):
        HOME.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(taken, HOME)
    assert HOME.is_file()
