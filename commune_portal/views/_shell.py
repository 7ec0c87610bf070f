"""What surrounds every page: the office's name, the menu with counts, the person, the line about the node.

The app registers one provider (`install_shell`); it is asked once a request and answers frozen values. When it
fails, as it may on an error page with the register damaged, the page is shown with a bare shell instead.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from flask import Flask, g, request

from commune_portal.errors import PortalError


@dataclass(frozen=True, slots=True)
class MenuEntry:
    """One place in the left menu; `count` is shown when it is not None, in words when `tone` is not quiet."""

    label: str
    url: str
    count: int | None = None
    tone: str = "quiet"
    current: bool = False


@dataclass(frozen=True, slots=True)
class MenuBlock:
    """A titled group of places in the left menu."""

    title: str
    entries: tuple[MenuEntry, ...]


@dataclass(frozen=True, slots=True)
class Person:
    """Who is logged in, as the header shows it."""

    name: str
    post: str


@dataclass(frozen=True, slots=True)
class Bell:
    """The polled element: how many things wait for me, and the line about the node (tone good, warn or bad).

    `poll_url` answers the fragment `_bell.html`, or 204 when nothing changed; the app puts what was last seen in it.
    """

    poll_url: str
    open_url: str
    count: int
    contact: str
    contact_tone: str = "good"
    contact_url: str = ""


@dataclass(frozen=True, slots=True)
class UrgentLine:
    """One hỏa tốc document that waits to be accepted: its words, from whom and since when, where it opens."""

    words: str
    note: str
    url: str
    late: bool


@dataclass(frozen=True, slots=True)
class UrgentStrip:
    """The polled strip at the top: hỏa tốc documents that have come, calls and reports that are due.

    `sounding` are the ids of the documents, apart by spaces: the browser makes a tone for those it has not told yet.
    """

    poll_url: str
    lines: tuple[UrgentLine, ...] = ()
    more: int = 0
    sounding: str = ""
    calls_text: str = ""
    calls_url: str = ""
    calls: int = 0
    report_text: str = ""
    report_url: str = ""

    @property
    def is_empty(self) -> bool:
        """True when there is nothing to show."""
        return not (self.lines or self.calls_text or self.report_text)

    def polled(self, url: str) -> UrgentStrip:
        """The same strip, asked for again at an address."""
        return replace(self, poll_url=url)


@dataclass(frozen=True, slots=True)
class Shell:
    """Everything `base.html` shows around a page; while it stands still after a restore, where that is settled."""

    office_name: str = "Văn bản đến – đi"
    home_url: str = "/"
    menu: tuple[MenuBlock, ...] = ()
    person: Person | None = None
    person_links: tuple[MenuEntry, ...] = ()
    logout_url: str = ""
    help_url: str = ""
    bell: Bell | None = None
    urgent: UrgentStrip | None = None
    trial_key: bool = False
    standstill_url: str = ""
    is_standing_still: bool = False


def install_shell(app: Flask, provider: Callable[[], Shell]) -> None:
    """Gives every full page its shell; the provider is asked once a request, and not for fragments."""

    @app.context_processor
    def _shell() -> dict[str, object]:
        return {"shell": _ShellOnDemand(provider)}


class _ShellOnDemand:
    """Asks the provider when a template first reads the shell, so fragments never pay for the counts."""

    __slots__ = ("_provider",)

    def __init__(self, provider: Callable[[], Shell]) -> None:
        self._provider = provider

    def __getattr__(self, name: str) -> object:
        found: Shell | None = g.get("portal_shell")
        if found is None:
            found = _mark_current(self._ask(), request.path)
            g.portal_shell = found
        return getattr(found, name)

    def _ask(self) -> Shell:
        if g.get("portal_bare_shell", False):
            return Shell()
        try:
            return self._provider()
        except PortalError:
            return Shell()


def _mark_current(shell: Shell, path: str) -> Shell:
    """Marks the entry whose address is the longest beginning of the present path."""
    best = ""
    for block in shell.menu:
        for entry in block.entries:
            address = entry.url.partition("?")[0]
            inside = path == address or path.startswith(address.rstrip("/") + "/")
            if inside and (address != shell.home_url or path == address) and len(address) > len(best):
                best = address
    if not best:
        return shell
    menu = tuple(
        replace(
            block,
            entries=tuple(
                replace(entry, current=True) if entry.url.partition("?")[0] == best else entry
                for entry in block.entries
            ),
        )
        for block in shell.menu
    )
    return replace(shell, menu=menu)
