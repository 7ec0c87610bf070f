"""What stories of installed offices have in common, whatever the office runs on: their clock, and what a clerk does."""

from __future__ import annotations

import re
import time

from commune_portal import clock
from tests.deploy.clerk import Clerk
from tests.documents.marked import a_pdf

CLERK_PASSWORD, LEADER_PASSWORD = "bốn con vịt bơi qua sông", "ba cây cau trước sân nhà"


class Steps:
    """What was done, and how long it took."""

    def __init__(self, ceiling_seconds: float) -> None:
        self._ceiling = ceiling_seconds
        self._done: list[tuple[str, float]] = []
        self._began = self._last = time.monotonic()

    def done(self, what: str) -> None:
        """Notes the end of a step."""
        now = time.monotonic()
        self._done.append((what, now - self._last))
        self._last = now

    @property
    def seconds(self) -> float:
        """How long all of it has taken until now."""
        return time.monotonic() - self._began

    def table(self) -> str:
        """The steps as lines."""
        lines = [f"  {seconds:6.1f} s  {what}" for what, seconds in self._done]
        return "\n".join(["", *lines, f"  {self.seconds:6.1f} s  in all (ceiling {self._ceiling:.0f})"])


def problems(text: str) -> str:
    """What a page says was wrong."""
    listed = re.search(r'class="error-summary".*?</div>', text, re.DOTALL)
    return re.sub(r"<[^>]+>|\s+", " ", listed[0]) if listed else text[-1500:]


def arrive_one(clerk: Clerk, subject: str, code: str = "15/UBND-VP") -> None:
    """Registers an incoming paper document through the pages."""
    page = clerk.open("/incoming/register")
    page = clerk.submit(page.form("file"), files={"file": ("den.pdf", a_pdf(subject))})
    sender = "Ủy ban nhân dân huyện Đông Hòa"
    page = clerk.submit(
        page.form("subject"),
        code=code,
        sender_name=sender,
        subject=subject,
        promulgation_date=f"{clock.today():%d/%m/%Y}",
    )
    assert page.status == 200, problems(page.text)
    assert subject in clerk.open("/incoming").text
