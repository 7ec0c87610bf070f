"""The TLS door by real sockets: who comes through, who does not, and what the portal learns."""

from __future__ import annotations

import http.client
import json
import socket
import ssl
import threading
import time
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path

import pytest

from commune_portal.doors import DOOR, Doors, Environ, Start
from commune_portal.errors import StoreRefused
from commune_portal.settings import Lan, Settings
from commune_portal.tls_front import DoorLimits, TlsFront
from commune_portal.wire import lan_authority
from commune_portal.wire.lan_addresses import PLAIN_SENTENCE
from tests.serving import serving

LIMITS = DoorLimits(connections=12, connections_per_address=8, handshake_seconds=1.5, grace_seconds=1.0)
CHROME_109 = (
    "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:ECDHE-ECDSA-AES256-GCM-SHA384:"
    "ECDHE-RSA-AES256-GCM-SHA384:ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-RSA-CHACHA20-POLY1305:AES128-GCM-SHA256"
)
"""What Chromium 109, the last for Windows 7, offers in TLS 1.2 beside old suites."""


def tells(environ: Environ, start: Start) -> Iterable[bytes]:
    body = environ["wsgi.input"].read()
    if environ["PATH_INFO"] == "/slow":
        time.sleep(1.2)
    if environ["PATH_INFO"] == "/large":
        start("200 OK", [("Content-Length", str(4_000_000))])
        return [b"x" * 40_000] * 100
    told = {"client": environ["REMOTE_ADDR"], "scheme": environ["wsgi.url_scheme"], "door": environ[DOOR]}
    start("200 OK", [("Content-Type", "application/json")])
    return [json.dumps({**told, "bytes": len(body)}).encode()]


class House:
    """An application behind its door, and the root to believe."""

    def __init__(self, folder: Path, limits: DoorLimits) -> None:
        self.settings = Settings(folder=folder, lan=Lan(names=("vanban.local",)))
        self.root = lan_authority.found(self.settings, "để thử", ["vanban.local"])
        lan_authority.renew(self.settings)
        self.door: TlsFront | None = None
        app = Doors(tells, client_of=lambda port: self.front.client_of(port))
        self._portal = ExitStack()
        self.plain_port = self._portal.enter_context(serving(app))
        certificate = lan_authority.server_path(self.settings)
        self.front = TlsFront("127.0.0.1", 0, ("127.0.0.1", self.plain_port), certificate, limits)
        self.front.start()

    def context(self) -> ssl.SSLContext:
        return ssl.create_default_context(cadata=self.root.pem.decode())

    def connection(self, context: ssl.SSLContext | None = None, source: str = "") -> http.client.HTTPSConnection:
        used = context or self.context()
        by = (source, 0) if source else None
        return http.client.HTTPSConnection("127.0.0.1", self.front.port, timeout=8, context=used, source_address=by)

    def ask(self, path: str = "/", body: bytes = b"") -> dict[str, object]:
        connection = self.connection()
        connection.request("POST", path, body)
        answer = connection.getresponse()
        found: dict[str, object] = json.loads(answer.read())
        connection.close()
        return found

    def waits_until_empty(self) -> None:
        ends = time.monotonic() + 8
        while self.front.open_connections and time.monotonic() < ends:
            time.sleep(0.02)
        assert self.front.open_connections == 0

    def close(self) -> None:
        self.front.close()
        self._portal.close()


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    made = House(tmp_path, LIMITS)
    yield made
    made.close()


def test_the_portal_learns_who_asks_and_that_it_was_by_tls(house: House) -> None:
    assert house.ask() == {"client": "127.0.0.1", "scheme": "https", "door": "lan", "bytes": 0}
    plain = http.client.HTTPConnection("127.0.0.1", house.plain_port, timeout=5)
    plain.request("GET", "/")
    assert json.loads(plain.getresponse().read())["door"] == "loopback"
    plain.close()


def test_another_address_is_told_as_such(house: House) -> None:
    connection = house.connection(source="127.0.0.9")
    connection.request("GET", "/")
    assert json.loads(connection.getresponse().read())["client"] == "127.0.0.9"
    connection.close()


def test_large_bodies_pass_whole_both_ways_and_a_slow_answer_is_waited_for(house: House) -> None:
    assert house.ask("/", b"y" * 3_000_000)["bytes"] == 3_000_000
    connection = house.connection()
    connection.request("GET", "/large")
    assert len(connection.getresponse().read()) == 4_000_000
    connection.request("GET", "/slow")  # longer than the grace: who waits is not who drips
    assert connection.getresponse().status == 200
    connection.close()


def test_a_browser_that_speaks_plain_http_is_told_what_to_type(house: House) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", house.front.port, timeout=5)
    connection.request("POST", "/login", body=b"x" * 200_000)
    answer = connection.getresponse()
    assert (answer.status, answer.read().decode()) == (400, PLAIN_SENTENCE)
    assert answer.getheader("Location") is None
    connection.close()


def test_who_does_not_know_the_root_refuses_the_door(house: House) -> None:
    with pytest.raises(ssl.SSLCertVerificationError):
        house.connection(ssl.create_default_context()).request("GET", "/")


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_the_browsers_of_windows_7_are_understood(house: House, version: ssl.TLSVersion) -> None:
    context = house.context()
    context.minimum_version = context.maximum_version = version
    context.set_ciphers(CHROME_109)
    connection = house.connection(context)
    connection.request("GET", "/")
    assert connection.getresponse().status == 200
    connection.close()


def test_tls_1_1_and_old_ciphers_are_refused(house: House) -> None:
    context = house.context()
    context.minimum_version = context.maximum_version = ssl.TLSVersion.TLSv1_2
    context.set_ciphers("ECDHE-ECDSA-AES128-SHA256:ECDHE-ECDSA-AES128-SHA:@SECLEVEL=0")
    with pytest.raises(ssl.SSLError):
        house.connection(context).request("GET", "/")


def test_silent_and_dripping_clients_are_ended_and_others_go_on(house: House) -> None:
    silent = [socket.create_connection(("127.0.0.1", house.front.port)) for _ in range(3)]
    stuck = socket.create_connection(("127.0.0.1", house.front.port))
    stuck.sendall(b"\x16\x03\x01")  # the beginning of a handshake that never comes
    dripping = house.context().wrap_socket(
        socket.create_connection(("127.0.0.1", house.front.port)), server_hostname="127.0.0.1"
    )
    ended = False
    for _ in range(60):
        assert house.ask()["door"] == "lan"
        try:
            dripping.sendall(b"G")
        except OSError:
            ended = True
            break
        time.sleep(0.05)
    assert ended, "a request that comes byte by byte holds a connection for ever"
    for one in (*silent, stuck):
        one.settimeout(3)
        assert one.recv(1) == b"", "the door must close it"
        one.close()
    dripping.close()
    house.waits_until_empty()


def test_one_address_cannot_take_every_connection(house: House) -> None:
    taken = []
    for _ in range(LIMITS.connections_per_address):
        connection = house.connection()
        connection.request("GET", "/")
        connection.getresponse().read()
        taken.append(connection)
    with pytest.raises((OSError, http.client.HTTPException)):
        house.connection().request("GET", "/")
    other = house.connection(source="127.0.0.8")
    other.request("GET", "/")
    assert other.getresponse().status == 200
    for connection in (*taken, other):
        connection.close()
    house.waits_until_empty()


def test_at_a_full_door_a_newcomer_waits_a_moment_for_who_is_leaving(house: House) -> None:
    taken = []
    for number in range(LIMITS.connections):
        connection = house.connection(source=f"127.0.2.{number + 1}")
        connection.request("GET", "/")
        connection.getresponse().read()
        taken.append(connection)
    with pytest.raises((OSError, http.client.HTTPException)):
        house.connection(source="127.0.3.1").request("GET", "/")
    leaves = threading.Timer(0.3, taken.pop().close)
    leaves.start()
    late = house.connection(source="127.0.3.2")
    late.request("GET", "/")
    assert late.getresponse().status == 200
    leaves.join()
    for connection in (*taken, late):
        connection.close()
    house.waits_until_empty()


def test_many_at_once_are_never_taken_for_each_other(house: House) -> None:
    def ask(number: int) -> bool:
        address = f"127.0.1.{number}"
        for _ in range(6):
            connection = house.connection(source=address)
            connection.request("GET", "/")
            told = json.loads(connection.getresponse().read())["client"]
            connection.close()
            if told != address:
                return False
        return True

    with ThreadPoolExecutor(6) as pool:
        assert all(pool.map(ask, range(1, 7)))


def test_a_renewed_certificate_is_shown_without_a_restart(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    def shown() -> int:
        with house.context().wrap_socket(
            socket.create_connection(("127.0.0.1", house.front.port)), server_hostname="127.0.0.1"
        ) as found:
            certificate = found.getpeercert()
            assert certificate
            return int(str(certificate["serialNumber"]), 16)

    first = shown()
    lan_authority.renew(house.settings)
    ends = time.monotonic() + 12
    while shown() == first and time.monotonic() < ends:
        time.sleep(0.2)
    assert shown() != first


def test_a_taken_port_and_a_missing_certificate_are_said_in_words(house: House, tmp_path: Path) -> None:
    certificate = lan_authority.server_path(house.settings)
    with pytest.raises(StoreRefused, match="cổng"):
        TlsFront("127.0.0.1", house.front.port, ("127.0.0.1", 1), certificate)
    with pytest.raises(StoreRefused, match="lan renew"):
        TlsFront("127.0.0.1", 0, ("127.0.0.1", 1), tmp_path / "none.pem")


def test_a_portal_that_is_down_closes_the_connection_at_once(tmp_path: Path, house: House) -> None:
    with socket.create_server(("127.0.0.1", 0)) as gone:
        port = gone.getsockname()[1]
    door = TlsFront("127.0.0.1", 0, ("127.0.0.1", port), lan_authority.server_path(house.settings))
    door.start()
    connection = http.client.HTTPSConnection("127.0.0.1", door.port, timeout=5, context=house.context())
    connection.request("GET", "/")
    with pytest.raises((OSError, http.client.HTTPException)):
        connection.getresponse()
    connection.close()
    door.close()
