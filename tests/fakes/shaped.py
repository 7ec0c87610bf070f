"""A bad link without root: a TCP proxy that shapes what passes, where TUN devices are not permitted.

It knows rate, delay and cuts as `tun_link` does; a lost segment, which a proxy cannot lose, costs a round trip of
waiting. What it counts are the bytes inside TCP, with the headers that they would have had.
"""

from __future__ import annotations

import asyncio
import json
import random
import subprocess
import sys
import time
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path

from tests.fakes.tun_link import Figures, Shape

SEGMENT, HEADERS = 1448, 52


class ShapedProxy:
    """A proxy in a process of its own, with the manners of `TunLink`."""

    congestion = "none (a proxy in user space)"

    def __init__(self, shape: Shape, folder: Path, port: int, target: int) -> None:
        self.shape = shape
        self._figures = folder / f"proxy-{shape.seed}.json"
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.fakes.shaped", json.dumps(asdict(shape)), str(self._figures), str(port),
             str(target)],
            stdout=subprocess.PIPE, text=True, cwd=Path(__file__).parents[2],
        )  # fmt: skip
        assert self._process.stdout is not None
        self._process.stdout.readline()

    def inside(self, end: str) -> list[str]:
        """Both ends are this computer."""
        assert end in ("near", "far")
        return []

    def figures(self) -> Figures:
        """What has passed."""
        return Figures(**json.loads(self._figures.read_text()))

    def close(self) -> None:
        """Takes it down."""
        self._process.terminate()
        self._process.wait()
        if self._process.stdout is not None:
            self._process.stdout.close()


class Line:
    """One way: how fast, and when it is free again."""

    def __init__(self, bits: int) -> None:
        self.rate, self.free_at, self.bytes = bits / 8, 0.0, 0


class Proxy:
    """All connections through the link."""

    def __init__(self, shape: Shape, figures: Path, target: int) -> None:
        self.shape, self.figures, self.target = shape, figures, target
        self.source = random.Random(shape.seed)
        self.up, self.down = Line(shape.up_bits), Line(shape.down_bits)
        self.open: set[asyncio.StreamWriter] = set()
        self.lost = self.cuts = 0
        self.began = time.monotonic()

    def is_dark(self) -> bool:
        """Whether nothing passes now."""
        every = self.shape.cut_every
        return bool(every) and (time.monotonic() - self.began) % every >= every - self.shape.dark

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection of the office."""
        if self.is_dark():
            writer.close()
            return
        on, back = await asyncio.open_connection("127.0.0.1", self.target)
        self.open |= {writer, back}
        with suppress(OSError):
            await asyncio.gather(self.carry(reader, back, self.up), self.carry(on, writer, self.down))
        self.open -= {writer, back}
        for end in (writer, back):
            end.close()

    async def carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, line: Line) -> None:
        """One direction of it."""
        while data := await reader.read(SEGMENT):
            now = time.monotonic()
            line.free_at = max(now, line.free_at) + (len(data) + HEADERS) / line.rate
            line.bytes += len(data) + HEADERS
            if self.source.random() < self.shape.loss:
                self.lost += 1
                line.free_at += 2 * self.shape.delay
                line.bytes += len(data) + HEADERS
            await asyncio.sleep(line.free_at - now)
            writer.write(data)
            await writer.drain()
        if writer.can_write_eof():
            writer.write_eof()

    async def watch(self) -> None:
        """Cuts, and tells the figures."""
        was_dark = False
        while True:
            is_dark = self.is_dark()
            if is_dark and not was_dark:
                self.cuts += 1
                for writer in tuple(self.open):
                    writer.transport.abort()
            was_dark = is_dark
            part = self.figures.with_suffix(".part")
            part.write_text(json.dumps(asdict(Figures(self.up.bytes, self.down.bytes, self.lost, self.cuts))))
            part.replace(self.figures)
            await asyncio.sleep(0.25)


async def run(proxy: Proxy, port: int) -> None:
    """Serves until it is ended."""
    server = await asyncio.start_server(proxy.serve, "127.0.0.1", port)
    print("ready", flush=True)
    async with server:
        await proxy.watch()


if __name__ == "__main__":
    asyncio.run(run(Proxy(Shape(**json.loads(sys.argv[1])), Path(sys.argv[2]), int(sys.argv[4])), int(sys.argv[3])))
