"""The file that brings a new office to its node, and the office's first request with it.

The file is made at the node and carried by hand: it holds a one-time token, so it is to be kept like a password
until it is used. An address of http is taken only for a literal loopback address; anything else is https with the
node's own certificate authority in the file.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

from commune_portal import clock
from commune_portal.errors import Malformed
from commune_portal.settings import is_loopback
from commune_portal.wire import fields
from commune_portal.wire.canonical import canonical, parse

FILE_SUFFIX = ".ghinoi.json"
LARGEST_BYTES = 64 * 1024
VERSION = 1
_KIND = "commune-portal enrolment"


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class EnrolmentFile:
    """What an office needs to know of its node; `repr` keeps the token to itself."""

    token: str
    office_code: str
    office_name: str
    node_code: str
    node_name: str
    node_public_key: bytes
    node_box_public_key: bytes
    address: str
    ca_pem: str | None
    expires_at: datetime

    def __repr__(self) -> str:
        return f"EnrolmentFile({self.office_code} at {self.node_code}, {self.address})"


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class EnrolmentRequest:
    """An office's first words: the token, and the public keys it made. Signed with the new key itself."""

    token: str
    code: str
    installation_uid: str
    epoch: int
    public_key: bytes
    box_public_key: bytes
    software: str

    def __repr__(self) -> str:
        return f"EnrolmentRequest({self.code}, epoch {self.epoch})"


def write(file: EnrolmentFile) -> bytes:
    """Spells the file; raises Malformed when the address may not be used."""
    checked_address(file.address, file.ca_pem)
    return canonical(
        {
            "address": file.address,
            "ca_pem": file.ca_pem,
            "expires_at": clock.to_text(file.expires_at),
            "kind": _KIND,
            "node_box_public_key": fields.to_base64(file.node_box_public_key),
            "node_code": file.node_code,
            "node_name": file.node_name,
            "node_public_key": fields.to_base64(file.node_public_key),
            "office_code": file.office_code,
            "office_name": file.office_name,
            "token": file.token,
            "version": VERSION,
        }
    )


def read(data: bytes) -> EnrolmentFile:
    """Reads an enrolment file; raises Malformed with a sentence for the administrator."""
    try:
        body = parse(data.removeprefix(b"\xef\xbb\xbf"), LARGEST_BYTES)
    except Malformed as error:
        raise Malformed(
            "Tệp đăng ký không đọc được. Hãy xin lại tệp từ nút liên thông.", detail=error.detail
        ) from error
    if body.get("kind") != _KIND:
        raise Malformed("Đây không phải tệp đăng ký với nút liên thông. Hãy chọn đúng tệp có đuôi .ghinoi.json.")
    if body.get("version") != VERSION:
        raise Malformed("Tệp đăng ký do phiên bản khác làm ra. Hãy nâng cấp hệ thống rồi nạp lại.")
    ca_pem = body.get("ca_pem")
    if ca_pem is not None and not isinstance(ca_pem, str):
        fields.refuse("ca_pem", "not text")
    return EnrolmentFile(
        token=fields.text(body, "token", 200),
        office_code=fields.matching(body, "office_code", fields.CODE),
        office_name=fields.text(body, "office_name"),
        node_code=fields.matching(body, "node_code", fields.CODE),
        node_name=fields.text(body, "node_name"),
        node_public_key=fields.octets(body, "node_public_key", 32, exactly=32),
        node_box_public_key=fields.octets(body, "node_box_public_key", 32, exactly=32),
        address=checked_address(fields.text(body, "address"), ca_pem),
        ca_pem=ca_pem,
        expires_at=fields.instant(body, "expires_at"),
    )


def checked_address(address: str, ca_pem: str | None) -> str:
    """Gives the address back when it may be used, without a trailing slash; raises Malformed with the reason."""
    try:
        parts = urlsplit(address)
        host, port = parts.hostname, parts.port
    except ValueError as error:
        raise Malformed(f"Địa chỉ nút «{address}» không đúng.", field="address") from error
    if parts.scheme not in ("http", "https") or not host or port == 0:
        raise Malformed(f"Địa chỉ nút «{address}» phải bắt đầu bằng https:// và có tên máy.", field="address")
    if parts.path not in ("", "/") or parts.query or parts.fragment or parts.username is not None:
        raise Malformed(f"Địa chỉ nút «{address}» chỉ được gồm tên máy và cổng.", field="address")
    if parts.scheme == "http" and not is_loopback(host):
        raise Malformed(
            f"Địa chỉ nút «{address}» không mã hóa. Ngoài 127.0.0.1 phải dùng https:// kèm chứng thư CA của nút.",
            field="address",
        )
    if parts.scheme == "https" and not _is_certificate(ca_pem):
        raise Malformed("Tệp đăng ký thiếu chứng thư CA của nút, cần cho địa chỉ https://.", field="ca_pem")
    return address.rstrip("/")


def write_request(request: EnrolmentRequest) -> bytes:
    """Spells the body of POST /exchange/v1/enrolment."""
    return canonical(
        {
            "box_public_key": fields.to_base64(request.box_public_key),
            "code": request.code,
            "epoch": request.epoch,
            "installation_uid": request.installation_uid,
            "public_key": fields.to_base64(request.public_key),
            "software": request.software,
            "token": request.token,
            "version": VERSION,
        }
    )


def read_request(data: bytes) -> EnrolmentRequest:
    """Reads that body; raises Malformed. The caller then checks the request's signature with `public_key`."""
    body: dict[str, Any] = parse(data, LARGEST_BYTES)
    if body.get("version") != VERSION:
        fields.refuse("version", "unknown")
    return EnrolmentRequest(
        token=fields.text(body, "token", 200),
        code=fields.matching(body, "code", fields.CODE),
        installation_uid=fields.text(body, "installation_uid", 64),
        epoch=fields.integer(body, "epoch"),
        public_key=fields.octets(body, "public_key", 32, exactly=32),
        box_public_key=fields.octets(body, "box_public_key", 32, exactly=32),
        software=fields.text(body, "software", 100),
    )


def _is_certificate(ca_pem: str | None) -> bool:
    from cryptography import x509

    if ca_pem is None:
        return False
    try:
        return bool(x509.load_pem_x509_certificates(ca_pem.encode()))
    except ValueError:
        return False
