"""What fills is told at seventy percent, at an office and at a node, and the disk long before its floor."""

from __future__ import annotations

import dataclasses
import shutil
import sqlite3
from collections import namedtuple
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pytest

from commune_portal import clock
from commune_portal.health import disk, limits, mending
from commune_portal.health.row import Level, Row
from commune_portal.settings import Backup, Limits, Settings
from tests.health.conftest import rows_of
from tests.store.full import forging

Usage = namedtuple("Usage", "total used free")
GIB = 1024**3


def row(settings: Settings, row_id: str) -> Row:
    return rows_of(settings, thorough=False)[row_id]


def test_a_queue_that_fills_is_told_at_seventy_percent(office: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    with forging(office) as connection:
        amount = connection.execute("UPDATE outbox SET state = 'ready'").rowcount
    assert amount
    for limit, level in ((amount * 2, Level.OK), (int(amount / 0.8), Level.WARN), (amount, Level.FAIL)):
        monkeypatch.setattr(limits, "OUTBOX_AT_MOST", limit)
        assert row(office, "limits").level is level, limit
    assert "Gói chờ gửi: 100%" in row(office, "limits").what
    assert "túi thư USB" in row(office, "limits").mend


def test_what_a_member_has_left_unfinished_is_told_at_the_node(node: Settings) -> None:
    with forging(node) as connection:
        member = connection.execute("SELECT min(id) FROM members").fetchone()[0]
        connection.execute(
            "INSERT INTO uploads (id, member_id, message_id, sha256, length, made_at, expires_at)"
            " VALUES ('u', ?, 'm', ?, 750, '2026-11-22T00:00:00Z', '2026-12-22T00:00:00Z')",
            (member, "ab" * 32),
        )
    tight = dataclasses.replace(node, limits=Limits(disk_floor_bytes=1, unfinished_bytes_per_member=1000))
    found = row(tight, "limits")
    assert (found.level, "75% (750/1000)" in found.what) == (Level.WARN, True)
    roomy = dataclasses.replace(node, limits=Limits(disk_floor_bytes=1, unfinished_bytes_per_member=2000))
    assert row(roomy, "limits").level is Level.OK


def test_a_disk_that_will_not_last_is_told_months_before(office: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    with forging(office) as connection:
        connection.execute(
            "UPDATE attachments SET bytes = 1000000000, added_at = ? WHERE id = 1",
            (clock.to_text(clock.now() - timedelta(days=2)),),
        )
    for free, level in ((4 * GIB, Level.WARN), (100 * GIB, Level.OK)):
        monkeypatch.setattr(shutil, "disk_usage", lambda _, free=free: Usage(50 * GIB, 0, free))
        assert row(office, "disk").level is level


def test_room_for_a_backup_is_told_for_each_place(
    office: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    office.backups_folder.mkdir(exist_ok=True)
    assert row(office, "backup-disk").level is Level.OK
    gone = dataclasses.replace(office, backup=Backup(folders=(str(tmp_path / "o-mang"),)))
    assert (row(gone, "backup-disk").level, "Không thấy" in row(gone, "backup-disk").what) == (Level.WARN, True)
    floor = office.limits.disk_floor_bytes
    for free, level in ((floor * 3, Level.OK), (int(floor * 1.5), Level.WARN), (floor // 2, Level.FAIL)):
        monkeypatch.setattr(shutil, "disk_usage", lambda _, free=free: Usage(50 * GIB, 0, free))
        assert row(office, "backup-disk").level is level


def test_logs_beyond_their_bound_are_told_and_cut(office: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    office.logs_folder.mkdir(exist_ok=True)
    (office.logs_folder / "portal.log").write_bytes(b"x" * 100)
    (office.logs_folder / "portal.log.9").write_bytes(b"x" * 100)
    (office.logs_folder / "console.log").write_bytes(b"x" * (1024 * 1024 + 1))
    assert row(office, "logs").level is Level.OK
    monkeypatch.setattr(disk, "LOGS_AT_MOST_BYTES", 1000)
    assert row(office, "logs").level is Level.WARN
    done = mending.mend(office)
    assert sorted(done) == ["Đã bỏ nhật ký cũ portal.log.9", "Đã xoay vòng console.log"]
    assert {path.name for path in office.logs_folder.iterdir()} == {"portal.log", "console.log.1"}


def test_missing_folders_are_made_again_but_never_a_register(office: Settings) -> None:
    shutil.rmtree(office.work_folder, ignore_errors=True)
    assert "Đã tạo lại thư mục work" in mending.mend(office)
    shutil.rmtree(office.data_folder)
    assert mending.mend(office) == []
    assert not office.data_folder.exists()


def test_mending_touches_no_row(office: Settings) -> None:
    def dump() -> list[str]:
        with closing(sqlite3.connect(office.database_path)) as connection:
            return list(connection.iterdump())

    before = dump()
    (office.work_folder / "cu.part").write_bytes(b"x")
    mending.mend(office)
    assert dump() == before


def test_missing_roots_are_said_and_not_invented(office: Settings) -> None:
    for path in office.trust_folder.glob("*.pem"):
        path.unlink()
    assert mending.still_to_do(office) == [mending.NO_ROOTS]
    assert mending.still_to_do(dataclasses.replace(office, role="node")) == []
