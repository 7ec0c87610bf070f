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
from typing import Any

from commune_portal.demonstration.building import MADE
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
    parties = made(folder)["parties"]
    servers = [Server(load(folder / party["key"] / supervisor.CONFIG)) for party in parties]
    for server in servers:
        port = server.settings.server.port
        if _is_taken(port):
            raise StoreRefused(
                f"Cổng {port} đang bận: có thể bản trình diễn này đang chạy ở cửa sổ khác."
                " Hãy dừng chương trình kia rồi chạy lại."
            )
    try:
        with ThreadPoolExecutor(max_workers=len(servers)) as pool:
            for started in [pool.submit(server.start) for server in servers]:
                started.result()
        yield servers
    finally:
        # The offices first, the node last: nobody sees the other side go.
        for server in servers:
            server.stop()


def _is_taken(port: int) -> bool:
    """True when somebody answers there; a port that was just let go may be used again at once."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.settimeout(1)
        return probe.connect_ex(("127.0.0.1", port)) == 0


def until_asked_to_stop(servers: list[Server]) -> None:
    """Waits for Ctrl+C or a termination signal; raises StoreRefused when a server ends by itself."""
    asked = threading.Event()

    def end(_number: int, _frame: FrameType | None) -> None:
        asked.set()

    for name in ("SIGINT", "SIGTERM", "SIGBREAK"):
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), end)
    while not asked.wait(WATCH_SECONDS):
        for server in servers:
            if not server.process_id:
                raise StoreRefused(f"Tiến trình ở {server.settings.folder} đã dừng. Xem logs/console.log ở đó.")
