"""Two offices and a node in processes, and a browser at each office, for the stories that are seen at both ends."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, expect

from commune_portal.parties.supervisor import wait_until
from commune_portal.rehearsal import stage
from commune_portal.rehearsal.cast import CLERK, LEADER, RECEIVER_CODE, SPECIALIST
from commune_portal.rehearsal.stage import Stage
from tests.browser import axe_violations

SOON = 60.0


@pytest.fixture(scope="module")
def played(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """The rehearsal's parties, enrolled and connected."""
    folder = stage.empty_folder(tmp_path_factory.mktemp("offices") / "D")
    built = stage.build(folder, "", None)
    try:
        stage.connect(built)
        yield built
    finally:
        built.close()


class Office:
    """A browser at one office, in which people log in one after the other."""

    def __init__(self, played: Stage, name: str, page: Page, *, look: bool = True) -> None:
        self.page = page
        self.address = played.parties[name].server.address
        self.password = played.plans[name].password
        self._look = look

    def log_in(self, username: str) -> None:
        self.page.context.clear_cookies()
        self.open("/login")
        self.page.get_by_label("Tên đăng nhập").fill(username)
        self.page.locator("input[name=password]").fill(self.password)
        self.page.get_by_role("button", name="Đăng nhập").click()
        expect(self.page.get_by_role("heading", level=1)).to_be_visible()
        self.look()

    def open(self, path: str) -> None:
        self.page.goto(self.address + path)
        self.look()

    def look(self) -> None:
        """Axe needs script, so the pages are looked at in the run that has it."""
        if self._look:
            found = axe_violations(self.page)
            assert not found, f"{self.page.url}: {found}"

    def press(self, name: str | re.Pattern[str]) -> None:
        self.page.get_by_role("button", name=name).first.click()
        self.page.wait_for_load_state("networkidle")
        self.look()

    def follow(self, name: str | re.Pattern[str]) -> None:
        self.page.get_by_role("link", name=name).first.click()
        self.page.wait_for_load_state("networkidle")
        self.look()

    def fill(self, field: str, words: str) -> None:
        self.page.locator(f"[name={field}]:visible").first.fill(words)

    def sees(self, words: str) -> None:
        expect(self.page.locator("main")).to_contain_text(words)

    def sees_soon(self, words: str) -> None:
        """Opens the page again and again until the words are there: the relay works behind it."""

        def there() -> bool:
            self.page.reload()
            return words in (self.page.locator("main").text_content() or "")

        wait_until(words, there, SOON)
        self.look()


def issued(played: Stage, subject: str, **more: object) -> tuple[int, str]:
    """An issued document of the sender: its row and its DocumentId."""
    desk = played.parties["sender"].desk
    row = desk(
        "draft", by=SPECIALIST, type_code="CV", subject=subject, signer=LEADER, unit="VP", body="Kính gửi.", **more
    )
    desk("submit", by=SPECIALIST, document=row)
    desk("approve", by=LEADER, document=row)
    desk("sign", by=LEADER, document=row, pin=played.pin)
    desk("number", by=CLERK, document=row)
    return row, desk("seal", by=CLERK, document=row, pin=played.pin)


def sent(played: Stage, subject: str, **more: object) -> tuple[int, int]:
    """A document that has arrived at the other office and was checked there: its row at both ends."""
    row, document_id = issued(played, subject, **more)
    played.parties["sender"].desk("send", by=CLERK, document=row, to=[RECEIVER_CODE])
    return row, arrived(played, document_id)


def arrived(played: Stage, document_id: str) -> int:
    """The row of a document at the receiver, once it is there and checked."""
    there = played.parties["receiver"].desk
    wait_until("it arrives", lambda: there("arrived", document_id=document_id), SOON)
    row: int = there("arrived", document_id=document_id)
    wait_until("it is checked", lambda: there("verdict", document=row), SOON)
    return row
