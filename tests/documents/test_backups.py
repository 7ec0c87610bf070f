"""Backing up as an act: what is due, what is noted, what a drill proves, and that a wrong clock ends nothing."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from commune_portal import clock
from commune_portal.documents import backups
from commune_portal.documents.backups import Place
from commune_portal.documents.verification import verify_installation
from commune_portal.errors import NotFound, StoreBusy
from commune_portal.people import recovery
from commune_portal.people.actors import PORTAL
from commune_portal.settings import Backup, Settings
from commune_portal.store import backup, backup_runs, database, drives, installation, sealing
from commune_portal.store.backup_runs import Chore, PlaceKind, RunOutcome, Why
from commune_portal.wire import keys
from tests.store.backed import made, mine_size, office
from tests.store.full import Full

__all__ = ["made", "office"]

NOON = datetime(2026, 11, 23, 12, 0, tzinfo=clock.VIETNAM)


@pytest.fixture
def stick(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A stick that is not plugged in yet: it is there when its folder is."""
    folder = tmp_path / "KINGSTON" / "sao-luu"
    monkeypatch.setattr(drives, "stick_folders", lambda _home: [folder] if folder.is_dir() else [])
    return folder


@pytest.fixture
def opened(office: Settings, stick: Path) -> Iterator[Settings]:
    del stick
    installation.open_(office)
    keys.use(keys.load(office.secrets_folder))
    yield office
    database.close()


def lines(act: str) -> list[dict[str, object]]:
    found = database.rows("SELECT body FROM journal WHERE json_extract(body, '$.act') = ? ORDER BY seq", (act,))
    return [json.loads(body)["facts"] for (body,) in found]


def back_up(settings: Settings, why: Why = Why.DAILY) -> list[backup.Outcome]:
    return backups.back_up(PORTAL, settings, why, backups.places(settings))


def test_a_backup_is_closed_for_the_paper_this_computer_and_the_node(opened: Settings, made: Full) -> None:
    paper = recovery.make(PORTAL)
    recovery.confirm(PORTAL, paper.confirm_group)
    (outcome,) = back_up(opened)
    assert outcome.backup is not None
    node = sealing.as_secret(made.node_keys.box.private_bytes_raw())
    own = sealing.as_secret(keys.load(opened.secrets_folder).box.private_bytes_raw())
    for secret in (paper.secret, node, own):
        assert backup.prove(outcome.backup.path, opened.work_folder / "thu", [secret]) == []
    assert len(backups.recipients(opened)) == 3
    stranger = sealing.new_secret()
    assert backup.prove(outcome.backup.path, opened.work_folder / "thu", [stranger])


def test_every_secret_of_the_installation_is_absent_from_an_opened_backup(opened: Settings) -> None:
    from commune_portal.people import sessions
    from tests import cast

    token = sessions.begin(1, "127.0.0.1")
    session_row = database.row("SELECT token_sha256 FROM sessions")[0]
    paper = recovery.make(PORTAL)
    recovery.confirm(PORTAL, paper.confirm_group)
    installation.session_secret(opened.secrets_folder)
    own = keys.load(opened.secrets_folder)
    wanted = {
        token.encode(), session_row.encode(), cast.PIN.encode() * 2, cast.PASSWORD.encode(), paper.secret.encode(),
        sealing.as_secret(own.box.private_bytes_raw()).encode(), own.box.private_bytes_raw(),
        own.signing.private_bytes_raw(), own.box.private_bytes_raw().hex().encode(),
    }  # fmt: skip
    public = {line for path in opened.trust_folder.glob("*.pem") for line in path.read_bytes().splitlines()}
    for path in opened.secrets_folder.rglob("*"):
        if path.is_file():
            data = path.read_bytes()
            wanted |= {data} if len(data) < 200 else set()
            wanted |= {line for line in data.splitlines() if len(line) > 40 and b"-----" not in line} - public
    (outcome,) = back_up(opened)
    assert outcome.backup is not None
    raw = outcome.backup.path.read_bytes()
    assert b"register.sqlite3" not in raw
    with backup.opened(outcome.backup.path, opened.work_folder, [paper.secret]) as plain:
        backup.unpack(plain, opened.work_folder / "thu")
        everything = (
            b"".join(path.read_bytes() for path in (opened.work_folder / "thu").rglob("*") if path.is_file())
            + plain.read_bytes()
        )
    assert len(wanted) > 12
    assert [item[:30] for item in wanted if item in everything and b"CERTIFICATE" not in item] == []
    assert b"journal" in everything, "else nothing was opened"


def test_without_a_recovery_key_the_backup_is_made_and_the_warning_stands(opened: Settings) -> None:
    assert backups.has_paper_key(opened)
    with database.transaction() as work:
        from commune_portal.rules.acts import Act
        from commune_portal.store import journal

        for (row_id,) in work.execute("SELECT id FROM recovery_keys WHERE retired_at IS NULL").fetchall():
            work.update("recovery_keys", row_id, {"retired_at": clock.now_text()})
        journal.write(work, Act.RECOVERY_KEY_SET, "system", about="recovery_keys:thu")
    assert not backups.has_paper_key(opened)
    (outcome,) = back_up(opened)
    assert outcome.backup is not None
    assert outcome.backup.is_sealed
    assert outcome.backup.is_proven


def test_a_backup_is_due_once_a_day_also_when_the_computer_was_off(opened: Settings) -> None:
    with clock.standing_at(NOON):
        assert [place.folder for place in backups.due(opened)] == [opened.backups_folder]
        back_up(opened)
        assert backups.due(opened) == []
    with clock.standing_at(NOON + timedelta(hours=20)):  # the next morning, before the set time
        assert backups.due(opened) == []
    with clock.standing_at(NOON + timedelta(hours=23, minutes=40)):
        assert len(backups.due(opened)) == 1
    with clock.standing_at(NOON + timedelta(days=3, hours=-4)):  # two days off: soon after the start
        assert len(backups.due(opened)) == 1


def test_a_stick_that_comes_later_in_the_day_gets_its_own_and_two_sticks_are_not_one(
    opened: Settings, stick: Path
) -> None:
    with clock.standing_at(NOON):
        back_up(opened)
        stick.mkdir(parents=True)
        assert backups.due(opened) == [Place(PlaceKind.STICK, stick)]
        backups.back_up(PORTAL, opened, Why.DAILY, backups.due(opened))
        assert backups.due(opened) == []
        stick.rename(stick.with_name("sao-luu-cua-usb-khac"))
        assert backups.due(opened) == []
        stick.mkdir()
        assert [place.folder for place in backups.due(opened)] == [stick]


def test_a_place_that_failed_is_left_in_peace_for_half_an_hour(opened: Settings, stick: Path) -> None:
    stick.parent.mkdir(parents=True)
    stick.write_bytes(b"")
    wanted = [Place(PlaceKind.FOLDER, opened.backups_folder), Place(PlaceKind.STICK, stick / "x")]
    settings = dataclasses.replace(opened, backup=Backup(folders=(str(stick / "x"),)))
    with clock.standing_at(NOON):
        outcomes = backups.back_up(PORTAL, opened, Why.DAILY, wanted)
        assert [item.error is None for item in outcomes] == [True, False]
        assert backups.due(settings) == []
        state = {item.place.folder: item for item in backups.standing(settings)}[stick / "x"]
        assert state.failure is not None
        assert "Không" in state.failure.error
    with clock.standing_at(NOON + timedelta(minutes=31)):
        assert [place.folder for place in backups.due(settings)] == [stick / "x"]


def test_a_clock_that_was_years_ahead_and_was_set_back_ends_neither_backups_nor_drills(opened: Settings) -> None:
    with clock.standing_at(NOON + timedelta(days=3650)):
        back_up(opened)
        backups.drill(PORTAL, opened, backups.places(opened))
    with clock.standing_at(NOON):
        assert len(backups.due(opened)) == 1
        (outcome,) = back_up(opened)
        assert outcome.backup is not None
        assert outcome.backup.path.exists()
        assert backups.due(opened) == []
        assert backup_runs.last_written() is not None
        proven_at = backup_runs.last_proven_at()
        assert proven_at is not None
        assert proven_at <= NOON


def test_every_row_and_line_of_a_backup_says_what_came_of_it(opened: Settings, stick: Path) -> None:
    stick.mkdir(parents=True)
    before = mine_size()
    outcomes = back_up(opened)
    assert mine_size() == before + 1, "one act, whatever the number of places"
    runs = backup_runs.latest()
    assert {run.place for run in runs} == {PlaceKind.FOLDER, PlaceKind.STICK}
    assert all(run.outcome is RunOutcome.WRITTEN and run.encrypted and run.proven_at for run in runs)
    assert {run.path for run in runs} == {item.backup.path for item in outcomes if item.backup}
    (facts,) = lines("backed-up")[-1:]
    assert (facts["proven"], facts["sealed"], facts["sha256"]) == (1, 1, runs[0].sha256)
    assert backup_runs.running() == []
    beat = backup_runs.beat(Chore.BACKUP)
    assert beat is not None
    assert (beat.ended_at is not None, beat.outcome) == (True, "")
    found = backups.newest_to_carry()
    assert found is not None
    assert found.path.parent == opened.backups_folder
    database.close()
    assert verify_installation(opened).ok


def test_a_drill_reads_the_stored_file_and_journals_the_proof(opened: Settings, stick: Path) -> None:
    with pytest.raises(NotFound, match="Hãy sao lưu trước"):
        backups.drill(PORTAL, opened, backups.places(opened))
    stick.mkdir(parents=True)
    back_up(opened)
    done = backups.drill(PORTAL, opened, backups.places(opened))
    assert [item.faults for item in done] == [(), ()]
    assert [facts["proven"] for facts in lines("backup.proven")] == [1, 1]
    path = done[1].path
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)
    (bad,) = backups.drill(PORTAL, opened, [Place(PlaceKind.STICK, stick)])
    assert bad.faults
    assert lines("backup.proven")[-1]["proven"] == 0
    (run,) = backup_runs.written_in(stick)
    assert (run.proven_at, bool(run.error)) == (None, True)
    assert not list(opened.work_folder.glob("backup-*"))


def test_a_drill_is_due_after_its_days_and_not_again_the_same_day(opened: Settings, stick: Path) -> None:
    with clock.standing_at(NOON):
        assert backups.drills_due(opened) == []
        back_up(opened)
        assert backups.drills_due(opened) == []
    later = NOON + timedelta(days=31)
    with clock.standing_at(later):
        (place,) = backups.drills_due(opened)
        backups.drill(PORTAL, opened, [place])
        assert backups.drills_due(opened) == []
        stick.mkdir(parents=True)
        (stick / f"saoluu-{installation.own().code}-20200101-113000.zip.age").write_bytes(b"hong")
        assert backups.drills_due(opened) == [], "one drill a day by itself"
    with clock.standing_at(later + timedelta(days=1)):
        assert [item.folder for item in backups.drills_due(opened)] == [stick]


def test_what_was_cut_off_is_told_at_the_next_backup(opened: Settings) -> None:
    backup_runs.begin(Why.DAILY, PlaceKind.FOLDER, opened.backups_folder)
    backup_runs.chore_began(Chore.BACKUP)
    back_up(opened)
    told = [(run.outcome, run.error) for run in backup_runs.latest()]
    assert told == [(RunOutcome.WRITTEN, ""), (RunOutcome.FAILED, backup_runs.INTERRUPTED)]


def test_a_second_backup_at_the_same_time_is_refused_and_disturbs_nothing(opened: Settings) -> None:
    row = backup_runs.begin(Why.DAILY, PlaceKind.FOLDER, opened.backups_folder)
    with backup.scratch(opened), pytest.raises(StoreBusy):
        back_up(opened)
    assert [run.id for run in backup_runs.running()] == [row]


@pytest.mark.parametrize("later_seconds", [0, 5])
def test_a_backup_file_that_somebody_took_away_is_gone_from_the_rows(opened: Settings, later_seconds: int) -> None:
    with clock.standing_at(NOON):
        (first,) = back_up(opened)
    assert first.backup is not None
    first.backup.path.unlink()
    with clock.standing_at(NOON + timedelta(seconds=later_seconds)):
        back_up(opened)
    assert [run.outcome for run in backup_runs.latest()] == [RunOutcome.WRITTEN, RunOutcome.GONE]
