"""The acts beside a backup: noting it in the journal, and making a restored or copied register an installation again.

A restored register gets new keys, a higher epoch and must enrol anew, so that the node never takes the old line of its
journal and the new one for one. What was there before is put aside. Source: decisions 9; deploy.md §9.
"""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from commune_portal import clock, points
from commune_portal.documents import verification
from commune_portal.errors import StoreDamaged, StoreRefused
from commune_portal.people.actors import Actor
from commune_portal.rules.acts import Act
from commune_portal.settings import Settings
from commune_portal.store import backup, database, files, installation, journal, migrate, swap, verify
from commune_portal.store.backup import Backup, Manifest
from commune_portal.store.verify import Fault
from commune_portal.wire import keys

ABOUT = "backup"
NEXT_KEYS = "next"


@dataclass(frozen=True, slots=True)
class BookState:
    """The highest number of a book in the register that was restored, and in the one that was put aside."""

    name: str
    year: int
    restored: int
    before: int | None


@dataclass(frozen=True, slots=True)
class Restored:
    """What a restore did, for its report; `put_aside` is where the old data lie."""

    code: str
    name: str
    made_at: str
    epoch: int
    lines: int
    rows: int
    files: int
    head: str
    put_aside: Path | None
    must_enrol: bool
    faults: tuple[Fault, ...]
    books: tuple[BookState, ...]


@dataclass(frozen=True, slots=True)
class LastBackup:
    """What the journal says of the newest backup."""

    made_at: str
    name: str
    is_proven: bool


def backed_up(actor: Actor, made: Backup) -> None:
    """Notes a backup in the journal: which journal it holds, its hash, and whether it was proved."""
    with database.transaction() as work:
        journal.write(
            work, Act.BACKED_UP, actor.uid, about=ABOUT,
            facts={"name": made.path.name, "sha256": made.sha256, "bytes": made.bytes, "size": made.manifest.size,
                   "head": made.manifest.head, "proven": int(made.is_proven)},
        )  # fmt: skip


def last_backup(*, proven: bool = False) -> LastBackup | None:
    """The newest backup, or the newest proven one, that the journal tells of."""
    for line in reversed(journal.lines_about(ABOUT)):
        facts = line.fields["facts"]
        if facts.get("proven") or not proven:
            return LastBackup(line.fields["instant"], facts["name"], bool(facts.get("proven")))
    return None


def restore(actor: Actor, settings: Settings, path: Path, *, despite_faults: bool = False) -> Restored:
    """Puts a backup in the place of the present data and makes it an installation of its own.

    Raises StoreRefused for a backup of a newer release or another role and while the portal runs, StoreDamaged for a
    backup that is not sound (unless told to take it despite that). Until the swap nothing that was there is touched.
    """
    manifest = backup.read_manifest(path)
    if manifest.role != settings.role:
        raise StoreRefused(f"Bản sao lưu thuộc vai trò «{manifest.role}», cấu hình lại ghi «{settings.role}».")
    swap.refuse_while_served(settings.database_path)
    fresh = swap.beside(settings, "moi")
    aside = replace(settings, paths=replace(settings.paths, data=_relative(settings, fresh)))
    try:
        backup.unpack(path, fresh)
        migrate.migrate(aside.database_path)
        faults = _refuse_faults(aside, despite_faults=despite_faults)
        own = _next_keys(settings)
        epoch = _begin_epoch(actor, aside, own, manifest, faults)
        points.reach("inside-restore")
        before = _books(settings.database_path)
        old = swap.put_in_place(settings, fresh)
    finally:
        database.close()
        shutil.rmtree(fresh, ignore_errors=True)
    _use_next_keys(settings)
    return _report(settings, manifest.made_at, epoch, old, faults, before)


def adopt(actor: Actor, settings: Settings, *, despite_faults: bool = False) -> Restored:
    """Makes a copied folder an installation of its own, in its place; raises as `restore` does."""
    if not settings.database_path.is_file():
        raise StoreRefused(f"Không thấy tệp dữ liệu {settings.database_path}.")
    swap.refuse_while_served(settings.database_path)
    faults = _refuse_faults(settings, despite_faults=despite_faults)
    try:
        epoch = _begin_epoch(actor, settings, _next_keys(settings), None, faults)
    finally:
        database.close()
    points.reach("inside-restore")
    _use_next_keys(settings)
    return _report(settings, clock.now_text(), epoch, None, faults, {})


def _relative(settings: Settings, folder: Path) -> str:
    return str(folder.relative_to(settings.folder)) if folder.is_relative_to(settings.folder) else str(folder)


def _refuse_faults(settings: Settings, *, despite_faults: bool) -> tuple[Fault, ...]:
    with closing(verify.open_for_reading(settings.database_path)) as connection:
        pages = [row[0] for row in connection.execute("PRAGMA integrity_check(5)") if row[0] != "ok"]
    found = verification.verify_installation(settings)
    faults = (*(Fault(verify.DATABASE, text) for text in pages), *found.faults)
    if faults and not despite_faults:
        raise StoreDamaged(
            f"Bản này không nguyên vẹn ({faults[0].where}: {faults[0].what}). Hãy dùng bản khác;"
            " nếu không còn bản nào khác, làm lại với --despite-faults. Dữ liệu hiện có chưa bị thay đổi."
        )
    return faults


def _next_keys(settings: Settings) -> keys.InstallationKeys:
    """New keys, kept apart until the register that names them stands in its place."""
    settings.secrets_folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    waiting = settings.secrets_folder / NEXT_KEYS
    if waiting.exists():
        shutil.rmtree(waiting)
    return keys.create(waiting)


def _use_next_keys(settings: Settings) -> None:
    """Retires the old keys and takes the new ones; a power cut before leaves a register that only `adopt` opens."""
    waiting = settings.secrets_folder / NEXT_KEYS
    present = settings.secrets_folder / keys.FILE_NAME
    with files.disk_errors():
        if present.exists():
            try:
                keys.retire(settings.secrets_folder)
            except StoreRefused:  # unreadable: put aside under the time, not under its name
                present.rename(present.with_name(f"retired-{clock.now_text().replace(':', '')}.pem"))
        (waiting / keys.FILE_NAME).rename(present)
        waiting.rmdir()
        files.sync_folder(settings.secrets_folder)


def _begin_epoch(
    actor: Actor,
    settings: Settings,
    own: keys.InstallationKeys,
    manifest: Manifest | None,
    faults: Sequence[Fault],
) -> int:
    """One transaction: keys and epoch of the installation, peers to be enrolled anew, sessions ended, the line."""
    installation.open_(settings)
    with database.transaction() as work:
        uid, epoch, old_key = work.execute("SELECT uid, epoch, public_key FROM installation WHERE id = 1").fetchone()
        about = f"installation:{uid}"
        work.update(
            "installation",
            1,
            {
                "epoch": epoch + 1,
                "public_key": own.public_key.hex(),
                "box_public_key": own.box_public_key.hex(),
            },
        )
        for (peer_id,) in work.execute("SELECT id FROM peers").fetchall():
            work.update("peers", peer_id, {"enrolled_at": None})
        work.insert("restorations", _restoration(settings, manifest, epoch + 1))
        facts = {"epoch": epoch + 1, "key": own.public_key.hex(), "was": old_key, "faults": len(faults)}
        if manifest is not None:
            facts |= {"backup_made_at": manifest.made_at, "size": manifest.size, "head": manifest.head}
        journal.write(work, Act.INSTALLATION_RESTORED, actor.uid, about=about, facts=facts)
        journal.write(
            work, Act.KEYS_CHANGED, actor.uid, about=about, facts={"key": own.public_key.hex(), "was": old_key}
        )
        work.execute("DELETE FROM sessions")
        work.execute("UPDATE contacts SET journal_sent = 0, directory_etag = '', next_attempt_at = NULL, failures = 0")
    database.close()
    return int(epoch) + 1


def _restoration(settings: Settings, manifest: Manifest | None, epoch: int) -> dict[str, Any]:
    """The row that keeps an office from numbering until `recovering` settled what was issued since the backup.

    A node gives no numbers, and its offices' lists tell it what it lost (`node.vectors`): its row is settled at once.
    """
    now = clock.now_text()
    return {
        "epoch": epoch,
        "backup_made_at": manifest.made_at if manifest is not None else "",
        "backup_head": manifest.head if manifest is not None else "",
        "restored_at": now,
        "confirmed_at": None if settings.role == "office" else now,
    }


def _report(
    settings: Settings,
    made_at: str,
    epoch: int,
    old: Path | None,
    faults: Sequence[Fault],
    before: dict[tuple[str, int], int],
) -> Restored:
    found = verification.verify_installation(settings)
    with closing(verify.open_for_reading(settings.database_path)) as connection:
        code, name = connection.execute("SELECT code, name FROM installation").fetchone()
        peers = connection.execute("SELECT count(*) FROM peers").fetchone()[0]
    books = tuple(
        BookState(book, year, last, before.get((book, year)))
        for (book, year), last in _books(settings.database_path).items()
    )
    return Restored(
        code, name, made_at, epoch, found.lines, found.rows, found.files, found.head, old, bool(peers),
        tuple(faults), books,
    )  # fmt: skip


def _books(path: Path) -> dict[tuple[str, int], int]:
    """The highest number of each book of a register, empty when it cannot be read."""
    if not path.is_file():
        return {}
    try:
        with closing(verify.open_for_reading(path)) as connection:
            found = connection.execute("SELECT name, year, last_number FROM books ORDER BY year, id").fetchall()
    except (sqlite3.DatabaseError, UnicodeDecodeError, OSError):
        return {}
    return {(name, year): last for name, year, last in found}
