"""A link in memory between the relay of one party and the machine door of another, which does what it is asked to.

The office's real client signs and reads, the node's real pages answer; in place of a socket there is this.
"""

from __future__ import annotations

import io
import random
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

import urllib3
from flask import Flask
from urllib3.exceptions import ProtocolError

from commune_portal.relay.link import NodeIdentity
from commune_portal.store import database
from commune_portal.wire import protocol
from tests.model.party import Party
from tests.model.tally import Tally


class Fault(StrEnum):
    """What becomes of one request."""

    DROP_REQUEST = "request dropped"
    TRUNCATE_REQUEST = "request truncated"
    CORRUPT_REQUEST = "request corrupted"
    LATE = "request delayed"
    REPEAT = "request repeated"
    REPLAY = "request repeated later"
    SLOW = "answer delayed"
    DROP_ANSWER = "answer dropped"
    TRUNCATE_ANSWER = "answer truncated"
    CORRUPT_ANSWER = "answer corrupted"
    GATEWAY_PAGE = "page of a gateway"


LINK, ANSWERS = "faults of the link", "answers of the node"
REORDERED = "requests reordered"


class Crash(BaseException):
    """The process of a party ends here; nothing catches it but the model."""


@dataclass(frozen=True)
class Answer:
    """What a server answered."""

    status: int
    headers: dict[str, str]
    body: bytes


@dataclass(frozen=True)
class Request:
    """A request as it lies on the wire."""

    ordinal: int
    server: str
    method: str
    path: str
    headers: dict[str, str]
    body: bytes


@dataclass
class MemoryWire:
    """All links of a model. `rate` is how often something happens to a request; at 0 the link works."""

    servers: dict[str, tuple[Party, Flask]]
    source: random.Random
    tally: Tally
    crashed: Callable[[Party], None]
    meanwhile: Callable[[], None]
    rate: float = 0.0
    late: list[Request] = field(default_factory=list)
    sent: int = 0
    delivered: int = 0

    def pool(self, node: NodeIdentity) -> Pool:
        """In place of the connections to a node."""
        return Pool(self, node.code)

    def ask(self, server: str, method: str, path: str, headers: Mapping[str, str], body: bytes) -> Answer:
        """Carries one request and its answer, or raises as a torn connection does."""
        self.sent += 1
        request = Request(self.sent, server, method, path, dict(headers), body)
        fault = self.source.choice(tuple(Fault)) if self.source.random() < self.rate else None
        if fault is not None:
            self.tally.add(LINK, fault.value)
        if self.rate and self.source.random() < 0.03:
            self.meanwhile()
        if fault in (Fault.DROP_REQUEST, Fault.TRUNCATE_REQUEST):  # a server sees no body before it is whole
            raise ProtocolError("dropped")
        if fault in (Fault.LATE, Fault.REPLAY):
            self.late.append(request)
        if fault is Fault.LATE:
            raise ProtocolError("late")
        if fault is Fault.GATEWAY_PAGE:
            return Answer(502, {"Content-Type": "text/html"}, b"<html>Bad gateway</html>")
        if fault is Fault.CORRUPT_REQUEST:
            request = self._corrupted(request)
        answer = self._deliver(request)
        if fault is Fault.REPEAT:
            self._deliver(request)
        if answer is None or fault is Fault.DROP_ANSWER:
            raise ProtocolError("no answer")
        if fault is Fault.TRUNCATE_ANSWER and answer.body:
            keep = self.source.randrange(len(answer.body))
            return Answer(answer.status, answer.headers, answer.body[:keep])
        if fault is Fault.CORRUPT_ANSWER and answer.body:
            return Answer(answer.status, answer.headers, flipped(answer.body, self.source))
        return answer

    def deliver_late(self, share: float = 1.0) -> None:
        """Lets requests arrive whose senders have given them up, in any order."""
        waiting, self.late = self.late, []
        self.source.shuffle(waiting)
        for request in waiting:
            if self.source.random() >= share:
                self.late.append(request)
                continue
            if request.ordinal < self.delivered:
                self.tally.add(LINK, REORDERED)
            self._deliver(request)

    def _corrupted(self, request: Request) -> Request:
        if request.body:
            return Request(
                request.ordinal, request.server, request.method, request.path, request.headers,
                flipped(request.body, self.source),
            )  # fmt: skip
        name = self.source.choice([name for name in request.headers if name.lower() != "accept-encoding"])
        value = request.headers[name]
        place = self.source.randrange(len(value)) if value else 0
        headers = {**request.headers, name: value[:place] + "7" + value[place + 1 :]}
        return Request(request.ordinal, request.server, request.method, request.path, headers, b"")

    def _deliver(self, request: Request) -> Answer | None:
        """The server's answer, None when it crashed meanwhile."""
        self.delivered = max(self.delivered, request.ordinal)
        party, app = self.servers[request.server]
        try:
            answer = party.do(lambda: called(app, request))
        except Crash:
            self.crashed(party)
            return None
        self.tally.add(ANSWERS, answer.headers.get(protocol.EXCHANGE_ERROR) or _success(answer))
        return answer


def _success(answer: Answer) -> str:
    return answer.headers.get(protocol.RECEIPT) or str(answer.status)


def flipped(data: bytes, source: random.Random) -> bytes:
    """The bytes with one bit wrong."""
    place = source.randrange(len(data))
    return data[:place] + bytes([data[place] ^ (1 << source.randrange(8))]) + data[place + 1 :]


def called(app: Flask, request: Request) -> Answer:
    """A request without a socket."""
    path, _, query = request.path.partition("?")
    environ: dict[str, Any] = {
        "REQUEST_METHOD": request.method, "SCRIPT_NAME": "", "PATH_INFO": path, "QUERY_STRING": query,
        "SERVER_NAME": "127.0.0.1", "SERVER_PORT": "80", "SERVER_PROTOCOL": "HTTP/1.1", "REMOTE_ADDR": "127.0.0.1",
        "HTTP_HOST": "127.0.0.1", "CONTENT_LENGTH": str(len(request.body)), "wsgi.version": (1, 0),
        "wsgi.url_scheme": "http", "wsgi.input": io.BytesIO(request.body), "wsgi.errors": sys.stderr,
        "wsgi.multithread": True, "wsgi.multiprocess": False, "wsgi.run_once": False,
    }  # fmt: skip
    for name, value in request.headers.items():
        plain = name.upper().replace("-", "_")
        environ[plain if plain == "CONTENT_TYPE" else f"HTTP_{plain}"] = value
    head: dict[str, Any] = {}

    def start(status: str, headers: list[tuple[str, str]], _: Any = None) -> Callable[[bytes], object]:
        head.update(status=int(status[:3]), headers=dict(headers))
        return lambda _data: None

    answered = app.wsgi_app(environ, start)
    try:
        body = b"".join(answered)
    finally:
        getattr(answered, "close", lambda: None)()
    return Answer(head["status"], head["headers"], b"" if request.method == "HEAD" else body)


@dataclass(frozen=True)
class Pool:
    """What the client takes for its pool of connections."""

    wire: MemoryWire
    server: str

    def urlopen(
        self, method: str, path: str, *, body: bytes | None, headers: Mapping[str, str], **_: Any
    ) -> urllib3.HTTPResponse:
        """One request over the wire; a truncated answer is found out by its length."""
        assert not database.connect().in_transaction, "no network inside a transaction"
        answer = self.wire.ask(self.server, method, path, headers, body or b"")
        said = {**answer.headers}
        return urllib3.HTTPResponse(
            io.BytesIO(answer.body), said, answer.status, preload_content=False, decode_content=False,
            request_method=method,
        )  # fmt: skip

    def close(self) -> None:
        """There is nothing to close."""
