"""What is signed reads back as it was, and no bit of it can be changed."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from commune_portal.errors import Malformed, Unauthenticated, UnsupportedVersion
from commune_portal.rules.chain import Checkpoint
from commune_portal.wire import checkpoint, envelope, keys, receipt, sealed
from commune_portal.wire.envelope import Envelope, Kind
from commune_portal.wire.receipt import Receipt, RefusalType, Verdict

OURS = keys.from_seeds(bytes(range(32)), bytes(range(32, 64)))
OTHERS = keys.from_seeds(bytes(range(64, 96)), bytes(range(96, 128)))

codes = st.from_regex(r"\A[A-Za-z0-9.:_-]{1,35}\Z")
digests = st.binary(min_size=32, max_size=32).map(bytes.hex)
instants = st.datetimes(datetime(1990, 1, 1), datetime(2200, 1, 1)).map(
    lambda moment: moment.replace(microsecond=0, tzinfo=UTC)
)
counts = st.integers(0, 2**53 - 1)
checkpoints = st.builds(Checkpoint, counts, digests)
message_ids = st.uuids().map(str)
envelopes = st.builds(
    Envelope,
    message_id=message_ids,
    sender=codes,
    recipient=codes,
    kind=st.sampled_from(Kind),
    urgency=st.integers(0, 4),
    created=instants,
    packet_sha256=digests,
    packet_bytes=st.integers(1, 2**53 - 1),
    checkpoint=checkpoints,
    key_id=st.just(OURS.key_id),
    in_reply_to=st.none() | message_ids,
)
refusals = st.none() | st.sampled_from(RefusalType)


@st.composite
def receipts(draw: st.DrawFn) -> Receipt:
    refusal = draw(refusals)
    return Receipt(
        message_id=draw(message_ids),
        packet_sha256=draw(digests),
        verdict=Verdict.REFUSED if refusal else Verdict.ACCEPTED,
        refusal=refusal,
        receiver=draw(codes),
        receiver_sequence=draw(counts),
        received_at=draw(instants),
        checkpoint=draw(checkpoints),
        sender_checkpoint=draw(checkpoints),
        key_id=OURS.key_id,
    )


def ours(_code: str, key_id: str) -> bytes | None:
    return OURS.public_key if key_id == OURS.key_id else None


@settings(deadline=None, max_examples=60)
@given(envelopes)
def test_an_envelope_reads_back_as_it_was_sealed(value: Envelope) -> None:
    data = envelope.seal(value, OURS)
    assert envelope.open_(data, ours) == value
    assert envelope.parse_unverified(data) == value
    assert envelope.seal(value, OURS) == data
    assert len(data) <= envelope.LARGEST_BYTES


@settings(deadline=None, max_examples=60)
@given(receipts())
def test_a_receipt_reads_back_as_it_was_sealed(value: Receipt) -> None:
    data = receipt.seal(value, OURS)
    assert receipt.open_(data, ours) == value
    assert receipt.parse_unverified(data) == value


@settings(deadline=None, max_examples=150)
@given(envelopes, st.data())
def test_one_changed_bit_of_an_envelope_is_always_refused(value: Envelope, data: st.DataObject) -> None:
    sealed_bytes = bytearray(envelope.seal(value, OURS))
    bit = data.draw(st.integers(0, len(sealed_bytes) * 8 - 1))
    sealed_bytes[bit // 8] ^= 1 << bit % 8
    with pytest.raises((Malformed, Unauthenticated)):
        envelope.open_(bytes(sealed_bytes), lambda _code, _key: OURS.public_key)


@settings(deadline=None, max_examples=100)
@given(receipts(), st.data())
def test_one_changed_bit_of_a_receipt_is_always_refused(value: Receipt, data: st.DataObject) -> None:
    sealed_bytes = bytearray(receipt.seal(value, OURS))
    bit = data.draw(st.integers(0, len(sealed_bytes) * 8 - 1))
    sealed_bytes[bit // 8] ^= 1 << bit % 8
    with pytest.raises((Malformed, Unauthenticated)):
        receipt.open_(bytes(sealed_bytes), lambda _code, _key: OURS.public_key)


@settings(deadline=None, max_examples=200)
@given(st.binary(max_size=300))
def test_no_bytes_make_the_readers_fall(data: bytes) -> None:
    readers: list[Callable[[bytes], object]] = [
        envelope.parse_unverified,
        receipt.parse_unverified,
        checkpoint.parse_unverified,
    ]
    for reader in readers:
        with pytest.raises(Malformed):
            reader(data)


AN_ENVELOPE = Envelope(
    message_id="5d1c2f38-9c5e-4e2b-8a57-0d3c1f6a7b90",
    sender="H99.01.02",
    recipient="H99.01.03",
    kind=Kind.EDOC,
    urgency=1,
    created=datetime(2026, 11, 21, 2, tzinfo=UTC),
    packet_sha256="ab" * 32,
    packet_bytes=12,
    checkpoint=Checkpoint(3, "cd" * 32),
    key_id=OURS.key_id,
)


def test_an_unknown_or_foreign_key_opens_nothing() -> None:
    data = envelope.seal(AN_ENVELOPE, OURS)
    with pytest.raises(Unauthenticated):
        envelope.open_(data, lambda _code, _key: None)
    with pytest.raises(Unauthenticated):
        envelope.open_(data, lambda _code, _key: OTHERS.public_key)


def test_the_key_is_looked_up_for_the_sender_that_the_envelope_names() -> None:
    asked: list[tuple[str, str]] = []

    def lookup(code: str, key_id: str) -> bytes:
        asked.append((code, key_id))
        return OURS.public_key

    envelope.open_(envelope.seal(AN_ENVELOPE, OURS), lookup)
    assert asked == [("H99.01.02", OURS.key_id)]


def test_a_signature_for_one_kind_does_not_serve_as_another() -> None:
    body, _, _ = sealed.split(envelope.seal(AN_ENVELOPE, OURS), 4096)
    other = sealed.seal("directory", body, OURS)
    with pytest.raises(Unauthenticated):
        envelope.open_(other, ours)


def test_a_key_can_seal_only_in_its_own_name() -> None:
    with pytest.raises(ValueError, match="another key"):
        envelope.seal(AN_ENVELOPE, OTHERS)


def test_a_newer_version_has_its_own_refusal() -> None:
    body, _, _ = sealed.split(envelope.seal(AN_ENVELOPE, OURS), 4096)
    body["version"] = 2
    with pytest.raises(UnsupportedVersion):
        envelope.open_(sealed.seal("envelope", body, OURS), ours)


def test_an_unknown_member_is_kept_out_of_the_way() -> None:
    body, _, _ = sealed.split(envelope.seal(AN_ENVELOPE, OURS), 4096)
    body["later"] = "something"
    assert envelope.open_(sealed.seal("envelope", body, OURS), ours) == AN_ENVELOPE


def test_a_receipt_never_says_duplicate() -> None:
    with pytest.raises(ValueError, match="accepted, or refused"):
        Receipt(
            message_id=AN_ENVELOPE.message_id,
            packet_sha256=AN_ENVELOPE.packet_sha256,
            verdict=Verdict.DUPLICATE,
            refusal=None,
            receiver="H99",
            receiver_sequence=1,
            received_at=AN_ENVELOPE.created,
            checkpoint=AN_ENVELOPE.checkpoint,
            sender_checkpoint=AN_ENVELOPE.checkpoint,
            key_id=OURS.key_id,
        )
