"""Logging in and out."""

from __future__ import annotations

from datetime import timedelta

from flask import Blueprint, Response, current_app, flash, url_for

from commune_portal.errors import Throttled, Unauthenticated
from commune_portal.people import accounts, login, sessions
from commune_portal.settings import Settings
from commune_portal.views import _session
from commune_portal.views._forms import EMPTY, FormReader
from commune_portal.views._page import go_to, is_local, page, request

blueprint = Blueprint("login", __name__)


@blueprint.get("/login")
@_session.public
def login_form() -> Response:
    """The form; who is logged in already goes on."""
    if _session.actor_or_none() is not None:
        return go_to(_onward())
    return page("login/show.html", form=EMPTY, onward=_onward(""))


@blueprint.post("/login")
@_session.public
def log_in() -> Response:
    """Checks name and password and begins a session."""
    reader = FormReader(request.form)
    username = reader.text("username", "Tên đăng nhập", required=True, longest=60)
    password = reader.secret("password", "Mật khẩu")
    status = 422
    if not reader.refused:
        settings: Settings = current_app.config["PORTAL_SETTINGS"]
        try:
            person, token = login.log_in(username, password, request.remote_addr or "", settings.session)
        except (Unauthenticated, Throttled) as refusal:
            reader.refuse("", refusal.sentence)
            status = 429 if isinstance(refusal, Throttled) else 401
        else:
            sessions.sweep(timedelta(minutes=settings.session.idle_minutes))
            due = accounts.account(person.id).must_change_password
            _session.log_in(person, token, must_change_password=due)
            return go_to(_onward())
    return page("login/show.html", status=status, form=reader.state(), onward=_onward(""))


@blueprint.post("/logout")
def log_out() -> Response:
    """Ends this browser's session."""
    person = _session.actor()
    login.log_out(person.id, _session.forget())
    flash("Bạn đã đăng xuất.", "good")
    return go_to(url_for("login.login_form"))


def _onward(otherwise: str = "/") -> str:
    """Where to go after logging in: the local page that was asked for, if any."""
    wanted = request.values.get("next", "")
    return wanted if is_local(wanted) else otherwise
