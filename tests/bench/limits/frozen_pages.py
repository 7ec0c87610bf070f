"""The list and the record of an office as frozen pages: the same templates and values, no register, no rights.

What is left is what Flask, waitress and the template cost, CSRF token and signed cookie included; what our pages cost
beyond it is the register.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from flask import Flask, Response, g, template_rendered
from flask_wtf.csrf import CSRFProtect
from jinja2 import Template

from commune_portal import serve, settings
from commune_portal.app import create_app
from commune_portal.people.actors import Actor
from commune_portal.rules.permissions import Relation, Verb
from commune_portal.store import database
from commune_portal.views._page import page, prepare_pages
from commune_portal.views._shell import Shell, install_shell
from tests.bench import browsing

OF_EVERY_PAGE = frozenset({"g", "request", "session", "shell", "config", "current_user"})


@dataclass(frozen=True, slots=True)
class Frozen:
    """A page as it was rendered once."""

    path: str
    template: str
    values: dict[str, Any]
    shell: Shell


def run(folder: Path, started: Callable[[int], None]) -> None:
    """Takes both pages from the real office, then serves them without it."""
    configured = settings.load(folder / "portal.toml")
    with serve.opened(configured):
        real = create_app(configured)
        actor, pages = _taken(real)
    database.close()
    app = _app(real, actor, pages)
    from waitress.server import create_server

    server = create_server(app, host="127.0.0.1", port=0, threads=configured.server.threads, ident=None)
    started(server.effective_port)
    server.run()


def _taken(real: Flask) -> tuple[Actor, list[Frozen]]:
    client = real.test_client()
    browsing.log_in(lambda method, path, form: _asked(client, method, path, form))
    found: list[Frozen] = []
    actors: list[Actor] = []

    def note(_: Flask, template: Template, context: dict[str, Any], **__: Any) -> None:
        from commune_portal.views import _session

        values = {name: value for name, value in context.items() if name not in OF_EVERY_PAGE}
        found.append(Frozen("", str(template.name), values, g.portal_shell))
        actors.append(_session.actor())

    paths = [browsing.LIST, browsing.record(browsing.newest_completed())]
    with template_rendered.connected_to(note, real):
        for path in paths:
            answer = client.get(path)
            if answer.status_code != 200:
                raise RuntimeError(f"{path}: {answer.status_code}")
    return actors[0], [
        Frozen(path, item.template, item.values, item.shell) for path, item in zip(paths, found, strict=True)
    ]


def _asked(client: Any, method: str, path: str, form: dict[str, str] | None) -> tuple[int, str]:
    answer = client.open(path, method=method, data=form)
    return answer.status_code, answer.text


def _app(real: Flask, actor: Actor, pages: list[Frozen]) -> Flask:
    app = Flask("commune_portal")
    app.config.update(SECRET_KEY="frozen", SESSION_COOKIE_NAME="frozen")
    prepare_pages(app)
    CSRFProtect(app)
    app.jinja_env.globals["may"] = lambda verb, relation="all": actor.may(Verb(verb), Relation(relation))
    install_shell(app, lambda: g.frozen_shell)
    shown = {item.path.partition("?")[0]: item for item in pages}

    def show(**_: object) -> Response:
        from flask import request

        item = shown[request.path]
        g.frozen_shell = item.shell
        return page(item.template, **item.values)

    for rule in real.url_map.iter_rules():
        if rule.endpoint == "static":
            continue
        app.add_url_rule(rule.rule, rule.endpoint, show, methods=rule.methods)
    return app
