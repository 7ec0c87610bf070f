"""A row of the health page and of `doctor`: what was found, why it matters, what to do; and who is examined."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from commune_portal import clock
from commune_portal.settings import Settings
from commune_portal.signing.workshop import Bench


class Level(StrEnum):
    """How bad a finding is; the words are shown beside it, colour never speaks alone."""

    OK = "ok"
    WARN = "warn"
    FAIL = "fail"

    @property
    def label(self) -> str:
        """What a person reads."""
        return {"ok": "Tốt", "warn": "Cần chú ý", "fail": "Hỏng"}[self.value]

    @property
    def tone(self) -> str:
        """The tone of its tag on the page."""
        return {"ok": "good", "warn": "warn", "fail": "bad"}[self.value]


@dataclass(frozen=True, slots=True)
class Row:
    """One finding in plain Vietnamese; `mend` is empty where nothing need be done."""

    id: str
    level: Level
    what: str
    why: str
    mend: str = ""

    @property
    def title(self) -> str:
        """What was examined, in words."""
        return _TITLES.get(self.id, self.id)


_TITLES = {
    "release": "Chương trình",
    "operation": "Cài đặt, nâng cấp",
    "system": "Hệ điều hành",
    "time-zone": "Múi giờ",
    "database": "Tệp dữ liệu",
    "schema": "Lược đồ",
    "guards": "Ràng buộc",
    "owner": "Hệ thống này",
    "chain": "Nhật ký và sổ",
    "files": "Tệp lưu",
    "disk": "Ổ đĩa",
    "backup-disk": "Nơi sao lưu",
    "leftovers": "Tệp dở dang",
    "put-aside": "Dữ liệu để sang bên",
    "logs": "Nhật ký kỹ thuật",
    "rights": "Quyền",
    "data-rights": "Quyền dữ liệu",
    "secrets-rights": "Quyền khóa",
    "clock": "Đồng hồ",
    "backup": "Sao lưu",
    "backup-proven": "Bản sao lưu đã chứng minh",
    "backup-stick": "Sao lưu ra USB",
    "recovery-key": "Khóa phục hồi",
    "restoration": "Sau khôi phục",
    "network": "Cổng phục vụ",
    "limits": "Các giới hạn",
    "token": "Thiết bị ký số",
    "certificates": "Chứng thư số",
    "node": "Nút liên thông",
    "outbox": "Hàng chờ gửi",
    "relay": "Bộ chuyển gửi",
    "fonts": "Phông chữ",
    "lan": "Mạng nội bộ",
}


@dataclass(frozen=True, slots=True)
class Patient:
    """The installation under examination: its settings and a connection that cannot write, None where there is none.

    `thorough` asks for what takes time: the whole chain, every stored file, the token. `bench` is the workshop of a
    running portal; without one the token is read in a workshop of its own. `in_service` is true in the portal itself.
    """

    settings: Settings
    connection: sqlite3.Connection | None
    thorough: bool
    bench: Bench | None = None
    in_service: bool = False

    def one(self, statement: str, *parameters: object) -> tuple[object, ...] | None:
        """The first row of a statement; None also where there is no database."""
        if self.connection is None:
            return None
        found: tuple[object, ...] | None = self.connection.execute(statement, parameters).fetchone()
        return found

    @property
    def is_office(self) -> bool:
        """True at an office, False at a node."""
        return self.settings.role == "office"


def age_in_days(text: str) -> float:
    """How long ago a stored instant was, in days; negative when it lies ahead."""
    return (clock.now() - clock.from_text(text)).total_seconds() / 86400


def told(id_: str, what: str, why: str) -> Row:
    """A row without anything to do."""
    return Row(id_, Level.OK, what, why)


def is_open_to_others(path: Path) -> bool:
    """True when other accounts of this computer have any right on it (POSIX)."""
    return bool(path.stat().st_mode & 0o077)
