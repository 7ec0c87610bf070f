"""What a node answers to the announcement of a node below it; the announcement itself is a directory."""

from __future__ import annotations

from dataclasses import dataclass

from commune_portal.errors import Malformed
from commune_portal.wire import fields
from commune_portal.wire.canonical import canonical, parse

LARGEST_BYTES = 16 * 1024


@dataclass(frozen=True, slots=True)
class Heard:
    """What became of an announcement: how many codes were taken, and some of those that lie outside the subtree."""

    taken: int
    outside: tuple[str, ...]


def write_heard(heard: Heard) -> bytes:
    """Spells the answer."""
    return canonical({"outside": list(heard.outside), "taken": heard.taken})


def read_heard(data: bytes) -> Heard:
    """Reads the answer; raises Malformed."""
    body = parse(data, LARGEST_BYTES)
    outside = body.get("outside") if isinstance(body, dict) else None
    if not isinstance(body, dict) or not isinstance(outside, list):
        raise Malformed(detail="answer to an announcement")
    codes = [code for code in outside if isinstance(code, str) and fields.CODE.fullmatch(code)]
    return Heard(fields.integer(body, "taken", 0), tuple(codes))
