"""Installed offices that the benches look at: one on a bare Debian, one on a Windows of our own, and their day's work.

The day is done through the pages of the serving process: arrivals registered by a clerk, documents drafted, signed by
a leader, numbered and sealed. The keys are trial keys; a real token is spoken to in the same child process.
"""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from tests.bench import machine
from tests.deploy.clerk import Clerk
from tests.deploy.installed import CONFIG, HOME, PROGRAM, STATE, Installed
from tests.deploy.machines import Machine
from tests.deploy.paces import CLERK_PASSWORD, LEADER_PASSWORD, arrive_one, problems
from tests.deploy.wine_office import WineOffice

PIN = "13572468"
TRIAL = "\n[token]\ntrial = true\n"
SIGNERS = Path(__file__).parents[1] / "deploy" / "signers.py"
FOUNDING = {
    "code": "H99.01", "name": "Ủy ban nhân dân xã An Phú", "place": "An Phú", "abbreviation": "UBND",
    "code_confirmed": "on", "administrator": "same", "clerk_username": "vanthu", "clerk_full_name": "Trần Thị Mai",
    "clerk_password": CLERK_PASSWORD, "clerk_password_again": CLERK_PASSWORD, "clock_ok": "on",
}  # fmt: skip
LETTER = {
    "type_code": "TB", "content": "letter", "medium": "electronic", "then": "submit",
    "body": "Thực hiện kế hoạch công tác năm, Ủy ban nhân dân xã thông báo như sau.",
}  # fmt: skip
START_SECONDS = 60.0


class BareOffice:
    """An office on a bare Debian; its service is a process that this one starts and stops."""

    def __init__(self, folder: Path) -> None:
        self.installed = Installed(Machine("office", folder))
        self._process: subprocess.Popen[bytes] | None = None

    def install(self, stick: Path) -> float:
        """Runs the stick's script on a computer that has nothing; answers the seconds until its first page."""
        self.installed.plug_in(stick)
        began = time.monotonic()
        answer = self.installed.install()
        assert answer["outcome"] == "done", answer
        self.installed.wait_alive("first-run")
        return time.monotonic() - began

    def erase(self) -> None:
        """Takes program and data away, so that the next installation is a first one."""
        self.installed.release("uninstall")
        self.installed.machine.shell(f"rm -rf {PROGRAM} {HOME} {STATE}")

    def found(self) -> Clerk:
        """Founds the office in the browser and gives it keys to sign with."""
        code = self.installed.machine.path(f"{STATE}/first-run.code").read_text(encoding="ascii").strip()
        with self.installed.machine.path(CONFIG).open("a", encoding="utf-8") as file:
            file.write(TRIAL)
        self.installed.restart()
        self.installed.wait_alive("first-run")
        clerk = founded(self.installed.browser(), code)
        self.installed.wait_alive("serving")
        self.installed.python("-", CONFIG, LEADER_PASSWORD, stdin=SIGNERS.read_text(encoding="utf-8"))
        self.installed.machine.run(f"{PROGRAM}/current/bin/commune-portal", "service", "remove", "--json")
        return clerk

    def forget_files(self) -> None:
        """Lets the computer forget what it has read of the release, as after switching it on."""
        for path in self.installed.machine.path(f"{PROGRAM}/releases").rglob("*"):
            if path.is_file() and not path.is_symlink():
                handle = os.open(path, os.O_RDONLY)
                os.posix_fadvise(handle, 0, 0, os.POSIX_FADV_DONTNEED)
                os.close(handle)

    def start(self) -> float:
        """Starts the service as its unit does; answers the seconds until the first page."""
        line = self.installed.machine.command(*self.installed.command("serve"))
        began = time.monotonic()
        self._process = subprocess.Popen(line, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        clerk = self.installed.browser()
        while True:
            with suppress(OSError):
                if clerk.open("/login").status == 200:
                    return time.monotonic() - began
            assert time.monotonic() - began < START_SECONDS, self.installed.log()
            time.sleep(0.005)

    def stop(self) -> None:
        """Stops it and waits for its end."""
        if self._process is not None:
            os.kill(self.pid, signal.SIGTERM)
            self._process.wait(START_SECONDS)
            self._process = None

    @property
    def pid(self) -> int:
        """The process id of the service on this computer."""
        own = Path(f"/proc/{self.installed.machine.pid}/ns/pid").readlink()
        for folder in Path("/proc").glob("[0-9]*"):
            with suppress(OSError):
                line = (folder / "cmdline").read_bytes()
                if line.endswith(b"\0serve\0") and b"python3.11" in line and (folder / "ns/pid").readlink() == own:
                    return int(folder.name)
        raise AssertionError("the service does not run")

    def resident_mib(self) -> float:
        """Resident memory of the portal and of what it has started."""
        return sum(map(machine.resident_mib, (self.pid, *machine.children_of(self.pid))))

    def close(self) -> None:
        """Ends the computer."""
        self.installed.machine.close()
        self.installed.close()
        if self._process is not None:
            self._process.wait(START_SECONDS)


@contextmanager
def bare_office() -> Iterator[BareOffice]:
    """An office on a bare Debian for the time of the block."""
    folder = Path(tempfile.mkdtemp(prefix="bench-"))
    office = BareOffice(folder)
    try:
        yield office
    finally:
        office.close()
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def wine_office() -> Iterator[WineOffice]:
    """A Windows without the portal for the time of the block."""
    folder = Path(tempfile.mkdtemp(prefix="wine-"))
    office = WineOffice(folder)
    try:
        yield office
    finally:
        office.wine.close()
        shutil.rmtree(folder, ignore_errors=True)


def found_on_windows(office: WineOffice) -> Clerk:
    """The same founding there; its service is left running."""
    office.stop()
    with office.config.open("a", encoding="utf-8") as file:
        file.write(TRIAL)
    office.start()
    code = (office.home / "state" / "first-run.code").read_text(encoding="ascii").strip()
    clerk = founded(office.browser(), code)
    office.wait_alive("serving")
    line = office.interpreter(office.wine.windows_path(SIGNERS), office.wine.windows_path(office.config))
    office.wine.call(*line, LEADER_PASSWORD, codes=(0,))
    return clerk


def founded(clerk: Clerk, code: str) -> Clerk:
    """Fills the first-run form and answers the browser, logged in as the clerk."""
    clerk.open(f"{clerk.address}/first-run?code={code}")
    clerk.open("/first-run/office")
    answer = clerk.submit(clerk.page.form("clerk_username"), None, **FOUNDING)
    assert answer.status == 200, problems(answer.text)
    return clerk


def day(clerk: Clerk, leader: Clerk, registrations: int, signings: int) -> None:
    """A day's work through the pages; what is signed is spread over it."""
    clerk.log_in("vanthu", CLERK_PASSWORD)
    leader.log_in("chutich", LEADER_PASSWORD, LEADER_PASSWORD + " mới")
    every = max(1, registrations // signings)
    for ordinal in range(registrations):
        arrive_one(clerk, f"Về việc rà soát hộ nghèo và hộ cận nghèo, đợt {ordinal + 1}", f"{ordinal + 1}/UBND-VP")
        if ordinal % every == 0 and ordinal // every < signings:
            _issue(clerk, leader, f"Thông báo lịch tiếp công dân, kỳ {ordinal // every + 1}")


def _issue(clerk: Clerk, leader: Clerk, subject: str) -> None:
    """Drafted by the clerk, signed by the leader, numbered and sealed by the clerk."""
    clerk.open(f"{clerk.address}/outgoing/draft")
    form = clerk.page.form("subject")
    signer = next(value for value, _ in form.choices["signer"] if value)
    page = clerk.submit(form, None, **LETTER, subject=subject, signer=signer)
    found = re.search(r"/outgoing/(\d+)", page.url)
    assert found is not None, problems(page.text)
    leader.open(f"{leader.address}{found[0]}")
    page = leader.submit(leader.page.form("/sign"), pin=PIN)
    assert page.status == 200, problems(page.text)
    clerk.open(f"{clerk.address}{found[0]}")
    page = clerk.submit(clerk.page.form("/issue"), pin=PIN)
    assert page.status == 200, problems(page.text)
