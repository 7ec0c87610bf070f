"""A tar.gz of layers that is the same bytes each time: sorted names, one time, one owner.

Each layer is a gzip member of its own (RFC 1952 lets members follow one another, and every tar reads them), so that
the heavy interpreter is compressed once and the package of a release joins it in a moment.
"""

from __future__ import annotations

import gzip
import shutil
import tarfile
from collections.abc import Iterable
from pathlib import Path

LEVEL = 6
BLOCK = 512


def write_layer(out: Path, folder: Path, files: Iterable[Path], epoch: int) -> None:
    """Writes the files of a folder as one gzip member of an unfinished tar."""
    with out.open("wb") as raw, gzip.GzipFile("", "wb", LEVEL, raw, mtime=0) as packed:
        for path in files:
            info = tarfile.TarInfo(path.relative_to(folder).as_posix())
            info.size = path.stat().st_size
            info.mode = 0o755 if path.stat().st_mode & 0o100 else 0o644
            info.mtime = epoch
            info.uname = info.gname = "root"
            packed.write(info.tobuf(tarfile.GNU_FORMAT))
            packed.write(path.read_bytes())
            packed.write(bytes(-info.size % BLOCK))


def join(out: Path, layers: Iterable[Path]) -> None:
    """Joins layers into one finished archive."""
    with out.open("wb") as raw:
        for layer in layers:
            with layer.open("rb") as part:
                shutil.copyfileobj(part, raw)
        with gzip.GzipFile("", "wb", LEVEL, raw, mtime=0) as packed:
            packed.write(bytes(2 * BLOCK))
