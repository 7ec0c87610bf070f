"""The two locks: what the interpreters are made of, and which wheels of which hash go with them.

`runtime.lock` is one input a line, so that a message can name the line that has gone stale:

    sdist  SHA256  FILE    PROJECT         the Windows interpreter's archive on the package index
    data   SHA256  MEMBER                  the archive inside it
    signer NAME                            whose Authenticode signature its programs must carry
    pe     SHA256  FILE                    a program of it that is known by its hash instead
    deb    SHA256  NAME    VERSION  PATH   a package of Debian's archive
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from deploy.bundle.checkout import REQUIREMENTS_LOCK, RUNTIME_LOCK, BundleError, Platform

SHA256 = re.compile(r"[0-9a-f]{64}")
WIDTHS = {"sdist": 4, "data": 3, "pe": 3, "deb": 5}
MARKERS = {
    "": set(Platform),
    'sys_platform == "win32"': {Platform.WINDOWS},
    'sys_platform == "linux"': {Platform.LINUX},
}


@dataclass(frozen=True, slots=True)
class Deb:
    """One Debian package of the runtime, and the line of the lock that names it."""

    line: int
    sha256: str
    name: str
    version: str
    path: str


@dataclass(frozen=True, slots=True)
class RuntimeLock:
    """The parsed `runtime.lock`."""

    sdist_line: int
    sdist_sha256: str
    sdist_file: str
    sdist_project: str
    data_sha256: str
    data_member: str
    signer: str
    programs: dict[str, str]
    debs: tuple[Deb, ...]


@dataclass(frozen=True, slots=True)
class Wheel:
    """One requirement of `requirements.lock`: a name, a version, the allowed hashes, the systems that take it."""

    line: int
    name: str
    version: str
    hashes: frozenset[str]
    platforms: frozenset[Platform]

    def as_requirement(self) -> str:
        """The line pip reads, without the marker: what a system takes is decided here, not by the building machine."""
        return f"{self.name}=={self.version} " + " ".join(f"--hash=sha256:{value}" for value in sorted(self.hashes))


def _wrong(path: Path, line: int, why: str) -> BundleError:
    return BundleError(f"deploy/{path.name} line {line}: {why}")


def read_runtime_lock(path: Path = RUNTIME_LOCK) -> RuntimeLock:
    """Parses `runtime.lock`; raises BundleError naming the line that is wrong, or what is missing."""
    single: dict[str, tuple[int, list[str]]] = {}
    programs: dict[str, str] = {}
    debs: list[Deb] = []
    for number, text in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        words = text.split()
        if not words or words[0].startswith("#"):
            continue
        kind = words[0]
        if kind == "signer" and len(words) > 1:
            single[kind] = number, words[1:]
            continue
        if WIDTHS.get(kind) != len(words):
            raise _wrong(path, number, "not a line of this lock")
        if not SHA256.fullmatch(words[1]):
            raise _wrong(path, number, f"{words[1]} is not a SHA-256")
        if kind == "deb":
            debs.append(Deb(number, words[1], words[2], words[3], words[4]))
        elif kind == "pe":
            programs[words[2]] = words[1]
        else:
            single[kind] = number, words[1:]
    for kind in ("sdist", "data", "signer"):
        if kind not in single:
            raise BundleError(f"deploy/{path.name} has no line `{kind}`")
    if not debs:
        raise BundleError(f"deploy/{path.name} has no line `deb`")
    line, sdist = single["sdist"]
    data = single["data"][1]
    signer = " ".join(single["signer"][1])
    return RuntimeLock(line, sdist[0], sdist[1], sdist[2], data[0], data[1], signer, programs, tuple(debs))


def read_requirements_lock(path: Path = REQUIREMENTS_LOCK) -> tuple[Wheel, ...]:
    """Parses `requirements.lock` (pip's own format, which pip reads too); raises BundleError naming a wrong line."""
    wheels: list[Wheel] = []
    began, pending = 0, ""
    for number, text in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        bare = text.strip()
        if not bare or bare.startswith("#"):
            continue
        began = began or number
        pending += " " + bare.removesuffix("\\").strip()
        if bare.endswith("\\"):
            continue
        wheels.append(_wheel(path, began, pending.strip()))
        began, pending = 0, ""
    if pending:
        raise _wrong(path, began, "ends in a backslash, nothing follows")
    if not wheels:
        raise BundleError(f"deploy/{path.name} is empty: run `make lock`")
    return tuple(wheels)


def _wheel(path: Path, line: int, text: str) -> Wheel:
    head, *hashes = text.split("--hash=sha256:")
    named, _, marker = head.partition(";")
    name, _, version = named.strip().partition("==")
    values = frozenset(value.strip() for value in hashes)
    if not name or not version or not values or any(not SHA256.fullmatch(value) for value in values):
        raise _wrong(path, line, "needs NAME==VERSION and at least one --hash=sha256:")
    if marker.strip() not in MARKERS:
        raise _wrong(path, line, f"the marker {marker.strip()} is none this lock knows")
    return Wheel(line, name, version, values, frozenset(MARKERS[marker.strip()]))
