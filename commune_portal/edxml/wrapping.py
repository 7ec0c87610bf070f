"""One file in one zip entry: how the format carries everything that is not a PDF.

The reader is our own and small, since `zipfile` reads a whole directory of any size into memory and the names in
it are nothing we want: it looks at the last record, and takes an archive of exactly one plain entry or none.
"""

from __future__ import annotations

import hashlib
import os
import struct
import zipfile
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Protocol

from commune_portal.errors import Malformed, TooLarge

PIECE_BYTES = 192 * 1024
_FREE_BYTES = 4 * 1024 * 1024  # below this size a high ratio harms nobody
_END = struct.Struct("<4s4H2LH")
_CENTRAL = struct.Struct("<4s6H3L5H2L")
_LOCAL = struct.Struct("<4s5H3L2H")
_ENCRYPTED = 0x1
_SYMLINK = 0o120000


class Readable(Protocol):
    """What can be read in pieces."""

    def read(self, size: int = -1, /) -> bytes:
        """At most `size` bytes, none at the end."""
        ...


class Sink(Protocol):
    """What takes pieces in order and cannot be sought."""

    def write(self, piece: bytes, /) -> int:
        """Takes a piece and gives its length."""
        ...

    def flush(self) -> None:
        """Does what a file does."""
        ...

    def close(self) -> None:
        """Does what a file does; never called for a stream that another opened."""
        ...


@dataclass(frozen=True, slots=True)
class Entry:
    """Where the one entry of an archive lies; its name is kept for its extension alone."""

    name: str
    method: int
    checksum: int
    packed_bytes: int
    size_bytes: int
    offset: int


def wrap(source: Readable, entry_name: str, out: Sink) -> None:
    """Writes an archive with one entry to a stream that cannot be sought; the same input gives the same bytes."""
    info = zipfile.ZipInfo(entry_name, date_time=(1980, 1, 1, 0, 0, 0))
    info.compress_type = zipfile.ZIP_DEFLATED
    info.create_system = 0
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive, archive.open(info, "w") as entry:
        while piece := source.read(PIECE_BYTES):
            entry.write(piece)


def looks_zipped(file: BinaryIO) -> bool:
    """True when the file begins as an archive with an entry does."""
    file.seek(0)
    return file.read(4) == b"PK\x03\x04"


def only_entry(file: BinaryIO) -> Entry | None:
    """The one entry of the archive; None for several, none, a folder, a link, encryption or a broken directory."""
    size = file.seek(0, os.SEEK_END)
    tail_bytes = min(size, _END.size + 0xFFFF)
    file.seek(size - tail_bytes)
    tail = file.read(tail_bytes)
    at = tail.rfind(b"PK\x05\x06")
    if at < 0 or len(tail) - at < _END.size:
        return None
    _, disk, start_disk, here, total, directory_bytes, directory_at, _ = _END.unpack_from(tail, at)
    if disk or start_disk or here != 1 or total != 1 or directory_bytes > 0xFFFF or directory_at >= size:
        return None
    file.seek(directory_at)
    directory = file.read(directory_bytes)
    if len(directory) < _CENTRAL.size or directory[:4] != b"PK\x01\x02":
        return None
    (_, made_by, _, flags, method, _, _, checksum, packed, plain, name_bytes, _, _, _, _, attributes, offset) = (
        _CENTRAL.unpack_from(directory)
    )
    name = directory[_CENTRAL.size : _CENTRAL.size + name_bytes].decode("utf-8", "replace")
    linked = made_by >> 8 == 3 and (attributes >> 16) & 0o170000 == _SYMLINK
    if flags & _ENCRYPTED or method not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED) or linked or name.endswith("/"):
        return None
    file.seek(offset)
    local = file.read(_LOCAL.size)
    if len(local) < _LOCAL.size or local[:4] != b"PK\x03\x04":
        return None
    *_, local_name_bytes, extra_bytes = _LOCAL.unpack(local)
    start = offset + _LOCAL.size + local_name_bytes + extra_bytes
    if start + packed > size:
        return None
    return Entry(name, method, checksum, packed, plain, start)


def unwrap(file: BinaryIO, entry: Entry, target: Path, *, most_bytes: int, ratio: int) -> tuple[int, str] | None:
    """Writes the entry's content to `target` and gives its size and SHA-256; None when it is broken.

    Raises Malformed for an archive that grows beyond reason, and TooLarge above `most_bytes`.
    """
    digest, checksum, size, left = hashlib.sha256(), 0, 0, entry.packed_bytes
    inflater = zlib.decompressobj(-zlib.MAX_WBITS) if entry.method == zipfile.ZIP_DEFLATED else None
    ceiling = max(_FREE_BYTES, entry.packed_bytes * ratio)
    file.seek(entry.offset)
    with target.open("wb") as out:
        pending, held_back = b"", False
        while left or pending or held_back:
            if left and not pending and not held_back:
                pending = file.read(min(left, PIECE_BYTES))
                if not pending:
                    return None
                left -= len(pending)
            if inflater is None:
                plain, pending = pending, b""
            else:
                try:
                    plain = inflater.decompress(pending, PIECE_BYTES)
                except zlib.error:
                    return None
                pending = inflater.unconsumed_tail
                held_back = len(plain) == PIECE_BYTES  # zlib may keep output after it took the last input
                if inflater.eof:
                    pending, left, held_back = b"", 0, False
            size += len(plain)
            if size > most_bytes:
                raise TooLarge("Một tệp đính kèm lớn quá giới hạn sau khi giải nén. Đề nghị nơi gửi chia nhỏ tệp.")
            if size > ceiling:
                raise Malformed("Một tệp đính kèm nén bất thường (nghi là «bom nén»). Không mở gói tin này.")
            digest.update(plain)
            checksum = zlib.crc32(plain, checksum)
            out.write(plain)
    if inflater is not None and not inflater.eof:
        return None
    return (size, digest.hexdigest()) if checksum == entry.checksum else None
