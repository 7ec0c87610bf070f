"""The upkeep thread: it answers what a page asked for by a child, begins what is due, and rests during an upgrade."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from commune_portal import upkeep
from commune_portal.settings import Backup, Settings
from commune_portal.store import backup_runs, database, installation
from commune_portal.store.backup_runs import Chore, PlaceKind, RunOutcome, Why
from commune_portal.upkeep import Upkeep
from tests.store.backed import made, office

__all__ = ["made", "office"]

WRITES = "import sys; open(sys.argv[1], 'a').write(' '.join(sys.argv[2:]) + chr(10))"
FAILS = "import sys; print('Ổ đĩa đã đầy.', file=sys.stderr); print('(chi tiết)', file=sys.stderr); sys.exit(2)"


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(upkeep, "WATCH_SECONDS", 0.02)
    monkeypatch.setattr(upkeep, "FIRST_LOOK_SECONDS", 0.0)
    monkeypatch.setattr(upkeep, "LOOK_SECONDS", 0.1)


@pytest.fixture
def opened(office: Settings) -> Iterator[Settings]:
    settings = replace(office, backup=Backup(sticks=False))
    installation.open_(settings)
    yield settings
    database.close()


def running(settings: Settings, *command: str) -> Upkeep:
    found = Upkeep(settings, [sys.executable, "-c", *command])
    found.start()
    return found


def until(condition: Callable[[], bool]) -> bool:
    end = time.monotonic() + 20
    while time.monotonic() < end:
        if condition():
            return True
        time.sleep(0.02)
    return False


def test_what_is_due_and_what_was_asked_are_begun_one_at_a_time(opened: Settings, tmp_path: Path) -> None:
    told = tmp_path / "noi"
    thread = running(opened, WRITES, str(told))
    try:
        assert until(lambda: told.exists() and "backup --due" in told.read_text().splitlines())
        backup_runs.chore_began(Chore.DRILL_ASKED)
        assert until(lambda: not backup_runs.is_asked(Chore.DRILL_ASKED))
        assert "drill" in told.read_text().splitlines()
        backup_runs.chore_began(Chore.BACKUP_ASKED)
        assert until(lambda: not backup_runs.is_asked(Chore.BACKUP_ASKED))
        assert "backup" in told.read_text().splitlines()
    finally:
        thread.stop()


def test_a_failure_is_answered_with_its_first_words(opened: Settings) -> None:
    settings = replace(opened, backup=Backup(enabled=False))
    backup_runs.chore_began(Chore.BACKUP_ASKED)
    thread = running(settings, FAILS)
    try:
        assert until(lambda: not backup_runs.is_asked(Chore.BACKUP_ASKED))
        beat = backup_runs.beat(Chore.BACKUP_ASKED)
        assert beat is not None
        assert beat.outcome == "Ổ đĩa đã đầy."
    finally:
        thread.stop()


def test_nothing_begins_by_itself_when_it_is_off_or_during_an_upgrade(opened: Settings, tmp_path: Path) -> None:
    told = tmp_path / "noi"
    for settings in (replace(opened, backup=Backup(enabled=False)), opened):
        if settings is opened:
            opened.pause_mark.write_bytes(b"")
        thread = running(settings, WRITES, str(told))
        time.sleep(0.5)
        thread.stop()
        assert not told.exists()


def test_what_a_dead_process_left_is_swept_and_told_at_the_start(opened: Settings) -> None:
    left = opened.work_folder / "backup-0123456789abcdef0123456789abcdef"
    left.mkdir(parents=True)
    (left / "register.sqlite3").write_bytes(b"ro rang")
    backup_runs.begin(Why.DAILY, PlaceKind.FOLDER, opened.backups_folder)
    thread = running(replace(opened, backup=Backup(enabled=False)), WRITES, "khong")
    try:
        assert until(lambda: not left.exists() and backup_runs.running() == [])
    finally:
        thread.stop()
    (run,) = backup_runs.latest()
    assert (run.outcome, run.error) == (RunOutcome.FAILED, backup_runs.INTERRUPTED)


def test_a_child_ends_with_the_portal(opened: Settings) -> None:
    backup_runs.chore_began(Chore.BACKUP_ASKED)
    thread = running(opened, "import time; time.sleep(60)")
    assert until(lambda: thread._child is not None)
    child = thread._child
    assert child is not None
    thread.stop()
    assert child.poll() is not None


def test_a_child_that_hangs_is_ended_and_the_next_one_has_its_turn(
    opened: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(upkeep, "LONGEST_SECONDS", 0.3)
    backup_runs.chore_began(Chore.BACKUP_ASKED)
    thread = running(replace(opened, backup=Backup(enabled=False)), "import time; time.sleep(60)")
    try:
        assert until(lambda: not backup_runs.is_asked(Chore.BACKUP_ASKED))
        beat = backup_runs.beat(Chore.BACKUP_ASKED)
        assert beat is not None
        assert beat.outcome == upkeep.TOO_LONG
    finally:
        thread.stop()


@pytest.mark.story
def test_the_real_child_backs_up_and_proves(office: Settings) -> None:
    settings = replace(office, backup=Backup(sticks=False))
    installation.open_(settings)
    thread = Upkeep(settings)
    thread.start()
    try:
        assert until(lambda: bool(backup_runs.latest()) and backup_runs.latest()[0].outcome is RunOutcome.WRITTEN)
        assert backup_runs.latest()[0].proven_at is not None
        assert backup_runs.latest()[0].why is Why.DAILY
    finally:
        thread.stop()
        database.close()
