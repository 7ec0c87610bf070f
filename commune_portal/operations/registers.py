"""The register while releases change: copies, the snapshot before a change, and putting it back.

A register is never deleted here: what is taken out of service is put aside under the operation's id. The service is
stopped, or only reads, whenever something here writes.
"""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import asdict, dataclass
from pathlib import Path

from commune_portal import clock, settings
from commune_portal.errors import StoreDamaged
from commune_portal.operations import stand_in
from commune_portal.operations.places import Places
from commune_portal.people import founding
from commune_portal.rules.acts import Act
from commune_portal.settings import Settings
from commune_portal.store import database, files, migrate, verify

SUFFIXES = ("", "-wal", "-shm")


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A register as it was: one file, its hash, its schema, and how many journal lines it holds."""

    path: str
    sha256: str
    schema: int
    lines: int


def founded(places: Places) -> Settings | None:
    """The settings of an installation that has a register; None before the first run."""
    if not places.config.exists():
        return None
    with stand_in.for_owner_of(places.home):
        own = settings.load(places.config)
        return own if founding.is_founded(own) else None


def size_bytes(places: Places) -> int:
    """How large the register is, its log included; 0 where there is none."""
    own = founded(places)
    if own is None:
        return 0
    paths = [own.database_path.with_name(own.database_path.name + suffix) for suffix in SUFFIXES]
    return sum(path.stat().st_size for path in paths if path.exists())


def facts(path: Path) -> tuple[int, int]:
    """A register's schema and its number of journal lines; raises StoreDamaged where it cannot be read."""
    try:
        with closing(verify.open_for_reading(path)) as connection:
            lines = connection.execute("SELECT coalesce(max(seq), 0) FROM journal").fetchone()[0]
            return migrate.current_version(connection), int(lines)
    except verify.UNREADABLE as error:
        raise StoreDamaged(detail=str(error)) from error


def copy(places: Places, source: Path, target: Path) -> None:
    """Copies a register as it is at one instant, also while it is served, into one sound file.

    The source is opened with the service's rights, the target is the caller's.
    """
    with files.disk_errors():
        target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        target.unlink(missing_ok=True)
    try:
        with closing(_reading(places, source)) as reading, closing(sqlite3.connect(target)) as writing:
            reading.backup(writing)
            writing.execute("PRAGMA journal_mode = delete")
            found = writing.execute("PRAGMA integrity_check(1)").fetchone()[0]
    except verify.UNREADABLE as error:
        if isinstance(error, sqlite3.DatabaseError):
            raise database.translated(error) from error
        raise StoreDamaged(detail=str(error)) from error
    if found != "ok":
        raise StoreDamaged(
            "Tệp dữ liệu đang dùng bị hỏng, nên không nâng cấp. Hãy chạy «commune-portal doctor» và làm theo.",
            detail=str(found),
        )
    with files.disk_errors():
        _sync(target)


def _reading(places: Places, source: Path) -> sqlite3.Connection:
    """A connection that has opened all of its files, log included: from then on it reads by no name any more."""
    with stand_in.for_owner_of(places.home):
        connection = verify.open_for_reading(source)
        try:
            connection.execute("BEGIN")
            connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
        except BaseException:
            connection.close()
            raise
    return connection


def take_snapshot(places: Places, own: Settings, operation: str) -> Snapshot:
    """Copies the register of a stopped service; the copy is kept until the release after the next."""
    path = places.snapshots / operation / own.database_path.name
    copy(places, own.database_path, path)
    schema, lines = facts(path)
    files.sync_folder(path.parent)
    return Snapshot(str(path), files.digest_of(path).sha256, schema, lines)


def put_back(places: Places, own: Settings, snapshot: Snapshot, operation: str) -> Path | None:
    """Gives the register its snapshot back and puts what is there aside; answers where, None where it was done.

    May be repeated after a crash at any point: the snapshot is used up by it, so one that is gone has been put back.
    It is moved where it lies on the same disk, so that a full disk does not stand in the way.
    """
    source = Path(snapshot.path)
    if not source.is_file():
        return None
    if files.digest_of(source).sha256 != snapshot.sha256:
        raise StoreDamaged(
            f"Bản chụp {source} không còn nguyên; dữ liệu đang dùng được giữ nguyên. Hãy báo nơi cung cấp."
        )
    aside = _put_aside(places, own, operation)
    _put_in_place(places, own, source, keep=False)
    return aside


def exchange(places: Places, own: Settings, snapshot: Snapshot, operation: str) -> Path | None:
    """Puts the register aside and an older snapshot in its place; the snapshot stays."""
    source = Path(snapshot.path)
    if not source.is_file() or files.digest_of(source).sha256 != snapshot.sha256:
        raise StoreDamaged(f"Bản chụp {source} không còn hoặc không nguyên vẹn. Chưa có gì thay đổi.")
    aside = _put_aside(places, own, operation)
    _put_in_place(places, own, source, keep=True)
    return aside


def _put_aside(places: Places, own: Settings, operation: str) -> Path | None:
    """Moves the register and its log; the log goes with it, or it would be read into what comes in its place."""
    folder = places.put_aside / operation
    moved = None
    with files.disk_errors(), stand_in.for_owner_of(places.home):
        for suffix in SUFFIXES:
            path = own.database_path.with_name(own.database_path.name + suffix)
            if path.exists():
                folder.mkdir(parents=True, exist_ok=True, mode=0o700)
                path.rename(_free(folder / path.name))
                moved = folder
        if moved is not None:
            files.sync_folder(folder)
            files.sync_folder(own.data_folder)
    return moved


def _free(path: Path) -> Path:
    """A name that is not taken: nothing that was put aside is ever overwritten."""
    number, found = 1, path
    while found.exists():
        number += 1
        found = path.with_name(f"{path.name}.{number}")
    return found


def _put_in_place(places: Places, own: Settings, source: Path, *, keep: bool) -> None:
    fresh = own.database_path
    with files.disk_errors():
        try:
            if not keep:
                stand_in.move_in(source, fresh, places.home)
                with stand_in.for_owner_of(places.home):
                    files.sync_folder(own.data_folder)
                return
        except OSError as error:
            if not _is_other_disk(error):
                raise
        part = fresh.with_name(f".{fresh.name}.part")
        with source.open("rb") as reading, stand_in.for_owner_of(places.home):
            part.unlink(missing_ok=True)
            with part.open("xb") as writing:
                shutil.copyfileobj(reading, writing)
                writing.flush()
                os.fsync(writing.fileno())
            part.chmod(0o600)
            part.rename(fresh)
            files.sync_folder(own.data_folder)
        if not keep:
            source.unlink()


def _is_other_disk(error: OSError) -> bool:
    import errno

    return error.errno == errno.EXDEV


def _sync(path: Path) -> None:
    with path.open("r+b") as file:
        os.fsync(file.fileno())


def acts_since(path: Path, lines: int) -> Iterator[str]:
    """What was entered in a register after so many journal lines, one sentence a number that was given."""
    try:
        with closing(verify.open_for_reading(path)) as connection:
            for (body,) in connection.execute("SELECT body FROM journal WHERE seq > ? ORDER BY seq", (lines,)):
                line = json.loads(body)
                if line.get("number") is not None:
                    at = clock.from_text(line["instant"]).astimezone(clock.VIETNAM).strftime("%H:%M %d/%m/%Y")
                    yield f"{_label(line['act'])}: số {line['number']}/{line.get('year', '')} lúc {at}"
    except verify.UNREADABLE as error:
        raise StoreDamaged(detail=str(error)) from error


def amount_since(path: Path, lines: int) -> int:
    """How many acts were entered after so many journal lines, the change of the program itself not counted."""
    question = "SELECT count(*) FROM journal WHERE seq > ? AND json_extract(body, '$.act') <> ?"
    try:
        with closing(verify.open_for_reading(path)) as connection:
            return int(connection.execute(question, (lines, Act.SOFTWARE_CHANGED.value)).fetchone()[0])
    except verify.UNREADABLE as error:
        raise StoreDamaged(detail=str(error)) from error


def _label(act: str) -> str:
    try:
        return Act(act).label
    except ValueError:
        return act


def as_facts(snapshot: Snapshot) -> dict[str, object]:
    """A snapshot as plain values, for a journal."""
    return asdict(snapshot)
