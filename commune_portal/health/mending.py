"""What `doctor --fix` mends without asking.

Nothing here touches a row of the register, and nothing deletes a stored file that a row names.
"""

from __future__ import annotations

import os
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

from commune_portal.errors import PortalError
from commune_portal.health import disk, logs, rights
from commune_portal.settings import Settings
from commune_portal.store import database, erasure, installation
from commune_portal.wire import keys

PRIVATE = 0o700
NO_ROOTS = (
    "Chưa có chứng thư gốc nào trong thư mục trust: chữ ký số của nơi khác chưa kiểm tra được."
    " Chép chứng thư gốc (tệp .pem) của các tổ chức cung cấp dịch vụ chứng thực vào thư mục đó."
)


def mend(settings: Settings) -> list[str]:
    """Does all of it and answers what was done, in words; nothing to do answers nothing."""
    return [
        *_make_folders(settings),
        *rights.narrow(settings),
        *_remove_leftovers(settings),
        *logs.tidy(settings),
        *_finish_erasures(settings),
        *_write_log_back(settings),
    ]


def still_to_do(settings: Settings) -> list[str]:
    """What only a person can mend, said beside what was done."""
    if settings.role == "office" and not any(settings.trust_folder.glob("*.pem")):
        return [NO_ROOTS]
    return []


def _make_folders(settings: Settings) -> list[str]:
    if not settings.database_path.is_file():
        return []  # a lost register is not mended by an empty folder
    done = []
    for folder in (settings.files_folder, settings.work_folder, settings.trust_folder):
        if not folder.exists():
            folder.mkdir(parents=True, mode=PRIVATE)
            _give_to_owner_of(settings.database_path, folder)
            done.append(f"Đã tạo lại thư mục {folder.name}")
    return done


def _give_to_owner_of(path: Path, folder: Path) -> None:
    """Lets the service use what an administrator's doctor has made."""
    if os.name == "posix" and os.geteuid() == 0:
        owner = path.stat()
        os.chown(folder, owner.st_uid, owner.st_gid)


def _remove_leftovers(settings: Settings) -> list[str]:
    done = []
    for path in disk.leftovers(settings):
        if path.is_dir():
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink(missing_ok=True)
        done.append(f"Đã xóa tệp dở dang {path.name}")
    return done


def _finish_erasures(settings: Settings) -> list[str]:
    """Carries out deletions that a recall has decided and a power cut put off; never in a copy of an installation."""
    if not settings.database_path.is_file():
        return []
    try:
        installation.open_(settings)
        try:
            installation.refuse_copy(settings.role, keys.load(settings.secrets_folder).public_key.hex())
            amount = erasure.finish()
        finally:
            database.close()
    except PortalError:
        return []  # the rows of the examination say what is wrong with it
    return [f"Đã hủy xong {amount} tệp hoặc chữ còn chờ hủy theo thông báo thu hồi"] if amount else []


def _write_log_back(settings: Settings) -> list[str]:
    """Empties the database's write-ahead log where it has grown."""
    path = settings.database_path
    log = Path(f"{path}-wal")
    if not log.is_file() or not log.stat().st_size:
        return []
    try:
        with closing(sqlite3.connect(path, timeout=2)) as connection:
            busy = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0]
    except sqlite3.DatabaseError:
        return []
    return [] if busy else ["Đã ghi gọn nhật ký tạm của tệp dữ liệu"]
