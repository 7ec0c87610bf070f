"""Debian's archive: its signed index, and the files inside a .deb, read without dpkg."""

from __future__ import annotations

import hashlib
import io
import lzma
import re
import subprocess
import tarfile
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from deploy.bundle.checkout import BundleError
from deploy.bundle.downloads import Gone, debian_url, fetch, read_url
from deploy.bundle.locks import Deb

SUITES = (
    ("debian", "bookworm"),
    ("debian", "bookworm-updates"),
    ("debian-security", "bookworm-security"),
)
INDEX = "main/binary-amd64/Packages.xz"
KEYRING = Path("/usr/share/keyrings/debian-archive-keyring.gpg")


@dataclass(frozen=True, slots=True)
class Candidate:
    """A package as the archive offers it now."""

    name: str
    version: str
    sha256: str
    path: str


def fetch_deb(deb: Deb) -> Path:
    """The package file of a line of the lock; when the archive dropped it, the error names the line and what is new."""
    try:
        return fetch(debian_url(deb.path), deb.sha256)
    except Gone as error:
        now = newest({deb.name}).get(deb.name)
        instead = f"it now has {now.version}" if now else "it has no package of that name any more"
        raise BundleError(
            f"deploy/runtime.lock line {deb.line} is stale: Debian's archive no longer has {deb.name} {deb.version}, "
            f"{instead}. Run `make lock`, test, and commit the lock."
        ) from error


def newest(names: set[str]) -> dict[str, Candidate]:
    """The newest version of each named package over bookworm, its updates and its security updates."""
    best: dict[str, Candidate] = {}
    for archive, suite in SUITES:
        for candidate in _candidates(archive, signed_index(archive, suite)):
            if candidate.name in names:
                present = best.get(candidate.name)
                if present is None or is_newer(candidate.version, present.version):
                    best[candidate.name] = candidate
    return best


def is_newer(version: str, than: str) -> bool:
    """Whether Debian orders one version after another."""
    return subprocess.run(["dpkg", "--compare-versions", version, "gt", than], check=False).returncode == 0


def signed_index(archive: str, suite: str) -> str:
    """The list of packages of a suite, checked against Debian's signature over the suite."""
    base = f"{archive}/dists/{suite}"
    release = _verified(read_url(debian_url(f"{base}/InRelease")), suite)
    # The hash lists come one after another; a SHA-256 line is the one with 64 digits.
    found = re.search(rf"^ ([0-9a-f]{{64}}) +\d+ {re.escape(INDEX)}$", release, re.MULTILINE)
    if found is None:
        raise BundleError(f"Debian's {suite} does not list {INDEX}")
    packed = read_url(debian_url(f"{base}/main/binary-amd64/by-hash/SHA256/{found[1]}"))
    if hashlib.sha256(packed).hexdigest() != found[1]:
        raise BundleError(f"Debian's list of {suite} does not have the hash its signed release names")
    return lzma.decompress(packed).decode("utf-8")


def _verified(signed: bytes, suite: str) -> str:
    if not KEYRING.is_file():
        raise BundleError(f"{KEYRING} is missing: install the Debian package debian-archive-keyring")
    with tempfile.TemporaryDirectory() as work:
        path = Path(work) / "InRelease"
        path.write_bytes(signed)
        checked = subprocess.run(
            ["gpgv", "--keyring", str(KEYRING), "--output", "-", str(path)],
            capture_output=True,
            check=False,
            timeout=60,
        )
    if checked.returncode:
        raise BundleError(
            f"Debian's signature over {suite} does not verify: {checked.stderr.decode('utf-8', 'replace')}"
        )
    return checked.stdout.decode("utf-8")


def _candidates(archive: str, index: str) -> Iterator[Candidate]:
    for paragraph in index.split("\n\n"):
        fields = dict(re.findall(r"^(Package|Version|SHA256|Filename): (.*)$", paragraph, re.MULTILINE))
        if len(fields) == 4:
            yield Candidate(fields["Package"], fields["Version"], fields["SHA256"], f"{archive}/{fields['Filename']}")


def members(deb: Path) -> Iterator[tuple[str, bytes, str]]:
    """The files of a package as (path, content, link target); a file has no target, a link no content."""
    with tarfile.open(fileobj=io.BytesIO(_data_tar(deb)), mode="r:*") as archive:
        for member in archive:
            path = member.name.removeprefix("./")
            if member.issym():
                yield path, b"", member.linkname
            elif member.isfile():
                file = archive.extractfile(member)
                yield path, file.read() if file else b"", ""


def _data_tar(deb: Path) -> bytes:
    """The data archive out of the `ar` container: a magic, then 60-byte headers, contents padded to even length."""
    content = deb.read_bytes()
    if not content.startswith(b"!<arch>\n"):
        raise BundleError(f"{deb.name} is not a Debian package")
    at = 8
    while at < len(content):
        name, size = content[at : at + 16].decode("ascii").strip(), int(content[at + 48 : at + 58])
        if name.startswith("data.tar"):
            return content[at + 60 : at + 60 + size]
        at += 60 + size + size % 2
    raise BundleError(f"{deb.name} holds no data archive")
