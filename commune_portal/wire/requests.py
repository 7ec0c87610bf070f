"""Every request to a node is signed: RFC 9421 in one fixed profile, so there is nothing to negotiate.

Covered are the method, the path, the query, the digest of the body (RFC 9530), the node it is meant for, and those
of `COVERED_WHERE_PRESENT` that the request has; the parameters are created, nonce, keyid, alg in this order. The
verifier rebuilds the one signature input that this request may have and compares: a header that is added, removed
or changed on the way breaks it.
Source: RFC 9421, RFC 9530
"""

from __future__ import annotations

import base64
import hashlib
import re
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import Enum

from commune_portal.errors import Unauthenticated
from commune_portal.wire import fields
from commune_portal.wire.keys import InstallationKeys
from commune_portal.wire.keys import verify as signature_is_right

RequestKeys = Callable[[str], bytes | None]
"""key id -> public key, or None. Revoked keys are given too, so that their holder can be told so by name."""

WINDOW_SECONDS = 600
LABEL = "exchange"
ALWAYS = ("@method", "@path", "@query", "content-digest", "exchange-node")
COVERED_WHERE_PRESENT = (
    "content-type",
    "envelope-length",
    "exchange-trace",
    "if-range",
    "range",
    "upload-checksum",
    "upload-length",
    "upload-metadata",
    "upload-offset",
)
_PARAMETERS = re.compile(
    r'\((?P<covered>[a-z0-9@" -]*)\);created=(?P<created>[0-9]{1,11});nonce="(?P<nonce>[A-Za-z0-9_-]{16,64})"'
    r';keyid="(?P<keyid>[0-9a-f]{16})";alg="ed25519"'
)
_DIGEST = re.compile(r"sha-256=:(?P<value>[A-Za-z0-9+/]{43}=):")
_SIGNATURE = re.compile(rf"{LABEL}=:(?P<value>[A-Za-z0-9+/]{{86}}==):")


class Failure(Enum):
    """Why a request is not believed. Only STALE and BAD_DIGEST follow a signature that was right."""

    UNSIGNED = "unsigned"
    UNREADABLE = "unreadable"
    OTHER_NODE = "other-node"
    UNKNOWN_KEY = "unknown-key"
    BAD_SIGNATURE = "bad-signature"
    BAD_DIGEST = "bad-digest"
    STALE = "stale"


class RequestUnauthenticated(Unauthenticated):
    """A machine's request is not believed; its `failure` is for the log, its `server_time` for the answer."""

    def __init__(self, failure: Failure, server_time: datetime) -> None:
        super().__init__("Yêu cầu giữa hai hệ thống không có chữ ký đúng.", detail=failure.value)
        self.failure = failure
        self.server_time = server_time


@dataclass(frozen=True, slots=True)
class VerifiedRequest:
    """Who signed, and the nonce that must not have been seen within twice the window."""

    key_id: str
    nonce: str
    created: datetime


def new_nonce() -> str:
    """Sixteen random bytes, spelled in 22 characters."""
    return secrets.token_urlsafe(16)


def content_digest(body: bytes) -> str:
    """The value of Content-Digest; an empty body has one too. Source: RFC 9530 §2."""
    return f"sha-256=:{base64.b64encode(hashlib.sha256(body).digest()).decode('ascii')}:"


def sign(
    method: str,
    path: str,
    headers: Mapping[str, str],
    body: bytes,
    *,
    keys: InstallationKeys,
    created: datetime,
    nonce: str,
) -> dict[str, str]:
    """Gives the three headers that make a request a signed one.

    `path` is what the request line holds, query included; `headers` has Exchange-Node and whatever else is sent.
    """
    digest = content_digest(body)
    sent = {**_lowered(headers), "content-digest": digest}
    covered = _covered(sent)
    parameters = (
        f"({_spelled(covered)});created={int(created.timestamp())};nonce=\"{nonce}\""
        f';keyid="{keys.key_id}";alg="ed25519"'
    )  # fmt: skip
    if not _PARAMETERS.fullmatch(parameters):
        raise ValueError("nonce or instant cannot be spelled")
    signature = keys.sign(signature_base(method, path, sent, covered, parameters))
    return {
        "Content-Digest": digest,
        "Signature-Input": f"{LABEL}={parameters}",
        "Signature": f"{LABEL}=:{fields.to_base64(signature)}:",
    }


def verify(
    method: str,
    path: str,
    headers: Mapping[str, str],
    body: bytes,
    *,
    node: str,
    lookup: RequestKeys,
    now: datetime,
    window_seconds: int = WINDOW_SECONDS,
) -> VerifiedRequest:
    """Checks a request meant for the node of code `node`; raises RequestUnauthenticated with the failure.

    The caller refuses a nonce that it has seen, and a key that is revoked.
    """
    sent = _lowered(headers)
    given, spelled, digest = sent.get("signature-input"), sent.get("signature"), sent.get("content-digest")
    if given is None or spelled is None or digest is None:
        raise RequestUnauthenticated(Failure.UNSIGNED, now)
    match = _PARAMETERS.fullmatch(given.removeprefix(f"{LABEL}="))
    signature = _SIGNATURE.fullmatch(spelled)
    covered = _covered(sent)
    if (
        match is None
        or signature is None
        or not given.startswith(f"{LABEL}=")
        or not _DIGEST.fullmatch(digest)
        or match["covered"] != _spelled(covered)
    ):
        raise RequestUnauthenticated(Failure.UNREADABLE, now)
    if sent.get("exchange-node") != node:
        raise RequestUnauthenticated(Failure.OTHER_NODE, now)
    public_key = lookup(match["keyid"])
    if public_key is None:
        raise RequestUnauthenticated(Failure.UNKNOWN_KEY, now)
    signed = signature_base(method, path, sent, covered, match[0])
    octets = fields.from_base64(signature["value"])
    if octets is None or not signature_is_right(public_key, octets, signed):
        raise RequestUnauthenticated(Failure.BAD_SIGNATURE, now)
    created = datetime.fromtimestamp(int(match["created"]), UTC)
    if abs(now - created) > timedelta(seconds=window_seconds):
        raise RequestUnauthenticated(Failure.STALE, now)
    if not secrets.compare_digest(digest, content_digest(body)):
        raise RequestUnauthenticated(Failure.BAD_DIGEST, now)
    return VerifiedRequest(match["keyid"], match["nonce"], created)


def signature_base(method: str, path: str, sent: Mapping[str, str], covered: tuple[str, ...], parameters: str) -> bytes:
    """The bytes that are signed. Source: RFC 9421 §2.5."""
    bare, _, query = path.partition("?")
    derived = {"@method": method.upper(), "@path": bare, "@query": f"?{query}"}
    lines = [f'"{name}": {derived[name] if name in derived else sent.get(name, "").strip()}' for name in covered]
    return "\n".join([*lines, f'"@signature-params": {parameters}']).encode("utf-8", errors="surrogateescape")


def _covered(sent: Mapping[str, str]) -> tuple[str, ...]:
    return ALWAYS + tuple(name for name in COVERED_WHERE_PRESENT if sent.get(name, "") != "")


def _spelled(covered: tuple[str, ...]) -> str:
    return " ".join(f'"{name}"' for name in covered)


def _lowered(headers: Mapping[str, str]) -> dict[str, str]:
    return {name.lower(): value for name, value in headers.items()}
