"""The installed release: are its files those that were delivered, and did the last installation step come to its end.

A release folder holds `FILES.sha256` (`<sha256>  <path>` a line, as sha256sum writes it) and `release.json` at its top;
a checkout holds neither. `ops-state.json` is written by the operations room before each of its steps; here only these
of its fields are read: `kind`, `source`, `target`, `step`, `state` (running, done, undone), `error`.
"""

from __future__ import annotations

import json
import random
import re
import sys
from dataclasses import dataclass
from pathlib import Path

import commune_portal
from commune_portal import __version__
from commune_portal.health.row import Level, Patient, Row, told
from commune_portal.settings import Settings
from commune_portal.store import files

MANIFEST = "FILES.sha256"
RELEASE_FILE = "release.json"
STATE_FILE = "ops-state.json"
SAMPLE_FILES = 40
WHY = "Tệp chương trình bị thiếu hay bị sửa thì hệ thống có thể dừng giữa chừng hoặc làm sai."
MEND = (
    "Thường do phần mềm diệt vi-rút cách ly tệp: khôi phục tệp trong phần mềm đó và cho thư mục chương trình vào"
    " danh sách bỏ qua. Rồi cắm USB bộ cài và cài lại cùng phiên bản; dữ liệu không bị đụng tới."
)
WHY_OPERATION = "Cài đặt dở dang được hoàn tất hoặc hoàn lại ở lần khởi động sau; dữ liệu không mất."
RESUME = "Khởi động lại máy, hoặc chạy «commune-portal release resume» bằng quyền quản trị của máy."
_LINE = re.compile(r"([0-9a-f]{64}) [ *](.+)")
_KINDS = {"install": "cài đặt", "upgrade": "nâng cấp", "rollback": "quay lại bản trước", "uninstall": "gỡ cài đặt"}


@dataclass(frozen=True, slots=True)
class LastOperation:
    """What `ops-state.json` says of the operation that runs or ran last."""

    kind: str
    source: str
    target: str
    step: str
    state: str
    error: str

    @property
    def label(self) -> str:
        """What it does, in words."""
        return _KINDS.get(self.kind, self.kind) + (f" {self.target}" if self.target else "")


def check(patient: Patient) -> list[Row]:
    """Rows `release` and, where this computer has had one, `operation`."""
    return [_release(patient), *_operation(patient.settings)]


def release_folder() -> Path | None:
    """The folder of the release that runs, found from where its package lies; None in a checkout."""
    for start in (Path(commune_portal.__file__), Path(sys.executable)):
        for folder in start.resolve().parents:
            if (folder / MANIFEST).is_file() and (folder / RELEASE_FILE).is_file():
                return folder
    return None


def _release(patient: Patient) -> Row:
    folder = release_folder()
    name = f"commune-portal {__version__}"
    if folder is None:
        return told("release", f"{name}, bản phát triển (không cài từ USB)", WHY)
    found = wrong_files(folder, sample=None if patient.thorough else SAMPLE_FILES)
    if found:
        more = f" và {len(found) - 1} tệp khác" if len(found) > 1 else ""
        return Row("release", Level.FAIL, f"{name}: tệp {found[0]} thiếu hoặc đã bị sửa{more}", WHY, MEND)
    read = "đã đọc lại mọi tệp chương trình" if patient.thorough else "đã đọc thử một số tệp chương trình"
    return told("release", f"{name}, {read}", WHY)


def wrong_files(folder: Path, *, sample: int | None = None) -> list[str]:
    """The files of a release that are not what its list says; with `sample`, all are looked for and some are read."""
    listed: dict[str, str] = {}
    for line in (folder / MANIFEST).read_text(encoding="utf-8").splitlines():
        match = _LINE.fullmatch(line)
        if match is None:
            return [MANIFEST]
        listed[match[2].removeprefix("./")] = match[1]
    missing = [name for name in listed if not (folder / name).is_file()]
    read = list(listed) if sample is None else random.sample(sorted(listed), min(sample, len(listed)))
    return missing + [
        name for name in read if name not in missing and files.digest_of(folder / name).sha256 != listed[name]
    ]


def state_folders(settings: Settings) -> list[Path]:
    """Where operations may keep their state for this installation, likeliest first."""
    found = [settings.folder / "state"]
    if settings.first_run_code_path is not None:
        found.insert(0, settings.first_run_code_path.parent)
    parts = settings.folder.parts
    if parts[-3:] == ("var", "lib", "commune-portal"):
        found.append(Path(*parts[:-3]) / "etc" / "commune-portal")
    return found


def last_operation(settings: Settings) -> LastOperation | None:
    """The operation that runs or ran last; None where there was none; raises ValueError for a ruined file."""
    for folder in state_folders(settings):
        path = folder / STATE_FILE
        try:
            text = path.read_text(encoding="utf-8")
        except (FileNotFoundError, NotADirectoryError, PermissionError):
            continue
        document = json.loads(text)
        names = ("kind", "source", "target", "step", "state", "error")
        return LastOperation(*(str(document.get(name, "")) for name in names))
    return None


def _operation(settings: Settings) -> list[Row]:
    rows = []
    try:
        last = last_operation(settings)
    except (ValueError, AttributeError):
        mend = "Gửi tệp ops-state.json cho nơi cung cấp phần mềm; không xóa gì."
        return [Row("operation", Level.FAIL, "Không đọc được tệp ghi trạng thái cài đặt", WHY_OPERATION, mend)]
    if last is not None and last.state == "running":
        what = f"Việc {last.label} đang dở ở bước «{last.step}»"
        rows.append(Row("operation", Level.FAIL, what, WHY_OPERATION, RESUME))
    elif last is not None and last.error:
        what = f"Lần {last.label} gần nhất không thành và đã được hoàn lại: {last.error}"
        mend = "Bản cũ vẫn chạy, không mất gì. Gửi tệp hỗ trợ cho nơi cung cấp phần mềm trước khi thử lại."
        rows.append(Row("operation", Level.WARN, what, WHY_OPERATION, mend))
    elif last is not None:
        rows.append(told("operation", f"Lần gần nhất: {last.label}, đã xong", WHY_OPERATION))
    if settings.pause_mark.exists() and not any(row.level is Level.FAIL for row in rows):
        what = "Dấu «đang nâng cấp» còn đó: hệ thống chỉ cho đọc"
        return [Row("operation", Level.FAIL, what, WHY_OPERATION, RESUME)]
    return rows
