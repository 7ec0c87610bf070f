"""CAI-DAT.exe: the Windows release in an NSIS installer that only copies and calls."""

from __future__ import annotations

from pathlib import Path

from deploy.bundle.checkout import Release


def build(out: Path, inner: Path, release: Release, compression: str) -> None:
    """Packs a signed Windows stick into an installer."""
    raise NotImplementedError
