"""Where an installation lies on a computer: the program, the data, what operations keep, and the backups.

Linux keeps them as Debian does; Windows under Program Files and ProgramData. `Places.under(root)` is the same layout
below another root, for tests and for trying out. Nothing here touches the disk.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path

from commune_portal.errors import SettingsWrong

CONFIG = "portal.toml"
VERSION = re.compile(r"[0-9]{1,6}(\.[0-9A-Za-z]{1,12}){1,4}")
IS_WINDOWS = os.name == "nt"
PROGRAM_FILES, COMMON_DATA = 0x26, 0x23
"""The numbers by which Windows knows these folders."""


@dataclass(frozen=True, slots=True)
class Places:
    """The four folders of an installation, and whether it lies below a root of its own (tests)."""

    program: Path
    state: Path
    home: Path
    backups: Path
    root: Path | None = None

    @classmethod
    def here(cls) -> Places:
        """The places of this computer's own installation."""
        if not IS_WINDOWS:
            return cls._below(Path("/"), None)
        program, home = (_windows_folder(number) / "CommunePortal" for number in (PROGRAM_FILES, COMMON_DATA))
        return cls(program, home / "state", home, home / "backups")

    @classmethod
    def under(cls, root: Path) -> Places:
        """The same layout below another root."""
        return cls._below(root.resolve(), root.resolve())

    @classmethod
    def _below(cls, top: Path, root: Path | None) -> Places:
        return cls(
            program=top / "opt/commune-portal",
            state=top / "etc/commune-portal",
            home=top / "var/lib/commune-portal",
            backups=top / "var/backups/commune-portal",
            root=root,
        )

    @property
    def releases(self) -> Path:
        """The folder of releases, side by side."""
        return self.program / "releases"

    @property
    def service_folder(self) -> Path:
        """On Windows: the interpreter and the host that the service control manager starts."""
        return self.program / "svc"

    @property
    def config(self) -> Path:
        """The settings file."""
        return self.home / CONFIG

    @property
    def pinned_key(self) -> Path:
        """The publisher's key that was met at the first installation."""
        return self.state / "publisher.pub"

    @property
    def journal(self) -> Path:
        """The state of the operation that runs or ran last."""
        return self.state / "ops-state.json"

    @property
    def lock(self) -> Path:
        """Held by the process that carries out an operation; the system lets it go with the process."""
        return self.state / "ops.lock"

    @property
    def record(self) -> Path:
        """What is installed: role, port, kind of service, current and previous release."""
        return self.state / "install.json"

    @property
    def first_run_code(self) -> Path:
        """The one-time code that opens the first-run pages."""
        return self.state / "first-run.code"

    @property
    def snapshots(self) -> Path:
        """Registers as they were before each change of release."""
        return self.state / "snapshots"

    @property
    def put_aside(self) -> Path:
        """Registers that a roll-back took out of service; never deleted by the program."""
        return self.home / "put-aside"

    def release(self, version: str) -> Path:
        """The folder of a release; raises SettingsWrong for what is no version."""
        if not VERSION.fullmatch(version):
            raise SettingsWrong(f"«{version[:40]}» không phải số phiên bản. Bộ cài có thể đã hỏng.")
        return self.releases / version

    def all(self) -> tuple[Path, ...]:
        """The four folders."""
        return (self.program, self.state, self.home, self.backups)


def _windows_folder(number: int) -> Path:
    """Asks the system itself: a process's variables are whoever's started it, and a service's may differ."""
    import ctypes

    found = ctypes.create_unicode_buffer(260)
    refused = ctypes.windll.shell32.SHGetFolderPathW(None, number, None, 0, found)  # type: ignore[attr-defined,unused-ignore] # Windows only
    if refused or not found.value:
        raise SettingsWrong("Windows không cho biết thư mục của chương trình và dữ liệu. Hãy khởi động lại máy.")
    return Path(found.value)
