"""Five thousand seeds over a wire in memory, with the real verbs: once in effect each, whatever happens in between.

`MODEL_SEED=4711 pytest tests/model/test_model.py -m story` plays one seed again; `MODEL_SEEDS` says how many.
"""

from __future__ import annotations

import json
import logging
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from commune_portal import points
from commune_portal.relay import link
from commune_portal.signing import workshop
from commune_portal.wire import keys
from tests.model.seeds import play
from tests.model.tally import Tally

SEEDS, FIRST = int(os.environ.get("MODEL_SEEDS", "5000")), 1
CEILING_SECONDS = 900
SHARED_MEMORY = Path("/dev/shm")  # a disk of memory: what is synced is not what is measured here
WANTED = {
    "faults of the link": {
        "request dropped": 800, "request truncated": 800, "request corrupted": 800, "request delayed": 800,
        "request repeated": 800, "request repeated later": 800, "answer delayed": 800, "answer dropped": 800,
        "answer truncated": 800, "answer corrupted": 800, "page of a gateway": 800, "requests reordered": 1200,
    },
    "kills": {
        "node after-commit": 150, "node before-answer": 150, "node file-synced": 100, "node inside-chunk": 30,
        "node inside-transaction": 150, "office after-commit": 200, "office at rest": 200, "office before-answer": 200,
        "office between-fetch-and-receipt": 150, "office file-synced": 150, "office inside-chunk": 30,
        "office inside-transaction": 200,
    },
    "full disks": {
        "node at its floor": 300, "node file-synced": 50, "node inside-chunk": 10, "node inside-transaction": 80,
        "office file-synced": 100, "office inside-chunk": 30, "office inside-transaction": 120,
    },
    "clock jumps": {
        "31/12 to 01/01": 700, "node a year behind": 100, "node forty days ahead": 100, "node three hours ahead": 80,
        "node three hours behind": 60, "office a year behind": 200, "office forty days ahead": 200,
        "office three hours ahead": 200, "office three hours behind": 200,
    },
    "answers of the node": {
        "accepted": 10000, "duplicate": 500, "refused": 300, "replayed": 800, "stale": 1500, "disk-full": 500,
        "packet-missing": 600, "digest-mismatch": 150, "206": 1000,
    },
    "states reached": {
        "message edoc": 5000, "message status": 8000, "outbox delivered": 10000, "outbox refused": 250,
        "quarantined": 1000, "incoming arrived": 2500, "incoming registered": 600, "incoming assigned": 150,
        "incoming in-progress": 40, "incoming completed": 60, "incoming refused": 250, "status 01": 4000,
        "status 02": 250, "status 03": 900, "status 04": 250, "status 05": 40, "status 06": 60,
        "status 01 not applied": 15,
    },
}  # fmt: skip
"""How often each must come in five thousand seeds, about a third of what does; below that the run means nothing."""


@pytest.fixture
def folder() -> Iterator[Path]:
    place = SHARED_MEMORY if os.access(SHARED_MEMORY, os.W_OK) else None
    made = Path(tempfile.mkdtemp(prefix="model-", dir=place))
    yield made
    shutil.rmtree(made, ignore_errors=True)


@pytest.fixture
def restored() -> Iterator[None]:
    """What the model changes in this process is as before when the test is over."""
    pool, bench, level = link._pool, workshop._bench, logging.root.manager.disable
    logging.disable(logging.CRITICAL)
    yield
    logging.disable(level)
    link._pool, workshop._bench, points.hook = pool, bench, None
    keys.use(None)


def test_what_a_dozen_seeds_carry_takes_effect_once(folder: Path, restored: None) -> None:
    tally, bad = play(100_001, 12, folder)
    assert bad == []
    assert tally.of("states reached", "outbox delivered") > 40


@pytest.mark.story
def test_five_thousand_seeds_over_a_wire_in_memory_end_in_agreement(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    first, count = int(os.environ.get("MODEL_SEED", FIRST)), 1 if "MODEL_SEED" in os.environ else SEEDS
    began = time.monotonic()
    tally = Tally()
    bad: list[str] = []
    for found in side_by_side(first, count, folder):
        tally.take(found["counts"])
        bad += found["bad"]
    seconds = time.monotonic() - began
    with capsys.disabled():
        print(f"\nseeds {first} to {first + count - 1}: {seconds:.0f} s (ceiling {CEILING_SECONDS})", *tally.lines(),
              sep="\n")  # fmt: skip
    assert bad == []
    if count > 1:
        assert tally.too_seldom(WANTED, count / 5000) == []
        assert seconds < CEILING_SECONDS


def side_by_side(first: int, count: int, folder: Path) -> Iterator[dict[str, Any]]:
    """Plays the seeds in as many processes as there are cores."""
    workers = min(os.cpu_count() or 1, count)
    share = -(-count // workers)
    processes = [
        subprocess.Popen(
            [sys.executable, "-m", "tests.model.seeds", str(first + ordinal * share),
             str(min(share, count - ordinal * share)), str(folder / str(ordinal))],
            stdout=subprocess.PIPE, cwd=Path(__file__).parents[2],
        )
        for ordinal in range(workers)
    ]  # fmt: skip
    for process in processes:
        out, _ = process.communicate(timeout=2 * CEILING_SECONDS)
        assert process.returncode == 0
        yield json.loads(out)
