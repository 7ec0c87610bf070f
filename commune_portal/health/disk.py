"""Room on the disks, what interrupted work left behind, and how much the logs take."""

from __future__ import annotations

import shutil
from datetime import timedelta
from pathlib import Path

from commune_portal import clock
from commune_portal.health.row import Level, Patient, Row, told
from commune_portal.settings import MEBIBYTE, Settings
from commune_portal.store import files
from commune_portal.store.backup import RECEIVED

WHY_ROOM = "Hết chỗ thì không vào sổ, không ký, không nhận văn bản được; đọc và in vẫn được."
WHY_BACKUPS = "Nơi sao lưu hết chỗ hoặc không ghi được thì không có bản sao lưu mới."
WHY_LEFTOVERS = "Tệp dở dang chiếm chỗ; không chứa văn bản nào chưa lưu."
WHY_ASIDE = "Khôi phục hay quay lại bản cũ không xóa dữ liệu trước đó; để lâu thì đầy ổ đĩa."
WHY_LOGS = "Nhật ký kỹ thuật tự xoay vòng; lớn quá mức là có tệp lạ hoặc chương trình báo lỗi liên tục."
LEFT_AFTER_SECONDS = 24 * 3600
EARLY_DAYS = 90
PACE_DAYS = 30
LOGS_AT_MOST_BYTES = 64 * MEBIBYTE


def check(patient: Patient) -> list[Row]:
    """Rows `disk`, `backup-disk`, `leftovers`, `logs`, and `put-aside` where there is any."""
    settings = patient.settings
    return [_room(patient), _backup_room(settings), _left(settings), *_put_aside(settings), _logs(settings)]


def _room(patient: Patient) -> Row:
    settings = patient.settings
    floor = settings.limits.disk_floor_bytes
    folder = settings.data_folder if settings.data_folder.is_dir() else settings.folder
    usage = shutil.disk_usage(folder)
    free = f"Còn trống {_size(usage.free)} trong {_size(usage.total)}"
    if not files.can_write(folder):
        return Row("disk", Level.FAIL, f"Không ghi được vào {folder}", WHY_ROOM, "Xem quyền của thư mục và ổ đĩa.")
    if usage.free < floor:
        what = f"{free}: dưới mức tối thiểu {_size(floor)}, đã ngừng nhận thêm"
        return Row("disk", Level.FAIL, what, WHY_ROOM, "Giải phóng ổ đĩa ngay; không xóa thư mục dữ liệu.")
    mend = "Dọn ổ đĩa trong tuần này, hoặc chuyển bản sao lưu sang ổ khác."
    if usage.free < 4 * floor or usage.free < usage.total / 20:
        return Row("disk", Level.WARN, f"{free}: sắp đầy", WHY_ROOM, mend)
    days = _days_left(patient, usage.free - floor)
    if days is not None and days < EARLY_DAYS:
        return Row("disk", Level.WARN, f"{free}: với đà hiện nay còn đủ khoảng {days:.0f} ngày", WHY_ROOM, mend)
    return told("disk", free, WHY_ROOM)


def _size(amount: int) -> str:
    megabytes = amount / MEBIBYTE
    return f"{megabytes / 1024:.1f} GB" if megabytes >= 1024 else f"{megabytes:.0f} MB"


def _days_left(patient: Patient, room: int) -> float | None:
    """How long the room lasts at the pace of the last month's files, each of which goes into a backup too."""
    since = clock.to_text(clock.now() - timedelta(days=PACE_DAYS))
    table, column, at = ("attachments", "bytes", "added_at") if patient.is_office else _MAILBOX
    found = patient.one(f"SELECT sum({column}) FROM {table} WHERE {at} >= ?", since)
    grown = int(str(found[0])) if found and found[0] else 0
    return room / (2 * grown / PACE_DAYS) if grown else None


_MAILBOX = ("mailbox", "packet_bytes", "taken_at")


def _backup_room(settings: Settings) -> Row:
    """The fullest of the folders that backups go to; a backup needs as much room as the data."""
    needed = max(_newest_backup_bytes(settings), settings.limits.disk_floor_bytes)
    told_free = []
    for folder in backup_folders(settings):
        if not folder.is_dir():
            if folder == settings.backups_folder:
                continue
            mend = "Cắm ổ hoặc mở lại thư mục mạng đó; không dùng nữa thì bỏ nó khỏi backup.folders."
            return Row("backup-disk", Level.WARN, f"Không thấy nơi sao lưu {folder}", WHY_BACKUPS, mend)
        if not files.can_write(folder):
            mend = "Xem quyền của thư mục và ổ đĩa; USB có thể đang khóa ghi."
            return Row("backup-disk", Level.FAIL, f"Không ghi được vào nơi sao lưu {folder}", WHY_BACKUPS, mend)
        free = shutil.disk_usage(folder).free
        if free < 2 * needed:
            level = Level.FAIL if free < needed else Level.WARN
            what = f"Nơi sao lưu {folder} còn {_size(free)}, một bản cần khoảng {_size(needed)}"
            mend = "Chép các bản cũ sang ổ khác rồi xóa ở đây, hoặc chọn nơi sao lưu rộng hơn."
            return Row("backup-disk", level, what, WHY_BACKUPS, mend)
        told_free.append(_size(free))
    return told(
        "backup-disk", f"Nơi sao lưu còn trống {', '.join(told_free)}" if told_free else "Tạo khi cần", WHY_BACKUPS
    )


def backup_folders(settings: Settings) -> list[Path]:
    """Where backups are written beside sticks."""
    return [settings.backups_folder, *(settings.folder / name for name in settings.backup.folders)]


def _newest_backup_bytes(settings: Settings) -> int:
    found = list(settings.backups_folder.glob("saoluu-*")) if settings.backups_folder.is_dir() else []
    return max((entry.st_size for _, entry in files.still_there(found)), default=0)


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
    found += settings.folder.glob(f"{RECEIVED}*.zip*")
    for folder in backup_folders(settings):
        found += folder.glob("*.part")
    limit = clock.now().timestamp() - LEFT_AFTER_SECONDS
    return [path for path, entry in files.still_there(found) if entry.st_mtime < limit]


def put_aside(settings: Settings) -> list[Path]:
    """Data that a restore, a roll-back or an uninstallation took out of service; the program deletes none of them."""
    beside = settings.data_folder.parent.glob(f"{settings.data_folder.name}.truoc-*")
    return sorted([*beside, *(settings.folder / "put-aside").glob("*")])


def _put_aside(settings: Settings) -> list[Row]:
    try:
        found = put_aside(settings)
        size = sum(path.stat().st_size for folder in found for path in folder.rglob("*") if path.is_file())
    except OSError:
        return []
    if not found:
        return []
    what = f"{len(found)} bộ dữ liệu cũ để sang bên, {_size(size)}: {found[-1]}"
    mend = "Khi chắc chắn không cần đối chiếu nữa, người quản trị máy chép sang ổ khác cất giữ rồi xóa ở đây."
    level = Level.WARN if size > shutil.disk_usage(settings.folder).free / 4 else Level.OK
    return [Row("put-aside", level, what, WHY_ASIDE, mend if level is Level.WARN else "")]


def _logs(settings: Settings) -> Row:
    found = sum(entry.st_size for _, entry in files.still_there(log_files(settings)))
    if found > LOGS_AT_MOST_BYTES:
        mend = "Chạy «commune-portal doctor --fix» để bỏ tệp cũ; gửi tệp hỗ trợ để biết vì sao nhật ký lớn."
        return Row("logs", Level.WARN, f"Nhật ký kỹ thuật chiếm {_size(found)}", WHY_LOGS, mend)
    return told("logs", f"Nhật ký kỹ thuật {_size(found)}", WHY_LOGS)


def log_files(settings: Settings) -> list[Path]:
    """The technical logs, oldest first."""
    found = [path for path in settings.logs_folder.glob("*.log*") if path.is_file()]
    return [path for path, _ in sorted(files.still_there(found), key=lambda item: item[1].st_mtime)]
