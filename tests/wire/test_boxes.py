"""A box opens for one key, whole or not at all."""

from __future__ import annotations

import random
import tracemalloc
from collections.abc import Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from commune_portal.wire import boxes, keys
from commune_portal.wire.boxes import FRAME_BYTES, HEADER_BYTES, TAG_BYTES, BoxDamaged

OURS = keys.from_seeds(bytes(range(32)), bytes(range(32, 64)))
OTHERS = keys.from_seeds(bytes(range(64, 96)), bytes(range(96, 128)))
THREE_FRAMES = random.Random(1).randbytes(2 * FRAME_BYTES + 1000)
SIZES = st.sampled_from([0, 1, FRAME_BYTES - 1, FRAME_BYTES, FRAME_BYTES + 1, 3 * FRAME_BYTES, 200_001])


def closed(content: bytes, own: keys.InstallationKeys = OURS) -> bytes:
    return b"".join(boxes.seal([content], own.box_public_key))


def opened(box: bytes, own: keys.InstallationKeys = OURS) -> bytes:
    return b"".join(boxes.open_([box], own))


def in_pieces(data: bytes, length: int) -> Iterator[bytes]:
    for start in range(0, len(data), length):
        yield data[start : start + length]


@settings(deadline=None, max_examples=30)
@given(SIZES, st.integers(1, 100_000), st.integers(1, 100_000))
def test_what_was_closed_opens_however_it_is_cut_on_the_way(size: int, here: int, there: int) -> None:
    content = random.Random(size).randbytes(size)
    here, there = max(here, size // 50 + 1), max(there, size // 50 + 1)
    box = b"".join(boxes.seal(in_pieces(content, here), OURS.box_public_key))
    assert len(box) == boxes.sealed_bytes(size)
    assert b"".join(boxes.open_(in_pieces(box, there), OURS)) == content


def test_two_boxes_of_one_content_have_nothing_in_common_but_their_form() -> None:
    first, second = closed(THREE_FRAMES), closed(THREE_FRAMES)
    assert first[: len(boxes.MAGIC)] == second[: len(boxes.MAGIC)]
    assert all(first[start : start + 16] != second[start : start + 16] for start in range(21, len(first) - 16, 16))
    assert THREE_FRAMES[:32] not in first


@settings(deadline=None, max_examples=60)
@given(st.data())
def test_a_flipped_bit_anywhere_is_refused(data: st.DataObject) -> None:
    box = bytearray(closed(THREE_FRAMES))
    place = data.draw(st.integers(0, len(box) * 8 - 1))
    box[place // 8] ^= 1 << place % 8
    with pytest.raises(BoxDamaged):
        opened(bytes(box))


def test_a_flipped_bit_in_every_place_of_the_header_is_refused() -> None:
    box = closed(b"phong bi")
    for place in range(HEADER_BYTES * 8):
        changed = bytearray(box)
        changed[place // 8] ^= 1 << place % 8
        with pytest.raises(BoxDamaged):
            opened(bytes(changed))


@settings(deadline=None, max_examples=60)
@given(st.data())
def test_a_cut_anywhere_is_refused(data: st.DataObject) -> None:
    box = closed(THREE_FRAMES)
    length = data.draw(
        st.integers(0, len(box) - 1)
        | st.sampled_from([0, HEADER_BYTES, HEADER_BYTES + FRAME_BYTES + TAG_BYTES, len(box) - 1])
    )
    with pytest.raises(BoxDamaged):
        opened(box[:length])


@pytest.mark.parametrize("size", [0, 5, FRAME_BYTES, 2 * FRAME_BYTES])
@pytest.mark.parametrize("more", [b"x", bytes(TAG_BYTES), bytes(FRAME_BYTES + TAG_BYTES)])
def test_more_than_the_last_frame_is_refused(size: int, more: bytes) -> None:
    with pytest.raises(BoxDamaged):
        opened(closed(bytes(size)) + more)


def test_frames_in_another_order_doubled_or_left_out_are_refused() -> None:
    box = closed(bytes(4 * FRAME_BYTES))
    head, length = box[:HEADER_BYTES], FRAME_BYTES + TAG_BYTES
    frames = [box[HEADER_BYTES + start * length :][:length] for start in range(4)]
    assert opened(head + b"".join(frames)) == bytes(4 * FRAME_BYTES)
    for order in ((1, 0, 2, 3), (0, 1, 3), (0, 1, 1, 2, 3), (3,), (0, 1, 2, 3, 3), (0, 2, 1, 3), (1, 2, 3)):
        with pytest.raises(BoxDamaged):
            opened(head + b"".join(frames[place] for place in order))


def test_a_frame_of_another_box_is_refused() -> None:
    first, second = closed(THREE_FRAMES), closed(THREE_FRAMES)
    length = HEADER_BYTES + FRAME_BYTES + TAG_BYTES
    with pytest.raises(BoxDamaged):
        opened(first[:length] + second[length:])


@settings(deadline=None, max_examples=10)
@given(st.binary(min_size=32, max_size=32))
def test_another_key_cannot_open_it(secret: bytes) -> None:
    with pytest.raises(BoxDamaged):
        opened(closed(b"mat khau"), keys.from_seeds(bytes(32), secret))
    with pytest.raises(BoxDamaged):
        opened(closed(b"mat khau"), OTHERS)


def test_an_ephemeral_key_of_small_order_is_refused() -> None:
    for point in (bytes(32), b"\x01" + bytes(31)):
        with pytest.raises(BoxDamaged):
            opened(boxes.MAGIC + point + bytes(TAG_BYTES))


def test_nothing_of_a_changed_frame_is_given_out() -> None:
    box = bytearray(closed(THREE_FRAMES))
    box[HEADER_BYTES + FRAME_BYTES + TAG_BYTES + 5] ^= 1
    opening = boxes.open_([bytes(box)], OURS)
    assert next(opening) == THREE_FRAMES[:FRAME_BYTES]
    with pytest.raises(BoxDamaged):
        next(opening)


def test_memory_stays_flat_however_long_the_box_is() -> None:
    def content() -> Iterator[bytes]:
        for _ in range(320):
            yield bytes(FRAME_BYTES)

    tracemalloc.start()
    try:
        there = boxes.open_(boxes.seal(content(), OURS.box_public_key), OURS)
        assert sum(len(piece) for piece in there) == 320 * FRAME_BYTES
        assert tracemalloc.get_traced_memory()[1] < 2 * 1024 * 1024
    finally:
        tracemalloc.stop()
