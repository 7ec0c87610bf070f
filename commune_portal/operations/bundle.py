"""A stick as the publisher made it: its signature, its sums, its release; nothing of it is run or written here."""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from commune_portal.errors import Malformed, SettingsWrong, StoreDamaged
from commune_portal.operations import publisher
from commune_portal.operations.places import IS_WINDOWS, VERSION
from commune_portal.operations.publisher import PublicKey
from commune_portal.store import files

SUMS = "SHA256SUMS"
RELEASE_FILE = "release.json"
PAYLOAD = "payload.tar.gz"
PLATFORM = "windows" if IS_WINDOWS else "linux"
UNSUMMED = {
    SUMS, SUMS + publisher.SIGNATURE_SUFFIX,
    publisher.NEXT_KEY_FILE, publisher.NEXT_KEY_FILE + publisher.SIGNATURE_SUFFIX,
}  # fmt: skip
"""Files that carry their own proof."""
NOT_OURS = {
    "sao-luu", "system volume information", "$recycle.bin", "lost+found", ".trash-0", ".trash-1000", ".trash-1001",
    ".spotlight-v100", ".fseventsd", ".trashes",
}  # fmt: skip
"""Folders at the root of a stick in which an office or its system writes; nothing in them is read or run."""
SUM_LINE = re.compile(r"([0-9a-f]{64}) [ *](.+)")
_COMMENT = re.compile(r"commune-portal version=(\S+) release_seq=(\d{1,9})")
DAMAGED = "Bộ cài bị hỏng hoặc bị sửa: {}. Chưa có gì thay đổi trên máy này. Hãy lấy lại bộ cài, hoặc dùng USB khác."


@dataclass(frozen=True, slots=True)
class ReleaseFacts:
    """What a release says of itself."""

    version: str
    release_seq: int
    schema: int
    python: str = ""

    @classmethod
    def read(cls, data: bytes) -> ReleaseFacts:
        """Reads a `release.json`; raises Malformed."""
        try:
            document: dict[str, Any] = json.loads(data)
            facts = cls(
                str(document["version"]), int(document["release_seq"]), int(document["schema"]),
                str(document.get("python", {}).get(PLATFORM, "")),
            )  # fmt: skip
            if not VERSION.fullmatch(facts.version) or facts.release_seq < 1 or facts.schema < 0:
                raise ValueError("out of bounds")
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise Malformed(DAMAGED.format(RELEASE_FILE), detail=str(error)) from error
        return facts


@dataclass(frozen=True, slots=True)
class Stick:
    """A stick whose signature was verified; `sums` are the SHA-256 of its files by their path on it."""

    folder: Path
    key: PublicKey
    sums: dict[str, str]
    facts: ReleaseFacts

    @classmethod
    def open(cls, folder: Path, pinned: PublicKey | None) -> Stick:
        """Verifies the signature under the pinned key and reads what it covers; raises NotAllowed, StoreDamaged."""
        if not folder.is_dir():
            raise SettingsWrong(f"Không thấy thư mục bộ cài {folder}. Hãy cắm USB và kiểm tra đường dẫn sau --bundle.")
        if not (folder / SUMS).is_file():
            raise StoreDamaged(DAMAGED.format(f"thiếu tệp {SUMS}"))
        key = publisher.key_of(folder, pinned)
        data = read(folder / SUMS)
        comment = publisher.verify_file(folder / SUMS, data, key)
        sums = dict(_sums(data))
        name = f"bundle/{RELEASE_FILE}"
        told = read(folder / name)
        if sums.get(name) != hashlib.sha256(told).hexdigest():
            raise StoreDamaged(DAMAGED.format(name))
        facts = ReleaseFacts.read(told)
        found = _COMMENT.fullmatch(comment)
        if found is None or (found[1], int(found[2])) != (facts.version, facts.release_seq):
            raise StoreDamaged(DAMAGED.format("chữ ký thuộc về bản khác"), detail=comment[:200])
        return cls(folder, key, sums, facts)

    def check_files(self) -> None:
        """Hashes every file; raises StoreDamaged naming the first that is missing, changed or not named."""
        there = {path.relative_to(self.folder).as_posix(): path for path in _files(self.folder)}
        for name in sorted(self.sums.keys() - there.keys()):
            raise StoreDamaged(DAMAGED.format(f"thiếu tệp {name}"))
        for name in sorted(there.keys() - self.sums.keys() - UNSUMMED):
            raise StoreDamaged(DAMAGED.format(f"có tệp lạ {name}"))
        for name in sorted(self.sums):
            if digest(there[name]) != self.sums[name]:
                raise StoreDamaged(DAMAGED.format(f"tệp {name} không còn như khi phát hành"))

    @property
    def payload(self) -> Path | None:
        """The packed release for this system, None where it lies there as a plain folder."""
        name = f"bundle/{PLATFORM}/{PAYLOAD}"
        return self.folder / name if name in self.sums else None

    @property
    def plain(self) -> Path:
        """The plain release folder for this system."""
        return self.folder / "bundle" / PLATFORM

    def plain_files(self) -> dict[str, str]:
        """The files of the plain release folder by their path in it, with their SHA-256."""
        prefix = f"bundle/{PLATFORM}/"
        return {name.removeprefix(prefix): sum_ for name, sum_ in self.sums.items() if name.startswith(prefix)}


def _sums(data: bytes) -> Iterator[tuple[str, str]]:
    for line in data.decode("utf-8", "replace").splitlines():
        found = SUM_LINE.fullmatch(line)
        if found is None or not is_inside(found[2]):
            raise StoreDamaged(DAMAGED.format(SUMS), detail=line[:200])
        yield found[2], found[1]


def is_inside(name: str) -> bool:
    """True for a relative path that stays in its folder, on both systems."""
    path = PurePosixPath(name)
    return bool(name) and not path.is_absolute() and ".." not in path.parts and "\\" not in name and ":" not in name


def _files(folder: Path) -> Iterator[Path]:
    for path in sorted(folder.iterdir()):
        if path.name.lower() in NOT_OURS and path.is_dir():
            yield from (item for item in sorted(path.glob("DOC-TOI.txt")) if path.name == "sao-luu")
        elif path.is_dir() and not path.is_symlink():
            yield from files_below(path)
        else:
            yield path


def files_below(folder: Path) -> Iterator[Path]:
    """Every file and link below a folder. What the folder tells of its entries is enough: asking each is slow."""
    with os.scandir(folder) as entries:
        for entry in sorted(entries, key=lambda entry: entry.name):
            if entry.is_dir(follow_symlinks=False):
                yield from files_below(folder / entry.name)
            else:
                yield folder / entry.name


def read(path: Path) -> bytes:
    """The bytes of a small file of a stick; a worn or pulled stick is told as a damaged one."""
    try:
        return path.read_bytes()
    except OSError as error:
        raise StoreDamaged(DAMAGED.format(f"không đọc được {path.name}"), detail=str(error)) from error


def digest(path: Path) -> str:
    """The SHA-256 of a file; a worn or pulled stick is told as a damaged one."""
    try:
        return files.digest_of(path).sha256
    except OSError as error:
        raise StoreDamaged(DAMAGED.format(f"không đọc được {path.name}"), detail=str(error)) from error
