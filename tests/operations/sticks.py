"""Light sticks: a release is a copy of this checkout's package with another version, signed by a throw-away key.

Its `bin/commune-portal` starts this computer's interpreter on that copy, so registers, pages and verbs are the real
ones; only interpreter and wheels are not carried.
"""

from __future__ import annotations

import base64
import gzip
import hashlib
import io
import json
import os
import shutil
import sys
import tarfile
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from commune_portal.operations.publisher import PublicKey
from commune_portal.store import migrate
from deploy.bundle.compiling import compile_tree

PACKAGE = Path(__file__).resolve().parents[2] / "commune_portal"
SCHEMA = len(migrate.migrations())
WRAPPER = """#!/bin/sh
H=$(CDPATH= cd -- "$(dirname -- "$0")/.." && pwd -P)
PYTHONPATH=$H/site-packages PYTHONDONTWRITEBYTECODE=1 exec {python} -m commune_portal "$@"
"""

Change = Callable[[Path], None]
"""What makes a release different: it is given the release's folder."""


@dataclass(frozen=True)
class Publisher:
    """Somebody who signs sticks."""

    secret: Ed25519PrivateKey = field(default_factory=Ed25519PrivateKey.generate)
    key_id: bytes = field(default_factory=lambda: os.urandom(8))

    @property
    def key(self) -> PublicKey:
        return PublicKey(self.key_id, self.secret.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw))

    def sign(self, data: bytes, comment: str, algorithm: bytes = b"ED") -> str:
        """A signature file as minisign writes it."""
        signature = self.secret.sign(hashlib.blake2b(data).digest() if algorithm == b"ED" else data)
        both = self.secret.sign(signature + comment.encode())
        line = base64.b64encode(algorithm + self.key_id + signature).decode()
        return f"untrusted comment: test\n{line}\ntrusted comment: {comment}\n{base64.b64encode(both).decode()}\n"


def make_release(folder: Path, version: str, seq: int, *changes: Change, schema: int = SCHEMA) -> Path:
    """A release folder with this checkout's package under another version, and its manifest."""
    shutil.copytree(PACKAGE, folder / "site-packages" / "commune_portal", ignore=shutil.ignore_patterns("__pycache__"))
    _replace(folder / "site-packages/commune_portal/__init__.py", '__version__ = "', f'__version__ = "{version}" # "')
    wrapper = folder / "bin" / "commune-portal"
    wrapper.parent.mkdir()
    wrapper.write_text(WRAPPER.format(python=sys.executable), encoding="utf-8")
    wrapper.chmod(0o755)
    facts = {"version": version, "release_seq": seq, "schema": schema, "python": {"linux": "3.11"}, "platform": "linux"}
    (folder / "release.json").write_text(json.dumps(facts), encoding="utf-8")
    for change in changes:
        change(folder)
    compile_tree(folder, "site-packages")  # as a release is; copied to a computer, what lay beside the sources is stale
    (folder / "FILES.sha256").write_text(_sums(folder), encoding="utf-8")
    return folder


def make_stick(folder: Path, release: Path, publisher: Publisher, *, packed: bool = False) -> Path:
    """A stick with one release for Linux, plain or packed."""
    bundle = folder / "bundle" / "linux"
    facts = json.loads((release / "release.json").read_bytes())
    if packed:
        bundle.mkdir(parents=True)
        _pack(release, bundle / "payload.tar.gz")
    else:
        shutil.copytree(release, bundle, copy_function=_link)
    (folder / "bundle" / "release.json").write_text(json.dumps(facts), encoding="utf-8")
    (folder / "HUONG-DAN.pdf").write_bytes(b"%PDF-1.7\n")
    (folder / "sao-luu").mkdir()
    (folder / "sao-luu" / "DOC-TOI.txt").write_text("Bản sao lưu nằm ở đây.\n", encoding="utf-8")
    sign_stick(folder, publisher)
    return folder


def sign_stick(folder: Path, publisher: Publisher) -> None:
    """Writes sums, signature and key anew."""
    for name in ("SHA256SUMS", "SHA256SUMS.minisig", "publisher.pub"):
        (folder / name).unlink(missing_ok=True)
    facts = json.loads((folder / "bundle" / "release.json").read_bytes())
    (folder / "publisher.pub").write_text(publisher.key.text, encoding="utf-8")
    sums = _sums(folder, {"publisher.pub.next", "publisher.pub.next.minisig"})
    (folder / "SHA256SUMS").write_text(sums, encoding="utf-8")
    comment = f"commune-portal version={facts['version']} release_seq={facts['release_seq']}"
    (folder / "SHA256SUMS.minisig").write_text(publisher.sign(sums.encode(), comment), encoding="utf-8")


def edit(name: str, old: str, new: str) -> Change:
    """A change of one place in a module of the release."""

    def change(folder: Path) -> None:
        _replace(folder / "site-packages" / "commune_portal" / name, old, new)

    return change


def one_more_migration(sql: str = "CREATE TABLE later (id INTEGER PRIMARY KEY) STRICT;\n") -> Change:
    """A migration that this checkout does not have."""

    def change(folder: Path) -> None:
        name = f"{SCHEMA + 1:04}_later.sql"
        (folder / "site-packages/commune_portal/store/migrations" / name).write_text(sql, encoding="utf-8")

    return change


def _replace(path: Path, old: str, new: str) -> None:
    text = path.read_text(encoding="utf-8")
    assert old in text, (path, old)
    path.unlink()  # it may be a link to the checkout's own file
    path.write_text(text.replace(old, new, 1), encoding="utf-8")


def _link(source: str, target: str) -> None:
    os.link(source, target)


def _sums(folder: Path, but: set[str] = frozenset()) -> str:  # type: ignore[assignment] # an empty set is one
    names = sorted(
        path.relative_to(folder).as_posix()
        for path in folder.rglob("*")
        if path.is_file() and path.relative_to(folder).as_posix() not in but
    )
    return "".join(f"{hashlib.sha256((folder / name).read_bytes()).hexdigest()}  {name}\n" for name in names)


def _pack(folder: Path, target: Path) -> None:
    raw = io.BytesIO()
    with tarfile.open(fileobj=raw, mode="w") as archive:
        archive.add(folder, ".")
    target.write_bytes(gzip.compress(raw.getvalue(), 1))
