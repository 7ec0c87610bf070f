"""A ruined register is a fault and never a crash, and reading it changes nothing, wherever it lies."""

from __future__ import annotations

import dataclasses
import random
import shutil
import sqlite3
from pathlib import Path
from typing import Any

import pytest

from commune_portal.documents.verification import tables, verify_installation
from commune_portal.settings import Settings
from commune_portal.store import verify
from commune_portal.store.register import REGISTER_TABLES
from commune_portal.store.verify import Verification
from tests.store import full
from tests.store.full import Full, forging

SEED = 20261122


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Full:
    return full.shared(tmp_path_factory)


@pytest.fixture
def office(made: Full, tmp_path: Path) -> Settings:
    return full.copied(made.office.settings, tmp_path / "office")


def check(settings: Settings, *, with_files: bool = False) -> Verification:
    return verify_installation(settings, with_files=with_files)


def dump(settings: Settings) -> list[Any]:
    """What a register says: every row of every register table and of the evidence."""
    connection = verify.open_for_reading(settings.database_path)
    try:
        return [connection.execute(f"SELECT * FROM {table} ORDER BY 1").fetchall() for table in
                (*REGISTER_TABLES, "journal", "journal_leaves")]  # fmt: skip
    finally:
        connection.close()


def test_flipped_bits_in_the_database_are_found_or_harmless_and_never_a_crash(office: Settings) -> None:
    chance = random.Random(SEED)
    path = office.database_path
    sound, rows = path.read_bytes(), dump(office)
    page = int.from_bytes(sound[16:18], "big")
    places = [start + chance.randrange(page) for start in range(0, len(sound), page * 2)]
    places += [chance.randrange(100) for _ in range(20)] + [chance.randrange(len(sound)) for _ in range(40)]
    unharmed = 0
    for place in places:
        damaged = bytearray(sound)
        damaged[place] ^= 1 << chance.randrange(8)
        path.write_bytes(damaged)
        if check(office).ok:
            assert dump(office) == rows, place
            unharmed += 1
    assert unharmed < len(places)


@pytest.mark.parametrize("damage", ["empty", "cut", "page cut", "junk", "zeros", "text", "missing", "folder"])
def test_a_ruined_database_is_a_fault_and_no_crash(office: Settings, damage: str) -> None:
    path = office.database_path
    data = path.read_bytes()
    path.unlink()
    chance = random.Random(SEED)
    ruined = {
        "empty": b"",
        "cut": data[: len(data) // 2 + 77],
        "page cut": data[:8192],
        "junk": chance.randbytes(len(data)),
        "zeros": bytes(len(data)),
        "text": b"day khong phai la co so du lieu\n" * 9,
    }
    if damage in ruined:
        path.write_bytes(ruined[damage])
    elif damage == "folder":
        path.mkdir()
    assert not check(office, with_files=True).ok
    assert set(tables(office)) == {"register", "working"}


@pytest.mark.parametrize("table", [*REGISTER_TABLES, "journal", "journal_leaves", "journal_erasures"])
def test_a_dropped_or_mutilated_table_is_a_fault_and_no_crash(office: Settings, table: str) -> None:
    with forging(office) as connection:
        key = "seq" if table.startswith("journal") else "uid"
        connection.execute("PRAGMA legacy_alter_table = on")
        connection.execute(f"ALTER TABLE {table} RENAME COLUMN {key} TO other")
    assert not check(office).ok
    with forging(office) as connection:
        connection.execute(f"DROP TABLE {table}")
    assert not check(office).ok


@pytest.mark.parametrize("junk", [b"\xff\xfe\x00", 5, 2.5, "{" * 100_000, "[" * 100_000, "null", '{"seq":1}', "\ud800"])
def test_anything_at_all_in_any_place_is_a_fault_and_no_crash(office: Settings, junk: Any) -> None:
    value = junk.encode("utf-8", "surrogatepass") if isinstance(junk, str) else junk
    with forging(office) as connection:
        connection.execute("PRAGMA writable_schema = on")
        connection.execute("UPDATE sqlite_master SET sql = replace(sql, 'STRICT', '') WHERE type = 'table'")
        connection.execute("UPDATE sqlite_master SET sql = replace(sql, 'json_extract(body, ''$.object'')', 'hash')")
        connection.execute("DROP INDEX journal_by_object")
        connection.execute("PRAGMA writable_schema = reset")
    places = [("journal", "body", "seq"), ("journal_leaves", "leaf", "seq"), ("journal_leaves", "salt", "seq"),
              ("receipts", "bytes", "id"), ("receipts", "sender_size", "id"), ("peers", "public_key", "id"),
              ("anchors", "note", "size"), ("installation", "uid", "id"), ("attachments", "sha256", "id"),
              ("books", "last_number", "id"), ("incoming", "subject", "id")]  # fmt: skip
    backup = office.database_path.read_bytes()
    for table, column, key in places:
        with forging(office) as connection:
            as_text = "CAST(? AS TEXT)" if isinstance(junk, str) else "?"
            connection.execute(
                f"UPDATE {table} SET {column} = {as_text} WHERE {key} = (SELECT max({key}) FROM {table})", (value,)
            )
        assert not check(office, with_files=True).ok, (table, column)
        for suffix in ("-wal", "-shm"):
            office.database_path.with_name(office.database_path.name + suffix).unlink(missing_ok=True)
        office.database_path.write_bytes(backup)


def test_reading_again_leaves_a_copied_folder_byte_for_byte_as_it_is(office: Settings) -> None:
    def contents() -> dict[Path, bytes]:
        return {path: path.read_bytes() for path in sorted(office.folder.rglob("*")) if path.is_file()}

    before = contents()
    assert check(office, with_files=True).ok
    assert contents() == before


def test_a_copy_made_while_the_portal_ran_is_read_with_its_log_also_where_nothing_can_be_written(
    made: Full, office: Settings, tmp_path: Path
) -> None:
    writer = sqlite3.connect(office.database_path, isolation_level=None)
    writer.execute("PRAGMA wal_autocheckpoint = 0")
    writer.execute("INSERT INTO nonces VALUES ('moi', '2026-11-22T00:00:00Z')")
    copied = dataclasses.replace(office, folder=tmp_path / "running")
    shutil.copytree(office.folder, copied.folder)
    writer.close()
    wal = copied.database_path.with_name(copied.database_path.name + "-wal")
    copied.database_path.with_name(copied.database_path.name + "-shm").unlink()
    assert wal.stat().st_size > 0
    copied.database_path.with_name(copied.database_path.name + "-shm").mkdir()  # SQLite cannot make its index here
    reading = verify.open_for_reading(copied.database_path)
    assert reading.execute("SELECT nonce FROM nonces").fetchall() == [("moi",)]
    reading.close()
    assert check(copied, with_files=True).ok
