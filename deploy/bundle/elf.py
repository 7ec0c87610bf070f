"""The proof that a Linux payload starts on the oldest system we name: no ELF file asks for a newer glibc."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

from deploy.bundle.checkout import BundleError, files_under

FLOOR = (2, 36)
# What stays the target's: glibc's own parts, and the two of GCC, which every Debian and Ubuntu has. Ours would hide
# newer ones from the driver of a signing token.
SYSTEM = re.compile(
    r"^(libc|libm|libdl|libpthread|librt|libresolv|libutil|libgcc_s|libstdc\+\+|ld-linux-x86-64)\.so\.\d+$"
)


def elf_files(folder: Path) -> list[Path]:
    """Every ELF file below a folder."""
    found = []
    for path in files_under(folder):
        with path.open("rb") as file:
            if file.read(4) == b"\x7fELF":
                found.append(path)
    return found


def needs(path: Path) -> tuple[tuple[int, int], list[str]]:
    """The newest glibc that a file asks for, and the libraries it names."""
    if shutil.which("readelf") is None:
        raise BundleError("readelf is missing: install the Debian package binutils")
    text = subprocess.run(
        ["readelf", "-W", "-d", "-V", str(path)], capture_output=True, text=True, check=True, timeout=60
    ).stdout
    versions = [(int(major), int(minor)) for major, minor in re.findall(r"Name: GLIBC_(\d+)\.(\d+)", text)]
    return max(versions, default=(0, 0)), re.findall(r"\(NEEDED\).*\[(.+)\]", text)


def check_floor(folder: Path) -> tuple[int, int]:
    """The newest glibc that any file below asks for; raises BundleError over the floor or when a library is absent."""
    files = elf_files(folder)
    present = {path.name for path in files}
    newest, complaints = (0, 0), []
    for path in files:
        glibc, libraries = needs(path)
        newest = max(newest, glibc)
        name = path.relative_to(folder)
        if glibc > FLOOR:
            complaints.append(f"{name} asks for glibc {glibc[0]}.{glibc[1]}, the floor is {FLOOR[0]}.{FLOOR[1]}")
        complaints += [
            f"{name} needs {library}, which the bundle lacks"
            for library in libraries
            if library not in present and not SYSTEM.match(library)
        ]
    if complaints:
        raise BundleError("this Linux payload would not start everywhere:\n" + "\n".join(complaints))
    return newest
