"""What the plan of a year is made of: acts with their instants, and the rounds between which the parties meet."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from commune_portal import clock


@dataclass(frozen=True, slots=True)
class Planned:
    """One act of one party. `at` is None for what is done under today's clock, in the order of the plan."""

    round: int
    at: datetime | None
    name: str
    values: dict[str, Any]

    def to_json(self) -> list[Any]:
        """Plain values."""
        return [self.round, clock.to_text(self.at) if self.at else "", self.name, self.values]

    @classmethod
    def from_json(cls, value: list[Any]) -> Planned:
        """Reads what `to_json` wrote."""
        return cls(value[0], clock.from_text(value[1]) if value[1] else None, value[2], value[3])


@dataclass(frozen=True, slots=True)
class Round:
    """An instant at which the named parties make contact with the node; None is today's own time."""

    at: datetime | None
    parties: tuple[str, ...]


@dataclass(slots=True)
class Agenda:
    """The acts of one party while they are planned."""

    rounds: tuple[Round, ...]
    planned: list[Planned] = field(default_factory=list)

    def add(self, at: datetime, name: str, **values: Any) -> None:
        """Plans an act of the past, before the first round that is not earlier."""
        number = next((place for place, item in enumerate(self.rounds) if item.at is None or item.at >= at), None)
        assert number is not None
        self.planned.append(Planned(number, at, name, values))

    def live(self, number: int, name: str, **values: Any) -> None:
        """Plans an act of today, before the contact of a live round (from 0)."""
        first = next(place for place, item in enumerate(self.rounds) if item.at is None)
        self.planned.append(Planned(first + number, None, name, values))

    def in_order(self) -> tuple[Planned, ...]:
        """The acts in the order of their instants; those of one instant, and those of today, as they were planned."""
        past = sorted((item for item in self.planned if item.at is not None), key=_instant)
        today = sorted((item for item in self.planned if item.at is None), key=lambda item: item.round)
        return (*past, *today)


def _instant(item: Planned) -> datetime:
    assert item.at is not None
    return item.at
