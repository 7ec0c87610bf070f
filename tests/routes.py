"""Walking the routes of an app, so that a new one cannot be forgotten: guards of POST, doors open to anyone."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from flask import Flask
from werkzeug.routing import Rule

from commune_portal.settings import Paths, Role, Settings

SAMPLES: dict[str, Any] = {"IntegerConverter": 1, "UUIDConverter": "00000000-0000-4000-8000-000000000001"}


def address(app: Flask, rule: Rule) -> str:
    """An address of a rule with a harmless sample in every hole."""
    values = {name: SAMPLES.get(type(converter).__name__, "sample") for name, converter in rule._converters.items()}
    with app.test_request_context():
        built = rule.build(values, append_unknown=False)
    assert built is not None, rule
    return built[1]


def unguarded_posts(app: Flask, *, except_under: str) -> list[str]:
    """Rules that take a POST, PUT, PATCH or DELETE without the CSRF token and do not answer 400 for it."""
    before = app.config.get("WTF_CSRF_ENABLED", True)
    app.config["WTF_CSRF_ENABLED"] = True
    try:
        found = []
        for rule in app.url_map.iter_rules():
            if rule.rule.startswith(except_under):
                continue
            for method in sorted({"POST", "PUT", "PATCH", "DELETE"} & (rule.methods or set())):
                answer = app.test_client().open(address(app, rule), method=method, buffered=True)
                if answer.status_code != 400:
                    found.append(f"{method} {rule.rule} -> {answer.status_code}")
        return found
    finally:
        app.config["WTF_CSRF_ENABLED"] = before


def routes_open_to_anyone(app: Flask) -> list[str]:
    """Endpoints whose GET answers a stranger with a page: neither a log-in, nor a refusal, nor nothing there."""
    found = []
    for rule in app.url_map.iter_rules():
        if "GET" not in (rule.methods or ()) or rule.rule.startswith("/exchange/v1/"):
            continue
        answer = app.test_client().get(address(app, rule), buffered=True)
        refused = answer.status_code in (401, 403) or (
            answer.status_code in (302, 303) and "/login" in answer.headers.get("Location", "")
        )
        if not refused and rule.endpoint != "static":
            found.append(rule.endpoint)
    return found


@contextmanager
def portal_app(role: Role, folder: Path) -> Iterator[Flask]:
    """The assembled portal over a freshly founded, empty installation."""
    from commune_portal.app import create_app
    from commune_portal.store import database, installation
    from commune_portal.wire import keys

    settings = Settings(folder=folder, role=role, paths=Paths(allow_any_disk=True))
    own = keys.create(settings.secrets_folder)
    keys.use(own)
    installation.found(
        settings, code="H99", name="Nơi để thử", place="An Phú", public_key="ab" * 32, box_public_key="cd" * 32
    )
    try:
        yield create_app(settings)
    finally:
        database.close()
