"""Slices: one arm works for a second or two, then the next, round after round."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from tests.bench.harness import REPETITIONS, Sample

Act = Callable[[], object]


@dataclass(slots=True)
class Pace:
    """How long a slice is and how often each arm has its turn."""

    seconds: float = 1.5
    rounds: int = REPETITIONS + 2
    quick: bool = False

    def quicken(self) -> None:
        """For a look at whether it works at all."""
        self.seconds, self.rounds, self.quick = 0.3, REPETITIONS, True


PACE = Pace()


@dataclass(frozen=True, slots=True)
class Timed:
    """What one slice gave: the seconds of every act, of all, and of the processor."""

    each: list[float]
    seconds: float
    cpu_seconds: float

    @property
    def rate(self) -> float:
        """Acts a second."""
        return len(self.each) / self.seconds

    def quantile_ms(self, share: float) -> float:
        """The time in milliseconds below which this share of the acts stayed."""
        return quantile(self.each, share) * 1000


def quantile(values: list[float], share: float) -> float:
    """The value below which this share lies."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


def timed(act: Act, seconds: float, *, warm_up: int = 1, at_least: int = 1) -> Timed:
    """Repeats an act for some seconds in this thread."""
    for _ in range(warm_up):
        act()
    each: list[float] = []
    cpu, started = time.process_time(), time.perf_counter()
    now = started
    while now - started < seconds or len(each) < at_least:
        act()
        after = time.perf_counter()
        each.append(after - now)
        now = after
    return Timed(each, now - started, time.process_time() - cpu)


def counted(act: Act, times: int) -> Timed:
    """Repeats an act so many times, where the acts are prepared and can run out."""
    each: list[float] = []
    cpu, started = time.process_time(), time.perf_counter()
    now = started
    for _ in range(times):
        act()
        after = time.perf_counter()
        each.append(after - now)
        now = after
    return Timed(each, now - started, time.process_time() - cpu)


def in_turns(arms: Mapping[str, Callable[[], Timed]]) -> Iterator[tuple[str, Timed]]:
    """One slice of each arm, round after round."""
    for _ in range(PACE.rounds):
        for name, arm in arms.items():
            yield name, arm()


def rates(arms: Mapping[str, Callable[[], Timed]]) -> Iterator[Sample]:
    """Acts a second of each arm."""
    for name, found in in_turns(arms):
        yield Sample(name, found.rate, "/s", found.cpu_seconds)


def times(arms: Mapping[str, Callable[[], Timed]], shares: Mapping[str, float] | None = None) -> Iterator[Sample]:
    """Milliseconds of each arm, the median and where wanted other quantiles, as arms `name p50`, `name p95`."""
    for name, found in in_turns(arms):
        for label, share in (shares or {"p50": 0.5}).items():
            yield Sample(f"{name} {label}", found.quantile_ms(share), "ms", found.cpu_seconds)


def middle(values: list[float]) -> float:
    """The median."""
    return statistics.median(values)
