"""The technical log: bounded, one line a message, no document text; a crash leaves its trace there.

`portal.log` is the log, `crash.log` what is left of a crash below Python (a driver's), `console.log` what a supervisor
catches of a process's own output. All of them turn over; nothing in the logs folder grows for ever.
"""

from __future__ import annotations

import faulthandler
import logging
import logging.handlers
import sys
import threading
from pathlib import Path
from types import TracebackType
from typing import IO

from commune_portal import __version__
from commune_portal.settings import MEBIBYTE, Settings

log = logging.getLogger(__name__)

LOG_FILE, CRASH_FILE, CONSOLE_FILE = "portal.log", "crash.log", "console.log"
LOG_BYTES = 5 * MEBIBYTE
LOG_FILES = 5
OTHER_BYTES = MEBIBYTE
NOISY = ("pyhanko", "fontTools", "urllib3")

_crash_file: IO[str] | None = None


def begin(settings: Settings) -> None:
    """Writes this process's log into the logs folder from now on, the trace of its death too."""
    settings.logs_folder.mkdir(parents=True, exist_ok=True)
    handler = logging.handlers.RotatingFileHandler(
        settings.logs_folder / LOG_FILE, maxBytes=LOG_BYTES, backupCount=LOG_FILES, encoding="utf-8"
    )
    handler.setFormatter(OneLine("%(asctime)s %(levelname)s %(name)s %(threadName)s %(message)s"))
    root = logging.getLogger()
    root.addHandler(handler)
    root.setLevel(logging.INFO)
    logging.captureWarnings(True)
    logging.getLogger("waitress.queue").setLevel(logging.ERROR)
    for name in NOISY:
        logging.getLogger(name).setLevel(logging.WARNING)
    _catch_crashes(settings.logs_folder)
    log.info("commune-portal %s begins as %s, Python %s", __version__, settings.role, sys.version.split()[0])


def _catch_crashes(folder: Path) -> None:
    global _crash_file
    if _crash_file is not None:
        _crash_file.close()
    turn_over(folder / CRASH_FILE)
    _crash_file = (folder / CRASH_FILE).open("a", encoding="utf-8")
    faulthandler.enable(file=_crash_file)
    sys.excepthook = _died
    threading.excepthook = _thread_died


def _died(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    if not issubclass(kind, KeyboardInterrupt):
        log.critical("the process ends by an error", exc_info=(kind, error, trace))
    sys.__excepthook__(kind, error, trace)


def _thread_died(event: threading.ExceptHookArgs) -> None:
    if event.exc_value is None or issubclass(event.exc_type, SystemExit):
        return
    name = event.thread.name if event.thread is not None else "?"
    log.critical("thread %s ends by an error", name, exc_info=(event.exc_type, event.exc_value, event.exc_traceback))


def turn_over(path: Path, limit_bytes: int = OTHER_BYTES) -> bool:
    """Puts a log that grew beyond its bound aside as `<name>.1`, over the one before; for logs we do not rotate."""
    try:
        if path.stat().st_size <= limit_bytes:
            return False
        path.replace(path.with_name(path.name + ".1"))
    except OSError:  # it is not there, or on Windows somebody holds it
        return False
    return True


def tidy(settings: Settings) -> list[str]:
    """Cuts what exceeds its bound; answers what was done, in words. The log in use turns over by itself."""
    folder = settings.logs_folder
    done = [f"Đã xoay vòng {name}" for name in (CRASH_FILE, CONSOLE_FILE) if turn_over(folder / name)]
    for path in sorted(folder.glob(f"{LOG_FILE}.*")):
        number = path.name.rpartition(".")[2]
        if not number.isdigit() or int(number) > LOG_FILES:
            path.unlink(missing_ok=True)
            done.append(f"Đã bỏ nhật ký cũ {path.name}")
    return done


class OneLine(logging.Formatter):
    """Line breaks inside a message are escaped, so that nobody can write a line of their own."""

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 -- logging's own name
        """The message on one line; a traceback still follows below."""
        return super().formatMessage(record).replace("\r", "\\r").replace("\n", "\\n")
