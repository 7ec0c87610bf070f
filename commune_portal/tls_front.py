"""The TLS door of an office without a reverse proxy: it takes TLS off and passes the bytes on to the loopback port.

It reads no HTTP. The portal learns who asks from the source port of the connection behind it: the door connects from
a loopback address that nothing else uses, and notes which client each of its ports stands for. See
docs/decisions/0007-tls-on-the-lan.md.
"""

from __future__ import annotations

import asyncio
import logging
import socket
import ssl
import threading
from collections import Counter
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from commune_portal import clock
from commune_portal.errors import StoreRefused
from commune_portal.wire.lan_addresses import DOOR_ADDRESS, PLAIN_SENTENCE

log = logging.getLogger(__name__)

CIPHERS = "ECDHE+ECDSA+AESGCM:ECDHE+ECDSA+CHACHA20"
"""For TLS 1.2, with the door's own EC key: forward secrecy and authenticated encryption, nothing else."""

TLS_RECORD_HANDSHAKE = 0x16
BLOCK_BYTES = 64 * 1024
RELOAD_SECONDS = 2.0
GOODBYE_SECONDS = 5.0
ACCEPT_BACKLOG = 128


@dataclass(frozen=True, slots=True)
class DoorLimits:
    """What one door bears, in connections and seconds.

    On Windows a select() knows 512 sockets, and each connection is two of them. `room_seconds`: how long a newcomer
    waits at a full door; who has just left is counted until the portal has seen it too.
    """

    connections: int = 200
    connections_per_address: int = 48
    room_seconds: float = 2.0
    handshake_seconds: float = 10.0
    idle_seconds: float = 600.0
    grace_seconds: float = 30.0
    slowest_bytes_per_second: float = 100.0


def server_context(certificate: Path) -> ssl.SSLContext:
    """TLS 1.2 and 1.3 with the key and certificate of one PEM file; raises StoreRefused for what cannot be used."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_ciphers(CIPHERS)
    context.options |= ssl.OP_CIPHER_SERVER_PREFERENCE | ssl.OP_NO_RENEGOTIATION | ssl.OP_NO_COMPRESSION
    context.set_alpn_protocols(["http/1.1"])
    try:
        context.load_cert_chain(certificate)
    except (OSError, ssl.SSLError) as error:
        raise StoreRefused(
            f"Không dùng được chứng thư của mạng nội bộ tại {certificate}. Hãy chạy «commune-portal lan renew».",
            detail=str(error),
        ) from error
    return context


class TlsFront:
    """The door, in a thread of its own with an event loop of its own."""

    def __init__(
        self, host: str, port: int, behind: tuple[str, int], certificate: Path, limits: DoorLimits | None = None
    ) -> None:
        self._certificate = certificate
        self._behind = behind
        self._limits = limits or DoorLimits()
        self._context = server_context(certificate)
        self._stamp = _stamp(certificate)
        self._clients: dict[int, str] = {}
        self._open: Counter[str] = Counter()
        self._tasks: set[asyncio.Task[None]] = set()
        self._listening = _listen(host, port)
        self._loop: asyncio.AbstractEventLoop | None = None
        self._ends: asyncio.Event | None = None
        self._left = asyncio.Event()  # set when a connection has ended
        self._started: Future[None] = Future()
        self._thread = threading.Thread(target=self._run, name="tls-door", daemon=True)

    @property
    def port(self) -> int:
        """The port that was bound, also where 0 was asked for."""
        return int(self._listening.getsockname()[1])

    @property
    def open_connections(self) -> int:
        """How many clients are connected now."""
        return self._open.total()

    def client_of(self, source_port: int) -> str | None:
        """The address of the client whose bytes come from this port of the door, or None for no client of ours."""
        return self._clients.get(source_port)

    def start(self) -> None:
        """Begins to accept; returns when it does."""
        self._thread.start()
        self._started.result(10)

    def close(self) -> None:
        """Ends every connection and the thread."""
        loop, ends = self._loop, self._ends
        if loop is not None and ends is not None:
            with suppress(RuntimeError):  # the loop has ended by itself
                loop.call_soon_threadsafe(ends.set)
            self._thread.join(10)
        self._listening.close()

    def _run(self) -> None:
        # Not the proactor of Windows: a first byte is looked at before TLS, which needs readiness, not completion.
        loop = asyncio.SelectorEventLoop()
        try:
            loop.run_until_complete(self._serve(loop))
        except Exception as error:
            if not self._started.done():
                self._started.set_exception(error)
            log.exception("the TLS door ended")
        finally:
            loop.close()

    async def _serve(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop, self._ends = loop, asyncio.Event()
        self._listening.setblocking(False)
        accepting = [loop.create_task(self._accept(loop)), loop.create_task(self._reload())]
        self._started.set_result(None)
        await self._ends.wait()
        for task in [*accepting, *self._tasks]:
            task.cancel()
        await asyncio.gather(*accepting, *self._tasks, return_exceptions=True)
        await asyncio.sleep(0.05)  # aborted transports close their sockets in the next turns of the loop

    async def _accept(self, loop: asyncio.AbstractEventLoop) -> None:
        while True:
            try:
                client, found = await loop.sock_accept(self._listening)
            except OSError as error:
                log.warning("the TLS door cannot accept: %s", error)
                await asyncio.sleep(1.0)  # out of file handles, most likely: some will be given back
                continue
            address = str(found[0])
            try:
                room = await self._has_room(address)
            except asyncio.CancelledError:
                client.close()
                raise
            if not room:
                log.warning("the TLS door is full for %s", address)
                client.close()
                continue
            self._open[address] += 1
            task = loop.create_task(self._attend(client, address))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _has_room(self, address: str) -> bool:
        """Whether another connection can be borne, now or when one of those that are ending has ended."""
        if self._open[address] >= self._limits.connections_per_address:
            return False
        ends = clock.monotonic() + self._limits.room_seconds
        while self._open.total() >= self._limits.connections:
            self._left.clear()
            try:
                await asyncio.wait_for(self._left.wait(), ends - clock.monotonic())
            except TimeoutError:
                return False
        return True

    async def _reload(self) -> None:
        """Takes a renewed certificate for the connections that come after it."""
        while True:
            await asyncio.sleep(RELOAD_SECONDS)
            now = _stamp(self._certificate)
            if now == self._stamp:
                continue
            try:
                self._context = server_context(self._certificate)
                self._stamp = now
                log.info("the TLS door shows a renewed certificate")
            except StoreRefused as refusal:
                log.warning("the renewed certificate cannot be used: %s", refusal.detail)

    async def _attend(self, client: socket.socket, address: str) -> None:
        """One client from its first byte to its last."""
        try:
            client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            first = await asyncio.wait_for(_first_byte(client), self._limits.handshake_seconds)
            if first is None:
                client.close()
            elif first != TLS_RECORD_HANDSHAKE:
                await asyncio.wait_for(_refuse_plain(client), self._limits.handshake_seconds)
            else:
                await self._forward(client, address)
        except (OSError, ssl.SSLError, asyncio.IncompleteReadError) as error:
            log.debug("a connection from %s ended: %s", address, type(error).__name__)
            client.close()
        finally:
            self._open[address] -= 1
            if not self._open[address]:
                del self._open[address]
            self._left.set()

    async def _forward(self, client: socket.socket, address: str) -> None:
        loop = asyncio.get_running_loop()
        reader = asyncio.StreamReader(limit=BLOCK_BYTES)
        protocol = asyncio.StreamReaderProtocol(reader)
        transport, _ = await loop.connect_accepted_socket(
            lambda: protocol, client, ssl=self._context,
            ssl_handshake_timeout=self._limits.handshake_seconds, ssl_shutdown_timeout=GOODBYE_SECONDS,
        )  # fmt: skip
        writer = asyncio.StreamWriter(transport, protocol, reader, loop)
        behind = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        source_port = 0
        try:
            behind.setblocking(False)
            behind.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            behind.bind((DOOR_ADDRESS, 0))
            source_port = int(behind.getsockname()[1])
            self._clients[source_port] = address  # before the portal can ask
            await loop.sock_connect(behind, self._behind)
            behind_reader, behind_writer = await asyncio.open_connection(sock=behind, limit=BLOCK_BYTES)
            pace = _Pace(self._limits)
            up = loop.create_task(_pump(reader, behind_writer, pace.heard))
            down = loop.create_task(_pump(behind_reader, writer, pace.answered))
            watch = loop.create_task(pace.end_of_patience())
            try:
                await asyncio.wait((up, down, watch), return_when=asyncio.FIRST_COMPLETED)
                if up.done() and not down.done() and not up.cancelled() and up.exception() is None:
                    # The client said all it had: the portal may still be writing its answer.
                    with suppress(TimeoutError):
                        await asyncio.wait_for(asyncio.shield(down), self._limits.grace_seconds)
            finally:
                behind_writer.transport.abort()  # before anything is waited for: the door may be closing
                for task in (up, down, watch):
                    task.cancel()
                await asyncio.gather(up, down, watch, return_exceptions=True)
        finally:
            behind.close()
            self._clients.pop(source_port, None)
            await _say_goodbye(writer)


class _Pace:
    """Whether a connection gets on: one that stands still, or a request that comes byte by byte, is ended."""

    def __init__(self, limits: DoorLimits) -> None:
        self._limits = limits
        self._began = 0.0
        self._bytes = 0
        self._last = clock.monotonic()

    def heard(self, amount: int) -> None:
        """Counts what the client sent since the last answer; raises TimeoutError for one that drips."""
        now = self._last = clock.monotonic()
        if not self._bytes:
            self._began = now
        self._bytes += amount
        took = now - self._began
        if took > self._limits.grace_seconds and self._bytes < took * self._limits.slowest_bytes_per_second:
            raise TimeoutError

    def answered(self, _amount: int) -> None:
        """The portal has answered: what comes now is another request."""
        self._last = clock.monotonic()
        self._bytes = 0

    async def end_of_patience(self) -> None:
        """Returns when nothing has passed either way for too long."""
        while (left := self._last + self._limits.idle_seconds - clock.monotonic()) > 0:
            await asyncio.sleep(left)


async def _pump(source: asyncio.StreamReader, target: asyncio.StreamWriter, passed: Callable[[int], None]) -> None:
    while block := await source.read(BLOCK_BYTES):
        passed(len(block))
        target.write(block)
        await target.drain()
    with suppress(OSError, RuntimeError, NotImplementedError):
        if target.can_write_eof():
            target.write_eof()


async def _say_goodbye(writer: asyncio.StreamWriter) -> None:
    """Closes what is left of a TLS connection, its last bytes first; a client that does not read them is cut off."""
    try:
        writer.close()
        with suppress(OSError, ssl.SSLError):
            await asyncio.wait_for(writer.wait_closed(), GOODBYE_SECONDS)
    finally:
        writer.transport.abort()


async def _first_byte(client: socket.socket) -> int | None:
    """Looks at the first byte and leaves it where it is; None when the client went."""
    client.setblocking(False)
    loop = asyncio.get_running_loop()
    ready: asyncio.Future[None] = loop.create_future()

    def tell() -> None:
        if not ready.done():
            ready.set_result(None)

    loop.add_reader(client.fileno(), tell)
    try:
        await ready
    finally:
        loop.remove_reader(client.fileno())
    found = client.recv(1, socket.MSG_PEEK)
    return found[0] if found else None


async def _refuse_plain(client: socket.socket) -> None:
    """Answers a browser that spoke plain HTTP, so that its user reads what to type."""
    body = PLAIN_SENTENCE.encode()
    head = (
        "HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain; charset=utf-8\r\nCache-Control: no-store\r\n"
        f"Content-Length: {len(body)}\r\nConnection: close\r\n\r\n"
    )
    loop = asyncio.get_running_loop()
    try:
        await loop.sock_sendall(client, head.encode() + body)
        client.shutdown(socket.SHUT_WR)
        while await loop.sock_recv(client, BLOCK_BYTES):
            pass  # unread bytes would reset the connection before the browser has read the sentence
    finally:
        client.close()


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listening = socket.socket(family, socket.SOCK_STREAM)
    try:
        if hasattr(socket, "SO_EXCLUSIVEADDRUSE"):
            listening.setsockopt(socket.SOL_SOCKET, socket.SO_EXCLUSIVEADDRUSE, 1)
        else:
            listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind((host, port))
        listening.listen(ACCEPT_BACKLOG)
    except OSError as error:
        listening.close()
        raise StoreRefused(
            f"Không mở được cổng https {host}:{port} cho mạng nội bộ: có chương trình khác đang dùng,"
            " hoặc địa chỉ không phải của máy này. Hãy chọn cổng khác bằng «commune-portal lan enable --port …».",
            detail=str(error),
        ) from error
    return listening


def _stamp(path: Path) -> tuple[int, int]:
    try:
        found = path.stat()
    except OSError:
        return (0, 0)
    return (found.st_mtime_ns, found.st_ino)
