"""The signed text of a journal's size and head."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from commune_portal.errors import Malformed, Unauthenticated
from commune_portal.rules.chain import Checkpoint
from commune_portal.wire import checkpoint, keys
from commune_portal.wire.checkpoint import Note

OFFICE = keys.from_seeds(bytes(range(32)), bytes(32))
NODE = keys.from_seeds(bytes(range(1, 33)), bytes(32))
NOTE = Note("H99.01.02/journal", Checkpoint(1204, "ab" * 32), datetime(2026, 11, 21, 2, tzinfo=UTC))


def test_both_signatures_below_one_text_are_checked() -> None:
    data = checkpoint.countersign(checkpoint.seal(NOTE, "H99.01.02", OFFICE), "H99", NODE)
    assert checkpoint.open_(data, "H99.01.02", OFFICE.public_key) == NOTE
    assert checkpoint.open_(data, "H99", NODE.public_key) == NOTE
    assert data.decode().split("\n")[:4] == [
        "H99.01.02/journal",
        "1204",
        "q6urq6urq6urq6urq6urq6urq6urq6urq6urq6urq6s=",
        "2026-11-21T02:00:00Z",
    ]


def test_a_signature_of_another_party_is_not_enough() -> None:
    data = checkpoint.seal(NOTE, "H99.01.02", OFFICE)
    for signer, key in (("H99", NODE.public_key), ("H99.01.02", NODE.public_key), ("H99", OFFICE.public_key)):
        with pytest.raises(Unauthenticated):
            checkpoint.open_(data, signer, key)


@settings(deadline=None, max_examples=150)
@given(st.data())
def test_one_changed_bit_is_always_refused(data: st.DataObject) -> None:
    text = bytearray(checkpoint.seal(NOTE, "H99.01.02", OFFICE))
    bit = data.draw(st.integers(0, len(text) * 8 - 1))
    text[bit // 8] ^= 1 << bit % 8
    with pytest.raises((Malformed, Unauthenticated)):
        checkpoint.open_(bytes(text), "H99.01.02", OFFICE.public_key)


@pytest.mark.parametrize("origin", ["", "H99", "H99/journal\nx", "H 99/journal", "/journal"])
def test_an_origin_names_a_party_and_a_journal(origin: str) -> None:
    with pytest.raises(ValueError, match="origin"):
        checkpoint.seal(Note(origin, NOTE.checkpoint, NOTE.stated_at), "H99", NODE)
