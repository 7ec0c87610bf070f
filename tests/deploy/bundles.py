"""Built sticks for tests: the heavy interpreter layer is built once for a state of the locks, our package anew.

A stick is kept under `.make/sticks/` by the digest of everything it is made of. Read it, or copy it before changing
anything; never change it where it lies.
"""

from __future__ import annotations

import fcntl
import json
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from deploy.bundle import layers, signature, stick
from deploy.bundle.checkout import DEPLOY, MAKE, ROOT, Platform, files_under, read_release
from deploy.bundle.signature import Publisher

STICKS = MAKE / "sticks"
STICKS_KEPT = 12
TRIAL_KEY = MAKE / "trial-publisher.pem"


def publisher() -> Publisher:
    """The trial publisher who signs every stick unless another key is given."""
    with _alone():
        return signature.trial(TRIAL_KEY)


def built(
    version: str,
    release_seq: int,
    platform: Platform | str,
    compression: str = "zlib",
    *,
    overlay: Mapping[str, str] | None = None,
    key: Path | None = None,
    former_key: Path | None = None,
) -> Path:
    """The folder of a stick in that version for one system, as `make bundle` builds it.

    `overlay` replaces or adds files of the package (path inside `commune_portal` -> text), for releases that are
    broken on purpose; `key` names another publisher's key file, `former_key` one that has signed it.
    """
    changed = dict(overlay or {})
    with _alone():
        order = stick.Order(
            replace(read_release(), version=version, release_seq=release_seq),
            signature.load(key) if key else signature.trial(TRIAL_KEY),
            frozenset({Platform(platform)}),
            compression,
            signature.load(former_key) if former_key else None,
            changed,
        )
        former = order.former.public.text if order.former else ""
        words = [version, str(release_seq), Platform(platform).value, compression, order.publisher.public.text, former]
        key_of = layers.digest_of([*words, json.dumps(changed, sort_keys=True)], _sources())
        kept = STICKS / f"{version}-{Platform(platform).value}-{key_of}"
        if not kept.is_dir():
            stick.build(kept, order)
        kept.touch()  # a stick's files bear the date of its release: what was used last is told by its folder
        _drop_old()
        return kept


def _sources() -> list[Path]:
    folders = (ROOT / "commune_portal", DEPLOY, ROOT / "docs" / "pictures")
    found = [path for folder in folders if folder.is_dir() for path in files_under(folder)]
    return [path for path in found if "__pycache__" not in path.parts] + [ROOT / "pyproject.toml"]


def _drop_old() -> None:
    sticks = [path for path in STICKS.iterdir() if path.is_dir() and not path.name.startswith(".")]
    for old in sorted(sticks, key=lambda path: path.stat().st_mtime, reverse=True)[STICKS_KEPT:]:
        shutil.rmtree(old)


@contextmanager
def _alone() -> Iterator[None]:
    """One build at a time in this checkout: workers of one run wait for each other instead of building twice."""
    STICKS.mkdir(parents=True, exist_ok=True)
    with (STICKS / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
