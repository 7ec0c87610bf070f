"""One command line that kills itself at a named point: `python -m tests.operations.killer POINT COUNT VERB …`."""

from __future__ import annotations

import os
import signal
import sys

from commune_portal import cli, points


def main() -> int:
    wanted, left = sys.argv[1], int(sys.argv[2])

    def hook(point: points.Point) -> None:
        nonlocal left
        if point == wanted:
            left -= 1
            if left == 0:
                os.kill(os.getpid(), signal.SIGKILL)

    points.hook = hook
    return cli.run(sys.argv[3:])


if __name__ == "__main__":
    raise SystemExit(main())
