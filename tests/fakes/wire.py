"""A socket in front of a fake node (or anything with its `handle`) that does to each request what a test asks.

`faults` is asked for every request and answers what becomes of it: see `Fault`.
"""

from __future__ import annotations

import random
import ssl
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from enum import Enum, auto
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Protocol

from tests.fakes.exchange import Answer


class Fault(Enum):
    """What the wire does to one request."""

    DROP_REQUEST = auto()
    CUT_REQUEST = auto()
    CORRUPT_REQUEST = auto()
    LATE = auto()
    REPEAT = auto()
    DROP_ANSWER = auto()
    TRUNCATE_ANSWER = auto()
    CORRUPT_ANSWER = auto()
    GATEWAY_PAGE = auto()


class Handles(Protocol):
    """What stands behind the socket."""

    def handle(self, method: str, path: str, headers: Mapping[str, str], body: bytes) -> Answer: ...


Faults = Callable[[str, str], Fault | None]


@dataclass(slots=True)
class Wire:
    """The address, and what was seen: (method, path, bytes of body) and the faults done, in order."""

    address: str
    seen: list[tuple[str, str, int]] = field(default_factory=list)
    done: list[Fault] = field(default_factory=list)
    late: list[Callable[[], Answer]] = field(default_factory=list)


def seeded(seed: int, share: float, *kinds: Fault) -> Faults:
    """Faults at random, the same for the same seed; every kind unless some are named."""
    source, choice = random.Random(seed), kinds or tuple(Fault)

    def fault(_method: str, _path: str) -> Fault | None:
        return source.choice(choice) if source.random() < share else None

    return fault


def faultless(_method: str, _path: str) -> Fault | None:
    """A wire that works."""
    return None


@contextmanager
def serving(node: Handles, faults: Faults = faultless, tls: ssl.SSLContext | None = None) -> Iterator[Wire]:
    """Serves on a free loopback port until the block ends."""
    server = _Server(("127.0.0.1", 0), _Handler)
    server.node, server.faults = node, faults
    if tls is not None:
        server.socket = tls.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    scheme = "http" if tls is None else "https"
    server.wire = Wire(f"{scheme}://127.0.0.1:{server.server_address[1]}")
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield server.wire
    finally:
        server.shutdown()
        server.server_close()
        thread.join(5)


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    node: Handles
    faults: Faults
    wire: Wire

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A torn connection is what these tests are about."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: _Server

    def do_GET(self) -> None:
        wire, handle = self.server.wire, self.server.node.handle
        fault = self.server.faults(self.command, self.path)
        length = int(self.headers.get("Content-Length", "0"))
        if fault is not None:
            wire.done.append(fault)
        if fault is Fault.CUT_REQUEST:
            half = self.rfile.read(length // 2)
            if (cut := getattr(self.server.node, "cut", None)) is not None:
                cut(self.command, self.path, dict(self.headers.items()), half)
        body = b"" if fault is Fault.CUT_REQUEST else self.rfile.read(length)
        wire.seen.append((self.command, self.path, len(body)))
        if fault in (Fault.DROP_REQUEST, Fault.CUT_REQUEST) or len(body) < length:
            self.close_connection = True
            return
        method, path, headers = self.command, self.path, dict(self.headers.items())
        if fault is Fault.LATE:
            wire.late.append(lambda: handle(method, path, headers, body))
            self.close_connection = True
            return
        if fault is Fault.CORRUPT_REQUEST and body:
            body = _flipped(body)
        if fault is Fault.GATEWAY_PAGE:
            self._send(Answer(502, b"<html>Bad gateway</html>", {"Content-Type": "text/html"}), None)
            return
        answer = handle(method, path, headers, body)
        if fault is Fault.REPEAT:
            handle(method, path, headers, body)
        while wire.late:
            wire.late.pop()()
        self._send(answer, fault)

    do_POST = do_PATCH = do_HEAD = do_DELETE = do_OPTIONS = do_GET  # noqa: N815

    def _send(self, answer: Answer, fault: Fault | None) -> None:
        if fault is Fault.DROP_ANSWER:
            self.close_connection = True
            return
        body = _flipped(answer.body) if fault is Fault.CORRUPT_ANSWER and answer.body else answer.body
        self.send_response(answer.status)
        for name, value in answer.headers.items():
            self.send_header(name, value)
        if answer.status not in (204, 304):
            self.send_header("Content-Length", str(len(body)))
        with suppress(OSError):
            self.end_headers()
            if fault is Fault.TRUNCATE_ANSWER:
                body = body[: len(body) // 2]
                self.close_connection = True
            if self.command != "HEAD":
                self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
        """Silence."""


def _flipped(data: bytes) -> bytes:
    middle = len(data) // 2
    return data[:middle] + bytes([data[middle] ^ 1]) + data[middle + 1 :]
