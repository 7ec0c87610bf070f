"""What the program stands on: the operating system, the interpreter, SQLite, and the time zones it can name."""

from __future__ import annotations

import os
import platform
import sqlite3
import struct
import sys
import zoneinfo
from pathlib import Path

from commune_portal.health import release
from commune_portal.health.row import Level, Patient, Row, told

OLDEST_PYTHON = (3, 11)
OLDEST_SQLITE = (3, 37, 0)
OLDEST_GLIBC = (2, 36)
OLDEST_WINDOWS = 10
ZONES = ("Asia/Ho_Chi_Minh", "Europe/Brussels")
WHY_SYSTEM = "Chương trình cần hệ điều hành, trình thông dịch và SQLite đủ mới; thiếu thì có chức năng không chạy."
WHY_ZONES = "Chứng thư số và chữ ký ghi giờ theo nhiều múi giờ; thiếu dữ liệu múi giờ thì đọc sai."
REINSTALL = "Cài lại bằng bộ cài đặt của phần mềm; bộ cài mang theo bản đúng."


def check(_: Patient) -> list[Row]:
    """Rows `system` and `time-zone`."""
    return [_system(), _zones()]


def _system() -> Row:
    versions = f"{system_name()}, Python {sys.version.split()[0]} ({_bits()} bit), SQLite {sqlite3.sqlite_version}"
    with_search = "ENABLE_FTS5" in {row[0] for row in sqlite3.connect(":memory:").execute("PRAGMA compile_options")}
    if sys.version_info < OLDEST_PYTHON or sqlite3.sqlite_version_info < OLDEST_SQLITE or not with_search:
        what = f"{versions}: quá cũ hoặc thiếu tìm kiếm toàn văn"
        return Row("system", Level.FAIL, what, WHY_SYSTEM, REINSTALL)
    if _bits() != 64 or not is_new_enough():
        mend = "Chuyển sang máy Windows 10 hoặc 11 loại 64 bit, Debian 12 hoặc Ubuntu 24.04; mang theo bản sao lưu."
        return Row("system", Level.FAIL, f"{versions}: hệ điều hành quá cũ hoặc không phải 64 bit", WHY_SYSTEM, mend)
    folder = release.release_folder()
    if folder is not None and folder not in Path(sys.executable).resolve().parents:
        what = f"{versions}: đang chạy bằng trình thông dịch ngoài bộ cài ({sys.executable})"
        return Row("system", Level.WARN, what, WHY_SYSTEM, "Chỉ mở hệ thống bằng dịch vụ do bộ cài lập.")
    return told("system", versions, WHY_SYSTEM)


def system_name() -> str:
    """The operating system and, on Linux, its C library."""
    if os.name == "nt":
        return f"Windows {'.'.join(map(str, _windows_version()))}"
    found = glibc()
    return f"{platform.system()} {platform.machine()}" + (f", glibc {'.'.join(map(str, found))}" if found else "")


def is_new_enough() -> bool:
    """Whether the operating system is one that the release was built for; others than these two are a developer's."""
    if os.name == "nt":
        return _windows_version()[0] >= OLDEST_WINDOWS
    found = glibc()
    return found is None or found >= OLDEST_GLIBC


def glibc() -> tuple[int, ...] | None:
    """The version of the C library of Linux, None elsewhere."""
    try:
        name, _, version = (os.confstr("CS_GNU_LIBC_VERSION") or "").partition(" ")
    except (AttributeError, ValueError, OSError):
        return None
    return tuple(int(part) for part in version.split(".")[:2]) if name == "glibc" else None


def _windows_version() -> tuple[int, ...]:
    found = getattr(sys, "getwindowsversion")()  # noqa: B009 -- Windows only; mypy reads this on Linux
    return (int(found.major), int(found.minor), int(found.build))


def _bits() -> int:
    return struct.calcsize("P") * 8


def _zones() -> Row:
    missing = []
    for name in ZONES:
        try:
            zoneinfo.ZoneInfo(name)
        except (zoneinfo.ZoneInfoNotFoundError, OSError, ValueError):
            missing.append(name)
    if not missing:
        return told("time-zone", "Đủ dữ liệu múi giờ", WHY_ZONES)
    return Row(
        "time-zone", Level.FAIL, f"Thiếu múi giờ {', '.join(missing)}", WHY_ZONES, "Cài lại phần mềm (gói tzdata)."
    )
