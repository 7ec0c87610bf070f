"""Paging through a comparison: a statement that ranks each message, read by keyset, counted by finding.

The statement's first columns are rank, at, message_id; all that follows is for the one who makes lines of rows.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from commune_portal.rules import comparison
from commune_portal.rules.comparison import Compared, ComparedPage, Finding
from commune_portal.store import database

BATCH_ROWS = 500


@dataclass(frozen=True, slots=True)
class Comparison:
    """A ranked statement with its values, and how a row of it becomes a line."""

    statement: str
    values: Mapping[str, Any]
    line: Callable[[Any], Compared]

    def counts(self) -> Counter[Finding]:
        """How many messages there are of each finding, by hash and receipt."""
        found = database.rows(f"SELECT rank, count(*) FROM ({self.statement}) GROUP BY rank", self.values)
        return Counter({comparison.of_rank(rank): amount for rank, amount in found})

    def page(self, after: str, limit: int, *, agreeing: bool) -> ComparedPage:
        """A page of what agrees, or of everything else; a line whose receipt does not hold is counted anew."""
        counts = self.counts()
        found = self._read(comparison.read_cursor(after), limit + 1, agreeing=agreeing)
        lines = [self.line(row) for row in found[:limit]]
        shown = [judged(line) for line in lines]
        for before, now in zip(lines, shown, strict=True):
            counts[before.finding] -= 1
            counts[now.finding] += 1
        cursor = lines[-1].cursor if len(found) > limit else ""
        return ComparedPage(tuple(sorted(shown, key=lambda line: line.finding.rank)), cursor, counts)

    def every(self, *, agreeing: bool) -> Iterator[Compared]:
        """All lines in their order, in batches, every receipt verified."""
        after = (-1, "", "")
        while True:
            found = self._read(after, BATCH_ROWS, agreeing=agreeing)
            yield from (judged(self.line(row)) for row in found)
            if len(found) < BATCH_ROWS:
                return
            after = (found[-1][0], found[-1][1], found[-1][2])

    def _read(self, after: tuple[int, str, str], limit: int, *, agreeing: bool) -> Sequence[Any]:
        wanted = "=" if agreeing else "<>"
        return database.rows(
            f"SELECT * FROM ({self.statement}) WHERE (rank, at, message_id) > (:rank, :after_at, :after_id)"
            f" AND rank {wanted} {Finding.AGREES.rank} ORDER BY rank, at, message_id LIMIT :limit",
            {**self.values, "rank": after[0], "after_at": after[1], "after_id": after[2], "limit": limit},
        )


def judged(line: Compared) -> Compared:
    """The line itself, or with another finding where a receipt that it shows was not signed by the one it names."""
    holds = all(item.holds for item in (*line.sent, *line.held, *line.taken))
    return line if holds else replace(line, finding=Finding.BAD_RECEIPT)


def of_signed(column: str, name: str) -> str:
    """SQL for a field of a stored receipt or envelope, whose first line is the JSON that was signed.

    Empty text for one that is damaged, NULL for none.
    """
    line = f"substr({column}, 1, instr({column}, char(10)) - 1)"
    return (
        f"CASE WHEN coalesce({column}, '') = '' THEN NULL WHEN json_valid({line})"
        f" THEN json_extract({line}, '$.{name}') ELSE '' END"
    )
