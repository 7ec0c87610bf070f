"""Base64 out of a packet into a file, as it arrives: hashed on the way, bounded, and frank about damage."""

from __future__ import annotations

import binascii
import hashlib
from dataclasses import dataclass
from pathlib import Path

from commune_portal.errors import TooLarge

_SPACE = b" \t\r\n"
_LETTERS = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
_ALPHABET = _LETTERS + b"="
_ALIEN = "nội dung có ký tự không thuộc base64"
_TRAILING = "còn dữ liệu sau dấu kết thúc base64"
_CUT = "nội dung mã hoá base64 bị cụt"
_FOREIGN = bytes(set(range(256)) - set(_ALPHABET))


@dataclass(frozen=True, slots=True)
class Content:
    """What came out of one encoded text. `damage` is empty, or says in Vietnamese what was wrong."""

    path: Path
    size_bytes: int
    sha256: str
    damage: str


class Decoder:
    """Decodes pieces of base64 into a new file; whoever makes one calls `finish` or `abandon`."""

    def __init__(self, path: Path, most_bytes: int) -> None:
        self.path = path
        self._most_bytes = most_bytes
        self._file = path.open("wb")
        self._digest = hashlib.sha256()
        self._size = 0
        self._left = b""
        self._ended = False
        self._damages: set[str] = set()

    def take_pure(self, data: memoryview) -> bool:
        """Decodes a piece that is nothing but base64 and white space, or does nothing and says False."""
        joined = b"".join((self._left, data))
        if not self._ended and b"\n" not in joined and self._take_exact(joined):
            return True
        clean = bytes(data).translate(None, _SPACE)
        if self._ended or not self._take_exact(self._left + clean):
            if clean.translate(None, _ALPHABET):
                return False
            self.take(clean)
        return True

    def take(self, data: bytes) -> None:
        """Decodes the next piece; white space is dropped, anything else that is no base64 is noted and dropped.

        Raises TooLarge above the cap.
        """
        data = self._left + data.translate(None, _SPACE)
        self._left = b""
        if self._ended or not self._take_exact(data):
            self._take_mixed(data)

    def _take_exact(self, data: bytes | memoryview) -> bool:
        # Exactly three bytes for every four letters means there was neither space nor padding nor anything
        # else among them: the common case costs no look at the letters.
        whole = len(data) & ~3
        left = bytes(data[whole:])
        if left.translate(None, _LETTERS):
            return False
        try:
            plain = binascii.a2b_base64(data[:whole])
        except binascii.Error:
            return False
        if len(plain) != whole // 4 * 3:
            return False
        self._left = left
        self._store(plain)
        return True

    def finish(self) -> Content:
        """Ends the file and tells what it holds."""
        left, self._left = self._left, b""
        if left:
            self._take_mixed(left)
        if self._left:
            self._damages.add(_CUT)
            if len(self._left) > 1:
                self._store(binascii.a2b_base64(self._left + b"=" * (4 - len(self._left))))
        self._file.close()
        # The worst is told, not the first: what is found may not depend on how the text was cut into pieces.
        damage = next((item for item in (_ALIEN, _TRAILING, _CUT) if item in self._damages), "")
        return Content(self.path, self._size, self._digest.hexdigest(), damage)

    def abandon(self) -> None:
        """Closes the file without ending it."""
        self._file.close()

    def _take_mixed(self, data: bytes) -> None:
        if data.translate(None, _ALPHABET):
            self._damages.add(_ALIEN)
            data = data.translate(None, _FOREIGN)
        if self._ended:
            if data.strip(b"="):
                self._damages.add(_TRAILING)
            return
        letters, padding, rest = data.partition(b"=")
        if not padding:
            whole = len(letters) & ~3
            self._left = letters[whole:]
            self._store(binascii.a2b_base64(letters[:whole]))
            return
        self._ended = True
        if rest.strip(b"="):
            self._damages.add(_TRAILING)
        whole = len(letters) & ~3
        self._store(binascii.a2b_base64(letters[:whole]))
        tail = letters[whole:]
        if len(tail) > 1:
            self._store(binascii.a2b_base64(tail + b"=" * (4 - len(tail))))
        else:
            self._damages.add(_CUT)

    def _store(self, plain: bytes) -> None:
        self._size += len(plain)
        if self._size > self._most_bytes:
            raise TooLarge("Một tệp đính kèm lớn quá giới hạn. Đề nghị nơi gửi chia nhỏ tệp.")
        self._digest.update(plain)
        self._file.write(plain)
