"""Flask is assembled here, for both roles: doors, sessions, errors, the menu, and the blueprints of the role.

`create_app(settings)` expects an open register (`store.installation.open_`) and, for acts that sign, keys in use and
a configured workshop; `serve.run` does all of that in order.
"""

from __future__ import annotations

import importlib
import secrets
from collections.abc import Callable
from datetime import timedelta

from flask import Blueprint, Flask, Response, make_response, url_for
from flask_wtf.csrf import CSRFProtect

from commune_portal.errors import PortalError, StoreBusy
from commune_portal.people import accesses
from commune_portal.settings import MEBIBYTE, Settings
from commune_portal.store import database, installation
from commune_portal.views import _first_run, _menu, _session
from commune_portal.views._errors import register_errors
from commune_portal.views._page import prepare_pages, request
from commune_portal.views._shell import Shell, install_shell
from commune_portal.wire import lan_addresses

SHARED = (
    "login", "account", "help", "administration", "administration_directory", "administration_backup", "health", "bag",
    "lan", "administration_lan",
    "alive",
    "acceptance",
)  # fmt: skip
OFFICE = (
    "home", "incoming", "incoming_amend", "outgoing", "outgoing_issue", "outgoing_amend", "outgoing_places", "books",
    "exchange", "exchange_evidence", "comparison", "recipient_groups", "statistics", "files", "administration_office",
    "administration_mandates", "administration_rules", "administration_token", "administration_urgent", "urgent",
    "classified", "setup", "recovering",
)  # fmt: skip
NODE = ("node_pages", "node_comparison", "node_api")
"""The view modules of each role, each with a `blueprint`. A new page is one name here."""

FIRST_RUN = ("first_run", "first_run_restore", "alive")
"""What is served before there is a register."""

MACHINE_BLUEPRINTS = frozenset({"node_api"})
"""Blueprints whose requests are signed by machines: no cookie, no CSRF token. Their paths begin /exchange/v1/."""

LOOPBACK_NAMES = ("localhost", "127.0.0.1", "::1")


def create_app(settings: Settings) -> Flask:
    """Builds the portal's web application for the role of the settings."""
    own = installation.own()
    app = Flask("commune_portal")
    app.config.update(
        PORTAL_SETTINGS=settings,
        MAX_CONTENT_LENGTH=settings.limits.packet_bytes + MEBIBYTE,
        MAX_FORM_MEMORY_SIZE=4 * MEBIBYTE,
        WTF_CSRF_TIME_LIMIT=None,
        PERMANENT_SESSION_LIFETIME=timedelta(minutes=settings.session.idle_minutes),
    )
    if settings.server.behind_tls_proxy:
        _trust_proxy(app)
    prepare_pages(app)
    _check_host(app, *host_names(settings), any_address=settings.lan.enabled)
    csrf = CSRFProtect(app)
    _session.install_sessions(app, settings, own.uid, installation.session_secret(settings.secrets_folder))
    register_errors(app, "login.login_form")
    for name in SHARED + (OFFICE if settings.role == "office" else NODE):
        blueprint = _blueprint(name)
        if blueprint is not None:
            app.register_blueprint(blueprint)
            if name in MACHINE_BLUEPRINTS:
                csrf.exempt(blueprint)
    _menu.install_menu(app, settings)
    _rest_during_upgrade(app, settings)
    _leave_clean(app, settings)
    return app


def create_first_run_app(settings: Settings, begin: Callable[[Settings], None]) -> Flask:
    """Builds the pages of an installation without a register: loopback names only, no accounts, one code.

    `begin` is called by the request that founded or restored the register, before it answers.
    """
    app = Flask("commune_portal")
    app.config.update(
        PORTAL_SETTINGS=settings,
        PORTAL_BEGIN=begin,
        SECRET_KEY=secrets.token_bytes(32),
        SESSION_COOKIE_NAME="portal_first_run",
        SESSION_COOKIE_HTTPONLY=True,
        SESSION_COOKIE_SAMESITE="Strict",
        MAX_FORM_MEMORY_SIZE=4 * MEBIBYTE,
        WTF_CSRF_TIME_LIMIT=None,
    )
    prepare_pages(app)
    _check_host(app)
    app.before_request(_first_run.guard)
    CSRFProtect(app)
    register_errors(app)
    for name in FIRST_RUN:
        blueprint = _blueprint(name)
        if blueprint is not None:
            app.register_blueprint(blueprint)
    install_shell(app, lambda: Shell(office_name="Cài đặt lần đầu", home_url=url_for("first_run.choose")))
    _leave_clean(app, settings)
    return app


def _blueprint(name: str) -> Blueprint | None:
    """A view module's blueprint; None where this release does not carry the module."""
    full_name = f"commune_portal.views.{name}"
    try:
        module = importlib.import_module(full_name)
    except ModuleNotFoundError as error:
        if error.name != full_name:
            raise
        return None
    blueprint: Blueprint = module.blueprint
    return blueprint


def host_names(settings: Settings) -> tuple[str, ...]:
    """The names that this installation answers to, beside loopback's."""
    given = (settings.server.host, *settings.server.allowed_hosts)
    if not settings.lan.enabled:
        return given
    own = lan_addresses.machine_name()
    return (*given, *(lan_addresses.normal(name) for name in settings.lan.names), *([own] if own else []))


def _check_host(app: Flask, *given: str, any_address: bool = False) -> None:
    """Answers only to names that this installation was given, so that a foreign page cannot reach it by DNS.

    A literal address cannot be a foreign page's name for us, and a router may give this PC another one any day.
    """
    allowed = {name.lower() for name in (*LOOPBACK_NAMES, *given)}

    @app.before_request
    def refuse_foreign_host() -> Response | None:
        name = host_name(request.headers.get("Host", ""))
        if name in allowed or (any_address and lan_addresses.is_address(name)):
            return None
        answer = make_response("Địa chỉ máy chủ không đúng. Người quản trị xem mục server.allowed_hosts.\n", 400)
        answer.mimetype = "text/plain"
        return answer


def host_name(host: str) -> str:
    """The name in a Host header, without its port and brackets, lower case."""
    if host.startswith("["):
        return host[1:].partition("]")[0].lower()
    return host.partition(":")[0].lower()


def _trust_proxy(app: Flask) -> None:
    from werkzeug.middleware.proxy_fix import ProxyFix

    app.wsgi_app = ProxyFix(app.wsgi_app, x_for=1, x_proto=1, x_host=0)  # type: ignore[method-assign]  # Flask's own way


def _rest_during_upgrade(app: Flask, settings: Settings) -> None:
    """Between an upgrade's snapshot and its end nothing is taken: what it acknowledged could still be rolled back."""

    @app.before_request
    def refuse_to_write() -> None:
        if request.method not in ("GET", "HEAD", "OPTIONS") and settings.pause_mark.exists():
            raise StoreBusy("Phần mềm đang được nâng cấp; chưa có gì được lưu. Hãy đợi một phút rồi làm lại.")


def _leave_clean(app: Flask, settings: Settings) -> None:
    """After each request: no open transaction stays on the thread, and accesses that waited are written."""

    @app.teardown_request
    def leave(_: BaseException | None) -> None:
        database.roll_back_leftover()
        if accesses.is_due() and not settings.pause_mark.exists():
            try:
                accesses.flush()
                if accesses.is_digest_due():
                    accesses.digest()
            except PortalError as error:
                app.logger.warning("accesses wait: %s", error.code)
