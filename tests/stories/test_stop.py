"""A portal that is told to stop while somebody waits for it: what was begun is finished, then the process ends.

Source: deploy.md §6; the service units wait longer than the portal does.
"""

from __future__ import annotations

import http.client
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlencode

import pytest

from commune_portal.parties import supervisor
from commune_portal.store import database
from tests import cast

pytestmark = pytest.mark.story

START_SECONDS = 60
STOP_SECONDS = 45
"""Well below the ninety seconds that systemd waits."""


class Running:
    """A portal in a process of its own."""

    def __init__(self, folder: Path) -> None:
        self.port = supervisor.free_port(9880)
        made = cast.office_at(folder)
        database.close()
        self.folder = made.settings.folder
        text = f'role = "office"\n[server]\nport = {self.port}\n[relay]\nenabled = false\n[token]\ntrial = true\n'
        (self.folder / "portal.toml").write_text(text, encoding="utf-8")
        self.process = subprocess.Popen(
            [sys.executable, "-m", "commune_portal", "--config", str(self.folder / "portal.toml"), "serve"],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
        until = time.monotonic() + START_SECONDS
        while not self.answers():
            assert self.process.poll() is None, self.process.communicate()[0].decode()
            assert time.monotonic() < until
            time.sleep(0.1)

    def answers(self) -> bool:
        try:
            socket.create_connection(("127.0.0.1", self.port), timeout=2).close()
        except OSError:
            return False
        return True

    def stop(self) -> None:
        self.process.send_signal(signal.SIGTERM)
        until = time.monotonic() + 10
        while self.answers():
            assert time.monotonic() < until, "it still takes connections"
            time.sleep(0.05)

    def ended(self) -> int:
        code = self.process.wait(STOP_SECONDS)
        assert self.process.stdout is not None
        self.process.stdout.close()
        return code

    @property
    def log(self) -> str:
        return (self.folder / "logs" / "portal.log").read_text(encoding="utf-8")


@pytest.fixture
def running(tmp_path: Path) -> Iterator[Running]:
    cast.cheap_passwords()
    portal = Running(tmp_path / "office")
    yield portal
    if portal.process.poll() is None:
        portal.process.kill()
        portal.ended()


def log_in_form(running: Running) -> tuple[str, str]:
    """A log-in form's token and the cookie that belongs to it."""
    connection = http.client.HTTPConnection("127.0.0.1", running.port, timeout=15)
    connection.request("GET", "/login")
    answer = connection.getresponse()
    cookie = (answer.getheader("Set-Cookie") or "").partition(";")[0]
    found = re.search(r'name="csrf_token" value="([^"]+)"', answer.read().decode())
    connection.close()
    assert found
    return found[1], cookie


def head(length: int, cookie: str) -> bytes:
    lines = (
        "POST /login HTTP/1.1", "Host: 127.0.0.1", f"Cookie: {cookie}", f"Content-Length: {length}",
        "Content-Type: application/x-www-form-urlencoded",
    )  # fmt: skip
    return ("\r\n".join(lines) + "\r\n\r\n").encode()


def test_a_form_that_arrives_slowly_is_taken_to_its_end_and_the_process_ends_well(running: Running) -> None:
    token, cookie = log_in_form(running)
    body = urlencode({"csrf_token": token, "username": "vanthu", "password": "khong-dung-dau"}).encode()
    with socket.create_connection(("127.0.0.1", running.port), timeout=20) as sending:
        sending.sendall(head(len(body), cookie) + body[:20])
        time.sleep(0.3)
        running.stop()
        sending.sendall(body[20:])
        answer = sending.recv(65536)
    assert re.match(rb"HTTP/1.1 (4\d\d|200|303) ", answer), answer[:200]
    assert b"503" not in answer[:20]
    assert running.ended() == 0
    assert "stopped" in running.log
    assert "Traceback" not in running.log


def test_a_form_that_never_ends_is_refused_in_words_within_the_time_of_the_service(running: Running) -> None:
    with socket.create_connection(("127.0.0.1", running.port), timeout=STOP_SECONDS) as sending:
        sending.sendall(head(1000, "") + b"username=")
        time.sleep(0.3)
        began = time.monotonic()
        running.process.send_signal(signal.SIGTERM)
        answer = sending.recv(4096)
        assert answer.startswith(b"HTTP/1.1 503 ")
        assert "Chưa có gì được lưu".encode() in answer
    assert running.ended() == 0
    assert time.monotonic() - began < STOP_SECONDS


def test_an_idle_portal_stops_at_once(running: Running) -> None:
    began = time.monotonic()
    running.stop()
    assert running.ended() == 0
    assert time.monotonic() - began < 10


def test_a_process_that_dies_leaves_its_trace_in_the_log(running: Running) -> None:
    running.stop()
    running.ended()
    program = (
        "from commune_portal import settings; from commune_portal.health import logs; from pathlib import Path;"
        f" logs.begin(settings.Settings(folder=Path({str(running.folder)!r}))); raise RuntimeError('hết')"
    )
    died = subprocess.run([sys.executable, "-c", program], capture_output=True, timeout=60)
    assert died.returncode == 1
    assert "the process ends by an error" in running.log
    assert "RuntimeError" in running.log
    ends = (
        "import faulthandler; from commune_portal import settings; from commune_portal.health import logs;"
        f" from pathlib import Path; logs.begin(settings.Settings(folder=Path({str(running.folder)!r})));"
        " faulthandler._sigsegv()"
    )
    assert subprocess.run([sys.executable, "-c", ends], capture_output=True, timeout=60).returncode != 0
    assert "Segmentation fault" in (running.folder / "logs" / "crash.log").read_text(encoding="utf-8")
