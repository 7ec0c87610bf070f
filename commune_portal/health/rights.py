"""Who else on this computer may read the register and its keys (POSIX; on Windows the installer sets the rights)."""

from __future__ import annotations

import os
from pathlib import Path

from commune_portal.health.row import Level, Patient, Row, is_open_to_others, told
from commune_portal.settings import Settings

WHY_DATA = "Dữ liệu có văn bản của dân và của cơ quan; người khác trên máy không được đọc."
WHY_SECRETS = "Ai đọc được khóa là giả được cơ quan này với nút liên thông."
MEND = "Chạy «commune-portal doctor --fix», hoặc «chmod -R go= {path}»."


def check(patient: Patient) -> list[Row]:
    """Rows `data-rights` and `secrets-rights`."""
    settings = patient.settings
    if os.name != "posix":
        return [
            told("data-rights", "Quyền do bộ cài đặt đặt", WHY_DATA),
            told("secrets-rights", "Quyền do bộ cài đặt đặt", WHY_SECRETS),
        ]
    return [
        _row("data-rights", Level.WARN, [settings.data_folder], WHY_DATA),
        _row("secrets-rights", Level.FAIL, _secrets(settings), WHY_SECRETS),
    ]


def _row(id_: str, level: Level, paths: list[Path], why: str) -> Row:
    wide = [path for path in paths if path.exists() and is_open_to_others(path)]
    if not wide:
        return told(id_, "Chỉ tài khoản của hệ thống đọc được", why)
    return Row(id_, level, f"Tài khoản khác trên máy đọc được {wide[0]}", why, MEND.format(path=wide[0]))


def _secrets(settings: Settings) -> list[Path]:
    """The folder, what lies in it, and every key below; certificates beside keys are public."""
    folder = settings.secrets_folder
    return [folder, *folder.glob("*"), *folder.rglob("*.key.pem")] if folder.is_dir() else []


def narrow(settings: Settings) -> list[str]:
    """Takes the rights of others away; answers what was done, in words."""
    if os.name != "posix":
        return []
    done = []
    for path in (settings.data_folder, *_secrets(settings)):
        if path.exists() and not path.is_symlink() and is_open_to_others(path):
            path.chmod(path.stat().st_mode & 0o700)
            done.append(f"Đã bỏ quyền của người khác trên {path}")
    return done
