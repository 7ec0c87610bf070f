"""Several installations in one process, of which one works at a time while the others stand still.

What is one a process (connection, keys, folders of files, the clock) is changed over whenever another party is asked to
do something. A thread a party was tried first: handing over between them was a quarter of the whole time.
"""

from __future__ import annotations

import os
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TypeVar

import peewee

from commune_portal import clock
from commune_portal.people import accounts
from commune_portal.people.actors import Actor
from commune_portal.settings import Settings
from commune_portal.store import database, files, installation
from commune_portal.wire import keys
from commune_portal.wire.keys import InstallationKeys

Found = TypeVar("Found")

MODEL_TIME = [datetime(2026, 12, 1, 2, tzinfo=UTC)]
"""The true time of the model, as one value that everybody looks at."""

standing: list[Party] = []
"""Who works now, and who waits for an answer behind it."""


class Party:
    """An office or a node of the model."""

    def __init__(self, key: str, settings: Settings, own: InstallationKeys) -> None:
        self.key, self.settings, self.own = key, settings, own
        self.ahead = timedelta()
        self._connected = peewee._ConnectionState()
        self._people: dict[str, Actor] = {}
        self._files: dict[Path, bytes] = {}

    @property
    def now(self) -> datetime:
        """What its own clock says."""
        return MODEL_TIME[0] + self.ahead

    def do(self, act: Callable[[], Found]) -> Found:
        """Does something as this party; gives what it gives, raises what it raises."""
        if standing and standing[-1] is self:
            return act()
        before = standing[-1] if standing else None
        standing.append(self)
        try:
            self._turn()
            with clock.standing_at(self.now):
                return act()
        finally:
            standing.pop()
            if before is not None:
                before._turn()

    def _turn(self) -> None:
        database.database._state = self._connected  # type: ignore[attr-defined] # its stub leaves it out
        keys.use(self.own)
        files._root, files._work = self.settings.files_folder, self.settings.work_folder  # without making them anew

    def open(self) -> None:
        """Opens the register anew, as after a start of the process."""
        self.do(database.close)
        self.do(lambda: installation.open_(self.settings))

    def close(self) -> None:
        """Lets go of the register."""
        with suppress(sqlite3.Error):
            self.do(database.close)

    def person(self, username: str) -> Actor:
        """One of its people."""
        if username not in self._people:
            found = self.do(lambda: accounts.by_username(username))
            assert found is not None
            self._people[username] = found.actor
        return self._people[username]

    def rows(self, statement: str, *parameters: object) -> list[tuple[object, ...]]:
        """Reads its register."""
        return self.do(lambda: database.rows(statement, parameters))

    def keep_template(self) -> None:
        """Remembers the register and the files as they are now."""
        self.do(self._keep_template)

    def _keep_template(self) -> None:
        self._template = sqlite3.connect(":memory:")
        database.connect().backup(self._template)
        root = self.settings.files_folder
        self._files = {path: path.read_bytes() for path in root.rglob("*") if path.is_file()}

    def begin_again(self) -> None:
        """Takes the register back to the template, and every file that is gone meanwhile."""
        self.do(self._begin_again)

    def _begin_again(self) -> None:
        self._template.backup(database.connect())
        for path, data in self._files.items():
            if not os.path.exists(path):  # noqa: PTH110 -- a thousand times a second
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(data)
        for left in self.settings.work_folder.iterdir():
            shutil.rmtree(left) if left.is_dir() else left.unlink()
