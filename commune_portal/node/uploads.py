"""Packets on their way up, in chunks: the tus 1.0.0 subset below HTTP.

The offset is the size of the file on disk, never a counter; each chunk is on disk before it is answered; one upload
is written by one request at a time. The same packet of the same member is the same upload, whatever the message.
Source: https://tus.io/protocols/resumable-upload
"""

from __future__ import annotations

import hashlib
import os
import secrets
import shutil
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from commune_portal import clock, points
from commune_portal.errors import Malformed
from commune_portal.node import routes
from commune_portal.node.members import Member
from commune_portal.node.refusals import ExchangeRefused
from commune_portal.settings import Limits
from commune_portal.store import database, files
from commune_portal.wire import fields
from commune_portal.wire.protocol import Refused

MOST_UNFINISHED = 64
SWEPT_EVERY_SECONDS = 3600.0
SUFFIX = ".upload"
CHECKSUMS = ("sha1", "sha256")

_guard = threading.Lock()
_written: set[str] = set()
_last_sweep = 0.0


@dataclass(frozen=True, slots=True)
class Upload:
    """An upload of a member; `offset` is what lies on disk, `length` once the whole is stored and proved."""

    id: str
    member_id: int
    sha256: str
    length: int
    expires_at: datetime
    offset: int
    verified: bool
    message_id: str

    @property
    def is_whole(self) -> bool:
        """True when every byte is here; whether they are the right ones is proved by `settle`."""
        return self.offset == self.length


def begin(member: Member, sha256: str, length: int, message_id: str, limits: Limits) -> Upload | None:
    """Makes, or finds again, the member's upload of these bytes; None when they are here whole already.

    That is when the member has sent (or been sent) them before. A file that came from somebody else does not count:
    who only knows a hash must not be able to send the content to itself.
    Raises ExchangeRefused: too large, quota, disk floor, or the same hash with another length.
    """
    _sweep_now_and_then()
    known = of_packet(member, sha256)
    if may_fetch(member, sha256) or (known is not None and known.verified and known.is_whole):
        return None
    if length > limits.packet_bytes:
        raise ExchangeRefused(Refused.TOO_LARGE)
    refuse_full_disk(limits, length)
    now = clock.now()
    expires = clock.to_text(now + timedelta(days=limits.unfinished_upload_days))
    with database.transaction() as work:
        found = work.execute(
            "SELECT id, length FROM uploads WHERE member_id = ? AND sha256 = ?", (member.id, sha256)
        ).fetchone()
        if found is not None and found[1] != length:
            raise ExchangeRefused(Refused.CONFLICT, "another length for the same hash")
        if found is not None:
            upload_id = found[0]
            work.execute("UPDATE uploads SET expires_at = ? WHERE id = ?", (expires, upload_id))
        else:
            amount, total = work.execute(
                "SELECT count(*), coalesce(sum(length), 0) FROM uploads WHERE member_id = ?", (member.id,)
            ).fetchone()
            if amount >= MOST_UNFINISHED or total + length > limits.unfinished_bytes_per_member:
                raise ExchangeRefused(Refused.TRY_LATER, "quota of unfinished uploads")
            upload_id = secrets.token_hex(16)
            work.execute(
                "INSERT INTO uploads (id, member_id, message_id, sha256, length, made_at, expires_at)"
                " VALUES (?, ?, ?, ?, ?, ?, ?)",
                (upload_id, member.id, message_id, sha256, length, clock.to_text(now), expires),
            )
    return find(member, upload_id)


def find(member: Member, upload_id: str) -> Upload:
    """A member's upload as it lies on disk; raises ExchangeRefused for an unknown, expired or another's one."""
    found = database.row(
        "SELECT id, member_id, sha256, length, expires_at, verified_at, message_id FROM uploads"
        " WHERE id = ? AND member_id = ?",
        (upload_id, member.id),
    )
    return _upload(found)


def write(member: Member, upload_id: str, offset: int, chunk: bytes, limits: Limits) -> Upload:
    """Appends a chunk, on disk when this returns; with the last one the whole is proved and stored.

    Raises ExchangeRefused: wrong offset (also while another request writes), too long, disk floor, or a whole that is
    not what its hash says; then no chunk can be blamed and the upload is dropped.
    """
    with _writing(upload_id, Refused.WRONG_OFFSET):
        upload = find(member, upload_id)
        if offset != upload.offset:
            raise ExchangeRefused(Refused.WRONG_OFFSET, offset=upload.offset)
        if offset + len(chunk) > upload.length:
            raise ExchangeRefused(Refused.TOO_LARGE, "more than the announced length", offset=upload.offset)
        refuse_full_disk(limits, len(chunk))
        path = _path(upload_id)
        fresh = not path.exists()
        with files.disk_errors(), path.open("ab") as out:
            out.write(chunk)
            out.flush()
            points.reach("inside-chunk")
            os.fsync(out.fileno())
        if fresh:
            files.sync_folder(path.parent)
        written = find(member, upload_id)
        if written.is_whole and not _prove(written):
            raise ExchangeRefused(Refused.CHECKSUM_MISMATCH, "the uploaded bytes are not those of the hash")
        return find(member, upload_id)


def settle(member: Member, sha256: str) -> bool:
    """Whether the member's upload of this packet is stored under its hash, proving it now where that was cut off.

    Raises ExchangeRefused when the bytes are not those of the hash.
    """
    upload = of_packet(member, sha256)
    if upload is None or not upload.is_whole:
        return False
    with _writing(upload.id, Refused.TRY_LATER):
        if not _prove(upload):
            raise ExchangeRefused(Refused.DIGEST_MISMATCH, "the uploaded bytes are not those of the hash")
        return files.has(sha256)


def _prove(upload: Upload) -> bool:
    """Stores a whole upload if it is what it should be, else drops it.

    The proof is written before the file is moved, so that a crash between the two costs no byte.
    """
    path = _path(upload.id)
    if not path.exists():
        return files.has(upload.sha256)
    if not upload.verified:
        if files.digest_of(path).sha256 != upload.sha256:
            database.write_working("DELETE FROM uploads WHERE id = ?", (upload.id,))
            path.unlink()
            return False
        database.write_working("UPDATE uploads SET verified_at = ? WHERE id = ?", (clock.now_text(), upload.id))
    files.adopt(path)
    return True


def of_packet(member: Member, sha256: str) -> Upload | None:
    """The member's upload of this packet, or None; one that has expired begins again."""
    found = database.row(
        "SELECT id, member_id, sha256, length, expires_at, verified_at, message_id FROM uploads"
        " WHERE member_id = ? AND sha256 = ?",
        (member.id, sha256),
    )
    if found is None or clock.from_text(found[4]) < clock.now():
        return None
    return _upload(found)


def end(member: Member, upload_id: str) -> None:
    """Gives an upload up, at the member's wish."""
    with _writing(upload_id, Refused.TRY_LATER):
        find(member, upload_id)
        database.write_working("DELETE FROM uploads WHERE id = ? AND member_id = ?", (upload_id, member.id))
        _path(upload_id).unlink(missing_ok=True)


def sweep() -> int:
    """Removes what has expired and files that no upload knows; answers how many uploads went."""
    gone = database.rows("SELECT id FROM uploads WHERE expires_at < ?", (clock.now_text(),))
    for (upload_id,) in gone:
        with _writing(upload_id, Refused.TRY_LATER):
            database.write_working("DELETE FROM uploads WHERE id = ?", (upload_id,))
            _path(upload_id).unlink(missing_ok=True)
    found = list(_folder().glob(f"*{SUFFIX}"))  # read before the rows: an upload that begins now is not yet in it
    known = {row[0] for row in database.rows("SELECT id FROM uploads")}
    for path in found:
        if path.name.removesuffix(SUFFIX) not in known:
            path.unlink(missing_ok=True)
    return len(gone)


def _sweep_now_and_then() -> None:
    global _last_sweep
    if clock.monotonic() - _last_sweep >= SWEPT_EVERY_SECONDS:
        _last_sweep = clock.monotonic()
        sweep()


def may_fetch(member: Member, sha256: str) -> bool:
    """True when the packet is in the mailbox and the member, or its subtree, is its bearer or its addressee."""
    mine, codes = routes.within("recipient_code", member)
    found = database.row(
        f"SELECT 1 FROM mailbox WHERE packet_sha256 = ? AND (sender_code = ? OR handed_by = ? OR {mine}) LIMIT 1",
        (sha256, member.code, member.code, *codes),
    )
    return found is not None and files.has(sha256)


def is_wiped_for(member: Member, sha256: str) -> bool:
    """True when every copy that concerns the member was destroyed; its bearer keeps it while one addressee does."""
    mine, codes = routes.within("recipient_code", member)
    living, wiped = database.row(
        "SELECT coalesce(sum(wiped_at IS NULL), 0), coalesce(sum(wiped_at IS NOT NULL), 0) FROM mailbox"
        f" WHERE packet_sha256 = ? AND (sender_code = ? OR handed_by = ? OR {mine})",
        (sha256, member.code, member.code, *codes),
    )
    return bool(wiped) and not living


def refuse_full_disk(limits: Limits, coming_bytes: int) -> None:
    """Raises ExchangeRefused when what comes would leave the disk below the floor."""
    if shutil.disk_usage(files.root()).free - coming_bytes < limits.disk_floor_bytes:
        raise ExchangeRefused(Refused.DISK_FULL)


def chunk_is_intact(chunk: bytes, checksum: str) -> bool:
    """Whether a chunk has the checksum that came with it, `sha256 <base64>`; raises Malformed for an unknown algorithm.

    SHA-1 is known because tus asks for it; it guards against a bad line alone. Source: tus 1.0.0, Checksum.
    """
    name, _, spelled = checksum.partition(" ")
    if name not in CHECKSUMS:
        raise Malformed(detail="checksum algorithm")
    return fields.from_base64(spelled) == hashlib.new(name, chunk, usedforsecurity=False).digest()


@contextmanager
def _writing(upload_id: str, otherwise: Refused) -> Iterator[None]:
    """Lets one request at a time write an upload; another one is refused in the given word."""
    with _guard:
        if upload_id in _written:
            raise ExchangeRefused(otherwise, "another request writes this upload")
        _written.add(upload_id)
    try:
        yield
    finally:
        with _guard:
            _written.discard(upload_id)


def _upload(row: tuple[str, int, str, int, str, str | None, str] | None) -> Upload:
    if row is None or clock.from_text(row[4]) < clock.now():
        raise ExchangeRefused(Refused.NOT_FOUND, "no such upload")
    upload_id, member_id, sha256, length, expires_at, verified_at, message_id = row
    path = _path(upload_id)
    if path.exists():
        offset = path.stat().st_size
    else:
        offset = length if verified_at is not None and files.has(sha256) else 0
    expires, is_verified = clock.from_text(expires_at), verified_at is not None
    return Upload(upload_id, member_id, sha256, length, expires, offset, is_verified, message_id)


def _path(upload_id: str) -> Path:
    return _folder() / f"{upload_id}{SUFFIX}"


def _folder() -> Path:
    return files.temporary().parent
