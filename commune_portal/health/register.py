"""The database file: can it be read, is its schema ours, do its guards stand, does it belong to this installation."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

from commune_portal.errors import StoreRefused
from commune_portal.health.row import Level, Patient, Row, told
from commune_portal.store import database, migrate, verify
from commune_portal.wire import keys

WHY_DATABASE = "Toàn bộ sổ nằm trong một tệp; tệp hỏng thì mất sổ."
WHY_SCHEMA = "Chương trình chỉ ghi đúng vào dữ liệu cùng phiên bản."
WHY_GUARDS = "Các ràng buộc trong cơ sở dữ liệu giữ cho số không trùng và nhật ký không bị sửa."
WHY_OWNER = "Bản sao chạy song song sẽ cấp trùng số và trùng mã văn bản."
FROM_BACKUP = "Không xóa gì. Chép cả thư mục dữ liệu ra chỗ khác, rồi khôi phục bản sao lưu mới nhất («restore»)."


def check(patient: Patient) -> list[Row]:
    """Rows `database`, `schema`, `guards` and `owner`."""
    if patient.connection is None:
        missing = f"Không thấy tệp dữ liệu {patient.settings.database_path}"
        return [
            Row(
                "database", Level.FAIL, missing, WHY_DATABASE, "Chạy «commune-portal init», hoặc khôi phục bản sao lưu."
            )
        ]
    return [
        _pages(patient, patient.connection),
        _schema(patient.connection),
        _guards(patient.connection),
        _owner(patient),
    ]


def _pages(patient: Patient, connection: sqlite3.Connection) -> Row:
    if patient.thorough:
        found = [str(row[0]) for row in connection.execute("PRAGMA quick_check(5)") if row[0] != "ok"]
        found += [
            f"{row[0]}: trỏ tới dòng không có" for row in connection.execute("PRAGMA foreign_key_check").fetchall()[:5]
        ]
        if found:
            return Row("database", Level.FAIL, f"Tệp dữ liệu bị hỏng: {found[0]}", WHY_DATABASE, FROM_BACKUP)
    if connection.execute("PRAGMA application_id").fetchone()[0] != database.APPLICATION_ID:
        return Row("database", Level.FAIL, "Tệp dữ liệu không phải của phần mềm này", WHY_DATABASE, FROM_BACKUP)
    if not _is_wal(patient.settings.database_path, connection):
        mend = "Mở lại hệ thống: khi khởi động, hệ thống bật lại chế độ ghi an toàn hoặc nói rõ vì sao không được."
        return Row("database", Level.WARN, "Tệp dữ liệu không ở chế độ ghi an toàn (WAL)", WHY_DATABASE, mend)
    size = patient.settings.database_path.stat().st_size / 1024 / 1024
    read = "đã đọc mọi trang, mọi liên kết đúng" if patient.thorough else "đọc được"
    return told("database", f"Tệp dữ liệu {size:.1f} MB, {read}", WHY_DATABASE)


def _is_wal(path: Path, connection: sqlite3.Connection) -> bool:
    """The journal mode: of a file at rest out of its own header, of one in use from SQLite.

    A file in use must not be opened past SQLite: closing it would drop the locks of this whole process.
    Source: https://www.sqlite.org/fileformat2.html §1.3.3; https://www.sqlite.org/howtocorrupt.html §2.2.
    """
    if not verify.is_quiet(path):
        return bool(connection.execute("PRAGMA journal_mode").fetchone()[0] == "wal")
    with path.open("rb") as file:
        return file.read(20)[18:20] == b"\x02\x02"


def _schema(connection: sqlite3.Connection) -> Row:
    version, newest = migrate.current_version(connection), len(migrate.migrations())
    if version == newest:
        return told("schema", f"Lược đồ {version}", WHY_SCHEMA)
    if version > newest:
        what = f"Dữ liệu thuộc phiên bản mới hơn (lược đồ {version}, chương trình biết đến {newest})"
        return Row("schema", Level.FAIL, what, WHY_SCHEMA, "Dùng bản cài đặt mới hơn; dữ liệu không bị thay đổi.")
    what = f"Dữ liệu thuộc phiên bản cũ (lược đồ {version}, cần {newest})"
    return Row("schema", Level.FAIL, what, WHY_SCHEMA, "Chạy «commune-portal migrate».")


def _guards(connection: sqlite3.Connection) -> Row:
    missing = sorted(_declared() - _structure(connection))
    if not missing:
        return told("guards", "Mọi bảng, chỉ mục và ràng buộc còn nguyên", WHY_GUARDS)
    names = ", ".join(name for _, name, _ in missing[:5])
    mend = (
        "Ai đó đã sửa cấu trúc dữ liệu ngoài hệ thống. Chạy «register verify», báo người quản trị,"
        " rồi khôi phục bản sao lưu."
    )
    return Row("guards", Level.FAIL, f"Thiếu hoặc khác bản gốc: {names}", WHY_GUARDS, mend)


def _structure(connection: sqlite3.Connection) -> set[tuple[str, str, str]]:
    query = "SELECT type, name, sql FROM sqlite_master WHERE sql IS NOT NULL AND name NOT LIKE 'sqlite_%'"
    return {(row[0], row[1], row[2]) for row in connection.execute(query)}


def _declared() -> set[tuple[str, str, str]]:
    """What the migrations of this release make, in memory."""
    with closing(sqlite3.connect(":memory:")) as connection:
        for step in migrate.migrations():
            for statement in migrate.statements(step.sql):
                connection.execute(statement)
        return _structure(connection)


def _owner(patient: Patient) -> Row:
    found = patient.one("SELECT role, public_key, code, name FROM installation WHERE id = 1")
    if found is None:
        return Row("owner", Level.FAIL, "Dữ liệu chưa được khởi tạo", WHY_OWNER, "Chạy «commune-portal init».")
    role, public_key, code, name = found
    if role != patient.settings.role:
        what = f"Dữ liệu thuộc vai trò «{role}», cấu hình ghi «{patient.settings.role}»"
        return Row("owner", Level.FAIL, what, WHY_OWNER, "Sửa dòng role trong tệp cấu hình.")
    adopt = "Chỉ được đọc. Muốn dùng ở đây, hãy chạy «restore --adopt»; máy cũ khi đó phải ngừng dùng."
    try:
        own = keys.load(patient.settings.secrets_folder)
    except StoreRefused as error:
        return Row("owner", Level.WARN, error.sentence, WHY_OWNER, adopt)
    if own.public_key.hex() != public_key:
        return Row("owner", Level.WARN, "Dữ liệu là bản sao của hệ thống khác (khóa không khớp)", WHY_OWNER, adopt)
    return told("owner", f"{name} ({code})", WHY_OWNER)
