"""A page or a fragment of it: the one place that knows htmx, its headers and ours.

A view ends with `return page("incoming/list.html", "incoming/_rows.html", rows=rows)`: a browser gets the page, htmx
gets the fragment that it aimed at. `go_to(url)` ends an act. Everything works without JavaScript: without the
HX-Request header only whole pages are answered.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import Any, cast

from flask import Flask, Response, make_response, redirect, render_template, url_for
from flask import request as flask_request
from htmx_flask import Htmx
from htmx_flask.requests import HtmxAwareRequest
from jinja2 import StrictUndefined

from commune_portal.views._format import add_filters

CONTENT_SECURITY_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; font-src 'self'; "
    "frame-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'self'"
)

HEADERS = {
    "Content-Security-Policy": CONTENT_SECURITY_POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cache-Control": "no-store",
}

YEAR_SECONDS = 365 * 86400


class PortalRequest(HtmxAwareRequest):  # type: ignore[misc]  # htmx-flask carries no types
    """The request with what htmx 4 tells: where it aims, who started it, and whether a fragment is wanted."""

    @cached_property
    def source(self) -> str:
        """The id of the element that started the request (HX-Source is `tag#id`), or an empty string."""
        return str(self.headers.get("HX-Source", "")).rpartition("#")[2]

    @cached_property
    def target_id(self) -> str:
        """The id of the element that will be replaced (HX-Target is `tag#id` in htmx 4), or an empty string."""
        return str(self.headers.get("HX-Target", "")).rpartition("#")[2]

    @cached_property
    def is_partial(self) -> bool:
        """True when htmx says that it will put the answer into a part of the page."""
        return bool(self.htmx) and self.headers.get("HX-Request-Type", "partial") == "partial"

    @cached_property
    def wants_fragment(self) -> bool:
        """True when a fragment must be answered: partial, not boosted, not a restored history entry."""
        return self.is_partial and not self.htmx.boosted and not self.htmx.history_restore_request


request = cast(PortalRequest, flask_request)
"""Flask's request, typed as ours; views import it from here."""


def prepare_pages(app: Flask) -> None:
    """Makes an app speak as our pages do: request class, strict templates, filters, assets, headers."""
    Htmx(app)
    app.request_class = PortalRequest
    app.jinja_env.undefined = StrictUndefined
    app.jinja_env.trim_blocks = True
    app.jinja_env.lstrip_blocks = True
    app.config["SEND_FILE_MAX_AGE_DEFAULT"] = YEAR_SECONDS
    add_filters(app)
    app.jinja_env.globals["asset"] = _Assets(Path(app.static_folder or ""))
    app.after_request(_finish)


def page(template: str, *fragments: str, status: int = 200, **values: Any) -> Response:
    """Renders a page, or the one of its fragments that htmx aims at (the first, where the aim has no name here).

    A fragment's DOM id is its file's name without the underscore: `incoming/_rows.html` holds `id="rows"`.
    """
    if fragments and request.wants_fragment:
        return make_response(render_template(_aimed_at(fragments), **values), status)
    return make_response(render_template(template, **values), status)


def _aimed_at(fragments: tuple[str, ...]) -> str:
    for name in fragments:
        if name.rpartition("/")[2].removeprefix("_").removesuffix(".html") == request.target_id:
            return name
    return fragments[0]


def respond(
    body: str = "",
    *,
    status: int = 200,
    push_url: str | None = None,
    redirect_to: str | None = None,
    refresh: bool = False,
    retarget: str | None = None,
    reswap: str | None = None,
    trigger: str | Mapping[str, Any] | None = None,
) -> Response:
    """An answer with htmx's headers; addresses must come from `url_for`, so that they are ASCII."""
    answer = make_response(body, status)
    wanted = {
        "HX-Push-Url": push_url,
        "HX-Redirect": redirect_to,
        "HX-Refresh": "true" if refresh else None,
        "HX-Retarget": retarget,
        "HX-Reswap": reswap,
        "HX-Trigger": trigger if trigger is None or isinstance(trigger, str) else json.dumps(dict(trigger)),
    }
    for name, value in wanted.items():
        if value is not None:
            answer.headers[name] = _ascii(name, value)
    return answer


def go_to(url: str) -> Response:
    """Ends an act: 303 to a page for a browser, HX-Redirect for htmx and for an upload with progress."""
    if request.htmx:
        return respond(redirect_to=url)
    return cast(Response, redirect(url, 303))


def ask_to_log_in(login_endpoint: str) -> Response:
    """Sends the person to the log-in page and back afterwards; the address to come back to is local."""
    back = request.full_path.rstrip("?") if request.method == "GET" and not request.htmx else ""
    url = url_for(login_endpoint, next=back) if back and back != "/" else url_for(login_endpoint)
    if request.htmx:
        # A redirect inside a fetch would put the log-in page into the fragment.
        return respond(status=401, redirect_to=url)
    return cast(Response, redirect(url, 303))


def is_local(url: str) -> bool:
    """True for a path of this site that a log-in may lead back to; no scheme, host, or backslash."""
    return url.startswith("/") and not url.startswith("//") and "\\" not in url and url.isascii() and url.isprintable()


def _finish(answer: Response) -> Response:
    """Sets the security headers that a view has not set itself and refuses what waitress could not send."""
    static = flask_request.endpoint == "static"
    for name, value in HEADERS.items():
        if not (static and name == "Cache-Control"):
            answer.headers.setdefault(name, value)
    answer.vary.add("HX-Request")
    for name, value in answer.headers:
        _ascii(name, value)
    return answer


def _ascii(name: str, value: str) -> str:
    """The value unchanged; ValueError where it would be a 500 under waitress alone and pass in every quick test."""
    if not value.isascii() or "\n" in value or "\r" in value:
        raise ValueError(f"header {name} must be ASCII on one line")
    return value


class _Assets:
    """Addresses of static files with their digest, so a browser keeps them for a year and never an old one."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._digests: dict[str, str] = {}

    def __call__(self, name: str) -> str:
        if name not in self._digests:
            self._digests[name] = hashlib.sha256((self._folder / name).read_bytes()).hexdigest()[:10]
        return url_for("static", filename=name, v=self._digests[name])
