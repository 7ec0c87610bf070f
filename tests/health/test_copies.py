"""Backups that ran by themselves, the key on paper, and what a restore has left to settle."""

from __future__ import annotations

import dataclasses
from datetime import timedelta
from pathlib import Path

from commune_portal import clock
from commune_portal.health.row import Level, Row
from commune_portal.settings import Backup, Settings
from tests.health.conftest import rows_of
from tests.store.full import forging


def rows(settings: Settings) -> dict[str, Row]:
    return rows_of(settings, thorough=False)


def run(
    settings: Settings, *, days: float, place: str = "folder", outcome: str = "written", proven: bool = False
) -> None:
    at = clock.to_text(clock.now() - timedelta(days=days))
    with forging(settings) as connection:
        connection.execute(
            "INSERT INTO backup_runs (began_at, ended_at, why, place, path, outcome, proven_at, error)"
            " VALUES (?, ?, 'daily', ?, 'x', ?, ?, ?)",
            (at, at, place, outcome, at if proven else None, "USB đầy." if outcome == "failed" else ""),
        )


def emptied(settings: Settings) -> Settings:
    with forging(settings) as connection:
        connection.execute("DELETE FROM backup_runs")
    return settings


def test_runs_count_though_no_person_asked_for_them(office: Settings) -> None:
    settings = emptied(office)
    assert rows(settings)["backup"].what == "Chưa sao lưu lần nào"
    run(settings, days=0.5, proven=True)
    assert (rows(settings)["backup"].level, rows(settings)["backup-proven"].level) == (Level.OK, Level.OK)
    off = dataclasses.replace(settings, backup=Backup(enabled=False))
    assert (rows(off)["backup"].level, "đang tắt" in rows(off)["backup"].what) == (Level.WARN, True)


def test_a_run_that_failed_since_is_told_with_its_reason(office: Settings) -> None:
    settings = emptied(office)
    run(settings, days=1)
    run(settings, days=0.1, outcome="failed")
    row = rows(settings)["backup"]
    assert (row.level, "USB đầy." in row.mend) == (Level.WARN, True)


def test_a_stick_that_stays_away_is_told_where_sticks_are_used(office: Settings) -> None:
    settings = emptied(office)
    assert "backup-stick" not in rows(settings)
    run(settings, days=3, place="stick")
    assert rows(settings)["backup-stick"].level is Level.OK
    with forging(settings) as connection:
        connection.execute("UPDATE backup_runs SET ended_at = ?", (clock.to_text(clock.now() - timedelta(days=9)),))
    assert rows(settings)["backup-stick"].level is Level.WARN
    without = dataclasses.replace(settings, backup=Backup(sticks=False))
    assert "backup-stick" not in rows(without)


def test_the_key_on_paper_is_told_in_its_three_states(office: Settings) -> None:
    assert rows(office)["recovery-key"].level is Level.OK
    for statement, word in (
        ("UPDATE recovery_keys SET confirmed_at = NULL", "chưa xác nhận"),
        ("UPDATE recovery_keys SET retired_at = '2026-11-22T00:00:00Z'", "Chưa có khóa"),
    ):
        with forging(office) as connection:
            connection.execute(statement)
        row = rows(office)["recovery-key"]
        assert (row.level, word in row.what) == (Level.WARN, True)


def test_numbers_that_wait_after_a_restore_stop_everything_and_say_so(office: Settings) -> None:
    assert "restoration" not in rows(office)
    with forging(office) as connection:
        connection.execute("UPDATE restorations SET confirmed_at = NULL")
    found = rows(office)
    assert (found["restoration"].level, found["relay"].level) == (Level.FAIL, Level.WARN)
    assert "Đối chiếu" in found["restoration"].mend
    assert "tạm ngừng" in found["relay"].what


def test_a_register_of_an_earlier_release_is_examined_too(office: Settings, tmp_path: Path) -> None:
    with forging(office) as connection:
        for table in ("backup_runs", "recovery_keys", "restorations"):
            connection.execute(f"DROP TABLE {table}")
    found = rows(office)
    assert found["backup"].level is Level.WARN
    assert not {"recovery-key", "restoration", "backup-stick"} & set(found)
