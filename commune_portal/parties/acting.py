"""The acts that a desk can do, by name, and how they read people and days out of JSON."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from typing import Any

from commune_portal.errors import PortalError
from commune_portal.people import accounts
from commune_portal.people.actors import Actor

Act = Callable[..., Any]
ACTS: dict[str, Act] = {}


def act(function: Act) -> Act:
    """Puts a function among the acts, under its own name."""
    ACTS[function.__name__] = function
    return function


def person(username: str) -> Actor:
    """The person with this account; raises PortalError."""
    found = accounts.by_username(username)
    if found is None:
        raise PortalError(f"Không có tài khoản «{username}».")
    return found.actor


def day(text: str | None) -> date | None:
    """A civil date, None where there is none."""
    return date.fromisoformat(text) if text else None
