"""The zip of a backup: how it is packed piece by piece, what it says of itself, how it is unpacked and checked.

A zip because every file manager opens one: the database deflated, the files as they are, MANIFEST.json with the
SHA-256 of each. It is made while it is read, so that it can be closed on its way and nothing plain lies anywhere.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import sqlite3
import zipfile
import zlib
from collections.abc import Generator, Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import IO, Any

from commune_portal import __version__, clock
from commune_portal.errors import DiskFull, Malformed, StoreDamaged, StoreRefused
from commune_portal.settings import MEBIBYTE, Settings
from commune_portal.store import database, files, migrate, register, verify
from commune_portal.store.verify import Fault

FORMAT = 1
MANIFEST = "MANIFEST.json"
DATABASE = "register.sqlite3"
CONFIG = "portal.toml"
_STORED = re.compile(r"files/([0-9a-f]{2})/([0-9a-f]{2})/([0-9a-f]{64})")
_TRUST = re.compile(r"trust/[^/\\]{1,100}\.pem")
ROOM_LEFT_BYTES = 64 * MEBIBYTE
"""What unpacking a backup leaves free at least."""
_LARGEST_MANIFEST_BYTES = 256 * 1024 * 1024
_UNZIPPABLE = (zipfile.BadZipFile, zlib.error, EOFError, OSError, ValueError, RuntimeError)
"""What zipfile raises over a damaged archive; RuntimeError where a flipped bit calls an entry encrypted."""


@dataclass(frozen=True, slots=True)
class Manifest:
    """What a backup says of itself; `members` gives each entry's SHA-256, `damaged` files that were already bad."""

    format: int
    version: str
    schema: int
    made_at: str
    role: str
    code: str
    name: str
    installation: str
    epoch: int
    size: int
    head: str
    rows: dict[str, int]
    members: dict[str, str]
    damaged: list[str]


_FIELDS = fields(Manifest)
_SHAPES = {"int": int, "str": str}


def snapshot(source: Path, target: Path) -> list[Fault]:
    """Copies the database as it is at one instant, while others write; one file without a log and without sessions."""
    try:
        with closing(verify.open_for_reading(source)) as reading, closing(sqlite3.connect(target)) as writing:
            reading.backup(writing)
            writing.execute("PRAGMA journal_mode = delete")
            integrity = writing.execute("PRAGMA integrity_check(5)").fetchall()
            orphans = writing.execute("PRAGMA foreign_key_check").fetchall()
            _forget_sessions(writing)
    except verify.UNREADABLE as error:
        if isinstance(error, sqlite3.DatabaseError):
            raise database.translated(error) from error
        raise StoreDamaged(detail=str(error)) from error
    faults = [Fault(verify.DATABASE, str(row[0])) for row in integrity if row[0] != "ok"]
    return faults + [Fault(str(row[0]), f"Dòng {row[1]} trỏ tới dòng không có") for row in orphans[:5]]


def _forget_sessions(snapshot: sqlite3.Connection) -> None:
    """Live sessions are nobody's but this computer's; where the copy cannot be written, its checks have said why."""
    with suppress(*verify.UNREADABLE):
        snapshot.execute("PRAGMA secure_delete = 1")
        snapshot.execute("DELETE FROM sessions")
        snapshot.commit()


def manifest_of(snapshot: Path) -> Manifest:
    """What a snapshot of the register says of itself; raises StoreRefused for one that was never founded."""
    with closing(verify.open_for_reading(snapshot)) as connection:
        try:
            own = connection.execute("SELECT role, code, name, uid, epoch FROM installation").fetchone()
            last = connection.execute("SELECT seq, hash FROM journal ORDER BY seq DESC LIMIT 1").fetchone()
            rows = {
                table: connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0]
                for table in register.REGISTER_TABLES
            }
            schema = migrate.current_version(connection)
        except sqlite3.DatabaseError as error:
            raise database.translated(error) from error
    if own is None or last is None:
        raise StoreRefused("Dữ liệu chưa được khởi tạo; không có gì để sao lưu.")
    role, code, name, uid, epoch = own
    return Manifest(
        format=FORMAT,
        version=__version__,
        schema=schema,
        made_at=clock.now_text(),
        role=role,
        code=code,
        name=name,
        installation=uid,
        epoch=epoch,
        size=last[0],
        head=last[1],
        rows=rows,
        members={},
        damaged=[],
    )


def last_wipe(snapshot: Path) -> str:
    """When the last recall destroyed something, empty when none did: older backups still hold it."""
    question = "SELECT max(wiped_at) FROM incoming UNION ALL SELECT max(wiped_at) FROM mailbox"
    with closing(verify.open_for_reading(snapshot)) as connection:
        try:
            return max(str(row[0] or "") for row in connection.execute(question))
        except verify.UNREADABLE:  # the proof will name the damage
            return ""


class Packing:
    """A zip in the making: `pieces` yields its bytes, and when they have ended `manifest` is whole."""

    def __init__(self, manifest: Manifest, snapshot: Path, settings: Settings) -> None:
        self.manifest = manifest
        self._snapshot = snapshot
        self._settings = settings

    def pieces(self) -> Iterator[bytes]:
        """The bytes of the zip, in order; may be asked for anew, then the files are read anew."""
        out = _Out()
        members: dict[str, str] = {}
        damaged: list[str] = []
        with zipfile.ZipFile(out, "w", zipfile.ZIP_STORED, allowZip64=True) as archive:  # type: ignore[call-overload]  # a writer is all it needs
            wanted = [(DATABASE, self._snapshot), *_settings_files(self._settings)]
            for name, path in wanted:
                members[name] = yield from _added(archive, out, name, path, zipfile.ZIP_DEFLATED)
            for sha256 in verify.stored_files(self._settings.files_folder):
                path = files.path_in(self._settings.files_folder, sha256)
                name = f"files/{sha256[:2]}/{sha256[2:4]}/{sha256}"
                if not path.exists():
                    continue  # a recall has deleted it since; if the snapshot still needs it, the proof will say so
                members[name] = yield from _added(archive, out, name, path, zipfile.ZIP_STORED)
                if members[name] != sha256:
                    damaged.append(sha256)  # damaged before we came: kept as it is, and told
            self.manifest = Manifest(**{**asdict(self.manifest), "members": members, "damaged": damaged})
            text = json.dumps(asdict(self.manifest), ensure_ascii=False, indent=1)
            archive.writestr(zipfile.ZipInfo(MANIFEST, _zip_time()), text, zipfile.ZIP_DEFLATED)
        yield out.taken()


class _Out:
    """What zipfile writes into; it cannot seek, so that nothing is ever written twice."""

    def __init__(self) -> None:
        self._held = bytearray()

    def write(self, data: bytes) -> int:
        """Keeps it until it is taken."""
        self._held += data
        return len(data)

    def flush(self) -> None:
        """There is nothing behind it."""

    def taken(self) -> bytes:
        """What was written since the last time."""
        held = bytes(self._held)
        self._held.clear()
        return held


def _added(archive: zipfile.ZipFile, out: _Out, name: str, path: Path, compression: int) -> Generator[bytes, None, str]:
    info = zipfile.ZipInfo(name, _zip_time())
    info.compress_type = compression
    info.file_size = path.stat().st_size
    digest = hashlib.sha256()
    with archive.open(info, "w") as entry:
        for piece in files.pieces_of(path):
            digest.update(piece)
            entry.write(piece)
            yield out.taken()
    yield out.taken()
    return digest.hexdigest()


def _settings_files(settings: Settings) -> list[tuple[str, Path]]:
    """Facts of this machine that hold no secret: the settings file and the trusted roots."""
    found = [(CONFIG, settings.folder / CONFIG)]
    found += [(f"trust/{path.name}", path) for path in sorted(settings.trust_folder.glob("*.pem"))]
    return [(name, path) for name, path in found if path.is_file()]


def _zip_time() -> tuple[int, int, int, int, int, int]:
    at = clock.now().astimezone(clock.VIETNAM)
    return (at.year, at.month, at.day, at.hour, at.minute, at.second)


def check(data_folder: Path) -> list[Fault]:
    """Reads an unpacked data folder again: pages, chain, rows, numbers, files."""
    with closing(verify.open_for_reading(data_folder / DATABASE)) as connection:
        try:
            pages = [row[0] for row in connection.execute("PRAGMA integrity_check(5)") if row[0] != "ok"]
        except verify.UNREADABLE as error:
            pages = [str(error)]
        found = verify.verify(connection, data_folder / "files")
    return [Fault(verify.DATABASE, text) for text in pages] + found.faults


def read_manifest(path: Path) -> Manifest:
    """What a backup says of itself; raises Malformed for a file that is none, StoreRefused for a newer form."""
    with _opened(path) as archive:
        return _read_manifest(archive)


def unpack(path: Path, folder: Path) -> Manifest:
    """Writes a backup's database and files into a fresh folder, each checked against its SHA-256.

    Raises StoreDamaged naming the first entry that is not what the manifest says, Malformed for a file that is no
    backup, StoreRefused for a backup of a newer release. Nothing outside of the folder is written.
    """
    with _opened(path) as archive:
        manifest = _read_manifest(archive)
        with files.disk_errors():
            (folder / "files").mkdir(parents=True)
        _refuse_without_room(archive, manifest, folder)
        for name, sha256 in manifest.members.items():
            if name == DATABASE or _STORED.fullmatch(name):
                _take(archive, name, sha256, folder / name)
    files.sync_folder(folder)
    return manifest


def _refuse_without_room(archive: zipfile.ZipFile, manifest: Manifest, folder: Path) -> None:
    """Raises DiskFull before anything is unpacked: a register that serves beside must not meet a full disk.

    What an entry says of its size is the most that is read of it, so a small file cannot become a huge one either.
    """
    there = {info.filename: info.file_size for info in archive.infolist()}
    needed = sum(there.get(name, 0) for name in manifest.members)
    free = shutil.disk_usage(folder).free
    if needed + ROOM_LEFT_BYTES > free:
        raise DiskFull(
            f"Mở bản sao lưu này cần {needed // MEBIBYTE} MB, ổ đĩa chỉ còn {free // MEBIBYTE} MB. Chưa có gì thay đổi;"
            " hãy dọn ổ đĩa rồi làm lại.",
            detail=str(folder),
        )


def unpack_settings(path: Path, folder: Path) -> None:
    """Writes the settings file and the trusted roots of a backup where there are none yet."""
    with _opened(path) as archive:
        manifest = _read_manifest(archive)
        for name, sha256 in manifest.members.items():
            if (name == CONFIG or _TRUST.fullmatch(name)) and not (folder / name).exists():
                _take(archive, name, sha256, folder / name)


def _take(archive: zipfile.ZipFile, name: str, sha256: str, target: Path) -> None:
    try:
        with files.disk_errors():
            target.parent.mkdir(parents=True, exist_ok=True)
            with archive.open(name) as entry, target.open("xb") as out:
                found = _copied(entry, out)
                out.flush()
                os.fsync(out.fileno())
    except (KeyError, *_UNZIPPABLE) as error:
        raise StoreDamaged(_DAMAGED, detail=f"{name}: {error}") from error
    if found != sha256:
        raise StoreDamaged(_DAMAGED, detail=name)


_DAMAGED = "Bản sao lưu bị hỏng. Hãy dùng bản sao lưu khác; dữ liệu hiện có chưa bị thay đổi."


def _copied(entry: IO[bytes], out: IO[bytes]) -> str:
    digest = hashlib.sha256()
    while piece := entry.read(files.PIECE_BYTES):
        digest.update(piece)
        out.write(piece)
    return digest.hexdigest()


@contextmanager
def _opened(path: Path) -> Iterator[zipfile.ZipFile]:
    try:
        archive = zipfile.ZipFile(path)
    except FileNotFoundError as error:
        raise Malformed(f"Không thấy tệp {path}. Hãy kiểm tra lại đường dẫn.") from error
    except _UNZIPPABLE as error:
        raise Malformed(f"Tệp {path} không phải bản sao lưu hoặc đã hỏng.", detail=str(error)) from error
    with archive:
        yield archive


def _read_manifest(archive: zipfile.ZipFile) -> Manifest:
    try:
        if archive.getinfo(MANIFEST).file_size > _LARGEST_MANIFEST_BYTES:
            raise ValueError("a manifest of that size")
        document: dict[str, Any] = json.loads(archive.read(MANIFEST))
        if document["format"] > FORMAT:
            raise StoreRefused("Bản sao lưu này do phiên bản mới hơn làm ra. Hãy dùng bản cài đặt mới hơn.")
        manifest = Manifest(**document)
        members = manifest.members.items()
        if DATABASE not in manifest.members or not all(isinstance(name + sha256, str) for name, sha256 in members):
            raise ValueError("a manifest without a database")
        if not all(isinstance(getattr(manifest, item.name), _SHAPES.get(str(item.type), object)) for item in _FIELDS):
            raise ValueError("a manifest of other values")
    except (KeyError, TypeError, AttributeError, *_UNZIPPABLE) as error:
        raise Malformed("Tệp này không phải bản sao lưu hoặc đã hỏng.", detail=str(error)) from error
    if manifest.schema > len(migrate.migrations()):
        raise StoreRefused(
            f"Bản sao lưu thuộc phiên bản mới hơn (lược đồ {manifest.schema}, chương trình {manifest.version})."
            " Hãy cài đặt phiên bản mới hơn rồi khôi phục; dữ liệu hiện có chưa bị thay đổi."
        )
    return manifest
