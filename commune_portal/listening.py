"""The web server under both roles: waitress, keeping a connection open behind an answer without a body.

waitress closes behind every 204 (it knows the end of an answer by its length alone), so each chunk of an upload
would pay a new connection, and three round trips of TLS. RFC 9112, 6.3: a 204 or 304 ends with its header.
"""

from __future__ import annotations

import select
from typing import Any

from waitress.channel import HTTPChannel
from waitress.server import create_server
from waitress.task import WSGITask

RECEIVE_BYTES = 64 * 1024
"""How much is read from a socket at once: waitress' own 8 KiB makes thirty-two turns of one chunk."""

HAS_POLL = hasattr(select, "poll")
CONNECTIONS_AT_MOST = 2000 if HAS_POLL else 400
"""Every office of a province keeps one open between its contacts, or two; waitress stops to listen at 100."""


class _Task(WSGITask):  # type: ignore[misc]  # waitress carries no types
    _stays = False

    def build_response_header(self) -> bytes:
        """The header; meanwhile the end of an answer that cannot have a body is no reason to close."""
        asked_to_close = self.request.headers.get("CONNECTION", "").lower() == "close"
        self._stays = not self.has_body and self.version == "1.1" and not asked_to_close and not self.close_on_finish
        try:
            header: bytes = super().build_response_header()
        finally:
            self._stays = False
        return header

    def set_close_on_finish(self) -> None:
        """Closes behind this answer, unless only its missing length speaks for that."""
        if not self._stays:
            super().set_close_on_finish()


class _Channel(HTTPChannel):  # type: ignore[misc]  # waitress carries no types
    task_class = _Task


def listen(app: Any, **adjustments: Any) -> Any:
    """A waitress server for a WSGI application, bound and not yet running; `adjustments` are waitress' own."""
    server = create_server(
        app, recv_bytes=RECEIVE_BYTES, ident=None, connection_limit=CONNECTIONS_AT_MOST, asyncore_use_poll=HAS_POLL,
        **adjustments,
    )  # fmt: skip
    server.channel_class = _Channel
    return server
