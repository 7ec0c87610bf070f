"""CAI-DAT.exe: a signed Windows stick inside an NSIS installer that only copies and calls."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from pathlib import Path

from deploy.bundle.checkout import DEPLOY, BundleError, Release, files_under

SCRIPT = DEPLOY / "windows" / "installer.nsi"
COMPRESSIONS = ("zlib", "lzma")
TIMEOUT_SECONDS = 1800


def build(out: Path, inner: Path, release: Release, compression: str) -> None:
    """Packs a signed Windows stick into an installer; the same stick gives the same bytes."""
    if shutil.which("makensis") is None:
        raise BundleError("makensis is missing: install the Debian package nsis")
    if compression not in COMPRESSIONS:
        raise BundleError(f"{compression} is none of {', '.join(COMPRESSIONS)}")
    with tempfile.TemporaryDirectory() as work:
        files = Path(work) / "files.nsh"
        files.write_text(file_lines(inner), encoding="utf-8")
        command = ["makensis", "-V2", "-NOCD", "-INPUTCHARSET", "UTF8", f"-DVERSION={release.version}"]
        command += [f"-DCOMPRESSION={compression}", f"-DOUT={out.resolve()}", f"-DFILES={files}", str(SCRIPT)]
        environment = dict(os.environ) | {"SOURCE_DATE_EPOCH": str(release.epoch)}
        done = subprocess.run(
            command, cwd=inner, env=environment, capture_output=True, text=True, check=False, timeout=TIMEOUT_SECONDS
        )
    if done.returncode or not out.is_file():
        raise BundleError(f"makensis failed:\n{done.stdout}{done.stderr}")


def file_lines(inner: Path) -> str:
    """What NSIS copies, named file by file: its own way through a folder follows the disk's order."""
    lines: list[str] = []
    folder = None
    for path in files_under(inner):
        inside = path.relative_to(inner)
        if inside.parent != folder:
            folder = inside.parent
            lines.append('SetOutPath "' + "\\".join(["${STICK}", *folder.parts]) + '"')
        lines.append(f'File "{inside.as_posix()}"')
    return "\n".join(lines) + "\n"
