"""Facts of this machine, from one TOML file; a restart is needed to change them.

Facts of the office (schemes, symbols, issuers, limits in days) are dated rows in the register, not settings.
Every path is relative to the settings file's folder, so an office's folder can be copied and read elsewhere.
"""

from __future__ import annotations

import ipaddress
import tomllib
from dataclasses import dataclass, field, fields
from datetime import time
from pathlib import Path
from typing import Any, Literal, get_args, get_origin, get_type_hints

from commune_portal.errors import SettingsWrong

Role = Literal["office", "node"]

MEBIBYTE = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Server:
    """Where pages are served: waitress, plain HTTP, on a loopback address unless a proxy stands in front."""

    host: str = "127.0.0.1"
    port: int = 8080
    threads: int = 6
    allowed_hosts: tuple[str, ...] = ()
    behind_tls_proxy: bool = False


@dataclass(frozen=True, slots=True)
class Paths:
    """Folders, relative to the settings file; `first_run_code` is the installer's file with the one-time code."""

    data: str = "data"
    secrets: str = "secrets"
    backups: str = "backups"
    logs: str = "logs"
    trust: str = "trust"
    allow_any_disk: bool = False
    first_run_code: str = ""


@dataclass(frozen=True, slots=True)
class Limits:
    """Caps on what comes from outside, in bytes or counts."""

    file_bytes: int = 64 * MEBIBYTE
    packet_bytes: int = 96 * MEBIBYTE
    pdf_pages: int = 2000
    unfinished_bytes_per_member: int = 512 * MEBIBYTE
    unfinished_upload_days: int = 14
    disk_floor_bytes: int = 256 * MEBIBYTE


@dataclass(frozen=True, slots=True)
class Relay:
    """The rhythm of contacts, in seconds, and the grain of an upload, in bytes."""

    enabled: bool = True
    poll_seconds: float = 120.0
    watch_seconds: float = 1.0
    timeout_seconds: float = 30.0
    retry_seconds: tuple[float, ...] = (5.0, 15.0, 60.0, 300.0, 900.0, 3600.0)
    chunk_bytes: int = 64 * 1024
    smallest_chunk_bytes: int = 16 * 1024
    largest_chunk_bytes: int = 256 * 1024
    bag_encryption: bool = True


@dataclass(frozen=True, slots=True)
class Token:
    """The PKCS#11 module. Without one, `trial` allows software keys that are labelled as worthless in law.

    `softhsm_folder` holds simulated tokens of a demonstration or rehearsal; empty at a real office.
    """

    module: str = ""
    softhsm_folder: str = ""
    trial: bool = False
    padding: Literal["pkcs1v15", "pss"] = "pkcs1v15"
    timeout_seconds: float = 60.0
    workshop_idle_seconds: float = 60.0


@dataclass(frozen=True, slots=True)
class Session:
    """How long a browser may be idle before it must log in again, and how often a wrong password is allowed."""

    idle_minutes: int = 30
    wrong_passwords_per_account: int = 5
    wrong_passwords_per_address: int = 50
    throttle_minutes: int = 10


@dataclass(frozen=True, slots=True)
class Fonts:
    """A folder with Times New Roman's four faces, where the office has one; else the bundled Tinos."""

    folder: str = ""


@dataclass(frozen=True, slots=True)
class Node:
    """At a node: where its offices reach it, and the certificate authority (PEM file) of that https address.

    An empty address means the loopback address and port of `server`, for trials on one computer.
    """

    address: str = ""
    ca: str = ""


@dataclass(frozen=True, slots=True)
class Lan:
    """The door for other computers of the house: TLS of the office's own authority. Off: this PC alone, by loopback.

    `names` are the host names that browsers may use beside this machine's addresses; `front` says who speaks TLS.
    """

    enabled: bool = False
    host: str = "0.0.0.0"  # noqa: S104 -- the door for others; nothing but TLS is spoken there
    port: int = 8443
    names: tuple[str, ...] = ()
    front: Literal["builtin", "nginx"] = "builtin"


@dataclass(frozen=True, slots=True)
class Backup:
    """Backups by themselves: when in the day, where besides `paths.backups`, and how many are kept at each place.

    A stick is written when a folder «sao-luu» lies at its root. `drill_days`: how often the newest file at each place
    is restored into a scratch folder and read again.
    """

    enabled: bool = True
    at: str = "11:30"
    folders: tuple[str, ...] = ()
    sticks: bool = True
    keep_daily: int = 7
    keep_weekly: int = 4
    keep_monthly: int = 12
    drill_days: int = 30

    @property
    def daily_time(self) -> time:
        """The time of day in Vietnam; raises SettingsWrong for what is none."""
        try:
            return time.fromisoformat(self.at)
        except ValueError as error:
            raise SettingsWrong(f"Mục «backup.at» cần giờ và phút, ví dụ «11:30», không phải «{self.at}».") from error


@dataclass(frozen=True, slots=True)
class Axis:
    """At a node: the document axis behind it. Off by default, and never tried against the real axis.

    `secret_file` holds the shared secret, relative to the settings file; `ca` the authority of its address (PEM), where
    it is not one that the system knows.
    """

    enabled: bool = False
    address: str = ""
    system_id: str = ""
    secret_file: str = "secrets/axis.secret"  # noqa: S105 - a path
    ca: str = ""
    poll_seconds: float = 300.0
    agencies_seconds: float = 86400.0
    timeout_seconds: float = 60.0


@dataclass(frozen=True, slots=True)
class Settings:
    """The whole of `portal.toml`, frozen. Derived paths are properties."""

    folder: Path
    role: Role = "office"
    server: Server = field(default_factory=Server)
    paths: Paths = field(default_factory=Paths)
    limits: Limits = field(default_factory=Limits)
    relay: Relay = field(default_factory=Relay)
    token: Token = field(default_factory=Token)
    session: Session = field(default_factory=Session)
    fonts: Fonts = field(default_factory=Fonts)
    node: Node = field(default_factory=Node)
    axis: Axis = field(default_factory=Axis)
    backup: Backup = field(default_factory=Backup)
    lan: Lan = field(default_factory=Lan)

    @property
    def node_address(self) -> str:
        """The address that enrolment files carry."""
        return self.node.address or f"http://{self.server.host}:{self.server.port}"

    def read_node_ca(self) -> str | None:
        """The certificate authority of that address, or None where there is none; raises SettingsWrong."""
        if not self.node.ca:
            return None
        try:
            return (self.folder / self.node.ca).read_text(encoding="ascii")
        except (OSError, UnicodeDecodeError) as error:
            raise SettingsWrong(f"Không đọc được chứng thư CA «{self.node.ca}».", field="node.ca") from error

    @property
    def data_folder(self) -> Path:
        """Everything a backup holds: the register's database and its files."""
        return self.folder / self.paths.data

    @property
    def database_path(self) -> Path:
        """The one SQLite file."""
        return self.data_folder / "register.sqlite3"

    @property
    def files_folder(self) -> Path:
        """Content-addressed PDFs, scans and packets: `ab/cd/<sha256>`."""
        return self.data_folder / "files"

    @property
    def work_folder(self) -> Path:
        """Temporary files, uploads and downloads in progress; may be emptied while nothing runs."""
        return self.data_folder / "work"

    @property
    def secrets_folder(self) -> Path:
        """Private keys and the session key; 0700, never in a backup."""
        return self.folder / self.paths.secrets

    @property
    def backups_folder(self) -> Path:
        """Where backups are written."""
        return self.folder / self.paths.backups

    @property
    def logs_folder(self) -> Path:
        """Where the technical log is written."""
        return self.folder / self.paths.logs

    @property
    def lan_folder(self) -> Path:
        """The office's own certificate authority and, below it, the server's key; 0700, never in a backup."""
        return self.secrets_folder / "lan"

    @property
    def tls_folder(self) -> Path:
        """What the TLS door needs and is no secret of this office's: its root for others, nginx's configuration."""
        return self.folder / "tls"

    @property
    def softhsm_folder(self) -> Path | None:
        """Where simulated tokens lie, or None where the token is real."""
        return self.folder / self.token.softhsm_folder if self.token.softhsm_folder else None

    @property
    def trial_folder(self) -> Path:
        """Trial keys, where they are allowed."""
        return self.secrets_folder / "trial"

    @property
    def first_run_code_path(self) -> Path | None:
        """The file with the code that opens the first-run pages, or None where only loopback guards them."""
        return self.folder / self.paths.first_run_code if self.paths.first_run_code else None

    @property
    def pause_mark(self) -> Path:
        """While this file lies there an upgrade is under way: pages are read, nothing is written or sent."""
        return self.folder / "upgrading"

    @property
    def trust_folder(self) -> Path:
        """Root certificates (PEM) that signatures are checked against."""
        return self.folder / self.paths.trust


SECTIONS: dict[str, type[Any]] = {
    "server": Server, "paths": Paths, "limits": Limits, "relay": Relay,
    "token": Token, "session": Session, "fonts": Fonts, "node": Node, "axis": Axis, "backup": Backup,
    "lan": Lan,
}  # fmt: skip


def load(path: Path) -> Settings:
    """Reads a settings file; raises SettingsWrong with the name of the line that is wrong."""
    try:
        document = tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except FileNotFoundError as error:
        raise SettingsWrong(f"Không thấy tệp cấu hình {path}. Hãy chạy «commune-portal init» trước.") from error
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise SettingsWrong(f"Không đọc được tệp cấu hình {path}: {error}") from error
    return from_document(document, path.resolve().parent)


def from_document(document: dict[str, Any], folder: Path) -> Settings:
    """Builds Settings from a parsed document; unknown names and wrong types are refused, not ignored."""
    values: dict[str, Any] = {}
    for name, value in document.items():
        if name == "role":
            if value not in ("office", "node"):
                raise SettingsWrong("role phải là «office» hoặc «node».", field="role")
            values["role"] = value
        elif name in SECTIONS and isinstance(value, dict):
            values[name] = _section(name, SECTIONS[name], value)
        else:
            raise SettingsWrong(f"Không có mục cấu hình «{name}».", field=name)
    return Settings(folder=folder, **values)


def _section(section: str, shape: type[Any], document: dict[str, Any]) -> Any:
    known = {item.name: item for item in fields(shape)}
    shapes = get_type_hints(shape)
    values: dict[str, Any] = {}
    for name, value in document.items():
        where = f"{section}.{name}"
        if name not in known:
            raise SettingsWrong(f"Không có mục cấu hình «{where}».", field=where)
        default = getattr(shape(), name)
        choices = get_args(shapes[name]) if get_origin(shapes[name]) is Literal else ()
        if choices and value not in choices:
            raise SettingsWrong(f"Mục «{where}» chỉ nhận: {', '.join(choices)}.", field=where)
        if isinstance(default, tuple) and isinstance(value, list):
            value = tuple(float(item) if isinstance(item, int) else item for item in value)
        elif isinstance(default, float) and isinstance(value, int) and not isinstance(value, bool):
            value = float(value)
        if type(value) is not type(default):
            raise SettingsWrong(f"Mục «{where}» cần kiểu {type(default).__name__}.", field=where)
        if isinstance(value, int | float) and not isinstance(value, bool) and value < 0:
            raise SettingsWrong(f"Mục «{where}» không được âm.", field=where)
        values[name] = value
    return shape(**values)


def is_loopback(host: str) -> bool:
    """True for a literal loopback address; a name, even «localhost», is not one."""
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False
