"""Backing up and proving it, as acts: where to, for whom it is closed, what is due, what the journal says of it.

The rows of `backup_runs` say how things stand at each place; the journal's lines are the evidence, and the node reads
there when an office last proved that it could come back. Source: deploy.md §9.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from commune_portal import clock, points
from commune_portal.documents.restoration import ABOUT, backed_up, secrets_at_hand
from commune_portal.errors import NotFound, PortalError
from commune_portal.people.actors import Actor
from commune_portal.rules.acts import Act
from commune_portal.settings import Settings
from commune_portal.store import (
    backup,
    backup_runs,
    database,
    drives,
    files,
    installation,
    journal,
    outlets,
    sealing,
    verify,
)
from commune_portal.store.backup import Keep, Outcome
from commune_portal.store.backup_runs import Chore, PlaceKind, Run, Why
from commune_portal.store.verify import Fault

RETRY_AFTER = timedelta(minutes=30)
DRILL_PAUSE = timedelta(hours=20)
TOLD_SECONDS = 2.0


@dataclass(frozen=True, slots=True)
class Place:
    """Where backups go."""

    kind: PlaceKind
    folder: Path


@dataclass(frozen=True, slots=True)
class Drilled:
    """What came of proving one stored file; sound when it has no faults."""

    place: Place
    path: Path
    made_at: str
    faults: tuple[Fault, ...]


def places(settings: Settings) -> list[Place]:
    """The chosen folders, and the sticks that are plugged in now and meant for backups."""
    folders = [settings.backups_folder, *(settings.folder / folder for folder in settings.backup.folders)]
    found = {folder: Place(PlaceKind.FOLDER, folder) for folder in folders}
    if settings.backup.sticks:
        for folder in drives.stick_folders(settings.folder):
            found.setdefault(folder, Place(PlaceKind.STICK, folder))
    return list(found.values())


def recipients(settings: Settings) -> list[str]:
    """Who can open this installation's backups: the paper in the safe, this installation itself, the node above it.

    Read without opening the register for work, so that a copied folder or one of an older schema can be saved too.
    """
    found = []
    with closing(verify.open_for_reading(settings.database_path)) as connection:
        for statement in (
            "SELECT recipient FROM recovery_keys WHERE confirmed_at IS NOT NULL AND retired_at IS NULL",
            "SELECT box_public_key FROM installation WHERE id = 1",
            "SELECT box_public_key FROM peers WHERE enrolled_at IS NOT NULL AND box_public_key <> ''",
        ):
            with suppress(*verify.UNREADABLE):
                found += [row[0] for row in connection.execute(statement)]
    return [text if text.startswith("age1") else sealing.as_recipient(bytes.fromhex(text)) for text in found]


def has_paper_key(settings: Settings) -> bool:
    """Whether a recovery key is in force: without one a dead computer cannot be restored by paper."""
    with closing(verify.open_for_reading(settings.database_path)) as connection, suppress(*verify.UNREADABLE):
        found = connection.execute(
            "SELECT 1 FROM recovery_keys WHERE confirmed_at IS NOT NULL AND retired_at IS NULL LIMIT 1"
        )
        return found.fetchone() is not None
    return False


def back_up(
    actor: Actor,
    settings: Settings,
    why: Why,
    wanted: Sequence[Place],
    *,
    plain: bool = False,
    is_noted: bool = True,
) -> list[Outcome]:
    """Writes one backup to all these places, proves it and notes it; a place that fails does not hinder the others.

    `plain` leaves it open to everybody. Without `is_noted` nothing is written into the register (it is a copy). Raises
    StoreBusy while another backup runs, StoreDamaged when the register cannot be read at all.
    """
    notes = _Notes(why, wanted, is_noted=is_noted)
    keep = Keep(settings.backup.keep_daily, settings.backup.keep_weekly, settings.backup.keep_monthly)
    always = backup_runs.proven_names() if is_noted else set()
    try:
        outcomes = backup.make_everywhere(
            settings,
            [place.folder for place in wanted],
            recipients=[] if plain else recipients(settings),
            secrets=[] if plain else secrets_at_hand(settings),
            keep=keep,
            always=always,
            begun=notes.begin,
            told=notes.tell,
        )
    except PortalError as error:
        notes.give_up(error.sentence)
        raise
    notes.end(outcomes)
    if is_noted:
        told = {item.backup.sha256: item.backup for item in outcomes if item.backup is not None}
        for made in told.values():
            backed_up(actor, made)
        points.reach("backup-noted")
    return outcomes


class _Notes:
    """The working rows of one backup, one a place."""

    def __init__(self, why: Why, wanted: Sequence[Place], *, is_noted: bool) -> None:
        self._why, self._wanted, self._is_noted = why, wanted, is_noted
        self._rows: dict[Path, int] = {}
        self._told_at = clock.monotonic()

    def begin(self) -> None:
        """Nobody else is at work: what still seems to run is dead, and ours begins."""
        if self._is_noted:
            backup_runs.settle()
            backup_runs.chore_began(Chore.BACKUP)
            for place in self._wanted:
                self._rows[place.folder] = backup_runs.begin(self._why, place.kind, place.folder)

    def tell(self, written_bytes: int) -> None:
        """Says how far it has come, now and then; a register that is busy hears it next time."""
        if self._rows and clock.monotonic() - self._told_at > TOLD_SECONDS:
            self._told_at = clock.monotonic()
            with suppress(PortalError):
                backup_runs.progress(list(self._rows.values()), written_bytes)

    def end(self, outcomes: Iterable[Outcome]) -> None:
        """Says what came of each place."""
        if not self._rows:
            return
        words = []
        for outcome in outcomes:
            row, made = self._rows[outcome.folder], outcome.backup
            if made is None:
                words.append(outcome.error.sentence if outcome.error else "")
                backup_runs.failed(row, words[-1])
                continue
            fault = f"{made.faults[0].where}: {made.faults[0].what}" if made.faults else ""
            words.append(fault)
            backup_runs.wrote(
                row, made.path, made.bytes, made.sha256,
                encrypted=made.is_sealed, proven=made.is_proven, error=fault,
            )  # fmt: skip
            present = {path.name for path in backup.backups_in(outcome.folder, made.manifest.code)}
            backup_runs.gone(outcome.folder, present)
        backup_runs.chore_ended(Chore.BACKUP, " ".join(filter(None, words)))

    def give_up(self, sentence: str) -> None:
        """Says why nothing came of it anywhere."""
        with suppress(PortalError):
            for row in self._rows.values():
                backup_runs.failed(row, sentence)
            if self._rows:
                backup_runs.chore_ended(Chore.BACKUP, sentence)


def scheduled(settings: Settings) -> datetime:
    """The last time of day at which a backup was to be made."""
    now = clock.now().astimezone(clock.VIETNAM)
    today = datetime.combine(now.date(), settings.backup.daily_time, clock.VIETNAM)
    return today if today <= now else today - timedelta(days=1)


def due(settings: Settings) -> list[Place]:
    """The places that have no backup since the last set time; a place that has just failed is given some peace.

    What the rows say of the future does not count: a clock that was set back must not end the backups.
    """
    now, since = clock.now(), scheduled(settings)
    wanted = []
    for place in places(settings):
        runs = backup_runs.written_in(place.folder)
        if any(_is_between(run.ended_at, since, now) and run.path.is_file() for run in runs):
            continue
        failure = backup_runs.last_failure_in(place.folder)
        if failure is not None and _is_between(failure.ended_at, now - RETRY_AFTER, now):
            continue
        wanted.append(place)
    return wanted


def drills_due(settings: Settings) -> list[Place]:
    """The places whose newest backup has not been restored and read for as long as the settings say."""
    now = clock.now()
    last = backup_runs.beat(Chore.DRILL)
    if last is not None and _is_between(last.began_at, now - DRILL_PAUSE, now):
        return []
    wanted = []
    for place in places(settings):
        proven_at = backup_runs.last_proven_at(place.folder)
        is_old = proven_at is None or now - proven_at > timedelta(days=settings.backup.drill_days)
        if is_old and newest(settings, place) is not None:
            wanted.append(place)
    return wanted


def _is_between(at: datetime | None, first: datetime, last: datetime) -> bool:
    return at is not None and first <= at <= last


def newest(settings: Settings, place: Place) -> Path | None:
    """The newest backup of this installation at a place, None where there is none or it cannot be read."""
    del settings
    try:
        found = backup.backups_in(place.folder, installation.own().code)
    except OSError:
        return None
    return found[0] if found else None


def drill(actor: Actor, settings: Settings, wanted: Sequence[Place], path: Path | None = None) -> list[Drilled]:
    """Restores the newest stored file of each place (or the one that is named) into a scratch folder and reads it all.

    Raises NotFound when there is nothing to prove, StoreBusy while a backup runs.
    """
    if path is not None:
        known = {place.folder: place for place in places(settings)}
        chosen = [(known.get(path.parent, Place(PlaceKind.FOLDER, path.parent)), path)]
    else:
        found = [(place, newest(settings, place)) for place in wanted]
        chosen = [(place, file) for place, file in found if file is not None]
    if not chosen:
        raise NotFound("Chưa có bản sao lưu nào để chứng minh. Hãy sao lưu trước, hoặc cắm USB có thư mục «sao-luu».")
    secrets = secrets_at_hand(settings)
    done = []
    with backup.scratch(settings) as work:
        backup_runs.settle()
        backup_runs.chore_began(Chore.DRILL)
        try:
            for number, (place, file) in enumerate(chosen):
                done.append(_drill(actor, place, file, work / f"restored-{number}", secrets))
        finally:
            bad = [f"{item.path.name}: {item.faults[0].what}" for item in done if item.faults]
            backup_runs.chore_ended(Chore.DRILL, " ".join(bad) if bad or done else backup_runs.INTERRUPTED)
    return done


def _drill(actor: Actor, place: Place, path: Path, folder: Path, secrets: Sequence[str]) -> Drilled:
    try:
        stored = outlets.read_from_medium(path)
        manifest, faults = backup.examine(path, folder, secrets)
        with path.open("rb") as file:
            is_sealed = sealing.is_sealed(file.read(64))
    except OSError as error:
        return Drilled(place, path, "", (Fault(path.name, f"Không đọc được: {error}"),))
    error_words = f"{faults[0].where}: {faults[0].what}" if faults else ""
    backup_runs.proved(place.kind, path, stored, encrypted=is_sealed, error=error_words)
    with database.transaction() as work:
        journal.write(
            work, Act.BACKUP_PROVEN, actor.uid, about=ABOUT,
            facts={"name": path.name, "sha256": stored.sha256, "proven": int(not faults), "faults": len(faults),
                   "size": manifest.size if manifest else None, "head": manifest.head if manifest else None,
                   "backup_made_at": manifest.made_at if manifest else None},
        )  # fmt: skip
    return Drilled(place, path, manifest.made_at if manifest else "", tuple(faults))


@dataclass(frozen=True, slots=True)
class PlaceState:
    """How it stands with one place: what lies there, when it was proved, why the last attempt failed."""

    place: Place
    is_there: bool
    can_write: bool
    newest: Run | None
    amount: int
    proven_at: datetime | None
    failure: Run | None


def standing(settings: Settings) -> list[PlaceState]:
    """How it stands with every place, also with sticks that were written once and are not plugged in now."""
    known = {place.folder: place for place in places(settings)}
    for run in backup_runs.latest(backup_runs.KEPT_ROWS):
        if run.outcome is backup_runs.RunOutcome.WRITTEN:
            known.setdefault(run.path.parent, Place(run.place, run.path.parent))
    return [_state_of(place) for place in known.values()]


def _state_of(place: Place) -> PlaceState:
    runs = backup_runs.written_in(place.folder)
    is_there = place.folder.is_dir()
    return PlaceState(
        place,
        is_there,
        files.can_write(place.folder) if is_there else False,
        runs[0] if runs else None,
        len(runs),
        backup_runs.last_proven_at(place.folder),
        backup_runs.last_failure_in(place.folder),
    )


def newest_to_carry() -> Run | None:
    """The newest closed backup that lies in a folder of this computer and can be carried away."""
    for run in backup_runs.latest(backup_runs.KEPT_ROWS):
        is_there = run.outcome is backup_runs.RunOutcome.WRITTEN and run.encrypted and run.path.is_file()
        if is_there and run.place is PlaceKind.FOLDER:
            return run
    return None
