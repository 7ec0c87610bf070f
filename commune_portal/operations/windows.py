"""The portal as two Windows services, made with `sc`, with rights by `icacls` and one firewall rule by `netsh`.

`CommunePortal` runs as LocalService and depends on `CommunePortalResume`, which runs as LocalSystem, looks for an
interrupted operation while it reports START_PENDING, reports RUNNING when that is settled, and ends. So the service
control manager starts the portal after a crash in mid-operation only when the crash has been cleared up: see
docs/decisions/0008. Both are hosted by `svc\\`, an interpreter of its own whose path never changes.
"""

from __future__ import annotations

import secrets
import shutil
from contextlib import suppress
from pathlib import Path

from commune_portal import clock, settings
from commune_portal.errors import StoreRefused
from commune_portal.operations import children, releases
from commune_portal.operations.places import Places
from commune_portal.operations.services import pause
from commune_portal.settings import Settings, is_loopback
from commune_portal.store import files

SERVICE = "CommunePortal"
RESUME = "CommunePortalResume"
TITLE = "So van ban (Commune Portal)"
ACCOUNT = r"NT AUTHORITY\LocalService"
RULE = "Commune Portal"
SC_SECONDS = 60.0
ICACLS_SECONDS = 1800.0
"""Kept data of many years may lie there, a file at a time."""
STATE_SECONDS = 60.0
NO_SUCH_SERVICE = 1060
ALREADY_STOPPED = 1062
ALREADY_RUNNING = 1056
STATES = {1: "STOPPED", 2: "START_PENDING", 3: "STOP_PENDING", 4: "RUNNING"}
INTERPRETER = "interpreter.txt"
HOST = "host.py"
ASIDE = ".aside"
SYSTEM, ADMINISTRATORS, LOCAL_SERVICE = "*S-1-5-18", "*S-1-5-32-544", "*S-1-5-19"
"""Well-known ids: the names of these accounts are translated on a Vietnamese Windows."""


def binary_path(places: Places, service: str) -> str:
    """The command line of a service: both paths quoted, since Program Files has a space."""
    host = places.service_folder / HOST
    return f'"{places.service_folder / "pythonw.exe"}" "{host}" {service}'


def create_lines(places: Places) -> list[list[str]]:
    """The commands that make both services; `sc` wants a space behind each equals sign."""
    return [
        [
            "sc", "create", RESUME, "binPath=", binary_path(places, RESUME), "start=", "auto", "obj=", "LocalSystem",
            "DisplayName=", f"{TITLE} - kiem tra truoc khi chay",
        ],
        [
            "sc", "create", SERVICE, "binPath=", binary_path(places, SERVICE), "start=", "auto", "obj=", ACCOUNT,
            "DisplayName=", TITLE, "depend=", RESUME,
        ],
    ]  # fmt: skip


def restart_lines() -> list[list[str]]:
    """The commands that let the system start the portal again after a crash; it serves without them too."""
    return [
        ["sc", "failure", SERVICE, "reset=", "86400", "actions=", "restart/5000/restart/30000/restart/60000"],
        ["sc", "failureflag", SERVICE, "1"],
    ]


def owner_lines(places: Places) -> list[list[str]]:
    """The commands that take the data from whoever made their folder before us, with every right that was given away.

    Any account may make a folder in ProgramData, and an owner may always give rights, whatever else is set.
    """
    quietly = ["/C", "/L", "/Q"]
    return [
        ["icacls", str(places.home), "/setowner", ADMINISTRATORS, "/T", *quietly],
        ["icacls", str(places.home), "/reset", *quietly],
    ]


def rights_lines(places: Places) -> list[list[str]]:
    """The commands that give the data to the system, the administrators and the service, and to nobody else."""
    data = ["icacls", str(places.home), "/inheritance:r", "/grant:r"]
    data += [f"{who}:(OI)(CI)F" for who in (SYSTEM, ADMINISTRATORS)] + [f"{LOCAL_SERVICE}:(OI)(CI)M"]
    state = ["icacls", str(places.state), "/inheritance:r", "/grant:r"]
    state += [f"{who}:(OI)(CI)F" for who in (SYSTEM, ADMINISTRATORS)] + [f"{LOCAL_SERVICE}:(OI)(CI)RX"]
    return [data, state]


def firewall_lines(port: int) -> list[list[str]]:
    """The commands that open one port to the local network: the old rule goes first, so there is never a second."""
    return [
        ["netsh", "advfirewall", "firewall", "delete", "rule", f"name={RULE}"],
        [
            "netsh", "advfirewall", "firewall", "add", "rule", f"name={RULE}", "dir=in", "action=allow",
            "protocol=TCP", f"localport={port}", "profile=private,domain", "remoteip=localsubnet",
        ],
    ]  # fmt: skip


def allow(own: Settings, port: int) -> None:
    """One rule while the portal is open to the local network, by its TLS door or by itself; none while it is not."""
    lines = firewall_lines(own.lan.port if own.lan.enabled else port)
    is_open = own.lan.enabled or not is_loopback(own.server.host)
    for line in lines if is_open else lines[:1]:
        children.run(line, SC_SECONDS)


def narrow(places: Places) -> None:
    """Sets owner and rights of the data folders; what lies in them has no rights of its own afterwards."""
    for line in owner_lines(places):
        children.run(line, ICACLS_SECONDS)
    data, state = rights_lines(places)
    _run(data)
    children.run(["icacls", str(places.home / "*"), "/reset", "/T", "/C", "/L", "/Q"], ICACLS_SECONDS)
    _run(state)


class WindowsServices:
    """Speaks to the service control manager."""

    def __init__(self, places: Places, port: int) -> None:
        self._places = places
        self._port = port

    def install(self) -> None:
        """Brings the host to the current release's interpreter and makes both services."""
        refresh_host(self._places)
        for line in create_lines(self._places):
            if not _state(line[2]):
                _run(line)
        for line in restart_lines():
            children.run(line, SC_SECONDS)
        self._firewall()

    def remove(self) -> None:
        """Stops both services and takes them and the firewall rule away."""
        self.stop()
        for name in (SERVICE, RESUME):
            if _state(name):
                _run(["sc", "delete", name], NO_SUCH_SERVICE)
        children.run(firewall_lines(0)[0], SC_SECONDS)

    def start(self) -> None:
        """Starts the portal, and with it what it depends on."""
        if not self.is_running():
            _run(["sc", "start", SERVICE], ALREADY_RUNNING)
        self._wait("RUNNING")

    def stop(self) -> None:
        """Stops the portal and waits for its end; the other service is let be while it is what asks for this."""
        if _state(SERVICE) == "START_PENDING":
            self._wait("RUNNING", "STOPPED")
        if _state(SERVICE) == "RUNNING":
            _run(["sc", "stop", SERVICE], NO_SUCH_SERVICE, ALREADY_STOPPED)
        self._wait("STOPPED", "")
        if _state(RESUME) == "RUNNING":
            _run(["sc", "stop", RESUME], NO_SUCH_SERVICE, ALREADY_STOPPED)

    def is_running(self) -> bool:
        """True while the portal's service runs or starts."""
        return _state(SERVICE) in ("RUNNING", "START_PENDING")

    def _wait(self, *wanted: str) -> None:
        deadline = clock.monotonic() + STATE_SECONDS
        while (found := _state(SERVICE)) not in wanted:
            if clock.monotonic() > deadline:
                raise StoreRefused(f"Dịch vụ {SERVICE} ở trạng thái {found or '?'}, không tới {wanted[0]}. Xem logs.")
            pause(0.3)

    def _firewall(self) -> None:
        allow(settings.load(self._places.config), self._port)


def refresh_host(places: Places) -> None:
    """Brings interpreter and host of the current release to `svc\\`, file by file, where they differ.

    A release with the same interpreter changes the host at most. A file in use is moved aside, which Windows allows
    for what runs: at boot, the service that undoes an upgrade was started from this very folder. The note goes first
    and comes last, so what was cut off is done again.
    """
    release = places.release(releases.pointed(places))
    source = release / "site-packages" / "commune_portal" / "operations" / "windows_service.py"
    told = f"{releases.facts_of(release).python} {files.digest_of(source).sha256}\n"
    folder = places.service_folder
    note = folder / INTERPRETER
    if note.is_file() and note.read_text(encoding="ascii") == told:
        return
    # Without the release's path file: the host chooses the release, and with it where modules come from.
    wanted = {path.name: path for path in (release / "python").iterdir() if path.suffix != "._pth"} | {HOST: source}
    with files.disk_errors():
        folder.mkdir(parents=True, exist_ok=True)
        note.unlink(missing_ok=True)
        for path in sorted(folder.iterdir()):
            if path.name.endswith(ASIDE):
                with suppress(OSError):
                    path.unlink()  # still in use: then the next time
            elif path.name not in wanted and f"{path.stem}.zip" not in wanted:
                _aside(path)
        for name, path in sorted(wanted.items()):
            _bring(path, folder / name)
        _embedded_path(folder)
        files.write_durably(note, told.encode(), mode=0o644)


def _bring(source: Path, target: Path) -> None:
    """Copies a file over another that may be in use."""
    if target.is_file() and files.digest_of(target).sha256 == files.digest_of(source).sha256:
        return
    fresh = target.with_name(f"{target.name}.new{ASIDE}")
    shutil.copyfile(source, fresh)
    if target.exists():
        _aside(target)
    fresh.rename(target)


def _aside(path: Path) -> None:
    path.rename(path.with_name(f"{path.name}.{secrets.token_hex(4)}{ASIDE}"))


def _embedded_path(folder: Path) -> None:
    """The interpreter's own library alone; `site` stays off, so nothing of the computer's Python is ever read."""
    for library in folder.glob("python3*.zip"):
        (folder / f"{library.stem}._pth").write_text(f"{library.name}\n.\n", encoding="ascii")


def _state(name: str) -> str:
    """A service's state, empty where there is none; asked of the system itself, since `sc query` is translated."""
    import pywintypes
    import win32serviceutil

    try:
        return STATES.get(win32serviceutil.QueryServiceStatus(name)[1], "?")
    except pywintypes.error as error:
        if error.winerror == NO_SUCH_SERVICE:
            return ""
        raise StoreRefused(f"Windows không cho biết trạng thái dịch vụ {name} (mã {error.winerror}).") from error


def _run(line: list[str], *accepted: int) -> None:
    done = children.run(line, SC_SECONDS)
    if done.code not in (0, *accepted):
        raise StoreRefused(f"Windows từ chối «{' '.join(line[:3])}» (mã {done.code}).", detail=done.last_words)
