"""Room on the disks, and what interrupted work left behind."""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path

from commune_portal import clock
from commune_portal.health.row import Level, Patient, Row, told
from commune_portal.settings import MEBIBYTE, Settings

WHY_ROOM = "Hết chỗ thì không vào sổ, không ký, không nhận văn bản được."
WHY_LEFTOVERS = "Tệp dở dang chiếm chỗ; không chứa văn bản nào chưa lưu."
LEFT_AFTER_SECONDS = 24 * 3600


def check(patient: Patient) -> list[Row]:
    """Rows `disk` and `leftovers`."""
    return [_room(patient.settings), _left(patient.settings)]


def _room(settings: Settings) -> Row:
    folder = settings.data_folder if settings.data_folder.is_dir() else settings.folder
    usage = shutil.disk_usage(folder)
    free = f"Còn trống {usage.free / MEBIBYTE / 1024:.1f} GB trong {usage.total / MEBIBYTE / 1024:.1f} GB"
    if not _can_write(folder):
        return Row("disk", Level.FAIL, f"Không ghi được vào {folder}", WHY_ROOM, "Xem quyền của thư mục và ổ đĩa.")
    if usage.free < settings.limits.disk_floor_bytes:
        return Row(
            "disk",
            Level.FAIL,
            f"{free}: dưới mức tối thiểu",
            WHY_ROOM,
            "Giải phóng ổ đĩa ngay; không xóa thư mục dữ liệu.",
        )
    if usage.free < 4 * settings.limits.disk_floor_bytes or usage.free < usage.total / 20:
        return Row(
            "disk",
            Level.WARN,
            f"{free}: sắp đầy",
            WHY_ROOM,
            "Dọn ổ đĩa trong tuần này, hoặc chuyển bản sao lưu sang ổ khác.",
        )
    return told("disk", free, WHY_ROOM)


def _can_write(folder: Path) -> bool:
    if not os.access(folder, os.W_OK):
        return False
    try:
        with tempfile.TemporaryFile(dir=folder) as file:
            file.write(b"0" * 4096)
            file.flush()
    except OSError:
        return False
    return True


def _left(settings: Settings) -> Row:
    found = leftovers(settings)
    if not found:
        return told("leftovers", "Không có tệp dở dang cũ", WHY_LEFTOVERS)
    return Row(
        "leftovers", Level.WARN, f"Có {len(found)} tệp dở dang cũ", WHY_LEFTOVERS, "Chạy «commune-portal doctor --fix»."
    )


def leftovers(settings: Settings) -> list[Path]:
    """Temporary files older than a day; uploads in progress are a verb's to end, not ours."""
    found = [*settings.work_folder.glob("*.part"), *settings.work_folder.glob("backup-*")]
    found += settings.backups_folder.glob("*.part")
    limit = clock.now().timestamp() - LEFT_AFTER_SECONDS
    return [path for path in found if path.stat().st_mtime < limit]


def remove_leftovers(settings: Settings) -> list[str]:
    """Removes them; answers what was done, in words."""
    done = []
    for path in leftovers(settings):
        if path.is_dir():
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink(missing_ok=True)
        done.append(f"Đã xóa tệp dở dang {path.name}")
    return done
