"""Through which door a request came: this PC's loopback port, the TLS door of this process, or nginx in front.

A WSGI layer around the portal. What the doors tell (client's address, https) is taken from them alone; what a client
writes into headers of proxies is thrown away, so that nobody can pretend to have come by another way.
"""

from __future__ import annotations

import hmac
from collections.abc import Callable, Iterable
from typing import Any

from commune_portal.wire.lan_addresses import DOOR_ADDRESS, PLAIN_SENTENCE

Environ = dict[str, Any]
Start = Callable[..., Any]
Application = Callable[[Environ, Start], Iterable[bytes]]

DOOR = "portal.door"
"""The environ's key for the door: `loopback` or `lan`."""

FRONT_HEADER = "HTTP_X_PORTAL_FRONT"
CLIENT_HEADER = "HTTP_X_FORWARDED_FOR"
_OF_PROXIES = frozenset({
    "HTTP_FORWARDED", "HTTP_X_FORWARDED_FOR", "HTTP_X_FORWARDED_PROTO", "HTTP_X_FORWARDED_HOST",
    "HTTP_X_FORWARDED_PORT", "HTTP_X_FORWARDED_PREFIX", "HTTP_X_FORWARDED_BY", "HTTP_X_REAL_IP", FRONT_HEADER,
})  # fmt: skip


class Doors:
    """Wraps an application; `client_of` is the TLS door's, `secret` the word that nginx says."""

    def __init__(
        self,
        app: Application,
        *,
        client_of: Callable[[int], str | None] | None = None,
        secret: str = "",
        trust_headers: bool = False,
    ) -> None:
        self._app = app
        self._client_of = client_of
        self._secret = secret.encode()
        self._trust_headers = trust_headers

    def __call__(self, environ: Environ, start_response: Start) -> Iterable[bytes]:
        """Says which door it was, and passes the request on."""
        word = environ.get(FRONT_HEADER, "").encode("latin-1")
        is_front = bool(self._secret) and hmac.compare_digest(word, self._secret)
        client: str | None = environ.get(CLIENT_HEADER) or None
        if not self._trust_headers:
            for name in _OF_PROXIES & environ.keys():
                del environ[name]
        environ[DOOR] = "loopback"
        if is_front:
            _came_by_tls(environ, client or "")
        elif environ.get("REMOTE_ADDR") == DOOR_ADDRESS:
            found = self._client_of(int(environ.get("REMOTE_PORT") or 0)) if self._client_of else None
            if found is None:
                # Not from a connection that the door knows: the client has gone, or another program poses as the door.
                return _refused(start_response)
            _came_by_tls(environ, found)
        elif word and not self._trust_headers:
            # A front whose word is an older or a newer one: whoever stands behind it must not count as this PC.
            return _refused(start_response)
        return self._app(environ, start_response)


def _refused(start_response: Start) -> Iterable[bytes]:
    start_response("400 Bad Request", [("Content-Type", "text/plain; charset=utf-8")])
    return [PLAIN_SENTENCE.encode()]


def _came_by_tls(environ: Environ, client: str) -> None:
    environ["REMOTE_ADDR"] = client
    environ["wsgi.url_scheme"] = "https"
    environ[DOOR] = "lan"
