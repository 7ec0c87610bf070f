"""The same for hours: seeds in processes until the time is over. `SOAK_MINUTES` says how long, two hours else."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from tests.model.house import House
from tests.model.tally import Tally

pytestmark = pytest.mark.soak

MINUTES = float(os.environ.get("SOAK_MINUTES", "120"))
SEEDS_A_HOUSE = 60
"""After so many seeds everything is verified whole and a new house is founded: a stock of documents does not last."""


def test_the_exchange_holds_for_hours(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    tally, packets, seed = Tally(), 0, int(os.environ.get("MODEL_SEED", str(time.monotonic_ns() % 1_000_000)))
    first, until = seed, time.monotonic() + MINUTES * 60
    while time.monotonic() < until:
        house = House(tmp_path / str(seed), tally, 300)
        try:
            house.begin()
            for _ in range(SEEDS_A_HOUSE):
                if time.monotonic() >= until:
                    break
                house.play(seed)
                seed += 1
            assert house.verify() == []
            packets += house.queued()
        finally:
            house.close()
    with capsys.disabled():
        print(f"\nseeds {first} to {seed - 1}, {packets} packets in {MINUTES:.0f} minutes", *tally.lines(), sep="\n")
