"""What is installed here: `install.json`, written at the end of an operation; and the service's account and folders."""

from __future__ import annotations

import json
import os
import secrets
import shutil
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from commune_portal.errors import StoreDamaged, StoreRefused
from commune_portal.operations import children
from commune_portal.operations.places import IS_WINDOWS, Places
from commune_portal.operations.services import ServiceKind
from commune_portal.settings import Role
from commune_portal.store import files

ACCOUNT = "commune-portal"
_CODE_LETTERS = "23456789ABCDEFGHJKMNPQRSTUVWXYZ"
_REFUSED = "Máy từ chối «{}»: {}"


@dataclass(frozen=True, slots=True)
class Record:
    """What is installed: `snapshot` is the register as it was before the present release, empty where there is none."""

    role: Role
    port: int
    services: ServiceKind
    current: str
    previous: str = ""
    snapshot: dict[str, Any] = field(default_factory=dict)


def read(places: Places) -> Record | None:
    """What is installed here; None where nothing is; raises StoreDamaged for a ruined file."""
    try:
        document = json.loads(places.record.read_bytes())
        return Record(**{**document, "services": ServiceKind(document["services"])})
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise StoreDamaged(
            f"Không đọc được {places.record}, tệp ghi bản đang cài. Dữ liệu không bị đụng tới; hãy báo nơi cung cấp.",
            detail=str(error),
        ) from error


def write(places: Places, record: Record) -> None:
    """Writes it durably; the service may read it."""
    files.write_durably(places.record, json.dumps(asdict(record), ensure_ascii=False, indent=1).encode(), mode=0o640)
    give(places, places.record)


def account_of(places: Places) -> str:
    """The service's account, empty below a root of one's own and on Windows, where the service's rights do it."""
    return "" if IS_WINDOWS or places.root is not None or os.geteuid() != 0 else ACCOUNT


def make_account(places: Places) -> None:
    """Makes the service's account where it is missing."""
    account = account_of(places)
    if not account or children.identity(account):
        return
    line = [
        shutil.which("useradd") or "/usr/sbin/useradd", "--system", "--user-group", "--no-create-home",
        "--home-dir", str(places.home), "--shell", "/usr/sbin/nologin", account,
    ]  # fmt: skip
    done = children.run(line, 60)
    if done.code and not children.identity(account):
        raise StoreRefused(_REFUSED.format("useradd", done.last_words))


def make_folders(places: Places) -> None:
    """Makes the four folders with the rights that the service needs and nobody else has. May be repeated."""
    with files.disk_errors():
        for folder in places.all():
            folder.mkdir(parents=True, exist_ok=True)
        if IS_WINDOWS:
            from commune_portal.operations import windows

            windows.narrow(places)
            return
        places.program.chmod(0o755)
        places.releases.mkdir(exist_ok=True)
        places.state.chmod(0o750)
        places.home.chmod(0o750)
        places.backups.chmod(0o700)
        places.snapshots.mkdir(mode=0o700, exist_ok=True)
        if account := account_of(places):
            shutil.chown(places.state, group=account)
            for folder in (places.home, places.backups):
                shutil.chown(folder, account, account)


def give(places: Places, *paths: Path) -> None:
    """Lets the service's account read what operations keep: its group, and nobody else; root alone before."""
    if (account := account_of(places)) and children.identity(account):
        for path in paths:
            shutil.chown(path, group=account)


def make_first_run_code(places: Places) -> str:
    """The one-time code that opens the first-run pages, made once and kept for the installer to show again."""
    path = places.first_run_code
    if path.exists():
        return path.read_text(encoding="ascii").strip()
    code = "-".join("".join(secrets.choice(_CODE_LETTERS) for _ in range(4)) for _ in range(2))
    files.write_durably(path, f"{code}\n".encode(), mode=0o640)
    give(places, path)
    return code
