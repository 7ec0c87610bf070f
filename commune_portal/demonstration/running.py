"""Starting a demonstration that is built, saying where it is, and stopping it in order."""

from __future__ import annotations

import json
import signal
import socket
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any, NoReturn

from commune_portal.demonstration.building import MADE
from commune_portal.demonstration.cast import NODE
from commune_portal.errors import Malformed, StoreRefused
from commune_portal.parties import supervisor
from commune_portal.parties.supervisor import Server
from commune_portal.settings import load

WATCH_SECONDS = 0.5


def made(folder: Path) -> dict[str, Any]:
    """What a finished folder says of itself."""
    try:
        return dict(json.loads((folder / MADE).read_text(encoding="utf-8")))
    except (OSError, ValueError) as error:
        raise Malformed(f"Không đọc được {folder / MADE}. Hãy xóa thư mục này và dựng lại.") from error


@contextmanager
def served(folder: Path) -> Iterator[list[Server]]:
    """Starts the node and both offices, and stops them in the opposite order; raises StoreRefused for a busy port."""
    document = made(folder)
    for party in document["parties"]:
        _settle_port(folder, party)
    (folder / MADE).write_text(json.dumps(document, ensure_ascii=False, indent=1), encoding="utf-8")
    servers = [Server(load(folder / party["key"] / supervisor.CONFIG)) for party in document["parties"]]
    try:
        with ThreadPoolExecutor(max_workers=len(servers)) as pool:
            for started in [pool.submit(server.start) for server in servers]:
                started.result()
        yield servers
    finally:
        # The offices first, the node last: nobody sees the other side go.
        for server in servers:
            server.stop()


def _settle_port(folder: Path, party: dict[str, Any]) -> None:
    """Moves an office to another port when its own is taken; raises StoreRefused for a node, whose offices know its."""
    config = folder / party["key"] / supervisor.CONFIG
    port = load(config).server.port
    if not _is_taken(port):
        return
    if party["role"] == "node" or _is_taken(_node_port(folder)):
        raise StoreRefused(
            f"Cổng {port} đang bận: có thể bản trình diễn này đang chạy ở cửa sổ khác."
            " Hãy dừng chương trình kia rồi chạy lại."
        )
    other = supervisor.free_port(port + 1)
    text = config.read_text(encoding="utf-8")
    config.write_text(text.replace(f"port = {port}\n", f"port = {other}\n"), encoding="utf-8")
    party["address"] = f"http://127.0.0.1:{other}/"


def _node_port(folder: Path) -> int:
    return load(folder / NODE / supervisor.CONFIG).server.port


def _is_taken(port: int) -> bool:
    """True when somebody answers there; a port that was just let go may be used again at once."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.settimeout(1)
        return probe.connect_ex(("127.0.0.1", port)) == 0


def end_on_signals() -> None:
    """Makes the first Ctrl+C or termination signal a KeyboardInterrupt wherever the program stands; more do nothing."""

    def end(_number: int, _frame: FrameType | None) -> None:
        for name in names:
            signal.signal(name, signal.SIG_IGN)
        raise KeyboardInterrupt

    names = [getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGBREAK") if hasattr(signal, name)]
    for name in names:
        signal.signal(name, end)


def watch(servers: list[Server]) -> NoReturn:
    """Waits for the KeyboardInterrupt; raises StoreRefused when a server ends by itself."""
    while True:
        threading.Event().wait(WATCH_SECONDS)
        for server in servers:
            if not server.process_id:
                raise StoreRefused(f"Tiến trình ở {server.settings.folder} đã dừng. Xem logs/console.log ở đó.")
