"""Founding an installation: keys, empty register, first people, issuer, node. One way for the shell and the browser.

A founding that was cut off is known by its mark: the file `founding.unfinished` lies in the data folder from before
the first key until everything is on the disk. Nothing serves such a register; the next founding takes away what the
cut one made, and only that, and begins anew.
"""

from __future__ import annotations

import sqlite3
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from commune_portal import points
from commune_portal.errors import StoreRefused
from commune_portal.people import accesses, accounts, issuers, passwords, peers
from commune_portal.people.actors import PORTAL
from commune_portal.rules.permissions import Role
from commune_portal.settings import Settings
from commune_portal.store import database, files, installation
from commune_portal.wire import keys
from commune_portal.wire.keys import InstallationKeys

MARK = "founding.unfinished"
_SECRETS = (keys.FILE_NAME, keys.FILE_NAME + ".new", "session.key", peers.PENDING_FILE)


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class FirstPerson:
    """One of the first people; without a password a random one is made that must be changed."""

    username: str
    full_name: str
    roles: tuple[Role, ...]
    position: str = ""
    password: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What an installation is founded with; abbreviation and parent matter at an office alone."""

    code: str
    name: str
    place: str
    people: tuple[FirstPerson, ...]
    abbreviation: str = "UBND"
    code_legacy: str = ""
    parent_name: str = ""
    enrolment: bytes | None = None


@dataclass(frozen=True, slots=True, repr=False)
class Founded:
    """What was made: the id of the new key, and the first passwords by name (random ones are shown once)."""

    key_id: str
    passwords: dict[str, str]


def is_founded(settings: Settings) -> bool:
    """True when there is a register and its founding was not cut off."""
    return settings.database_path.exists() and not _mark(settings).exists()


def lost_its_register(settings: Settings) -> bool:
    """True when there are keys without a register: somebody took the data away, and a backup should come back."""
    own = (settings.secrets_folder / keys.FILE_NAME).exists()
    return own and not settings.database_path.exists() and not _mark(settings).exists()


def found(settings: Settings, plan: Plan) -> Founded:
    """Founds the installation, wholly or not at all; leaves the register closed.

    Raises StoreRefused where there is data or a key already, and what the parts refuse (Malformed, RuleBroken).
    """
    take_away_unfinished(settings)
    if settings.database_path.exists():
        raise StoreRefused(f"Đã có dữ liệu ở {settings.database_path}; không khởi tạo đè lên.")
    if (settings.secrets_folder / keys.FILE_NAME).exists():
        raise StoreRefused(
            f"Đã có khóa của một hệ thống tại {settings.secrets_folder} mà không có dữ liệu. Nếu dữ liệu bị mất, hãy"
            " khôi phục từ bản sao lưu; nếu thật sự muốn lập mới, hãy chuyển thư mục đó đi chỗ khác rồi làm lại."
        )
    settings.data_folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    files.write_durably(_mark(settings), b"")
    try:
        points.reach("inside-founding")
        own = make(settings, code=plan.code, name=plan.name, place=plan.place)
        points.reach("inside-founding")
        first = dict(_add(person) for person in plan.people)
        if settings.role == "office":
            _add_issuer(plan)
        points.reach("inside-founding")
        if plan.enrolment is not None:
            peers.introduce(PORTAL, plan.enrolment, settings.secrets_folder)
        installation.session_secret(settings.secrets_folder)
        points.reach("inside-founding")
        accesses.flush()
        database.close()
    except BaseException:
        accesses.forget_waiting()
        database.close()
        take_away_unfinished(settings)
        raise
    _mark(settings).unlink()
    files.sync_folder(settings.data_folder)
    return Founded(own.key_id, first)


def make(settings: Settings, *, code: str, name: str, place: str) -> InstallationKeys:
    """Makes keys and an empty register, and opens both for this process: what every founding begins with."""
    own = keys.create(settings.secrets_folder)
    keys.use(own)
    installation.found(
        settings,
        code=code,
        name=name,
        place=place,
        public_key=own.public_key.hex(),
        box_public_key=own.box_public_key.hex(),
    )
    return own


def take_away_unfinished(settings: Settings) -> None:
    """Removes what a founding made that was cut off; does nothing where there is none.

    Raises StoreRefused, and touches nothing, when somebody has worked in that register.
    """
    mark = _mark(settings)
    if not mark.exists():
        return
    if _was_used(settings.database_path):
        raise StoreRefused(
            f"Dữ liệu ở {settings.database_path} đã có người dùng nhưng bị đánh dấu là lập dở. Hãy báo người quản trị;"
            " không tệp nào bị xóa.",
            detail=str(mark),
        )
    for suffix in ("", "-wal", "-shm", "-journal"):
        settings.database_path.with_name(settings.database_path.name + suffix).unlink(missing_ok=True)
    for name in _SECRETS:
        (settings.secrets_folder / name).unlink(missing_ok=True)
    files.sync_folder(settings.data_folder)
    mark.unlink()
    files.sync_folder(settings.data_folder)


def _mark(settings: Settings) -> Path:
    return settings.data_folder / MARK


def _was_used(path: Path) -> bool:
    """True when a register holds a document or somebody has logged in, and when that cannot be told."""
    if not path.is_file():
        return False
    with closing(sqlite3.connect(path)) as connection:
        try:
            there = {name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
            return any(
                connection.execute(f"SELECT 1 FROM {table} LIMIT 1").fetchone()
                for table in ("incoming", "outgoing", "sessions")
                if table in there
            )
        except sqlite3.DatabaseError:
            return True


def _add(person: FirstPerson) -> tuple[str, str]:
    password = passwords.check_strength(person.password, person.username) if person.password else None
    made = accounts.add(
        PORTAL,
        username=person.username,
        full_name=person.full_name,
        roles=person.roles,
        position=person.position,
        password=password,
    )
    return made.username, made.password


def _add_issuer(plan: Plan) -> None:
    issuers.add(
        PORTAL,
        code=plan.code,
        name=plan.name,
        abbreviation=plan.abbreviation,
        place=plan.place,
        code_legacy=plan.code_legacy,
        parent_name=plan.parent_name,
    )
