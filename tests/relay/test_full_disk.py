"""A disk that is full while something is fetched: the item waits, and is taken when there is room again."""

from __future__ import annotations

import errno
import os

import pytest

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
