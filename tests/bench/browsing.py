"""A browser reduced to what is measured: it logs in, then asks for one page again and again on open connections."""

from __future__ import annotations

import http.client
import re
import socket
import threading
import time
from collections.abc import Callable
from urllib.parse import urlencode

from commune_portal.store import database
from tests.bench.served import Served
from tests.bench.slices import Timed
from tests.cast import PASSWORD

LIST = "/incoming"
CLERK = "vanthu"
CONNECTIONS = 8

_TOKEN = re.compile(r'name="csrf_token" value="([^"]+)"')
_LENGTH = re.compile(rb"\r\ncontent-length: *([0-9]+)", re.IGNORECASE)
Ask = Callable[[str, str, dict[str, str] | None], tuple[int, str]]


def record(row_id: int) -> str:
    """The address of a document."""
    return f"{LIST}/{row_id}"


def newest_completed() -> int:
    """The newest document that nobody has to do anything with any more."""
    return int(database.row("SELECT max(id) FROM incoming WHERE state = 'completed'")[0])


def log_in(ask: Ask, username: str = CLERK) -> None:
    """Logs in as a person would; `ask` keeps the cookies."""
    _, text = ask("GET", "/login", None)
    token = _TOKEN.search(text)
    if token is None:
        raise RuntimeError("the log-in page has no form")
    status, text = ask("POST", "/login", {"csrf_token": token[1], "username": username, "password": PASSWORD})
    if status != 303:
        raise RuntimeError(f"log-in answered {status}")


def cookie_of(port: int) -> str:
    """Logs in over HTTP; answers the cookie header."""
    cookies: dict[str, str] = {}

    def ask(method: str, path: str, form: dict[str, str] | None) -> tuple[int, str]:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
        headers = {"Cookie": "; ".join(f"{name}={value}" for name, value in cookies.items())}
        if form is not None:
            headers["Content-Type"] = "application/x-www-form-urlencoded"
        connection.request(method, path, urlencode(form) if form is not None else None, headers)
        answer = connection.getresponse()
        for value in answer.headers.get_all("Set-Cookie") or ():
            name, _, rest = value.partition("=")
            cookies[name] = rest.partition(";")[0]
        text = answer.read().decode()
        connection.close()
        return answer.status, text

    log_in(ask)
    return "; ".join(f"{name}={value}" for name, value in cookies.items())


def session_cookie(port: int, path: str) -> str:
    """The cookie that a page without log-in gives."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    connection.request("GET", path)
    answer = connection.getresponse()
    answer.read()
    connection.close()
    return (answer.headers.get("Set-Cookie") or "").partition(";")[0]


class Connection:
    """One open connection that asks for one page; reading is reduced to what tells where an answer ends."""

    def __init__(self, port: int, path: str, cookie: str) -> None:
        self._socket = socket.create_connection(("127.0.0.1", port), timeout=60)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._path = path
        self._request = f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nCookie: {cookie}\r\n\r\n".encode()

    def ask(self) -> int:
        """One page; answers its length."""
        self._socket.sendall(self._request)
        got = b""
        while (end := got.find(b"\r\n\r\n")) < 0:
            got += self._some()
        if not got.startswith(b"HTTP/1.1 200"):
            raise RuntimeError(f"{self._path}: {got[:60]!r}")
        length = _LENGTH.search(got[: end + 2])
        assert length is not None
        wanted, have = end + 4 + int(length[1]), len(got)
        while have < wanted:
            have += len(self._some())
        return int(length[1])

    def _some(self) -> bytes:
        piece = self._socket.recv(1 << 18)
        if not piece:
            raise RuntimeError("the connection ended")
        return piece

    def close(self) -> None:
        """Closes it."""
        self._socket.close()


def load(served: Served, path: str, cookie: str, seconds: float, connections: int = CONNECTIONS) -> Timed:
    """Asks for a page on several connections at once, each as soon as it has its answer."""
    opened = [Connection(served.port, path, cookie) for _ in range(connections)]
    each: list[list[float]] = [[] for _ in opened]
    failed: list[Exception] = []
    for connection in opened:
        connection.ask()

    def ask(place: int, until: float) -> None:
        try:
            now = time.perf_counter()
            while now < until:
                opened[place].ask()
                after = time.perf_counter()
                each[place].append(after - now)
                now = after
        except (OSError, RuntimeError) as error:
            failed.append(error)

    cpu, started = served.cpu_seconds, time.perf_counter()
    threads = [threading.Thread(target=ask, args=(place, started + seconds)) for place in range(connections)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    elapsed = time.perf_counter() - started
    for connection in opened:
        connection.close()
    if failed:
        raise failed[0]
    return Timed([value for values in each for value in values], elapsed, served.cpu_seconds - cpu)
