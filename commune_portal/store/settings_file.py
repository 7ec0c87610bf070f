"""Writing `portal.toml`: a new one, or single values in one that a person has annotated.

Only the lines that change are touched. What was written is read again before it takes the old file's place, so that
a restart never meets a file that it cannot read.
"""

from __future__ import annotations

import json
import re
import stat
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from commune_portal import settings
from commune_portal.errors import SettingsWrong
from commune_portal.settings import Settings
from commune_portal.store import files

Value = str | int | bool | float | tuple[str, ...]
Changes = Mapping[str, Mapping[str, Value]]

HEADING = "# Cấu hình của máy này; ý nghĩa từng dòng ở trang Trợ giúp. Sửa xong phải khởi động lại."
_HEADER = re.compile(r"\s*\[(?P<name>[^\[\]]+)\]\s*(#.*)?")


def write_new(path: Path, document: Mapping[str, Any]) -> Settings:
    """Writes a settings file where there is none; raises SettingsWrong where there is one."""
    if path.exists():
        raise SettingsWrong(f"Đã có {path}; không khởi tạo đè lên.")
    folder = path.resolve().parent
    made = settings.from_document(dict(document), folder)
    lines = [HEADING, f"role = {_spelled(document.get('role', 'office'))}"]
    for section, values in document.items():
        if isinstance(values, Mapping):
            lines += ["", f"[{section}]", *(f"{name} = {_spelled(value)}" for name, value in values.items())]
    folder.mkdir(parents=True, exist_ok=True)
    files.write_durably(path, ("\n".join(lines) + "\n").encode(), mode=0o644)
    return made


def change(path: Path, changes: Changes) -> Settings:
    """Sets values by section and name, durably, and answers the settings as they now are; raises SettingsWrong."""
    text = path.read_text(encoding="utf-8-sig")
    wanted = tomllib.loads(text)
    lines = text.splitlines()
    for section, values in changes.items():
        for name, value in values.items():
            wanted.setdefault(section, {})[name] = list(value) if isinstance(value, tuple) else value
            _set(lines, section, name, value)
    written = "\n".join(lines) + "\n"
    if _parsed(written) != wanted:
        raise SettingsWrong(f"Không tự sửa được {path}; hãy sửa bằng tay theo trang Trợ giúp.")
    made = settings.from_document(wanted, path.resolve().parent)
    files.write_durably(path, written.encode(), mode=stat.S_IMODE(path.stat().st_mode))
    return made


def _parsed(text: str) -> dict[str, Any] | None:
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        return None


def _set(lines: list[str], section: str, name: str, value: Value) -> None:
    """Replaces the line of a value, or adds one at the end of its section, or the section at the end of the file."""
    said = f"{name} = {_spelled(value)}"
    heads = [(number, found["name"].strip()) for number, line in enumerate(lines) if (found := _HEADER.fullmatch(line))]
    begins = next((number for number, found in heads if found == section), None)
    if begins is None:
        lines += ["", f"[{section}]", said]
        return
    ends = next((number for number, _ in heads if number > begins), len(lines))
    for number in range(begins + 1, ends):
        if re.match(rf"\s*{re.escape(name)}\s*=", lines[number]):
            lines[number] = said
            return
    while ends > begins + 1 and not lines[ends - 1].strip():
        ends -= 1
    lines.insert(ends, said)


def _spelled(value: Any) -> str:
    """A TOML value; JSON's strings, numbers, truths and lists of them are TOML's too."""
    return json.dumps(list(value) if isinstance(value, tuple) else value, ensure_ascii=False)
