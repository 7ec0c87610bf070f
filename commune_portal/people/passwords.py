"""Passwords: scrypt, constant time, length over composition, and a random first one.

Source: ASVS 5.0, 6.2 (length, no forced composition, no forced rotation, common ones refused).
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
from dataclasses import dataclass

from commune_portal.errors import Malformed
from commune_portal.rules.folding import fold, nfc

SHORTEST = 10
LONGEST = 128

ALPHABET = "abcdefghjkmnpqrstuvwxyz23456789"
"""No letters that look alike on paper (i, l, o, 0, 1): the first password is read out or copied from a slip."""

FORBIDDEN = frozenset(
    {
        "matkhau123", "matkhau1234", "matkhaumoi", "matkhau2026", "password12", "password123", "passw0rd123",
        "1234567890", "12345678910", "0123456789", "0987654321", "9876543210", "1q2w3e4r5t", "qwertyuiop",
        "abcdefghij", "abcd123456", "abc1234567", "a123456789", "123456789a", "123456789q", "vanthu1234",
        "vanthu12345", "quantri123", "quantri1234", "lanhdao123", "chuyenvien", "chuyenvien1", "administrator",
        "admin12345", "admin123456", "vietnam123", "vietnam1975", "vietnam2026", "xinchao123", "congvan123",
        "ubndxa1234", "ubnd123456", "iloveyou123", "khongbiet1", "khongco123",
    }
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Cost:
    """What one guess costs: memory is 1024 · 2^log_n bytes (r = 8), time grows with `p`."""

    log_n: int = 15
    p: int = 3


COST = Cost()
"""About 0.3 s and 32 MB on an office PC. Source: OWASP Password Storage Cheat Sheet (N=2^15, r=8, p=3)."""


def check_strength(password: str, username: str = "") -> str:
    """The password in NFC, as it is hashed; raises Malformed with what to do."""
    password = nfc(password)
    plain = fold(password).replace(" ", "")
    if len(password) < SHORTEST:
        raise Malformed(
            f"Mật khẩu cần ít nhất {SHORTEST} ký tự; một câu vài từ dễ nhớ là tốt nhất.", field="new_password"
        )
    if len(password) > LONGEST:
        raise Malformed(f"Mật khẩu dài quá {LONGEST} ký tự.", field="new_password")
    if plain in FORBIDDEN or len(set(plain)) <= 3:
        raise Malformed("Mật khẩu này quá dễ đoán. Hãy chọn mật khẩu khác.", field="new_password")
    if username and fold(username).replace(" ", "") in plain and len(plain) - len(username) < 6:
        raise Malformed("Mật khẩu không được là tên đăng nhập thêm vài ký tự.", field="new_password")
    return password


def random_password() -> str:
    """A first password of 59 random bits in three groups that can be read out."""
    letters = [secrets.choice(ALPHABET) for _ in range(12)]
    return "-".join("".join(letters[start : start + 4]) for start in (0, 4, 8))


def hashed(password: str) -> str:
    """What is stored: `scrypt$15$3$salt$key`, salt and key in base64."""
    salt = secrets.token_bytes(16)
    return f"scrypt${COST.log_n}${COST.p}${_text(salt)}${_text(_key(nfc(password), salt, COST))}"


def is_right(password: str, stored: str) -> bool:
    """Whether this is the password, compared in constant time; False for a hash of unknown form."""
    parts = stored.split("$")
    if len(parts) != 5 or parts[0] != "scrypt":
        return False
    salt, wanted = base64.b64decode(parts[3]), base64.b64decode(parts[4])
    return hmac.compare_digest(_key(nfc(password), salt, Cost(int(parts[1]), int(parts[2]))), wanted)


def spend_as_long() -> None:
    """Does the work of one check, so that an unknown name takes as long as a wrong password."""
    _key("x", bytes(16), COST)


def _key(password: str, salt: bytes, cost: Cost) -> bytes:
    count = 1 << cost.log_n
    return hashlib.scrypt(
        password.encode(), salt=salt, n=count, r=8, p=cost.p, maxmem=1024 * count + (16 << 20), dklen=32
    )


def _text(data: bytes) -> str:
    return base64.b64encode(data).decode("ascii")
