"""Whatever is changed behind the portal's back is found and named: every column, row, stored file, and the chain."""

from __future__ import annotations

import json
import random
import re
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from commune_portal.documents.verification import tables, verify_installation
from commune_portal.rules import chain
from commune_portal.settings import Settings
from commune_portal.store import verify
from commune_portal.store.files import path_in
from commune_portal.store.register import REGISTER_TABLES
from commune_portal.store.verify import Verification
from tests.store import full
from tests.store.full import Full, forging

NODE_TABLES = ("members", "member_keys", "mailbox", "mirrors")
SEED = 20261122


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Full:
    return full.shared(tmp_path_factory)


@pytest.fixture
def office(made: Full, tmp_path: Path) -> Settings:
    return full.copied(made.office.settings, tmp_path / "office")


@pytest.fixture
def node(made: Full, tmp_path: Path) -> Settings:
    return full.copied(made.node, tmp_path / "node")


def check(settings: Settings, *, with_files: bool = False) -> Verification:
    return verify_installation(settings, with_files=with_files)


def named(settings: Settings, *, with_files: bool = False) -> str:
    """The first bad row; fails when nothing was found."""
    found = check(settings, with_files=with_files)
    assert not found.ok
    assert found.first_bad is not None
    return found.first_bad


def columns_of(connection: sqlite3.Connection, table: str) -> list[str]:
    return [row[1] for row in connection.execute(f"PRAGMA table_info({table})")]


def another(value: Any, column: str) -> Any:
    """Another plausible value of the same type."""
    if value is None:
        return 7 if column.endswith(("_id", "_by", "number", "year", "_type", "_follows")) else "2026-11-20T07:00:00Z"
    if isinstance(value, int):
        return value + 1000
    if re.fullmatch(r"\d{4}-\d\d-\d\d.*", value):
        return str(int(value[:4]) - 1) + value[4:]
    if re.fullmatch(r"[0-9a-f]{16,}", value):
        return ("1" if value[0] != "1" else "2") + value[1:]
    if value.startswith("{"):
        return re.sub(r'(": ?\[?")', r"\1khác ", value, count=1)
    return value[:-1] + ("ý" if not value.endswith("ý") else "y") if value else "thêm"


def changes(connection: sqlite3.Connection, table: str, key: str) -> Iterator[tuple[str, Any, Any]]:
    """Every column of the table's newest row with its value, and the row's key."""
    columns = columns_of(connection, table)
    row = connection.execute(f"SELECT {', '.join(columns)} FROM {table} ORDER BY {key} DESC LIMIT 1").fetchone()
    assert row is not None, f"the full register has no row of {table}"
    values = dict(zip(columns, row, strict=True))
    for column in columns:
        yield column, values[column], values[key]


def change_every_column(settings: Settings, table: str, key: str) -> list[tuple[str, str, Any]]:
    """Changes one column after the other and puts it back; answers column, what verify named, and the row's name."""
    seen = []
    with forging(settings) as connection:
        for column, value, row_key in list(changes(connection, table, key)):
            changed = another(value, column)
            assert changed != value
            connection.execute(f"UPDATE {table} SET {column} = ? WHERE {key} = ?", (changed, row_key))
            where_now = changed if column == key else row_key
            name = "uid" if key == "id" else key
            row_name = connection.execute(f"SELECT {name} FROM {table} WHERE {key} = ?", (where_now,)).fetchone()[0]
            seen.append((column, named(settings), value if column == name else row_name))
            connection.execute(f"UPDATE {table} SET {column} = ? WHERE {key} = ?", (value, where_now))
        assert check(settings).ok
    return seen


def test_the_full_register_is_sound_and_says_what_it_read(office: Settings, node: Settings) -> None:
    found = check(office, with_files=True)
    assert found.ok, found.faults
    assert found.lines > 50
    assert found.rows > 40
    assert found.files > 20
    assert found.receipts > 10
    assert check(node, with_files=True).ok


def test_every_table_of_the_schema_is_declared_and_none_falls_outside(office: Settings) -> None:
    declared = tables(office)
    assert set(declared["register"]) == {*REGISTER_TABLES, "journal", "journal_leaves", "journal_erasures"}
    assert not set(declared["register"]) & set(declared["working"])
    with forging(office) as connection:
        hashed = {
            row[0]
            for row in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")
            if "row_hash" in columns_of(connection, row[0])
        }
    assert hashed == set(REGISTER_TABLES)


@pytest.mark.parametrize("table", REGISTER_TABLES)
def test_a_change_of_any_column_of_a_register_row_is_named(office: Settings, node: Settings, table: str) -> None:
    settings = node if table in NODE_TABLES else office
    for column, first_bad, uid in change_every_column(settings, table, "id"):
        wanted = {f"{table}:{uid}"}
        if column == "uid":
            wanted = {f"{table}:{uid}", f"{table}:{another(uid, column)}"}
        assert first_bad in wanted, (table, column)


@pytest.mark.parametrize("table", ["journal", "journal_leaves"])
def test_a_change_of_any_column_of_the_evidence_is_named(office: Settings, table: str) -> None:
    for column, first_bad, seq in change_every_column(office, table, "seq"):
        assert first_bad == f"{table}:{seq}", (table, column)


def test_any_field_of_a_line_of_any_act_changed_is_named(office: Settings) -> None:
    with forging(office) as connection:
        for seq, body in connection.execute(
            "SELECT max(seq), body FROM journal GROUP BY json_extract(body, '$.act')"
        ).fetchall():
            for name, value in json.loads(body).items():
                fields = json.loads(body)
                fields[name] = value + 1 if isinstance(value, int) else ["khác"] if isinstance(value, list) else "khác"
                changed = chain.canonical_bytes(fields).decode()
                connection.execute("UPDATE journal SET body = ? WHERE seq = ?", (changed, seq))
                assert verify.verify(connection, None).first_bad == f"journal:{seq}", (seq, name)
            connection.execute("UPDATE journal SET body = ? WHERE seq = ?", (body, seq))
    assert check(office).ok


@pytest.mark.parametrize("table", [*REGISTER_TABLES, "journal", "journal_leaves"])
def test_a_removed_row_is_named(office: Settings, node: Settings, table: str) -> None:
    settings = node if table in NODE_TABLES else office
    key, name = ("seq", "seq") if table.startswith("journal") else ("id", "uid")
    with forging(settings) as connection:
        columns = columns_of(connection, table)
        rows = connection.execute(f"SELECT {', '.join(columns)} FROM {table} ORDER BY {key}").fetchall()
        for row in (rows[0], rows[len(rows) // 2], rows[-1]):
            values = dict(zip(columns, row, strict=True))
            connection.execute(f"DELETE FROM {table} WHERE {key} = ?", (values[key],))
            found = {fault.where for fault in check(settings).faults}
            assert f"{table}:{values[name]}" in found, (table, values[name])
            marks = ", ".join("?" for _ in columns)
            connection.execute(f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({marks})", row)
    assert check(settings).ok


@pytest.mark.parametrize("table", [*REGISTER_TABLES, "journal", "journal_leaves"])
def test_two_rows_that_changed_places_are_named(office: Settings, node: Settings, table: str) -> None:
    settings = node if table in NODE_TABLES else office
    key, name = ("seq", "seq") if table.startswith("journal") else ("id", "uid")
    with forging(settings) as connection:
        rows = connection.execute(f"SELECT {key}, {name} FROM {table} ORDER BY {key}").fetchall()
        if len(rows) < 2:
            assert table in {"installation", "mandates", "office_rules", "serials", "recipients", "statuses", "peers"}
            return
        (first, first_name), (second, second_name) = rows[0], rows[-1]
        for old, new in ((first, -1), (second, first), (-1, second)):
            connection.execute(f"UPDATE {table} SET {key} = ? WHERE {key} = ?", (new, old))
    assert named(settings) in {f"{table}:{first_name}", f"{table}:{second_name}"}


def test_a_row_that_no_act_made_is_named(office: Settings) -> None:
    with forging(office) as connection:
        columns = columns_of(connection, "units")
        row = dict(zip(columns, connection.execute("SELECT * FROM units").fetchone(), strict=True))
        row.update(id=90, uid="0" * 32, name="Phòng ma", abbreviation="MA")
        row["row_hash"] = chain.row_hash("units", columns, [row[name] for name in columns])
        connection.execute(f"INSERT INTO units VALUES ({', '.join('?' for _ in columns)})", list(row.values()))
        connection.execute("INSERT INTO journal_leaves VALUES (900, ?, '{}')", ("ab" * 16,))
    assert {f"units:{'0' * 32}", "journal_leaves:900"} <= {fault.where for fault in check(office).faults}


def test_a_leaf_erased_without_a_line_that_says_so_is_named(office: Settings) -> None:
    with forging(office) as connection:
        seq = connection.execute("SELECT max(seq) FROM journal_leaves").fetchone()[0]
        last = connection.execute("SELECT max(seq) FROM journal").fetchone()[0]
        connection.execute("DELETE FROM journal_leaves WHERE seq = ?", (seq,))
        connection.execute("INSERT INTO journal_erasures VALUES (?, ?)", (seq, last))
    found = {fault.where for fault in check(office).faults}
    assert {f"journal_erasures:{seq}", f"journal_leaves:{seq}"} <= found


def test_a_row_whose_hash_and_whose_journal_were_made_anew_is_found_by_what_the_node_signed(office: Settings) -> None:
    with forging(office) as connection:
        columns = columns_of(connection, "incoming")
        row = dict(zip(columns, connection.execute("SELECT * FROM incoming WHERE id = 1").fetchone(), strict=True))
        forged = {**row, "subject": "Trích yếu khác"}
        after = chain.row_hash("incoming", columns, [forged[name] for name in columns])
        connection.execute("UPDATE incoming SET subject = ?, row_hash = ? WHERE id = 1", (forged["subject"], after))
        head = chain.genesis(connection.execute("SELECT uid FROM installation").fetchone()[0])
        for seq, body in connection.execute("SELECT seq, body FROM journal ORDER BY seq").fetchall():
            body = body.replace(row["row_hash"], after)
            head = chain.link(head, body.encode())
            connection.execute("UPDATE journal SET body = ?, hash = ? WHERE seq = ?", (body, head, seq))
    reading = verify.open_for_reading(office.database_path)
    alone = verify.verify(reading, None)
    reading.close()
    assert alone.ok, "the forgery must be consistent in itself, or this proves nothing"
    assert named(office).startswith("journal:")
    with forging(office) as connection:
        connection.execute("DELETE FROM anchors")
    assert named(office).startswith("journal:"), "the receipts alone must be enough"


def test_a_journal_that_was_cut_off_behind_an_anchor_is_found(office: Settings) -> None:
    with forging(office) as connection:
        last = connection.execute("SELECT max(seq) FROM journal").fetchone()[0]
        connection.execute("DELETE FROM journal_leaves WHERE seq = ?", (last,))
        connection.execute("DELETE FROM journal WHERE seq = ?", (last,))
    assert f"journal:{last}" in {fault.where for fault in check(office).faults}


def test_a_changed_access_that_was_digested_is_found(office: Settings) -> None:
    with forging(office) as connection:
        connection.execute("UPDATE accesses SET kind = 'fetched'")
    assert named(office).startswith("accesses:")


def test_a_changed_line_of_a_mirror_is_found(node: Settings) -> None:
    with forging(node) as connection:
        connection.execute("UPDATE mirror_lines SET body = replace(body, 'system', 'ai đó') WHERE seq = 5")
    assert named(node).startswith("mirrors:")


def test_any_byte_of_any_stored_file_is_under_its_name(office: Settings, node: Settings) -> None:
    chance = random.Random(SEED)
    for settings in (office, node):
        referenced = {row[1] for row in referenced_files(settings)}
        for turn, sha256 in enumerate(list(verify.stored_files(settings.files_folder))):
            path = path_in(settings.files_folder, sha256)
            data = path.read_bytes()
            place = chance.randrange(len(data))
            flipped = bytearray(data)
            flipped[place] ^= 1 << chance.randrange(8)
            others = (data[:-1], data + b"\0", b"", None)
            for bad in (bytes(flipped), others[turn % len(others)]):
                path.unlink()
                if bad is not None:
                    path.write_bytes(bad)
                found = check(settings, with_files=True)
                assert not found.ok or (bad is None and sha256 not in referenced), (sha256, place)
                path.write_bytes(data)
        assert check(settings, with_files=True).ok


def test_a_stored_file_that_no_row_names_any_more_is_read_too(office: Settings) -> None:
    sha256 = chain.sha256(b"khong dong nao nhac toi")
    path = path_in(office.files_folder, sha256)
    path.parent.mkdir(parents=True)
    path.write_bytes(b"khong dong nao nhac toi")
    assert check(office, with_files=True).ok
    path.write_bytes(b"khong dong nao nhac toI")
    assert named(office, with_files=True) == f"files:{sha256}"


def referenced_files(settings: Settings) -> list[tuple[str, str]]:
    connection = verify.open_for_reading(settings.database_path)
    try:
        return list(verify.referenced_files(connection))
    finally:
        connection.close()


def test_a_file_name_that_is_no_hash_is_a_fault_and_no_crash(office: Settings) -> None:
    with forging(office) as connection:
        connection.execute("UPDATE attachments SET sha256 = ? WHERE id = 1", ("../" * 20 + "etc/passwd"[:4],))
    assert named(office, with_files=True).startswith("attachments:")
