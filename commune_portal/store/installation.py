"""The installation that a register belongs to: founding it, opening it, and refusing to serve a copy."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from pathlib import Path

from commune_portal import clock
from commune_portal.errors import StoreRefused
from commune_portal.rules.acts import Act
from commune_portal.settings import Role, Settings
from commune_portal.store import database, files, journal, migrate


@dataclass(frozen=True, slots=True)
class Installation:
    """Who this installation is; keys are hexadecimal."""

    uid: str
    role: Role
    code: str
    name: str
    place: str
    epoch: int
    public_key: str
    box_public_key: str


def found(settings: Settings, *, code: str, name: str, place: str, public_key: str, box_public_key: str) -> None:
    """Makes an empty register for this installation; raises StoreRefused when there is one already."""
    if settings.database_path.exists():
        raise StoreRefused(f"Đã có dữ liệu ở {settings.database_path}; không khởi tạo đè lên.")
    settings.data_folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    if not settings.paths.allow_any_disk:
        database.refuse_foreign_disk(settings.data_folder)
    migrate.migrate(settings.database_path)
    open_(settings)
    with database.transaction() as work:
        work.insert(
            "installation",
            {
                "id": 1,
                "role": settings.role,
                "code": code,
                "name": name,
                "place": place,
                "epoch": 0,
                "public_key": public_key,
                "box_public_key": box_public_key,
                "made_at": clock.now_text(),
            },
        )
        journal.write(
            work, Act.INSTALLATION_MADE, journal.SYSTEM, facts={"role": settings.role, "code": code, "key": public_key}
        )


def open_(settings: Settings) -> None:
    """Opens the register and the files for this process; raises StoreRefused for what cannot be trusted."""
    database.use(settings.database_path, allow_any_disk=settings.paths.allow_any_disk)
    migrate.refuse_wrong_schema(database.connect())
    files.use(settings.files_folder, settings.work_folder, settings.limits.disk_floor_bytes)


def own() -> Installation:
    """The installation this register belongs to; raises StoreRefused before it was founded."""
    row = database.row(
        "SELECT uid, role, code, name, place, epoch, public_key, box_public_key FROM installation WHERE id = 1"
    )
    if row is None:
        raise StoreRefused("Dữ liệu chưa được khởi tạo. Hãy chạy «commune-portal init».")
    return Installation(*row)


def refuse_copy(role: Role, public_key: str) -> None:
    """Serving's check: the register must belong to this role and to the keys beside it."""
    mine = own()
    if mine.role != role:
        raise StoreRefused(f"Dữ liệu này thuộc vai trò «{mine.role}», cấu hình lại ghi «{role}».")
    if mine.public_key != public_key:
        raise StoreRefused(
            "Dữ liệu này là bản sao của một hệ thống khác (khóa không khớp). Chỉ được đọc; muốn dùng tiếp hãy chạy"
            " «commune-portal restore» hoặc «commune-portal restore --adopt»."
        )


def session_secret(secrets_folder: Path) -> bytes:
    """The key that signs browser cookies, made at first use in the secrets folder."""
    path = secrets_folder / "session.key"
    if not path.exists():
        secrets_folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        files.write_durably(path, secrets.token_bytes(32))
    return path.read_bytes()
