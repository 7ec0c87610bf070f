"""Closing a backup for its recipients and opening it again: the age format, so that any age program opens it too.

A recipient is public text (`age1…`), a secret is `AGE-SECRET-KEY-1…`: an X25519 key in Bech32, so that the box key of
an installation is a recipient like the recovery key on paper. Streams pass in pieces; memory stays flat.
Source: the age file encryption format, age-encryption.org/v1; BIP 173 (Bech32). See docs/decisions/0006.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Iterator, Sequence
from typing import IO, Protocol

from commune_portal.errors import Malformed

LETTERS = "qpzry9x8gf2tvdw0s3jn54khce6mua7l"
"""Bech32's alphabet: no 1, b, i or o, so that a person who copies from paper cannot take one for another."""

MAGIC = b"age-encryption.org/v1"
SECRET_PREFIX = "AGE-SECRET-KEY-1"  # noqa: S105 - what every age secret begins with
_SECRET = re.compile(rf"(?:{SECRET_PREFIX})?([{LETTERS.upper()}]{{58}})")
_GENERATOR = (0x3B6A57B2, 0x26508E6D, 0x1EA119FA, 0x3D4233DD, 0x2A1462B3)


class NotForUs(Malformed):
    """None of the keys at hand opens this backup; whoever holds the right paper can."""

    code = "backup-key-wrong"
    sentence = (
        "Khóa đang có không mở được bản sao lưu này. Hãy dùng đúng tờ «Khóa phục hồi» của cơ quan"
        " (bản đang dùng khi sao lưu), hoặc nhờ nút liên thông mở giúp."
    )


class SealBroken(Malformed):
    """The closed file was cut or changed; another backup helps."""

    code = "backup-damaged"
    sentence = "Bản sao lưu bị hỏng hoặc bị cắt mất. Hãy dùng bản sao lưu khác; dữ liệu hiện có chưa bị thay đổi."


def new_secret() -> str:
    """A new secret; its public half is `recipient_of` it."""
    import pyrage

    return str(pyrage.x25519.Identity.generate())


def recipient_of(secret: str) -> str:
    """The public half of a secret; raises Malformed for a text that is none."""
    import pyrage

    try:
        return str(pyrage.x25519.Identity.from_str(secret).to_public())
    except pyrage.IdentityError as error:
        raise Malformed(_MISTYPED) from error


def check_recipient(recipient: str) -> None:
    """Raises Malformed for a text that is no recipient."""
    import pyrage

    try:
        pyrage.x25519.Recipient.from_str(recipient)
    except pyrage.RecipientError as error:
        raise Malformed("Khóa công khai của nơi nhận chưa đúng: cần một dòng bắt đầu bằng «age1».") from error


def read_secret(text: str) -> str:
    """The secret in what a person typed or scanned: in groups, in any case, with or without what is printed around it.

    Raises Malformed where no key of that form stands, or its own checksum says that a letter is wrong.
    """
    found = _SECRET.search(re.sub(r"\s+", "", text.upper()))
    if found is None:
        raise Malformed(_MISTYPED)
    secret = SECRET_PREFIX + found.group(1)
    recipient_of(secret)
    return secret


_MISTYPED = (
    "Khóa phục hồi chưa đúng: cần đủ 58 chữ và số như trên tờ giấy (không có chữ B, I, O và số 1)."
    " Hãy so lại từng nhóm."
)


def fingerprint(recipient: str) -> str:
    """The short name of a recipient, in groups that can be compared by eye."""
    digits = hashlib.sha256(recipient.encode()).hexdigest()[:16]
    return " ".join(digits[start : start + 4] for start in range(0, 16, 4))


def as_recipient(public_key: bytes) -> str:
    """An X25519 public key as a recipient."""
    return _bech32("age", public_key)


def as_secret(private_key: bytes) -> str:
    """An X25519 private key as a secret."""
    return _bech32("age-secret-key-", private_key).upper()


def _bech32(prefix: str, data: bytes) -> str:
    """Source: BIP 173."""
    bits, held, values = 0, 0, []
    for byte in data:
        held, bits = held << 8 | byte, bits + 8
        while bits >= 5:
            bits -= 5
            values.append(held >> bits & 31)
    if bits:
        values.append(held << (5 - bits) & 31)
    spread = [ord(letter) >> 5 for letter in prefix] + [0] + [ord(letter) & 31 for letter in prefix]
    total = 1
    for value in [*spread, *values, *(0,) * 6]:
        top = total >> 25
        total = (total & 0x1FFFFFF) << 5 ^ value
        for place, constant in enumerate(_GENERATOR):
            total ^= constant if top >> place & 1 else 0
    total ^= 1
    values += [total >> 5 * (5 - place) & 31 for place in range(6)]
    return prefix + "1" + "".join(LETTERS[value] for value in values)


def is_sealed(head: bytes) -> bool:
    """Whether a file that begins so is a closed one."""
    return head.startswith(MAGIC)


class _Pulled:
    """A stream that is made while it is read; an error of its making is kept, since it must pass a foreign library."""

    def __init__(self, pieces: Iterable[bytes]) -> None:
        self._pieces: Iterator[bytes] = iter(pieces)
        self._held = bytearray()
        self.error: BaseException | None = None

    def read(self, size: int = -1) -> bytes:
        """At most so many bytes; none at the end."""
        try:
            while size < 0 or len(self._held) < size:
                self._held += next(self._pieces)
        except StopIteration:
            pass
        except BaseException as error:
            self.error = error
            raise
        taken = bytes(self._held[: size if size >= 0 else None])
        del self._held[: len(taken)]
        return taken


class Sink(Protocol):
    """What can be written to."""

    def write(self, data: bytes, /) -> int:
        """Takes all of it."""

    def flush(self) -> None:
        """Passes on what is held back."""


class _Pushed:
    """The other end: what writes, and keeps its error likewise."""

    def __init__(self, out: Sink) -> None:
        self._out = out
        self.error: BaseException | None = None

    def write(self, data: bytes) -> int:
        """Writes all of it."""
        try:
            self._out.write(data)
        except BaseException as error:
            self.error = error
            raise
        return len(data)

    def flush(self) -> None:
        """Passes the wish on."""
        self._out.flush()


def seal(pieces: Iterable[bytes], out: Sink, recipients: Sequence[str]) -> None:
    """Writes a stream closed for the holders of any of these keys; whatever reading or writing raises comes through."""
    import pyrage

    reader, writer = _Pulled(pieces), _Pushed(out)
    keys = [pyrage.x25519.Recipient.from_str(recipient) for recipient in dict.fromkeys(recipients)]
    try:
        pyrage.encrypt_io(reader, writer, keys)
    except (OSError, pyrage.EncryptError) as error:
        raise reader.error or writer.error or error from None
    if reader.error is not None or writer.error is not None:
        raise reader.error or writer.error or RuntimeError


def open_(source: IO[bytes], out: Sink, secrets: Sequence[str]) -> None:
    """Writes the content of a closed stream; raises NotForUs, or SealBroken when it was cut or changed.

    What was written before that may be only a beginning: nothing of it may be used before the end is reached.
    """
    import pyrage

    writer = _Pushed(out)
    try:
        pyrage.decrypt_io(source, writer, [pyrage.x25519.Identity.from_str(secret) for secret in secrets])
    except (OSError, pyrage.DecryptError) as error:
        if writer.error is not None:
            raise writer.error from None
        if "No matching keys" in str(error):
            raise NotForUs(detail=str(error)) from error
        raise SealBroken(detail=str(error)) from error
