"""The portal's own port: who answers there, and to whom it is open."""

from __future__ import annotations

import dataclasses
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from commune_portal import __version__
from commune_portal.health import limits, network
from commune_portal.health.row import Level, Patient
from commune_portal.settings import Server, Settings


class Door(BaseHTTPRequestHandler):
    body = b""

    def do_GET(self) -> None:
        self.send_response(200)
        self.end_headers()
        self.wfile.write(self.body)

    def log_message(self, *_: object) -> None:
        """Says nothing."""


@contextmanager
def answering(body: str) -> Iterator[int]:
    kind = type("Answer", (Door,), {"body": body.encode()})
    with ThreadingHTTPServer(("127.0.0.1", 0), kind) as server:
        threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        yield int(server.server_address[1])
        server.shutdown()


def level(port: int, *, in_service: bool = False) -> tuple[Level, str]:
    settings = Settings(folder=Path("/khong-co"), server=Server(port=port))
    (row,) = network.check(Patient(settings, None, False, None, in_service))
    assert row.why
    return row.level, row.what


def test_a_portal_that_answers_with_this_version_is_well() -> None:
    with answering(f'{{"version": "{__version__}", "state": "serving"}}') as port:
        assert level(port)[0] is Level.OK


def test_another_version_and_another_program_are_told() -> None:
    with answering('{"version": "0.0.1"}') as port:
        assert level(port)[0] is Level.WARN
        assert "0.0.1" in level(port)[1]
    for body in ("<html>máy in</html>", '["danh sách"]'):
        with answering(body) as port:
            assert level(port)[0] is Level.FAIL


def test_nobody_at_the_port_is_told_unless_the_portal_itself_asks() -> None:
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        port = held.getsockname()[1]
        assert level(port)[0] is Level.WARN
        assert level(port, in_service=True)[0] is Level.OK


def test_a_port_that_is_open_to_the_network_against_the_settings_is_told() -> None:
    with socket.socket() as held:
        held.bind(("0.0.0.0", 0))
        held.listen()
        port = held.getsockname()[1]
        assert network.is_open_to_network(port)
        assert level(port)[0] is Level.FAIL


def test_connections_are_counted_and_told_at_seventy_percent(office: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    with answering("") as port, socket.create_connection(("127.0.0.1", port)):
        assert network.open_connections(port) == 1
        monkeypatch.setattr(limits, "CONNECTIONS_AT_MOST", 1)
        settings = dataclasses.replace(office, server=Server(port=port))
        (row,) = limits.check(Patient(settings, None, False))
        assert (row.level, "Kết nối đang mở: 100% (1/1)" in row.what) == (Level.FAIL, True)
