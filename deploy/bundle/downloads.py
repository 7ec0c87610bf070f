"""Fetching pinned files: every one is compared with its SHA-256, from the network and from the cache alike."""

from __future__ import annotations

import hashlib
import html
import os
import re
import ssl
import urllib.error
import urllib.request
from pathlib import Path
from urllib.parse import urljoin

from deploy.bundle.checkout import DOWNLOADS, BundleError, sha256_of

TIMEOUT_SECONDS = 120
DEBIAN_MIRROR = "http://deb.debian.org"


class Gone(BundleError):
    """The server no longer has the file; a refreshed lock names the present one."""


def read_url(url: str) -> bytes:
    """What an address answers, whole; raises Gone for 404 and 410, BundleError for anything else that fails."""
    context = ssl.create_default_context(cafile=os.environ.get("PIP_CERT") or None)
    try:
        with urllib.request.urlopen(url, timeout=TIMEOUT_SECONDS, context=context) as answer:
            return bytes(answer.read())
    except urllib.error.HTTPError as error:
        if error.code in (404, 410):
            raise Gone(f"{url} is no longer there") from error
        raise BundleError(f"{url} answered {error.code}") from error
    except (urllib.error.URLError, OSError) as error:
        raise BundleError(f"{url} could not be fetched ({error}); is there a network?") from error


def fetch(url: str, sha256: str, folder: Path = DOWNLOADS) -> Path:
    """The file behind an address, cached under its hash; a file with another hash is never kept."""
    kept = folder / f"{sha256[:16]}-{url.rsplit('/', 1)[-1]}"
    if kept.is_file() and sha256_of(kept) == sha256:
        return kept
    content = read_url(url)
    found = hashlib.sha256(content).hexdigest()
    if found != sha256:
        raise BundleError(f"{url} has the SHA-256 {found}, the lock says {sha256}")
    folder.mkdir(parents=True, exist_ok=True)
    part = kept.with_name(f"{kept.name}.{os.getpid()}.part")
    part.write_bytes(content)
    part.replace(kept)
    return kept


def debian_url(path: str) -> str:
    """The address of a file of Debian's archive, `path` beginning with debian/ or debian-security/."""
    return f"{os.environ.get('DEBIAN_MIRROR', DEBIAN_MIRROR).rstrip('/')}/{path}"


def index_link(project: str, filename: str) -> str:
    """The address of a file as the package index in use (PIP_INDEX_URL) lists it; nothing is ever executed."""
    index = os.environ.get("PIP_INDEX_URL", "https://pypi.org/simple").rstrip("/")
    page_url = f"{index}/{project}/"
    page = read_url(page_url).decode("utf-8", "replace")
    for link in re.findall(r'href="([^"]+)"', page):
        address = urljoin(page_url, html.unescape(link)).split("#")[0]
        if address.rsplit("/", 1)[-1] == filename:
            return address
    raise Gone(f"{page_url} does not list {filename}")
