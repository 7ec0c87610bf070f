"""One command line at whose n-th step the disk is full: `python -m tests.operations.filler FILE COUNT VERB …`."""

from __future__ import annotations

import errno
import os
import sys
from pathlib import Path

from commune_portal import cli, points


def main() -> int:
    path, left = Path(sys.argv[1]), int(sys.argv[2])

    def hook(point: points.Point) -> None:
        nonlocal left
        if point == "operation-step-written":
            left -= 1
            if left == 0:
                fill(path)

    points.hook = hook
    return cli.run(sys.argv[3:])


def fill(path: Path) -> None:
    """Takes every block that is free, large pieces first."""
    with path.open("ab") as file:
        size = 64 * 1024 * 1024
        while size >= 4096:
            end = file.seek(0, os.SEEK_END)
            try:
                os.posix_fallocate(file.fileno(), end, size)
            except OSError as error:
                if error.errno != errno.ENOSPC:
                    raise
                size //= 2


if __name__ == "__main__":
    raise SystemExit(main())
