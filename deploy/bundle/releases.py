"""Release folders: the layers of a system put together under one list of hashes."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from deploy.bundle import facts, sums, tarball
from deploy.bundle.checkout import Platform, Release, files_under
from deploy.bundle.layers import Layer
from deploy.bundle.locks import read_runtime_lock

MANIFEST = "FILES.sha256"
RELEASE_FILE = "release.json"


def linux(out: Path, release: Release, schema: int, runtime: Layer, ours: Layer, work: Path) -> None:
    """Writes the Linux payload; the interpreter's part of it is kept packed with its layer."""
    head = _head(work / "head", release, schema, Platform.LINUX, runtime, ours)
    packed = runtime.beside(f".{release.epoch}.gz")
    if not packed.is_file():
        part = packed.with_name(f"{packed.name}.part")
        tarball.write_layer(part, runtime.folder, files_under(runtime.folder), release.epoch)
        part.replace(packed)
    pieces = [work / "head.gz", packed, work / "ours.gz"]
    tarball.write_layer(pieces[0], head, files_under(head), release.epoch)
    tarball.write_layer(pieces[2], ours.folder, files_under(ours.folder), release.epoch)
    out.parent.mkdir(parents=True, exist_ok=True)
    tarball.join(out, pieces)


def windows(folder: Path, release: Release, schema: int, runtime: Layer, ours: Layer) -> None:
    """Fills a folder with the plain Windows release."""
    shutil.copytree(runtime.folder, folder)
    shutil.copytree(ours.folder, folder, dirs_exist_ok=True)
    _head(folder, release, schema, Platform.WINDOWS, runtime, ours)


def _head(folder: Path, release: Release, schema: int, platform: Platform, runtime: Layer, ours: Layer) -> Path:
    """Writes what names a release and its files; answers the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    named = folder / RELEASE_FILE
    text = facts.as_json(release, read_runtime_lock(), schema, platform)
    named.write_text(text, encoding="utf-8", newline="\n")
    listed = runtime.sums() | ours.sums() | sums.sums_of_file(named)
    (folder / MANIFEST).write_text(sums.as_text(listed), encoding="utf-8", newline="\n")
    return folder


def date_files(folder: Path, epoch: int) -> None:
    """Gives every file and folder below one the same time."""
    for path in [folder, *folder.rglob("*")]:
        os.utime(path, (epoch, epoch))
