"""The byte form of everything signed that is kept: one line of canonical JSON, one line of signature.

    {"…":"…","key_id":"9f86d081884c7d65"}⏎
    base64 of the Ed25519 signature⏎

What is signed is `commune-portal/exchange/1 <kind>⏎` and then the first line without its end, so that a
signature for one kind can never serve as another.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from commune_portal.errors import Malformed, Unauthenticated
from commune_portal.wire import fields
from commune_portal.wire.canonical import canonical, parse_exact
from commune_portal.wire.keys import InstallationKeys, verify

PartyKeys = Callable[[str, str], bytes | None]
"""(code of a party, key id) -> that party's public key of that id, or None when it has none such."""

SIGNATURE_BYTES = 64
_PREFIX = "commune-portal/exchange/1 "


def seal(kind: str, body: dict[str, Any], keys: InstallationKeys) -> bytes:
    """Writes and signs a body; it must name the key in `key_id`."""
    if body.get("key_id") != keys.key_id:
        raise ValueError("the body names another key than the one that signs")
    line = canonical(body)
    return line + b"\n" + fields.to_base64(keys.sign(_signed(kind, line))).encode() + b"\n"


def split(data: bytes, limit: int) -> tuple[dict[str, Any], bytes, bytes]:
    """Gives body, the body's line, signature, **unverified**; raises Malformed for any other form."""
    if len(data) > limit:
        raise Malformed("Dữ liệu nhận được dài quá giới hạn.", detail=f"{len(data)} bytes, limit {limit}")
    lines = data.split(b"\n")
    if len(lines) != 3 or lines[2]:
        raise Malformed("Dữ liệu có chữ ký không đúng dạng hai dòng.", detail="not two lines")
    body = parse_exact(lines[0], limit)
    signature = fields.from_base64(lines[1].decode("ascii", errors="replace"))
    if signature is None or len(signature) != SIGNATURE_BYTES:
        raise Malformed("Chữ ký kèm theo không đúng dạng.", detail="not 64 bytes of base64")
    return body, lines[0], signature


def open_(kind: str, data: bytes, party: str, lookup: PartyKeys, limit: int) -> dict[str, Any]:
    """Gives the body of a document that the party named in its field `party` has signed.

    Raises Malformed for a wrong form and Unauthenticated for an unknown key or a wrong signature.
    """
    body, line, signature = split(data, limit)
    code = fields.matching(body, party, fields.CODE)
    key = fields.matching(body, "key_id", fields.KEY_ID)
    public_key = lookup(code, key)
    if public_key is None:
        raise Unauthenticated("Không có khóa công khai để kiểm tra chữ ký của bên gửi.", detail=f"{code} {key}")
    if not verify(public_key, signature, _signed(kind, line)):
        raise Unauthenticated("Chữ ký của bên gửi không đúng.", detail=f"{kind} of {code} {key}")
    return body


def _signed(kind: str, line: bytes) -> bytes:
    return f"{_PREFIX}{kind}\n".encode() + line
