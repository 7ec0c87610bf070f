"""Each row of the examination: what is sound, what is not, and that the examination itself never fails."""

from __future__ import annotations

import dataclasses
import os
import shutil
import sqlite3
import zoneinfo
from collections import namedtuple
from datetime import timedelta
from pathlib import Path

import pytest

from commune_portal import clock
from commune_portal.documents import restoration
from commune_portal.health import examination, hours, system
from commune_portal.health.row import Level, Row
from commune_portal.people.actors import PORTAL
from commune_portal.settings import Fonts, Limits, Relay, Settings, Token
from commune_portal.signing import workshop
from commune_portal.signing.keys import CertificateInfo, TokenInfo
from commune_portal.store import backup, database, files, installation, migrate, verify
from tests.health.conftest import rows_of
from tests.store.full import forging

OK, WARN, FAIL = Level.OK, Level.WARN, Level.FAIL


def level(settings: Settings, row_id: str, *, thorough: bool = True) -> Level:
    return rows_of(settings, thorough=thorough)[row_id].level


def with_backup(settings: Settings, folder: Path, at: str) -> None:
    with clock.standing_at(clock.from_text(at)):
        made = backup.make(settings, folder)
        installation.open_(settings)
        restoration.backed_up(PORTAL, made)
        database.close()


@pytest.mark.parametrize("thorough", [True, False])
def test_a_sound_office_has_nothing_broken_and_every_row_says_why(office: Settings, thorough: bool) -> None:
    rows = rows_of(office, thorough=thorough)
    assert [row for row in rows.values() if row.level is FAIL] == []
    assert {name for name, row in rows.items() if row.level is WARN} == {"backup", "backup-proven", "token", "network"}
    assert {
        "backup-disk", "logs", "network", "limits", "recovery-key",
        "release", "system", "time-zone", "database", "schema", "guards", "owner", "chain", "files", "disk",
        "leftovers", "data-rights", "secrets-rights", "clock", "backup", "backup-proven", "token", "node", "outbox",
        "relay", "fonts",
    } == set(rows)  # fmt: skip
    for row in rows.values():
        assert row.why
        assert row.what
        assert (row.level is OK) or row.mend


def test_a_node_has_no_token_and_no_outbox(node: Settings) -> None:
    rows = rows_of(node)
    assert not {"token", "outbox", "relay", "node"} & set(rows)
    assert rows["chain"].level is OK
    assert rows["owner"].level is WARN
    assert "Không thấy khóa" in rows["owner"].what


def test_the_examination_writes_nothing(office: Settings) -> None:
    before = {path: path.read_bytes() for path in office.folder.rglob("*") if path.is_file()}
    examination.examine(office)
    assert {path: path.read_bytes() for path in office.folder.rglob("*") if path.is_file()} == before


@pytest.mark.parametrize("ruin", ["missing", "junk", "cut", "empty", "folder gone", "no journal"])
def test_the_examination_never_fails_itself(office: Settings, ruin: str) -> None:
    path = office.database_path
    if ruin == "missing":
        path.unlink()
    elif ruin == "junk":
        path.write_bytes(b"rac" * 4000)
    elif ruin == "cut":
        path.write_bytes(path.read_bytes()[:20000])
    elif ruin == "empty":
        path.write_bytes(b"")
    elif ruin == "folder gone":
        shutil.rmtree(office.data_folder)
    else:
        with forging(office) as connection:
            connection.execute("DROP TABLE journal")
    for thorough in (True, False):
        rows = examination.examine(office, thorough=thorough)
        assert examination.worst(rows) is FAIL
        assert all(row.mend for row in rows if row.level is not OK)


def test_a_changed_row_is_found_by_the_thorough_one_and_the_last_lines_by_the_quick_one(office: Settings) -> None:
    with forging(office) as connection:
        connection.execute("UPDATE incoming SET subject = 'khác' WHERE id = 1")
    assert level(office, "chain") is FAIL
    assert level(office, "chain", thorough=False) is OK
    with forging(office) as connection:
        connection.execute(
            "UPDATE journal SET body = replace(body, '2026', '2025') WHERE seq = (SELECT max(seq) - 3 FROM journal)"
        )
    assert level(office, "chain", thorough=False) is FAIL


@pytest.mark.parametrize("thorough", [True, False])
def test_a_changed_file_is_found(office: Settings, thorough: bool) -> None:
    for sha256 in verify.stored_files(office.files_folder):
        files.path_in(office.files_folder, sha256).write_bytes(b"khac")
    assert level(office, "files", thorough=thorough) is FAIL


def test_dropped_guards_another_schema_and_another_program_are_found(office: Settings) -> None:
    with forging(office) as connection:
        pass
    assert level(office, "guards") is FAIL
    for version, words in ((99, "mới hơn"), (0, "migrate")):
        with forging(office) as connection:
            connection.execute(f"PRAGMA user_version = {version}")
        row = rows_of(office)["schema"]
        assert row.level is FAIL
        assert words in row.what + row.mend
    with forging(office) as connection:
        connection.execute("PRAGMA application_id = 7")
    assert level(office, "database") is FAIL


def test_a_broken_page_and_another_journal_mode_are_found(office: Settings) -> None:
    with forging(office) as connection:
        connection.execute("PRAGMA journal_mode = delete")
    assert level(office, "database") is WARN
    data = bytearray(office.database_path.read_bytes())
    page = int.from_bytes(data[16:18], "big")
    for start in range(page * 3, len(data), page * 4):
        data[start : start + 40] = b"\xff" * 40
    office.database_path.write_bytes(data)
    assert level(office, "database") is FAIL


def test_a_copy_and_another_role_are_told(office: Settings) -> None:
    assert level(office, "owner") is OK
    with forging(office) as connection:
        connection.execute("UPDATE installation SET public_key = ?", ("ab" * 32,))
    assert level(office, "owner") is WARN
    assert level(dataclasses.replace(office, role="node"), "owner") is FAIL


def test_rights_of_others_are_found_and_taken_away(office: Settings) -> None:
    office.data_folder.chmod(0o755)
    (office.secrets_folder / "installation.pem").chmod(0o644)
    assert (level(office, "data-rights"), level(office, "secrets-rights")) == (WARN, FAIL)
    assert len(examination.fix(office)) == 2
    assert (level(office, "data-rights"), level(office, "secrets-rights")) == (OK, OK)
    assert examination.fix(office) == []


def test_old_leftovers_are_found_and_removed_and_fresh_ones_stay(office: Settings) -> None:
    office.work_folder.mkdir(exist_ok=True)
    old, fresh, folder = (office.work_folder / name for name in ("cu.part", "moi.part", "backup-cu"))
    upload = office.work_folder / "upload-dang-do"
    for path in (old, fresh, upload):
        path.write_bytes(b"x")
    folder.mkdir()
    two_days_ago = clock.now().timestamp() - 2 * 86400
    for path in (old, folder, upload):
        os.utime(path, (two_days_ago, two_days_ago))
    assert level(office, "leftovers") is WARN
    assert len(examination.fix(office)) == 2
    assert level(office, "leftovers") is OK
    assert (old.exists(), folder.exists(), fresh.exists(), upload.exists()) == (False, False, True, True)


def test_a_disk_that_fills_is_told_before_it_is_full(office: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    usage = namedtuple("usage", "total used free")
    floor = Limits().disk_floor_bytes
    for free, wanted in ((floor * 100, OK), (floor * 2, WARN), (floor // 2, FAIL)):
        monkeypatch.setattr(shutil, "disk_usage", lambda _, free=free: usage(floor * 200, 0, free))
        assert level(office, "disk", thorough=False) is wanted


def test_a_folder_that_cannot_be_written_is_told(office: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files, "can_write", lambda _: False)
    assert level(office, "disk", thorough=False) is FAIL


def test_a_clock_that_ran_back_or_is_impossible_or_differs_from_the_node_is_told(office: Settings) -> None:
    for moved in (timedelta(hours=-1), timedelta(days=365 * 30), timedelta(days=-365 * 30)):
        with clock.standing_at(clock.now() + moved):
            assert level(office, "clock", thorough=False) is FAIL
    for seconds, wanted in ((30, OK), (-90, WARN), (4000, FAIL)):
        with forging(office) as connection:
            connection.execute(
                "UPDATE contacts SET skew_seconds = ?, last_contact_at = '2026-11-22T00:00:00Z'", (seconds,)
            )
        row = rows_of(office)["clock"]
        assert row.level is wanted
        assert row.why == hours.WHY


def test_an_old_backup_is_told(office: Settings, tmp_path: Path) -> None:
    now = clock.now()
    with_backup(office, tmp_path / "usb", clock.to_text(now))
    assert (level(office, "backup"), level(office, "backup-proven")) == (OK, OK)
    for days, newest, proven in ((1, OK, OK), (3, WARN, OK), (20, FAIL, OK), (40, FAIL, WARN)):
        with clock.standing_at(now + timedelta(days=days)):
            rows = rows_of(office, thorough=False)
            assert (rows["backup"].level, rows["backup-proven"].level) == (newest, proven), days


def test_the_queue_the_node_and_the_relay_are_told(office: Settings) -> None:
    now = clock.now()
    for days, wanted in ((0.5, OK), (2, WARN), (9, FAIL)):
        queued = clock.to_text(now - timedelta(days=days))
        with forging(office) as connection:
            connection.execute("UPDATE outbox SET state = 'ready', queued_at = ?", (queued,))
        assert level(office, "outbox", thorough=False) is wanted
    for minutes, wanted in ((1, OK), (30, WARN)):
        with forging(office) as connection:
            connection.execute(
                "UPDATE contacts SET heartbeat_at = ?", (clock.to_text(now - timedelta(minutes=minutes)),)
            )
        assert level(office, "relay", thorough=False) is wanted
    assert level(dataclasses.replace(office, relay=Relay(enabled=False)), "relay") is WARN
    with forging(office) as connection:
        connection.execute("UPDATE peers SET enrolled_at = NULL")
    assert level(office, "node", thorough=False) is WARN
    with forging(office) as connection:
        connection.execute("DELETE FROM peers")
    assert level(office, "node", thorough=False) is WARN


def a_token(days_left: float, **flags: bool) -> TokenInfo:
    certificate = CertificateInfo(
        sha256="ab" * 32, subject="CN=UBND xã An Phú", common_name="UBND xã An Phú", organisation="", issuer="CN=Gốc",
        serial="1", not_before=clock.now() - timedelta(days=400), not_after=clock.now() + timedelta(days=days_left),
        key_type="rsa-2048",
    )  # fmt: skip
    quiet = {"pin_low": False, "pin_final": False, "pin_locked": False}
    return TokenInfo(
        serial="1", label="Thiết bị thử", manufacturer="", model="", certificates=(certificate,), **{**quiet, **flags}
    )


class Shelf(workshop.InProcess):
    """A workshop whose tokens are given."""

    def __init__(self, settings: Settings, *tokens: TokenInfo) -> None:
        super().__init__(settings)
        self.tokens = tokens

    def list_tokens(self) -> tuple[TokenInfo, ...]:
        return self.tokens


def token_rows(office: Settings, *tokens: TokenInfo) -> dict[str, Row]:
    settings = dataclasses.replace(office, token=Token(module="/opt/driver.so"))
    rows = examination.examine(settings, bench=Shelf(settings, *tokens))
    return {row.id: row for row in rows if row.id in ("token", "certificates")}


def test_certificates_that_end_are_told_in_time(office: Settings) -> None:
    for days, wanted in ((300, OK), (20, WARN), (-1, FAIL)):
        assert token_rows(office, a_token(days))["certificates"].level is wanted
    assert token_rows(office, a_token(300))["token"].level is OK
    assert token_rows(office, a_token(300, pin_locked=True))["token"].level is FAIL
    assert token_rows(office, a_token(300, pin_low=True))["token"].level is WARN
    assert [(name, row.level) for name, row in token_rows(office).items()] == [("token", WARN)]


def test_a_driver_that_does_not_load_is_told(office: Settings, tmp_path: Path) -> None:
    driver = tmp_path / "driver.so"
    driver.write_bytes(b"khong phai thu vien")
    settings = dataclasses.replace(office, token=Token(module=str(driver), timeout_seconds=20))
    row = rows_of(settings)["token"]
    assert (row.level, bool(row.mend)) == (FAIL, True)


def test_a_trial_key_and_no_key_at_all_warn(office: Settings) -> None:
    assert "THỬ NGHIỆM" in rows_of(office, thorough=False)["token"].what
    assert "Chưa cấu hình" in rows_of(dataclasses.replace(office, token=Token()), thorough=False)["token"].what


def test_fonts_without_our_letters_are_told(office: Settings, tmp_path: Path) -> None:
    assert level(dataclasses.replace(office, fonts=Fonts(folder=str(tmp_path))), "fonts") is WARN


def test_missing_time_zones_and_an_old_sqlite_are_told(office: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(system, "ZONES", ("Asia/Ho_Chi_Minh", "Sao/Hoa"))
    monkeypatch.setattr(sqlite3, "sqlite_version_info", (3, 30, 0))
    rows = rows_of(office, thorough=False)
    assert (rows["time-zone"].level, rows["system"].level) == (FAIL, FAIL)
    assert zoneinfo.ZoneInfo("Asia/Ho_Chi_Minh")


def test_the_structure_that_the_migrations_make_is_the_one_that_is_compared(tmp_path: Path) -> None:
    path = tmp_path / "register.sqlite3"
    migrate.migrate(path)
    with sqlite3.connect(path) as connection:
        names = {row[0] for row in connection.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'")}
    assert len(names) > 20


def test_data_that_were_put_aside_are_told_and_warned_of_where_they_take_a_share_of_the_disk(
    office: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    for folder in (
        office.data_folder.with_name("data.truoc-20261101T000000Z"),
        office.folder / "put-aside" / "0000aaaa",
    ):
        folder.mkdir(parents=True)
        (folder / "register.sqlite3").write_bytes(bytes(1_000_000))
    assert level(office, "put-aside") is OK
    room = shutil.disk_usage(office.folder)._replace(free=7_000_000)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: room)
    assert level(office, "put-aside") is WARN
    assert "put-aside/0000aaaa" in rows_of(office)["put-aside"].what.replace("\\", "/")
    assert examination.fix(office) == []


def test_a_backup_that_was_coming_in_when_the_power_went_is_a_leftover(office: Settings) -> None:
    path = office.folder / "nhan-0123456789ab.zip"
    path.write_bytes(b"all of an office, closed for nobody")
    two_days_ago = clock.now().timestamp() - 2 * 86400
    os.utime(path, (two_days_ago, two_days_ago))
    assert level(office, "leftovers") is WARN
    examination.fix(office)
    assert not path.exists()
