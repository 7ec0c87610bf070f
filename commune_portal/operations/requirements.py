"""What a computer must have before anything is written on it; each lack is refused with what to do about it."""

from __future__ import annotations

import os
import re
import shutil
import struct
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from commune_portal.errors import DiskFull, NotAllowed, StoreRefused
from commune_portal.operations.places import IS_WINDOWS, Places
from commune_portal.settings import MEBIBYTE
from commune_portal.store import database

OLDEST_GLIBC = (2, 36)
OLDEST_WINDOWS = 10
SPARE_BYTES = 256 * MEBIBYTE
"""What stays free beside what the operation itself writes."""


@dataclass(frozen=True, slots=True)
class Machine:
    """The facts of a computer that decide: glibc is (0, 0) on Windows, windows 0 elsewhere."""

    bits: int
    glibc: tuple[int, ...]
    windows: int
    is_administrator: bool

    @classmethod
    def here(cls) -> Machine:
        """This computer and this process."""
        return cls(struct.calcsize("P") * 8, _glibc(), _windows(), _is_administrator())


@dataclass(frozen=True, slots=True)
class Need:
    """Bytes that an operation will write below a folder."""

    folder: Path
    size_bytes: int


def refuse_machine(machine: Machine, *, needs_administrator: bool) -> None:
    """Raises StoreRefused or NotAllowed where the computer cannot carry the portal."""
    if machine.bits != 64:
        raise StoreRefused(
            "Máy này chạy hệ điều hành 32 bit; phần mềm chỉ chạy trên 64 bit. Hãy cài trên máy khác và dùng từ máy này"
            " bằng trình duyệt."
        )
    if machine.windows and machine.windows < OLDEST_WINDOWS:
        raise StoreRefused(
            "Máy này dùng Windows quá cũ để làm máy chủ; hãy cài trên máy Windows 10/11 và mở cổng bằng trình duyệt từ"
            " máy này."
        )
    if not machine.windows and machine.glibc < OLDEST_GLIBC:
        found = ".".join(map(str, machine.glibc)) or "không rõ"
        raise StoreRefused(
            f"Hệ điều hành quá cũ (glibc {found}, cần từ 2.36). Hãy cài trên Debian 12, Ubuntu 24.04 hoặc mới hơn."
        )
    if needs_administrator and not machine.is_administrator:
        how = "bấm chuột phải vào CAI-DAT.exe, chọn «Run as administrator»" if machine.windows else "chạy bằng sudo"
        raise NotAllowed(f"Việc này cần quyền quản trị máy. Hãy {how}.")


def refuse_disks(places: Places, needs: Iterable[Need]) -> None:
    """Raises StoreRefused for a network share or a disk that cannot be written, DiskFull for one without room."""
    for folder in places.all():
        if str(folder).startswith(("\\\\", "//")):
            raise StoreRefused(f"Không cài lên ổ mạng ({folder}). Hãy chọn ổ đĩa trong máy này.")
        there = existing(folder)
        if not _can_be_written(there):
            raise DiskFull(
                f"Không ghi được vào {there}: ổ đĩa chỉ đọc hoặc thiếu quyền. Chưa có gì thay đổi; hãy kiểm tra ổ đĩa."
            )
    for folder in (places.program, places.home, places.state):
        database.refuse_foreign_disk(existing(folder))
    wanted: dict[int, tuple[Path, int]] = {}
    for need in needs:
        there = existing(need.folder)
        _, before = wanted.get(there.stat().st_dev, (there, SPARE_BYTES))
        wanted[there.stat().st_dev] = (there, before + need.size_bytes)
    for there, size in wanted.values():
        free = shutil.disk_usage(there).free
        if free < size:
            raise DiskFull(
                f"Ổ đĩa chứa {there} còn {free // MEBIBYTE} MB, cần ít nhất {size // MEBIBYTE + 1} MB. Chưa có gì thay"
                " đổi; hãy dọn ổ đĩa rồi làm lại."
            )


def existing(folder: Path) -> Path:
    """The folder, or its nearest parent that is there."""
    while not folder.exists():
        folder = folder.parent
    return folder


def _can_be_written(folder: Path) -> bool:
    if IS_WINDOWS:
        return True  # access() knows no rights there; an administrator's first write will tell
    return os.access(folder, os.W_OK) and not os.statvfs(folder).f_flag & os.ST_RDONLY


def _glibc() -> tuple[int, ...]:
    try:
        told = os.confstr("CS_GNU_LIBC_VERSION") or ""
    except (AttributeError, ValueError, OSError):
        return ()
    found = re.search(r"(\d+)\.(\d+)", told)
    return (int(found[1]), int(found[2])) if found else ()


def _windows() -> int:
    asked = getattr(sys, "getwindowsversion", None)
    return int(asked().major) if asked else 0


def _is_administrator() -> bool:
    if not IS_WINDOWS:
        return os.geteuid() == 0
    import ctypes

    return bool(ctypes.windll.shell32.IsUserAnAdmin())  # type: ignore[attr-defined,unused-ignore] # Windows only
