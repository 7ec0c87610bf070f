"""The portal on a bare machine: installed from a stick, asked by its own verbs, worked at as a clerk would."""

from __future__ import annotations

import json
import shutil
import sqlite3
import subprocess
import time
from contextlib import closing
from pathlib import Path
from typing import Any

from tests.deploy.clerk import Clerk
from tests.deploy.machines import Machine

STICK = "/media/usb"
PROGRAM, HOME, STATE = "/opt/commune-portal", "/var/lib/commune-portal", "/etc/commune-portal"
BACKUPS = "/var/backups/commune-portal"
CONFIG = f"{HOME}/portal.toml"
ACCOUNT = "commune-portal"
WAIT_SECONDS = 60.0


class Installed:
    """One machine with the portal, or without it yet."""

    def __init__(self, machine: Machine) -> None:
        self.machine = machine
        self.port = 8080
        self._beside: list[subprocess.Popen[bytes]] = []

    def close(self) -> None:
        """Waits for what was started beside the service and died with its machine."""
        for process in self._beside:
            process.wait(30)

    # ---- the stick and the installer ----------------------------------------------------------------------------

    def plug_in(self, stick: Path, *, may_change: bool = False) -> None:
        """The stick lies at /media/usb; a copy where the test wants to damage it."""
        there = self.machine.path(STICK)
        shutil.rmtree(there, ignore_errors=True)
        there.parent.mkdir(parents=True, exist_ok=True)
        link = [] if may_change else ["--reflink=auto"]
        subprocess.run(["cp", "-a", *link, str(stick), str(there)], check=True, timeout=120)

    def install(self, *more: str, codes: tuple[int, ...] = (0,)) -> dict[str, Any]:
        """Runs the stick's script as an operator would; answers what it says, and how long it took."""
        began = time.monotonic()
        said = self.machine.run("sh", f"{STICK}/cai-dat.sh", "--services", "foreground", "--json", *more, codes=codes)
        last = (said.out.strip().splitlines() or [""])[-1]
        answer: dict[str, Any] = json.loads(last) if last.startswith("{") else {}
        answer |= {"code": said.code, "words": said.err, "seconds": time.monotonic() - began}
        self.port = int(answer.get("port", self.port))
        return answer

    def release(self, *words: str, codes: tuple[int, ...] = (0,)) -> dict[str, Any]:
        """`release …` by the installed program, as root."""
        said = self.machine.run(f"{PROGRAM}/current/bin/commune-portal", "release", *words, "--json", codes=codes)
        answer: dict[str, Any] = json.loads(said.out.strip().splitlines()[-1])
        return answer | {"code": said.code, "words": said.err}

    # ---- the running portal --------------------------------------------------------------------------------------

    def command(self, *words: str, config: str = CONFIG) -> list[str]:
        """A verb of the installed program on its own settings, as the service account."""
        return ["setpriv", "--reuid", ACCOUNT, "--regid", ACCOUNT, "--clear-groups",
                f"{PROGRAM}/current/bin/commune-portal", "--config", config, *words]  # fmt: skip

    def portal(self, *words: str, codes: tuple[int, ...] = (0,), stdin: str = "", config: str = CONFIG) -> str:
        """Carries a verb out; answers what it printed."""
        return self.machine.run(*self.command(*words, config=config), codes=codes, stdin=stdin).out

    def start_beside(self, config: str) -> None:
        """Lets another installation of this machine serve, by the same program."""
        self._beside.append(subprocess.Popen(self.machine.command(*self.command("serve", config=config))))

    def python(self, *words: str, stdin: str = "") -> str:
        """Runs the interpreter of the release on a text of ours, as the service account."""
        return self.machine.run(*self.interpreter(*words), stdin=stdin).out

    def interpreter(self, *words: str) -> list[str]:
        """The interpreter that the release carries, with nothing of the machine's."""
        home = f"{PROGRAM}/current"
        variables = [f"LD_LIBRARY_PATH={home}/lib", f"PYTHONHOME={home}", f"PYTHONPATH={home}/site-packages",
                     "PYTHONUTF8=1", "PYTHONDONTWRITEBYTECODE=1", f"HOME={HOME}"]  # fmt: skip
        return ["setpriv", "--reuid", ACCOUNT, "--regid", ACCOUNT, "--clear-groups", "env", *variables,
                f"{home}/bin/python3.11", *words]  # fmt: skip

    def browser(self) -> Clerk:
        """A browser on this very machine."""
        return Clerk(f"http://127.0.0.1:{self.port}", self.machine)

    def alive(self) -> dict[str, Any]:
        """What the portal says of itself; empty while nobody answers."""
        return self.browser().alive()

    def wait_alive(self, state: str) -> dict[str, Any]:
        """Waits until the portal is in a state."""
        deadline = time.monotonic() + WAIT_SECONDS
        while (found := self.alive()).get("state") != state:
            assert time.monotonic() < deadline, f"{self.machine.name} is not {state}: {found}; {self.log()}"
            time.sleep(0.2)
        return found

    def log(self) -> str:
        """The last words of the service and of the technical log."""
        words = self.machine.shell(
            f"tail -n 15 {STATE}/service.log {HOME}/logs/portal.log {HOME}/logs/console.log 2>/dev/null", codes=(0, 1)
        )
        return words.out[-3000:]

    def restart(self) -> None:
        """Stops the service and starts it again, as an operator would after changing the settings."""
        self.machine.run(f"{PROGRAM}/current/bin/commune-portal", "service", "remove", "--json")
        self.machine.run(f"{PROGRAM}/current/bin/commune-portal", "service", "install", "--start", "--json")

    def start_tls(self) -> None:
        """Starts the unit's nginx where no systemd is booted."""
        self.machine.shell("install -d -o commune-portal -m 700 /run/commune-portal-tls")
        line = ["setpriv", "--reuid", ACCOUNT, "--regid", ACCOUNT, "--clear-groups",
                f"{PROGRAM}/current/bin/nginx", "-c", f"{HOME}/tls/nginx.conf", "-p", "/run/commune-portal-tls/",
                ]  # fmt: skip
        self._beside.append(subprocess.Popen(self.machine.command(*line)))

    def rows(self, question: str) -> list[Any]:
        """What a question to the register answers, first column."""
        with closing(
            sqlite3.connect(f"file:{self.machine.path(HOME)}/data/register.sqlite3?mode=ro", uri=True)
        ) as there:
            return [row[0] for row in there.execute(question)]

    def desk(self) -> Desk:
        """A desk at which the verbs are done beside the service."""
        return Desk(self.machine.command(*self.interpreter("-m", "commune_portal.parties.desk", CONFIG)))


class Desk:
    """Acts as lines of JSON to a process on the machine; see `commune_portal.parties.desk`."""

    def __init__(self, command: list[str]) -> None:
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def __call__(self, act: str, **values: Any) -> Any:
        """Does one act; a refusal fails the test."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps({"act": act, "with": values}) + "\n")
        self._process.stdin.flush()
        answer = json.loads(self._process.stdout.readline())
        assert "error" not in answer, f"{act}: {answer}"
        return answer["value"]

    def close(self) -> None:
        """Ends the desk."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait(30)
        if self._process.stdout is not None:
            self._process.stdout.close()
