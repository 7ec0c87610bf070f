"""One value, one spelling; and nothing else is read."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from commune_portal.errors import Malformed
from commune_portal.wire.canonical import canonical, parse, parse_exact

plain_text = st.text(st.characters(codec="utf-8", categories=["L", "N", "P", "Zs"]), max_size=8).filter(str.isascii)
values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53) + 1, 2**53 - 1) | plain_text,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(plain_text, inner, max_size=4),
    max_leaves=12,
)


@settings(deadline=None, max_examples=100)
@given(st.dictionaries(plain_text, values, max_size=5))
def test_what_is_spelled_reads_back(value: dict[str, object]) -> None:
    spelled = canonical(value)
    assert parse_exact(spelled, len(spelled)) == value


@settings(deadline=None, max_examples=150)
@given(st.binary(max_size=60))
def test_any_bytes_are_read_or_refused_in_words(data: bytes) -> None:
    with suppress(Malformed):
        assert isinstance(parse(data, 60), dict)


def test_keys_are_sorted_and_vietnamese_is_not_escaped() -> None:
    assert canonical({"b": 1, "a": "Đã đến"}) == '{"a":"Đã đến","b":1}'.encode()


@pytest.mark.parametrize(
    "spelled",
    [
        b'{"a":1,"a":2}',
        b'{"a":1.0}',
        b'{"a":1e3}',
        b'{"a":NaN}',
        b'{"a":9007199254740992}',
        b'{"a":' + b"9" * 5000 + b"}",
        b'{"a":-0}',
        b'{"a":"\\ud800"}',
        '{"a":"e\u0301"}'.encode(),
        b'{"a":' + b"[" * 40 + b"]" * 40 + b"}",
        b'{"a":' + b"[" * 100_000 + b"]" * 100_000 + b"}",
        b'{"a":"\xff"}',
        b"\xef\xbb\xbf{}",
        b"[]",
        b"{} x",
        b"",
    ],
)
def test_what_has_no_canonical_form_is_refused(spelled: bytes) -> None:
    with pytest.raises(Malformed):
        parse(spelled, 1_000_000)


@pytest.mark.parametrize("spelled", [b'{ "a":1}', b'{"b":1,"a":2}', b'{"a":"\\u0041"}', b'{"a":"\\/"}'])
def test_a_second_spelling_is_read_only_where_it_is_not_signed(spelled: bytes) -> None:
    parse(spelled, 100)
    with pytest.raises(Malformed):
        parse_exact(spelled, 100)


def test_a_long_body_is_refused_before_it_is_read() -> None:
    with pytest.raises(Malformed, match="giới hạn"):
        parse(b'{"a":"' + b"x" * 100 + b'"}', 50)


@pytest.mark.parametrize("value", [1.0, {"a": 2**53}, {1: "a"}, {"a": b"x"}, {"a": "e\u0301"}, {"a": "\ud800"}])
def test_only_what_can_be_read_can_be_written(value: object) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - several kinds of it
        canonical(value)
