"""Every screen of `tests/screens.toml` in a running demonstration: script, no script, keyboard, axe, two widths.

The demonstration is the real one (`commune-portal demo`), started once; `COMMUNE_PORTAL_DEMO=FILE` uses one that
already runs. The file is what `demo --json` prints: `{"parties": [{"role": "office", "address": "http://…",
"accounts": [{"username": "…", "password": "…", "role": "clerk"}]}]}`.
"""

from __future__ import annotations

import importlib.util
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.browser import DESK, PHONE, OpenPage, axe_violations, overflow_pixels, picture
from tests.screens import Screen, read_screens

pytestmark = pytest.mark.story

START_SECONDS = 300
SCREENS = read_screens()


@dataclass(frozen=True, slots=True)
class Demonstration:
    """A running demonstration: where its parties are and who may log in."""

    parties: dict[str, dict[str, Any]]

    def address(self, screen: Screen) -> str:
        """The address of the party that the screen belongs to."""
        return str(self.parties[screen.party]["address"]).rstrip("/")

    def account(self, screen: Screen) -> tuple[str, str]:
        """Name and password of an account with the screen's role."""
        for account in self.parties[screen.party]["accounts"]:
            if account["role"] == screen.role:
                return account["username"], account["password"]
        raise AssertionError(f"the demonstration has no account for {screen.role} at {screen.party}")


def _read(document: dict[str, Any]) -> Demonstration:
    parties: dict[str, dict[str, Any]] = {}
    for party in document["parties"]:
        parties.setdefault(party["role"], party)
    return Demonstration(parties)


def _demonstration_is_written() -> bool:
    # While the room is empty there is nothing to drive; test_house.py keeps the list itself in order meanwhile.
    found = importlib.util.find_spec("commune_portal.demonstration")
    folder = Path(found.origin).parent if found and found.origin else None
    return folder is not None and len(list(folder.glob("*.py"))) > 1


@pytest.fixture(scope="session")
def demonstration(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Demonstration]:
    """Starts `commune-portal demo` in a folder of its own and ends it by its own process group."""
    given = os.environ.get("COMMUNE_PORTAL_DEMO")
    if given:
        yield _read(json.loads(Path(given).read_text(encoding="utf-8")))
        return
    folder = tmp_path_factory.mktemp("demo")
    said = folder / "demo.json"
    with said.open("wb") as out:
        process = subprocess.Popen(
            [sys.executable, "-m", "commune_portal", "demo", "--dir", str(folder / "demo"), "--json"],
            stdout=out,
            start_new_session=True,
        )
    try:
        yield _read(_when_printed(said, process))
    finally:
        os.killpg(process.pid, signal.SIGTERM)
        process.wait(60)


def _when_printed(said: Path, process: subprocess.Popen[bytes]) -> dict[str, Any]:
    end = time.monotonic() + START_SECONDS
    while time.monotonic() < end:
        assert process.poll() is None, f"the demonstration ended with {process.returncode}"
        try:
            document = json.loads(said.read_text(encoding="utf-8"))
        except ValueError:
            time.sleep(0.5)
            continue
        assert isinstance(document, dict)
        return document
    raise AssertionError(f"the demonstration did not start within {START_SECONDS} s")


def log_in(page: Page, demonstration: Demonstration, screen: Screen) -> None:
    """Logs in through the page, as a person does."""
    if screen.role == "anonymous":
        return
    name, password = demonstration.account(screen)
    page.goto(demonstration.address(screen) + "/login")
    page.locator("[name=username]").fill(name)
    page.locator("[name=password]").fill(password)
    page.get_by_role("button", name="Đăng nhập").click()
    expect(page.locator("details.user")).to_be_visible()


def open_screen(page: Page, demonstration: Demonstration, screen: Screen) -> None:
    """Opens a screen: by its path, or through the first row of the list that leads to it."""
    address = demonstration.address(screen)
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


needs_demonstration = pytest.mark.parametrize("screen", SCREENS if _demonstration_is_written() else [], ids=named)


@needs_demonstration
@pytest.mark.parametrize("script", [True, False], ids=["script", "no-script"])
def test_a_screen_opens_fits_two_widths_and_is_accessible(
    demonstration: Demonstration, open_page: OpenPage, screen: Screen, script: bool
) -> None:
    page = open_page(DESK, script=script)
    log_in(page, demonstration, screen)
    open_screen(page, demonstration, screen)
    for name, (width, height) in {"desk": DESK, "phone": PHONE}.items():
        page.set_viewport_size({"width": width, "height": height})
        assert overflow_pixels(page) <= 0, f"{screen.name} scrolls sideways at {width}"
        if script:
            assert axe_violations(page) == []
            picture(page, f"{screen.name}-{name}")


@needs_demonstration
def test_a_screen_is_reached_and_worked_by_keyboard_alone(
    demonstration: Demonstration, page: Page, screen: Screen
) -> None:
    log_in(page, demonstration, screen)
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
