"""What the portal does by itself at set times: the daily backup, the monthly proof; asked for by a page, at once.

A thread that only looks: is something due, has somebody asked? The work is done by a child process of the same release
(`backup --due`, `drill --due`), so that the portal itself stays small and quick. Nobody asks the thread: what a page
wants is a row, what came of it is a row. See decisions 23.
"""

from __future__ import annotations

import logging
import os
import sqlite3
import subprocess
import sys
import tempfile
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import IO

from commune_portal import clock, memory
from commune_portal.documents import backups
from commune_portal.errors import PortalError
from commune_portal.settings import Settings
from commune_portal.store import backup, backup_runs, database
from commune_portal.store.backup_runs import Chore

log = logging.getLogger(__name__)

WATCH_SECONDS = 1.0
FIRST_LOOK_SECONDS = 120.0
"""After a start in the morning the clerk's first page comes first; a backup that was missed can wait so long."""
LOOK_SECONDS = 60.0
STOP_SECONDS = 10.0
LONGEST_SECONDS = 6 * 3600.0
"""A child that is still at work then hangs, at a stick or a network folder that no longer answers: it is ended."""
TOO_LONG = "Chạy quá lâu và đã bị dừng. Hãy xem USB hoặc thư mục mạng nhận bản sao lưu còn trả lời không."
NICE = 10

_ASKED = {Chore.BACKUP_ASKED: ("backup",), Chore.DRILL_ASKED: ("drill",)}


class Upkeep:
    """The thread and its one child."""

    def __init__(self, settings: Settings, command: Sequence[str] | None = None) -> None:
        self._settings = settings
        config = settings.folder / backup.CONFIG
        self._command = list(command or [sys.executable, "-m", "commune_portal", "--config", str(config)])
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._run, name="upkeep", daemon=True)
        self._child: subprocess.Popen[bytes] | None = None
        self._began = 0.0
        self._is_late = False
        self._errors: IO[bytes] | None = None
        self._answering: Chore | None = None

    def start(self) -> None:
        """Begins to look."""
        self._thread.start()

    def stop(self) -> None:
        """Ends the child and the thread; what the child leaves is swept at the next start."""
        self._ending.set()
        if self._thread.is_alive():
            self._thread.join(STOP_SECONDS)

    def _run(self) -> None:
        look_at = clock.monotonic() + FIRST_LOOK_SECONDS
        seen = -1
        try:
            self._begin()
            while not self._ending.wait(WATCH_SECONDS):
                try:
                    if self._is_busy() or self._settings.pause_mark.exists():
                        continue
                    changed = int(database.row("PRAGMA data_version")[0])
                    wanted = self._asked() if changed != seen else None
                    seen = changed
                    if wanted is None and clock.monotonic() >= look_at:
                        look_at = clock.monotonic() + LOOK_SECONDS
                        memory.give_back()
                        wanted = self._due()
                    if wanted is not None:
                        self._do(wanted)
                except (PortalError, OSError, sqlite3.Error) as error:
                    log.warning("upkeep: %s", error)
        finally:
            self._end_child()
            database.close()

    def _begin(self) -> None:
        """What a dead process left is swept away, unless one that outlived us is still at work."""
        try:
            if backup.sweep(self._settings):
                backup_runs.settle()
        except (PortalError, OSError, sqlite3.Error) as error:
            log.warning("upkeep: %s", error)

    def _asked(self) -> Sequence[str] | None:
        for chore, words in _ASKED.items():
            if backup_runs.is_asked(chore):
                self._answering = chore
                return words
        return None

    def _due(self) -> Sequence[str] | None:
        if not self._settings.backup.enabled:
            return None
        if backups.due(self._settings):
            return ("backup", "--due")
        return ("drill", "--due") if backups.drills_due(self._settings) else None

    def _do(self, words: Sequence[str]) -> None:
        log.info("upkeep begins: %s", " ".join(words))
        self._errors = tempfile.TemporaryFile()  # noqa: SIM115 - closed when the child has ended
        try:
            self._child = subprocess.Popen(  # noqa: S603 - our own program
                [*self._command, *words], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=self._errors,
                creationflags=getattr(subprocess, "BELOW_NORMAL_PRIORITY_CLASS", 0)
                | getattr(subprocess, "CREATE_NO_WINDOW", 0),
            )  # fmt: skip
        except OSError as error:
            self._answer(str(error))
            raise
        self._began, self._is_late = clock.monotonic(), False
        if hasattr(os, "setpriority"):
            os.setpriority(os.PRIO_PROCESS, self._child.pid, NICE)

    def _is_busy(self) -> bool:
        if self._child is None:
            return False
        code = self._child.poll()
        if code is None:
            if not self._is_late and clock.monotonic() - self._began > LONGEST_SECONDS:
                self._is_late = True
                self._child.kill()
            return True
        last_words = self._last_words()
        words = TOO_LONG if self._is_late else last_words
        log.log(logging.INFO if code == 0 else logging.WARNING, "upkeep ended: %s %s", code, words)
        self._child = None
        self._answer(words if code else "")
        return False

    def _last_words(self) -> str:
        if self._errors is None:
            return ""
        self._errors.seek(0)
        lines = self._errors.read()[-4000:].decode("utf-8", "replace").strip().splitlines()
        self._errors.close()
        self._errors = None
        return lines[0][:500] if lines else ""

    def _answer(self, words: str) -> None:
        if self._answering is not None:
            backup_runs.chore_ended(self._answering, words)
        self._answering = None

    def _end_child(self) -> None:
        child, self._child = self._child, None
        if child is not None and child.poll() is None:
            child.terminate()
            try:
                child.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                child.kill()
                child.wait(STOP_SECONDS)
        if self._errors is not None:
            self._errors.close()


def is_possible(settings: Settings) -> bool:
    """Whether child processes can find this installation: they read its settings file."""
    return Path(settings.folder / backup.CONFIG).is_file()
