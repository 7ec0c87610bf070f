"""The web server under both roles: waitress, keeping a connection open behind an answer without a body, and ending in
order.

waitress closes behind every 204 (it knows the end of an answer by its length alone), so each chunk of an upload
would pay a new connection, and three round trips of TLS. RFC 9112, 6.3: a 204 or 304 ends with its header.
"""

from __future__ import annotations

import functools
import logging
import select
import socket
from typing import Any

from waitress.channel import HTTPChannel
from waitress.server import create_server
from waitress.task import WSGITask

from commune_portal import clock

RECEIVE_BYTES = 64 * 1024
"""How much is read from a socket at once: waitress' own 8 KiB makes thirty-two turns of one chunk."""

HAS_POLL = hasattr(select, "poll")
CONNECTIONS_AT_MOST = 2000 if HAS_POLL else 400
"""Every office of a province keeps one open between its contacts, or two; waitress stops to listen at 100."""


DRAIN_SECONDS = 20.0
"""How long requests in flight may take to end once a stop was asked for; service units wait longer than that."""

TURN_SECONDS = 1.0
LINGER_SECONDS = 1.0
REFUSAL_TEXT = "Hệ thống đang dừng để khởi động lại. Chưa có gì được lưu; hãy gửi lại sau ít phút.\n".encode()
REFUSAL = (
    b"HTTP/1.1 503 Service Unavailable\r\nContent-Type: text/plain; charset=utf-8\r\nRetry-After: 30\r\n"
    b"Connection: close\r\nContent-Length: " + str(len(REFUSAL_TEXT)).encode() + b"\r\n\r\n" + REFUSAL_TEXT
)

log = logging.getLogger(__name__)


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
    """A waitress server for a WSGI application, bound and not yet running; `adjustments` are waitress' own.

    Its `run` and `stop` are the ones below.
    """
    server = create_server(
        app, recv_bytes=RECEIVE_BYTES, ident=None, connection_limit=CONNECTIONS_AT_MOST, asyncore_use_poll=HAS_POLL,
        **adjustments,
    )  # fmt: skip
    server.channel_class = _Channel
    server.is_stopping = False
    server.run = functools.partial(run, server)
    server.stop = functools.partial(stop, server)
    return server


def stop(server: Any) -> None:
    """Asks a running server to end; may be called out of a signal handler, and from any thread."""
    server.is_stopping = True
    server.pull_trigger()


def run(server: Any, drain_seconds: float = DRAIN_SECONDS) -> None:
    """Serves until `stop`, SystemExit or KeyboardInterrupt, and then lets what is in flight end.

    waitress' own loop ends at once: an answer that a thread has still to give would never leave the house, though its
    act is done.
    """
    try:
        while server._map and not server.is_stopping:  # closed from elsewhere, the map is empty
            _turn(server, TURN_SECONDS)
    except (SystemExit, KeyboardInterrupt):
        pass
    _drain(server, drain_seconds)


def _turn(server: Any, seconds: float) -> None:
    server.asyncore.loop(timeout=seconds, map=server._map, use_poll=HAS_POLL, count=1)


def _drain(server: Any, seconds: float) -> None:
    """Takes no new connection, finishes requests that have begun, refuses those whose body does not end in time."""
    server.asyncore.dispatcher.close(server)
    until = clock.monotonic() + seconds
    while (busy := _busy(server)) and clock.monotonic() < until:
        _turn(server, 0.1)
    for channel in busy:
        if channel.requests or channel.total_outbufs_len:
            log.warning("a request was cut short: it took more than %.0f seconds after the stop", seconds)
        else:
            _refuse(channel)
    until = clock.monotonic() + LINGER_SECONDS
    while any(not one.requests for one in _busy(server)) and clock.monotonic() < until:
        _turn(server, 0.1)
    for channel in list(server.active_channels.values()):
        channel.handle_close()
    server.task_dispatcher.shutdown(timeout=1)


def _busy(server: Any) -> list[Any]:
    """The connections on which a request is under way; idle ones are closed."""
    channels = list(server.active_channels.values())
    busy = [one for one in channels if one.request is not None or one.requests or one.total_outbufs_len]
    for channel in channels:
        if channel not in busy:
            channel.handle_close()
    return busy


def _refuse(channel: Any) -> None:
    """Says on the wire that a request will not be taken, and reads on for a moment, so that the answer arrives."""
    try:
        channel.socket.sendall(REFUSAL)
        channel.socket.shutdown(socket.SHUT_WR)
    except OSError:
        channel.handle_close()
