"""Writes the start menu's entry: an address that opens in the browser, with the port the installation remembers."""

from __future__ import annotations

import sys
from pathlib import Path

from commune_portal.operations import record
from commune_portal.operations.places import Places

installed = record.read(Places.here())
if installed is None:
    raise SystemExit(2)
text = f"[InternetShortcut]\r\nURL=http://127.0.0.1:{installed.port}/\r\n"
Path(sys.argv[1]).write_text(text, encoding="ascii", newline="")
