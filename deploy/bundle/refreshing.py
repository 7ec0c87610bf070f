"""`make lock`: writes both locks anew from what Debian's archive and the package index offer today."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import tomllib
from pathlib import Path
from typing import Any

from packaging.requirements import Requirement

from deploy.bundle.checkout import REQUIREMENTS_LOCK, ROOT, RUNTIME_LOCK, BundleError, Platform
from deploy.bundle.debian import newest
from deploy.bundle.locks import read_runtime_lock
from deploy.bundle.wheels import TAGS

# What libpython, the extension modules that are carried (linux_runtime.py) and nginx link against.
DEBS = (
    "libpython3.11-minimal",
    "libpython3.11-stdlib",
    "python3.11-minimal",
    "libcrypt1",
    "libbz2-1.0",
    "libexpat1",
    "libffi8",
    "liblzma5",
    "libsqlite3-0",
    "libssl3",
    "libuuid1",
    "zlib1g",
    "nginx",
    "libpcre2-8-0",
)

WINDOWS = {
    "sys_platform": "win32",
    "platform_system": "Windows",
    "os_name": "nt",
    "platform_machine": "AMD64",
    "python_version": "3.11",
    "python_full_version": "3.11.9",
    "implementation_name": "cpython",
    "platform_python_implementation": "CPython",
    "extra": "",
}
LINUX = WINDOWS | {
    "sys_platform": "linux",
    "platform_system": "Linux",
    "os_name": "posix",
    "platform_machine": "x86_64",
}
ENVIRONMENTS = {Platform.LINUX: LINUX, Platform.WINDOWS: WINDOWS}


def refresh() -> str:
    """Writes both locks; answers a sentence on what changed."""
    changed = [path.name for path, text in _texts() if _replace(path, text)]
    return f"changed: {', '.join(changed)}; test and commit" if changed else "both locks are as the archives are"


def _texts() -> list[tuple[Path, str]]:
    return [(RUNTIME_LOCK, runtime_text()), (REQUIREMENTS_LOCK, requirements_text())]


def _replace(path: Path, text: str) -> bool:
    if path.is_file() and path.read_text(encoding="utf-8") == text:
        return False
    path.write_text(text, encoding="utf-8")
    return True


def runtime_text(path: Path = RUNTIME_LOCK) -> str:
    """The runtime lock with the newest Debian packages; the Windows interpreter's lines stay."""
    read_runtime_lock(path)
    kept = [line for line in path.read_text(encoding="utf-8").splitlines() if not line.startswith("deb ")]
    found = newest(set(DEBS))
    if missing := sorted(set(DEBS) - set(found)):
        raise BundleError(f"Debian's archive has no {', '.join(missing)}")
    debs = (found[name] for name in DEBS)
    return "\n".join([*kept, *(f"deb {deb.sha256} {deb.name} {deb.version} {deb.path}" for deb in debs)]) + "\n"


def requirements_text() -> str:
    """The requirements lock: what pip resolves for each system, one version of a thing for both."""
    roots = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["dependencies"]
    linux = _resolve(Platform.LINUX, roots, {})
    versions = {name: version for name, (version, _) in linux.items()}
    windows = _resolve(Platform.WINDOWS, roots, versions)
    lines = [
        "# The wheels of the bundle, by hash, for CPython 3.11 on both systems. Written by `make lock`.",
    ]
    for name in sorted(linux.keys() | windows.keys()):
        here = {found for found in (linux.get(name), windows.get(name)) if found}
        marker = "" if name in linux and name in windows else _marker(name in windows)
        version = next(iter(here))[0]
        lines.append(f"{name}=={version}{marker} \\")
        hashes = sorted({sha256 for _, sha256 in here})
        lines += [f"    --hash=sha256:{value}" + (" \\" if value != hashes[-1] else "") for value in hashes]
    return "\n".join(lines) + "\n"


def _marker(windows: bool) -> str:  # noqa: FBT001
    return f' ; sys_platform == "{"win32" if windows else "linux"}"'


def _resolve(platform: Platform, roots: list[str], versions: dict[str, str]) -> dict[str, tuple[str, str]]:
    """Name -> (version, SHA-256) for a system.

    pip weighs markers against the machine it runs on, so what only the other system needs is found here: the markers
    of everything resolved are weighed against the target, and pip is asked again until nothing is added.
    """
    environment = ENVIRONMENTS[platform]
    wanted = taken(roots, environment)
    while True:
        report = _report(platform, sorted(wanted), versions)
        needed = set(wanted)
        for item in report:
            needed |= taken(item["metadata"].get("requires_dist", []), environment)
        names = {canonical(item["metadata"]["name"]) for item in report}
        added = {text for text in needed if canonical(Requirement(text).name) not in names}
        if not added:
            return {canonical(item["metadata"]["name"]): _pinned(item) for item in report}
        wanted |= added


def taken(requirements: list[str], environment: dict[str, str]) -> set[str]:
    """The requirements that a system takes, without their markers."""
    taken = set()
    for requirement in map(Requirement, requirements):
        if requirement.marker is None or requirement.marker.evaluate(environment):
            requirement.marker = None
            taken.add(str(requirement))
    return taken


def canonical(name: str) -> str:
    """A project's name as the index normalises it."""
    return name.lower().replace("_", "-").replace(".", "-")


def _pinned(item: dict[str, Any]) -> tuple[str, str]:
    return item["metadata"]["version"], item["download_info"]["archive_info"]["hashes"]["sha256"]


def _report(platform: Platform, requirements: list[str], versions: dict[str, str]) -> list[dict[str, Any]]:
    with tempfile.TemporaryDirectory() as work:
        constraints = Path(work) / "constraints.txt"
        constraints.write_text("".join(f"{name}=={version}\n" for name, version in versions.items()), encoding="utf-8")
        report = Path(work) / "report.json"
        command = [sys.executable, "-m", "pip", "install", "--quiet", "--dry-run", "--ignore-installed"]
        command += ["--report", str(report), "--target", work, "--constraint", str(constraints), *TAGS[platform]]
        done = subprocess.run([*command, *requirements], capture_output=True, text=True, check=False, timeout=900)
        if done.returncode:
            raise BundleError(f"pip cannot resolve the requirements for {platform.value}:\n{done.stderr}")
        items: list[dict[str, Any]] = json.loads(report.read_text(encoding="utf-8"))["install"]
        return items
