"""`python -m tests.bench [--json FILE] [--quick] [--only G3,G4]`: every goal of speed.md, and a province's day."""

from __future__ import annotations

import argparse
import compileall
import os
import sys
from collections.abc import Sequence
from pathlib import Path

import commune_portal
from tests.bench import harness, machine, report
from tests.bench.harness import Bench
from tests.bench.slices import PACE

GROUPS = ("registering", "pages", "processes", "exchanging", "packets", "sealing", "far", "province", "deploying")


def main(arguments: Sequence[str]) -> int:
    """Runs what is asked for; 2 only when a bench broke, never because of a figure."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description="So sánh xen kẽ với giới hạn của máy.")
    parser.add_argument("--json", type=Path, help="ghi kết quả ra tệp JSON")
    parser.add_argument("--quick", action="store_true", help="lát ngắn, sổ nhỏ: chỉ xem có chạy được không")
    parser.add_argument("--only", default="", help="chỉ đo các mục tiêu này, ví dụ G1,G2")
    chosen = parser.parse_args(arguments)
    load = machine.load()
    _use_bytecode()
    if chosen.quick:
        PACE.quicken()
    facts = machine.facts()
    print(f"{facts}\ntải khi bắt đầu: {load:.2f}\n", flush=True)
    wanted = {item.strip() for item in chosen.only.split(",") if item.strip()}
    outcomes: list[harness.Outcome] = []
    for bench in sorted(benches(), key=lambda item: int(item.key[1:])):
        if wanted and bench.key not in wanted:
            continue
        # A machine that stayed busy through one long wait is busy with something else: do not wait as long again.
        was_busy = bool(outcomes) and outcomes[-1].load_before > harness.LOAD_AT_MOST
        outcome = harness.run(bench, quick=chosen.quick, settle_seconds=10.0 if was_busy else harness.SETTLE_SECONDS)
        outcomes.append(outcome)
        print("\n".join([*report.lines(outcome), ""]), flush=True)
    print("\n".join(report.table(outcomes)), flush=True)
    if chosen.json:
        report.write_json(chosen.json, outcomes, facts)
    return 2 if any(outcome.broken for outcome in outcomes) else 0


def benches() -> list[Bench]:
    """Every bench; the modules are read here, so that a run measures with compiled ones."""
    import importlib

    return [bench for name in GROUPS for bench in importlib.import_module(f"tests.bench.{name}").BENCHES]


def _use_bytecode() -> None:
    """The bundle ships compiled modules; an environment that forbids writing them would triple every start."""
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    sys.dont_write_bytecode = False
    compileall.compile_dir(str(commune_portal.__path__[0]), quiet=1)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
