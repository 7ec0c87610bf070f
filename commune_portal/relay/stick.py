"""The USB stick as a place for files: drives that can be taken out, a bag written whole or not at all, read with care.

A stick is FAT more often than not: no links, no case, no sync of folders, and it may be full, locked or pulled at any
moment. What goes wrong is said in a sentence that tells a clerk what to do. Nothing on a stick is followed elsewhere.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import os
import shutil
import stat
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from commune_portal.errors import DiskFull, Malformed, NotFound, PortalError, RuleBroken
from commune_portal.store import files
from commune_portal.wire.bag import FOLDER_PREFIX, LARGEST_BYTES, MANIFEST, NAME_DIGITS

PART = ".part"
BAGS_AT_MOST = 200
CLUSTER_BYTES = 32 * 1024
"""What a small file may take on a large FAT stick."""


@contextmanager
def stick_errors(place: Path) -> Iterator[None]:
    """Turns what a stick does to its files into a sentence for the person who holds it."""
    try:
        yield
    except OSError as error:
        raise _told(error, place) from error


def _told(error: OSError, place: Path) -> PortalError:
    if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
        return DiskFull(
            "USB đã đầy, chưa ghi được túi thư. Hãy xóa bớt tệp trên USB hoặc dùng USB khác rồi làm lại.",
            detail=str(error),
        )
    if error.errno in (errno.EROFS, errno.EACCES, errno.EPERM):
        return DiskFull(
            f"Không được phép ghi hoặc đọc ở «{place}». Nếu USB có gạt khóa chống ghi, hãy gạt mở; nếu không, hãy dùng"
            " USB khác.",
            detail=str(error),
        )
    return RuleBroken(
        "USB không đọc hoặc ghi được: có thể đã bị rút ra hoặc bị hỏng. Hãy cắm lại rồi làm lại; làm lại nhiều lần"
        " không gây trùng.",
        detail=str(error),
    )


def folder_at(typed: str | Path) -> Path:
    """A folder that a person named; raises RuleBroken when there is none, or when it is a link."""
    path = Path(typed)
    with stick_errors(path):
        if path.is_symlink() or not path.is_dir():
            raise RuleBroken(f"Không thấy thư mục «{typed}». Hãy cắm USB rồi chọn lại.", field="folder")
    return path


class Packing:
    """A bag that is being written: everything under a temporary folder name until `finish`."""

    def __init__(self, place: Path, name: str, wanted_bytes: int, wanted_files: int) -> None:
        self.place = place
        self.final = place / name
        self._part = place / (name + PART)
        with stick_errors(place):
            free = shutil.disk_usage(place).free
            needed = wanted_bytes + (wanted_files + 2) * CLUSTER_BYTES
            if free < needed:
                raise DiskFull(
                    f"USB không đủ chỗ: cần {_megabytes(needed)}, còn {_megabytes(free)}. Hãy xóa bớt tệp trên USB"
                    " hoặc dùng USB khác."
                )
            self._part.mkdir()

    def add(self, pieces: Iterable[bytes]) -> tuple[str, int]:
        """Writes one file under the name that its bytes give it; answers their SHA-256 and length."""
        digest, size = hashlib.sha256(), 0
        temporary = self._part / "tmp"
        with stick_errors(self.place):
            with temporary.open("wb") as out:
                for piece in pieces:
                    digest.update(piece)
                    size += len(piece)
                    out.write(piece)
                out.flush()
                os.fsync(out.fileno())
            temporary.replace(self._part / digest.hexdigest()[:NAME_DIGITS])
        return digest.hexdigest(), size

    def finish(self, manifest: bytes, before: Callable[[], None]) -> Path:
        """Writes the manifest, calls `before` (the act), and gives the whole its name."""
        with stick_errors(self.place):
            temporary = self._part / "tmp"
            with temporary.open("wb") as out:
                out.write(manifest)
                out.flush()
                os.fsync(out.fileno())
            temporary.replace(self._part / MANIFEST)
            _sync_folder(self._part)
        before()
        with stick_errors(self.place):
            self._part.rename(self.final)
            _sync_folder(self.place)
        return self.final

    def abandon(self) -> None:
        """Removes what was written so far, as far as the stick still allows it."""
        shutil.rmtree(self._part, ignore_errors=True)


def _sync_folder(folder: Path) -> None:
    """FAT and its kin have nothing to sync in a folder and some refuse to be asked; the files are synced anyway."""
    with contextlib.suppress(OSError):
        files.sync_folder(folder)


def bags_in(folder: Path) -> list[Path]:
    """The bags of a folder: the folder itself where it is one, else those that lie in it, by name."""
    with stick_errors(folder):
        if _entry(folder, MANIFEST) is not None:
            return [folder]
        found = [
            path
            for path in folder.iterdir()
            if path.name.casefold().startswith(FOLDER_PREFIX)
            and not path.name.casefold().endswith(PART)
            and not path.is_symlink()
            and path.is_dir()
        ]
    return sorted(found, key=lambda path: path.name)[:BAGS_AT_MOST]


def has_unfinished(folder: Path) -> bool:
    """Whether a bag lies there that was not written to its end: the stick was pulled too early."""
    with stick_errors(folder):
        named = [path.name.casefold() for path in folder.iterdir()]
    return any(name.startswith(FOLDER_PREFIX) and name.endswith(PART) for name in named)


def read_manifest(bag: Path) -> bytes:
    """The manifest's bytes; raises NotFound where the bag was not written to its end."""
    path = _entry(bag, MANIFEST)
    if path is None:
        raise NotFound("Túi thư ghi dở: không có danh mục. Nơi làm túi cần làm lại.")
    return b"".join(pieces_of(path, LARGEST_BYTES))


def file_of(bag: Path, name: str) -> Path:
    """A file of the bag by its name, in whatever case the stick keeps it; raises NotFound."""
    path = _entry(bag, name)
    if path is None:
        raise NotFound("Tệp này không có trong túi. Nơi làm túi cần làm lại.")
    return path


def _entry(bag: Path, name: str) -> Path | None:
    with stick_errors(bag):
        exact = bag / name
        if exact.exists() or exact.is_symlink():
            return exact
        return next((path for path in bag.iterdir() if path.name.casefold() == name), None)


def pieces_of(path: Path, most_bytes: int) -> Iterator[bytes]:
    """A file of the stick in pieces; raises Malformed for a link, a folder, a device, or more than it may have."""
    with stick_errors(path.parent):
        flags = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_BINARY", 0) | getattr(os, "O_NONBLOCK", 0)
        if path.is_symlink():
            raise Malformed("Tệp trong túi là liên kết trỏ đi nơi khác; không đọc.")
        handle = os.open(path, flags)
        with os.fdopen(handle, "rb") as file:
            found = os.fstat(file.fileno())
            if not stat.S_ISREG(found.st_mode):
                raise Malformed("Tên này trong túi không phải là tệp.")
            if found.st_size > most_bytes:
                raise Malformed("Tệp trong túi lớn hơn mức cho phép.")
            while piece := file.read(files.PIECE_BYTES):
                yield piece


@dataclass(frozen=True, slots=True)
class Drive:
    """A drive that can be taken out: where it is mounted, and how much room it has."""

    path: Path
    free_bytes: int
    total_bytes: int


def drives() -> list[Drive]:
    """The sticks that are plugged into this computer now; empty where none is found or the system does not tell."""
    places = _windows_places() if os.name == "nt" else _linux_places(Path("/proc/mounts"), Path("/sys/class/block"))
    found = []
    for place in places:
        try:
            usage = shutil.disk_usage(place)
        except OSError:
            continue
        found.append(Drive(place, usage.free, usage.total))
    return found


def _linux_places(mounts: Path, blocks: Path) -> list[Path]:
    """Mounted file systems on block devices that the kernel calls removable, and what desktops mount for users."""
    try:
        lines = mounts.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return []
    found = []
    for line in lines:
        parts = line.split(" ")
        if len(parts) < 3 or not parts[0].startswith("/dev/"):
            continue
        point = parts[1].encode().decode("unicode_escape").encode("latin-1", "replace").decode("utf-8", "replace")
        if point.startswith(("/media/", "/run/media/")) or _is_removable(blocks / Path(parts[0]).name):
            found.append(Path(point))
    return sorted(set(found))


def _is_removable(block: Path) -> bool:
    """A partition has its disk above it, and the disk says whether it can be taken out."""
    try:
        real = block.resolve(strict=True)
    except OSError:
        return False
    for folder in (real, real.parent):
        with contextlib.suppress(OSError):
            if (folder / "removable").read_text(encoding="ascii").strip() == "1":
                return True
    return False


def _windows_places() -> list[Path]:
    if os.name != "nt":
        return []
    import ctypes

    kernel = ctypes.windll.kernel32  # type: ignore[attr-defined,unused-ignore] # Windows only
    present = kernel.GetLogicalDrives()
    letters = [chr(ord("A") + bit) for bit in range(2, 26) if present >> bit & 1]
    return [Path(f"{letter}:\\") for letter in letters if kernel.GetDriveTypeW(f"{letter}:\\") == 2]


def _megabytes(size: int) -> str:
    return f"{size / (1024 * 1024):.1f} MB".replace(".", ",")
