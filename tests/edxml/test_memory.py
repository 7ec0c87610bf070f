"""Memory does not grow with the attachment, in reading and in writing (speed.md G11)."""

from __future__ import annotations

import random
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from commune_portal.edxml.writer import attach, write
from tests.edxml.specimens import EDOC

MEGABYTE = 1024 * 1024

# A process of its own, since the high-water mark of this one holds whatever ran before.
READING = """
import sys
from pathlib import Path
from commune_portal.edxml.reader import read
def high_water_kb():
    lines = Path("/proc/self/status").read_text().splitlines()
    return int(next(line for line in lines if line.startswith("VmHWM")).split()[1])
small, big, into = map(Path, sys.argv[1:])
read(small, into)
before = high_water_kb()
parsed = read(big, into)
print(high_water_kb() - before, parsed.attachments[0].size_bytes, len(parsed.findings))
"""
WRITING = """
import sys
from dataclasses import replace
from pathlib import Path
from commune_portal.edxml.writer import attach, write
from tests.edxml.specimens import EDOC
def high_water_kb():
    lines = Path("/proc/self/status").read_text().splitlines()
    return int(next(line for line in lines if line.startswith("VmHWM")).split()[1])
small, big, into = map(Path, sys.argv[1:])
for path in (small, big):
    before = high_water_kb()
    with (into / "out").open("wb") as out:
        write(replace(EDOC, attachments=(attach(path, sys.argv[1].rpartition("/")[2]),)), out)
print(high_water_kb() - before, big.stat().st_size, 0)
"""


def growth(script: str, small: Path, big: Path, into: Path) -> tuple[int, int, int]:
    """Kilobytes by which the peak grew, the attachment's size, and the number of findings."""
    done = subprocess.run(
        [sys.executable, "-c", script, str(small), str(big), str(into)],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
        cwd=Path(__file__).parents[2],
    )
    kilobytes, size, findings = map(int, done.stdout.split())
    return kilobytes, size, findings


def source(folder: Path, name: str, megabytes: int) -> Path:
    path = folder / name
    block = random.Random(name).randbytes(MEGABYTE)
    with path.open("wb") as out:
        out.write(b"%PDF-1.7\n")
        for _ in range(megabytes):
            out.write(block)
    return path


@pytest.mark.parametrize("name", ["lon.pdf", "lon.txt"])
def test_reading_fifty_megabytes_takes_no_more_than_two(tmp_path: Path, name: str) -> None:
    packets = []
    for megabytes in (0, 50):
        packets.append(tmp_path / f"{megabytes}.edxml")
        plain = source(tmp_path, f"{megabytes}-{name}", megabytes)
        if name.endswith("txt"):
            plain.write_bytes(plain.read_bytes()[5:])
        with packets[-1].open("wb") as out:
            write(replace(EDOC, attachments=(attach(plain, name),)), out)
    kilobytes, size, findings = growth(READING, packets[0], packets[1], tmp_path)
    assert size > 50 * MEGABYTE
    assert findings == 0
    assert kilobytes <= 2048


def test_writing_fifty_megabytes_takes_no_more_than_two(tmp_path: Path) -> None:
    small, big = source(tmp_path, "nho.txt", 0), source(tmp_path, "big", 50)
    kilobytes, _, _ = growth(WRITING, small, big, tmp_path)
    assert kilobytes <= 2048
