"""Who is asking: the session's row on the server, the person behind it, and what is open without logging in.

Every endpoint asks for a person unless it is marked `public`; `polling` ones keep nobody logged in. A view begins
with `by = actor()` and hands `by` to its verb; `may(verb)` is known to templates. The browser holds a signed cookie
with a random token; the token's row ends on log-out, change of password, disabling and idleness.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import TypeVar, cast

from flask import Flask, Response, g, session
from flask.sessions import SecureCookieSessionInterface
from flask_login import LoginManager, UserMixin, current_user, login_user, logout_user

from commune_portal.errors import NotFound, Unauthenticated
from commune_portal.people import accounts, sessions
from commune_portal.people.actors import Actor
from commune_portal.rules.permissions import Relation, Verb
from commune_portal.settings import Settings
from commune_portal.views._page import go_to, request

View = TypeVar("View", bound=Callable[..., object])

MACHINE_DOOR = "/exchange/v1/"
"""Requests under this path are signed by machines; no cookie is read and no CSRF token asked for."""

PASSWORD_ENDPOINT = "account.password"  # noqa: S105 -- an endpoint's name
OPEN_BEFORE_PASSWORD = frozenset({PASSWORD_ENDPOINT, "account.change_password", "login.log_out", "static"})


class _TwoDoors(SecureCookieSessionInterface):
    """One cookie a door: what came by TLS is kept from http, and what http could have planted is never read by TLS.

    Browsers take `__Host-` names only over https, from the host itself and for the whole of it. Source: RFC 6265bis.
    """

    def get_cookie_name(self, app: Flask) -> str:
        """The name at the door of this request."""
        name = super().get_cookie_name(app)
        return f"__Host-{name}" if request.is_secure else name

    def get_cookie_secure(self, app: Flask) -> bool:
        """Secure at the TLS door, and wherever a proxy is said to speak TLS."""
        return request.is_secure or super().get_cookie_secure(app)


class Person(UserMixin):  # type: ignore[misc]  # flask-login carries no types
    """What flask-login keeps for a request: the actor, the token of the session, and whether a password is due."""

    def __init__(self, actor: Actor, token: str, *, must_change_password: bool) -> None:
        self.actor = actor
        self.token = token
        self.must_change_password = must_change_password

    def get_id(self) -> str:
        """The token, which is what the cookie carries."""
        return self.token


def public(view: View) -> View:
    """Marks a view that anonymous people may open."""
    view.is_public = True  # type: ignore[attr-defined]  # a mark on the function
    return view


def polling(view: View) -> View:
    """Marks a view that the page calls by itself: it does not count as an act of the person."""
    view.is_polling = True  # type: ignore[attr-defined]  # a mark on the function
    return view


def actor() -> Actor:
    """The person who asks; raises Unauthenticated when nobody is logged in."""
    found = _person()
    if found is None:
        raise Unauthenticated
    return found.actor


def actor_or_none() -> Actor | None:
    """The person who asks, or None on a public page."""
    found = _person()
    return found.actor if found else None


def require(verb: Verb, relation: Relation = Relation.ALL) -> Actor:
    """The person who asks, once the roles are seen to carry this act; raises NotAllowed."""
    found = actor()
    found.require(verb, relation)
    return found


def password_is_due() -> bool:
    """True while the person must choose a password before anything else."""
    found = _person()
    return found is not None and found.must_change_password


def log_in(person: Actor, token: str, *, must_change_password: bool) -> None:
    """Makes a new session the browser's own; whatever the old cookie held is dropped."""
    session.clear()
    login_user(Person(person, token, must_change_password=must_change_password))


def forget() -> str:
    """Takes the session out of the browser and answers the token it held."""
    found = _person()
    logout_user()
    session.clear()
    return found.token if found else ""


def install_sessions(app: Flask, settings: Settings, installation_uid: str, secret: bytes) -> None:
    """Sets cookie, key and loader, and closes every endpoint that is not public."""
    app.session_interface = _TwoDoors()
    app.config.update(
        SECRET_KEY=secret,
        # Cookies ignore ports: two installations on one PC need two names.
        SESSION_COOKIE_NAME=f"portal_{installation_uid[-12:]}",
        SESSION_COOKIE_HTTPONLY=True,
        SESSION_COOKIE_SAMESITE="Lax",
        SESSION_COOKIE_SECURE=settings.server.behind_tls_proxy,
    )
    idle = timedelta(minutes=settings.session.idle_minutes)
    manager = LoginManager(app)
    manager.session_protection = None  # the row on the server is what protects

    @manager.user_loader  # type: ignore[untyped-decorator,unused-ignore]  # flask-login carries no types
    def _load(token: str) -> Person | None:
        found = sessions.find(token, idle, renew=not _marked("is_polling"))
        if found is None:
            return None
        try:
            account = accounts.account(found.account_id)
        except NotFound:
            return None
        if account.disabled_at is not None:
            return None
        return Person(account.actor, token, must_change_password=account.must_change_password)

    app.before_request(_close_the_door)
    app.jinja_env.globals["may"] = _may


def _close_the_door() -> Response | None:
    """Deny by default: a new route cannot be forgotten."""
    if request.endpoint is None or request.path.startswith(MACHINE_DOOR):
        return None
    if request.endpoint == "static" or _marked("is_public"):
        return None
    found = _person()
    if found is None:
        raise Unauthenticated
    if found.must_change_password and request.endpoint not in OPEN_BEFORE_PASSWORD:
        from flask import url_for

        return go_to(url_for(PASSWORD_ENDPOINT))
    return None


def _may(verb: str, relation: str = "all") -> bool:
    """For templates: `may("books.print")`."""
    found = actor_or_none()
    return found is not None and found.may(Verb(verb), Relation(relation))


def _marked(mark: str) -> bool:
    from flask import current_app

    view = current_app.view_functions.get(request.endpoint or "")
    return bool(getattr(view, mark, False))


def _person() -> Person | None:
    if request.path.startswith(MACHINE_DOOR):
        return None
    if "portal_person" not in g:
        g.portal_person = cast(Person, current_user._get_current_object()) if current_user.is_authenticated else None
    found: Person | None = g.portal_person
    return found
