"""A real office, founded once and copied for each test."""

from __future__ import annotations

import dataclasses
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from commune_portal.people import accesses
from commune_portal.signing import workshop
from commune_portal.store import database, installation
from commune_portal.wire import keys
from tests import cast
from tests.cast import Cast


@pytest.fixture(scope="session")
def founded(tmp_path_factory: pytest.TempPathFactory) -> Cast:
    cast.cheap_passwords()
    made = cast.office_at(tmp_path_factory.mktemp("office"))
    database.close()
    return made


@pytest.fixture
def office(founded: Cast, tmp_path: Path) -> Iterator[Cast]:
    folder = tmp_path / "office"
    shutil.copytree(founded.settings.folder, folder)
    settings = cast.settings_at(folder)
    installation.open_(settings)
    keys.use(keys.load(settings.secrets_folder))
    workshop.configure(settings, in_process=True)
    accesses.forget_waiting()
    yield dataclasses.replace(founded, settings=settings)
    accesses.forget_waiting()
    database.close()
