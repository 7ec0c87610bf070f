"""A hundred seeds in real processes: twenty packets each, a kill in each, behind a proxy that does its worst.

`MODEL_SEED=17 pytest tests/model/test_processes.py -m story` begins at a seed and plays that one alone;
`HOUSE_FIRST=1001` begins there and plays as many as ever, or as many as `HOUSE_SEEDS` says.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from commune_portal.signing import workshop
from commune_portal.wire import keys
from tests.model.house import House
from tests.model.tally import Tally

pytestmark = pytest.mark.story

SEEDS, FIRST = int(os.environ.get("HOUSE_SEEDS", "100")), int(os.environ.get("HOUSE_FIRST", "1"))
CEILING_SECONDS = 2000
"""Some six minutes on two cores that have nothing else to do."""
STOCK = 420
WANTED = {
    "faults of the link": {
        "drop_request": 10, "cut_request": 10, "corrupt_request": 10, "late": 10, "repeat": 10, "drop_answer": 10,
        "truncate_answer": 10, "corrupt_answer": 10, "gateway_page": 10, "delayed": 100,
    },
    "kills": {
        "node inside-transaction": 2, "node after-commit": 2, "office file-synced": 2, "office inside-transaction": 4,
        "office after-commit": 1, "office between-fetch-and-receipt": 4, "office before-answer": 1,
        "office anywhere": 8,
    },
    "clock jumps": {"office ahead": 4, "office behind": 3, "node ahead": 1},
    "states reached": {
        "message edoc": 300, "message status": 900, "outbox delivered": 1500, "incoming completed": 80,
        "incoming refused": 15, "incoming recalled": 30, "incoming taken-back": 6, "status 01": 250, "status 02": 15,
        "status 03": 120, "status 04": 100, "status 05": 40, "status 06": 90, "status 15": 50, "status 16": 6,
        "recall agreed": 30, "replace agreed": 20, "take-back agreed": 6, "update agreed": 6, "quarantined": 15,
    },
}  # fmt: skip
"""How often each must come in a hundred seeds, at least, for the run to mean something."""


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    bench, own = workshop._bench, keys._own
    made = House(tmp_path, Tally(), STOCK if SEEDS > 30 else 20 + 8 * SEEDS)
    try:
        made.begin()
        yield made
    finally:
        made.close()
        workshop._bench = bench
        keys.use(own)


def test_twenty_packets_a_seed_and_a_kill_in_each_take_effect_once(
    house: House, capsys: pytest.CaptureFixture[str]
) -> None:
    first, count = int(os.environ.get("MODEL_SEED", FIRST)), 1 if "MODEL_SEED" in os.environ else SEEDS
    began = time.monotonic()
    try:
        for seed in range(first, first + count):
            house.play(seed)
    finally:
        seconds = time.monotonic() - began
        with capsys.disabled():
            mounted = "small disks" if house.disks["a"].is_mounted else "no small disks could be mounted: none was full"
            print(f"\nseeds {first} to {first + count - 1} in processes, {house.queued()} packets: {seconds:.0f} s"
                  f" (ceiling {CEILING_SECONDS}); {mounted}", *house.tally.lines(), sep="\n")  # fmt: skip
    assert house.verify() == []
    kills = sum(house.tally.counts["kills"].values())
    assert kills >= count
    if count > 1:
        wanted = {**WANTED, **({"full disks": {"office": 5, "node": 1}} if house.disks["a"].is_mounted else {})}
        assert house.tally.too_seldom(wanted, count / 100) == []
        assert seconds < CEILING_SECONDS
