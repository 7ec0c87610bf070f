"""Content-addressed files: temporary, fsync, rename, then (by the caller) the row.

A stored file is never overwritten; its name is its SHA-256, so an orphan is harmless and a row can always prove
what it refers to. Only a recall deletes one.
"""

from __future__ import annotations

import errno
import hashlib
import os
import re
import secrets
import shutil
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from commune_portal import clock, points
from commune_portal.errors import DiskFull, NotFound, StoreDamaged, TooLarge
from commune_portal.settings import MEBIBYTE

PIECE_BYTES = 256 * 1024
_TEMPORARY = re.compile(r"[0-9a-f]{24}(\.[a-z]{1,8})?|backup-[0-9a-f]{32}")


@dataclass(frozen=True, slots=True)
class Stored:
    """A stored file: its content's SHA-256 and its size."""

    sha256: str
    bytes: int


_root: Path | None = None
_work: Path | None = None
_floor_bytes = 0


def use(files_folder: Path, work_folder: Path, floor_bytes: int = 0) -> None:
    """Sets where files are kept and where temporary ones are made, both on one disk, and how much of it stays free."""
    global _root, _work, _floor_bytes
    _floor_bytes = floor_bytes
    files_folder.mkdir(parents=True, exist_ok=True)
    work_folder.mkdir(parents=True, exist_ok=True)
    _root, _work = files_folder, work_folder


def root() -> Path:
    """The folder of stored files."""
    if _root is None:
        raise RuntimeError("store.files.use() comes first")
    return _root


def path_in(folder: Path, sha256: str) -> Path:
    """Where a content lies under a folder of stored files; refuses anything that is not a hash."""
    if len(sha256) != 64 or any(digit not in "0123456789abcdef" for digit in sha256):
        raise NotFound
    return folder / sha256[:2] / sha256[2:4] / sha256


def path_of(sha256: str) -> Path:
    """Where a stored file lies; raises StoreDamaged when it is not there."""
    path = path_in(root(), sha256)
    if not path.is_file():
        raise StoreDamaged("Thiếu tệp đã lưu trong kho dữ liệu. Hãy báo người quản trị.", detail=sha256)
    return path


def has(sha256: str) -> bool:
    """True when the content is stored."""
    return path_in(root(), sha256).is_file()


@contextmanager
def disk_errors() -> Iterator[None]:
    """Turns a full or read-only disk into DiskFull."""
    try:
        yield
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EROFS, errno.EDQUOT, errno.EFBIG, errno.EIO):
            raise DiskFull(detail=str(error)) from error
        raise


def refuse_below_floor(coming_bytes: int = 0) -> None:
    """Raises DiskFull when what comes would leave less room than the floor; a verb asks before its slow work.

    What only reads does not ask: with a full disk the register can still be read, searched and printed.
    """
    free = shutil.disk_usage(root()).free
    if free - coming_bytes < _floor_bytes:
        raise DiskFull(
            f"Ổ đĩa chỉ còn {free // MEBIBYTE} MB, dưới mức tối thiểu {_floor_bytes // MEBIBYTE} MB: hệ thống ngừng"
            " nhận thêm để sổ không hỏng; chưa có gì được lưu. Đọc, tìm và in vẫn được. Báo người quản trị dọn ổ đĩa.",
            detail="floor",
        )


def temporary(suffix: str = "") -> Path:
    """A fresh name in the work folder; the caller removes what it leaves there."""
    if _work is None:
        raise RuntimeError("store.files.use() comes first")
    return _work / f"{secrets.token_hex(12)}{suffix}"


def sweep_temporary(older_than: timedelta = timedelta(days=1)) -> int:
    """Removes temporary files and folders that a power cut left in the work folder, and answers how many.

    Only names that `temporary` and a backup give are touched: uploads and downloads that will go on lie in folders of
    their own.
    """
    if _work is None:
        raise RuntimeError("store.files.use() comes first")
    before = (clock.now() - older_than).timestamp()
    left = [path for path in _work.iterdir() if _TEMPORARY.fullmatch(path.name)]
    old = [path for path, found in still_there(left) if found.st_mtime < before]
    for path in old:
        if path.is_dir():
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink(missing_ok=True)
    return len(old)


def still_there(paths: Iterable[Path]) -> Iterator[tuple[Path, os.stat_result]]:
    """What the system says of each path; those that somebody took away meanwhile are left out."""
    for path in paths:
        with suppress(FileNotFoundError):
            yield path, path.stat()


def keep(data: bytes) -> Stored:
    """Stores bytes."""
    return keep_stream((data,))


def keep_stream(pieces: Iterable[bytes], limit_bytes: int | None = None) -> Stored:
    """Stores a stream, whole or not at all; raises TooLarge above the limit, DiskFull when it cannot be written."""
    refuse_below_floor()
    target = temporary(".part")
    digest, size = hashlib.sha256(), 0
    try:
        with disk_errors(), target.open("wb") as out:
            for piece in pieces:
                size += len(piece)
                if limit_bytes is not None and size > limit_bytes:
                    raise TooLarge
                digest.update(piece)
                out.write(piece)
            out.flush()
            os.fsync(out.fileno())
        points.reach("file-synced")
        return _settle(target, digest.hexdigest(), size)
    finally:
        target.unlink(missing_ok=True)


def keep_path(source: Path) -> Stored:
    """Stores a copy of a file."""
    return keep_stream(pieces_of(source))


def adopt(source: Path) -> Stored:
    """Stores a finished temporary file of the work folder by renaming it; its bytes are synced first."""
    digest, size = hashlib.sha256(), 0
    with disk_errors(), source.open("r+b") as file:
        while piece := file.read(PIECE_BYTES):
            digest.update(piece)
            size += len(piece)
        os.fsync(file.fileno())
    points.reach("file-synced")
    return _settle(source, digest.hexdigest(), size)


def _settle(source: Path, sha256: str, size: int) -> Stored:
    path = path_in(root(), sha256)
    if path.is_file() and path.stat().st_size == size:
        source.unlink()
        return Stored(sha256, size)
    with disk_errors():
        fresh = not path.parent.is_dir()
        path.parent.mkdir(parents=True, exist_ok=True)
        source.replace(path)
        sync_folder(path.parent)
        if fresh:
            sync_folder(path.parent.parent)
            sync_folder(path.parent.parent.parent)
    return Stored(sha256, size)


def pieces_of(path: Path) -> Iterator[bytes]:
    """A file's bytes in pieces."""
    with path.open("rb") as file:
        while piece := file.read(PIECE_BYTES):
            yield piece


def digest_of(path: Path) -> Stored:
    """A file's SHA-256 and size, read from the disk."""
    digest, size = hashlib.sha256(), 0
    for piece in pieces_of(path):
        digest.update(piece)
        size += len(piece)
    return Stored(digest.hexdigest(), size)


def is_sound(folder: Path, sha256: str) -> bool:
    """True when the stored content still has the hash that is its name."""
    path = path_in(folder, sha256)
    return path.is_file() and digest_of(path).sha256 == sha256


def sync_folder(folder: Path) -> None:
    """Makes a rename durable; Windows has no such call and needs none."""
    if os.name == "nt":
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def write_durably(path: Path, data: bytes, mode: int = 0o600) -> None:
    """Writes a small file so that after a power cut it is whole or absent: temporary, fsync, rename."""
    part = path.with_name(path.name + f".{secrets.token_hex(4)}.part")
    with disk_errors():
        handle = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
        try:
            with os.fdopen(handle, "wb") as out:
                out.write(data)
                out.flush()
                os.fsync(out.fileno())
            part.replace(path)
            sync_folder(path.parent)
        finally:
            part.unlink(missing_ok=True)


def can_write(folder: Path) -> bool:
    """Whether a file can be made in a folder: the only question that rights, read-only media and full disks answer."""
    probe = folder / f".thu-ghi-{secrets.token_hex(6)}"
    try:
        with probe.open("xb") as out:
            out.write(b"0" * 512)
            out.flush()
        probe.unlink()
    except OSError:
        return False
    return True
