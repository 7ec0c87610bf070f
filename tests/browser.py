"""A real browser for the stories: Debian's chromium, a live server, axe, pictures.

`tests/conftest.py` makes the fixtures known everywhere. A page fails its test on any console error, uncaught
exception or failed request, so a missing icon and a broken header are found at once. Chromium is needed: without it
the story fails and says what to install; nothing is skipped.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, Response, StorageState, sync_playwright

from tests.serving import serving

PICTURES = Path(__file__).parent / "pictures"

FLAGS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
]

DESK = (1366, 768)
PHONE = (390, 844)

AXE_RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]


def chromium_path() -> str:
    """Where Debian's chromium is; fails the test, never skips it, where there is none."""
    found = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser")
    if not found:
        pytest.fail("chromium is needed for the stories: apt-get install chromium fonts-noto-core")
    return found


@dataclass
class Watch:
    """What went wrong in a page while a story ran; `allow` names statuses that the story provokes on purpose."""

    problems: list[str] = field(default_factory=list)
    allow: set[int] = field(default_factory=set)

    def attach(self, page: Page) -> None:
        """Listens to a page's console, exceptions and answers."""
        page.on("console", self._console)
        page.on("pageerror", lambda error: self.problems.append(f"exception: {error}"))
        page.on("response", self._response)

    def _console(self, message: ConsoleMessage) -> None:
        # Chromium repeats a failed answer as a console error without its status; `_response` judges those.
        if message.type in ("error", "warning") and "Failed to load resource" not in message.text:
            self.problems.append(f"{message.type}: {message.text}")

    def _response(self, response: Response) -> None:
        if response.status >= 400 and response.status not in self.allow:
            self.problems.append(f"{response.status} {response.request.method} {response.url}")


@contextmanager
def live_server(app: Flask) -> Iterator[str]:
    """Serves an app through waitress, as an office does, on a free loopback port; yields its address."""
    with serving(app) as port:
        yield f"http://127.0.0.1:{port}"


def axe_violations(page: Page) -> list[str]:
    """What axe finds against WCAG 2.2 AA: one line a node; an empty list is the only good one."""
    from axe_playwright_python.sync_playwright import Axe

    options = {"runOnly": {"type": "tag", "values": AXE_RULES}, "resultTypes": ["violations"]}
    found = Axe().run(page, options=options)
    return [
        f"{violation['id']}: {node['html'][:160]} – {node.get('failureSummary', '')}"
        for violation in found.response["violations"]
        for node in violation["nodes"]
    ]


def picture(page: Page, name: str, *, whole: bool = False) -> Path:
    """Saves a PNG of the page under tests/pictures/ for a person to look at."""
    PICTURES.mkdir(exist_ok=True)
    path = PICTURES / f"{name}.png"
    page.screenshot(path=path, full_page=whole)
    return path


def overflow_pixels(page: Page) -> int:
    """How far the page is wider than the window; a page that scrolls sideways is a broken page."""
    wider: Any = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    return int(wider)


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    """One headless chromium a module: its event loop holds the thread, where no PDF could be signed meanwhile."""
    path = chromium_path()
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=FLAGS)
        yield browser
        browser.close()


OpenPage = Callable[..., Page]


@contextmanager
def _context(
    browser: Browser, size: tuple[int, int], *, script: bool, state: StorageState | None
) -> Iterator[BrowserContext]:
    context = browser.new_context(
        locale="vi-VN",
        timezone_id="Asia/Ho_Chi_Minh",
        viewport={"width": size[0], "height": size[1]},
        java_script_enabled=script,
        storage_state=state,
    )
    context.set_default_timeout(15_000)
    try:
        yield context
    finally:
        context.close()


@pytest.fixture
def watch() -> Watch:
    """What the pages of this test did wrong."""
    return Watch()


@pytest.fixture
def open_page(chromium: Browser, watch: Watch) -> Iterator[OpenPage]:
    """Opens pages, each in a context of its own: `open_page(size=PHONE, script=False, state=cookies)`; problems fail
    the test.
    """
    contexts: list[AbstractContextManager[BrowserContext]] = []

    def open_one(size: tuple[int, int] = DESK, *, script: bool = True, state: StorageState | None = None) -> Page:
        manager = _context(chromium, size, script=script, state=state)
        context = manager.__enter__()
        contexts.append(manager)
        page = context.new_page()
        watch.attach(page)
        return page

    yield open_one
    for manager in contexts:
        manager.__exit__(None, None, None)
    assert not watch.problems, "\n".join(watch.problems)


@pytest.fixture
def page(open_page: OpenPage) -> Page:
    """One page at 1366 x 768 with script."""
    return open_page()


@pytest.fixture
def live() -> Iterator[Callable[[Flask], str]]:
    """Serves apps for the length of a test: `address = live(create_app(settings))`."""
    managers: list[AbstractContextManager[str]] = []

    def serve(app: Flask) -> str:
        manager = live_server(app)
        managers.append(manager)
        return manager.__enter__()

    yield serve
    for manager in reversed(managers):
        manager.__exit__(None, None, None)
