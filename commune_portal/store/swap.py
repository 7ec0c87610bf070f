"""Putting another data folder in the place of the present one; what was there is put aside, never deleted."""

from __future__ import annotations

import sqlite3
from pathlib import Path

from commune_portal import clock
from commune_portal.errors import StoreRefused
from commune_portal.settings import Settings
from commune_portal.store import database, files


def refuse_while_served(database_path: Path) -> None:
    """Raises StoreRefused while another process has the register open: its connections hold SQLite's shared lock."""
    if not database_path.is_file():
        return
    connection = sqlite3.connect(database_path, isolation_level=None, timeout=0.5)
    try:
        connection.execute("PRAGMA locking_mode = exclusive")
        connection.execute("BEGIN EXCLUSIVE")
        connection.execute("ROLLBACK")
    except sqlite3.OperationalError as error:
        if "locked" in str(error) or "busy" in str(error):
            raise StoreRefused(
                "Hệ thống đang chạy. Hãy dừng hệ thống (và đóng mọi lệnh khác đang dùng dữ liệu) rồi làm lại."
            ) from error
        if "disk I/O" in str(error) or "unable to open" in str(error):
            raise database.translated(error) from error
    except (sqlite3.DatabaseError, UnicodeDecodeError):
        pass  # a ruined register is not served, and is just what a restore should replace
    finally:
        connection.close()


def beside(settings: Settings, what: str) -> Path:
    """A free folder name beside the data folder, on the same disk."""
    stamp = clock.now_text().replace("-", "").replace(":", "")
    path = settings.data_folder.with_name(f"{settings.data_folder.name}.{what}-{stamp}")
    number = 1
    while path.exists():
        number += 1
        path = path.with_name(f"{settings.data_folder.name}.{what}-{stamp}-{number}")
    return path


def put_in_place(settings: Settings, fresh: Path) -> Path | None:
    """Gives a folder the data folder's name; answers where the old one was put aside, None where there was none."""
    old: Path | None = None
    with files.disk_errors():
        if settings.data_folder.exists():
            old = beside(settings, "truoc")
            settings.data_folder.rename(old)
        try:
            fresh.rename(settings.data_folder)
        except OSError:
            if old is not None:
                old.rename(settings.data_folder)
            raise
        files.sync_folder(settings.data_folder.parent)
    return old
