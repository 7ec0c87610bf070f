"""The program itself: its release, its interpreter, its SQLite, and the time zones it can name."""

from __future__ import annotations

import sqlite3
import struct
import sys
import zoneinfo

from commune_portal import __version__
from commune_portal.health.row import Level, Patient, Row, told

OLDEST_PYTHON = (3, 11)
OLDEST_SQLITE = (3, 37, 0)
ZONES = ("Asia/Ho_Chi_Minh", "Europe/Brussels")
WHY_SYSTEM = "Chương trình cần trình thông dịch và SQLite đủ mới; thiếu thì có chức năng không chạy."
WHY_ZONES = "Chứng thư số và chữ ký ghi giờ theo nhiều múi giờ; thiếu dữ liệu múi giờ thì đọc sai."


def check(_: Patient) -> list[Row]:
    """Rows `release`, `system` and `time-zone`."""
    return [
        told("release", f"commune-portal {__version__}", "Cho biết bản đang chạy khi cần hỗ trợ."),
        _system(),
        _zones(),
    ]


def _system() -> Row:
    versions = f"Python {sys.version.split()[0]} ({struct.calcsize('P') * 8} bit), SQLite {sqlite3.sqlite_version}"
    with_search = "ENABLE_FTS5" in {row[0] for row in sqlite3.connect(":memory:").execute("PRAGMA compile_options")}
    if sys.version_info >= OLDEST_PYTHON and sqlite3.sqlite_version_info >= OLDEST_SQLITE and with_search:
        return told("system", versions, WHY_SYSTEM)
    return Row(
        "system", Level.FAIL, f"{versions}: quá cũ hoặc thiếu tìm kiếm toàn văn", WHY_SYSTEM,
        "Cài lại bằng bộ cài đặt của phần mềm; bộ cài mang theo bản đúng.",
    )  # fmt: skip


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
