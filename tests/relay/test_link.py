"""The link believes one certificate authority, follows nobody, and reads no more than it can bear."""

from __future__ import annotations

import ipaddress
import socket
import ssl
import threading
import time
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from commune_portal import clock
from commune_portal.errors import Malformed, NodeUnreachable
from commune_portal.relay.client import NodeClient, NodeIdentity
from commune_portal.relay.link import Link, RefusedByNode
from commune_portal.wire import protocol
from commune_portal.wire.requests import content_digest
from tests.fakes.exchange import Answer
from tests.fakes.wire import serving
from tests.relay.office import ONE, ONES, client, node_with_two_members


class Authority:
    """A certificate authority of a test, and what it issues."""

    def __init__(self, name: str) -> None:
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        self.pem = self._signed(self.name, self.key.public_key(), ca=True).public_bytes(Encoding.PEM).decode()

    def _signed(
        self, subject: x509.Name, key: ec.EllipticCurvePublicKey, *, ca: bool, address: str = ""
    ) -> x509.Certificate:
        now = clock.now()
        builder = (
            x509.CertificateBuilder(self.name, subject, key, x509.random_serial_number())
            .not_valid_before(now - timedelta(days=1))
            .not_valid_after(now + timedelta(days=1))
            .add_extension(x509.BasicConstraints(ca=ca, path_length=None), critical=True)
        )
        if address:
            names = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address(address))])
            builder = builder.add_extension(names, critical=False)
        return builder.sign(self.key, hashes.SHA256())

    def server(self, folder: Path, address: str = "127.0.0.1") -> ssl.SSLContext:
        """A server's context with a certificate for an address."""
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "node")])
        certificate = self._signed(subject, key.public_key(), ca=False, address=address)
        path = folder / "server.pem"
        path.write_bytes(
            key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
            + certificate.public_bytes(Encoding.PEM)
        )
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(path)
        return context


def test_only_the_authority_of_the_enrolment_file_is_believed(tmp_path: Path) -> None:
    node, ours, another = node_with_two_members(), Authority("CA nút"), Authority("CA khác")
    keys = {node.keys.key_id: node.keys.public_key}
    with serving(node, tls=ours.server(tmp_path)) as wire:
        good = NodeClient(NodeIdentity(node.code, wire.address, ours.pem, keys), ONES, ONE)
        assert good.mailbox(0).items == ()
        bad = NodeClient(NodeIdentity(node.code, wire.address, another.pem, keys), ONES, ONE)
        with pytest.raises(NodeUnreachable, match="SSL"):
            bad.mailbox(0)
        assert len(wire.seen) == 1


def test_a_certificate_for_another_host_is_not_believed(tmp_path: Path) -> None:
    node, ours = node_with_two_members(), Authority("CA nút")
    with serving(node, tls=ours.server(tmp_path, "127.0.0.2")) as wire:
        there = NodeClient(NodeIdentity(node.code, wire.address, ours.pem, {}), ONES, ONE)
        with pytest.raises(NodeUnreachable, match="SSL"):
            there.mailbox(0)


class Stranger:
    """Answers everything in one way."""

    def __init__(self, answer: Answer) -> None:
        self.answer = answer
        answer.headers.setdefault(protocol.NODE_TIME, clock.now_text())

    def handle(self, method: str, path: str, headers: Mapping[str, str], body: bytes) -> Answer:
        return self.answer


def asked(answer: Answer, timeout_seconds: float = 5.0) -> Answer:
    with serving(Stranger(answer)) as wire:
        link = Link(NodeIdentity("H99", wire.address, None, {}), ONES, timeout_seconds)
        found = link.ask("GET", protocol.MAILBOX)
        assert len(wire.seen) == 1
        return Answer(found.status, found.body)


@pytest.mark.parametrize(
    "answer",
    [
        Answer(302, headers={"Location": "http://127.0.0.1:1/"}),
        Answer(200, b"x" * 300_000),
        Answer(403, b"<html>captive portal</html>"),
        Answer(403, b'{"error":"no word of ours"}'),
        Answer(403, b'{"error":"key-revoked"}', {protocol.NODE_TIME: "yesterday"}),
        Answer(500, b'{"error":"malformed"}'),
        Answer(429, b"slow down"),
    ],
)
def test_what_is_not_a_nodes_answer_proves_nothing(answer: Answer) -> None:
    with pytest.raises(NodeUnreachable):
        asked(answer)


def test_the_word_is_read_from_the_body_where_a_proxy_dropped_the_header() -> None:
    with pytest.raises(RefusedByNode):
        asked(Answer(403, b'{"error":"key-revoked"}'))
    assert asked(Answer(200, b"{}")).body == b"{}"


def test_a_time_that_stays_stale_ends_after_one_correction() -> None:
    with serving(Stranger(Answer(401, headers={protocol.EXCHANGE_ERROR: "stale"}))) as wire:
        link = Link(NodeIdentity("H99", wire.address, None, {}), ONES, 5)
        with pytest.raises(NodeUnreachable):
            link.ask("HEAD", protocol.UPLOADS)
        assert len(wire.seen) == 2


def test_an_answer_that_drips_is_left() -> None:
    stop = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as server:

        def drip() -> None:
            connection, _ = server.accept()
            with connection:
                connection.recv(4096)
                connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n")
                while not stop.wait(0.02):
                    try:
                        connection.sendall(b"x")
                    except OSError:
                        return

        thread = threading.Thread(target=drip, daemon=True)
        thread.start()
        link = Link(NodeIdentity("H99", f"http://127.0.0.1:{server.getsockname()[1]}", None, {}), ONES, 0.3)
        started = time.monotonic()
        with pytest.raises(NodeUnreachable, match="drips"):
            link.ask("GET", protocol.MAILBOX)
        assert time.monotonic() - started < 3
        stop.set()
        thread.join(2)


def test_plain_http_to_another_machine_is_refused_before_anything_leaves() -> None:
    with pytest.raises(Malformed):
        Link(NodeIdentity("H99", "http://10.1.1.1", None, {}), ONES, 5)


def test_an_answer_that_is_not_of_its_digest_proves_nothing() -> None:
    node = node_with_two_members()
    handle, damaged = node.handle, [True, False]

    class Damaging:
        def handle(self, method: str, path: str, headers: Mapping[str, str], body: bytes) -> Answer:
            answer = handle(method, path, headers, body)
            answer.headers[protocol.CONTENT_DIGEST] = content_digest(answer.body)
            if damaged.pop(0):
                answer.body = answer.body.replace(b'"next":0', b'"next":9')
            return answer

    with serving(Damaging()) as wire:
        link = client(node, wire.address)
        with pytest.raises(NodeUnreachable):
            link.mailbox(0)
        assert link.mailbox(0).next_after == 0
