"""Packets over a link that drops: go on where the other side's disk says, never from zero.

The chunk is the grain of resuming, because a server sees a body only when it is whole: small on a link that cuts,
large on one that is slow but steady. Both ends stream; memory is one chunk.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from commune_portal import clock, points
from commune_portal.errors import NodeUnreachable, StoreDamaged
from commune_portal.relay.client import NodeClient, RefusedByNode, TryLater
from commune_portal.relay.link import Sink
from commune_portal.wire.protocol import Refused

KIBIBYTE = 1024
PATIENCE = 8
"""Failures in a row without one new byte before the queue's own back-off takes over."""
_HASH_BLOCK_BYTES = 256 * KIBIBYTE
_WISH_SECONDS = 6.0
_RESTARTS = 3


class Damaged(NodeUnreachable):
    """What was fetched is not what its SHA-256 names; it was thrown away and is fetched again later."""

    sentence = "Gói tải về bị sai lệch; hệ thống sẽ tự tải lại."


@dataclass(slots=True)
class Grain:
    """The size of the next chunk: halved by a failure, doubled by quick successes in a row, within bounds."""

    size_bytes: int = 64 * KIBIBYTE
    smallest_bytes: int = 16 * KIBIBYTE
    largest_bytes: int = 256 * KIBIBYTE
    _streak: int = 0
    _wanted: int = 2

    def failed(self) -> None:
        """A chunk was lost; growing again takes more successes than before."""
        self.size_bytes = max(self.smallest_bytes, self.size_bytes // 2)
        self._streak, self._wanted = 0, 8

    def succeeded(self, seconds: float) -> None:
        """A chunk arrived; one that took long already is large enough for this link."""
        self._streak += 1
        if seconds < _WISH_SECONDS and self._streak >= self._wanted:
            self.size_bytes = min(self.largest_bytes, self.size_bytes * 2)
            self._streak = 0


@dataclass(frozen=True, slots=True)
class Sent:
    """How far an upload came. `finished`: the node holds every byte; else something more urgent came between."""

    finished: bool
    offset: int
    sent_bytes: int


def never() -> bool:
    """Nothing interrupts."""
    return False


def _no_pause(_seconds: float) -> None:
    return


def upload(
    client: NodeClient,
    source: Path,
    sha256: str,
    message_id: str,
    *,
    grain: Grain | None = None,
    interrupt: Callable[[], bool] = never,
    pause: Callable[[float], None] = _no_pause,
) -> Sent:
    """Brings a packet to the node, going on where an earlier call stopped, in this process or another.

    `interrupt` is asked between chunks; `pause` waits some seconds after a failure (an Event's wait). Raises
    NodeUnreachable when nothing gets through, RefusedByNode when the node does not want it, StoreDamaged when the file
    here is not what its hash says: the node would throw it away after the last byte, for ever.
    """
    grain = grain or Grain()
    run = _UploadRun(client, source, sha256, message_id)
    failures = 0
    while True:
        try:
            if not run.placed:
                run.place()
            if run.offset >= run.total_bytes:
                return Sent(True, run.offset, run.sent_bytes)
            if interrupt():
                return Sent(False, run.offset, run.sent_bytes)
            before, started = run.offset, clock.monotonic()
            run.send(grain.size_bytes)
            if run.offset > before:
                failures = 0
                grain.succeeded(clock.monotonic() - started)
        except TryLater:
            raise
        except NodeUnreachable:
            failures += 1
            run.lose_place()
            grain.failed()
            if failures >= PATIENCE:
                raise
            if interrupt():
                return Sent(False, run.offset, run.sent_bytes)
            pause(min(5.0, 0.1 * 2.0**failures))


class _UploadRun:
    """One call of `upload`: where it is, and what it has sent."""

    def __init__(self, client: NodeClient, source: Path, sha256: str, message_id: str) -> None:
        self._client, self._source, self._sha256, self._message_id = client, source, sha256, message_id
        self.total_bytes = source.stat().st_size
        self.offset = 0
        self.sent_bytes = 0
        self.placed = False
        self._path = ""
        self._begins = self._restarts = 0

    def place(self) -> None:
        """Asks the node how far it is; makes the upload when there is none, or it has expired."""
        if self._path:
            try:
                self._at(self._client.upload_offset(self._path))
            except RefusedByNode as refusal:
                if refusal.reason is not Refused.NOT_FOUND:
                    raise
                self._path = ""
        if not self._path:
            if self._begins and digest_of(self._source) != self._sha256:
                raise StoreDamaged(detail=f"packet {self._sha256[:16]}")
            if self._begins > _RESTARTS:
                raise NodeUnreachable(detail="the node drops the upload again and again")
            begun = self._client.begin_upload(self._sha256, self.total_bytes, self._message_id)
            self._begins += 1
            self._path = begun.path
            self._at(begun.offset)

    def lose_place(self) -> None:
        """After a failure only the node knows how far it is."""
        self.placed = False

    def send(self, chunk_bytes: int) -> None:
        """Sends the next chunk."""
        with self._source.open("rb") as packet:
            packet.seek(self.offset)
            chunk = packet.read(chunk_bytes)
        self.sent_bytes += len(chunk)
        points.reach("inside-chunk")
        try:
            self.offset = self._client.send_chunk(self._path, self.offset, chunk)
        except RefusedByNode as refusal:
            if refusal.reason is Refused.NOT_FOUND and self._restarts < _RESTARTS:
                self._restarts += 1
                self._path = ""
            elif refusal.reason not in (Refused.WRONG_OFFSET, Refused.CHECKSUM_MISMATCH):
                raise
            raise NodeUnreachable(detail=f"chunk: {refusal.reason.value}") from refusal

    def _at(self, offset: int) -> None:
        if offset > self.total_bytes:
            raise NodeUnreachable(detail="the node has more bytes than the packet")
        self.offset = offset
        self.placed = True


def download(
    client: NodeClient,
    sha256: str,
    total_bytes: int,
    folder: Path,
    *,
    stretch_bytes: int = 1024 * KIBIBYTE,
    interrupt: Callable[[], bool] = never,
    pause: Callable[[float], None] = _no_pause,
) -> Path | None:
    """Fetches a packet into `folder`, going on at the size on disk; gives the checked file, None if interrupted.

    The file is `<sha256>`, written as `<sha256>.part` and renamed when every byte is there and its SHA-256 is right.
    Raises NodeUnreachable, Damaged, or RefusedByNode.
    """
    finished, part = folder / sha256, folder / f"{sha256}.part"
    if finished.exists():
        return finished
    folder.mkdir(parents=True, exist_ok=True)
    failures = 0
    with part.open("ab") as target:
        while (size := target.seek(0, os.SEEK_END)) < total_bytes:
            if interrupt():
                return None
            try:
                client.packet(sha256, size, min(stretch_bytes, total_bytes - size), _writer(target, total_bytes))
            except (TryLater, Damaged):
                raise
            except NodeUnreachable:
                failures = 0 if target.seek(0, os.SEEK_END) > size else failures + 1
                if failures >= PATIENCE:
                    raise
                pause(min(5.0, 0.1 * 2.0**failures))
        target.flush()
        os.fsync(target.fileno())
    if part.stat().st_size != total_bytes or digest_of(part) != sha256:
        with contextlib.suppress(FileNotFoundError):
            part.unlink()
        raise Damaged(detail=f"packet {sha256[:16]}")
    part.replace(finished)
    return finished


def digest_of(path: Path) -> str:
    """The SHA-256 of a file, read in blocks."""
    digest = hashlib.sha256()
    with path.open("rb") as source:
        while block := source.read(_HASH_BLOCK_BYTES):
            digest.update(block)
    return digest.hexdigest()


def _writer(target: BinaryIO, total_bytes: int) -> Callable[[int, int], Sink]:
    def began(start: int, whole_bytes: int) -> Sink:
        if whole_bytes != total_bytes:
            raise Damaged(detail="the packet has another length than its envelope says")
        target.truncate(start)

        def write(block: bytes) -> None:
            if target.seek(0, os.SEEK_END) + len(block) > total_bytes:
                raise Damaged(detail="more bytes than the packet has")
            target.write(block)
            points.reach("inside-chunk")

        return write

    return began
