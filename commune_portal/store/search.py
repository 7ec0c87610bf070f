"""Full-text search over folded keys; rowid is the order of arrival, so results need no sorting by a joined date."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from commune_portal.rules.folding import fold
from commune_portal.store.register import Work

Kind = Literal["incoming", "outgoing"]


def put(work: Work, kind: Kind, row_id: int, texts: Sequence[str]) -> None:
    """Makes a document findable by these texts; what was there before is replaced."""
    body = fold(" ".join(text for text in texts if text))
    changed = work.execute(f"UPDATE {kind}_texts SET body = ? WHERE id = ?", (body, row_id)).rowcount
    if not changed:
        work.execute(f"INSERT INTO {kind}_texts (id, body) VALUES (?, ?)", (row_id, body))
