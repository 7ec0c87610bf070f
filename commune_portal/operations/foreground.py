"""The portal as a detached process: where no service manager runs, and in tests.

It does not come back after a reboot; the installer says so, and writes the units for the day that systemd is there.
Its process is found by its command line, so that one which was started a moment before a power cut of the installer
is never lost sight of.
"""

from __future__ import annotations

import os
import signal
import subprocess  # the release's own program with our own verb
from pathlib import Path

from commune_portal import clock
from commune_portal.operations import children, releases
from commune_portal.operations.places import Places
from commune_portal.operations.services import pause

STOP_SECONDS = 30.0
_LEFT_RUNNING: list[subprocess.Popen[bytes]] = []
"""What this process started and leaves running when it ends; held so that nobody waits for it or warns."""


class ForegroundServices:
    """Starts `serve` of the current release as a process of its own."""

    def __init__(self, places: Places, account: str) -> None:
        self._places = places
        self._account = account

    def install(self) -> None:
        """Writes the units that a booted systemd would use, where this is a computer's own installation."""
        if self._places.root is None and os.name != "nt":
            from commune_portal.operations import systemd

            systemd.write_units(self._places, self._account)

    def remove(self) -> None:
        """Stops it, and takes the units away."""
        self.stop()
        if self._places.root is None and os.name != "nt":
            from commune_portal.operations import systemd

            systemd.remove_units()

    def start(self) -> None:
        """Starts the current release unless it runs."""
        if self.is_running():
            return
        line = [*releases.command(self._places, releases.pointed(self._places)), "--config", str(self._places.config)]
        with (self._places.state / "service.log").open("ab") as console:
            process = subprocess.Popen(  # noqa: S603 -- the release's own program
                [*line, "serve"], stdin=subprocess.DEVNULL, stdout=console, stderr=subprocess.STDOUT,
                cwd=self._places.home, env=children.environment(), start_new_session=True,
                **children.identity(self._account),
            )  # fmt: skip
        _LEFT_RUNNING.append(process)

    def stop(self) -> None:
        """Asks it to end, and insists after a while."""
        for wanted in (signal.SIGTERM, getattr(signal, "SIGKILL", signal.SIGTERM)):
            for process in self.processes():
                os.kill(process, wanted)
            deadline = clock.monotonic() + STOP_SECONDS
            seen_none = 0
            while seen_none < 2 and clock.monotonic() < deadline:
                pause(0.05)
                seen_none = 0 if self.processes() else seen_none + 1
            if seen_none:
                return

    def is_running(self) -> bool:
        """True while a process serves this installation's settings file."""
        return bool(self.processes())

    def processes(self) -> list[int]:
        """The ids of the processes that serve this installation's settings file."""
        for process in _LEFT_RUNNING:
            process.poll()  # an ended child that nobody waits for still has a number
        wanted = os.fsencode(str(self._places.config))
        found = []
        for folder in Path("/proc").glob("[0-9]*"):
            try:
                words = (folder / "cmdline").read_bytes().split(b"\0")
            except OSError:
                continue  # it has ended meanwhile
            if wanted in words and b"serve" in words:
                found.append(int(folder.name))
        return found
