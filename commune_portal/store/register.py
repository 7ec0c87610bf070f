"""Writing register rows: every insert and update carries a new row hash and must be journalled before COMMIT.

Statements are built from the table's own columns (read once from SQLite, so that a new column can never fall
outside the hash); values are always bound.
"""

from __future__ import annotations

import secrets
import sqlite3
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from commune_portal import clock
from commune_portal.errors import NotFound, RuleBroken, StoreDamaged
from commune_portal.rules import chain

REGISTER_TABLES = (
    "installation", "accounts", "mandates", "issuers", "units", "office_rules", "books", "serials", "incoming",
    "assignments", "outgoing", "attachments", "recipients", "statuses", "peers", "receipts", "members",
    "member_keys", "mailbox", "mirrors", "amendments", "calls", "recipient_groups",
    "recovery_keys", "restorations",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Shape:
    """A register table's columns in order, a row of its defaults, and its ready statements."""

    table: str
    columns: tuple[str, ...]
    blank: dict[str, Any]
    insert_sql: str
    select_sql: str


_shapes: dict[str, Shape] = {}
_guard = threading.Lock()
_last_uid = 0


def new_uid() -> str:
    """An identifier that never leaves its meaning to a row number: milliseconds, then 80 random bits.

    Uids made by one process sort in the order of making, which keeps the index's new entries on one page.
    """
    global _last_uid
    milliseconds = int(clock.now().timestamp()) * 1000
    with _guard:
        _last_uid = milliseconds = (
            max(milliseconds, _last_uid + 1) if milliseconds - _last_uid > -60_000 else milliseconds
        )
    return f"{milliseconds:012x}{secrets.token_hex(10)}"


def shape(connection: sqlite3.Connection, table: str) -> Shape:
    """The shape of a register table, read once a process."""
    found = _shapes.get(table)
    if found is None:
        if table not in REGISTER_TABLES:
            raise ValueError(f"{table} is not a register table")
        info = connection.execute(f"PRAGMA table_info({table})").fetchall()
        columns = tuple(item[1] for item in info)
        defaults = {item[1]: _literal(item[4]) for item in info if item[4] is not None}
        marks = ", ".join("?" for _ in columns)
        found = Shape(
            table,
            columns,
            {name: defaults.get(name) for name in columns},
            f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({marks})",
            f"SELECT {', '.join(columns)} FROM {table} WHERE id = ?",
        )
        _shapes[table] = found
    return found


def forget_shapes() -> None:
    """Forgets what was read of the tables, after a migration."""
    _shapes.clear()


def _literal(text: str) -> Any:
    return text[1:-1].replace("''", "'") if text.startswith("'") else int(text)


@dataclass(frozen=True, slots=True)
class Row:
    """A row just written: its number in the house and its uid."""

    id: int
    uid: str


class Work:
    """What one transaction does: rows written, and the rows that still wait for their journal line."""

    __slots__ = ("_connection", "after_commit", "pending")

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self.pending: list[chain.RowChange] = []
        self.after_commit: list[Callable[[], None]] = []

    def execute(self, statement: str, parameters: Sequence[Any] = ()) -> sqlite3.Cursor:
        """Reads anything, writes working tables."""
        return self._connection.execute(statement, parameters)

    def insert(self, table: str, values: Mapping[str, Any], *, uid: str | None = None) -> Row:
        """Adds a register row; `id`, `uid`, `salt` and `row_hash` are given here."""
        known = shape(self._connection, table)
        uid = uid or new_uid()
        row_id = values.get("id")
        if row_id is None:
            row_id = self._next_id(table)
        full: dict[str, Any] = {**known.blank, **values, "id": row_id, "uid": uid, "salt": secrets.token_hex(8)}
        if len(full) != len(known.columns):
            raise ValueError(f"no such columns in {table}: {sorted(set(full) - set(known.columns))}")
        after = full["row_hash"] = chain.row_hash(table, known.columns, list(full.values()))
        ordered = list(full.values())  # `blank` came first, so that they stand in the order of the columns
        self._connection.execute(known.insert_sql, ordered)
        self.pending.append(chain.RowChange(table, uid, None, after))
        return Row(row_id, uid)

    def _next_id(self, table: str) -> int:
        if table == "mailbox":  # its ids are the cursor of every member: never reused, not even after a restore
            found = self._connection.execute("SELECT seq FROM sqlite_sequence WHERE name = 'mailbox'").fetchone()
        else:
            found = self._connection.execute(f"SELECT max(id) FROM {table}").fetchone()
        return int(found[0] or 0) + 1 if found else 1

    def update(
        self, table: str, row_id: int, values: Mapping[str, Any], *, expected: Mapping[str, Any] | None = None
    ) -> Row:
        """Changes a register row, if its columns are still as expected.

        Raises NotFound, RuleBroken when another act came first, StoreDamaged when the row is not what its hash
        says, so that an edit behind the portal's back is not laundered by the next lawful act.
        """
        known = shape(self._connection, table)
        found = self._connection.execute(known.select_sql, (row_id,)).fetchone()
        if found is None:
            raise NotFound
        old = dict(zip(known.columns, found, strict=True))
        before: str = old["row_hash"]
        if chain.row_hash(table, known.columns, found) != before:
            raise StoreDamaged(detail=f"{table}:{old['uid']}")
        for name, wanted in (expected or {}).items():
            if old[name] != wanted:
                raise RuleBroken("Người khác vừa thay đổi mục này. Hãy tải lại trang để xem trạng thái mới nhất.")
        unknown = values.keys() - old.keys()
        if unknown:
            raise ValueError(f"no such columns in {table}: {sorted(unknown)}")
        changed = {name: value for name, value in values.items() if old[name] != value}
        if not changed:
            return Row(row_id, old["uid"])
        new = {**old, **changed}  # in the order of the columns still
        after = chain.row_hash(table, known.columns, list(new.values()))
        marks = ", ".join(f"{name} = ?" for name in changed)
        self._connection.execute(
            f"UPDATE {table} SET {marks}, row_hash = ? WHERE id = ?", (*changed.values(), after, row_id)
        )
        self.pending.append(chain.RowChange(table, old["uid"], before, after))
        return Row(row_id, old["uid"])

    def refuse_unjournalled(self) -> None:
        """Raises when a register row was written and no journal line tells of it."""
        if self.pending:
            raise RuntimeError(f"register rows without a journal line: {[item.table for item in self.pending]}")
