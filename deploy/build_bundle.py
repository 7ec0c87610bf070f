"""Builds the stick: `deploy/build_bundle.py --out DIR [--key FILE]`, or what `make bundle` and `make lock` call.

Ends with 0, or with 2 and one sentence that says what to do.
"""

from __future__ import annotations

import argparse
import getpass
import os
import sys
from dataclasses import replace
from pathlib import Path

if __package__ in (None, ""):
    # Started as a file: the checkout is the root of imports, not deploy/.
    sys.path[0] = str(Path(__file__).resolve().parent.parent)

from deploy.bundle import refreshing, signature, stick
from deploy.bundle.checkout import MAKE, BundleError, Platform, read_release
from deploy.bundle.compiling import require_minor

DONE, FAILED = 0, 2
TRIAL_KEY = MAKE / "trial-publisher.pem"


def arguments() -> argparse.ArgumentParser:
    """The command line."""
    parser = argparse.ArgumentParser(description="Builds the stick an installer carries to an office.")
    act = parser.add_mutually_exclusive_group(required=True)
    act.add_argument("--out", type=Path, help="the folder of the stick; a stick built there before is replaced")
    act.add_argument("--lock", action="store_true", help="write both locks anew from what the archives offer today")
    act.add_argument("--new-key", type=Path, metavar="FILE", help="make a publisher's key, its passphrase asked for")
    parser.add_argument("--key", type=Path, help="the publisher's key; without one a trial key of this checkout")
    parser.add_argument("--former-key", type=Path, help="the key before, when --key is new: it signs the new one")
    parser.add_argument("--version", help="tests only: another version than the package's")
    parser.add_argument("--release-seq", type=int, help="tests only: another number than release.toml's")
    parser.add_argument("--platform", choices=("linux", "windows", "all"), default="all")
    parser.add_argument("--compression", choices=("zlib", "lzma"), default="lzma", help="of CAI-DAT.exe; zlib is quick")
    return parser


def run(line: list[str]) -> int:
    """Carries out one command line and answers its exit code."""
    chosen = arguments().parse_args(line)
    try:
        require_minor()
        if chosen.lock:
            print(refreshing.refresh())
        elif chosen.new_key:
            _new_key(chosen.new_key)
        else:
            _build(chosen)
    except BundleError as error:
        print(f"bundle: {error}", file=sys.stderr)
        return FAILED
    return DONE


def _build(chosen: argparse.Namespace) -> None:
    release = read_release()
    release = replace(
        release,
        version=chosen.version or release.version,
        release_seq=chosen.release_seq or release.release_seq,
    )
    order = stick.Order(
        release,
        signature.load(chosen.key) if chosen.key else signature.trial(TRIAL_KEY),
        frozenset(Platform) if chosen.platform == "all" else frozenset({Platform(chosen.platform)}),
        chosen.compression,
        signature.load(chosen.former_key) if chosen.former_key else None,
    )
    stick.build(chosen.out, order)
    print(stick.sizes(chosen.out))
    print(f"{chosen.out}: {release.version}, release_seq {release.release_seq}")
    print(f"publisher: {order.publisher.public.fingerprint}{' (a trial key)' if order.publisher.is_trial else ''}")


def _new_key(path: Path) -> None:
    passphrase = os.environ.get("PUBLISHER_PASSPHRASE")
    if passphrase is None:
        passphrase = getpass.getpass("passphrase of the new key: ")
        if passphrase != getpass.getpass("once more: "):
            raise BundleError("the two passphrases differ; no key was made")
    publisher = signature.make(path, passphrase.encode())
    print(f"{path}: publisher {publisher.public.fingerprint}")


if __name__ == "__main__":
    raise SystemExit(run(sys.argv[1:]))
