"""The Windows interpreter: python.org's embeddable layout out of an archive of the package index."""

from __future__ import annotations

from pathlib import Path

from deploy.bundle.locks import RuntimeLock


def build(folder: Path, lock: RuntimeLock) -> None:
    """Fills an empty folder with the interpreter."""
    raise NotImplementedError


def finish(folder: Path) -> None:
    """What can be done only when the wheels are there."""
    raise NotImplementedError
