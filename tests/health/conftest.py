"""A full office and its node, built once; each test examines a copy, as no running portal would have it."""

from __future__ import annotations

import dataclasses
import shutil
from pathlib import Path

import pytest

from commune_portal.health import examination
from commune_portal.health.row import Row
from commune_portal.settings import Settings
from tests.store import full
from tests.store.full import Full


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> Full:
    return full.shared(tmp_path_factory)


@pytest.fixture
def office(made: Full, tmp_path: Path) -> Settings:
    folder = tmp_path / "office"
    shutil.copytree(made.office.settings.folder, folder)
    (folder / "data").chmod(0o700)
    return dataclasses.replace(made.office.settings, folder=folder)


@pytest.fixture
def node(made: Full, tmp_path: Path) -> Settings:
    return full.copied(made.node, tmp_path / "node")


def rows_of(settings: Settings, *, thorough: bool = True) -> dict[str, Row]:
    """The rows by their ids, each of which is there once."""
    rows = examination.examine(settings, thorough=thorough)
    assert len({row.id for row in rows}) == len(rows)
    return {row.id: row for row in rows}
