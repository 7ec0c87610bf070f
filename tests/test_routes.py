"""The walkers that test_house.py trusts see what they are there to see."""

from __future__ import annotations

from flask import Flask
from flask_wtf.csrf import CSRFProtect

from tests.routes import routes_open_to_anyone, unguarded_posts
from tests.views.shell_app import create_shell_app


def test_a_post_that_was_exempted_from_the_guard_is_found() -> None:
    assert unguarded_posts(create_shell_app(), except_under="/exchange/v1/") == []
    app = create_shell_app()
    guard: CSRFProtect = app.extensions["csrf"]
    for address in ("/careless/<int:number>", "/exchange/v1/uploads/<int:number>"):
        app.add_url_rule(address, address, _careless, methods=["POST"])
    guard.exempt(_careless)
    assert unguarded_posts(app, except_under="/exchange/v1/") == ["POST /careless/<int:number> -> 200"]


def _careless(number: int) -> str:
    return str(number)


def test_a_page_that_forgot_its_log_in_is_found() -> None:
    app = Flask(__name__)

    @app.get("/open/<uuid:key>")
    def open_page(key: object) -> str:
        return str(key)

    @app.get("/closed")
    def closed() -> tuple[str, int, dict[str, str]]:
        return "", 303, {"Location": "/login?next=/closed"}

    assert routes_open_to_anyone(app) == ["open_page"]
