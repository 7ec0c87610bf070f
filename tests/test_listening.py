"""Waitress as we run it: a connection outlives an answer without a body, and what is in flight outlives a stop."""

from __future__ import annotations

import http.client
import socket
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import pytest

from commune_portal import listening
from commune_portal.listening import listen
from tests.serving import serving


def answers(environ: dict[str, Any], start: Callable[[str, list[tuple[str, str]]], Any]) -> Iterable[bytes]:
    status = environ["PATH_INFO"].strip("/")
    environ["wsgi.input"].read()
    start({"204": "204 No Content", "304": "304 Not Modified"}.get(status, "200 OK"), [("X-Seen", status)])
    return [b"" if status in ("204", "304") else b"here"]


@pytest.fixture
def port() -> Iterator[int]:
    with serving(answers, threads=1) as found:
        yield found


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


class Slow:
    """An application whose answers wait until they are let go, and a server for it in a thread."""

    def __init__(self, drain_seconds: float) -> None:
        self.began = threading.Event()
        self.go_on = threading.Event()
        self.done: list[bytes] = []
        self.server = listen(self, host="127.0.0.1", port=0, threads=2)
        self.thread = threading.Thread(target=self._run, args=(drain_seconds,), daemon=True)
        self.thread.start()

    def _run(self, drain_seconds: float) -> None:
        self.server.run(drain_seconds)
        self.server.close()

    def __call__(self, environ: dict[str, Any], start: Callable[[str, list[tuple[str, str]]], Any]) -> Iterable[bytes]:
        body = environ["wsgi.input"].read()
        self.began.set()
        self.go_on.wait(10)
        self.done.append(body)
        start("200 OK", [("Content-Type", "text/plain")])
        return [b"signed " * 20_000]

    @property
    def port(self) -> int:
        return int(self.server.effective_port)

    def is_open(self) -> bool:
        try:
            socket.create_connection(("127.0.0.1", self.port), timeout=2).close()
        except OSError:
            return False
        return True


def until(happens: Callable[[], bool]) -> None:
    began = time.monotonic()
    while not happens():
        assert time.monotonic() - began < 10
        time.sleep(0.02)


def test_an_answer_that_is_under_way_when_the_stop_comes_is_given_whole() -> None:
    slow = Slow(drain_seconds=20)
    idle = http.client.HTTPConnection("127.0.0.1", slow.port, timeout=5)
    idle.connect()
    connection = http.client.HTTPConnection("127.0.0.1", slow.port, timeout=15)
    connection.request("POST", "/sign", body=b"a letter")
    assert slow.began.wait(5)
    slow.server.stop()
    until(lambda: not slow.is_open())
    slow.go_on.set()
    assert connection.getresponse().read() == b"signed " * 20_000
    slow.thread.join(10)
    assert not slow.thread.is_alive()
    assert slow.done == [b"a letter"]
    idle.close()
    connection.close()


def test_an_upload_that_is_under_way_when_the_stop_comes_is_taken_to_its_end() -> None:
    slow = Slow(drain_seconds=20)
    slow.go_on.set()
    with socket.create_connection(("127.0.0.1", slow.port), timeout=10) as sending:
        sending.sendall(b"POST / HTTP/1.1\r\nHost: here\r\nContent-Length: 8\r\n\r\nfour")
        time.sleep(0.2)
        slow.server.stop()
        until(lambda: not slow.is_open())
        sending.sendall(b"more")
        assert sending.recv(100).startswith(b"HTTP/1.1 200 OK")
        while sending.recv(65536):
            pass
    slow.thread.join(10)
    assert slow.done == [b"fourmore"]


def test_an_upload_without_an_end_is_refused_in_words_and_the_stop_goes_on() -> None:
    slow = Slow(drain_seconds=0.5)
    with socket.create_connection(("127.0.0.1", slow.port), timeout=10) as sending:
        sending.sendall(b"POST / HTTP/1.1\r\nHost: here\r\nContent-Length: 8\r\n\r\nfour")
        time.sleep(0.2)
        began = time.monotonic()
        slow.server.stop()
        answer = sending.recv(4096)
        assert answer.startswith(b"HTTP/1.1 503 ")
        assert "hãy gửi lại".encode() in answer
        sending.sendall(b"more")
    slow.thread.join(10)
    assert not slow.thread.is_alive()
    assert time.monotonic() - began < 4
    assert slow.done == []


def test_an_act_that_never_ends_does_not_keep_the_house_open(caplog: pytest.LogCaptureFixture) -> None:
    slow = Slow(drain_seconds=0.3)
    connection = http.client.HTTPConnection("127.0.0.1", slow.port, timeout=15)
    connection.request("POST", "/sign", body=b"a letter")
    assert slow.began.wait(5)
    slow.server.stop()
    slow.thread.join(10)
    assert not slow.thread.is_alive()
    assert "cut short" in caplog.text
    slow.go_on.set()
    with pytest.raises((http.client.HTTPException, OSError)):
        connection.getresponse()
    connection.close()


def test_our_loop_ends_at_an_exit_as_waitress_own_does() -> None:
    server = listen(answers, host="127.0.0.1", port=0, threads=1)
    server.asyncore = type("Loop", (), {"loop": staticmethod(_leave), "dispatcher": server.asyncore.dispatcher})
    listening.run(server, 0.1)
    server.close()


def _leave(**_: Any) -> None:
    raise SystemExit(0)
