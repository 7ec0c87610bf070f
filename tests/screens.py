"""The list of screens: every page of the portal as route x role x state, read from `tests/screens.toml`."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from pathlib import Path

LIST = Path(__file__).parent / "screens.toml"

PARTIES = ("office", "node")
ROLES = ("anonymous", "clerk", "leader", "specialist", "administrator", "operator", "auditor")


@dataclass(frozen=True, slots=True)
class Screen:
    """One screen: its name (of the picture too), the rule of its route, the path to open, who opens it, and when.

    `path` may hold `{first}`: the first row's address on the list that `via` names is opened instead, and then what
    the selector `link` finds there. `state` says
    in words what is shown; `needs` names what the page must show, as a CSS selector.
    """

    name: str
    route: str
    path: str
    role: str
    state: str
    needs: str = "h1"
    via: str = ""
    link: str = ""
    party: str = "office"


def read_screens(path: Path = LIST) -> list[Screen]:
    """Every screen of the list; an unknown key, role or party is refused."""
    document = tomllib.loads(path.read_text(encoding="utf-8"))
    screens = [Screen(**entry) for entry in document["screen"]]
    for screen in screens:
        if screen.role not in ROLES or screen.party not in PARTIES:
            raise ValueError(f"screen {screen.name}: unknown role or party")
        if not screen.path.startswith("/") and not screen.via:
            raise ValueError(f"screen {screen.name}: path must begin with / or via must be given")
    return screens
