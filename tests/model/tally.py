"""What was done to the exchange and where it came: counted, printed, and asked whether that was enough."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass
class Tally:
    """Counts of several kinds: faults of the link, kills, states reached, what the rules refused."""

    counts: dict[str, Counter[str]] = field(default_factory=dict)

    def add(self, kind: str, name: str, amount: int = 1) -> None:
        """Counts one."""
        self.counts.setdefault(kind, Counter())[name] += amount

    def take(self, other: Mapping[str, Mapping[str, int]]) -> None:
        """Adds what another process counted."""
        for kind, counts in other.items():
            self.counts.setdefault(kind, Counter()).update(counts)

    def of(self, kind: str, name: str) -> int:
        """How often it came."""
        return self.counts.get(kind, Counter())[name]

    def lines(self) -> list[str]:
        """All counts as lines of text."""
        found = []
        for kind, counts in self.counts.items():
            found.append(f"{kind}: " + ", ".join(f"{name} {amount}" for name, amount in sorted(counts.items())))
        return found

    def too_seldom(self, wanted: Mapping[str, Mapping[str, int]], share: float = 1.0) -> list[str]:
        """What came less often than it must, where a run of `share` of the full size is judged."""
        return [
            f"{kind} «{name}»: {self.of(kind, name)} < {least * share:.1f}"
            for kind, names in wanted.items()
            for name, least in names.items()
            if self.of(kind, name) < least * share
        ]
