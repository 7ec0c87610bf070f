"""A whole portal over the cast's office, and browsers of its people that carry the CSRF token as a real one does.

Import the fixtures where they are used: `from tests.views.portal import founded, portal`.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from commune_portal.app import create_app
from commune_portal.people import accesses
from commune_portal.signing import workshop
from commune_portal.store import database, installation, journal
from commune_portal.wire import keys
from tests.cast import PASSWORD, Cast, cheap_passwords, office_at

_TOKEN = re.compile(r'name="csrf_token" value="([^"]+)"')

HTMX = {"HX-Request": "true", "HX-Request-Type": "partial"}


class Browser:
    """One person's browser: it keeps cookies and sends the CSRF token of the page seen last."""

    def __init__(self, app: Flask) -> None:
        self.client: FlaskClient = app.test_client()
        self.token = ""

    def get(self, path: str, **options: Any) -> TestResponse:
        """Opens a page and remembers its token."""
        answer = self.client.get(path, **options)
        found = _TOKEN.search(answer.text) if answer.mimetype == "text/html" else None
        self.token = found[1] if found else self.token
        return answer

    def post(self, path: str, data: dict[str, Any] | None = None, **options: Any) -> TestResponse:
        """Sends a form with the token."""
        if not self.token:
            self.get("/login")
        return self.client.post(path, data={"csrf_token": self.token, **(data or {})}, **options)

    def log_in(self, username: str, password: str = PASSWORD) -> TestResponse:
        """Logs in through the form."""
        self.get("/login")
        answer = self.post("/login", {"username": username, "password": password})
        if answer.status_code == 303:
            self.get("/account")
        return answer


@dataclass(frozen=True)
class Portal:
    """An office that is served in this process."""

    app: Flask
    cast: Cast

    def anonymous(self) -> Browser:
        """A browser in which nobody is logged in."""
        return Browser(self.app)

    def browser(self, username: str) -> Browser:
        """A browser of somebody of the cast."""
        made = Browser(self.app)
        assert made.log_in(username).status_code == 303
        return made


def size() -> int:
    """How long the journal is: equal before and after means that nothing was done."""
    return journal.checkpoint().size


@pytest.fixture(scope="session")
def founded(tmp_path_factory: pytest.TempPathFactory) -> Cast:
    """The cast's office, founded once; tests work on copies."""
    cheap_passwords()
    cast = office_at(tmp_path_factory.mktemp("office"))
    database.close()
    return cast


_apps: dict[Path, Flask] = {}
"""One assembled app for all copies of an office: it holds nothing of a register but its name and uid."""


@pytest.fixture
def portal(founded: Cast, tmp_path: Path) -> Iterator[Portal]:
    """A copy of the office, opened and served."""
    cheap_passwords()
    folder = tmp_path / "office"
    shutil.copytree(founded.settings.folder, folder)
    settings = replace(founded.settings, folder=folder)
    installation.open_(settings)
    keys.use(keys.load(settings.secrets_folder))
    workshop.configure(settings, in_process=True)
    accesses.forget_waiting()
    home = founded.settings.folder
    if home not in _apps:
        _apps[home] = create_app(settings)
    yield Portal(_apps[home], replace(founded, settings=settings))
    accesses.forget_waiting()
    database.close()
