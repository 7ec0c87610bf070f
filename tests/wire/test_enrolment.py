"""The file that is carried from the node, and the office's first request."""

from __future__ import annotations

import dataclasses
import json
from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding

from commune_portal.errors import Malformed
from commune_portal.wire import enrolment
from commune_portal.wire.enrolment import EnrolmentFile, EnrolmentRequest

NOON = datetime(2026, 11, 21, 5, tzinfo=UTC)


def a_certificate() -> str:
    key = Ed25519PrivateKey.generate()
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "CA của nút thử")])
    builder = x509.CertificateBuilder(name, name, key.public_key(), 1, NOON, NOON + timedelta(days=9))
    return builder.sign(key, None).public_bytes(Encoding.PEM).decode()


def a_file(address: str = "http://127.0.0.1:8443", ca_pem: str | None = None) -> EnrolmentFile:
    return EnrolmentFile(
        token="mã-dùng-một-lần",
        office_code="H99.01",
        office_name="UBND xã Suối Vàng",
        node_code="H99",
        node_name="Nút liên thông thử",
        node_public_key=bytes(range(32)),
        node_box_public_key=bytes(range(32, 64)),
        address=address,
        ca_pem=ca_pem,
        expires_at=NOON,
    )


def test_the_file_reads_back_as_it_was_written() -> None:
    for file in (a_file(), a_file("https://nut.example:8443", a_certificate()), a_file("http://[::1]:80")):
        assert enrolment.read(enrolment.write(file)) == file


def test_a_file_that_an_editor_saved_again_still_reads() -> None:
    pretty = json.dumps(json.loads(enrolment.write(a_file())), indent=2, ensure_ascii=False).encode("utf-8-sig")
    assert enrolment.read(pretty) == a_file()


@pytest.mark.parametrize(
    ("address", "ca", "words"),
    [
        ("http://10.0.0.5:8080", False, "không mã hóa"),
        ("http://localhost:8080", False, "không mã hóa"),
        ("http://nut.example", True, "không mã hóa"),
        ("https://nut.example", False, "thiếu chứng thư CA"),
        ("https://nut.example/path", True, "tên máy và cổng"),
        ("https://a:b@nut.example", True, "tên máy và cổng"),
        ("https://nut.example?x", True, "tên máy và cổng"),
        ("file:///etc/passwd", True, "https://"),
        ("https://nut.example:99999", True, "không đúng"),
        ("https://[::1", True, "không đúng"),
        ("https:///x", True, "https://"),
    ],
)
def test_an_unsafe_address_is_refused_in_words(address: str, ca: bool, words: str) -> None:
    ca_pem = a_certificate() if ca else None
    with pytest.raises(Malformed, match=words):
        enrolment.write(a_file(address, ca_pem))
    body = json.loads(enrolment.write(a_file()))
    with pytest.raises(Malformed, match=words):
        enrolment.read(json.dumps({**body, "address": address, "ca_pem": ca_pem}).encode())


def test_a_certificate_that_is_none_is_refused() -> None:
    with pytest.raises(Malformed, match="CA"):
        enrolment.write(a_file("https://nut.example", "-----BEGIN CERTIFICATE-----\nx\n-----END CERTIFICATE-----"))


@pytest.mark.parametrize("name", [field.name for field in dataclasses.fields(EnrolmentFile) if field.name != "ca_pem"])
def test_every_field_is_needed_and_named_when_it_is_wrong(name: str) -> None:
    body = json.loads(enrolment.write(a_file()))
    wrongs: list[object] = [None, 5, "", [], "x\ny"]
    for wrong in wrongs:
        with pytest.raises(Malformed) as caught:
            enrolment.read(json.dumps({**body, name: wrong}).encode())
        assert caught.value.field == name
    del body[name]
    with pytest.raises(Malformed):
        enrolment.read(json.dumps(body).encode())


@pytest.mark.parametrize("data", [b"", b"%PDF-1.7", b"{}", b'{"kind":"other"}', b"[1]"])
def test_another_file_is_told_apart(data: bytes) -> None:
    with pytest.raises(Malformed, match="ệp đăng ký"):
        enrolment.read(data)


def test_the_token_is_not_shown_when_printed() -> None:
    assert "mã-dùng" not in repr(a_file())


def test_the_request_reads_back_as_it_was_written() -> None:
    request = EnrolmentRequest(
        token="t",
        code="H99.01",
        installation_uid="4f7e",
        epoch=2,
        public_key=bytes(32),
        box_public_key=bytes(range(32)),
        software="commune-portal/0.1",
    )
    assert enrolment.read_request(enrolment.write_request(request)) == request
    assert "token" not in repr(request)
