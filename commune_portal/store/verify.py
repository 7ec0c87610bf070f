"""Re-reading everything: the chain, the leaves, the newest hash of every register row, numbers, stored files.

Works on a copy too: it opens nothing for writing and needs no keys. Receipts are checked above (they need the
node's public key); `heads` gives them the hash at each size they speak of.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from commune_portal.errors import StoreDamaged
from commune_portal.rules import chain
from commune_portal.store import files, register


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that is not as it was written: where, and what in Vietnamese."""

    where: str
    what: str


@dataclass(slots=True)
class Verification:
    """What was found; `first_bad` names the first bad row, `journal:17` or `incoming:<uid>`."""

    faults: list[Fault] = field(default_factory=list)
    lines: int = 0
    rows: int = 0
    files: int = 0
    receipts: int = 0
    head: str = ""
    heads: dict[int, str] = field(default_factory=dict)

    @property
    def ok(self) -> bool:
        """True when nothing is wrong."""
        return not self.faults

    def blame(self, where: str, what: str) -> None:
        """Notes a fault."""
        self.faults.append(Fault(where, what))


def verify(
    connection: sqlite3.Connection, files_folder: Path | None, sizes_wanted: Callable[[int], bool] | None = None
) -> Verification:
    """Reads the whole register; `files_folder` None leaves the stored files unread."""
    result = Verification()
    newest: dict[tuple[str, str], str] = {}
    try:
        _check_chain(connection, result, newest, sizes_wanted)
        _check_leaves(connection, result)
        _check_rows(connection, result, newest)
        _check_numbers(connection, result)
        if files_folder is not None:
            _check_files(connection, files_folder, result)
    except sqlite3.DatabaseError as error:
        result.blame("database", f"Cơ sở dữ liệu không đọc được: {error}")
    return result


def _check_chain(
    connection: sqlite3.Connection,
    result: Verification,
    newest: dict[tuple[str, str], str],
    sizes_wanted: Callable[[int], bool] | None,
) -> None:
    found = connection.execute("SELECT uid FROM installation").fetchone()
    head = chain.genesis(found[0] if found else "")
    broken = False
    for expected, (seq, body, stored) in enumerate(
        connection.execute("SELECT seq, body, hash FROM journal ORDER BY seq"), start=1
    ):
        where = f"journal:{seq}"
        if seq != expected and not broken:
            result.blame(f"journal:{expected}", "Thiếu dòng nhật ký")
            broken = True
        if not broken:
            head = chain.link(head, body.encode())
            if head != stored:
                result.blame(where, "Dòng nhật ký đã bị sửa (mã băm không khớp)")
                broken = True
        result.lines += 1
        if sizes_wanted is not None and sizes_wanted(seq):
            result.heads[seq] = head
        try:
            fields = json.loads(body)
            if fields["seq"] != seq or chain.canonical_bytes(fields).decode() != body:
                result.blame(where, "Dòng nhật ký không đúng dạng chuẩn")
            for table, uid, before, after in fields.get("rows", ()):
                if newest.get((table, uid)) != before:
                    result.blame(f"{table}:{uid}", f"Dòng sổ đã bị sửa ngoài hệ thống trước việc ở nhật ký {seq}")
                newest[(table, uid)] = after
        except (ValueError, KeyError, TypeError):
            result.blame(where, "Dòng nhật ký không đọc được")
    result.head = head


def _check_leaves(connection: sqlite3.Connection, result: Verification) -> None:
    erased = {row[0] for row in connection.execute("SELECT seq FROM journal_erasures")}
    query = (
        "SELECT j.seq, json_extract(j.body, '$.commitment'), l.salt, l.leaf FROM journal j"
        " LEFT JOIN journal_leaves l ON l.seq = j.seq WHERE json_valid(j.body) ORDER BY j.seq"
    )
    for seq, commitment, salt, leaf in connection.execute(query):
        if commitment is None:
            if leaf is not None:
                result.blame(f"journal_leaves:{seq}", "Phần chữ thừa, không có trong nhật ký")
        elif leaf is None:
            if seq not in erased:
                result.blame(f"journal_leaves:{seq}", "Thiếu phần chữ của dòng nhật ký mà không có lệnh thu hồi")
        elif not _is_hex(salt) or chain.commitment(salt, leaf.encode()) != commitment:
            result.blame(f"journal_leaves:{seq}", "Phần chữ của dòng nhật ký đã bị sửa")


def _is_hex(text: str) -> bool:
    try:
        return len(bytes.fromhex(text)) == 16
    except ValueError:
        return False


def _check_rows(connection: sqlite3.Connection, result: Verification, newest: dict[tuple[str, str], str]) -> None:
    for table in register.REGISTER_TABLES:
        known = register.shape(connection, table)
        uid_at, hash_at = known.columns.index("uid"), known.columns.index("row_hash")
        for values in connection.execute(f"SELECT {', '.join(known.columns)} FROM {table} ORDER BY id"):
            uid, stored = values[uid_at], values[hash_at]
            where = f"{table}:{uid}"
            result.rows += 1
            told = newest.pop((table, uid), None)
            if told is None:
                result.blame(where, "Dòng sổ không có trong nhật ký")
            elif chain.row_hash(table, known.columns, values) != told or stored != told:
                result.blame(where, "Dòng sổ đã bị sửa ngoài hệ thống")
    for table, uid in sorted(newest):
        result.blame(f"{table}:{uid}", "Dòng sổ đã bị xóa")


def _check_numbers(connection: sqlite3.Connection, result: Verification) -> None:
    for direction in ("incoming", "outgoing"):
        query = (
            f"SELECT b.uid, b.opening_number, b.last_number, count(d.id), min(d.number), max(d.number)"
            f" FROM books b LEFT JOIN {direction} d ON d.book_id = b.id WHERE b.direction = ? GROUP BY b.id"
        )
        for uid, opening, last, amount, lowest, highest in connection.execute(query, (direction,)):
            wanted = last - opening + 1
            sound = amount == wanted and (amount == 0 or (lowest == opening and highest == last))
            if not sound:
                result.blame(f"books:{uid}", f"Sổ có {amount} số nhưng bộ đếm nói {wanted}: số bị thiếu hoặc trùng")


def referenced_files(connection: sqlite3.Connection) -> Iterator[tuple[str, str]]:
    """Every stored file that a register row names, with the row that names it."""
    yield from connection.execute("SELECT 'attachments:' || uid, sha256 FROM attachments ORDER BY id")
    yield from connection.execute("SELECT 'statuses:' || uid, packet_sha256 FROM statuses ORDER BY id")
    yield from connection.execute(
        "SELECT 'mailbox:' || uid, packet_sha256 FROM mailbox WHERE packet_sha256 <> '' ORDER BY id"
    )
    yield from connection.execute("SELECT 'issuers:' || uid, seal_sha256 FROM issuers WHERE seal_sha256 <> ''")
    yield from connection.execute("SELECT 'mandates:' || uid, picture_sha256 FROM mandates WHERE picture_sha256 <> ''")


def _check_files(connection: sqlite3.Connection, folder: Path, result: Verification) -> None:
    seen: dict[str, bool] = {}
    for where, sha256 in referenced_files(connection):
        if sha256 not in seen:
            seen[sha256] = files.is_sound(folder, sha256)
        if not seen[sha256]:
            result.blame(where, f"Tệp lưu bị thiếu hoặc bị sửa: {sha256[:12]}…")
    result.files = len(seen)


def open_for_reading(path: Path) -> sqlite3.Connection:
    """A connection that cannot write, for a register that may be a copy; raises StoreDamaged."""
    if not path.is_file():
        raise StoreDamaged(f"Không thấy tệp dữ liệu {path}.")
    connection = sqlite3.connect(path, isolation_level=None, timeout=10)
    connection.execute("PRAGMA query_only = 1")
    return connection
