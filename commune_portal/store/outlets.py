"""Writing one stream to several places at once: a place that fails is left behind, the others go on.

A file gets its name when all of it is on the disk, and is then read back from the medium itself: worn and counterfeit
sticks take everything and give back something else.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

from commune_portal import points
from commune_portal.errors import DiskFull, PortalError, StoreDamaged
from commune_portal.settings import MEBIBYTE
from commune_portal.store import files
from commune_portal.store.files import Stored

FAT32_BYTES = 4096 * MEBIBYTE - 1


@dataclass(slots=True)
class Outlet:
    """One place in the making; `stored` says what was written once the file has its name."""

    path: Path
    out: IO[bytes] | None = None
    error: PortalError | None = None
    stored: Stored | None = None
    _was_open: bool = False

    @property
    def folder(self) -> Path:
        """Where it lies."""
        return self.path.parent

    @property
    def part(self) -> Path:
        """Its name until it is whole."""
        return self.path.with_name(self.path.name + ".part")

    def begin(self) -> None:
        """Opens the part; what an earlier attempt left there goes."""
        self.error = None
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            for old in self.folder.glob("saoluu-*.part"):
                old.unlink(missing_ok=True)
            self.out = self.part.open("wb")
            self._was_open = True
        except OSError as error:
            self.fail(error)

    def finish(self, stored: Stored) -> None:
        """Gives the file its name, unless the place has failed."""
        if self.out is None:
            return
        try:
            self.out.flush()
            os.fsync(self.out.fileno())
            self.out.close()
            points.reach("inside-backup")
            self.part.replace(self.path)
            files.sync_folder(self.folder)
        except OSError as error:
            self.fail(error)
            return
        self.out, self.stored = None, stored
        points.reach("backup-named")

    def fail(self, error: OSError) -> None:
        """Gives the place up and says why."""
        size = 0
        with suppress(OSError):
            size = self.part.stat().st_size
        self.error = self._why(error, size)
        self.leave()

    def leave(self) -> None:
        """Closes and removes what is unfinished; a stick that was pulled allows neither."""
        if self.out is not None:
            with suppress(OSError):
                self.out.close()
        self.out = None
        with suppress(OSError):
            self.part.unlink(missing_ok=True)

    def check(self) -> None:
        """Reads back what lies on the medium; a file that is not what was written does not keep its name."""
        if self.stored is None:
            return
        try:
            found = read_from_medium(self.path)
        except OSError as error:
            self.stored = None
            self.fail(error)
            return
        if found == self.stored:
            return
        self.stored = None
        with suppress(OSError):
            self.path.unlink(missing_ok=True)
        self.error = StoreDamaged(
            f"Đọc lại từ {self.folder} khác với những gì đã ghi: thiết bị này hỏng hoặc là USB giả dung lượng."
            " Hãy dùng thiết bị khác; dữ liệu đang dùng không bị ảnh hưởng.",
            detail=self.path.name,
        )

    def _why(self, error: OSError, size: int) -> PortalError:
        folder = self.folder
        if not folder.is_dir() and not self._was_open:
            return StoreDamaged(
                f"Không mở được nơi sao lưu {folder}: không có thư mục này, hoặc ổ đĩa chứa nó chưa cắm. Hãy cắm ổ đĩa,"
                " hoặc bỏ nơi này khỏi cấu hình.",
                detail=str(error),
            )
        if not folder.is_dir():
            return StoreDamaged(f"Không còn thấy {folder}: thiết bị đã bị rút ra giữa chừng.", detail=str(error))
        if size >= FAT32_BYTES - MEBIBYTE:
            return DiskFull(
                f"{folder} không chứa được tệp trên 4 GB (định dạng FAT32). Hãy định dạng USB này thành exFAT.",
                detail=str(error),
            )
        try:
            with files.disk_errors():
                raise error
        except DiskFull:
            return DiskFull(
                f"Không ghi được bản sao lưu vào {folder}: hết chỗ hoặc không cho ghi. Hãy dọn chỗ hoặc dùng thiết bị"
                " khác; các bản cũ vẫn còn.",
                detail=str(error),
            )
        except OSError:
            return StoreDamaged(
                f"Không ghi được bản sao lưu vào {folder}. Hãy kiểm tra thiết bị còn cắm và tài khoản chạy phần mềm"
                " được phép ghi ở đó.",
                detail=str(error),
            )


@dataclass(slots=True)
class Tee:
    """The stream's end: passes every piece on to each place that still takes it."""

    outlets: Sequence[Outlet]
    told: Callable[[int], None]
    size: int = 0
    _digest: hashlib._Hash = field(default_factory=hashlib.sha256)

    def write(self, data: bytes) -> int:
        """Raises the last place's error once no place is left."""
        for outlet in self.outlets:
            if outlet.out is not None:
                try:
                    outlet.out.write(data)
                except OSError as error:
                    outlet.fail(error)
        if not any(outlet.out is not None for outlet in self.outlets):
            raise next(outlet.error for outlet in reversed(self.outlets) if outlet.error is not None)
        self._digest.update(data)
        self.size += len(data)
        self.told(self.size)
        return len(data)

    def flush(self) -> None:
        """Nothing is held back here."""

    @property
    def stored(self) -> Stored:
        """What has passed."""
        return Stored(self._digest.hexdigest(), self.size)


def write(outlets: Sequence[Outlet], pour: Callable[[Tee], None], told: Callable[[int], None]) -> None:
    """Lets `pour` write its stream to all of them; whatever the stream itself raises comes through, nothing named."""
    try:
        for outlet in outlets:
            outlet.begin()
        if not any(outlet.out is not None for outlet in outlets):
            return
        tee = Tee(outlets, told)
        try:
            pour(tee)
        except PortalError:
            if any(outlet.out is not None for outlet in outlets):
                raise
        for outlet in outlets:
            outlet.finish(tee.stored)
    finally:
        for outlet in outlets:
            outlet.leave()


def read_from_medium(path: Path) -> Stored:
    """What really lies there: the system is told to forget the file first, so that the stick is read and not memory."""
    if hasattr(os, "posix_fadvise"):
        handle = os.open(path, os.O_RDONLY)
        try:
            os.posix_fadvise(handle, 0, 0, os.POSIX_FADV_DONTNEED)
        finally:
            os.close(handle)
    return files.digest_of(path)
