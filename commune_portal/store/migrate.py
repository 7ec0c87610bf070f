"""The numbered migration runner: refuse newer, back up, one transaction, check, set the version.

A migration is `NNNN_name.sql`, forward only. Statements are split by `sqlite3.complete_statement`, because
`executescript` would commit; a failing statement rolls the whole migration back.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib import resources
from pathlib import Path

from commune_portal import points
from commune_portal.errors import StoreDamaged, StoreRefused
from commune_portal.store import database, register


@dataclass(frozen=True, slots=True)
class Migration:
    """One step of the schema: its number, name and SQL."""

    number: int
    name: str
    sql: str


def migrations() -> list[Migration]:
    """Every migration that this release carries, in order."""
    folder = resources.files("commune_portal.store") / "migrations"
    found = [item for item in folder.iterdir() if item.name.endswith(".sql")]
    ordered = sorted(found, key=lambda item: item.name)
    steps = [Migration(int(item.name[:4]), item.name[5:-4], item.read_text(encoding="utf-8")) for item in ordered]
    if [step.number for step in steps] != list(range(1, len(steps) + 1)):
        raise RuntimeError("migrations are numbered without a gap")
    return steps


def current_version(connection: sqlite3.Connection) -> int:
    """The number of the last migration that this register has seen."""
    return int(connection.execute("PRAGMA user_version").fetchone()[0])


def refuse_wrong_schema(connection: sqlite3.Connection) -> None:
    """Start-up's check: raises StoreRefused for a schema that is newer or older than this release's."""
    version, newest = current_version(connection), len(migrations())
    if version > newest:
        raise StoreRefused(
            f"Dữ liệu thuộc phiên bản mới hơn (lược đồ {version}, chương trình biết đến {newest})."
            " Hãy dùng bản cài đặt mới hơn; dữ liệu chưa bị thay đổi."
        )
    if version < newest:
        raise StoreRefused("Dữ liệu thuộc phiên bản cũ. Hãy chạy «commune-portal migrate» trước khi mở hệ thống.")


def migrate(
    path: Path,
    *,
    backup: Path | None = None,
    steps: list[Migration] | None = None,
    before_statement: Callable[[int, int], None] | None = None,
) -> int:
    """Brings a register to this release's schema and answers the version; an empty file is founded.

    `backup` is where a copy is written first when there is data. Raises StoreRefused for a newer schema,
    StoreDamaged when the result does not pass its checks (nothing is changed then).
    """
    steps = migrations() if steps is None else steps
    connection = sqlite3.connect(path, isolation_level=None, timeout=10)
    try:
        connection.execute("PRAGMA journal_mode = wal")
        connection.execute("PRAGMA synchronous = full")
        version = current_version(connection)
        if version > len(steps):
            refuse_wrong_schema(connection)
        if version == len(steps):
            return version
        if version and backup is not None:
            backup.parent.mkdir(parents=True, exist_ok=True)
            connection.execute("VACUUM INTO ?", (str(backup),))
        connection.execute("PRAGMA foreign_keys = off")
        for step in steps[version:]:
            _apply(connection, step, before_statement)
        register.forget_shapes()
        return current_version(connection)
    except sqlite3.DatabaseError as error:
        raise database.translated(error) from error
    finally:
        connection.close()


def _apply(
    connection: sqlite3.Connection, step: Migration, before_statement: Callable[[int, int], None] | None
) -> None:
    connection.execute("BEGIN IMMEDIATE")
    try:
        for position, statement in enumerate(statements(step.sql)):
            if before_statement is not None:
                before_statement(step.number, position)
            connection.execute(statement)
            points.reach("inside-migration")
        broken = connection.execute("PRAGMA foreign_key_check").fetchall()
        integrity = connection.execute("PRAGMA integrity_check").fetchone()[0]
        if broken or integrity != "ok":
            raise StoreDamaged(
                "Nâng cấp dữ liệu không qua được kiểm tra; dữ liệu cũ vẫn nguyên.", detail=str(broken or integrity)
            )
        connection.execute(f"PRAGMA application_id = {database.APPLICATION_ID}")
        connection.execute(f"PRAGMA user_version = {step.number}")
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


def statements(sql: str) -> Iterator[str]:
    """Splits a script into whole statements, triggers included."""
    pending = ""
    for line in sql.splitlines(keepends=True):
        pending += line
        if sqlite3.complete_statement(pending):
            if any(part.strip() and not part.strip().startswith("--") for part in pending.splitlines()):
                yield pending
            pending = ""
    if any(part.strip() and not part.strip().startswith("--") for part in pending.splitlines()):
        raise ValueError(f"an unfinished statement: {pending[:80]!r}")
