"""Every screen of `tests/screens.toml` in a running demonstration: script, no script, keyboard, axe, two widths."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect

from tests.browser import DESK, PHONE, OpenPage, axe_violations, overflow_pixels, picture
from tests.screens import Screen, read_screens
from tests.stories.demonstrated import Demonstration

pytestmark = pytest.mark.story


def open_screen(page: Page, demonstration: Demonstration, screen: Screen) -> None:
    """Opens a screen: by its path, or through the first row of the list that leads to it."""
    address = demonstration.address(screen.party)
    if screen.via:
        page.goto(address + screen.via)
        href = page.locator("main a.open").first.get_attribute("href")
        page.goto(address + (screen.path or "{first}").replace("{first}", href or ""))
        if screen.link:
            page.goto(address + (page.locator(screen.link).first.get_attribute("href") or ""))
    else:
        page.goto(address + screen.path)
    expect(page.locator(screen.needs).first).to_be_visible()
    assert page.locator("h1").count() == 1


def named(screen: Screen) -> str:
    return screen.name


each_screen = pytest.mark.parametrize("screen", read_screens(), ids=named)


@each_screen
@pytest.mark.parametrize("script", [True, False], ids=["script", "no-script"])
def test_a_screen_opens_fits_two_widths_and_is_accessible(
    demonstration: Demonstration, open_page: OpenPage, screen: Screen, script: bool
) -> None:
    page = demonstration.page(open_page, screen.party, screen.role, script=script)
    open_screen(page, demonstration, screen)
    for name, (width, height) in {"desk": DESK, "phone": PHONE}.items():
        page.set_viewport_size({"width": width, "height": height})
        assert overflow_pixels(page) <= 0, f"{screen.name} scrolls sideways at {width}"
        if script:
            assert axe_violations(page) == []
            picture(page, f"{screen.name}-{name}")


@each_screen
def test_a_screen_is_reached_and_worked_by_keyboard_alone(
    demonstration: Demonstration, open_page: OpenPage, screen: Screen
) -> None:
    page = demonstration.page(open_page, screen.party, screen.role)
    open_screen(page, demonstration, screen)
    reached: set[str] = set()
    for _ in range(400):
        page.keyboard.press("Tab")
        mark: str | None = page.evaluate(FOCUS_MARK)
        if mark is None or mark in reached:
            break
        reached.add(mark)
    unreached: list[str] = page.evaluate(UNREACHED)
    assert unreached == [], f"not reached with Tab: {unreached}"


FOCUS_MARK = """() => {
  const found = document.activeElement;
  if (!found || found === document.body) return null;
  found.dataset.reached = "yes";
  return found.tagName + [...document.querySelectorAll(found.tagName)].indexOf(found);
}"""

UNREACHED = """() => {
  const kinds = ["a[href]", "button", "input", "select", "textarea", "summary"].map((kind) => "main " + kind);
  const reached = (found) => found.dataset.reached
    || (found.type === "radio" && document.querySelector(`input[name="${found.name}"][data-reached]`));
  return [...document.querySelectorAll(kinds.join(", "))]
    .filter((found) => !found.disabled && found.type !== "hidden" && found.checkVisibility() && !reached(found))
    .map((found) => found.outerHTML.slice(0, 120));
}"""
