"""Nginx in front of an office and of a node: renewal, failure in words, exchange by TLS, thousands of idle offices."""

from __future__ import annotations

import dataclasses
import hashlib
import http.client
import os
import resource
import socket
import ssl
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from commune_portal.errors import NodeUnreachable
from commune_portal.operations.nginx import DOWN
from commune_portal.relay.client import NodeClient, PacketMissing
from commune_portal.relay.link import NodeIdentity
from commune_portal.settings import Limits, Settings
from commune_portal.store import database
from commune_portal.wire import lan_addresses, lan_authority
from commune_portal.wire.receipt import Verdict
from tests.cast import cheap_passwords, office_at
from tests.node.cast import NODE_CODE, Office, enrol, invite, new_keys, new_office
from tests.node.conftest import empty_node
from tests.stories.lan_stage import House, standing, with_door

__all__ = ["empty_node"]

pytestmark = pytest.mark.story

LARGE = os.urandom(380_000)
IDLE_OFFICES = 2000


@pytest.fixture
def office(tmp_path: Path) -> Iterator[House]:
    cheap_passwords()
    cast = office_at(tmp_path / "office")
    small = dataclasses.replace(cast.settings, limits=Limits(packet_bytes=2 * 1024 * 1024))
    with standing(with_door(small, "nginx"), tmp_path) as found:
        yield found
    database.close()


@pytest.fixture
def node(empty_node: Settings, tmp_path: Path) -> Iterator[House]:
    with standing(with_door(empty_node, "nginx"), tmp_path) as found:
        yield found


def client(house: House, member: Office, ca_pem: str = "") -> NodeClient:
    own = new_keys(0)
    identity = NodeIdentity(
        NODE_CODE, f"https://127.0.0.1:{house.port}", ca_pem or house.root.pem.decode(), {own.key_id: own.public_key}
    )
    return NodeClient(identity, member.keys, member.code)


def serial(house: House) -> str:
    context = ssl.create_default_context(cadata=house.root.pem.decode())
    with context.wrap_socket(socket.create_connection(("127.0.0.1", house.port), 5), server_hostname="127.0.0.1") as on:
        found = on.getpeercert()
        assert found
        return str(found["serialNumber"])


def test_a_renewed_certificate_is_shown_at_the_next_handshake(office: House) -> None:
    first = serial(office)
    lan_authority.renew(office.settings)
    assert serial(office) != first


def test_both_tls_versions_and_http_2_are_spoken_and_nothing_older(office: House) -> None:
    context = ssl.create_default_context(cadata=office.root.pem.decode())
    context.set_alpn_protocols(["h2", "http/1.1"])
    seen = set()
    for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
        context.minimum_version, context.maximum_version = version, version
        knocking = socket.create_connection(("127.0.0.1", office.port), 5)
        with context.wrap_socket(knocking, server_hostname="127.0.0.1") as on:
            seen.add((on.version(), on.selected_alpn_protocol()))
    assert seen == {("TLSv1.2", "h2"), ("TLSv1.3", "h2")}
    context.set_ciphers("ECDHE-ECDSA-AES128-SHA:@SECLEVEL=0")
    context.minimum_version = context.maximum_version = ssl.TLSVersion.TLSv1_2
    with pytest.raises(ssl.SSLError):
        context.wrap_socket(socket.create_connection(("127.0.0.1", office.port), 5), server_hostname="127.0.0.1")


def test_a_body_that_is_too_large_and_a_portal_that_is_down_are_told_in_words(office: House) -> None:
    connection = office.connection()
    connection.putrequest("POST", "/login")
    connection.putheader("Content-Length", str(64 * 1024 * 1024))
    connection.endheaders()
    answer = connection.getresponse()
    assert answer.status == 413
    assert "chia thành nhiều tệp" in answer.read().decode()
    connection.close()
    office.stop_portal()
    connection = office.connection()
    connection.request("GET", "/login")
    answer = connection.getresponse()
    assert (answer.status, answer.read().decode().strip()) == (503, DOWN)
    connection.close()


def test_nothing_that_was_searched_for_is_written_down(office: House) -> None:
    connection = office.connection()
    connection.request("GET", "/incoming?q=don-thu-cua-ba-hai")
    connection.getresponse().read()
    connection.close()
    told = office.end_nginx()
    kept = [path for path in office.folder.rglob("*") if path.is_file() and "nginx" in path.parts[-2:]]
    assert "don-thu" not in told
    assert not [path for path in kept if b"don-thu" in path.read_bytes()]


def test_an_office_enrols_and_exchanges_over_https_and_believes_no_other_authority(node: House, tmp_path: Path) -> None:
    first, second, third = enrol(new_office(1)), enrol(new_office(2)), new_office(3)
    newcomer = client(node, third)
    assert newcomer.enrol(third.request(invite(third)))[0].public_key(third.code, third.keys.key_id)
    sender, addressee = client(node, first), client(node, second)
    value = first.envelope(second.code, LARGE)
    sealed = first.seal(value)
    assert isinstance(sender.commit(sealed), PacketMissing)
    upload = sender.begin_upload(value.packet_sha256, len(LARGE), value.message_id)
    offset = upload.offset
    while offset < len(LARGE):
        offset = sender.send_chunk(upload.path, offset, LARGE[offset : offset + 65_536])
    delivered = sender.commit(sealed)
    assert not isinstance(delivered, PacketMissing)
    assert delivered.verdict is Verdict.ACCEPTED
    got = bytearray()
    assert [item.envelope for item in addressee.mailbox(0).items] == [sealed]
    addressee.packet(value.packet_sha256, 0, len(LARGE), lambda _start, _total: got.extend)
    assert hashlib.sha256(got).hexdigest() == value.packet_sha256

    elsewhere = Settings(folder=tmp_path / "elsewhere")
    another = lan_authority.found(elsewhere, "CA khác", lan_addresses.wanted_names(elsewhere))
    stranger = client(node, first, another.pem.decode())
    with pytest.raises(NodeUnreachable, match="SSL"):
        stranger.mailbox(0)
    for link in (newcomer, sender, addressee, stranger):
        link.close()


@contextmanager
def many_files() -> Iterator[None]:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_two_thousand_idle_offices_leave_room_for_the_next(node: House) -> None:
    member = enrol(new_office(1))
    context = ssl.create_default_context(cadata=node.root.pem.decode())
    with many_files(), ExitStack() as held:
        began = time.monotonic()
        connections = []
        for number in range(IDLE_OFFICES):
            connection = http.client.HTTPSConnection("127.0.0.1", node.port, timeout=20, context=context)
            held.callback(connection.close)
            connection.connect()
            connections.append(connection)
            if number % 20 == 0:  # some have had a contact before they fell silent
                connection.request("GET", "/alive")
                connection.getresponse().read()
        opened_seconds = time.monotonic() - began
        for connection in connections[::200]:  # it was kept, not dropped
            connection.request("GET", "/alive")
            assert connection.getresponse().read()
        link = client(node, member)
        began = time.monotonic()
        assert link.clock()
        assert link.mailbox(0).items == ()
        answered_seconds = time.monotonic() - began
        link.close()
        print(f"{IDLE_OFFICES} idle in {opened_seconds:.1f} s, then a contact in {answered_seconds * 1000:.0f} ms")
        assert answered_seconds < 5
    told = node.end_nginx()
    assert "worker_connections are not enough" not in told
    assert "Too many open files" not in told
