"""`python -m tests.model.seeds FIRST COUNT FOLDER`: plays seeds and tells, as one line of JSON, what was counted.

One seed alone is played again by its number: `python -m tests.model.seeds 4711 1 /tmp/model`.
"""

from __future__ import annotations

import gc
import json
import logging
import sys
import traceback
from pathlib import Path

from tests.model.run import Model
from tests.model.tally import Tally

THOROUGH_EVERY = 25
"""Every so many seeds all registers are verified whole: chain, rows, numbers, files and what others signed."""


def play(first: int, count: int, folder: Path) -> tuple[Tally, list[str]]:
    """Plays seeds one after the other; gives the counts and what did not hold."""
    folder.mkdir(parents=True, exist_ok=True)
    tally, bad = Tally(), []
    model = Model(folder, tally)
    try:
        for seed in range(first, first + count):
            try:
                model.run(seed, thorough=count == 1 or seed % THOROUGH_EVERY == 0)
            except Exception:
                bad.append(f"seed {seed}:\n{traceback.format_exc(limit=-12)}")
                if len(bad) >= 5:
                    break
    finally:
        model.close()
    return tally, bad


def main() -> None:
    """The command."""
    logging.disable(logging.CRITICAL)
    gc.freeze()
    gc.set_threshold(50_000, 20, 50)  # a tenth of the time, for a process that ends soon
    tally, bad = play(int(sys.argv[1]), int(sys.argv[2]), Path(sys.argv[3]))
    print(json.dumps({"counts": tally.counts, "bad": bad}, ensure_ascii=False))


if __name__ == "__main__":
    main()
