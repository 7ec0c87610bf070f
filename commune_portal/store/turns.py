"""A lock that is granted in the order of asking; SQLite's busy handler and Python's own locks starve threads."""

from __future__ import annotations

import threading
from collections import deque


class Turns:
    """First come, first served. Used as a context manager it waits as long as it takes."""

    def __init__(self) -> None:
        self._guard = threading.Lock()
        self._waiting: deque[threading.Lock] = deque()
        self._held = False

    def acquire(self, timeout_seconds: float = -1) -> bool:
        """Waits for the turn; False when it did not come in time."""
        with self._guard:
            if not self._held and not self._waiting:
                self._held = True
                return True
            mine = threading.Lock()
            mine.acquire()
            self._waiting.append(mine)
        if mine.acquire(timeout=timeout_seconds):
            return True
        with self._guard:
            if mine in self._waiting:
                self._waiting.remove(mine)
                return False
        return True  # the turn was handed over in the same instant in which the wait ended

    def release(self) -> None:
        """Hands the turn to whoever has waited longest."""
        with self._guard:
            if self._waiting:
                self._waiting.popleft().release()
            else:
                self._held = False

    def __enter__(self) -> None:
        self.acquire()

    def __exit__(self, *_: object) -> None:
        self.release()
