"""What is closed opens with each of its keys and with no other, and any damage is found."""

from __future__ import annotations

import io
import random
from collections.abc import Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from commune_portal.errors import DiskFull, Malformed
from commune_portal.store import sealing
from commune_portal.store.sealing import NotForUs, SealBroken
from commune_portal.wire import keys

PAPER = sealing.new_secret()
OWN = keys.from_seeds(bytes(range(32)), bytes(range(1, 33)))
BOX = sealing.as_secret(OWN.box.private_bytes_raw())


def closed(data: bytes, *recipients: str, piece: int = 7000) -> bytes:
    out = io.BytesIO()
    sealing.seal((data[at : at + piece] for at in range(0, len(data), piece)), out, recipients)
    return out.getvalue()


def opened(data: bytes, *secrets: str) -> bytes:
    out = io.BytesIO()
    sealing.open_(io.BytesIO(data), out, secrets)
    return out.getvalue()


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 200_000), st.integers(1, 70_000))
def test_what_is_closed_opens_with_any_of_its_keys_whatever_its_length(length: int, piece: int) -> None:
    data = random.Random(length).randbytes(length)
    sealed = closed(data, sealing.recipient_of(PAPER), sealing.as_recipient(OWN.box_public_key), piece=piece)
    assert sealing.is_sealed(sealed[:64])
    assert opened(sealed, PAPER) == opened(sealed, BOX) == data


def test_the_box_key_of_an_installation_is_an_age_key() -> None:
    assert sealing.recipient_of(BOX) == sealing.as_recipient(OWN.box_public_key)
    assert sealing.as_recipient(OWN.box_public_key).startswith("age1")


def test_another_key_opens_nothing() -> None:
    sealed = closed(b"so dang ky", sealing.recipient_of(PAPER))
    with pytest.raises(NotForUs, match="Khóa phục hồi"):
        opened(sealed, sealing.new_secret(), BOX)


def test_any_flipped_byte_and_any_cut_is_found() -> None:
    data = random.Random(1).randbytes(150_000)
    sealed = closed(data, sealing.recipient_of(PAPER))
    chance = random.Random(2)
    for place in [0, 30, 150, *(chance.randrange(len(sealed)) for _ in range(30))]:
        damaged = bytearray(sealed)
        damaged[place] ^= 1 << chance.randrange(8)
        with pytest.raises((SealBroken, NotForUs)):
            opened(bytes(damaged), PAPER)
    head = len(closed(b"", sealing.recipient_of(PAPER))) - 16
    for length in (len(sealed) - 1, head + 65536 + 16, head + 100, 40, 0):
        with pytest.raises((SealBroken, NotForUs)):
            opened(sealed[:length], PAPER)


def test_what_reading_or_writing_raises_comes_through() -> None:
    def breaking() -> Iterator[bytes]:
        yield b"x" * 100_000
        raise DiskFull("đọc")

    class Full(io.BytesIO):
        def write(self, data: object) -> int:
            raise OSError(28, "No space left on device")

    recipient = sealing.recipient_of(PAPER)
    with pytest.raises(DiskFull, match="đọc"):
        sealing.seal(breaking(), io.BytesIO(), [recipient])
    with pytest.raises(OSError, match="No space"):
        sealing.seal([b"x" * 100_000], Full(), [recipient])
    with pytest.raises(OSError, match="No space"):
        sealing.open_(io.BytesIO(closed(b"x" * 100_000, recipient)), Full(), [PAPER])


def test_a_key_is_read_as_people_copy_it_and_a_wrong_letter_is_told() -> None:
    letters = PAPER.removeprefix(sealing.SECRET_PREFIX)
    groups = " ".join(letters[at : at + 5] for at in range(0, len(letters), 5))
    for text in (PAPER, PAPER.lower(), groups, f"Khóa: AGE-SECRET-KEY-1\n{groups.lower()}\nYA4K9\n", f"﻿{PAPER}\r\n"):
        assert sealing.read_secret(text) == PAPER
    wrong = "Q" if letters[7] != "Q" else "P"
    for text in ("", "AGE-SECRET-KEY-1", PAPER[:-1], PAPER[:23] + wrong + PAPER[24:], "mật khẩu"):
        with pytest.raises(Malformed, match="58"):
            sealing.read_secret(text)


def test_a_recipient_that_is_none_is_refused() -> None:
    sealing.check_recipient(sealing.recipient_of(PAPER))
    with pytest.raises(Malformed, match="age1"):
        sealing.check_recipient("age1abc")
    with pytest.raises(Malformed):
        sealing.check_recipient(PAPER)
