"""The list of organisations as a node tells it: codes in both forms, former names and codes, what became of a body.

Unsigned: it says what somebody is called and how to reach them. Keys are in the signed directory alone.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from typing import Any

from commune_portal import clock
from commune_portal.wire import fields
from commune_portal.wire.canonical import canonical, parse

LARGEST_PAGE = 500
MOST_FOUND = 50
MOST_CODES = 40
MOST_ALIASES = 50
LARGEST_ANSWER_BYTES = 4 * 1024 * 1024


class Why(Enum):
    """Why a code leads to another one: the other form, a change of code, or a merger."""

    LEGACY = "legacy"
    RENAMED = "renamed"
    MERGED = "merged"


@dataclass(frozen=True, slots=True)
class Alias:
    """A code under which an organisation was known; `since` is a civil date as text, or None."""

    code: str
    why: Why
    since: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Listed:
    """One organisation. `change` is the node's number of its newest change; `merged_into` the successor's code."""

    code: str
    name: str
    change: int
    code_legacy: str = ""
    phone: str = ""
    former_names: tuple[str, ...] = ()
    aliases: tuple[Alias, ...] = ()
    merged_into: str = ""
    closed_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class ListedPage:
    """Organisations in order of change; `next_after` is what to ask from the next time."""

    items: tuple[Listed, ...]
    next_after: int
    more: bool


def write_page(page: ListedPage) -> bytes:
    """Spells the answer of GET /exchange/v1/organisations."""
    return canonical({"items": [_body(item) for item in page.items], "more": page.more, "next": page.next_after})


def read_page(data: bytes) -> ListedPage:
    """Reads that answer; raises Malformed."""
    body = parse(data, LARGEST_ANSWER_BYTES)
    items = tuple(_read(item) for item in fields.objects(body, "items", LARGEST_PAGE))
    return ListedPage(items, fields.integer(body, "next"), fields.boolean(body, "more"))


def _body(item: Listed) -> dict[str, Any]:
    return {
        "aliases": [{"code": alias.code, "since": alias.since, "why": alias.why.value} for alias in item.aliases],
        "change": item.change,
        "closed_at": clock.to_text(item.closed_at) if item.closed_at else None,
        "code": item.code,
        "code_legacy": item.code_legacy or None,
        "former_names": list(item.former_names),
        "merged_into": item.merged_into or None,
        "name": item.name,
        "phone": item.phone or None,
    }


def _read(body: dict[str, Any]) -> Listed:
    return Listed(
        code=fields.matching(body, "code", fields.CODE),
        name=fields.text(body, "name"),
        change=fields.integer(body, "change"),
        code_legacy=fields.optional_matching(body, "code_legacy", fields.CODE) or "",
        phone="" if body.get("phone") is None else fields.text(body, "phone", 60),
        former_names=tuple(
            fields.text({"former_names": name}, "former_names")
            for name in fields.sequence(body, "former_names", MOST_ALIASES)
        ),
        aliases=tuple(
            Alias(
                fields.matching(alias, "code", fields.CODE),
                fields.member(alias, "why", Why),
                None if alias.get("since") is None else fields.text(alias, "since", 10),
            )
            for alias in fields.objects(body, "aliases", MOST_ALIASES)
        ),
        merged_into=fields.optional_matching(body, "merged_into", fields.CODE) or "",
        closed_at=fields.optional_instant(body, "closed_at"),
    )
