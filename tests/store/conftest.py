"""A real register in a temporary folder."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from commune_portal.settings import Paths, Settings
from commune_portal.store import database, installation


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(folder=tmp_path, paths=Paths(allow_any_disk=True))


@pytest.fixture
def register(settings: Settings) -> Iterator[Settings]:
    installation.found(
        settings, code="H99.01", name="UBND xã An Phú", place="An Phú", public_key="ab" * 32, box_public_key="cd" * 32
    )
    yield settings
    database.close()
