"""Waitress as we run it: a connection outlives an answer without a body."""

from __future__ import annotations

import http.client
import threading
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import pytest

from commune_portal.listening import listen


def answers(environ: dict[str, Any], start: Callable[[str, list[tuple[str, str]]], Any]) -> Iterable[bytes]:
    status = environ["PATH_INFO"].strip("/")
    environ["wsgi.input"].read()
    start({"204": "204 No Content", "304": "304 Not Modified"}.get(status, "200 OK"), [("X-Seen", status)])
    return [b"" if status in ("204", "304") else b"here"]


@pytest.fixture
def port() -> Iterator[int]:
    server = listen(answers, host="127.0.0.1", port=0, threads=1)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    yield int(server.effective_port)
    server.task_dispatcher.shutdown()
    server.close()


@pytest.mark.parametrize("status", ["204", "304"])
def test_a_connection_stays_open_behind_an_answer_without_a_body(port: int, status: str) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    connection.auto_open = 0  # a closed connection is then an error, not a new one
    connection.connect()
    for _ in range(3):
        connection.request("PATCH", f"/{status}", body=b"a chunk")
        answer = connection.getresponse()
        assert (answer.status, answer.read(), answer.getheader("Connection")) == (int(status), b"", None)
    connection.request("GET", "/200")
    assert connection.getresponse().read() == b"here"
    connection.close()


def test_a_client_that_asks_to_close_is_closed(port: int) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    connection.request("PATCH", "/204", body=b"a chunk", headers={"Connection": "close"})
    answer = connection.getresponse()
    assert answer.getheader("Connection") == "close"
    answer.read()
    assert connection.sock is None


def test_a_hundred_and_fifty_offices_keep_their_connections_at_once(port: int) -> None:
    connections = [http.client.HTTPConnection("127.0.0.1", port, timeout=5) for _ in range(150)]
    for _ in range(2):
        for connection in connections:
            connection.request("GET", "/200")
            assert connection.getresponse().read() == b"here"
    for connection in connections:
        connection.close()
