"""The layers of a bundle, kept by the digest of what decides them: the interpreter with its wheels, and our package."""

from __future__ import annotations

import hashlib
import json
import shutil
import sys
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from deploy.bundle import linux_runtime, package, sums, wheels, windows_runtime
from deploy.bundle.checkout import DEPLOY, DOWNLOADS, LAYERS, ROOT, Platform, Release, files_under, sha256_of
from deploy.bundle.compiling import compile_tree
from deploy.bundle.elf import check_floor
from deploy.bundle.locks import read_requirements_lock, read_runtime_lock

PACKAGE_LAYERS_KEPT = 12


@dataclass(frozen=True, slots=True)
class Layer:
    """A finished folder that nobody changes, and the list of its files' hashes beside it."""

    folder: Path

    def sums(self) -> dict[str, str]:
        """The hash of each of its files."""
        return sums.from_text(self.beside(".sha256").read_text(encoding="utf-8"))

    def beside(self, ending: str) -> Path:
        """A file kept with the layer under its name and an ending."""
        return self.folder.with_name(self.folder.name + ending)


def digest_of(parts: Iterable[str], files: Iterable[Path], root: Path = ROOT) -> str:
    """A short digest over words and the names and contents of files."""
    digest = hashlib.sha256()
    for part in parts:
        digest.update(part.encode() + b"\0")
    for path in files:
        digest.update(f"{path.relative_to(root)}\0{sha256_of(path)}\0".encode())
    return digest.hexdigest()[:16]


# What has no part in a layer; everything else in deploy/ decides what is in it.
WITHOUT_PART = {
    *("build_bundle.py", "facts.py", "handover.py", "installer.py", "refreshing.py", "releases.py", "signature.py"),
    *("stick.py", "installer.nsi", "cai-dat.sh", "setup-here.sh", "release.toml"),
}


def _builder_files() -> list[Path]:
    found = [path for path in files_under(DEPLOY) if "__pycache__" not in path.parts]
    return [path for path in found if path.name not in WITHOUT_PART]


def _made(layers: Path, name: str, fill: Callable[[Path], None]) -> Layer:
    """The layer of that name, filled aside and renamed, so that a broken build is not taken for a good one."""
    layer = Layer(layers / name)
    if not layer.folder.is_dir():
        part = layers / f"{name}.part"
        shutil.rmtree(part, ignore_errors=True)
        part.mkdir(parents=True)
        fill(part)
        layer.beside(".sha256").write_text(sums.as_text(sums.sums_of(part)), encoding="utf-8")
        part.rename(layer.folder)
    layer.folder.touch()
    return layer


def runtime(platform: Platform, layers: Path = LAYERS, downloads: Path = DOWNLOADS) -> Layer:
    """The interpreter of a system with its wheels, compiled and checked; built once for a state of the locks."""

    def fill(folder: Path) -> None:
        lock = read_runtime_lock()
        if platform is Platform.LINUX:
            linux_runtime.build(folder, lock.debs)
        else:
            windows_runtime.build(folder, lock)
        for wheel in wheels.download(read_requirements_lock(), platform, downloads):
            wheels.unpack(wheel, folder / "site-packages", wheels.is_pruned)
        if platform is Platform.LINUX:
            compile_tree(folder, "lib/python3.11", "site-packages")
            check_floor(folder)
        else:
            windows_runtime.finish(folder)
            compile_tree(folder, "site-packages")

    key = digest_of([sys.version], _builder_files())
    name = f"{platform.value}-{key}"
    layer = _made(layers, name, fill)
    _drop_others(layers, f"{platform.value}-", 1)
    return layer


def ours(release: Release, overlay: Mapping[str, str], layers: Path = LAYERS, source: Path = ROOT) -> Layer:
    """Our package in the version of a release, for both systems."""
    from hatch_build import is_vendored, vendor  # type: ignore[import-not-found,unused-ignore]

    if not is_vendored(source):
        vendor(source)
    files = [path for path in files_under(source / "commune_portal") if "__pycache__" not in path.parts]
    files += [source / name for name in package.BUILD_FILES]
    words = [sys.version, release.version, str(release.epoch), json.dumps(dict(overlay), sort_keys=True)]
    words += [digest_of([], _builder_files())]
    key = digest_of(words, files, source)
    layer = _made(layers, f"package-{key}", lambda folder: package.build(folder, release, overlay, source))
    _drop_others(layers, "package-", PACKAGE_LAYERS_KEPT)
    return layer


def _drop_others(layers: Path, beginning: str, kept: int) -> None:
    """Removes the layers that were not wanted for longest, with what lies beside them."""
    folders = [path for path in layers.glob(f"{beginning}*") if path.is_dir() and not path.name.endswith(".part")]
    for old in sorted(folders, key=lambda path: path.stat().st_mtime, reverse=True)[kept:]:
        for path in layers.glob(f"{old.name}*"):
            if path.is_dir():
                shutil.rmtree(path)
            else:
                path.unlink()
