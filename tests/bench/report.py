"""What a run found, as a table for people and as JSON for programs."""

from __future__ import annotations

import json
import statistics
from collections.abc import Sequence
from pathlib import Path

from tests.bench.harness import Outcome, Part, rounded

WORDS = {True: "đạt", False: "CHƯA ĐẠT", None: "không kết luận"}


def lines(outcome: Outcome) -> list[str]:
    """An outcome as lines of text: the verdict, its parts, the arms."""
    found = [f"{outcome.bench.key}  {outcome.bench.title}: {WORDS[outcome.met]}", f"    mục tiêu: {outcome.bench.goal}"]
    if outcome.refused:
        found.append(f"    không đưa ra tỷ số – {outcome.refused}")
    else:
        found += [_part(part) for part in outcome.parts]
    for arm in outcome.samples.arms:
        values = outcome.samples.values(arm)
        unit = next(sample.unit for sample in outcome.samples.found if sample.arm == arm)
        cpu = sum(sample.cpu_seconds for sample in outcome.samples.found if sample.arm == arm)
        found.append(
            f"      {arm:<44} {rounded(statistics.median(values)):>10g} {unit:<4}"
            f" [{rounded(min(values)):g} – {rounded(max(values)):g}]  n={len(values)}  CPU {cpu:.1f} s"
        )
    found.append(
        f"    tải trước {outcome.load_before:.2f}, sau {outcome.load_after:.2f}; chương trình khác"
        f" {outcome.others:.2f} lõi; {outcome.seconds:.0f} s"
    )
    return found


def _part(part: Part) -> str:
    value = "–" if part.value is None else f"{part.value:g}"
    note = f"  ({part.note})" if part.note else ""
    return f"    {part.name:<46} {value:>10}  {part.goal:<10} {WORDS[part.met]}{note}"


def table(outcomes: Sequence[Outcome]) -> list[str]:
    """One line a demand, all goals."""
    found = [f"{'':<4} {'':<58} {'đo được':>10}  {'mục tiêu':<10}", "-" * 92]
    for outcome in outcomes:
        if outcome.refused or not outcome.parts:
            found.append(f"{outcome.bench.key:<4} {outcome.bench.title:<58} {'–':>10}  {'':<10} {WORDS[None]}")
            continue
        for part in outcome.parts:
            value = "–" if part.value is None else f"{part.value:g}"
            found.append(f"{outcome.bench.key:<4} {part.name:<58} {value:>10}  {part.goal:<10} {WORDS[part.met]}")
    return found


def write_json(path: Path, outcomes: Sequence[Outcome], facts: str) -> None:
    """One object, a key for each goal."""
    document = {outcome.bench.key: outcome.described(facts) for outcome in outcomes}
    path.write_text(json.dumps(document, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")
