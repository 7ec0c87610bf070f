"""The publisher's hand: minisign's files, written with nothing but `cryptography`.

The key is an Ed25519 key in PKCS#8 PEM (`openssl genpkey -algorithm ed25519`), with a passphrase if it has one. Its
minisign id is the beginning of its own hash. What is written here is verified by `commune_portal.operations.publisher`
on the office's computer, and by `minisign -V`.
Source: https://jedisct1.github.io/minisign/, signature format; deploy.md 7.
"""

from __future__ import annotations

import base64
import getpass
import hashlib
import os
from dataclasses import dataclass
from pathlib import Path

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from commune_portal.operations.publisher import (
    KEY_FILE,
    NEXT_KEY_FILE,
    PREHASHED,
    SIGNATURE_SUFFIX,
    TRUSTED,
    PublicKey,
)
from deploy.bundle.checkout import BundleError, Release


@dataclass(frozen=True, slots=True)
class Publisher:
    """Who signs a stick; a trial publisher's sticks say so on the hand-over sheet."""

    private: Ed25519PrivateKey
    is_trial: bool = False

    @property
    def public(self) -> PublicKey:
        """The public half, as an installation pins it."""
        raw = self.private.public_key().public_bytes_raw()
        return PublicKey(hashlib.sha256(b"minisign key id" + raw).digest()[:8], raw)

    def signature(self, content: bytes, comment: str) -> str:
        """The text of a `.minisig`: a prehashed signature, and one over it and the trusted comment."""
        first = self.private.sign(hashlib.blake2b(content).digest())
        second = self.private.sign(first + comment.encode())
        packed = base64.b64encode(PREHASHED + self.public.key_id + first).decode()
        closing = base64.b64encode(second).decode()
        return f"untrusted comment: commune-portal publisher\n{packed}\n{TRUSTED}{comment}\n{closing}\n"

    def sign_file(self, path: Path, comment: str) -> None:
        """Writes the signature of a file beside it."""
        path.with_name(path.name + SIGNATURE_SUFFIX).write_text(
            self.signature(path.read_bytes(), comment), encoding="utf-8", newline="\n"
        )


def comment_for(release: Release) -> str:
    """The trusted comment of a stick: what an installation compares before it takes the stick for newer."""
    return f"commune-portal version={release.version} release_seq={release.release_seq}"


def load(path: Path) -> Publisher:
    """The publisher's key; asks for its passphrase on the terminal when it has one."""
    if not path.is_file():
        raise BundleError(f"there is no key {path}; make one with deploy/build_bundle.py --new-key {path}")
    pem = path.read_bytes()
    try:
        if b"ENCRYPTED" in pem:
            key = serialization.load_pem_private_key(pem, getpass.getpass(f"passphrase of {path}: ").encode())
        else:
            key = serialization.load_pem_private_key(pem, None)
    except (ValueError, TypeError) as error:
        raise BundleError(f"{path} is no private key in PEM, or the passphrase is wrong: {error}") from error
    if not isinstance(key, Ed25519PrivateKey):
        raise BundleError(f"{path} is not an Ed25519 key")
    return Publisher(key)


def make(path: Path, passphrase: bytes = b"") -> Publisher:
    """Makes a key that only its owner can read; a key that is there is never overwritten."""
    if path.exists():
        raise BundleError(f"{path} exists; a publisher's key is never overwritten")
    private = Ed25519PrivateKey.generate()
    locked = serialization.BestAvailableEncryption(passphrase) if passphrase else serialization.NoEncryption()
    pem = private.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, locked)
    path.parent.mkdir(parents=True, exist_ok=True)
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(pem)
    return Publisher(private)


def trial(path: Path) -> Publisher:
    """The throw-away key of this checkout, made when it is first wanted."""
    if not path.is_file():
        make(path)
    return Publisher(load(path).private, is_trial=True)


def write_public(folder: Path, publisher: Publisher, former: Publisher | None = None) -> None:
    """Puts the public key on a stick and, when the key is new, the same key signed by the former one."""
    (folder / KEY_FILE).write_text(publisher.public.text, encoding="utf-8", newline="\n")
    if former is not None:
        path = folder / NEXT_KEY_FILE
        path.write_text(publisher.public.text, encoding="utf-8", newline="\n")
        former.sign_file(path, "commune-portal next publisher key")
