"""Is a stick ours: minisign's files, verified with nothing but `cryptography`, and the key that was met first.

Only the prehashed form (`ED`) is taken, both signatures are checked, and key ids must agree. The first installation
pins the stick's key, and its fingerprint is compared by a person with the hand-over sheet; from then on only that key
counts, or one that it has signed (`publisher.pub.next`).
Source: https://jedisct1.github.io/minisign/, signature format; deploy.md 7.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
from dataclasses import dataclass
from pathlib import Path

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from commune_portal.errors import NotAllowed

SIGNATURE_SUFFIX = ".minisig"
KEY_FILE = "publisher.pub"
NEXT_KEY_FILE = "publisher.pub.next"
PREHASHED = b"ED"
KEY_ALGORITHM = b"Ed"
TRUSTED = "trusted comment: "

UNSIGNED = "Bộ cài không có chữ ký hợp lệ của nơi phát hành; không được dùng. Hãy lấy lại bộ cài từ nơi cấp."
WRONG_PUBLISHER = (
    "Bộ cài này do nơi phát hành khác ký, không phải nơi đã ký bản đang dùng; không được dùng. Hãy hỏi nơi cấp: nếu"
    " họ đã đổi khóa, bộ cài phải mang khóa mới do khóa cũ ký."
)


@dataclass(frozen=True, slots=True)
class PublicKey:
    """A publisher's public key: eight bytes of name, thirty-two of Ed25519."""

    key_id: bytes
    raw: bytes

    @property
    def fingerprint(self) -> str:
        """What a person compares with the hand-over sheet: half of the SHA-256 of the key, in groups of four."""
        digits = hashlib.sha256(KEY_ALGORITHM + self.key_id + self.raw).hexdigest()[:32].upper()
        return "-".join(digits[at : at + 4] for at in range(0, 32, 4))

    @property
    def text(self) -> str:
        """The key as minisign writes it."""
        packed = base64.b64encode(KEY_ALGORITHM + self.key_id + self.raw).decode()
        return f"untrusted comment: minisign public key {int.from_bytes(self.key_id, 'little'):X}\n{packed}\n"


def read_key(text: str) -> PublicKey:
    """Reads a public key file; raises NotAllowed for what is none."""
    lines = text.splitlines()
    packed = _decoded(lines[1] if len(lines) > 1 else lines[0] if lines else "")
    if len(packed) != 42 or packed[:2] != KEY_ALGORITHM:
        raise NotAllowed(UNSIGNED, detail="public key")
    return PublicKey(packed[2:10], packed[10:])


def read_key_file(path: Path) -> PublicKey:
    """Reads a public key file; raises NotAllowed where it is missing or none."""
    return read_key(_text(path))


def trusted_comment(data: bytes, signature: str, key: PublicKey) -> str:
    """Verifies both signatures and answers the trusted comment; raises NotAllowed."""
    lines = signature.splitlines()
    if len(lines) < 4 or not lines[2].startswith(TRUSTED):
        raise NotAllowed(UNSIGNED, detail="signature file")
    packed, both = _decoded(lines[1]), _decoded(lines[3])
    if len(packed) != 74 or len(both) != 64 or packed[:2] != PREHASHED:
        raise NotAllowed(UNSIGNED, detail="signature form")
    if packed[2:10] != key.key_id:
        raise NotAllowed(WRONG_PUBLISHER, detail=f"key {packed[2:10][::-1].hex().upper()}")
    comment = lines[2].removeprefix(TRUSTED)
    verifier = Ed25519PublicKey.from_public_bytes(key.raw)
    try:
        verifier.verify(packed[10:], hashlib.blake2b(data).digest())
        verifier.verify(both, packed[10:] + comment.encode())
    except InvalidSignature as error:
        raise NotAllowed(UNSIGNED, detail="signature") from error
    return comment


def verify_file(path: Path, data: bytes, key: PublicKey) -> str:
    """Verifies a file's bytes against the signature beside it; answers the trusted comment."""
    return trusted_comment(data, _text(path.with_name(path.name + SIGNATURE_SUFFIX)), key)


def key_of(stick: Path, pinned: PublicKey | None) -> PublicKey:
    """The key that a stick must be signed by: the pinned one, or a new one that the pinned one has signed.

    Without a pinned key it is the stick's own, which a person compares with the hand-over sheet.
    """
    own = read_key_file(stick / KEY_FILE)
    if pinned is None or own == pinned:
        return own
    path = stick / NEXT_KEY_FILE
    try:
        data = path.read_bytes()
    except OSError as error:
        raise NotAllowed(WRONG_PUBLISHER, detail=own.fingerprint) from error
    verify_file(path, data, pinned)
    if read_key(data.decode("utf-8", "replace")) != own:
        raise NotAllowed(WRONG_PUBLISHER, detail=own.fingerprint)
    return own


def pinned_key(path: Path) -> PublicKey | None:
    """The key that was met first; None before the first installation. A ruined file is refused, never replaced."""
    return read_key_file(path) if path.exists() else None


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError as error:
        raise NotAllowed(UNSIGNED, detail=path.name) from error


def _decoded(line: str) -> bytes:
    try:
        return base64.b64decode(line.strip(), validate=True)
    except (binascii.Error, ValueError) as error:
        raise NotAllowed(UNSIGNED, detail="base64") from error
