"""A full office with its keys and settings file, for what is done to a whole installation: fixtures to import.

`from tests.store.backed import made, office`.
"""

from __future__ import annotations

import dataclasses
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from commune_portal.settings import Settings
from commune_portal.store import database, journal
from tests.store import full
from tests.store.full import Full


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Full:
    return full.shared(tmp_path_factory)


@pytest.fixture
def office(made: Full, tmp_path: Path) -> Iterator[Settings]:
    folder = tmp_path / "office"
    shutil.copytree(made.office.settings.folder, folder)
    yield dataclasses.replace(made.office.settings, folder=folder)
    database.close()


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def mine_size() -> int:
    return journal.checkpoint().size


KILLED = """
import sys
from pathlib import Path
from commune_portal import points, settings
from commune_portal.documents import restoration
from commune_portal.people.actors import PORTAL
from commune_portal.store import backup
import os, signal

def strike(point):
    if point == sys.argv[3]:
        os.kill(os.getpid(), signal.SIGKILL)

points.hook = strike
own = settings.load(Path(sys.argv[1]) / "portal.toml")
if sys.argv[3] == "inside-backup":
    backup.make(own, Path(sys.argv[2]))
else:
    restoration.restore(PORTAL, own, Path(sys.argv[2]))
"""
