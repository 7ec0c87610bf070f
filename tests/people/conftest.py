"""A real register with its first administrator, founded once and copied for each test."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from commune_portal.people import accesses, accounts, passwords
from commune_portal.people.actors import PORTAL, Actor
from commune_portal.rules.permissions import Role
from commune_portal.settings import Paths, Settings
from commune_portal.store import database, installation

PASSWORD = "mật khẩu để thử"
CHEAP = passwords.Cost(log_n=4, p=1)


@pytest.fixture(autouse=True)
def cheap_passwords(monkeypatch: pytest.MonkeyPatch) -> None:
    """One guess costs microseconds here; `test_passwords` looks at the real cost."""
    monkeypatch.setattr(passwords, "COST", CHEAP)


@pytest.fixture(scope="session")
def founded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An office's folder right after its founding."""
    folder = tmp_path_factory.mktemp("founded")
    settings = Settings(folder=folder, paths=Paths(allow_any_disk=True))
    installation.found(
        settings, code="H99.01", name="UBND xã An Phú", place="An Phú", public_key="ab" * 32, box_public_key="cd" * 32
    )
    database.close()
    return folder


@pytest.fixture
def office(founded: Path, tmp_path: Path) -> Iterator[Settings]:
    """An open register of an office without people."""
    shutil.copytree(founded / "data", tmp_path / "data")
    settings = Settings(folder=tmp_path, paths=Paths(allow_any_disk=True))
    installation.open_(settings)
    accesses.forget_waiting()
    yield settings
    accesses.forget_waiting()
    database.close()


@pytest.fixture
def administrator(office: Settings) -> Actor:
    """The office's one administrator."""
    return person("quantri", "Đỗ Minh Quân", Role.ADMINISTRATOR)


def person(username: str, full_name: str, *roles: Role, position: str = "", unit: str = "") -> Actor:
    """Makes an account that may log in at once with PASSWORD."""
    made = accounts.add(
        PORTAL,
        username=username,
        full_name=full_name,
        roles=roles,
        position=position,
        unit=unit,
        password=PASSWORD,
    )
    return accounts.actor(made.account_id)
