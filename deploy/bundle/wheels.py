"""The wheels: downloaded by hash for a system that is not this one, unpacked, and pruned of what never runs."""

from __future__ import annotations

import re
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Callable
from pathlib import Path, PurePosixPath

from deploy.bundle.checkout import DOWNLOADS, BundleError, Platform, sha256_of
from deploy.bundle.locks import Wheel

_CPYTHON = ("--only-binary=:all:", "--python-version", "3.11", "--implementation", "cp")

# pip does not widen 2_28 to the older tags, and by itself chooses wheels for a newer glibc than Debian 12's: name all.
TAGS = {
    Platform.LINUX: (
        *_CPYTHON,
        *("--platform", "manylinux_2_28_x86_64"),
        *("--platform", "manylinux_2_17_x86_64"),
        *("--platform", "manylinux2014_x86_64"),
    ),
    Platform.WINDOWS: (*_CPYTHON, "--platform", "win_amd64"),
}


def download(wheels: tuple[Wheel, ...], platform: Platform, downloads: Path = DOWNLOADS) -> list[Path]:
    """The wheel files of a system; those whose hash lies in the cache are not asked for again."""
    folder = downloads / f"wheels-{platform.value}"
    folder.mkdir(parents=True, exist_ok=True)
    wanted = [wheel for wheel in wheels if platform in wheel.platforms]
    found = _by_hash(folder)
    absent = [wheel for wheel in wanted if not wheel.hashes & found.keys()]
    if absent:
        _pip_download(absent, platform, folder)
        found = _by_hash(folder)
    return [_file_of(wheel, found) for wheel in wanted]


def _by_hash(folder: Path) -> dict[str, Path]:
    return {sha256_of(path): path for path in sorted(folder.glob("*.whl"))}


def _file_of(wheel: Wheel, found: dict[str, Path]) -> Path:
    hashes = wheel.hashes & found.keys()
    if not hashes:
        raise BundleError(
            f"deploy/requirements.lock line {wheel.line}: pip brought no wheel of {wheel.name} by its hash"
        )
    return found[min(hashes)]


def _pip_download(wheels: list[Wheel], platform: Platform, folder: Path) -> None:
    with tempfile.TemporaryDirectory() as work:
        requirements = Path(work) / "requirements.txt"
        requirements.write_text("".join(wheel.as_requirement() + "\n" for wheel in wheels), encoding="utf-8")
        command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--require-hashes"]
        command += ["--dest", str(folder), *TAGS[platform], "--requirement", str(requirements)]
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=1800)
    if done.returncode:
        raise BundleError(stale_line(done.stderr, wheels))


def stale_line(complaint: str, wheels: list[Wheel]) -> str:
    """What pip complained of, led by the line of the lock that it is about."""
    for wheel in wheels:
        if re.search(rf"\b{re.escape(wheel.name)}[=\[-]+{re.escape(wheel.version)}\b", complaint, re.IGNORECASE):
            return (
                f"deploy/requirements.lock line {wheel.line} is stale: the index no longer has {wheel.name} "
                f"{wheel.version} of that hash. Run `make lock`, test, and commit the lock.\n{complaint}"
            )
    return f"pip could not download the wheels of deploy/requirements.lock:\n{complaint}"


# A wheel's *.data folder: what belongs on the import path; scripts, headers and the rest have no place in a bundle.
IMPORTED = ("purelib", "platlib")


def unpack(wheel: Path, folder: Path, is_left_out: Callable[[str], bool]) -> None:
    """Unpacks a wheel onto an import path, without what `is_left_out` says."""
    with zipfile.ZipFile(wheel) as archive:
        for entry in archive.infolist():
            inside = _inside(entry.filename)
            if entry.is_dir() or inside is None or is_left_out(inside):
                continue
            target = folder / inside
            if folder.resolve() not in target.resolve().parents:
                raise BundleError(f"{wheel.name} holds the path {entry.filename}, which leaves its folder")
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(archive.read(entry))


def _inside(name: str) -> str | None:
    parts = PurePosixPath(name).parts
    if parts and parts[0].endswith(".data"):
        return "/".join(parts[2:]) if parts[1] in IMPORTED else None
    return name


PRUNED_FOLDERS = re.compile(r"(^|/)(tests?|__pycache__)/")
PRUNED_FILES = re.compile(r"\.(pyi|pyx|pxd|pxi|c|h|cpp|hpp|lib|a|map|chm)$|(^|/)RECORD$")
# What nothing in the bundle imports; a test looks through every module that is carried.
PRUNED = (
    # Names of holidays in the languages of other countries.
    re.compile(r"^holidays/locale/(?!vi/|en_US/)"),
    # Of lxml, python-docx and pyHanko take the element tree alone.
    re.compile(r"^lxml/(objectify\.|isoschematron/|html/|includes/|sax\.|doctestcompare\.|(pyclass|use)\w+\.)"),
    # A picture format that no form prints; Pillow looks whether it is there.
    re.compile(r"^(PIL/_avif\.|pillow\.libs/libavif)"),
    # Of pywin32, services need the win32 modules alone: the editor, the shell's and ActiveX's parts, examples go.
    re.compile(r"^(pythonwin|win32comext|isapi|adodbapi|win32/(Demos|scripts)|win32com/(demos|HTML|makegw|servers))/"),
)


def is_pruned(path: str) -> bool:
    """Whether a file of a wheel is left out: tests, sources of extension modules, and what is never imported."""
    return bool(PRUNED_FOLDERS.search(path) or PRUNED_FILES.search(path) or any(one.search(path) for one in PRUNED))


def is_record(path: str) -> bool:
    """Whether a file is the list of a wheel's files, which is no longer true once it is unpacked and compiled."""
    return path.endswith(".dist-info/RECORD")
