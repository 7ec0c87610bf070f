"""The running demonstration that stories look at: the real one (`commune-portal demo`), started once a worker.

`COMMUNE_PORTAL_DEMO=FILE` uses one that already runs. The file is what `demo --json` prints: `{"parties": [{"role":
"office", "address": "http://…", "accounts": [{"username": "…", "password": "…", "role": "clerk"}]}]}`.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, StorageState, expect

from commune_portal.parties import supervisor
from tests.browser import DESK, OpenPage

START_SECONDS = 300
FIRST_PORT = 8300


@dataclass(frozen=True, slots=True)
class Demonstration:
    """A running demonstration: where its parties are, who may log in, and who did."""

    parties: dict[str, dict[str, Any]]
    _states: dict[tuple[str, str], StorageState] = field(default_factory=dict)

    def address(self, party: str) -> str:
        """The address of a party by its role, without a slash at its end."""
        return str(self.parties[party]["address"]).rstrip("/")

    def page(
        self, open_page: OpenPage, party: str, role: str, size: tuple[int, int] = DESK, *, script: bool = True
    ) -> Page:
        """A page of somebody with that role; the first time he logs in through the page, as a person does."""
        if role == "anonymous":
            return open_page(size, script=script)
        state = self._states.get((party, role))
        page = open_page(size, script=script, state=state)
        if state is None:
            self._log_in(page, party, role)
            self._states[party, role] = page.context.storage_state()
        return page

    def _log_in(self, page: Page, party: str, role: str) -> None:
        account = next((item for item in self.parties[party]["accounts"] if item["role"] == role), None)
        assert account is not None, f"the demonstration has no account for {role} at {party}"
        page.goto(self.address(party) + "/login")
        page.locator("[name=username]").fill(account["username"])
        page.locator("[name=password]").fill(account["password"])
        page.get_by_role("button", name="Đăng nhập").click()
        expect(page.locator("details.user")).to_be_visible()


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
            [sys.executable, "-m", "commune_portal", "demo", "--dir", str(folder / "demo"), "--json",
             "--port", str(_first_port())],
            stdout=out,
            start_new_session=True,
        )  # fmt: skip
    try:
        yield _read(_when_printed(said, process))
    finally:
        os.killpg(process.pid, signal.SIGTERM)
        process.wait(60)


def _first_port() -> int:
    """Another for each worker: ports are chosen before the filling and opened after it."""
    worker = os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw")
    return supervisor.free_port(FIRST_PORT + 100 * int(worker))


def _read(document: dict[str, Any]) -> Demonstration:
    parties: dict[str, dict[str, Any]] = {}
    for party in document["parties"]:
        parties.setdefault(party["role"], party)
    return Demonstration(parties)


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
