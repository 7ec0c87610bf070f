"""The two key pairs of this installation: Ed25519 signs, X25519 opens what is encrypted to us.

They are made here, stay in `secrets/` and are in no backup. One process is one installation: `use` is called at
start, `own` everywhere else.
"""

from __future__ import annotations

import hashlib
import os
import stat
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)

from commune_portal.errors import StoreRefused

FILE_NAME = "installation.pem"
_SEPARATOR = b"-----END PRIVATE KEY-----\n"


@dataclass(frozen=True, slots=True, repr=False)
class InstallationKeys:
    """Both pairs of one installation; `repr` shows the id alone."""

    signing: Ed25519PrivateKey
    box: X25519PrivateKey

    def __repr__(self) -> str:
        return f"InstallationKeys({self.key_id})"

    @property
    def public_key(self) -> bytes:
        """The 32 bytes that others verify our signatures with."""
        return self.signing.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)

    @property
    def box_public_key(self) -> bytes:
        """The 32 bytes that others encrypt to."""
        return self.box.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)

    @property
    def key_id(self) -> str:
        """The short name of the signing key."""
        return key_id(self.public_key)

    def sign(self, data: bytes) -> bytes:
        """The 64 bytes of an Ed25519 signature. Source: RFC 8032."""
        return self.signing.sign(data)

    def exchange(self, public_key: bytes) -> bytes:
        """The secret shared with the holder of another X25519 key. Source: RFC 7748."""
        return self.box.exchange(X25519PublicKey.from_public_bytes(public_key))


def from_seeds(signing: bytes, box: bytes) -> InstallationKeys:
    """Builds keys from two secrets of 32 bytes, for vectors and tests."""
    return InstallationKeys(Ed25519PrivateKey.from_private_bytes(signing), X25519PrivateKey.from_private_bytes(box))


def key_id(public_key: bytes) -> str:
    """The first sixteen hexadecimal digits of the SHA-256 of a public key."""
    return hashlib.sha256(public_key).hexdigest()[:16]


def verify(public_key: bytes, signature: bytes, data: bytes) -> bool:
    """True when the signature over these bytes was made with the key's secret half."""
    try:
        Ed25519PublicKey.from_public_bytes(public_key).verify(signature, data)
    except (InvalidSignature, ValueError):
        return False
    return True


def create(secrets: Path) -> InstallationKeys:
    """Makes new keys in the secrets folder (0700, file 0600, on disk before it returns); refuses to replace any."""
    secrets.mkdir(mode=0o700, parents=True, exist_ok=True)
    if os.name == "posix":
        secrets.chmod(0o700)
    path = secrets / FILE_NAME
    if path.exists():
        raise StoreRefused(f"Đã có khóa của hệ thống tại {path}; không tạo đè. Muốn thay khóa, hãy dùng «restore».")
    keys = InstallationKeys(Ed25519PrivateKey.generate(), X25519PrivateKey.generate())
    form = (Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    temporary = secrets / (FILE_NAME + ".new")
    temporary.unlink(missing_ok=True)
    handle = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0), 0o600)
    with os.fdopen(handle, "wb") as target:
        target.write(keys.signing.private_bytes(*form) + keys.box.private_bytes(*form))
        target.flush()
        os.fsync(target.fileno())
    temporary.rename(path)
    _fsync_folder(secrets)
    return keys


def retire(secrets: Path) -> str | None:
    """Puts the present keys aside under their id, so that `create` can make new ones; gives the old id."""
    path = secrets / FILE_NAME
    if not path.exists():
        return None
    old = load(secrets).key_id
    path.rename(secrets / f"retired-{old}.pem")
    _fsync_folder(secrets)
    return old


def load(secrets: Path) -> InstallationKeys:
    """Reads the keys; refuses a folder or file that other accounts of this computer can read (POSIX)."""
    _refuse_wide_open_folder(secrets)
    return _read(secrets / FILE_NAME)


def load_retired(secrets: Path) -> list[InstallationKeys]:
    """The keys of earlier epochs that were put aside here: what was closed for them can still be opened."""
    found = []
    for path in sorted(secrets.glob("retired-*.pem")):
        with suppress(StoreRefused):
            found.append(_read(path))
    return found


def _refuse_wide_open_folder(secrets: Path) -> None:
    if secrets.is_dir():
        _refuse_wide_open(secrets)


def _read(path: Path) -> InstallationKeys:
    try:
        _refuse_wide_open(path)
        blocks = path.read_bytes().replace(b"\r\n", b"\n").split(_SEPARATOR)
        signing, box = (load_pem_private_key(block + _SEPARATOR, None) for block in blocks[:2])
    except FileNotFoundError as error:
        raise StoreRefused(
            f"Không thấy khóa của hệ thống tại {path}. Nếu thư mục này là bản sao, hãy dùng «restore»."
        ) from error
    except (OSError, ValueError) as error:
        raise StoreRefused(f"Không đọc được khóa của hệ thống tại {path}.", detail=type(error).__name__) from error
    if not isinstance(signing, Ed25519PrivateKey) or not isinstance(box, X25519PrivateKey):
        raise StoreRefused(f"Tệp khóa {path} không đúng loại.")
    return InstallationKeys(signing, box)


_own: InstallationKeys | None = None


def use(keys: InstallationKeys | None) -> None:
    """Says which installation this process is; None forgets it (tests)."""
    global _own
    _own = keys


def own() -> InstallationKeys:
    """The keys of this process; `use` comes first."""
    if _own is None:
        raise StoreRefused("Chưa nạp khóa của hệ thống. Hãy chạy «commune-portal init» trước.")
    return _own


def _refuse_wide_open(path: Path) -> None:
    if os.name == "posix" and stat.S_IMODE(path.stat().st_mode) & 0o077:
        raise StoreRefused(
            f"Tài khoản khác trên máy này đọc được {path}. Hãy chạy «chmod go= {path}» rồi khởi động lại."
        )


def _fsync_folder(folder: Path) -> None:
    if os.name != "posix":
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
