"""The append-only trail, written in the caller's transaction.

A line is a body (chained) and, when the act has erasable text, a leaf beside it. See `rules.chain`.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from commune_portal import clock
from commune_portal.errors import StoreDamaged
from commune_portal.rules import chain
from commune_portal.rules.acts import Act
from commune_portal.store import database
from commune_portal.store.register import Work

SYSTEM = "system"
"""The actor of what the portal does by itself (arrivals, statuses, receipts)."""


@dataclass(frozen=True, slots=True)
class Line:
    """A journal line as read back; `leaf` is None where it had none or a recall erased it."""

    seq: int
    body: str
    hash: str
    salt: str | None
    leaf: str | None

    @property
    def fields(self) -> dict[str, Any]:
        """The body's fields."""
        fields: dict[str, Any] = json.loads(self.body)
        return fields

    @property
    def texts(self) -> dict[str, str]:
        """The leaf's texts, empty when there is none."""
        texts: dict[str, str] = json.loads(self.leaf) if self.leaf else {}
        return texts


def write(
    work: Work,
    act: Act,
    actor: str,
    *,
    about: str = "",
    before: str = "",
    after: str = "",
    issuer: str = "",
    book: str = "",
    year: int | None = None,
    number: int | None = None,
    dates: Mapping[str, str | None] | None = None,
    files: Sequence[str] = (),
    facts: Mapping[str, str | int | list[str] | None] | None = None,
    texts: Mapping[str, str] | None = None,
) -> chain.Checkpoint:
    """Appends the line of an act with all register rows written so far, and answers the new (size, head).

    `about` is the object, `incoming:<uid>`; `before` and `after` are states; `facts` are small values that may
    stay for ever (codes, counts, enumerations); `texts` are erasable and go to the leaf.
    """
    last = work.execute("SELECT seq, hash FROM journal ORDER BY seq DESC LIMIT 1").fetchone()
    if last is None:
        seq, previous = 1, _genesis(work)
    else:
        seq, previous = last[0] + 1, last[1]
    leaf = chain.leaf_bytes(texts or {})
    salt = secrets.token_hex(16) if leaf != b"{}" else ""
    body = chain.body_bytes(
        {
            "seq": seq,
            "instant": clock.now_text(),
            "act": act.value,
            "actor": actor,
            "object": about,
            "from": before,
            "to": after,
            "issuer": issuer,
            "book": book,
            "year": year,
            "number": number,
            "dates": {name: value for name, value in (dates or {}).items() if value},
            "files": list(files),
            "facts": {name: value for name, value in (facts or {}).items() if value not in (None, "")},
            "rows": [change.as_list() for change in work.pending],
            "commitment": chain.commitment(salt, leaf) if salt else None,
        }
    )
    head = chain.link(previous, body)
    work.execute("INSERT INTO journal (seq, body, hash) VALUES (?, ?, ?)", (seq, body.decode(), head))
    if salt:
        work.execute("INSERT INTO journal_leaves (seq, salt, leaf) VALUES (?, ?, ?)", (seq, salt, leaf.decode()))
    work.pending.clear()
    return chain.Checkpoint(seq, head)


def _genesis(work: Work) -> str:
    found = work.execute("SELECT uid FROM installation").fetchone()
    if found is None:
        raise StoreDamaged(detail="a journal line before the installation row")
    return chain.genesis(found[0])


def checkpoint() -> chain.Checkpoint:
    """The chain's present size and head."""
    last = database.row("SELECT seq, hash FROM journal ORDER BY seq DESC LIMIT 1")
    if last is not None:
        return chain.Checkpoint(last[0], last[1])
    found = database.row("SELECT uid FROM installation")
    return chain.Checkpoint(0, chain.genesis(found[0]) if found else "0" * 64)


def lines(after: int = 0, limit: int = 500) -> list[Line]:
    """Lines in order, from behind `after`."""
    found = database.rows(
        "SELECT j.seq, j.body, j.hash, l.salt, l.leaf FROM journal j LEFT JOIN journal_leaves l ON l.seq = j.seq"
        " WHERE j.seq > ? ORDER BY j.seq LIMIT ?",
        (after, limit),
    )
    return [Line(*item) for item in found]


def every_line(batch: int = 2000) -> Iterator[Line]:
    """All lines in order, in batches, so that memory stays flat."""
    after = 0
    while True:
        found = lines(after, batch)
        yield from found
        if len(found) < batch:
            return
        after = found[-1].seq


def lines_about(about: str) -> list[Line]:
    """The trail of one object, oldest first."""
    found = database.rows(
        "SELECT j.seq, j.body, j.hash, l.salt, l.leaf FROM journal j LEFT JOIN journal_leaves l ON l.seq = j.seq"
        " WHERE j.object = ? ORDER BY j.seq",
        (about,),
    )
    return [Line(*item) for item in found]
