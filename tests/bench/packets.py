"""G11: reading a packet with an attachment of fifty megabytes, beside its plain SHA-256 and a plain write.

Memory is the growth of the high-water mark of a fresh process that has read a small packet first.
"""

from __future__ import annotations

import hashlib
import random
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

from commune_portal.edxml.reader import read
from commune_portal.edxml.writer import attach, write
from tests.bench.harness import Bench, Part, Sample, Samples, at_most
from tests.bench.slices import Timed, counted, in_turns
from tests.edxml.specimens import EDOC

MEGABYTE = 1024 * 1024
ATTACHMENT_MEGABYTES = 50
READ, HASH, WRITE, GROWTH = "đọc gói 50 MB", "SHA-256 của gói", "ghi tệp 50 MB", "bộ nhớ tăng"

READING = """
import sys
from pathlib import Path
from commune_portal.edxml.reader import read
from tests.bench.machine import high_water_mib
import os
small, big, into = map(Path, sys.argv[1:])
read(small, into)
before = high_water_mib(os.getpid())
read(big, into)
print(high_water_mib(os.getpid()) - before)
"""


def measure() -> Iterator[Sample]:
    """Reading, hashing and writing in turns; the files lie in memory's cache."""
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        (folder / "into").mkdir()
        content = folder / "content.pdf"
        block = random.Random(1).randbytes(MEGABYTE)
        content.write_bytes(b"%PDF-1.7\n" + block * ATTACHMENT_MEGABYTES)
        packet, small = folder / "packet", folder / "small"
        _write(packet, content)
        small_content = folder / "small.pdf"
        small_content.write_bytes(b"%PDF-1.7\n" + block[:1000])
        _write(small, small_content)
        plain = content.read_bytes()

        def reading() -> None:
            read(packet, folder / "into")
            for path in (folder / "into").iterdir():
                path.unlink()

        def hashing() -> None:
            digest = hashlib.sha256()
            with packet.open("rb") as file:
                while piece := file.read(256 * 1024):
                    digest.update(piece)

        def writing() -> None:
            with (folder / "out").open("wb") as out:
                for start in range(0, len(plain), 256 * 1024):
                    out.write(plain[start : start + 256 * 1024])
            (folder / "out").unlink()

        arms: dict[str, Callable[[], Timed]] = {
            READ: lambda: counted(reading, 2), HASH: lambda: counted(hashing, 4), WRITE: lambda: counted(writing, 4)
        }  # fmt: skip
        for name, found in in_turns(arms):
            yield Sample(name, found.quantile_ms(0.5), "ms", found.cpu_seconds)
        for _ in range(5):
            yield Sample(GROWTH, _growth(small, packet, folder / "into"), "MiB")


def _write(path: Path, content: Path) -> None:
    with path.open("wb") as out:
        write(replace(EDOC, attachments=(attach(content, "kem.pdf"),)), out)


def _growth(small: Path, packet: Path, into: Path) -> float:
    done = subprocess.run(
        [sys.executable, "-c", READING, str(small), str(packet), str(into)],
        capture_output=True, text=True, check=True, timeout=120, cwd=Path(__file__).parents[2],
    )  # fmt: skip
    for path in into.iterdir():
        path.unlink()
    return float(done.stdout)


def judge(samples: Samples) -> list[Part]:
    """What reading costs beyond the write, in hashes of the file."""

    def hashes() -> float:
        return samples.ratio(READ, HASH) - samples.ratio(WRITE, HASH)

    return [
        at_most("(đọc - ghi) / SHA-256 của gói", hashes, 5),
        at_most("bộ nhớ tăng (MiB)", lambda: samples.median(GROWTH), 2),
    ]


BENCHES = (Bench("G11", "Đọc gói tin 50 MB", "bộ nhớ +2 MB; ≤ 5 × SHA-256 của tệp (cộng lúc ghi)", measure, judge),)
