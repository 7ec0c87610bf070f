"""The one deferred database: opening, pragmas, a connection a thread, and the writers' queue.

The concurrency contract: one process serves one register. Every thread keeps its own connection. A verb opens
exactly one `transaction()`; writers wait in the order in which they came (SQLite's own busy handler starves
threads), and the lock is taken before BEGIN IMMEDIATE. No token, PDF, network or file fsync inside.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import peewee

from commune_portal import points
from commune_portal.errors import DiskFull, PortalError, RuleBroken, StoreBusy, StoreDamaged, StoreRefused
from commune_portal.store.register import Work
from commune_portal.store.turns import Turns

APPLICATION_ID = 0x56424443  # "VBDC", written by the founding migration's runner

PRAGMAS: dict[str, str | int] = {
    "journal_mode": "wal",
    "synchronous": "full",
    "foreign_keys": 1,
    "recursive_triggers": 1,
    "busy_timeout": 5000,
    "secure_delete": 1,
    "temp_store": "memory",
}

ALONE_PATIENCE_SECONDS = 0.25
"""How long what wants the database for itself waits for readers before it gives way to them."""

NETWORK_FILE_SYSTEMS = frozenset(
    {"nfs", "nfs4", "cifs", "smb3", "smbfs", "sshfs", "fuse.sshfs", "9p", "davfs", "ncpfs", "afs", "ceph", "glusterfs"}
)

database = peewee.SqliteDatabase(None, autoconnect=False, pragmas=PRAGMAS)


_writers = Turns()


def use(path: Path, *, allow_any_disk: bool = False, must_exist: bool = True) -> None:
    """Points the process at a register and proves that it can be trusted to keep it; raises StoreRefused."""
    if must_exist and not path.is_file():
        raise StoreRefused(f"Không thấy tệp dữ liệu {path}. Hãy chạy «commune-portal init» hoặc khôi phục bản sao lưu.")
    if not allow_any_disk:
        refuse_foreign_disk(path.parent)
    close()
    database.init(str(path), pragmas=PRAGMAS)
    connect()
    for name, wanted in (("journal_mode", "wal"), ("synchronous", 2), ("foreign_keys", 1), ("recursive_triggers", 1)):
        found = connect().execute(f"PRAGMA {name}").fetchone()[0]
        if found != wanted:
            raise StoreRefused(
                "Cơ sở dữ liệu không bật được chế độ ghi an toàn trên ổ đĩa này."
                " Hãy chuyển dữ liệu sang ổ đĩa trong máy.",
                detail=f"{name}={found}",
            )


def refuse_foreign_disk(folder: Path) -> None:
    """Refuses a network share: WAL needs shared memory and honest locks. Source: SQLite's documentation of WAL."""
    mounts = Path("/proc/mounts")
    if not mounts.exists():
        _refuse_foreign_windows_disk(folder)
        return
    place = folder.resolve()
    best, kind = "", ""
    for line in mounts.read_text(encoding="utf-8", errors="replace").splitlines():
        parts = line.split(" ")
        if len(parts) < 3:
            continue
        point = parts[1].replace("\\040", " ")
        inside = point == "/" or place == Path(point) or Path(point) in place.parents
        if inside and len(point) >= len(best):
            best, kind = point, parts[2]
    if kind in NETWORK_FILE_SYSTEMS:
        raise StoreRefused(f"Thư mục dữ liệu nằm trên ổ mạng ({kind}). Hãy chuyển sang ổ đĩa trong máy này.")


def _refuse_foreign_windows_disk(folder: Path) -> None:
    if os.name != "nt":
        return
    import ctypes

    drive = str(folder.resolve().drive) + "\\"
    kind = ctypes.windll.kernel32.GetDriveTypeW(drive)  # type: ignore[attr-defined,unused-ignore] # Windows only
    if kind in (2, 4):  # removable, remote
        raise StoreRefused("Thư mục dữ liệu nằm trên ổ mạng hoặc ổ tháo rời. Hãy chuyển sang ổ đĩa trong máy này.")


def connect() -> sqlite3.Connection:
    """This thread's connection, opened on first use and kept."""
    if database.is_closed():
        database.connect()
    return _raw()


def _raw() -> sqlite3.Connection:
    connection: sqlite3.Connection = database.connection()  # type: ignore[no-untyped-call] # its stub has no types
    return connection


def close() -> None:
    """Closes this thread's connection; the last one to close folds the write-ahead log into the file."""
    if not database.deferred and not database.is_closed():
        database.close()


def roll_back_leftover() -> None:
    """Ends a transaction that a dying request left open on this thread."""
    if not database.deferred and not database.is_closed():
        _roll_back(_raw())


def rows(statement: str, parameters: Sequence[Any] | Mapping[str, Any] = ()) -> list[Any]:
    """Reads: every row of a statement as tuples, on this thread's connection."""
    try:
        return connect().execute(statement, parameters).fetchall()
    except sqlite3.DatabaseError as error:
        raise translated(error) from error


def row(statement: str, parameters: Sequence[Any] | Mapping[str, Any] = ()) -> Any:
    """Reads: the first row of a statement as a tuple, or None."""
    try:
        return connect().execute(statement, parameters).fetchone()
    except sqlite3.DatabaseError as error:
        raise translated(error) from error


def write_working(statement: str, parameters: Iterable[Any] = ()) -> int:
    """One statement on working tables in its own short transaction; answers the number of rows it touched."""
    with transaction() as work:
        return work.execute(statement, tuple(parameters)).rowcount


def rewrite() -> None:
    """Writes the whole file anew, so that no page holds words of rows that were blanked; `empty_log` comes after it.

    `secure_delete` is not enough: what SQLite moves between pages leaves copies in their unused parts (measured: one
    blanked row in a hundred). Raises DiskFull, and StoreBusy while another process writes.
    """
    _alone("VACUUM")


def empty_log() -> bool:
    """Folds the write-ahead log into the file and cuts it to nothing; False while somebody reads an older state."""
    busy, left, _ = _alone("PRAGMA wal_checkpoint(TRUNCATE)")
    return not busy and left == 0


def _alone(statement: str) -> Any:
    """Does one statement in the writers' turn on a connection of its own, whose copies of tables go to the disk."""
    if not _writers.acquire(10.0):
        raise StoreBusy
    try:
        connection = sqlite3.connect(str(database.database), isolation_level=None, timeout=ALONE_PATIENCE_SECONDS)
        try:
            for name in ("synchronous", "secure_delete"):
                connection.execute(f"PRAGMA {name} = {PRAGMAS[name]}")
            return connection.execute(statement).fetchone()
        finally:
            connection.close()
    except sqlite3.DatabaseError as error:
        raise translated(error) from error
    finally:
        _writers.release()


@contextmanager
def transaction() -> Iterator[Work]:
    """One verb's transaction: the turn, BEGIN IMMEDIATE, and COMMIT only when every row is journalled.

    Raises StoreBusy when the turn does not come, DiskFull when nothing can be written, StoreDamaged when SQLite
    says so. Whatever the block raises rolls everything back.
    """
    connection = connect()
    if connection.in_transaction:
        raise RuntimeError("a verb opens one transaction, never two")
    if not _writers.acquire(10.0):
        raise StoreBusy
    try:
        try:
            connection.execute("BEGIN IMMEDIATE")
        except sqlite3.DatabaseError as error:
            raise translated(error) from error
        work = Work(connection)
        try:
            yield work
            work.refuse_unjournalled()
            points.reach("inside-transaction")
            connection.execute("COMMIT")
        except sqlite3.IntegrityError as error:
            _roll_back(connection)
            raise RuleBroken(
                "Dữ liệu trùng hoặc không hợp lệ; chưa có gì thay đổi. Hãy tải lại trang rồi thử lại.",
                detail=str(error),
            ) from error
        except sqlite3.DatabaseError as error:
            _roll_back(connection)
            raise translated(error) from error
        except BaseException:
            _roll_back(connection)
            raise
        points.reach("after-commit")
        for after in work.after_commit:
            after()
    finally:
        _writers.release()


def _roll_back(connection: sqlite3.Connection) -> None:
    if connection.in_transaction:
        connection.rollback()


def translated(error: sqlite3.DatabaseError) -> PortalError:
    """SQLite's error as ours, with the sentence for the person in front of it."""
    text = str(error)
    if "locked" in text or "busy" in text:
        return StoreBusy(detail=text)
    if "full" in text or "readonly" in text or "disk I/O" in text or "unable to open" in text:
        return DiskFull(detail=text)
    if "malformed" in text or "not a database" in text or "corrupt" in text:
        return StoreDamaged(detail=text)
    return StoreDamaged("Cơ sở dữ liệu báo lỗi; chưa có gì thay đổi. Hãy báo người quản trị.", detail=text)
