"""Typed fields of a body that came over the wire: each reader raises Malformed with the field's name."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Mapping
from datetime import datetime
from enum import Enum
from typing import Any, NoReturn, TypeVar

from commune_portal import clock
from commune_portal.errors import Malformed

CODE = re.compile(r"[A-Za-z0-9.:_-]{1,35}")
SHA256 = re.compile(r"[0-9a-f]{64}")
KEY_ID = re.compile(r"[0-9a-f]{16}")
MESSAGE_ID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")

Member = TypeVar("Member", bound=Enum)


def refuse(name: str, problem: str) -> NoReturn:
    """Raises Malformed that names the field; the problem goes to the technical log only."""
    raise Malformed(f"Dữ liệu nhận được sai ở mục «{name}».", field=name, detail=f"{name}: {problem}"[:200])


def text(body: Mapping[str, Any], name: str, longest: int = 500) -> str:
    """A string of one line, at most `longest` characters, not empty."""
    value = body.get(name)
    if not isinstance(value, str) or not value.strip() or len(value) > longest or _CONTROL.search(value):
        refuse(name, "not one line of text")
    return value


def matching(body: Mapping[str, Any], name: str, pattern: re.Pattern[str]) -> str:
    """A string that the whole pattern describes."""
    value = body.get(name)
    if not isinstance(value, str) or not pattern.fullmatch(value):
        refuse(name, f"not of the form {pattern.pattern}")
    return value


def optional_matching(body: Mapping[str, Any], name: str, pattern: re.Pattern[str]) -> str | None:
    """As `matching`; null and absence are None."""
    return None if body.get(name) is None else matching(body, name, pattern)


def integer(body: Mapping[str, Any], name: str, least: int = 0, most: int = 2**53 - 1) -> int:
    """A whole number within bounds; true and false are none."""
    value = body.get(name)
    if not isinstance(value, int) or isinstance(value, bool) or not least <= value <= most:
        refuse(name, f"not a whole number from {least} to {most}")
    return value


def boolean(body: Mapping[str, Any], name: str) -> bool:
    """True or false."""
    value = body.get(name)
    if not isinstance(value, bool):
        refuse(name, "not true or false")
    return value


def instant(body: Mapping[str, Any], name: str) -> datetime:
    """An instant as `clock.to_text` spells it."""
    value = body.get(name)
    try:
        read = clock.from_text(value if isinstance(value, str) else "")
    except ValueError:
        refuse(name, "not an instant")
    if clock.to_text(read) != value:
        refuse(name, "not an instant of fixed width")
    return read


def optional_instant(body: Mapping[str, Any], name: str) -> datetime | None:
    """As `instant`; null and absence are None."""
    return None if body.get(name) is None else instant(body, name)


def member(body: Mapping[str, Any], name: str, shape: type[Member]) -> Member:
    """A member of an enum, by its value."""
    try:
        return shape(body.get(name))
    except ValueError:
        refuse(name, f"not one of {[item.value for item in shape]}")


def mapping(body: Mapping[str, Any], name: str) -> dict[str, Any]:
    """An object."""
    value = body.get(name)
    if not isinstance(value, dict):
        refuse(name, "not an object")
    return value


def sequence(body: Mapping[str, Any], name: str, most: int) -> list[Any]:
    """A list of at most `most` members."""
    value = body.get(name)
    if not isinstance(value, list) or len(value) > most:
        refuse(name, f"not a list of at most {most}")
    return value


def objects(body: Mapping[str, Any], name: str, most: int) -> list[dict[str, Any]]:
    """A list of objects."""
    found = sequence(body, name, most)
    for value in found:
        if not isinstance(value, dict):
            refuse(name, "a member is not an object")
    return found


def octets(body: Mapping[str, Any], name: str, most: int, exactly: int | None = None) -> bytes:
    """Bytes spelled in base64 (RFC 4648 §4, padded, nothing else in between)."""
    value = body.get(name)
    decoded = from_base64(value) if isinstance(value, str) else None
    if decoded is None or len(decoded) > most or (exactly is not None and len(decoded) != exactly):
        refuse(name, "not base64 of the right length")
    return decoded


def to_base64(data: bytes) -> str:
    """Spells bytes in base64."""
    return base64.b64encode(data).decode("ascii")


def from_base64(spelled: str) -> bytes | None:
    """Reads the one base64 spelling of some bytes; None for any other."""
    try:
        decoded = base64.b64decode(spelled, validate=True)
    except (binascii.Error, ValueError):
        return None
    return decoded if to_base64(decoded) == spelled else None
