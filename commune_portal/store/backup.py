"""A backup: one zip of a snapshot of the register and its files, proved by restoring it.

The order is the proof: database snapshot first, files second. Files are written once under their hash, so every file
that the snapshot names still exists. The zip gets its name only when it is whole and on the disk; then it is read
back and restored into a scratch folder. Secrets lie outside of what is read here and are never inside.
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
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO, Any

from commune_portal import __version__, clock, points
from commune_portal.errors import Malformed, StoreDamaged, StoreRefused
from commune_portal.settings import Settings
from commune_portal.store import database, files, migrate, register, verify
from commune_portal.store.verify import Fault

FORMAT = 1
KEPT = 14
MANIFEST = "MANIFEST.json"
DATABASE = "register.sqlite3"
CONFIG = "portal.toml"
_STORED = re.compile(r"files/([0-9a-f]{2})/([0-9a-f]{2})/([0-9a-f]{64})")
_TRUST = re.compile(r"trust/[^/\\]{1,100}\.pem")
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


@dataclass(frozen=True, slots=True)
class Backup:
    """A backup that lies in its folder; it is proven when it was restored from there without a fault.

    Backups from before `last_wipe` (empty: none) still hold what was destroyed after a recall.
    """

    path: Path
    bytes: int
    sha256: str
    manifest: Manifest
    faults: tuple[Fault, ...]
    last_wipe: str = ""

    @property
    def is_proven(self) -> bool:
        """True when the restored copy was sound."""
        return not self.faults


def make(settings: Settings, folder: Path, *, keep: int = KEPT) -> Backup:
    """Writes a backup of the running register, reads it back by restoring it, and lets old ones go.

    Raises DiskFull with nothing under a final name, StoreDamaged when the database cannot be read at all. Damage that
    leaves something to save is saved and told in `faults`; then no older backup is removed.
    """
    with files.disk_errors():
        folder.mkdir(parents=True, exist_ok=True)
    with scratch(settings) as work:
        snapshot = work / DATABASE
        faults = _snapshot(settings.database_path, snapshot)
        manifest = _manifest(snapshot)
        path = _free_name(folder, manifest.code)
        part = path.with_name(path.name + ".part")
        for old in folder.glob(f"{_prefix(manifest.code)}*.zip.part"):
            old.unlink(missing_ok=True)
        try:
            with files.disk_errors():
                manifest = _write(part, manifest, snapshot, settings)
                points.reach("inside-backup")
                part.replace(path)
                files.sync_folder(folder)
        finally:
            part.unlink(missing_ok=True)
        last_wipe = _last_wipe(snapshot)
        snapshot.unlink()
        _forget_cached(path)
        faults += prove(path, work / "restored")
    stored = files.digest_of(path)
    if not faults:
        _rotate(folder, manifest.code, keep)
    return Backup(path, stored.bytes, stored.sha256, manifest, tuple(faults), last_wipe)


@contextmanager
def scratch(settings: Settings) -> Iterator[Path]:
    """A folder of its own among the temporary files, gone afterwards."""
    folder = settings.work_folder / f"backup-{register.new_uid()}"
    with files.disk_errors():
        folder.mkdir(parents=True)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _snapshot(source: Path, target: Path) -> list[Fault]:
    """Copies the database as it is at one instant, while others write; one file without a log."""
    try:
        with closing(verify.open_for_reading(source)) as reading, closing(sqlite3.connect(target)) as writing:
            reading.backup(writing)
            writing.execute("PRAGMA journal_mode = delete")
            integrity = writing.execute("PRAGMA integrity_check(5)").fetchall()
            orphans = writing.execute("PRAGMA foreign_key_check").fetchall()
    except verify.UNREADABLE as error:
        if isinstance(error, sqlite3.DatabaseError):
            raise database.translated(error) from error
        raise StoreDamaged(detail=str(error)) from error
    faults = [Fault(verify.DATABASE, str(row[0])) for row in integrity if row[0] != "ok"]
    return faults + [Fault(str(row[0]), f"Dòng {row[1]} trỏ tới dòng không có") for row in orphans[:5]]


def _manifest(snapshot: Path) -> Manifest:
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


def _last_wipe(snapshot: Path) -> str:
    question = "SELECT max(wiped_at) FROM incoming UNION ALL SELECT max(wiped_at) FROM mailbox"
    with closing(verify.open_for_reading(snapshot)) as connection:
        try:
            return max(str(row[0] or "") for row in connection.execute(question))
        except verify.UNREADABLE:  # the proof will name the damage
            return ""


def _write(part: Path, manifest: Manifest, snapshot: Path, settings: Settings) -> Manifest:
    members: dict[str, str] = {}
    damaged: list[str] = []
    with part.open("wb") as out:
        with zipfile.ZipFile(out, "w", zipfile.ZIP_STORED, allowZip64=True) as archive:
            members[DATABASE] = _add(archive, DATABASE, snapshot, zipfile.ZIP_DEFLATED)
            for name, path in _settings_files(settings):
                members[name] = _add(archive, name, path, zipfile.ZIP_DEFLATED)
            for sha256 in verify.stored_files(settings.files_folder):
                path = files.path_in(settings.files_folder, sha256)
                name = f"files/{sha256[:2]}/{sha256[2:4]}/{sha256}"
                if not path.exists():
                    continue  # a recall has deleted it since; if the snapshot still needs it, the proof will say so
                members[name] = _add(archive, name, path, zipfile.ZIP_STORED)
                if members[name] != sha256:
                    damaged.append(sha256)  # damaged before we came: kept as it is, and told
            complete = Manifest(**{**asdict(manifest), "members": members, "damaged": damaged})
            text = json.dumps(asdict(complete), ensure_ascii=False, indent=1)
            archive.writestr(zipfile.ZipInfo(MANIFEST, _zip_time()), text, zipfile.ZIP_DEFLATED)
        out.flush()
        os.fsync(out.fileno())
    return complete


def _settings_files(settings: Settings) -> list[tuple[str, Path]]:
    """Facts of this machine that hold no secret: the settings file and the trusted roots."""
    found = [(CONFIG, settings.folder / CONFIG)]
    found += [(f"trust/{path.name}", path) for path in sorted(settings.trust_folder.glob("*.pem"))]
    return [(name, path) for name, path in found if path.is_file()]


def _add(archive: zipfile.ZipFile, name: str, path: Path, compression: int) -> str:
    info = zipfile.ZipInfo(name, _zip_time())
    info.compress_type = compression
    info.file_size = path.stat().st_size
    digest = hashlib.sha256()
    with archive.open(info, "w") as out:
        for piece in files.pieces_of(path):
            digest.update(piece)
            out.write(piece)
    return digest.hexdigest()


def _zip_time() -> tuple[int, int, int, int, int, int]:
    at = clock.now().astimezone(clock.VIETNAM)
    return (at.year, at.month, at.day, at.hour, at.minute, at.second)


def _prefix(code: str) -> str:
    return f"saoluu-{re.sub(r'[^A-Za-z0-9.-]', '_', code)}-"


def _free_name(folder: Path, code: str) -> Path:
    stamp = clock.now().astimezone(clock.VIETNAM).strftime("%Y%m%d-%H%M%S")
    path = folder / f"{_prefix(code)}{stamp}.zip"
    number = 1
    while path.exists():
        number += 1
        path = folder / f"{_prefix(code)}{stamp}-{number}.zip"
    return path


def _rotate(folder: Path, code: str, keep: int) -> None:
    for path in backups_in(folder, code)[max(keep, 1) :]:
        path.unlink(missing_ok=True)


def backups_in(folder: Path, code: str) -> list[Path]:
    """The backups of an installation in a folder, newest first."""
    return sorted(folder.glob(f"{_prefix(code)}*.zip"), reverse=True)


def _forget_cached(path: Path) -> None:
    """Lets the system forget the file, so that reading it back reads the stick and not the memory."""
    if not hasattr(os, "posix_fadvise"):
        return
    handle = os.open(path, os.O_RDONLY)
    try:
        os.posix_fadvise(handle, 0, 0, os.POSIX_FADV_DONTNEED)
    finally:
        os.close(handle)


def prove(path: Path, folder: Path) -> list[Fault]:
    """Restores a backup into an empty folder and reads all of it again; answers what is wrong."""
    try:
        unpack(path, folder)
    except (StoreDamaged, Malformed) as error:
        return [Fault(path.name, error.detail or error.sentence)]
    return check(folder)


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
        for name, sha256 in manifest.members.items():
            if name == DATABASE or _STORED.fullmatch(name):
                _take(archive, name, sha256, folder / name)
    files.sync_folder(folder)
    return manifest


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
    except (KeyError, TypeError, AttributeError, *_UNZIPPABLE) as error:
        raise Malformed("Tệp này không phải bản sao lưu hoặc đã hỏng.", detail=str(error)) from error
    if manifest.schema > len(migrate.migrations()):
        raise StoreRefused(
            f"Bản sao lưu thuộc phiên bản mới hơn (lược đồ {manifest.schema}, chương trình {manifest.version})."
            " Hãy cài đặt phiên bản mới hơn rồi khôi phục; dữ liệu hiện có chưa bị thay đổi."
        )
    return manifest
