"""A signed request: whatever is changed on the way, it is not believed."""

from __future__ import annotations

import base64
from datetime import UTC, datetime, timedelta

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from hypothesis import given, settings
from hypothesis import strategies as st

from commune_portal.wire import keys, requests
from commune_portal.wire.requests import Failure, RequestUnauthenticated, VerifiedRequest

OURS = keys.from_seeds(bytes(range(32)), bytes(range(32, 64)))
NOON = datetime(2026, 11, 21, 5, tzinfo=UTC)
NONCE = "AAECAwQFBgcICQoLDA0ODw"
PATH = "/exchange/v1/uploads/7c1f?x=1"
HEADERS = {"Exchange-Node": "H99", "Upload-Offset": "65536", "Content-Type": "application/offset+octet-stream"}


def lookup(key_id: str) -> bytes | None:
    return OURS.public_key if key_id == OURS.key_id else None


def signed(method: str = "PATCH", body: bytes = b"chunk") -> dict[str, str]:
    return {**HEADERS, **requests.sign(method, PATH, HEADERS, body, keys=OURS, created=NOON, nonce=NONCE)}


def failure(
    method: str, path: str, headers: dict[str, str], body: bytes, now: datetime = NOON, node: str = "H99"
) -> Failure:
    with pytest.raises(RequestUnauthenticated) as caught:
        requests.verify(method, path, headers, body, node=node, lookup=lookup, now=now)
    assert caught.value.server_time == now
    return caught.value.failure


def test_a_signed_request_names_its_key_and_nonce_whatever_the_case_of_headers() -> None:
    headers = {name.upper(): value for name, value in signed().items()}
    found = requests.verify("PATCH", PATH, headers, b"chunk", node="H99", lookup=lookup, now=NOON)
    assert found == VerifiedRequest(OURS.key_id, NONCE, NOON)


@pytest.mark.parametrize(
    ("method", "path", "changed", "expected"),
    [
        ("POST", PATH, {}, Failure.BAD_SIGNATURE),
        ("PATCH", PATH.replace("7c1f", "7c1e"), {}, Failure.BAD_SIGNATURE),
        ("PATCH", PATH.replace("x=1", "x=2"), {}, Failure.BAD_SIGNATURE),
        ("PATCH", PATH, {"Upload-Offset": "0"}, Failure.BAD_SIGNATURE),
        ("PATCH", PATH, {"Content-Type": "text/plain"}, Failure.BAD_SIGNATURE),
        ("PATCH", PATH, {"Upload-Offset": ""}, Failure.UNREADABLE),
        ("PATCH", PATH, {"Range": "bytes=0-1"}, Failure.UNREADABLE),
        ("PATCH", PATH, {"Envelope-Length": "5"}, Failure.UNREADABLE),
        ("PATCH", PATH, {"Exchange-Node": "H98"}, Failure.OTHER_NODE),
        ("PATCH", PATH, {"Content-Digest": requests.content_digest(b"other")}, Failure.BAD_SIGNATURE),
        ("PATCH", PATH, {"Content-Digest": "sha-512=:AAAA:"}, Failure.UNREADABLE),
    ],
)
def test_every_covered_part_is_covered(method: str, path: str, changed: dict[str, str], expected: Failure) -> None:
    assert failure(method, path, {**signed(), **changed}, b"chunk") is expected


@pytest.mark.parametrize("name", ["Signature", "Signature-Input", "Content-Digest"])
def test_an_unsigned_request_is_refused(name: str) -> None:
    headers = signed()
    del headers[name]
    assert failure("PATCH", PATH, headers, b"chunk") is Failure.UNSIGNED


@pytest.mark.parametrize("node", ["H98", "", "H99.01"])
def test_a_request_for_another_node_cannot_be_brought_here(node: str) -> None:
    assert failure("PATCH", PATH, signed(), b"chunk", node=node) is Failure.OTHER_NODE


def test_other_bytes_are_told_apart_from_a_wrong_signature() -> None:
    assert failure("PATCH", PATH, signed(), b"chunK") is Failure.BAD_DIGEST


@pytest.mark.parametrize("seconds", [601, -601, 10**8])
def test_a_time_outside_the_window_is_stale_only_for_who_signed(seconds: int) -> None:
    now = NOON + timedelta(seconds=seconds)
    assert failure("PATCH", PATH, signed(), b"chunk", now) is Failure.STALE
    forged = {**signed(), "Signature": "exchange=:" + base64.b64encode(bytes(64)).decode() + ":"}
    assert failure("PATCH", PATH, forged, b"chunk", now) is Failure.BAD_SIGNATURE


@pytest.mark.parametrize("seconds", [600, -600, 0])
def test_ten_minutes_either_way_are_believed(seconds: int) -> None:
    now = NOON + timedelta(seconds=seconds)
    requests.verify("PATCH", PATH, signed(), b"chunk", node="H99", lookup=lookup, now=now)


def test_an_unknown_key_is_refused() -> None:
    stranger = keys.from_seeds(bytes(32), bytes(32))
    headers = {**HEADERS, **requests.sign("GET", PATH, HEADERS, b"", keys=stranger, created=NOON, nonce=NONCE)}
    assert failure("GET", PATH, headers, b"") is Failure.UNKNOWN_KEY


@settings(deadline=None, max_examples=150)
@given(st.sampled_from(["Signature", "Signature-Input", "Content-Digest"]), st.data())
def test_one_changed_bit_of_the_signature_headers_is_always_refused(name: str, data: st.DataObject) -> None:
    headers = signed()
    spelled = bytearray(headers[name].encode())
    bit = data.draw(st.integers(0, len(spelled) * 8 - 1))
    spelled[bit // 8] ^= 1 << bit % 8
    headers[name] = spelled.decode("latin-1")
    with pytest.raises(RequestUnauthenticated):
        requests.verify("PATCH", PATH, headers, b"chunk", node="H99", lookup=lookup, now=NOON)


@settings(deadline=None, max_examples=100)
@given(st.text(max_size=80), st.text(max_size=80))
def test_no_header_makes_the_verifier_fall(given_input: str, signature: str) -> None:
    headers = {**signed(), "Signature-Input": given_input, "Signature": signature}
    assert failure("PATCH", PATH, headers, b"chunk") in (Failure.UNREADABLE, Failure.UNKNOWN_KEY)


def test_the_signature_is_the_one_that_rfc_9421_describes() -> None:
    """The base is built here by hand from the RFC's section 2.5, and checked by the cryptography library alone."""
    headers = signed()
    parameters = headers["Signature-Input"].removeprefix("exchange=")
    base = (
        '"@method": PATCH\n"@path": /exchange/v1/uploads/7c1f\n"@query": ?x=1\n'
        '"content-digest": sha-256=:bIf2g3GyiVRwfruSr+58z/t0xvceyP6oqYz2EEKJWFs=:\n'
        '"exchange-node": H99\n"content-type": application/offset+octet-stream\n"upload-offset": 65536\n'
        f'"@signature-params": {parameters}'
    )
    assert parameters == (
        '("@method" "@path" "@query" "content-digest" "exchange-node" "content-type" "upload-offset")'
        f';created=1795237200;nonce="{NONCE}";keyid="{OURS.key_id}";alg="ed25519"'
    )
    octets = base64.b64decode(headers["Signature"].removeprefix("exchange=:").removesuffix(":"))
    assert headers["Content-Digest"] in base
    Ed25519PublicKey.from_public_bytes(OURS.public_key).verify(octets, base.encode())


@pytest.mark.parametrize("nonce", ["", "short", 'x" ;keyid="0', "a" * 65])
def test_a_nonce_that_could_break_out_is_never_signed(nonce: str) -> None:
    with pytest.raises(ValueError, match="nonce"):
        requests.sign("GET", PATH, HEADERS, b"", keys=OURS, created=NOON, nonce=nonce)


def test_nonces_do_not_repeat() -> None:
    assert len({requests.new_nonce() for _ in range(1000)}) == 1000
