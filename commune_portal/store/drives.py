"""The sticks that are plugged in and are meant for backups: those with a folder «sao-luu» at their root."""

from __future__ import annotations

import os
import string
from collections.abc import Iterable, Iterator
from pathlib import Path

FOLDER = "sao-luu"
MOUNTS = Path("/proc/mounts")
BELOW: tuple[str, ...] = ("/media", "/run/media", "/mnt")
REMOVABLE, FIXED = 2, 3
"""Answers of GetDriveTypeW; a disk in a USB case calls itself fixed."""


def stick_folders(home: Path, mounts: Path = MOUNTS) -> list[Path]:
    """The backup folders on sticks, in a fixed order; `home` tells the drive that is none."""
    roots = _windows_roots(home) if os.name == "nt" else _mounted(mounts)
    return sorted(folder for folder in _with_folder(roots))


def _with_folder(roots: Iterable[Path]) -> Iterator[Path]:
    for root in roots:
        folder = root / FOLDER
        try:
            if folder.is_dir():
                yield folder
        except OSError:  # pulled out, or not ours to read
            continue


def _mounted(mounts: Path) -> Iterator[Path]:
    try:
        lines = mounts.read_text(encoding="utf-8", errors="surrogateescape").splitlines()
    except OSError:
        return
    for line in lines:
        parts = line.split(" ")
        point = _unescaped(parts[1]) if len(parts) > 1 else ""
        if any(point == top or point.startswith(top + "/") for top in BELOW):
            yield Path(point)


def _unescaped(text: str) -> str:
    for code, letter in (("\\040", " "), ("\\011", "\t"), ("\\012", "\n"), ("\\134", "\\")):
        text = text.replace(code, letter)
    return text


def _windows_roots(home: Path) -> Iterator[Path]:
    import ctypes

    kernel = ctypes.windll.kernel32  # type: ignore[attr-defined,unused-ignore] # Windows only
    system = {home.resolve().drive.upper(), os.environ.get("SYSTEMDRIVE", "C:").upper()}
    present = kernel.GetLogicalDrives()
    for place, letter in enumerate(string.ascii_uppercase):
        root = f"{letter}:\\"
        if present >> place & 1 and f"{letter}:" not in system and kernel.GetDriveTypeW(root) in (REMOVABLE, FIXED):
            yield Path(root)
