"""Our own wheel, built from the checkout and unpacked: the layer of a bundle that changes with every release."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

from deploy.bundle.checkout import ROOT, BundleError, Release
from deploy.bundle.compiling import compile_tree
from deploy.bundle.wheels import is_record, unpack

BUILD_FILES = ("pyproject.toml", "README.md", "hatch_build.py", "hatch_tinos.py", "package.json", "package-lock.json")
MORE_BUILD_FILES = ("assets.toml", ".npmrc")
VERSION_LINE = re.compile(r'^__version__ = "[^"]*"$', re.MULTILINE)


def build(folder: Path, release: Release, overlay: Mapping[str, str], source: Path = ROOT) -> None:
    """Fills `folder`/site-packages with the package of a checkout, in the version the release names.

    `overlay` replaces or adds files of the package (path inside it -> text): releases that are broken on purpose.
    """
    with tempfile.TemporaryDirectory() as work:
        staged = Path(work) / "checkout"
        _stage(source, staged, release.version, overlay)
        wheel = _wheel(staged, Path(work) / "dist", release)
        unpack(wheel, folder / "site-packages", is_record)
    compile_tree(folder, "site-packages")


def _stage(source: Path, staged: Path, version: str, overlay: Mapping[str, str]) -> None:
    staged.mkdir()
    for name in (*BUILD_FILES, *MORE_BUILD_FILES):
        if (source / name).is_file():
            shutil.copy(source / name, staged / name)
    package = staged / "commune_portal"
    shutil.copytree(source / "commune_portal", package, ignore=shutil.ignore_patterns("__pycache__"))
    first = package / "__init__.py"
    text, replaced = VERSION_LINE.subn(f'__version__ = "{version}"', first.read_text(encoding="utf-8"))
    if replaced != 1:
        raise BundleError('commune_portal/__init__.py has no line __version__ = "…"')
    first.write_text(text, encoding="utf-8")
    for path, content in overlay.items():
        (package / path).parent.mkdir(parents=True, exist_ok=True)
        (package / path).write_text(content, encoding="utf-8")


def _wheel(staged: Path, out: Path, release: Release) -> Path:
    environment = dict(os.environ) | {"SOURCE_DATE_EPOCH": str(release.epoch)}
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(out)]
    done = subprocess.run(
        command, cwd=staged, env=environment, capture_output=True, text=True, check=False, timeout=900
    )
    wheels = sorted(out.glob("*.whl")) if out.is_dir() else []
    if done.returncode or len(wheels) != 1:
        raise BundleError(f"our own wheel could not be built:\n{done.stdout}{done.stderr}")
    return wheels[0]
