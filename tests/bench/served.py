"""Processes that the benches speak to: `python -m tests.bench.served KIND FOLDER`, in JSON, a line at a time.

Its first line names the port. `office` is the portal as `serve` runs it; `static` the pages of that office frozen: the
same templates with the same values, and no register behind them; `node` a node with two members, `province` one with
133; `socket` a bare socket that hashes and syncs. An office takes requests on its standard input too: `{"do": "print"}`
and `{"do": "sign", "pdf": …}` load printing and signing.
"""

from __future__ import annotations

import json
import logging
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from commune_portal import settings as settings_files
from tests.bench import machine

ROOT = Path(__file__).parents[2]
PATIENCE_SECONDS = 60


@dataclass(frozen=True, slots=True)
class Served:
    """A process that serves."""

    process: subprocess.Popen[str]
    port: int

    @property
    def cpu_seconds(self) -> float:
        """What it has used of the processor."""
        return machine.cpu_seconds(self.process.pid)

    def do(self, **request: Any) -> dict[str, Any]:
        """Asks it to do something and waits for its answer."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(json.dumps(request) + "\n")
        self.process.stdin.flush()
        answer: dict[str, Any] = json.loads(self.process.stdout.readline())
        if "error" in answer:
            raise RuntimeError(answer["error"])
        return answer


@contextmanager
def served(kind: str, folder: Path) -> Iterator[Served]:
    """Runs such a process for the time of the block."""
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.bench.served", kind, str(folder)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=ROOT,
    )
    assert process.stdout is not None
    try:
        first = process.stdout.readline()
        if not first:
            raise RuntimeError(f"the process that serves «{kind}» did not start")
        yield Served(process, json.loads(first)["port"])
    finally:
        process.terminate()
        process.communicate(timeout=PATIENCE_SECONDS)


def main() -> None:
    """The child: serves until it is ended."""
    kind, folder = sys.argv[1], Path(sys.argv[2])
    logging.getLogger("waitress.queue").setLevel(logging.ERROR)  # as `health.logs` sets it
    {"office": _office, "static": _static, "node": _node, "province": _province, "socket": _socket}[kind](folder)


def _say(**values: Any) -> None:
    print(json.dumps(values), flush=True)


def _answer(requests: Mapping[str, Callable[[dict[str, Any]], dict[str, Any]]]) -> None:
    """Answers requests from the pipe until it ends."""
    for line in sys.stdin:
        asked = json.loads(line)
        try:
            _say(**requests[asked["do"]](asked))
        except Exception as error:
            _say(error=f"{type(error).__name__}: {error}")
    os._exit(0)


def _office(folder: Path) -> None:
    from commune_portal import serve

    with serve.opened(settings_files.load(folder / "portal.toml")) as settings:
        portal = serve.Portal(settings)
        threading.Thread(target=portal.run, daemon=True).start()
        _say(port=portal.port)
        _answer({"print": _print, "sign": _sign})


def _print(_: dict[str, Any]) -> dict[str, Any]:
    from tests.bench import printing

    return {"bytes": printing.print_book()}


def _sign(asked: dict[str, Any]) -> dict[str, Any]:
    from commune_portal.signing.workshop import Workshop, workshop

    pdf, out = Path(asked["pdf"]), Path(asked["out"])
    bench = workshop()
    signed = bench.sign_leader(pdf, out, certificate_sha256=asked["certificate"], pin="", png=Path(asked["png"]))
    assert isinstance(bench, Workshop)
    return {"child": bench.child_id, "signed": str(type(signed).__name__)}


def _static(folder: Path) -> None:
    from tests.bench.limits import frozen_pages

    frozen_pages.run(folder, lambda port: _say(port=port))


def _node(folder: Path) -> None:
    from tests.bench import exchanging

    exchanging.serve_node(folder, lambda port: _say(port=port))


def _province(folder: Path) -> None:
    from tests.bench import province

    province.serve(folder, lambda port: _say(port=port))


def _socket(folder: Path) -> None:
    from tests.bench.limits import raw_socket

    raw_socket.serve(folder, lambda port: _say(port=port))


if __name__ == "__main__":
    main()
