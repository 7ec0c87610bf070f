"""Raw sqlite3: the statements of an act recorded once, replayed with their values on a register of the same state."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from commune_portal.store import database, files

Statement = tuple[str, tuple[Any, ...] | dict[str, Any]]


@dataclass(frozen=True, slots=True)
class KeptFile:
    """A file that an act put into the store: its bytes and its name there."""

    content: bytes
    sha256: str


@dataclass(slots=True)
class Recording:
    """What one act asked of SQLite, in order, and the files it kept first."""

    statements: list[Statement] = field(default_factory=list)
    kept: list[KeptFile] = field(default_factory=list)


class _Noting:
    """This thread's connection, with a note of every statement."""

    def __init__(self, connection: sqlite3.Connection, recording: Recording) -> None:
        self._connection, self._recording = connection, recording

    def execute(self, statement: str, parameters: Any = ()) -> sqlite3.Cursor:
        """Notes and executes."""
        bound = dict(parameters) if isinstance(parameters, dict) else tuple(parameters)
        self._recording.statements.append((statement, bound))
        return self._connection.execute(statement, parameters)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._connection, name)


@contextmanager
def recorded() -> Iterator[Recording]:
    """Notes what the act inside the block does on this thread."""
    recording = Recording()
    connect, keep = database.connect, files.keep
    noting = _Noting(connect(), recording)

    def kept(data: bytes) -> files.Stored:
        stored = keep(data)
        recording.kept.append(KeptFile(data, stored.sha256))
        return stored

    # The one seam through which verbs reach SQLite; in its place stands the same connection, noting.
    database.connect = lambda: noting  # type: ignore[assignment,return-value]  # it is one in all but name
    files.keep = kept
    try:
        yield recording
    finally:
        database.connect, files.keep = connect, keep


def opened(path: Path) -> sqlite3.Connection:
    """A connection with the pragmas of the portal and nothing else."""
    connection = sqlite3.connect(path, isolation_level=None)
    for name, value in database.PRAGMAS.items():
        connection.execute(f"PRAGMA {name} = {value}")
    return connection


def replay(connection: sqlite3.Connection, recording: Recording, folder: Path) -> None:
    """Does the same again: the files first, then every statement, its rows fetched."""
    for kept in recording.kept:
        _keep(folder, kept)
    for statement, parameters in recording.statements:
        found = connection.execute(statement, parameters)
        if found.description is not None:
            found.fetchall()


def _keep(folder: Path, kept: KeptFile) -> None:
    """A durable file of a known name: temporary, fsync, rename, fsync of the folders that are new."""
    path = folder / kept.sha256[:2] / kept.sha256[2:4] / kept.sha256
    part = folder / "part"
    with part.open("wb") as out:
        out.write(kept.content)
        out.flush()
        os.fsync(out.fileno())
    fresh = not path.parent.is_dir()
    path.parent.mkdir(parents=True, exist_ok=True)
    part.replace(path)
    for synced in (path.parent, path.parent.parent, folder) if fresh else (path.parent,):
        handle = os.open(synced, os.O_RDONLY)
        os.fsync(handle)
        os.close(handle)
