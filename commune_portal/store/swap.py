"""Putting another data folder in the place of the present one; what was there is put aside, never deleted.

A small state file beside the settings file says how far it has come, written before each step that cannot be taken
back by itself; whoever starts next reads it first and finishes or undoes.
"""

from __future__ import annotations

import json
import shutil
import sqlite3
from dataclasses import asdict, dataclass
from enum import StrEnum
from pathlib import Path

from commune_portal import clock, points
from commune_portal.errors import StoreDamaged, StoreRefused
from commune_portal.settings import Settings
from commune_portal.store import database, files

STATE = "restore-state.json"
LOCK = "restore.lock"


class Step(StrEnum):
    """How far a restore has come: preparing is undone, swapping and adopting are finished."""

    PREPARING = "preparing"
    SWAPPING = "swapping"
    ADOPTING = "adopting"


@dataclass(frozen=True, slots=True)
class State:
    """What the next start must know: where the fresh folder lies and under which name the old one goes aside."""

    step: Step
    fresh: str = ""
    aside: str = ""
    began_at: str = ""


def read_state(settings: Settings) -> State | None:
    """What was going on, None when nothing; raises StoreDamaged for a state file that cannot be read."""
    try:
        document = json.loads((settings.folder / STATE).read_bytes())
        return State(**{**document, "step": Step(document["step"])})
    except FileNotFoundError:
        return None
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise StoreDamaged(
            f"Không đọc được {settings.folder / STATE}: một lần khôi phục bị cắt ngang. Hãy báo người quản trị;"
            " không xóa thư mục nào.",
            detail=str(error),
        ) from error


def write_state(settings: Settings, state: State) -> None:
    """Says, durably, what begins now."""
    files.write_durably(settings.folder / STATE, json.dumps(asdict(state), ensure_ascii=False).encode())


def clear_state(settings: Settings) -> None:
    """Says that nothing is going on."""
    (settings.folder / STATE).unlink(missing_ok=True)
    files.sync_folder(settings.folder)


def refuse_while_served(database_path: Path) -> None:
    """Raises StoreRefused while another process has the register open: its connections hold SQLite's shared lock."""
    if not database_path.is_file():
        return
    connection = sqlite3.connect(database_path, isolation_level=None, timeout=0.5)
    try:
        connection.execute("PRAGMA locking_mode = exclusive")
        connection.execute("BEGIN EXCLUSIVE")
        connection.execute("ROLLBACK")
    except sqlite3.OperationalError as error:
        if "locked" in str(error) or "busy" in str(error):
            raise StoreRefused(
                "Hệ thống đang chạy. Hãy dừng hệ thống (và đóng mọi lệnh khác đang dùng dữ liệu) rồi làm lại."
            ) from error
        if "disk I/O" in str(error) or "unable to open" in str(error):
            raise database.translated(error) from error
    except (sqlite3.DatabaseError, UnicodeDecodeError):
        pass  # a ruined register is not served, and is just what a restore should replace
    finally:
        connection.close()


def beside(settings: Settings, what: str) -> Path:
    """A free folder name beside the data folder, on the same disk."""
    stamp = clock.now_text().replace("-", "").replace(":", "")
    path = settings.data_folder.with_name(f"{settings.data_folder.name}.{what}-{stamp}")
    number = 1
    while path.exists():
        number += 1
        path = path.with_name(f"{settings.data_folder.name}.{what}-{stamp}-{number}")
    return path


def put_in_place(settings: Settings, fresh: Path, aside: Path) -> Path | None:
    """Gives a folder the data folder's name; answers where the old one was put aside, None where there was none.

    May be called again after a power cut between its steps.
    """
    with files.disk_errors():
        if fresh.exists():
            if settings.data_folder.exists():
                settings.data_folder.rename(aside if not aside.exists() else beside(settings, "truoc"))
                files.sync_folder(settings.data_folder.parent)
            points.reach("restore-aside")
            try:
                fresh.rename(settings.data_folder)
            except OSError:
                if aside.exists():
                    aside.rename(settings.data_folder)
                raise
            files.sync_folder(settings.data_folder.parent)
        points.reach("restore-swapped")
    return aside if aside.exists() else None


def take_away(settings: Settings, fresh: Path) -> None:
    """Removes a fresh folder that never came into place; refuses any other folder."""
    is_ours = fresh.parent == settings.data_folder.parent and fresh.name.startswith(f"{settings.data_folder.name}.moi-")
    if is_ours and fresh.exists():
        shutil.rmtree(fresh, ignore_errors=True)
