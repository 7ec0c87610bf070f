"""The work folder after a power cut."""

from __future__ import annotations

import os
from datetime import timedelta

from commune_portal import clock
from commune_portal.settings import Settings
from commune_portal.store import files


def test_what_a_power_cut_left_is_swept_and_what_goes_on_stays(register: Settings) -> None:
    old, fresh, foreign = files.temporary(".part"), files.temporary(".pdf"), register.work_folder / "ghi-chu.txt"
    resumed = register.work_folder / "fetched" / ("ab" * 32 + ".part")
    resumed.parent.mkdir()
    for path in (old, fresh, foreign, resumed):
        path.write_bytes(b"x")
    past = (clock.now() - timedelta(days=3)).timestamp()
    for path in (old, foreign, resumed):
        os.utime(path, (past, past))
    assert files.sweep_temporary() == 1
    assert [path.exists() for path in (old, fresh, foreign, resumed)] == [False, True, True, True]
