"""The register while releases change: a snapshot goes back whole, what was there is put aside, again and again."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from commune_portal import settings
from commune_portal.errors import StoreDamaged
from commune_portal.operations import journal, registers, steps
from commune_portal.operations.journal import Kind
from commune_portal.operations.places import Places
from commune_portal.people import founding
from commune_portal.people.founding import FirstPerson, Plan
from commune_portal.rules.permissions import Role
from commune_portal.settings import Settings
from commune_portal.store import database, settings_file


@pytest.fixture
def places(tmp_path: Path) -> Places:
    return Places.under(tmp_path / "root")


@pytest.fixture
def own(places: Places) -> Iterator[Settings]:
    document = {"role": "office", "server": {"port": 1}, "paths": {"allow_any_disk": True}}
    made = settings_file.write_new(places.config, document)
    clerk = FirstPerson(username="lan", full_name="Trần Thị Lan", roles=(Role.CLERK,), password="mat-khau-de-thu-1")
    founding.found(made, Plan(code="H99.01", name="UBND xã An Phú", place="An Phú", people=(clerk,)))
    yield settings.load(places.config)
    database.close()


def ruin(own: Settings) -> None:
    """What a broken release does: the register loses a table, and its log lies beside it."""
    with closing(sqlite3.connect(own.database_path)) as connection:
        connection.execute("DROP TABLE accesses")
        connection.commit()
    own.database_path.with_name(own.database_path.name + "-wal").write_bytes(b"left by a process that was killed")


def has_table(path: Path) -> bool:
    with closing(sqlite3.connect(path)) as connection:
        found = connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'accesses'").fetchone()
        return found is not None


def test_a_snapshot_goes_back_and_nothing_is_deleted(places: Places, own: Settings) -> None:
    before = registers.take_snapshot(places, own, "0000aaaa")
    assert (before.schema, before.lines) == registers.facts(own.database_path)
    ruin(own)
    aside = registers.put_back(places, own, before, "0000aaaa")
    assert aside is not None
    assert sorted(path.name for path in aside.iterdir()) == ["register.sqlite3", "register.sqlite3-wal"]
    assert has_table(own.database_path)
    assert not own.database_path.with_name(own.database_path.name + "-wal").exists()
    assert registers.put_back(places, own, before, "0000aaaa") is None, "done before: nothing more is put aside"
    assert has_table(own.database_path)


def test_it_goes_back_also_when_the_putting_aside_was_cut_off(places: Places, own: Settings) -> None:
    before = registers.take_snapshot(places, own, "0000aaaa")
    ruin(own)
    aside = places.put_aside / "0000aaaa"
    aside.mkdir(parents=True)
    own.database_path.rename(aside / own.database_path.name)  # and then the power went
    registers.put_back(places, own, before, "0000aaaa")
    assert has_table(own.database_path)
    assert len(list(aside.iterdir())) == 2


def test_nothing_that_was_put_aside_is_overwritten(places: Places, own: Settings) -> None:
    for _ in range(3):
        older = registers.take_snapshot(places, own, "0000aaaa")
        registers.exchange(places, own, older, "0000bbbb")
    assert len(list((places.put_aside / "0000bbbb").iterdir())) == 3
    assert Path(older.path).exists(), "an older snapshot that was asked for stays"


def test_a_snapshot_that_was_changed_is_refused_before_anything_moves(places: Places, own: Settings) -> None:
    before = registers.take_snapshot(places, own, "0000aaaa")
    with Path(before.path).open("r+b") as file:
        file.seek(5000)
        file.write(b"x")
    for way in (registers.put_back, registers.exchange):
        with pytest.raises(StoreDamaged):
            way(places, own, before, "0000aaaa")
    assert own.database_path.is_file()
    assert not places.put_aside.exists()


def test_a_register_that_is_damaged_is_not_upgraded(places: Places, own: Settings) -> None:
    with own.database_path.open("r+b") as file:
        file.seek(8192)
        file.write(b"\xff" * 4096)
    with pytest.raises(StoreDamaged):
        registers.take_snapshot(places, own, "0000aaaa")


def test_there_is_no_register_before_the_first_run(places: Places) -> None:
    assert registers.founded(places) is None
    settings_file.write_new(places.config, {"role": "node", "server": {"port": 1}})
    assert registers.founded(places) is None
    assert registers.size_bytes(places) == 0


def test_what_was_entered_since_is_counted_without_the_change_of_the_program(places: Places, own: Settings) -> None:
    from commune_portal.people import software
    from commune_portal.people.actors import PORTAL
    from commune_portal.store import installation

    _, lines = registers.facts(own.database_path)
    assert registers.amount_since(own.database_path, 0) == lines
    installation.open_(own)
    for _ in range(3):
        software.changed(PORTAL, "0000aaaa", "1.0.0", "1.1.0")
    database.close()
    assert registers.facts(own.database_path)[1] == lines + 1, "told once, however often it is finished"
    assert registers.amount_since(own.database_path, lines) == 0
    assert list(registers.acts_since(own.database_path, 0)) == [], "no number was given yet"


def test_a_snapshot_that_nobody_needed_goes_with_the_operation(places: Places, own: Settings) -> None:
    for step, stays in (("service", False), ("migrate", True)):
        begun = journal.begin(Kind.UPGRADE, "1.0.0", "1.1.0")
        before = registers.take_snapshot(places, own, begun.id)
        known = replace(begun, step=step).knowing({"snapshot": registers.as_facts(before)})
        aside = steps._register_back(places, known)
        assert (aside is not None) is stays
        assert not Path(before.path).exists()
        assert own.database_path.is_file()
