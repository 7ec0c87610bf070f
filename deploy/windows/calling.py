"""Runs a verb for CAI-DAT.exe and writes what it says into a file, in UTF-16, which is what NSIS reads."""

from __future__ import annotations

import sys
from pathlib import Path

from commune_portal import cli

with Path(sys.argv[1]).open("w", encoding="utf-16", newline="\r\n") as said:
    # Started without a console, this process may have no standard streams at all.
    sys.stdout = sys.stderr = said
    code = cli.run(sys.argv[2:])
raise SystemExit(code)
