"""Cheap gates that every check runs: heavy libraries stay out, memory stays small, pages ask few questions.

Query plans are looked at in `tests/documents/test_lists.py`, the reader's peak in `tests/edxml/test_memory.py`.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from commune_portal.documents import incoming
from commune_portal.store import database
from tests.views.portal import Portal, founded, portal

__all__ = ["founded", "portal"]

HEAVY = ("pyhanko", "reportlab", "pypdfium2", "xlsxwriter", "docx", "holidays", "lxml", "aiohttp", "PIL", "pkcs11")
NOT_FOR_AN_OFFICE = ("asyncio", "cryptography.x509", "commune_portal.node", "commune_portal.tls_front")
"""What a node, a door for the network or the signing process need; an office on one computer holds none of it."""

RESIDENT_MIB_AT_MOST = 64
"""A served office holds about 50; the cap leaves room for another allocator, not for another library."""

JUST_CREATED = """
import json, sys
from pathlib import Path
from commune_portal import app, serve, settings
from commune_portal.operations import nginx  # as the verb does
with serve.opened(settings.from_document(json.loads(sys.argv[1]), Path(sys.argv[2]))) as configured:
    portal = serve.Portal(configured)
    status = Path("/proc/self/status").read_text()
    resident = next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmRSS"))
    print(json.dumps({"modules": sorted(sys.modules), "mib": resident / 1024}))
    portal.close()
"""

SETTINGS = {"server": {"port": 0}, "paths": {"allow_any_disk": True}, "token": {"trial": True}}


@pytest.fixture(scope="module")
def created(founded: Any) -> dict[str, Any]:
    """What a fresh process holds once it could serve."""
    done = subprocess.run(
        [sys.executable, "-c", JUST_CREATED, json.dumps(SETTINGS), str(founded.settings.folder)],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        cwd=Path(__file__).parents[2],
    )
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def test_an_idle_portal_has_loaded_no_heavy_library(created: dict[str, Any]) -> None:
    assert sorted(set(HEAVY) & set(created["modules"])) == []


def test_an_idle_office_has_loaded_nothing_of_a_node_or_of_the_network(created: dict[str, Any]) -> None:
    assert sorted(set(NOT_FOR_AN_OFFICE) & set(created["modules"])) == []


def test_an_idle_portal_is_small(created: dict[str, Any]) -> None:
    assert created["mib"] <= RESIDENT_MIB_AT_MOST


@contextmanager
def counting() -> Iterator[list[str]]:
    """Notes every statement of this thread."""
    statements: list[str] = []
    connection = database.connect()
    # What full-text search and triggers ask by themselves is marked as a comment.
    connection.set_trace_callback(lambda text: None if text.startswith("--") else statements.append(text))
    try:
        yield statements
    finally:
        connection.set_trace_callback(None)


def register(by: Portal, amount: int) -> list[int]:
    return [
        incoming.register(
            by.cast.clerk,
            incoming.Arrival(sender_name="Sở Nội vụ", subject=f"Văn bản thứ {ordinal}", on_paper=True),
        )
        for ordinal in range(amount)
    ]


@pytest.mark.parametrize(("username", "at_most"), [("vanthu", 14), ("chutich", 14), ("chuyenvien", 18)])
def test_a_list_asks_as_much_for_forty_documents_as_for_one(portal: Portal, username: str, at_most: int) -> None:
    browser = portal.browser(username)
    asked = []
    for amount in (1, 39):
        register(portal, amount)
        browser.get("/incoming")
        with counting() as statements:
            assert browser.get("/incoming").status_code == 200
        asked.append(len(statements))
    assert asked[0] == asked[1]
    assert asked[1] <= at_most


@pytest.mark.parametrize(
    ("path", "at_most"), [("/", 40), ("/incoming/{document}", 21), ("/outgoing", 14), ("/incoming?q=van+ban", 14)]
)
def test_a_page_asks_few_questions(portal: Portal, path: str, at_most: int) -> None:
    address = path.format(document=register(portal, 3)[0])
    browser = portal.browser("vanthu")
    browser.get(address)
    with counting() as statements:
        assert browser.get(address).status_code == 200
    assert len(statements) <= at_most, "\n".join(statements)


def test_the_bell_asks_less_than_a_page(portal: Portal) -> None:
    browser = portal.browser("vanthu")
    browser.get("/bell")
    with counting() as statements:
        assert browser.get("/bell").status_code in (200, 204)
    assert len(statements) <= 12, "\n".join(statements)
