"""The portal under systemd: two units, their text as package files, and the few words that systemctl needs.

`commune-portal-resume` runs before the portal at every start and looks for an interrupted operation. While one runs it
finds the lock held and ends at once, so an upgrade may start the portal itself.
"""

from __future__ import annotations

from importlib import resources
from pathlib import Path

from commune_portal.errors import StoreRefused
from commune_portal.operations import children, nginx, record
from commune_portal.operations.places import Places
from commune_portal.store import files

UNIT_FOLDER = Path("/etc/systemd/system")
SERVICE = "commune-portal.service"
RESUME = "commune-portal-resume.service"
UNITS = (SERVICE, RESUME, nginx.UNIT_NAME)
WANTS = "multi-user.target.wants"
SYSTEMCTL_SECONDS = 120.0
COMMAND = Path("/usr/local/bin/commune-portal")


def unit_text(name: str, places: Places, account: str) -> str:
    """A unit with the places of an installation in it."""
    text = (resources.files("commune_portal.operations") / "units" / name).read_text(encoding="utf-8")
    for mark, value in {
        "@PROGRAM@": places.program, "@STATE@": places.state, "@HOME@": places.home, "@BACKUPS@": places.backups,
        "@ACCOUNT@": account or record.ACCOUNT, "@TLS_CAPABILITIES@": nginx.capabilities(places.config),
    }.items():  # fmt: skip
        text = text.replace(mark, str(value))
    return text


def write_units(places: Places, account: str, folder: Path = UNIT_FOLDER) -> None:
    """Writes both units and lets the portal start at boot; also where systemd does not run yet."""
    wants = folder / WANTS
    with files.disk_errors():
        wants.mkdir(parents=True, exist_ok=True)
        for name in UNITS:
            files.write_durably(folder / name, unit_text(name, places, account).encode(), mode=0o644)
        link = wants / SERVICE
        link.unlink(missing_ok=True)
        link.symlink_to(Path("..") / SERVICE)
        if folder == UNIT_FOLDER:
            name_command(places)


def remove_units(folder: Path = UNIT_FOLDER) -> None:
    """Takes them away again."""
    for path in (folder / WANTS / SERVICE, *(folder / name for name in UNITS)):
        path.unlink(missing_ok=True)
    if folder == UNIT_FOLDER and _is_ours(COMMAND):
        COMMAND.unlink()


def name_command(places: Places, command: Path = COMMAND) -> None:
    """Lets an operator type `commune-portal` as the manual prints it; a program of that name that is not ours stays."""
    if command.is_symlink() or not command.exists():
        if command.is_symlink() and not _is_ours(command):
            return
        command.parent.mkdir(parents=True, exist_ok=True)
        command.unlink(missing_ok=True)
        command.symlink_to(places.program / "current" / "bin" / "commune-portal")


def _is_ours(command: Path) -> bool:
    return command.is_symlink() and str(command.readlink()).endswith("/commune-portal/current/bin/commune-portal")


class SystemdServices:
    """Speaks to a booted systemd."""

    def __init__(self, places: Places, account: str) -> None:
        self._places = places
        self._account = account

    def install(self) -> None:
        """Writes the units and makes them known."""
        write_units(self._places, self._account)
        _systemctl("daemon-reload")

    def remove(self) -> None:
        """Stops the portal and takes the units away."""
        self.stop()
        remove_units()
        _systemctl("daemon-reload")

    def start(self) -> None:
        """Starts the portal, also after it failed too often."""
        children.run(["systemctl", "reset-failed", SERVICE], SYSTEMCTL_SECONDS)
        _systemctl("start", SERVICE)

    def stop(self) -> None:
        """Stops the portal; systemctl returns when its processes have ended."""
        if (UNIT_FOLDER / SERVICE).exists():
            _systemctl("stop", SERVICE)

    def is_running(self) -> bool:
        """True while the unit is active."""
        return children.run(["systemctl", "is-active", "--quiet", SERVICE], SYSTEMCTL_SECONDS).code == 0


def _systemctl(*words: str) -> None:
    done = children.run(["systemctl", *words], SYSTEMCTL_SECONDS)
    if done.code:
        raise StoreRefused(
            f"systemctl {' '.join(words)} không thành công. Xem «journalctl -u {SERVICE}».", detail=done.last_words
        )
