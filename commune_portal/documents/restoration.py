"""The acts beside a backup: noting it in the journal, and making a restored or copied register an installation again.

A restored register gets new keys, a higher epoch and must enrol anew, so that the node never takes the old line of its
journal and the new one for one. What was there before is put aside. Source: decisions 9; deploy.md §9.
"""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Sequence
from contextlib import AbstractContextManager, closing, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from commune_portal import clock, points
from commune_portal.documents import carried_settings, verification
from commune_portal.errors import StoreDamaged, StoreRefused
from commune_portal.people.actors import Actor
from commune_portal.rules.acts import Act
from commune_portal.settings import Settings
from commune_portal.store import (
    archive,
    backup,
    database,
    files,
    installation,
    journal,
    locking,
    migrate,
    sealing,
    swap,
    verify,
)
from commune_portal.store.backup import Backup, Manifest
from commune_portal.store.swap import State, Step
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


def backed_up(actor: Actor, made: Backup) -> None:
    """Notes a backup in the journal: which journal it holds, its hash, and whether it was proved."""
    with database.transaction() as work:
        journal.write(
            work, Act.BACKED_UP, actor.uid, about=ABOUT,
            facts={"name": made.path.name, "sha256": made.sha256, "bytes": made.bytes, "size": made.manifest.size,
                   "head": made.manifest.head, "proven": int(made.is_proven), "sealed": int(made.is_sealed)},
        )  # fmt: skip


def secrets_at_hand(settings: Settings, recovery_key: str = "") -> list[str]:
    """What may open a backup here: the key that was typed from paper, this installation's own, and its retired ones.

    Raises Malformed for a typed key that is none.
    """
    found = [sealing.read_secret(recovery_key)] if recovery_key.strip() else []
    own = keys.load_retired(settings.secrets_folder)
    with suppress(StoreRefused):
        own.append(keys.load(settings.secrets_folder))
    return found + [sealing.as_secret(item.box.private_bytes_raw()) for item in reversed(own)]


def restore(
    actor: Actor, settings: Settings, path: Path, *, recovery_key: str = "", despite_faults: bool = False
) -> Restored:
    """Puts a backup in the place of the present data and makes it an installation of its own.

    `recovery_key` is the text from the paper; without it the keys that lie here must do. Raises NotForUs when none
    opens the file, StoreRefused for a backup of a newer release or another role and while the portal runs, StoreDamaged
    for a backup that is not sound (unless told to take it despite that). Until the swap nothing that was there is
    touched; from there on a power cut is mended by `settle`.
    """
    secrets = secrets_at_hand(settings, recovery_key)
    settings.folder.mkdir(parents=True, exist_ok=True)
    with _alone(settings):
        _settle(settings)
        swap.refuse_while_served(settings.database_path)
        fresh = swap.beside(settings, "moi")
        swap.write_state(settings, State(Step.PREPARING, str(fresh), began_at=clock.now_text()))
        points.reach("restore-begun")
        try:
            manifest, faults, epoch = _prepare(actor, settings, path, fresh, secrets, despite_faults=despite_faults)
            before = _books(settings.database_path)
            state = State(Step.SWAPPING, str(fresh), str(swap.beside(settings, "truoc")), clock.now_text())
            swap.write_state(settings, state)
            points.reach("restore-planned")
            old = swap.put_in_place(settings, fresh, Path(state.aside))
        except BaseException:
            database.close()
            _undo(settings, fresh)
            raise
        _finish(settings)
    return _report(settings, manifest.made_at, epoch, old, faults, before)


def _prepare(
    actor: Actor, settings: Settings, path: Path, fresh: Path, secrets: Sequence[str], *, despite_faults: bool
) -> tuple[Manifest, tuple[Fault, ...], int]:
    """The backup as a whole installation in a folder beside the data: unpacked, migrated, read again, with new keys."""
    aside = replace(settings, paths=replace(settings.paths, data=_relative(settings, fresh)))
    with backup.opened(path, fresh, secrets) as plain:
        manifest = archive.read_manifest(plain)
        if manifest.role != settings.role:
            raise StoreRefused(f"Bản sao lưu thuộc vai trò «{manifest.role}», cấu hình lại ghi «{settings.role}».")
        archive.unpack(plain, fresh)
        archive.unpack_settings(plain, fresh / carried_settings.FOLDER)
    points.reach("restore-unpacked")
    migrate.migrate(aside.database_path)
    faults = _refuse_faults(aside, despite_faults=despite_faults)
    own = _next_keys(settings)
    points.reach("restore-keyed")
    epoch = _begin_epoch(actor, aside, own, manifest, faults)
    database.close()
    points.reach("inside-restore")
    return manifest, faults, epoch


def _alone(settings: Settings) -> AbstractContextManager[None]:
    return locking.alone(settings.folder / swap.LOCK, "Đang có một lần khôi phục khác. Hãy đợi xong rồi làm lại.")


def settle(settings: Settings) -> Step | None:
    """Finishes or undoes a restore that was cut off; every start looks here before it opens the register.

    Answers at which step it was cut, None when nothing was going on. Raises StoreBusy while a restore is at work.
    """
    if swap.read_state(settings) is None:
        return None
    with _alone(settings):
        return _settle(settings)


def _settle(settings: Settings) -> Step | None:
    state = swap.read_state(settings)
    if state is None:
        return None
    if state.step is Step.PREPARING or (state.step is Step.ADOPTING and not _next_keys_are_in_force(settings)):
        _undo(settings, Path(state.fresh))
        return state.step
    if state.step is Step.SWAPPING:
        swap.put_in_place(settings, Path(state.fresh), Path(state.aside))
    _finish(settings)
    return state.step


def _undo(settings: Settings, fresh: Path) -> None:
    """Takes away what was prepared; what stood there before was never touched."""
    swap.take_away(settings, fresh)
    shutil.rmtree(settings.secrets_folder / NEXT_KEYS, ignore_errors=True)
    swap.clear_state(settings)


def _finish(settings: Settings) -> None:
    """The new keys and what the office had chosen, then nothing is going on any more."""
    _use_next_keys(settings)
    carried_settings.carry(settings)
    swap.clear_state(settings)


def _next_keys_are_in_force(settings: Settings) -> bool:
    """Whether the register names the keys that wait: then its new epoch has begun, and they must be taken."""
    try:
        waiting = keys.load(settings.secrets_folder / NEXT_KEYS)
        with closing(verify.open_for_reading(settings.database_path)) as connection:
            found = connection.execute("SELECT public_key FROM installation").fetchone()
    except (StoreRefused, StoreDamaged, sqlite3.DatabaseError):
        return False
    return found is not None and found[0] == waiting.public_key.hex()


def adopt(actor: Actor, settings: Settings, *, despite_faults: bool = False) -> Restored:
    """Makes a copied folder an installation of its own, in its place; raises as `restore` does."""
    if not settings.database_path.is_file():
        raise StoreRefused(f"Không thấy tệp dữ liệu {settings.database_path}.")
    with _alone(settings):
        _settle(settings)
        swap.refuse_while_served(settings.database_path)
        faults = _refuse_faults(settings, despite_faults=despite_faults)
        swap.write_state(settings, State(Step.ADOPTING, began_at=clock.now_text()))
        try:
            own = _next_keys(settings)
            points.reach("restore-keyed")
            epoch = _begin_epoch(actor, settings, own, None, faults)
        except BaseException:
            database.close()
            _settle(settings)
            raise
        database.close()
        points.reach("inside-restore")
        _finish(settings)
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
    """Retires the old keys and takes the new ones; may be called again after a power cut between its steps."""
    waiting = settings.secrets_folder / NEXT_KEYS
    present = settings.secrets_folder / keys.FILE_NAME
    with files.disk_errors():
        if not (waiting / keys.FILE_NAME).exists():
            shutil.rmtree(waiting, ignore_errors=True)
            return
        if present.exists():
            try:
                keys.retire(settings.secrets_folder)
            except StoreRefused:  # unreadable: put aside under the time, not under its name
                present.rename(present.with_name(f"retired-{clock.now_text().replace(':', '')}.pem"))
        points.reach("restore-retired")
        (waiting / keys.FILE_NAME).rename(present)
        waiting.rmdir()
        files.sync_folder(settings.secrets_folder)
    points.reach("restore-rekeyed")


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
        for table in ("lost_answers", "lost_lines", "lost_messages"):
            work.execute(f"DELETE FROM {table}")
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
