"""What a release says of itself, in the words an installation reads: `release.json`."""

from __future__ import annotations

import json

from deploy.bundle.checkout import BundleError, Platform, Release
from deploy.bundle.locks import RuntimeLock

WINDOWS_PYTHON = "3.11.9"


def interpreters(lock: RuntimeLock) -> dict[str, str]:
    """The versions of the two interpreters: Debian's as the lock names it, python.org's as the archive holds it."""
    debian = next((deb.version for deb in lock.debs if deb.name == "python3.11-minimal"), None)
    if debian is None:
        raise BundleError("deploy/runtime.lock names no python3.11-minimal")
    return {"linux": debian, "windows": WINDOWS_PYTHON}


def schema() -> int:
    """The schema that this checkout's migrations lead to."""
    from commune_portal.store.migrate import migrations

    return len(migrations())


def as_json(release: Release, lock: RuntimeLock, number: int, platform: Platform | None = None) -> str:
    """The text of a `release.json`: of the stick, or with a platform that of a release folder."""
    document = {
        "version": release.version,
        "release_seq": release.release_seq,
        "schema": number,
        "python": interpreters(lock),
    }
    if platform is not None:
        document["platform"] = platform.value
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"
