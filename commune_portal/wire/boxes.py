"""A closed box: a stream of bytes that only the holder of one X25519 key can open, in frames, with flat memory.

    commune-portal/box/1⏎ ‖ ephemeral public key (32 bytes) ‖ frames

Each frame is ChaCha20-Poly1305 over 64 KiB of content (the last one over what is left) with a nonce of an 11-byte
counter and one byte that is 1 for the last frame alone. So a frame that is missing, doubled, moved or cut is found,
and so is a box that ends too early or goes on too long. Who made a box is not said in it: the manifest is signed.
Source: RFC 7748, RFC 5869, RFC 8439; Hoang, Reyhanitabar, Rogaway, Vizár (2015), the STREAM construction.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from commune_portal.errors import Malformed
from commune_portal.wire.keys import InstallationKeys, key_id

MAGIC = b"commune-portal/box/1\n"
KEY_BYTES = 32
FRAME_BYTES = 64 * 1024
TAG_BYTES = 16
HEADER_BYTES = len(MAGIC) + KEY_BYTES
_INFO = b"commune-portal/exchange/1 box\n"


class BoxDamaged(Malformed):
    """A box that was cut, changed, or closed for somebody else; who made it can make it again."""

    sentence = "Nội dung đã mã hóa bị hỏng, bị sửa hoặc không mã hóa cho nơi này."


def box_key_id(public_key: bytes) -> str:
    """The short name of the X25519 key that a box was closed for."""
    return key_id(public_key)


def seal(pieces: Iterable[bytes], public_key: bytes, ephemeral: X25519PrivateKey | None = None) -> Iterator[bytes]:
    """Closes a stream for the holder of a key; `ephemeral` is given by the vectors alone, never twice."""
    once = ephemeral or X25519PrivateKey.generate()
    shown = once.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
    cipher = _cipher(once.exchange(X25519PublicKey.from_public_bytes(public_key)), shown, public_key)
    yield MAGIC + shown
    number, held = 0, None
    for frame in _cut(pieces, FRAME_BYTES):
        if held is not None:
            yield cipher.encrypt(_nonce(number, last=False), held, None)
            number += 1
        held = frame
    yield cipher.encrypt(_nonce(number, last=True), held or b"", None)


def open_(pieces: Iterable[bytes], own: InstallationKeys) -> Iterator[bytes]:
    """Opens a stream frame by frame; raises BoxDamaged at the first frame that is not what was closed.

    What was yielded before that is genuine but may be only a beginning: nothing may be used before the end is reached.
    """
    frames = _cut_box(pieces)
    head = next(frames)
    if len(head) != HEADER_BYTES or not head.startswith(MAGIC):
        raise BoxDamaged(detail="not a box")
    shown = head[len(MAGIC) :]
    try:
        cipher = _cipher(own.exchange(shown), shown, own.box_public_key)
    except ValueError as error:  # a key of small order
        raise BoxDamaged(detail="no ephemeral key") from error
    number, held = 0, None
    for frame in frames:
        if held is not None:
            yield _decrypted(cipher, number, held, last=False)
            number += 1
        held = frame
    if held is None:
        raise BoxDamaged(detail="no frame")
    content = _decrypted(cipher, number, held, last=True)
    if not content and number:
        raise BoxDamaged(detail="an empty frame after a full one")
    if content:
        yield content


def sealed_bytes(content_bytes: int) -> int:
    """How long a box with so much content is."""
    frames = max(1, -(-content_bytes // FRAME_BYTES))
    return HEADER_BYTES + content_bytes + frames * TAG_BYTES


def _cipher(shared: bytes, shown: bytes, public_key: bytes) -> ChaCha20Poly1305:
    derived = HKDF(algorithm=SHA256(), length=KEY_BYTES, salt=shown + public_key, info=_INFO).derive(shared)
    return ChaCha20Poly1305(derived)


def _nonce(number: int, *, last: bool) -> bytes:
    return number.to_bytes(11, "big") + (b"\x01" if last else b"\x00")


def _decrypted(cipher: ChaCha20Poly1305, number: int, frame: bytes, *, last: bool) -> bytes:
    try:
        return cipher.decrypt(_nonce(number, last=last), frame, None)
    except (InvalidTag, ValueError) as error:  # ValueError: shorter than a tag
        raise BoxDamaged(detail=f"frame {number}") from error


def _cut(pieces: Iterable[bytes], length: int) -> Iterator[bytes]:
    """The same bytes in pieces of one length; the last may be shorter, and there is none for nothing."""
    held = bytearray()
    for piece in pieces:
        held += piece
        while len(held) >= length:
            yield bytes(held[:length])
            del held[:length]
    if held:
        yield bytes(held)


def _cut_box(pieces: Iterable[bytes]) -> Iterator[bytes]:
    """The header, then frames with their tags."""
    held = bytearray()
    wanted, is_head = HEADER_BYTES, True
    for piece in pieces:
        held += piece
        while len(held) >= wanted:
            yield bytes(held[:wanted])
            del held[:wanted]
            wanted, is_head = FRAME_BYTES + TAG_BYTES, False
    if held or is_head:
        yield bytes(held)
