"""A full office and its node, built once; each test examines a copy, as no running portal would have it."""

from __future__ import annotations

import dataclasses
import shutil
from pathlib import Path

import pytest

from commune_portal import clock
from commune_portal.health import examination
from commune_portal.health.row import Row
from commune_portal.rules.acts import Act
from commune_portal.settings import Server, Settings
from commune_portal.store import database, installation, journal
from tests.store import full
from tests.store.full import Full

NOBODYS_PORT = 9
"""Discard: nothing listens there, so that what runs on this computer does not enter the tests."""


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> Full:
    return full.shared(tmp_path_factory)


@pytest.fixture(scope="session")
def restored(made: Full, tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """The full office as it is: it was adopted in its story, and its numbers are not reconciled yet."""
    folder = tmp_path_factory.mktemp("restored") / "office"
    shutil.copytree(made.office.settings.folder, folder)
    (folder / "data").chmod(0o700)
    return dataclasses.replace(made.office.settings, folder=folder)


@pytest.fixture(scope="session")
def settled(restored: Settings, tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """The same office after that was done."""
    folder = tmp_path_factory.mktemp("settled") / "office"
    shutil.copytree(restored.folder, folder)
    settings = dataclasses.replace(restored, folder=folder)
    installation.open_(settings)
    waiting = database.rows("SELECT id FROM restorations WHERE confirmed_at IS NULL")
    if waiting:
        with database.transaction() as work:
            for (row_id,) in waiting:
                work.update("restorations", row_id, {"confirmed_at": clock.now_text()})
            journal.write(work, Act.NUMBERS_RECONCILED, journal.SYSTEM)
    database.close()
    return settings


@pytest.fixture
def office(settled: Settings, tmp_path: Path) -> Settings:
    folder = tmp_path / "office"
    shutil.copytree(settled.folder, folder)
    return dataclasses.replace(settled, folder=folder, server=Server(port=NOBODYS_PORT))


@pytest.fixture
def node(made: Full, tmp_path: Path) -> Settings:
    return full.copied(made.node, tmp_path / "node")


def rows_of(settings: Settings, *, thorough: bool = True) -> dict[str, Row]:
    """The rows by their ids, each of which is there once."""
    rows = examination.examine(settings, thorough=thorough)
    assert len({row.id for row in rows}) == len(rows)
    return {row.id: row for row in rows}
