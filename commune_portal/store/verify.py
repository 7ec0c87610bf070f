"""Re-reading everything: the chain, the leaves, the newest hash of every register row, numbers, stored files.

Works on a copy too: it opens nothing for writing and needs no keys. Receipts are checked above (they need the
node's public key); `heads` gives them the hash at each size they speak of.
"""

from __future__ import annotations

import json
import shutil
import sqlite3
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from commune_portal.errors import PortalError, StoreDamaged
from commune_portal.rules import chain
from commune_portal.rules.acts import Act
from commune_portal.store import database, files, register

DATABASE = "database"
"""Where a fault lies that is in no row: the file cannot be read as a register."""

DESTROYING = (Act.INCOMING_DESTROYED, Act.PACKAGE_WIPED)
"""The acts by which leaves and files go."""

UNREADABLE = (sqlite3.DatabaseError, OverflowError, UnicodeDecodeError)
"""What sqlite3 raises over a ruined file; the last when its own message quotes a ruined schema."""


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that is not as it was written: where, and what in Vietnamese."""

    where: str
    what: str


@dataclass(slots=True)
class Verification:
    """What was found. `heads` are hashes at the sizes that were asked for, `erased` what recalls say they erased (leaf
    and line), `bare` lines whose leaf is gone, `destroyed` objects whose files a line says were destroyed."""

    faults: list[Fault] = field(default_factory=list)
    lines: int = 0
    rows: int = 0
    files: int = 0
    receipts: int = 0
    head: str = ""
    heads: dict[int, str] = field(default_factory=dict)
    erased: dict[int, int] = field(default_factory=dict)
    bare: dict[int, str] = field(default_factory=dict)
    destroyed: set[str] = field(default_factory=set)

    @property
    def ok(self) -> bool:
        """True when nothing is wrong."""
        return not self.faults

    @property
    def first_bad(self) -> str | None:
        """The first bad row, `journal:17` or `incoming:<uid>`; None when all is sound."""
        return self.faults[0].where if self.faults else None

    def blame(self, where: str, what: str) -> None:
        """Notes a fault."""
        self.faults.append(Fault(where, what))


def verify(
    connection: sqlite3.Connection, files_folder: Path | None, sizes_wanted: Callable[[int], bool] | None = None
) -> Verification:
    """Reads the whole register; `files_folder` None leaves the files unread. Damage is a fault, never an error."""
    result = Verification()
    newest: dict[tuple[str, str], str] = {}
    try:
        _check_chain(connection, result, newest, sizes_wanted)
        _check_erasures(connection, result)
        _check_rows(connection, result, newest)
        _check_numbers(connection, result)
        if files_folder is not None:
            _check_files(connection, files_folder, result)
    except UNREADABLE as error:
        result.blame(DATABASE, f"Cơ sở dữ liệu không đọc được: {error}")
    return result


def _check_chain(
    connection: sqlite3.Connection,
    result: Verification,
    newest: dict[tuple[str, str], str],
    sizes_wanted: Callable[[int], bool] | None,
) -> None:
    uid = _installation_uid(connection)
    head = chain.genesis(uid)
    broken = False
    query = (
        "SELECT j.seq, j.body, j.hash, l.salt, l.leaf FROM journal j LEFT JOIN journal_leaves l ON l.seq = j.seq"
        " ORDER BY j.seq"
    )
    for expected, (seq, body, stored, salt, leaf) in enumerate(connection.execute(query), start=1):
        where = f"journal:{seq}"
        result.lines += 1
        if seq != expected and not broken:
            result.blame(f"journal:{expected}", "Thiếu dòng nhật ký")
            broken = True
        if not isinstance(body, str):
            result.blame(where, "Dòng nhật ký không đọc được")
            broken = True
            continue
        if not broken:
            head = _linked(head, body)
            if head != stored and seq == 1 and stored == _linked(_genesis_told(body), body):
                result.blame(f"installation:{uid}", "Dòng sổ đã bị sửa ngoài hệ thống: nhật ký thuộc hệ thống khác")
                head = stored
            elif head != stored:
                result.blame(where, "Dòng nhật ký đã bị sửa (mã băm không khớp)")
                broken = True
        if sizes_wanted is not None and sizes_wanted(seq):
            result.heads[seq] = head
        try:
            fields = json.loads(body)
            if fields["seq"] != seq or chain.canonical_bytes(fields).decode() != body:
                result.blame(where, "Dòng nhật ký không đúng dạng chuẩn")
            for table, row_uid, before, after in fields.get("rows", ()):
                if newest.get((table, row_uid)) != before:
                    result.blame(f"{table}:{row_uid}", f"Dòng sổ đã bị sửa ngoài hệ thống trước việc ở nhật ký {seq}")
                newest[(table, row_uid)] = after
            if fields["act"] in DESTROYING:
                result.destroyed.add(fields.get("object", ""))
                result.erased.update((int(item), seq) for item in fields.get("facts", {}).get("erased", ()))
            _check_leaf(result, seq, fields.get("commitment"), salt, leaf)
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
            result.blame(where, "Dòng nhật ký không đọc được")
    result.head = head


def _installation_uid(connection: sqlite3.Connection) -> str:
    try:
        found = connection.execute("SELECT uid FROM installation").fetchone()
    except (sqlite3.OperationalError, UnicodeDecodeError):  # the table or the column is gone: the rows' check names it
        return ""
    return str(found[0]) if found else ""


def _linked(previous: str, body: str) -> str:
    try:
        return chain.link(previous, body.encode())
    except ValueError:
        return ""


def _genesis_told(body: str) -> str:
    """The genesis hash of the installation that line 1 says it founded, or one that fits nothing."""
    try:
        rows = json.loads(body)["rows"]
        return chain.genesis(next(row[1] for row in rows if row[0] == "installation"))
    except (ValueError, KeyError, TypeError, IndexError, StopIteration, RecursionError):
        return chain.genesis("")


def _check_leaf(result: Verification, seq: int, commitment: object, salt: object, leaf: object) -> None:
    where = f"journal_leaves:{seq}"
    if leaf is None:
        if commitment is not None:
            result.bare[seq] = "Thiếu phần chữ của dòng nhật ký mà không có lệnh thu hồi"
    elif commitment is None:
        result.blame(where, "Phần chữ thừa, không có trong nhật ký")
    elif (
        not isinstance(salt, str)
        or not isinstance(leaf, str)
        or not _is_hex(salt)
        or chain.commitment(salt, leaf.encode()) != commitment
    ):
        result.blame(where, "Phần chữ của dòng nhật ký đã bị sửa")


def _check_erasures(connection: sqlite3.Connection, result: Verification) -> None:
    """A missing leaf needs an erasure, and an erasure a later line of a destruction of that object which names it."""
    for seq, erased_by, same in connection.execute(
        "SELECT e.seq, e.erased_by, a.object IS b.object FROM journal_erasures e LEFT JOIN journal a ON a.seq = e.seq"
        " LEFT JOIN journal b ON b.seq = e.erased_by ORDER BY e.seq"
    ):
        if result.erased.get(seq) == erased_by and erased_by > seq and same:
            result.bare.pop(seq, None)
        else:
            result.blame(f"journal_erasures:{seq}", "Lệnh xóa phần chữ không có trong nhật ký")
    for seq, what in result.bare.items():
        result.blame(f"journal_leaves:{seq}", what)
    for (seq,) in connection.execute(
        "SELECT seq FROM journal_leaves WHERE seq NOT IN (SELECT seq FROM journal) ORDER BY seq"
    ):
        result.blame(f"journal_leaves:{seq}", "Phần chữ thừa, không có trong nhật ký")


def _is_hex(text: str) -> bool:
    try:
        return len(bytes.fromhex(text)) == 16
    except ValueError:
        return False


def _check_rows(connection: sqlite3.Connection, result: Verification, newest: dict[tuple[str, str], str]) -> None:
    for table in register.REGISTER_TABLES:
        columns = [item[1] for item in connection.execute(f"PRAGMA table_info({table})")]
        if not {"id", "uid", "row_hash"} <= set(columns):
            result.blame(table, "Bảng của sổ bị mất hoặc thiếu cột")
            continue
        uid_at, hash_at = columns.index("uid"), columns.index("row_hash")
        for values in connection.execute(f"SELECT {', '.join(columns)} FROM {table} ORDER BY id"):
            uid, stored = values[uid_at], values[hash_at]
            where = f"{table}:{uid}"
            result.rows += 1
            told = newest.pop((table, uid), None)
            if told is None:
                result.blame(where, "Dòng sổ không có trong nhật ký")
            elif stored != told or _row_hash(table, columns, values) != told:
                result.blame(where, "Dòng sổ đã bị sửa ngoài hệ thống")
    for table, uid in newest:
        result.blame(f"{table}:{uid}", "Dòng sổ đã bị xóa")


def _row_hash(table: str, columns: list[str], values: tuple[object, ...]) -> str:
    try:
        return chain.row_hash(table, columns, values)
    except (TypeError, ValueError):  # bytes or a broken letter where text stood
        return ""


def _check_numbers(connection: sqlite3.Connection, result: Verification) -> None:
    for direction in ("incoming", "outgoing"):
        query = (
            f"SELECT b.uid, b.opening_number, b.last_number, count(d.id), min(d.number), max(d.number)"
            f" FROM books b LEFT JOIN {direction} d ON d.book_id = b.id WHERE b.direction = ? GROUP BY b.id"
        )
        for uid, opening, last, amount, lowest, highest in connection.execute(query, (direction,)):
            if not isinstance(last, int) or not isinstance(opening, int):
                continue  # the row's own check has named it
            wanted = last - opening + 1
            sound = amount == wanted and (amount == 0 or (lowest == opening and highest == last))
            if not sound:
                result.blame(f"books:{uid}", f"Sổ có {amount} số nhưng bộ đếm nói {wanted}: số bị thiếu hoặc trùng")


def referenced_files(connection: sqlite3.Connection) -> Iterator[tuple[str, str]]:
    """Every stored file that a row names, with the row that names it."""
    yield from connection.execute("SELECT 'attachments:' || uid, sha256 FROM attachments ORDER BY id")
    yield from connection.execute("SELECT 'statuses:' || uid, packet_sha256 FROM statuses ORDER BY id")
    yield from connection.execute(
        "SELECT 'mailbox:' || uid, packet_sha256 FROM mailbox WHERE packet_sha256 <> '' ORDER BY id"
    )
    yield from connection.execute("SELECT 'issuers:' || uid, seal_sha256 FROM issuers WHERE seal_sha256 <> ''")
    yield from connection.execute("SELECT 'mandates:' || uid, picture_sha256 FROM mandates WHERE picture_sha256 <> ''")
    yield from connection.execute("SELECT 'outbox:' || message_id, packet_sha256 FROM outbox ORDER BY id")
    yield from connection.execute(
        "SELECT 'quarantine:' || message_id, packet_sha256 FROM quarantine WHERE classified = 0 ORDER BY id"
    )


def _destroyed_files(connection: sqlite3.Connection, result: Verification) -> set[str]:
    """The rows whose file may be missing: they say that it was wiped, and a line says of what object."""
    found = connection.execute(
        "SELECT 'attachments:' || a.uid, 'incoming:' || i.uid FROM attachments a JOIN incoming i ON i.id = a.owner_id"
        " WHERE a.owner_table = 'incoming' AND a.wiped_at IS NOT NULL AND i.wiped_at IS NOT NULL"
        " UNION ALL SELECT 'mailbox:' || uid, 'mailbox:' || uid FROM mailbox WHERE wiped_at IS NOT NULL"
        " UNION ALL SELECT 'outbox:' || o.message_id, o.about FROM outbox o JOIN incoming i"
        " ON o.about = 'incoming:' || i.uid WHERE i.wiped_at IS NOT NULL AND o.state <> 'ready'"
    )
    return {where for where, about in found if about in result.destroyed}


def _check_files(connection: sqlite3.Connection, folder: Path, result: Verification) -> None:
    seen: dict[str, bool] = {}
    destroyed = _destroyed_files(connection, result)
    for where, sha256 in referenced_files(connection):
        if sha256 not in seen:
            seen[sha256] = _is_sound(folder, sha256)
        if not seen[sha256] and not (where in destroyed and _is_absent(folder, sha256)):
            result.blame(where, f"Tệp lưu bị thiếu hoặc bị sửa: {str(sha256)[:12]}…")
    for sha256 in stored_files(folder):  # what no row names any more must still be what its name says
        if sha256 not in seen:
            seen[sha256] = _is_sound(folder, sha256)
            if not seen[sha256]:
                result.blame(f"files:{sha256}", "Tệp lưu bị sửa")
    result.files = len(seen)


def stored_files(folder: Path) -> Iterator[str]:
    """The names of everything that lies in a folder of stored files, in order."""
    for path in sorted(folder.glob("??/??/*")):
        if len(path.name) == 64 and not path.is_dir():
            yield path.name


def _is_sound(folder: Path, sha256: str) -> bool:
    try:
        return files.is_sound(folder, sha256)
    except (PortalError, OSError, TypeError):
        return False


def _is_absent(folder: Path, sha256: str) -> bool:
    try:
        return not files.path_in(folder, sha256).exists()
    except (PortalError, OSError, TypeError):
        return False


def is_quiet(path: Path) -> bool:
    """True when nobody has the register open: SQLite keeps a write-ahead log beside it while somebody has."""
    return not path.with_name(path.name + "-wal").exists()


def open_for_reading(path: Path) -> sqlite3.Connection:
    """A connection that cannot write and leaves a copied folder as it is; raises StoreDamaged where there is no file.

    A write-ahead log that was copied along is read too, in a read-only folder through a copy. A file that somebody has
    open, this process included, is never opened past SQLite, not even to copy it: closing it would drop the locks of
    the whole process. Source: https://www.sqlite.org/howtocorrupt.html §2.2.
    """
    if not path.is_file():
        raise StoreDamaged(f"Không thấy tệp dữ liệu {path}.")
    if is_quiet(path):
        return _opened(path, "immutable=1")
    connection = _opened(path, "mode=ro")
    try:
        connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
    except sqlite3.OperationalError as error:
        connection.close()
        if "locked" in str(error) or path.with_name(path.name + "-shm").is_file():
            raise database.translated(error) from error
        return _opened_copy(path)
    except UNREADABLE:
        pass  # whoever reads will say so
    return connection


def _opened(path: Path, how: str) -> sqlite3.Connection:
    connection = sqlite3.connect(f"{path.resolve().as_uri()}?{how}", uri=True, isolation_level=None, timeout=10)
    connection.execute("PRAGMA query_only = 1")
    return connection


class _Borrowed(sqlite3.Connection):
    """A connection to a copy that goes when the connection goes."""

    folder: tempfile.TemporaryDirectory[str] | None = None

    def close(self) -> None:
        """Closes, and removes the copy."""
        super().close()
        if self.folder is not None:
            self.folder.cleanup()


def _opened_copy(path: Path) -> sqlite3.Connection:
    folder = tempfile.TemporaryDirectory(prefix="commune-portal-")
    copy = Path(folder.name) / path.name
    for suffix in ("", "-wal"):
        shutil.copyfile(path.with_name(path.name + suffix), copy.with_name(copy.name + suffix))
    connection = sqlite3.connect(copy, isolation_level=None, timeout=10, factory=_Borrowed)
    connection.folder = folder
    connection.execute("PRAGMA query_only = 1")
    return connection
