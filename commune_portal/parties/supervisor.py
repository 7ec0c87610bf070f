"""Starting, watching, stopping and killing the processes of several installations on one computer.

Each party has a folder of its own with its `portal.toml`; nothing outside the folders is touched. Windows has no
SIGKILL, but `Popen.kill` ends a process there just as abruptly.
"""

from __future__ import annotations

import json
import os
import socket
import subprocess  # our own interpreter with our own module
import sys
import urllib.error
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from commune_portal import clock, errors
from commune_portal.errors import PortalError, StoreRefused
from commune_portal.health import logs
from commune_portal.settings import Role, Settings, load
from commune_portal.signing import softhsm

CONFIG = "portal.toml"
START_SECONDS = 60.0
STOP_SECONDS = 20.0


def free_port(first: int = 0) -> int:
    """A free loopback port: the first from `first` on, or any where it is 0."""
    for port in range(first, first + 200) if first else (0,):
        with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return int(probe.getsockname()[1])
    raise StoreRefused(f"Không còn cổng trống từ {first} trở đi. Hãy đóng bớt chương trình rồi thử lại.")


def write_settings(
    folder: Path,
    role: Role,
    port: int,
    *,
    module: str = "",
    simulated: bool = True,
    poll_seconds: float = 5.0,
    more_relay: str = "",
) -> Settings:
    """Writes a party's settings file; without a module the trial key is allowed."""
    folder.mkdir(parents=True, exist_ok=True)
    lines = [f'role = "{role}"', "", "[server]", f"port = {port}", "", "[paths]", "allow_any_disk = true", ""]
    lines += ["[relay]", f"poll_seconds = {poll_seconds}", "retry_seconds = [1, 2, 5, 15, 60]"]
    lines += ["timeout_seconds = 10", more_relay]
    if role == "office":
        lines += ["[token]", f"module = {json.dumps(module)}", f"trial = {json.dumps(not module)}"]
        lines += ['softhsm_folder = "softhsm"'] if module and simulated else []
    (folder / CONFIG).write_text("\n".join(lines) + "\n", encoding="utf-8")
    return load(folder / CONFIG)


def environment(settings: Settings) -> dict[str, str]:
    """The environment of a process of a party: UTF-8, and the simulated tokens of its own folder."""
    found = {**os.environ, "PYTHONUTF8": "1"}
    found.pop("PYTHONDONTWRITEBYTECODE", None)
    if settings.softhsm_folder is not None:
        found |= softhsm.environment(settings.softhsm_folder)
    return found


class Server:
    """The serving process of one party."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def address(self) -> str:
        """Where its pages are."""
        return f"http://127.0.0.1:{self.settings.server.port}"

    @property
    def process_id(self) -> int:
        """The process id, 0 when it does not run."""
        return self._process.pid if self._process and self._process.poll() is None else 0

    def start(self) -> None:
        """Starts the process and waits until it answers; raises StoreRefused with its last words."""
        self.settings.logs_folder.mkdir(parents=True, exist_ok=True)
        logs.turn_over(self.settings.logs_folder / logs.CONSOLE_FILE)
        with (self.settings.logs_folder / logs.CONSOLE_FILE).open("ab") as console:
            self._process = subprocess.Popen(  # noqa: S603 -- our own interpreter with our own module
                [sys.executable, "-m", "commune_portal", "--config", str(self.settings.folder / CONFIG), "serve"],
                stdin=subprocess.DEVNULL,
                stdout=console,
                stderr=subprocess.STDOUT,
                env=environment(self.settings),
            )
        deadline = clock.monotonic() + START_SECONDS
        while not self.answers():
            if self._process.poll() is not None or clock.monotonic() > deadline:
                raise StoreRefused(
                    f"Tiến trình ở {self.settings.folder} không khởi động được. Xem {console.name}.",
                    detail=Path(console.name).read_text(encoding="utf-8", errors="replace")[-2000:],
                )
            _pause(0.1)

    def answers(self) -> bool:
        """True when it serves its log-in page."""
        try:
            with urllib.request.urlopen(f"{self.address}/login", timeout=5) as answer:  # noqa: S310 -- loopback
                return bool(answer.status == 200)
        except urllib.error.HTTPError:
            return False
        except OSError:
            return False

    def kill(self) -> None:
        """Ends the process at once, as a power cut would."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()

    def stop(self) -> None:
        """Asks the process to end in order, and insists after a while."""
        if self._process is None or self._process.poll() is not None:
            return
        self._process.terminate()
        try:
            self._process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self.kill()

    def wait(self) -> int:
        """Waits until the process ends; answers its exit code."""
        assert self._process is not None
        return self._process.wait()


class Desk:
    """A process at which a party's verbs are done, beside the one that serves; see `desk`."""

    def __init__(self, settings: Settings) -> None:
        self._process = subprocess.Popen(  # noqa: S603 -- our own interpreter with our own module
            [sys.executable, "-m", "commune_portal.parties.desk", str(settings.folder / CONFIG)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=environment(settings),
        )

    def __call__(self, act: str, **values: Any) -> Any:
        """Does one act and answers its value; a refusal is raised as the same error."""
        asked, answered = self._pipes()
        asked.write(json.dumps({"act": act, "with": values}, ensure_ascii=False).encode() + b"\n")
        asked.flush()
        line = answered.readline()
        if not line:
            raise StoreRefused(f"Bàn làm việc dừng đột ngột khi «{act}».")
        answer = json.loads(line)
        if "error" in answer:
            kind = getattr(errors, answer["error"], PortalError)
            raise kind(answer["sentence"], field=answer["field"], detail=answer["detail"])
        return answer["value"]

    def _pipes(self) -> tuple[IO[bytes], IO[bytes]]:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        return self._process.stdin, self._process.stdout

    def close(self) -> None:
        """Ends the desk in order."""
        for pipe in self._pipes():
            pipe.close()
        try:
            self._process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()


@dataclass(slots=True)
class Party:
    """One installation with its server and its desk."""

    key: str
    settings: Settings
    server: Server
    desk: Desk

    def close(self) -> None:
        """Ends both processes."""
        self.desk.close()
        self.server.stop()


def party(key: str, settings: Settings) -> Party:
    """A party whose desk is open and whose server has not been started."""
    return Party(key, settings, Server(settings), Desk(settings))


def _pause(seconds: float) -> None:
    import time

    time.sleep(seconds)


def wait_until(
    what: str, holds: Callable[[], Any], timeout_seconds: float = 60.0, *, every_seconds: float = 0.1
) -> float:
    """Waits until `holds()` is true and answers after how many seconds; raises StoreRefused when it never is."""
    began = clock.monotonic()
    while not holds():
        if clock.monotonic() - began > timeout_seconds:
            raise StoreRefused(f"Quá {timeout_seconds:.0f} giây mà chưa thấy: {what}.")
        _pause(every_seconds)
    return clock.monotonic() - began
