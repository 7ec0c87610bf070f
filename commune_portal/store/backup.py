"""A backup: one closed file of a snapshot of the register and its files, read back and proved by restoring it.

The order is the proof: database snapshot first, files second. Files are written once under their hash, so every file
that the snapshot names still exists. Several places get the same bytes in one pass. A file gets its name only when it
is whole and on the disk; then it is read back from the medium, and what lies there is opened and restored into a
scratch folder. Secrets lie outside of what is read here and are never inside.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from commune_portal import clock, points
from commune_portal.errors import DiskFull, Malformed, PortalError, StoreBusy, StoreDamaged
from commune_portal.settings import Settings
from commune_portal.store import archive, files, locking, outlets, register, rotation, sealing
from commune_portal.store.archive import CONFIG, DATABASE, Manifest, check, unpack, unpack_settings
from commune_portal.store.outlets import Outlet, Tee
from commune_portal.store.rotation import Keep
from commune_portal.store.verify import Fault

__all__ = [
    "CONFIG", "DATABASE", "RECEIVED", "Backup", "Keep", "Manifest", "Outcome", "backups_in", "check", "examine", "make",
    "make_everywhere", "opened", "prove", "read_manifest", "scratch", "sweep", "unpack", "unpack_settings",
]  # fmt: skip

PLAIN, SEALED = ".zip", ".zip.age"
LOCK = "backup.lock"
RECEIVED = "nhan-"
"""How a backup is called beside the settings file while it comes in by a browser."""
KEEP = Keep()
BUSY = "Đang có một lần sao lưu hoặc chứng minh khác. Hãy đợi xong rồi làm lại."


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

    @property
    def is_sealed(self) -> bool:
        """True when it is closed for its recipients."""
        return self.path.name.endswith(SEALED)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of one place: a backup, or why there is none."""

    folder: Path
    backup: Backup | None
    error: PortalError | None = None


def make(
    settings: Settings,
    folder: Path,
    *,
    recipients: Sequence[str] = (),
    secrets: Sequence[str] = (),
    keep: Keep = KEEP,
) -> Backup:
    """Writes one backup into one folder; closed for the recipients, plain where there are none.

    Raises DiskFull with nothing under a final name, StoreDamaged when the database cannot be read at all. Damage that
    leaves something to save is saved and told in `faults`; then no older backup is removed.
    """
    (outcome,) = make_everywhere(settings, [folder], recipients=recipients, secrets=secrets, keep=keep)
    if outcome.error is not None:
        raise outcome.error
    assert outcome.backup is not None
    return outcome.backup


def make_everywhere(
    settings: Settings,
    folders: Sequence[Path],
    *,
    recipients: Sequence[str] = (),
    secrets: Sequence[str] = (),
    keep: Keep = KEEP,
    always: Collection[str] = (),
    begun: Callable[[], None] = lambda: None,
    told: Callable[[int], None] = lambda _bytes: None,
) -> list[Outcome]:
    """Writes the same backup into every folder; a place that fails is told and does not hinder the others.

    `begun` is called once nobody else is at work, `told` with the bytes written so far.

    `secrets` open what is closed for `recipients`; without one a key is made that lives as long as the proof. `always`
    are names that no rotation removes. Raises StoreBusy while another backup runs, StoreDamaged as `make` does.
    """
    if recipients and not secrets:
        once = sealing.new_secret()
        secrets, recipients = [once], [*recipients, sealing.recipient_of(once)]
    suffix = SEALED if recipients else PLAIN
    with scratch(settings) as work:
        begun()
        points.reach("backup-begun")
        snapshot = work / DATABASE
        faults = archive.snapshot(settings.database_path, snapshot)
        points.reach("backup-snapshot")
        packing = archive.Packing(archive.manifest_of(snapshot), snapshot, settings)
        rotation_ = _Rotation(packing.manifest.code, keep, always, suffix)
        made = [Outlet(_free_name(folder, packing.manifest.code, suffix)) for folder in folders]
        _write(made, packing, recipients, rotation_, told)
        wiped_at = archive.last_wipe(snapshot)
        snapshot.unlink()
        for outlet in made:
            outlet.check()
        proofs: dict[str, list[Fault]] = {}
        for outlet in made:
            if outlet.stored is not None and outlet.stored.sha256 not in proofs:
                proofs[outlet.stored.sha256] = prove(outlet.path, work / f"restored-{len(proofs)}", secrets)
        points.reach("backup-proved")
    outcomes = []
    for outlet in made:
        if outlet.stored is None:
            outcomes.append(Outcome(outlet.folder, None, outlet.error))
            continue
        stored, told_of = outlet.stored, (*faults, *proofs[outlet.stored.sha256])
        found = Backup(outlet.path, stored.bytes, stored.sha256, packing.manifest, told_of, wiped_at)
        outcomes.append(Outcome(outlet.folder, found))
        if found.is_proven:
            rotation_.let_go(outlet.path)
    return outcomes


def _write(
    made: Sequence[Outlet],
    packing: archive.Packing,
    recipients: Sequence[str],
    rotation_: _Rotation,
    told: Callable[[int], None],
) -> None:
    """Writes to all of them; where a disk was full and rotation could make room, once more."""

    def pour(tee: Tee) -> None:
        if recipients:
            sealing.seal(packing.pieces(), tee, recipients)
        else:
            for piece in packing.pieces():
                tee.write(piece)

    outlets.write(made, pour, told)
    again = [outlet for outlet in made if isinstance(outlet.error, DiskFull) and rotation_.let_go(outlet.path)]
    if again:
        outlets.write(again, pour, told)


@dataclass(frozen=True, slots=True)
class _Rotation:
    """What may go at a place for the sake of a new backup, which itself always stays."""

    code: str
    keep: Keep
    always: Collection[str]
    suffix: str

    def let_go(self, coming: Path) -> list[str]:
        """Removes what is superfluous beside the coming one; answers which went."""
        now = clock.now().astimezone(clock.VIETNAM).replace(tzinfo=None)
        try:
            names = {path.name for path in backups_in(coming.parent, self.code, self.suffix)} | {coming.name}
            superfluous = rotation.superfluous(names, self.keep, now, {*self.always, coming.name})
            for name in superfluous:
                (coming.parent / name).unlink(missing_ok=True)
        except OSError:  # a stick that was pulled meanwhile keeps what it has
            return []
        return superfluous


@contextmanager
def scratch(settings: Settings) -> Iterator[Path]:
    """A folder of its own among the temporary files, gone afterwards; one at a time, and what a dead one left goes.

    Raises StoreBusy while another process has one.
    """
    with files.disk_errors():
        settings.work_folder.mkdir(parents=True, exist_ok=True)
        with locking.alone(settings.work_folder / LOCK, BUSY):
            _remove_left(settings)
            folder = settings.work_folder / f"backup-{register.new_uid()}"
            folder.mkdir()
            try:
                yield folder
            finally:
                shutil.rmtree(folder, ignore_errors=True)


def sweep(settings: Settings) -> bool:
    """Removes what a backup left in the scratch folder that was cut off; False while one is at work."""
    try:
        with locking.alone(settings.work_folder / LOCK):
            _remove_left(settings)
    except StoreBusy:
        return False
    return True


def _remove_left(settings: Settings) -> None:
    for left in settings.work_folder.glob("backup-*"):
        if left.is_dir():
            shutil.rmtree(left, ignore_errors=True)


def _prefix(code: str) -> str:
    return f"saoluu-{re.sub(r'[^A-Za-z0-9.-]', '_', code)}-"


def _free_name(folder: Path, code: str, suffix: str) -> Path:
    stamp = clock.now().astimezone(clock.VIETNAM).strftime("%Y%m%d-%H%M%S")
    path = folder / f"{_prefix(code)}{stamp}{suffix}"
    number = 1
    while path.exists():
        number += 1
        path = folder / f"{_prefix(code)}{stamp}-{number}{suffix}"
    return path


def backups_in(folder: Path, code: str, suffix: str = "") -> list[Path]:
    """The backups of an installation in a folder, newest first; of one kind, or of both."""
    found = [
        path for kind in ([suffix] if suffix else [PLAIN, SEALED]) for path in folder.glob(f"{_prefix(code)}*{kind}")
    ]
    return sorted(found, key=lambda path: path.name.removesuffix(SEALED).removesuffix(PLAIN), reverse=True)


@contextmanager
def opened(path: Path, folder: Path, secrets: Sequence[str] = ()) -> Iterator[Path]:
    """The plain zip of a backup: itself, or for a closed one a copy in `folder` that goes again.

    Raises Malformed for a missing file, NotForUs without the right secret, SealBroken for a damaged one.
    """
    try:
        source = path.open("rb")
    except OSError as error:
        raise Malformed(f"Không đọc được tệp {path}. Hãy kiểm tra lại đường dẫn.", detail=str(error)) from error
    with source:
        is_sealed = sealing.is_sealed(source.read(len(sealing.MAGIC)))
        if not is_sealed:
            yield path
            return
        if not secrets:
            raise sealing.NotForUs
        source.seek(0)
        plain = folder / f"opened-{register.new_uid()}.zip"
        try:
            with files.disk_errors():
                folder.mkdir(parents=True, exist_ok=True)
                with plain.open("xb") as out:
                    sealing.open_(source, out, secrets)
            yield plain
        finally:
            plain.unlink(missing_ok=True)


def prove(path: Path, folder: Path, secrets: Sequence[str] = ()) -> list[Fault]:
    """Restores a backup into an empty folder and reads all of it again; answers what is wrong."""
    return examine(path, folder, secrets)[1]


def examine(path: Path, folder: Path, secrets: Sequence[str] = ()) -> tuple[Manifest | None, list[Fault]]:
    """The same, with what the backup says of itself where it could be opened."""
    try:
        with opened(path, folder, secrets) as plain:
            manifest = unpack(plain, folder)
    except (StoreDamaged, Malformed) as error:
        return None, [Fault(path.name, error.detail or error.sentence)]
    try:
        return manifest, check(folder)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def read_manifest(path: Path, folder: Path, secrets: Sequence[str] = ()) -> Manifest:
    """What a backup says of itself; raises Malformed for a file that is none, StoreRefused for a newer form."""
    with opened(path, folder, secrets) as plain:
        return archive.read_manifest(plain)
