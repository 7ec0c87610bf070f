"""One JSON value has one spelling: sorted keys, no spaces, UTF-8 in NFC, whole numbers only.

What is signed or hashed on the wire is spelled so; what comes from outside is read strictly.
"""

from __future__ import annotations

import json
import unicodedata
from typing import Any, NoReturn

from commune_portal.errors import Malformed
from commune_portal.rules.chain import canonical_bytes

LARGEST_INTEGER = 2**53 - 1
DEEPEST = 16


def canonical(value: object) -> bytes:
    """Spells a value of dicts, lists, strings, whole numbers, booleans and None; raises ValueError for others."""
    _check(value, DEEPEST)
    return canonical_bytes(value)


def parse(data: bytes, limit: int, *, any_text: bool = False) -> dict[str, Any]:
    """Reads a JSON object of at most `limit` bytes; raises Malformed for what `canonical` could not have meant.

    Refused are doubled keys, numbers with a point, text that is not NFC, nesting deeper than 16; white space
    and the order of keys are free. `any_text` lets text that is not NFC through: only for what is a copy of
    somebody's evidence and must arrive as it is.
    """
    if len(data) > limit:
        raise Malformed("Dữ liệu nhận được dài quá giới hạn.", detail=f"{len(data)} bytes of JSON, limit {limit}")
    try:
        value = json.loads(
            data.decode("utf-8"),
            object_pairs_hook=_object,
            parse_int=_integer,
            parse_float=_refuse_number,
            parse_constant=_refuse_number,
        )
        if not isinstance(value, dict):
            raise ValueError("not an object")
        _check(value, DEEPEST, any_text=any_text)
    except (ValueError, RecursionError) as error:
        raise Malformed("Dữ liệu nhận được không đọc được.", detail=f"JSON: {error}"[:200]) from error
    return value


def parse_exact(data: bytes, limit: int) -> dict[str, Any]:
    """As `parse`, but only the canonical spelling itself is read: a signed body has no second form."""
    value = parse(data, limit)
    if canonical(value) != data:
        raise Malformed("Dữ liệu nhận được không đúng dạng chuẩn.", detail="JSON is not in canonical form")
    return value


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    value = dict(pairs)
    if len(value) != len(pairs):
        raise ValueError("a key comes twice")
    return value


def _integer(text: str) -> int:
    if len(text) > 17 or text == "-0":
        raise ValueError("a number out of range")
    return int(text)


def _refuse_number(text: str) -> NoReturn:
    raise ValueError(f"not a whole number: {text[:20]}")


def _check(value: object, depth: int, *, any_text: bool = False) -> None:
    if depth < 0:
        raise ValueError("nested too deep")
    if isinstance(value, str):
        if not any_text and not unicodedata.is_normalized("NFC", value):
            raise ValueError("text is not NFC")
        value.encode("utf-8")  # a lone surrogate has no UTF-8
    elif isinstance(value, bool) or value is None:
        return
    elif isinstance(value, int):
        if abs(value) > LARGEST_INTEGER:
            raise ValueError("a number out of range")
    elif isinstance(value, dict):
        for key, member in value.items():
            if not isinstance(key, str):
                raise ValueError("a key is not text")
            _check(key, depth)
            _check(member, depth - 1, any_text=any_text)
    elif isinstance(value, list | tuple):
        for member in value:
            _check(member, depth - 1, any_text=any_text)
    else:
        raise ValueError(f"{type(value).__name__} has no canonical form")
