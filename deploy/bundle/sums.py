"""Lists of SHA-256 in the form that `sha256sum -c` reads: a line a file, in the order of the paths' bytes."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from deploy.bundle.checkout import files_under, sha256_of


def sums_of(folder: Path) -> dict[str, str]:
    """The path inside the folder and the SHA-256 of every file below it."""
    return {path.relative_to(folder).as_posix(): sha256_of(path) for path in files_under(folder)}


def as_text(sums: Mapping[str, str]) -> str:
    """The lines of a list."""
    return "".join(f"{sums[path]}  {path}\n" for path in sorted(sums, key=str.encode))


def from_text(text: str) -> dict[str, str]:
    """The paths and hashes of a list that `as_text` wrote."""
    return {line[66:]: line[:64] for line in text.splitlines()}


def sums_of_file(path: Path) -> dict[str, str]:
    """One file's name and SHA-256."""
    return {path.name: sha256_of(path)}
