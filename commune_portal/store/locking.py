"""One at a time, across processes: a lock that the system itself lets go when its holder dies."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from commune_portal.errors import StoreBusy


@contextmanager
def alone(path: Path, sentence: str | None = None) -> Iterator[None]:
    """Holds a lock file; raises StoreBusy at once (with this sentence) while another process holds it.

    Whoever can read a lock file can hold it, so nobody but its owner may.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with os.fdopen(os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600), "ab") as file:
        try:
            _take(file)
        except OSError as error:
            raise StoreBusy(sentence, detail=path.name) from error
        try:
            yield
        finally:
            _let_go(file)


if os.name == "nt":
    import msvcrt

    def _take(file: IO[bytes]) -> None:
        file.seek(0)
        msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)  # type: ignore[attr-defined,unused-ignore] # Windows only

    def _let_go(file: IO[bytes]) -> None:
        file.seek(0)
        msvcrt.locking(file.fileno(), msvcrt.LK_UNLCK, 1)  # type: ignore[attr-defined,unused-ignore] # Windows only
else:
    import fcntl

    def _take(file: IO[bytes]) -> None:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)

    def _let_go(file: IO[bytes]) -> None:
        fcntl.flock(file, fcntl.LOCK_UN)
