"""A disk that is full while something is fetched: the item waits, and is taken when there is room again."""

from __future__ import annotations

import errno
import os

import pytest

from commune_portal.documents import arrivals, takebacks
from commune_portal.errors import DiskFull
from commune_portal.relay.memory import STUMBLES
from commune_portal.store import database
from tests.cast import Cast
from tests.relay.linked import arrived, linked


def test_a_full_disk_puts_nothing_aside(office: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_handle: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with linked(office) as link:
        worker = link.worker()
        assert worker.contact()
        theirs = link.arrives(link.partner.edoc())
        with monkeypatch.context() as patched:
            patched.setattr(os, "fsync", full)
            for _ in range(6):
                worker.contact()
        assert arrived() == []
        assert worker.contact()
        assert arrived() == [theirs]
        assert database.row("SELECT count(*) FROM quarantine")[0] == 0


def test_a_disk_that_was_full_for_a_while_does_not_end_the_checks_for_good(
    office: Cast, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full() -> int:
        raise DiskFull

    with linked(office) as link:
        worker = link.worker()
        assert worker.contact()
        with monkeypatch.context() as patch:
            patch.setattr(takebacks, "chase", full)
            for _ in range(STUMBLES + 1):
                try:
                    worker.check_arrivals()
                except DiskFull:  # as the outermost loop would
                    worker._memory.stumbled()
        link.arrives(link.partner.edoc())
        assert worker.contact()
        worker.check_arrivals()
        assert arrivals.unchecked() == []
