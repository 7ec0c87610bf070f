"""The migration runner."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import peewee
import pytest

from commune_portal.errors import StoreRefused
from commune_portal.settings import Settings
from commune_portal.store import database, migrate, tables
from commune_portal.store.migrate import Migration
from commune_portal.store.register import REGISTER_TABLES
from commune_portal.store.tables._table import Table


def test_a_newer_schema_is_refused_and_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "register.sqlite3"
    migrate.migrate(path)
    connection = sqlite3.connect(path)
    connection.execute("PRAGMA user_version = 99")
    connection.close()
    with pytest.raises(StoreRefused, match="mới hơn"):
        migrate.migrate(path)


def test_an_interrupted_migration_changes_nothing_and_starts_again(tmp_path: Path) -> None:
    path = tmp_path / "register.sqlite3"
    steps = [
        *migrate.migrations()[:1],
        Migration(2, "more", "CREATE TABLE one (a TEXT) STRICT;\nCREATE TABLE two (b TEXT) STRICT;\n"),
    ]
    migrate.migrate(path, steps=steps[:1])

    def stop(step: int, position: int) -> None:
        if position == 1:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        migrate.migrate(path, steps=steps, before_statement=stop)
    connection = sqlite3.connect(path)
    assert migrate.current_version(connection) == 1
    assert connection.execute("SELECT name FROM sqlite_master WHERE name = 'one'").fetchone() is None
    connection.close()
    backup = tmp_path / "before.sqlite3"
    assert migrate.migrate(path, steps=steps, backup=backup) == 2
    assert backup.is_file()


def test_triggers_are_split_whole() -> None:
    script = "CREATE TABLE a (b);\nCREATE TRIGGER c AFTER INSERT ON a BEGIN\n  SELECT 1;\n  SELECT 2;\nEND;\n-- end\n"
    assert len(list(migrate.statements(script))) == 2


def models() -> list[type[Table]]:
    found: list[type[Table]] = []
    for module in (
        tables.people,
        tables.issuers,
        tables.books,
        tables.incoming,
        tables.outgoing,
        tables.exchange,
        tables.amendments,
        tables.node,
        tables.deployment,
    ):
        found += [
            item
            for item in vars(module).values()
            if isinstance(item, type) and issubclass(item, Table) and item is not Table
        ]
    return found


def test_models_agree_with_the_schema(register: Settings) -> None:
    named = {model._meta.table_name for model in models()}
    assert set(REGISTER_TABLES) <= named
    for model in models():
        info = {item[1]: item for item in database.rows(f"PRAGMA table_info({model._meta.table_name})")}
        assert set(info) == set(model._meta.fields), model
        for name, field in model._meta.fields.items():
            wanted = "INTEGER" if isinstance(field, peewee.IntegerField) else "TEXT"
            assert info[name][2] == wanted, (model, name)
            if not info[name][5]:
                assert bool(info[name][3]) is not field.null, (model, name)
