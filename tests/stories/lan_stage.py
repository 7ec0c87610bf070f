"""A portal behind its TLS door, for real: waitress in a thread, nginx as a process of its own or the built-in door."""

from __future__ import annotations

import dataclasses
import http.client
import os
import shutil
import socket
import ssl
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import pytest
from flask import Flask

from commune_portal.app import create_app
from commune_portal.lan_door import LanDoor
from commune_portal.operations import nginx
from commune_portal.parties.supervisor import free_port
from commune_portal.settings import Lan, Server, Settings
from commune_portal.wire import lan_addresses, lan_authority
from tests.serving import serving

NAME = "vanban-anphu.local"
Front = Literal["builtin", "nginx"]


def with_door(settings: Settings, front: Front) -> Settings:
    """The settings of the same installation with a door, and the authority beside them."""
    lan = Lan(enabled=True, host="127.0.0.1", port=free_port(), names=(NAME,), front=front)
    made = dataclasses.replace(settings, server=Server(port=free_port()), lan=lan)
    lan_authority.found(made, "để thử", lan_addresses.wanted_names(made))
    return made


@dataclass
class House:
    """What a test holds of a portal behind its door."""

    settings: Settings
    app: Flask
    folder: Path
    stop_portal: Callable[[], None]
    nginx: subprocess.Popen[str] | None = None

    @property
    def port(self) -> int:
        """The door's port."""
        return self.settings.lan.port

    @property
    def root(self) -> lan_authority.LanAuthority:
        """The office's own authority."""
        return lan_authority.required(self.settings)

    def connection(self, *, trusted: bool = True) -> http.client.HTTPSConnection:
        """A client on the LAN."""
        context = ssl.create_default_context(cadata=self.root.pem.decode() if trusted else None)
        return http.client.HTTPSConnection("127.0.0.1", self.port, timeout=10, context=context)

    def loopback(self) -> http.client.HTTPConnection:
        """A client on the same PC."""
        return http.client.HTTPConnection("127.0.0.1", self.settings.server.port, timeout=10)

    def end_nginx(self) -> str:
        """Stops nginx and answers all that it wrote."""
        assert self.nginx is not None
        self.nginx.terminate()
        return self.nginx.communicate(timeout=10)[1]


@contextmanager
def standing(settings: Settings, folder: Path) -> Iterator[House]:
    """Serves an open installation behind the door that its settings name."""
    door = LanDoor(settings)
    app = create_app(settings)
    portal = ExitStack()
    portal.enter_context(serving(
        door.around(app), port=settings.server.port, clear_untrusted_proxy_headers=False,
        max_request_body_size=settings.limits.packet_bytes + 1024 * 1024, channel_timeout=120,
    ))  # fmt: skip
    house = House(settings, app, folder, portal.close)
    try:
        door.open(settings.server.port)
        if settings.lan.front == "nginx":
            house.nginx = _nginx(settings, folder)
        yield house
    finally:
        if house.nginx is not None and house.nginx.poll() is None:
            house.end_nginx()
        door.close()
        portal.close()


def _nginx(settings: Settings, folder: Path) -> subprocess.Popen[str]:
    """Debian's nginx with the configuration that the installer would write; ready when this returns."""
    binary = shutil.which("nginx") or "/usr/sbin/nginx"
    if not Path(binary).is_file():
        pytest.fail("nginx is needed for this story: apt-get install nginx-light")
    path = nginx.write(settings)
    assert path is not None
    runtime = folder / "nginx"
    runtime.mkdir()
    command = [binary, "-c", str(path), "-p", f"{runtime}/"]
    if os.geteuid() == 0:
        command += ["-g", "user root;"]  # the unit runs it as the account that owns the key; here that is root
    tested = subprocess.run([*command, "-t"], capture_output=True, text=True, timeout=20, check=False)
    assert tested.returncode == 0, tested.stderr
    assert "warn" not in tested.stderr, tested.stderr
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    ends = time.monotonic() + 10
    while time.monotonic() < ends:
        try:
            socket.create_connection(("127.0.0.1", settings.lan.port), 1).close()
            return process
        except OSError:
            time.sleep(0.05)
    raise AssertionError(process.communicate(timeout=5)[1])
