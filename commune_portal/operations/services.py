"""What an operation asks of the system's way to run the portal: the same few questions under systemd and on Windows."""

from __future__ import annotations

import json
import socket
import urllib.request
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any, Protocol

from commune_portal import clock
from commune_portal.errors import StoreRefused
from commune_portal.operations.places import IS_WINDOWS, Places

ALIVE_SECONDS = 3.0
GONE_SECONDS = 3.0
"""A process that is not seen for so long has ended; for a moment it may only be between two programs."""


class ServiceKind(StrEnum):
    """Who starts the portal at boot and after a crash."""

    SYSTEMD = "systemd"
    WINDOWS = "windows"
    FOREGROUND = "foreground"

    @classmethod
    def here(cls) -> ServiceKind:
        """What this computer has; a bare root without a booted systemd has a detached process."""
        if IS_WINDOWS:
            return cls.WINDOWS
        return cls.SYSTEMD if Path("/run/systemd/system").is_dir() else cls.FOREGROUND


class Services(Protocol):
    """Installing, starting and stopping the portal's service. Every act may be repeated."""

    def install(self) -> None:
        """Makes the service known to the system, so that it starts at boot; does not start it."""

    def remove(self) -> None:
        """Stops the service and lets the system forget it."""

    def start(self) -> None:
        """Starts the service; returns at once."""

    def stop(self) -> None:
        """Stops the service and returns when its process has ended."""

    def is_running(self) -> bool:
        """True while its process runs."""


@dataclass(frozen=True, slots=True)
class Alive:
    """What the portal on a port says of itself."""

    version: str
    state: str
    schema: int


def ask(port: int) -> Alive | None:
    """Asks the portal on a loopback port who it is; None where nobody or somebody else answers."""
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(f"http://127.0.0.1:{port}/alive", timeout=ALIVE_SECONDS) as answer:
            document: dict[str, Any] = json.loads(answer.read(10_000))
        return Alive(str(document["version"]), str(document["state"]), int(document["schema"]))
    except (OSError, ValueError, KeyError, TypeError):
        return None


def port_is_free(port: int) -> bool:
    """True when a server could bind this loopback port now."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        if not IS_WINDOWS:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def pause(seconds: float) -> None:
    """Waits."""
    import time

    time.sleep(seconds)


def wait_until_closed(port: int, timeout_seconds: float = 30.0) -> None:
    """Returns when nobody listens on the port any more; raises StoreRefused when somebody stays."""
    deadline = clock.monotonic() + timeout_seconds
    while not port_is_free(port):
        if clock.monotonic() > deadline:
            raise StoreRefused(
                f"Cổng {port} vẫn có chương trình khác giữ. Hãy đóng chương trình đó (hoặc khởi động lại máy) rồi"
                " làm lại."
            )
        pause(0.1)


def wait_until_alive(services: Services, port: int, version: str, timeout_seconds: float) -> Alive:
    """Returns when the portal of this version answers; raises StoreRefused with what was found instead.

    The port was closed before, so another version that answers is what was started, and no reason to wait on.
    """
    deadline = clock.monotonic() + timeout_seconds
    last_running = clock.monotonic()
    while True:
        found = ask(port)
        if found is not None and found.version == version:
            return found
        running = services.is_running()
        if running:
            last_running = clock.monotonic()
        is_gone = clock.monotonic() - last_running > GONE_SECONDS
        if found is not None or is_gone or clock.monotonic() > deadline:
            other = f"bản {found.version}" if found else "không có ai" if running else "tiến trình đã dừng"
            raise StoreRefused(f"Bản {version} không trả lời ở cổng {port} ({other}).")
        pause(0.1)


def services_for(kind: ServiceKind, places: Places, port: int, account: str) -> Services:
    """The implementation of a kind."""
    if kind is ServiceKind.SYSTEMD:
        from commune_portal.operations.systemd import SystemdServices

        return SystemdServices(places, account)
    if kind is ServiceKind.WINDOWS:
        from commune_portal.operations.windows import WindowsServices

        return WindowsServices(places, port)
    from commune_portal.operations.foreground import ForegroundServices

    return ForegroundServices(places, account)
