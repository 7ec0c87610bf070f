"""A small demonstration of its own for stories that only look, or the one that `COMMUNE_PORTAL_DEMO` names."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from commune_portal.parties import supervisor


@contextmanager
def small_demonstration(folder: Path, first_port: int) -> Iterator[dict[str, Any]]:
    """What `demo --json` printed, while it runs."""
    given = os.environ.get("COMMUNE_PORTAL_DEMO")
    if given:
        yield json.loads(Path(given).read_text(encoding="utf-8"))
        return
    port = str(supervisor.free_port(first_port))
    process = subprocess.Popen(
        [sys.executable, "-m", "commune_portal", "demo", "--dir", str(folder / "demo"), "--small", "--json",
         "--port", port],
        stdout=subprocess.PIPE,
        start_new_session=True,
    )  # fmt: skip
    assert process.stdout is not None
    line = process.stdout.readline()
    assert line, f"the demonstration ended with {process.wait()}"
    try:
        yield json.loads(line)
    finally:
        os.killpg(process.pid, signal.SIGTERM)
        process.wait(60)
        process.stdout.close()
