"""A disk that is full while something is fetched: the item waits, and is taken when there is room again."""

from __future__ import annotations

import secrets
from pathlib import Path

import pytest

from commune_portal.store import database, files
from tests.cast import Cast
from tests.relay.linked import arrived, linked


def test_a_full_disk_puts_nothing_aside(office: Cast, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(suffix: str = "") -> Path:
        path = tmp_path / f"{secrets.token_hex(8)}{suffix}"
        path.symlink_to("/dev/full")  # a write to it ends as on a full disk
        return path

    with linked(office) as link:
        worker = link.worker()
        assert worker.contact()
        theirs = link.arrives(link.partner.edoc())
        with monkeypatch.context() as patched:
            patched.setattr(files, "temporary", full)
            for _ in range(6):
                worker.contact()
        assert arrived() == []
        assert list(tmp_path.glob("*.edxml")) == []
        assert worker.contact()
        assert arrived() == [theirs]
        assert database.row("SELECT count(*) FROM quarantine")[0] == 0
