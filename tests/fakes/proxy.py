"""A real proxy in front of a served node: it carries each request over a socket of its own, or what is left of it.

It stands on `tests.fakes.wire`: that decides what becomes of a request, this carries what is left of it. A request
that is cut reaches the node half, and the socket ends there.
"""

from __future__ import annotations

import http.client
import random
import socket
import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

from tests.fakes.exchange import Answer

TIMEOUT_SECONDS = 20.0
DELAYED = "delayed"


@dataclass
class Forward:
    """Where requests go on to; `slow` is how many of a hundred wait for a moment first."""

    port: int
    source: random.Random = field(default_factory=random.Random)
    slow: int = 0
    done: Counter[str] = field(default_factory=Counter)

    def handle(self, method: str, path: str, headers: Mapping[str, str], body: bytes) -> Answer:
        """One request and the node's answer; a node that is not there is a page of a gateway."""
        if self.source.randrange(100) < self.slow:
            self.done[DELAYED] += 1
            time.sleep(self.source.random() * 0.3)
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=TIMEOUT_SECONDS)
        try:
            connection.request(method, path, body or None, dict(headers))
            answer = connection.getresponse()
            said = {name: value for name, value in answer.getheaders() if name.lower() not in HOP_BY_HOP}
            return Answer(answer.status, answer.read(), said)
        except (OSError, http.client.HTTPException):
            return Answer(502, b"<html>Bad gateway</html>", {"Content-Type": "text/html"})
        finally:
            connection.close()

    def cut(self, method: str, path: str, headers: Mapping[str, str], half: bytes) -> None:
        """The beginning of a request, then a torn connection."""
        lines = [f"{method} {path} HTTP/1.1", *(f"{name}: {value}" for name, value in headers.items()), "", ""]
        try:
            with socket.create_connection(("127.0.0.1", self.port), TIMEOUT_SECONDS) as connection:
                connection.sendall("\r\n".join(lines).encode() + half)
        except OSError:
            return


HOP_BY_HOP = frozenset({"connection", "keep-alive", "transfer-encoding", "content-length", "date", "server"})
