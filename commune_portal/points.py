"""Named points of the way of a document at which a test can stop the process; in service they do nothing.

A seam of ours: `tests/stories` sets `hook` in a child process and kills it there, so that a power cut at every
step that matters is an ordinary test.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

Point = Literal[
    "file-synced",
    "inside-transaction",
    "after-commit",
    "between-number-and-seal",
    "between-seal-and-store",
    "before-answer",
    "inside-chunk",
    "inside-migration",
    "between-fetch-and-receipt",
    "backup-begun",
    "backup-snapshot",
    "inside-backup",
    "backup-named",
    "backup-proved",
    "backup-noted",
    "restore-begun",
    "restore-unpacked",
    "restore-keyed",
    "inside-restore",
    "restore-planned",
    "restore-aside",
    "restore-swapped",
    "restore-retired",
    "restore-rekeyed",
    "inside-wipe",
    "operation-step-written",
    "operation-step-done",
    "operation-undoing",
    "inside-founding",
]

hook: Callable[[Point], None] | None = None


def reach(point: Point) -> None:
    """Says that the process stands at a named point."""
    if hook is not None:
        hook(point)
