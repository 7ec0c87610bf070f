"""Where the builder reads and keeps things, and the one error it stops with."""

from __future__ import annotations

import hashlib
import tomllib
from dataclasses import dataclass
from datetime import UTC, date, datetime
from enum import Enum
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
DEPLOY = ROOT / "deploy"
MAKE = ROOT / ".make"
DOWNLOADS = MAKE / "downloads"
LAYERS = MAKE / "layers"
RUNTIME_LOCK = DEPLOY / "runtime.lock"
REQUIREMENTS_LOCK = DEPLOY / "requirements.lock"
RELEASE = DEPLOY / "release.toml"


class BundleError(Exception):
    """A bundle cannot be built; the text says why and what to do. The builder prints it and ends with 2."""


class Platform(Enum):
    """The two systems a bundle is for; the value is the folder on the stick."""

    LINUX = "linux"
    WINDOWS = "windows"


@dataclass(frozen=True, slots=True)
class Release:
    """What names a release: its version, the number that only grows, and the day its files are dated."""

    version: str
    release_seq: int
    day: date

    @property
    def epoch(self) -> int:
        """SOURCE_DATE_EPOCH: midnight UTC of the release's day, the time of every file in the bundle."""
        return int(datetime(self.day.year, self.day.month, self.day.day, tzinfo=UTC).timestamp())


def read_release(path: Path = RELEASE) -> Release:
    """The release that `release.toml` and the package's version name."""
    from commune_portal import __version__

    table = tomllib.loads(path.read_text(encoding="utf-8"))
    sequence, day = table.get("release_seq"), table.get("day")
    if not isinstance(sequence, int) or sequence < 1 or not isinstance(day, date):
        raise BundleError(f"{path.name} needs release_seq (a whole number from 1) and day (a date)")
    return Release(__version__, sequence, day)


def sha256_of(path: Path) -> str:
    """The SHA-256 of a file, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def files_under(folder: Path) -> list[Path]:
    """Every file of a folder, in the order of its path's bytes: the one order of tar, sums and installer."""
    found = [path for path in folder.rglob("*") if path.is_file() or path.is_symlink()]
    return sorted(found, key=lambda path: path.relative_to(folder).as_posix().encode())
