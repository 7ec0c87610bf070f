"""Samples of arms that take turns, and the refusal to compare what was not measured side by side.

Absolute figures move two to ten times from run to run on a shared machine; ratios of arms that take turns do not.
A ratio is therefore given only for arms that alternated, at least five times each, on a machine that was not busy
with other things.
"""

from __future__ import annotations

import itertools
import statistics
import time
import traceback
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

from tests.bench import machine

REPETITIONS = 5
LOAD_AT_MOST = 1.5
SETTLE_SECONDS = 90.0


class NotComparable(Exception):
    """Two arms that may not be put into one ratio; the text says why, in Vietnamese."""


@dataclass(frozen=True, slots=True)
class Sample:
    """What one slice of one arm gave; `cpu_seconds` is what the processes of the arm used in it."""

    arm: str
    value: float
    unit: str
    cpu_seconds: float = 0.0


class Samples:
    """The samples of one bench in the order in which they came."""

    def __init__(self, found: Sequence[Sample]) -> None:
        self.found = tuple(found)

    @property
    def arms(self) -> list[str]:
        """The names of the arms in the order of their first sample."""
        return list(dict.fromkeys(sample.arm for sample in self.found))

    def values(self, arm: str) -> list[float]:
        """Every value of an arm."""
        return [sample.value for sample in self.found if sample.arm == arm]

    def median(self, arm: str) -> float:
        """The median of an arm; raises NotComparable below five repetitions."""
        values = self.values(arm)
        if len(values) < REPETITIONS:
            raise NotComparable(f"«{arm}» chỉ có {len(values)} lần đo, cần ít nhất {REPETITIONS}")
        return statistics.median(values)

    def ratio(self, arm: str, base: str) -> float:
        """The median of the ratios of neighbouring slices; raises NotComparable unless the two took turns."""
        self.median(arm)
        self.median(base)
        turns = [sample.arm for sample in self.found if sample.arm in (arm, base)]
        if any(first == second for first, second in itertools.pairwise(turns)):
            raise NotComparable(f"«{arm}» và «{base}» không được đo xen kẽ")
        pairs = zip(self.values(arm), self.values(base), strict=False)
        return statistics.median(ours / theirs for ours, theirs in pairs)

    def described(self) -> dict[str, dict[str, object]]:
        """The arms as the JSON shows them."""
        return {
            arm: {
                "unit": next(sample.unit for sample in self.found if sample.arm == arm),
                "median": rounded(statistics.median(self.values(arm))),
                "min": rounded(min(self.values(arm))),
                "max": rounded(max(self.values(arm))),
                "cpu_seconds": rounded(sum(sample.cpu_seconds for sample in self.found if sample.arm == arm)),
                "samples": [rounded(value) for value in self.values(arm)],
            }
            for arm in self.arms
        }


def rounded(value: float) -> float:
    """Four significant digits: more would be noise."""
    return float(f"{value:.4g}")


@dataclass(frozen=True, slots=True)
class Part:
    """One demand of a goal: what was found, what is asked, and whether it is met; None where nothing can be said."""

    name: str
    value: float | None
    goal: str
    met: bool | None
    note: str = ""


def at_least(name: str, value: Callable[[], float], bound: float, note: str = "") -> Part:
    """A demand that a value is not below a bound."""
    return _part(name, value, f"≥ {bound:g}", lambda found: found >= bound, note)


def at_most(name: str, value: Callable[[], float], bound: float, note: str = "") -> Part:
    """A demand that a value is not above a bound."""
    return _part(name, value, f"≤ {bound:g}", lambda found: found <= bound, note)


def _part(name: str, value: Callable[[], float], goal: str, holds: Callable[[float], bool], note: str) -> Part:
    try:
        found = value()
    except NotComparable as problem:
        return Part(name, None, goal, None, str(problem))
    return Part(name, rounded(found), goal, holds(found), note)


@dataclass(frozen=True, slots=True)
class Bench:
    """A goal with the code that measures it: `run` yields samples, `judge` says what they mean.

    `sized` benches speak of the register of a million documents, or of a whole day, and say nothing in a quick run.
    `timeless` ones measure bytes, which a busy machine does not change.
    """

    key: str
    title: str
    goal: str
    run: Callable[[], Iterator[Sample]]
    judge: Callable[[Samples], list[Part]]
    sized: bool = False
    timeless: bool = False


@dataclass(slots=True)
class Outcome:
    """What became of one bench. `refused` is empty, or says why no ratio is given."""

    bench: Bench
    samples: Samples
    parts: list[Part] = field(default_factory=list)
    refused: str = ""
    load_before: float = 0.0
    load_after: float = 0.0
    others: float = 0.0
    seconds: float = 0.0
    broken: bool = False

    @property
    def met(self) -> bool | None:
        """True when every part is met, False when one is not, None when that cannot be said."""
        if self.refused or not self.parts:
            return None
        if any(part.met is False for part in self.parts):
            return False
        return None if any(part.met is None for part in self.parts) else True

    @property
    def value(self) -> float | None:
        """The value of the first part, which is the one that the goal names first."""
        return None if self.refused or not self.parts else self.parts[0].value

    def described(self, facts: str) -> dict[str, object]:
        """The outcome as the JSON shows it."""
        shown = [] if self.refused else self.parts
        return {
            "value": self.value,
            "goal": self.bench.goal,
            "met": self.met,
            "arms": self.samples.described(),
            "parts": [
                {"name": part.name, "value": part.value, "goal": part.goal, "met": part.met, "note": part.note}
                for part in shown
            ],
            "refused": self.refused,
            "run": {
                "machine": facts,
                "load_before": rounded(self.load_before),
                "load_after": rounded(self.load_after),
                "other_cores_busy": rounded(self.others),
                "seconds": rounded(self.seconds),
            },
        }


def run(bench: Bench, *, quick: bool = False, settle_seconds: float = SETTLE_SECONDS) -> Outcome:
    """Runs a bench on a machine that has come to rest, and judges it unless the machine was busy with other things."""
    load_before = machine.settled_load(LOAD_AT_MOST, 0.0 if quick or bench.timeless else settle_seconds)
    used, started = machine.Usage.now(), time.perf_counter()
    found, problem = [], ""
    try:
        found = list(bench.run())
    except Exception as error:
        problem = f"không đo được: {type(error).__name__}: {error}"
        traceback.print_exc()
    outcome = Outcome(bench, Samples(found), load_before=load_before, load_after=machine.load())
    outcome.broken = bool(problem)
    outcome.seconds = time.perf_counter() - started
    outcome.others = machine.Usage.now().others_since(used)
    busy = "" if bench.timeless else refusal(load_before, outcome.others)
    outcome.refused = problem or busy or _too_small(bench, quick=quick)
    if not problem:
        outcome.parts = bench.judge(outcome.samples)
    return outcome


def refusal(load_before: float, others: float) -> str:
    """Why a run says nothing: a machine that was busy before, or on which others worked meanwhile."""
    if load_before > LOAD_AT_MOST:
        return f"tải máy cao: {load_before:.2f} trước khi đo (tối đa {LOAD_AT_MOST})"
    if others > machine.OTHERS_AT_MOST:
        return f"tải máy cao: chương trình khác dùng {others:.2f} lõi trong lúc đo (tối đa {machine.OTHERS_AT_MOST})"
    return ""


def _too_small(bench: Bench, *, quick: bool) -> str:
    return "chạy nhanh: ít hơn mục tiêu đòi hỏi" if quick and bench.sized else ""
