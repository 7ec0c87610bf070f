"""Bytes over a bare socket into a file, hashed and synced: the least that a durable upload can be."""

from __future__ import annotations

import hashlib
import os
import socket
import struct
from collections.abc import Callable
from pathlib import Path

BLOCK_BYTES = 256 * 1024


def serve(folder: Path, started: Callable[[int], None]) -> None:
    """Takes one connection after another; each message is a length and its bytes, each answer their SHA-256."""
    folder.mkdir(parents=True, exist_ok=True)
    with socket.create_server(("127.0.0.1", 0)) as door:
        started(door.getsockname()[1])
        while True:
            connection, _ = door.accept()
            with connection:
                connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                while _take(connection, folder / "received"):
                    pass


def _take(connection: socket.socket, path: Path) -> bool:
    head = connection.recv(8, socket.MSG_WAITALL)
    if len(head) < 8:
        return False
    left = int(struct.unpack(">Q", head)[0])
    digest = hashlib.sha256()
    with path.open("wb") as out:
        while left:
            piece = connection.recv(min(left, BLOCK_BYTES))
            if not piece:
                return False
            digest.update(piece)
            out.write(piece)
            left -= len(piece)
        out.flush()
        os.fsync(out.fileno())
    connection.sendall(digest.digest())
    return True


def send(connection: socket.socket, data: bytes) -> None:
    """Sends bytes and waits until they are on the other side's disk."""
    connection.sendall(struct.pack(">Q", len(data)))
    connection.sendall(data)
    if len(connection.recv(32, socket.MSG_WAITALL)) != 32:
        raise RuntimeError("the other side is gone")
