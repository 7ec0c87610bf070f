"""Running a program of a release, or of the system, as a child: the right account, a clean environment, a time limit.

A release's wrapper sets LD_LIBRARY_PATH and PYTHONHOME for its own interpreter; neither may leak into another
release's, nor into systemctl. What touches the register runs as the service's account: a log file of SQLite that
belongs to the administrator would shut the service out.
"""

from __future__ import annotations

import json
import os
import subprocess  # the releases' own programs and the system's, with fixed arguments
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from commune_portal.errors import StoreRefused
from commune_portal.operations import releases, stand_in
from commune_portal.operations.places import IS_WINDOWS, Places

OWN = {"LD_LIBRARY_PATH", "PYTHONHOME", "PYTHONPATH", "PYTHONNOUSERSITE", "PYTHONDONTWRITEBYTECODE"}
"""What a release's wrapper sets for its own interpreter."""


@dataclass(frozen=True, slots=True)
class Answer:
    """How a child ended, and what it said."""

    code: int
    said: str
    complained: str

    @property
    def document(self) -> dict[str, Any]:
        """The JSON object on its last line, empty where there is none."""
        for line in reversed(self.said.splitlines()):
            try:
                found = json.loads(line)
            except ValueError:
                continue
            return found if isinstance(found, dict) else {}
        return {}

    @property
    def last_words(self) -> str:
        """The end of what it said, for a sentence to a person."""
        return (self.complained.strip() or self.said.strip())[-600:]


def environment() -> dict[str, str]:
    """The environment without what belongs to this interpreter alone."""
    return {**{name: value for name, value in os.environ.items() if name not in OWN}, "PYTHONUTF8": "1"}


def identity(account: str) -> dict[str, Any]:
    """Popen's arguments for running as an account; empty where we are not root, or there is no such account."""
    if IS_WINDOWS or not account or os.geteuid() != 0:
        return {}
    import pwd

    try:
        found = pwd.getpwnam(account)
    except KeyError:
        return {}
    groups = os.getgrouplist(account, found.pw_gid)
    return {"user": found.pw_uid, "group": found.pw_gid, "extra_groups": groups, "umask": 0o027}


def ask_release(
    places: Places, version: str, account: str, config: Path, arguments: Sequence[str], timeout_seconds: float
) -> Answer:
    """Runs a verb of a release on a settings file, as the service's account."""
    line = [*releases.command(places, version), "--config", str(config), *arguments]
    return run(line, timeout_seconds, folder=config.parent, account=account)


def pass_on(line: Sequence[str]) -> int:
    """Lets another program do it before the same person's eyes; answers its exit code.

    Where the words of this process go into a file of CAI-DAT.exe's, the other's do too, in that file's encoding.
    """
    if sys.stdout is sys.__stdout__:
        return subprocess.run(line, env=environment(), check=False).returncode  # noqa: S603 -- a release's own program
    with subprocess.Popen(  # noqa: S603 -- a release's own program
        line, env=environment(), stdin=subprocess.PIPE,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, encoding="utf-8", errors="replace",
    ) as other:  # fmt: skip
        assert other.stdout is not None
        for said in other.stdout:
            sys.stdout.write(said)
    return other.returncode


def run(
    line: Sequence[str], timeout_seconds: float, *, folder: Path | None = None, account: str = "", told: str = ""
) -> Answer:
    """Runs a program to its end; raises StoreRefused where it cannot be started or takes too long."""
    assert not stand_in.is_one(), "a program would have root as its real account"
    try:
        done = subprocess.run(  # noqa: S603 -- fixed programs, arguments of ours
            line, input=told.encode(), capture_output=True, timeout=timeout_seconds, cwd=folder, env=environment(),
            check=False, **identity(account),
        )  # fmt: skip
    except subprocess.TimeoutExpired as error:
        raise StoreRefused(f"Lệnh «{Path(line[0]).name} {line[-1]}» chạy quá lâu và đã bị dừng.") from error
    except OSError as error:
        raise StoreRefused(f"Không chạy được {line[0]}. Bản cài đặt có thể đã hỏng.", detail=str(error)) from error
    return Answer(done.returncode, done.stdout.decode("utf-8", "replace"), done.stderr.decode("utf-8", "replace"))
