"""The portal on a Windows of our own: installed by CAI-DAT.exe, asked by its own verbs, worked at as a clerk would.

Its web server listens on a loopback port of this computer, so a browser of the test reaches it. Consoles lose
Vietnamese letters, so what matters is read from files and JSON.
"""

from __future__ import annotations

import json
import shutil
import sqlite3
import tempfile
import time
from contextlib import closing
from pathlib import Path
from typing import Any

from commune_portal.parties.supervisor import free_port
from tests.deploy.clerk import Clerk
from tests.deploy.installed import Desk
from tests.deploy.wine import SECONDS, Said, Wine

INSTALL_SECONDS = 400.0
WAIT_SECONDS = 90.0
SERVICE, RESUME = "CommunePortal", "CommunePortalResume"
UNINSTALL_KEY = r"HKLM\Software\Microsoft\Windows\CurrentVersion\Uninstall\CommunePortal"
SERVICE_KEY = r"HKLM\System\CurrentControlSet\Services"


class WineOffice:
    """One Windows with the portal, or without it yet."""

    def __init__(self, folder: Path) -> None:
        self.wine = Wine(folder)
        self.port = free_port()
        self.boot()

    def boot(self) -> None:
        """Starts Windows; services that start by themselves do."""
        self.wine.keep_alive()

    # ---- where things lie ----------------------------------------------------------------------------------------

    @property
    def program(self) -> Path:
        """The program's folder."""
        return self.wine.drive / "Program Files" / "CommunePortal"

    @property
    def home(self) -> Path:
        """The data folder."""
        return self.wine.drive / "ProgramData" / "CommunePortal"

    @property
    def config(self) -> Path:
        """The settings file."""
        return self.home / "portal.toml"

    @property
    def current(self) -> str:
        """The version that the pointer names, empty where there is none."""
        pointer = self.program / "current.txt"
        return pointer.read_text(encoding="utf-8").strip() if pointer.exists() else ""

    @property
    def operation(self) -> dict[str, Any]:
        """What the journal of operations says; it is replaced at once, so it is never half."""
        found: dict[str, Any] = json.loads((self.home / "state" / "ops-state.json").read_text(encoding="utf-8"))
        return found

    @property
    def menu(self) -> list[str]:
        """The names of the entries in the start menu of all users."""
        return sorted(path.name for path in self.wine.drive.rglob("Start Menu/Programs/S*v*n b*n/*"))

    # ---- the stick and the installer -----------------------------------------------------------------------------

    def set_up(self, stick: Path) -> tuple[int, str]:
        """Runs CAI-DAT.exe without a window; answers its exit code and what it wrote for a person to read."""
        for old in self.wine.drive.glob("users/*/Temp/CAI-DAT.txt"):
            old.unlink()
        said = self.wine.call(str(stick / "CAI-DAT.exe"), "/S", f"/PORT={self.port}", seconds=INSTALL_SECONDS)
        told = [path.read_text(encoding="utf-16") for path in self.wine.drive.glob("users/*/Temp/CAI-DAT.txt")]
        return said.code, "".join(told)

    def remove(self) -> None:
        """Runs the uninstaller without a window and waits for its end: it goes on in a copy of itself, as NSIS does."""
        self.wine.call(f"{self.wine.windows_path(self.program)}\\GO-BO.exe", "/S", seconds=INSTALL_SECONDS)
        deadline = time.monotonic() + INSTALL_SECONDS
        while self.registered(UNINSTALL_KEY):  # the last thing that it takes away
            assert time.monotonic() < deadline, f"not removed; {self.log()}"
            time.sleep(0.5)

    def registered(self, key: str) -> str:
        """What the registry holds below a key, empty where there is no such key."""
        file = self.wine.drive / "exported.reg"
        file.unlink(missing_ok=True)
        self.wine.call("reg", "export", key, self.wine.windows_path(file), "/y")
        return file.read_text(encoding="utf-16") if file.exists() else ""

    # ---- verbs ---------------------------------------------------------------------------------------------------

    def verb(self, *words: str, codes: tuple[int, ...] = (0,), seconds: float = SECONDS) -> Said:
        """Carries out a verb of the installed program."""
        return self.wine.call(*self.interpreter("-m", "commune_portal", *words), codes=codes, seconds=seconds)

    def portal(self, *words: str, codes: tuple[int, ...] = (0,), seconds: float = SECONDS) -> dict[str, Any]:
        """Carries out a verb on the settings of the installation; answers its JSON."""
        return _document(self.verb("--config", self.wine.windows_path(self.config), *words, codes=codes,
                                   seconds=seconds))  # fmt: skip

    def release(self, *words: str, codes: tuple[int, ...] = (0,)) -> dict[str, Any]:
        """`release …` by the installed program."""
        said = self.verb("release", *words, "--json", codes=codes, seconds=INSTALL_SECONDS)
        return _document(said) | {"code": said.code}

    def interpreter(self, *words: str) -> list[str]:
        """The interpreter of the current release, with nothing of the computer's."""
        python = self.program / "releases" / self.current / "python" / "python.exe"
        return [self.wine.windows_path(python), "-X", "utf8", *words]

    def desk(self) -> Desk:
        """A desk at which the verbs are done beside the service."""
        variables = [
            f"{name}={value}" for name, value in self.wine.environment.items() if name.startswith(("WINE", "LC"))
        ]
        line = self.interpreter("-m", "commune_portal.parties.desk", self.wine.windows_path(self.config))
        shell = 'exec 3>&1; wine "$@" 2>&1 >&3 | cat >&2'  # pipes alone: with a file for errors python.exe dies
        return Desk(["timeout", "-k", "10", f"{SECONDS:.0f}", "env", *variables, "sh", "-c", shell, "sh", *line])

    # ---- the service ---------------------------------------------------------------------------------------------

    def process(self, name: str = SERVICE) -> int:
        """The process id of a service of this prefix on this computer, 0 where it does not run."""
        wanted = b"host.py\0" + name.encode()
        return next((process for process, line in self.wine.processes() if line.endswith(wanted)), 0)

    def resident_mb(self) -> float:
        """Resident memory of the service, with what Wine adds to it."""
        status = Path(f"/proc/{self.process()}/status").read_text(encoding="ascii")
        return next(int(line.split()[1]) / 1024 for line in status.splitlines() if line.startswith("VmRSS"))

    def stop(self) -> None:
        """Stops the service, as its owner does in the list of services."""
        self.wine.call("sc", "stop", SERVICE)
        deadline = time.monotonic() + WAIT_SECONDS
        while self.process():
            assert time.monotonic() < deadline, f"the service does not stop; {self.log()}"
            time.sleep(0.2)

    def start(self) -> float:
        """Starts the service; answers the seconds until its first page."""
        began = time.monotonic()
        self.wine.call("sc", "start", SERVICE)
        self.wait_alive()
        return time.monotonic() - began

    def browser(self) -> Clerk:
        """A browser on this very computer."""
        return Clerk(f"http://127.0.0.1:{self.port}")

    def alive(self) -> dict[str, Any]:
        """What the portal says of itself; empty while nobody answers."""
        return self.browser().alive()

    def wait_alive(self, state: str = "") -> dict[str, Any]:
        """Waits until the portal answers, in a state where one is given."""
        deadline = time.monotonic() + WAIT_SECONDS
        while not (found := self.alive()) or (state and found.get("state") != state):
            assert time.monotonic() < deadline, f"not {state or 'alive'}: {found}; {self.log()}"
            time.sleep(0.1)
        return found

    def log(self) -> str:
        """The last words of everything that keeps a log."""
        found = [path for folder in (self.home / "logs", self.home / "state") for path in folder.glob("*.log")]
        return "\n".join(f"{path.name}: {path.read_text(encoding='utf-8', errors='replace')[-1500:]}" for path in found)

    def rows(self, question: str) -> list[Any]:
        """What a question to a copy of the register answers, first column; Wine's locks are not ours."""
        with tempfile.TemporaryDirectory() as folder:
            for path in (self.home / "data").glob("register.sqlite3*"):
                if not path.name.endswith("-shm"):
                    shutil.copyfile(path, Path(folder) / path.name)
            with closing(sqlite3.connect(Path(folder) / "register.sqlite3")) as there:
                return [row[0] for row in there.execute(question)]


def _document(said: Said) -> dict[str, Any]:
    """The JSON object that a verb printed last."""
    for line in reversed(said.out.splitlines()):
        try:
            found = json.loads(line)
        except ValueError:
            continue
        if isinstance(found, dict):
            return found
    raise AssertionError(f"no JSON: {said.out[-3000:]}")
