"""What was backed up, where, and what came of it; and the heartbeat of what the portal does at set times.

Working rows: the evidence is in the journal. Anybody may read them: pages, doctor, the upkeep thread.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import Any

from commune_portal import clock
from commune_portal.store import database
from commune_portal.store.files import Stored

KEPT_ROWS = 500
INTERRUPTED = "Bị ngắt giữa chừng (mất điện, tắt máy hoặc rút thiết bị)."


class Why(StrEnum):
    """Why a backup was made."""

    DAILY = "daily"
    ASKED = "asked"
    UPGRADE = "upgrade"


class PlaceKind(StrEnum):
    """A chosen folder, or a stick that happened to be there."""

    FOLDER = "folder"
    STICK = "stick"


class RunOutcome(StrEnum):
    """How far a backup came at one place; `gone` means that the file was let go since."""

    RUNNING = "running"
    WRITTEN = "written"
    FAILED = "failed"
    GONE = "gone"


class Chore(StrEnum):
    """What runs by itself; the askings are rows that a page writes and the upkeep thread answers."""

    BACKUP = "backup"
    DRILL = "drill"
    BACKUP_ASKED = "backup-asked"
    DRILL_ASKED = "drill-asked"


@dataclass(frozen=True, slots=True)
class Run:
    """One backup at one place. While it runs `path` is the folder, afterwards the file."""

    id: int
    began_at: datetime
    ended_at: datetime | None
    why: Why
    place: PlaceKind
    path: Path
    outcome: RunOutcome
    bytes: int
    sha256: str
    encrypted: bool
    proven_at: datetime | None
    error: str


@dataclass(frozen=True, slots=True)
class Beat:
    """When a chore began last, when it ended, and with which words."""

    began_at: datetime
    ended_at: datetime | None
    outcome: str


_COLUMNS = "id, began_at, ended_at, why, place, path, outcome, bytes, sha256, encrypted, proven_at, error"


def begin(why: Why, place: PlaceKind, folder: Path) -> int:
    """Notes that a backup began at a place, and answers its row."""
    with database.transaction() as work:
        work.execute(
            "INSERT INTO backup_runs (began_at, why, place, path, outcome) VALUES (?, ?, ?, ?, 'running')",
            (clock.now_text(), why, place, str(folder)),
        )
        return int(work.execute("SELECT last_insert_rowid()").fetchone()[0])


def progress(run_ids: list[int], written_bytes: int) -> None:
    """Notes how much has been written so far."""
    marks = ", ".join("?" * len(run_ids))
    database.write_working(
        f"UPDATE backup_runs SET bytes = ? WHERE outcome = 'running' AND id IN ({marks})", (written_bytes, *run_ids)
    )


def wrote(run_id: int, path: Path, size: int, sha256: str, *, encrypted: bool, proven: bool, error: str = "") -> None:
    """Notes the file that came of it; `error` names what is damaged in it."""
    now = clock.now_text()
    with database.transaction() as work:  # a file taken away within the second left its name to this one
        work.execute("UPDATE backup_runs SET outcome = 'gone' WHERE path = ? AND outcome = 'written'", (str(path),))
        work.execute(
            "UPDATE backup_runs SET ended_at = ?, path = ?, outcome = 'written', bytes = ?, sha256 = ?, encrypted = ?,"
            " proven_at = ?, error = ? WHERE id = ?",
            (now, str(path), size, sha256, int(encrypted), now if proven else None, error, run_id),
        )


def failed(run_id: int, error: str) -> None:
    """Notes why nothing came of it."""
    database.write_working(
        "UPDATE backup_runs SET ended_at = ?, outcome = 'failed', error = ? WHERE id = ?",
        (clock.now_text(), error, run_id),
    )


def proved(place: PlaceKind, path: Path, stored: Stored, *, encrypted: bool, error: str = "") -> None:
    """Notes that a stored file was restored and read, or what was wrong with it; also of one that we did not know."""
    proven_at = None if error else clock.now_text()
    with database.transaction() as work:
        known = work.execute(
            "UPDATE backup_runs SET proven_at = ?, error = ? WHERE path = ? AND outcome = 'written'",
            (proven_at, error, str(path)),
        ).rowcount
        if not known:
            work.execute(
                "INSERT INTO backup_runs (began_at, ended_at, why, place, path, outcome, bytes, sha256, encrypted,"
                " proven_at, error) VALUES (?, ?, 'asked', ?, ?, 'written', ?, ?, ?, ?, ?)",
                (clock.now_text(), clock.now_text(), place, str(path), stored.bytes, stored.sha256, int(encrypted),
                 proven_at, error),
            )  # fmt: skip


def settle() -> None:
    """What still runs belongs to a process that is dead: only the holder of the backup lock may call this."""
    database.write_working(
        "UPDATE backup_runs SET outcome = 'failed', ended_at = ?, error = ? WHERE outcome = 'running'",
        (clock.now_text(), INTERRUPTED),
    )
    database.write_working(
        "UPDATE upkeep SET ended_at = ?, outcome = ? WHERE ended_at IS NULL AND name IN ('backup', 'drill')",
        (clock.now_text(), INTERRUPTED),
    )


def gone(folder: Path, present: set[str]) -> None:
    """Notes which files of a folder that can be read are there no more, and forgets what is very old."""
    with database.transaction() as work:
        found = work.execute("SELECT id, path FROM backup_runs WHERE outcome = 'written'").fetchall()
        for run_id, path in found:
            if Path(path).parent == folder and Path(path).name not in present:
                work.execute("UPDATE backup_runs SET outcome = 'gone' WHERE id = ?", (run_id,))
        work.execute(
            "DELETE FROM backup_runs WHERE outcome IN ('gone', 'failed')"
            " AND id <= (SELECT max(id) FROM backup_runs) - ?",
            (KEPT_ROWS,),
        )


def latest(limit: int = 20) -> list[Run]:
    """The newest runs, newest first."""
    return _runs("ORDER BY id DESC LIMIT ?", limit)


def running() -> list[Run]:
    """What runs now."""
    return _runs("WHERE outcome = 'running' ORDER BY id")


def written_in(folder: Path) -> list[Run]:
    """What lies in a folder by our knowledge, newest first."""
    found = _runs("WHERE outcome = 'written' ORDER BY ended_at DESC, id DESC")
    return [run for run in found if run.path.parent == folder]


def last_failure_in(folder: Path) -> Run | None:
    """The newest failure at a place behind which nothing succeeded."""
    for run in latest(KEPT_ROWS):
        if run.outcome is RunOutcome.FAILED and run.path == folder:
            return run
        if run.outcome is RunOutcome.WRITTEN and run.path.parent == folder:
            return None
    return None


def last_written() -> Run | None:
    """The newest backup that was written anywhere, also one that was let go since."""
    found = _runs(
        "WHERE outcome IN ('written', 'gone') AND ended_at <= ? ORDER BY ended_at DESC LIMIT 1", clock.now_text()
    )
    return found[0] if found else None


def last_proven_at(folder: Path | None = None) -> datetime | None:
    """When a stored backup (of one folder, or any) was last restored and read without a fault."""
    now = clock.now()
    proven = [
        run.proven_at
        for run in _runs("WHERE proven_at IS NOT NULL")
        if run.proven_at is not None and run.proven_at <= now and folder in (None, run.path.parent)
    ]
    return max(proven, default=None)


def proven_names() -> set[str]:
    """The newest proven file of each folder: what no rotation may remove."""
    newest: dict[Path, tuple[datetime, str]] = {}
    for run in _runs("WHERE outcome = 'written' AND proven_at IS NOT NULL"):
        assert run.proven_at is not None
        if run.path.parent not in newest or (run.proven_at, run.path.name) > newest[run.path.parent]:
            newest[run.path.parent] = (run.proven_at, run.path.name)
    return {name for _, name in newest.values()}


def _runs(where: str, *parameters: Any) -> list[Run]:
    return [_run(row) for row in database.rows(f"SELECT {_COLUMNS} FROM backup_runs {where}", parameters)]


def _run(row: Any) -> Run:
    return Run(
        row[0], clock.from_text(row[1]), clock.from_text(row[2]) if row[2] else None, Why(row[3]), PlaceKind(row[4]),
        Path(row[5]), RunOutcome(row[6]), row[7], row[8], bool(row[9]), clock.from_text(row[10]) if row[10] else None,
        row[11],
    )  # fmt: skip


def chore_began(chore: Chore) -> None:
    """Notes that something began; for an asking, that somebody asked."""
    database.write_working(
        "INSERT INTO upkeep (name, began_at) VALUES (?, ?) ON CONFLICT (name)"
        " DO UPDATE SET began_at = excluded.began_at, ended_at = NULL, outcome = ''",
        (chore, clock.now_text()),
    )


def chore_ended(chore: Chore, outcome: str) -> None:
    """Notes that it ended, and how."""
    database.write_working(
        "UPDATE upkeep SET ended_at = ?, outcome = ? WHERE name = ? AND ended_at IS NULL",
        (clock.now_text(), outcome, chore),
    )


def beat(chore: Chore) -> Beat | None:
    """How it stands with one chore."""
    found = database.row("SELECT began_at, ended_at, outcome FROM upkeep WHERE name = ?", (chore,))
    if found is None:
        return None
    return Beat(clock.from_text(found[0]), clock.from_text(found[1]) if found[1] else None, found[2])


def is_asked(chore: Chore) -> bool:
    """True while an asking waits for its answer."""
    found = beat(chore)
    return found is not None and found.ended_at is None
