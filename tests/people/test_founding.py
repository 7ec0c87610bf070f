"""Founding an installation: whole or not at all, also when it is cut off by kill -9 anywhere."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from commune_portal.errors import Malformed, RuleBroken, StoreRefused
from commune_portal.people import accesses, accounts, founding, issuers, sessions
from commune_portal.people.founding import FirstPerson, Plan
from commune_portal.rules.permissions import Role
from commune_portal.settings import Paths, Settings
from commune_portal.settings import Role as Part
from commune_portal.store import database, installation, verify
from commune_portal.wire import keys

PROJECT = Path(__file__).parents[2]
CLERK = FirstPerson(
    username="VanThu", full_name="Trần Thị Bình", roles=(Role.CLERK, Role.ADMINISTRATOR), password="hoa sen trắng nở"
)
PLAN = Plan(code="H99.12", name="Ủy ban nhân dân xã An Phú", place="An Phú", people=(CLERK,))

KILLED = """
import os, signal, sys
from dataclasses import replace
from pathlib import Path
from commune_portal import points
from commune_portal.people import founding, passwords
from tests.people.test_founding import PLAN, settings_at

passwords.COST = passwords.Cost(log_n=4, p=1)
for number, folder in enumerate(sys.argv[1:]):
    child = os.fork()
    if child == 0:
        reached = 0
        def kill(point):
            global reached
            if point == "inside-founding":
                reached += 1
                if reached == number + 1:
                    os.kill(os.getpid(), signal.SIGKILL)
        points.hook = kill
        founding.found(settings_at(Path(folder)), PLAN)
        os._exit(9)
    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
"""


def settings_at(folder: Path, role: Part = "office") -> Settings:
    """Settings without a register."""
    return Settings(folder=folder, role=role, paths=Paths(allow_any_disk=True))


@pytest.fixture
def own(tmp_path: Path) -> Iterator[Settings]:
    yield settings_at(tmp_path)
    accesses.forget_waiting()
    database.close()
    keys.use(None)


def files_in(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


def test_an_office_is_founded_with_its_people_and_its_issuer(own: Settings) -> None:
    assert not founding.is_founded(own)
    made = founding.found(own, PLAN)
    assert founding.is_founded(own)
    assert made.passwords == {"vanthu": "hoa sen trắng nở"}
    installation.open_(own)
    installation.refuse_copy("office", keys.load(own.secrets_folder).public_key.hex())
    found = accounts.by_username("vanthu")
    assert found is not None
    assert found.roles == {Role.CLERK, Role.ADMINISTRATOR}
    assert not found.must_change_password
    assert [item.code for item in issuers.all_issuers()] == ["H99.12"]
    assert verify.verify(database.connect(), own.files_folder).ok


def test_a_first_password_that_nobody_chose_must_be_changed(own: Settings) -> None:
    first = FirstPerson(username="quantri", full_name="Đỗ Minh Quân", roles=(Role.ADMINISTRATOR,))
    made = founding.found(own, Plan(code="H99.12", name="UBND xã An Phú", place="An Phú", people=(first,)))
    installation.open_(own)
    found = accounts.by_username("quantri")
    assert found is not None
    assert found.must_change_password
    assert len(made.passwords["quantri"]) == 14


@pytest.mark.parametrize(
    "wrong",
    [
        {"code": "mã có dấu"},
        {"abbreviation": "U B"},
        {"people": (FirstPerson(username="vanthu", full_name="Bình", roles=(Role.CLERK,), password="ngắn"),)},
        {"enrolment": b"{}"},
    ],
)
def test_a_founding_that_is_refused_leaves_nothing(own: Settings, wrong: dict[str, object]) -> None:
    values = {name: getattr(PLAN, name) for name in PLAN.__dataclass_fields__}
    with pytest.raises((Malformed, RuleBroken)):
        founding.found(own, Plan(**{**values, **wrong}))
    assert files_in(own.folder) == []
    founding.found(own, PLAN)


def test_a_founding_touches_nothing_that_is_there(own: Settings) -> None:
    founding.found(own, PLAN)
    before = {name: (own.folder / name).read_bytes() for name in files_in(own.folder)}
    with pytest.raises(StoreRefused, match="không khởi tạo đè"):
        founding.found(own, PLAN)
    assert {name: (own.folder / name).read_bytes() for name in files_in(own.folder)} == before


def test_keys_without_a_register_tell_of_lost_data_and_stay(own: Settings) -> None:
    founding.found(own, PLAN)
    assert not founding.lost_its_register(own)
    own.database_path.unlink()
    key = (own.secrets_folder / keys.FILE_NAME).read_bytes()
    assert founding.lost_its_register(own)
    with pytest.raises(StoreRefused, match="khôi phục từ bản sao lưu"):
        founding.found(own, PLAN)
    assert (own.secrets_folder / keys.FILE_NAME).read_bytes() == key
    assert not (own.data_folder / founding.MARK).exists()


def test_a_marked_register_in_which_somebody_worked_is_never_taken_away(own: Settings) -> None:
    founding.found(own, PLAN)
    installation.open_(own)
    found = accounts.by_username("vanthu")
    assert found is not None
    sessions.begin(found.id, "127.0.0.1")
    database.close()
    (own.data_folder / founding.MARK).touch()
    assert not founding.is_founded(own)
    with pytest.raises(StoreRefused, match="đã có người dùng"):
        founding.found(own, PLAN)
    assert own.database_path.exists()
    assert (own.secrets_folder / keys.FILE_NAME).exists()


def test_a_founding_that_was_killed_anywhere_begins_anew(tmp_path: Path) -> None:
    folders = [tmp_path / f"lần {number}" for number in range(4)]
    for folder in folders:
        folder.mkdir()
    told = subprocess.run(
        [sys.executable, "-c", KILLED, *map(str, folders)],
        cwd=PROJECT, env={**os.environ, "PYTHONUTF8": "1"}, capture_output=True, text=True, timeout=60, check=True,
    )  # fmt: skip
    assert told.stdout.split() == ["-9"] * 4, "every child was killed at its point"
    left = [files_in(folder) for folder in folders]
    assert left[0] == [f"data/{founding.MARK}"]
    assert all(f"data/{founding.MARK}" in names for names in left)
    assert "secrets/installation.pem" in left[1]
    try:
        for folder in folders:
            own = settings_at(folder)
            assert not founding.is_founded(own)
            founding.found(own, PLAN)
            assert founding.is_founded(own)
            with closing(verify.open_for_reading(own.database_path)) as connection:
                assert connection.execute("SELECT count(*) FROM accounts").fetchone() == (1,)
                assert verify.verify(connection, own.files_folder).ok
    finally:
        database.close()
        keys.use(None)
