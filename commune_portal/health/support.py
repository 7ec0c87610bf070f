"""The support file: what somebody far away needs in order to help, without a word of a document.

Rows of the examination, versions, settings, the last operation, row counts and the technical logs. Logs hold no
document text; a second net takes out of them whatever could be one: words with Vietnamese letters, quoted stretches,
long codes, names of accounts. `parts` is what the page shows before anything leaves the house.
"""

from __future__ import annotations

import io
import json
import os
import platform
import re
import sqlite3
import sys
import zipfile
from collections.abc import Iterable, Sequence
from contextlib import closing
from dataclasses import asdict, dataclass, fields
from importlib import metadata
from typing import Any

from commune_portal import __version__, clock
from commune_portal.errors import PortalError
from commune_portal.health import disk, release, system
from commune_portal.health.row import Row
from commune_portal.settings import SECTIONS, Settings
from commune_portal.store import migrate, verify

MASKED = frozenset({"axis.system_id", "axis.secret_file", "axis.address", "paths.first_run_code"})
"""Settings that open something, or say where a secret lies."""

HIDDEN = "(che)"
LOG_BYTES_AT_MOST = 2 * 1024 * 1024
PACKAGES = (
    "flask", "waitress", "peewee", "reportlab", "pyhanko", "python-pkcs11", "cryptography", "pypdfium2", "urllib3",
    "pyrage", "tzdata",
)  # fmt: skip
_ZIP_TIME = (2000, 1, 1, 0, 0, 0)
_CODE = re.compile(r"[0-9a-fA-F]{32,}|[A-Za-z0-9+/_-]{32,}={0,2}")
_QUOTED = re.compile(r"'[^'\n]*'|\"[^\"\n]*\"|«[^»\n]*»")
_FRAME = re.compile(r'  File "(?P<path>[^"]*)", line (?P<line>\d+), in (?P<name>[\w.<>]+)')
_FOREIGN = re.compile(r"[^\s]*[^\x00-\x7f][^\s]*")
_ERROR = re.compile(r"(?P<name>[A-Za-z_][\w.]*(?:Error|Exception|Warning|Refused|Exit|[A-Z]\w+))(?P<colon>:).*")
_LOGGED = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d{3} [A-Z]+ ")


@dataclass(frozen=True, slots=True)
class SupportPart:
    """One file of the support file: its name, what a person reads about it, and its text."""

    name: str
    about: str
    text: str


def parts(settings: Settings, rows: Sequence[Row]) -> list[SupportPart]:
    """What a support file holds, as text that can be read before it is given away."""
    names = _account_names(settings)
    found = [
        SupportPart("suc-khoe.json", "Kết quả kiểm tra sức khỏe", _json([_row(row) for row in rows])),
        SupportPart("phien-ban.json", "Phiên bản chương trình, hệ điều hành, thư viện", _json(versions())),
        SupportPart("cau-hinh.json", "Tệp cấu hình, mục bí mật được che", _json(masked(settings))),
        SupportPart("so-dong.json", "Số dòng của mỗi bảng, không có nội dung", _json(counts(settings))),
        SupportPart("cai-dat.json", "Lần cài đặt, nâng cấp gần nhất", _json(_operation(settings))),
    ]
    for path in disk.log_files(settings)[-8:]:
        text = filtered(_tail(path.read_bytes()), names)
        found.append(SupportPart(f"logs/{path.name}", "Nhật ký kỹ thuật, đã bỏ mọi chữ có thể là nội dung", text))
    return found


def pack(found: Iterable[SupportPart]) -> bytes:
    """The parts as one zip."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for part in found:
            info = zipfile.ZipInfo(part.name, _ZIP_TIME)
            info.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(info, part.text.encode())
    return out.getvalue()


def file_name(settings: Settings) -> str:
    """Under which name it is given away: role and time, no name of the office."""
    stamp = clock.now().astimezone(clock.VIETNAM).strftime("%Y%m%d-%H%M")
    return f"ho-tro-{settings.role}-{stamp}.zip"


def _row(row: Row) -> dict[str, str]:
    """A row's level and words; certificates and tokens are named after people, so their names go."""
    return {**asdict(row), "what": _QUOTED.sub(HIDDEN, row.what), "mend": row.mend}


def versions() -> dict[str, Any]:
    """The program, the system below it, and the libraries that it uses."""
    found: dict[str, str] = {}
    for name in PACKAGES:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return {
        "commune-portal": __version__,
        "schema": len(migrate.migrations()),
        "release": str(release.release_folder() or ""),
        "system": system.system_name(),
        "machine": platform.machine(),
        "processors": os.cpu_count(),
        "python": sys.version,
        "sqlite": sqlite3.sqlite_version,
        "packages": found,
        "made_at": clock.now_text(),
    }


def masked(settings: Settings) -> dict[str, Any]:
    """Every setting; those that open something are covered, empty ones stay empty."""
    answer: dict[str, Any] = {"role": settings.role}
    for section in SECTIONS:
        values = getattr(settings, section)
        answer[section] = {
            item.name: HIDDEN
            if f"{section}.{item.name}" in MASKED and getattr(values, item.name)
            else _plain(values, item)
            for item in fields(values)
        }
    return answer


def _plain(values: Any, item: Any) -> Any:
    value = getattr(values, item.name)
    return list(value) if isinstance(value, tuple) else value


def counts(settings: Settings) -> dict[str, Any]:
    """How many rows each table has; an unreadable register answers why."""
    try:
        with closing(verify.open_for_reading(settings.database_path)) as connection:
            query = "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%' ORDER BY name"
            names = [str(row[0]) for row in connection.execute(query) if not re.search(r"_search(_|$)", row[0])]
            return {name: connection.execute(f'SELECT count(*) FROM "{name}"').fetchone()[0] for name in names}
    except PortalError as error:
        return {"error": error.code}
    except (OSError, *verify.UNREADABLE) as error:
        return {"error": type(error).__name__}


def _operation(settings: Settings) -> dict[str, Any]:
    try:
        last = release.last_operation(settings)
    except (ValueError, AttributeError):
        return {"error": "unreadable"}
    return asdict(last) if last is not None else {}


def _account_names(settings: Settings) -> list[str]:
    try:
        with closing(verify.open_for_reading(settings.database_path)) as connection:
            found = connection.execute("SELECT username, full_name FROM accounts").fetchall()
    except (PortalError, OSError, *verify.UNREADABLE):
        return []
    return sorted({str(name) for row in found for name in row if len(str(name)) > 2}, key=len, reverse=True)


def filtered(text: str, names: Sequence[str] = ()) -> str:
    """A log without anything that could be a document's words: messages and frames stay, what they quote goes."""
    known = re.compile("|".join(rf"\b{re.escape(name)}\b" for name in names), re.IGNORECASE) if names else None
    kept = []
    for line in text.splitlines():
        clean = _line(line)
        if clean is not None:
            kept.append(known.sub(HIDDEN, clean) if known else clean)
    return "\n".join(kept) + "\n"


def _line(line: str) -> str | None:
    frame = _FRAME.match(line)
    if frame:
        return (
            f"  File {frame['path'].replace(os.sep, '/').rpartition('/')[2]}, line {frame['line']}, in {frame['name']}"
        )
    if line.startswith(("    ", "\t")):
        return None  # a line of code below a frame
    if _LOGGED.match(line):
        return _covered(line)
    error = _ERROR.fullmatch(line)
    if error:
        return f"{error['name']}: {HIDDEN}"
    return _covered(line)


def _covered(line: str) -> str:
    return _FOREIGN.sub(HIDDEN, _CODE.sub(HIDDEN, _QUOTED.sub(HIDDEN, line)))


def _tail(data: bytes) -> str:
    text = data[-LOG_BYTES_AT_MOST:].decode("utf-8", errors="replace")
    return text.partition("\n")[2] if len(data) > LOG_BYTES_AT_MOST else text


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, indent=1) + "\n"
