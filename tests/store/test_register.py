"""Register rows, their hashes, the journal beside them, and the re-reading of it all."""

from __future__ import annotations

import sqlite3
import threading

import pytest

from commune_portal.errors import RuleBroken, StoreDamaged
from commune_portal.rules import chain
from commune_portal.rules.acts import Act
from commune_portal.settings import Settings
from commune_portal.store import database, journal, verify
from commune_portal.store.register import REGISTER_TABLES, Row


def add_unit(name: str) -> Row:
    with database.transaction() as work:
        row = work.insert("units", {"name": name, "abbreviation": name[:3].upper() + str(len(name))})
        journal.write(work, Act.UNIT_SET, "system", about=f"units:{row.uid}", texts={"value": name})
    return row


def check(settings: Settings) -> verify.Verification:
    connection = verify.open_for_reading(settings.database_path)
    try:
        return verify.verify(connection, settings.files_folder)
    finally:
        connection.close()


def tamper(settings: Settings, *statements: str) -> None:
    """Edits behind the portal's back, triggers removed first as a forger would."""
    connection = sqlite3.connect(settings.database_path, isolation_level=None)
    for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall():
        connection.execute(f"DROP TRIGGER {name}")
    for statement in statements:
        connection.execute(statement)
    connection.close()


def test_a_sound_register_verifies(register: Settings) -> None:
    add_unit("Văn phòng")
    found = check(register)
    assert found.ok, found.faults
    assert found.lines == 2
    assert found.rows == 2


def test_a_row_without_a_journal_line_is_not_committed(register: Settings) -> None:
    with pytest.raises(RuntimeError), database.transaction() as work:
        work.insert("units", {"name": "Lặng lẽ", "abbreviation": "LL"})
    assert database.rows("SELECT * FROM units") == []


def test_every_column_of_a_row_is_under_its_hash(register: Settings) -> None:
    row = add_unit("Kinh tế")
    columns = [item[1] for item in database.rows("PRAGMA table_info(units)")]
    for column in columns:
        if column == "id":
            continue
        before = database.row(f"SELECT {column} FROM units")[0]
        tamper(register, f"UPDATE units SET {column} = 'sửa lén'")
        found = check(register)
        assert not found.ok, column
        assert any("units:" in fault.where for fault in found.faults)
        connection = sqlite3.connect(register.database_path, isolation_level=None)
        connection.execute(f"UPDATE units SET {column} = ?", (before,))
        connection.close()
        assert check(register).ok, (column, row)


def test_an_edit_behind_the_back_is_not_laundered_by_the_next_act(register: Settings) -> None:
    row = add_unit("Văn hóa")
    tamper(register, "UPDATE units SET name = 'Khác'")
    with pytest.raises(StoreDamaged), database.transaction() as work:
        work.update("units", row.id, {"closed_at": "2026-01-01T00:00:00Z"})


def test_an_edit_with_its_hash_made_anew_is_still_found(register: Settings) -> None:
    row = add_unit("Văn hóa")
    connection = sqlite3.connect(register.database_path, isolation_level=None)
    columns = [item[1] for item in connection.execute("PRAGMA table_info(units)")]
    values = list(connection.execute("SELECT * FROM units").fetchone())
    values[columns.index("name")] = "Khác"
    forged = chain.row_hash("units", columns, values)
    connection.close()
    tamper(register, f"UPDATE units SET name = 'Khác', row_hash = '{forged}'")
    assert check(register).faults[0].where == f"units:{row.uid}"
    with database.transaction() as work:
        work.update("units", row.id, {"closed_at": "2026-01-01T00:00:00Z"})
        journal.write(work, Act.UNIT_SET, "system", about=f"units:{row.uid}")
    assert not check(register).ok


@pytest.mark.parametrize("column", ["seq", "body", "hash"])
def test_a_changed_journal_column_is_named(register: Settings, column: str) -> None:
    for name in ("Một", "Hai hai", "Ba ba ba"):
        add_unit(name)
    change = {
        "seq": "seq = 99 WHERE seq = 3",
        "body": "body = replace(body, 'system', 'ai đó') WHERE seq = 3",
        "hash": f"hash = '{'0' * 64}' WHERE seq = 3",
    }[column]
    tamper(register, "PRAGMA foreign_keys = off", f"UPDATE journal SET {change}")
    assert check(register).faults[0].where == "journal:3"


@pytest.mark.parametrize("column", ["salt", "leaf"])
def test_a_changed_leaf_is_named(register: Settings, column: str) -> None:
    add_unit("Một")
    tamper(register, f"UPDATE journal_leaves SET {column} = replace({column}, substr({column}, 3, 1), 'z')")
    assert check(register).faults[0].where == "journal_leaves:2"


def test_a_removed_row_is_named(register: Settings) -> None:
    row = add_unit("Một")
    tamper(register, "DELETE FROM units")
    assert [fault.where for fault in check(register).faults] == [f"units:{row.uid}"]


def test_the_triggers_refuse_what_no_verb_does(register: Settings) -> None:
    add_unit("Một")
    connection = database.connect()
    for statement in (
        "DELETE FROM units",
        "UPDATE units SET name = 'x'",
        "UPDATE journal SET body = '{}'",
        "DELETE FROM journal",
        "INSERT OR REPLACE INTO journal (seq, body, hash) SELECT seq, '{}', hash FROM journal WHERE seq = 1",
        "DELETE FROM journal_leaves",
    ):
        with pytest.raises(sqlite3.IntegrityError):
            connection.execute(statement)


def test_a_state_that_moved_on_is_not_overwritten(register: Settings) -> None:
    row = add_unit("Một")
    with pytest.raises(RuleBroken), database.transaction() as work:
        work.update("units", row.id, {"name": "Hai"}, expected={"name": "Ba"})


def test_every_declared_register_table_has_its_guards(register: Settings) -> None:
    names = {item[0] for item in database.rows("SELECT name FROM sqlite_master WHERE type = 'trigger'")}
    hashed = database.rows(
        "SELECT m.name FROM sqlite_master m JOIN pragma_table_info(m.name) c ON c.name = 'row_hash'"
        " WHERE m.type = 'table'"
    )
    assert {item[0] for item in hashed} == set(REGISTER_TABLES)
    for table in REGISTER_TABLES:
        assert {f"{table}_row_stays", f"{table}_row_is_rehashed"} <= names


def test_writers_are_served_in_the_order_in_which_they_came(register: Settings) -> None:
    served: list[int] = []
    started = threading.Event()

    def write(number: int) -> None:
        with database.transaction() as work:
            served.append(number)
            work.execute("INSERT INTO nonces VALUES (?, '')", (str(number),))
        database.close()

    threads = []
    with database.transaction():
        for number in range(8):
            thread = threading.Thread(target=write, args=(number,))
            thread.start()
            threads.append(thread)
            started.wait(0.05)
    for thread in threads:
        thread.join()
    assert served == list(range(8))
