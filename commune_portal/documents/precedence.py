"""Which of two requests of one sender is the later: its own journal says so, whatever its clock said.

Every envelope states how long the sender's journal was, and our receipt repeats it. A clock that ran ahead for a day
would else make everything that comes after it look older. Only a restore begins a journal anew behind what it had
told; it also revokes the key, so what was signed before that day is older than all after it. The clock decides between
requests that state the same length, as those of another system may. Source: docs/wire.md, 3.1.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from commune_portal.wire import receipt as receipts

Read = Callable[..., Any]


@dataclass(frozen=True, slots=True, order=True)
class Place:
    """Where a request stands among those of its sender; the larger is the later."""

    restores: int
    size: int
    asked_at: str


def place_of(read: Read, sender_code: str, message_id: str, asked_at: str, size: int | None = None) -> Place:
    """The place of a request that came; `size` is what its envelope states, for one that has no receipt yet.

    `read` gives the first row of a statement, inside a transaction or outside.
    """
    restores = read(
        "SELECT count(*) FROM organisation_keys WHERE organ_code = ? AND revoked_at < ?", (sender_code, asked_at)
    )[0]
    return Place(restores, _stated(read, sender_code, message_id) if size is None else size, asked_at)


def _stated(read: Read, sender_code: str, message_id: str) -> int:
    found = read(
        "SELECT bytes FROM receipts_given WHERE message_id = ? AND sender_code = ? ORDER BY given_at LIMIT 1",
        (message_id, sender_code),
    )
    return receipts.parse_unverified(found[0].encode()).sender_checkpoint.size if found else 0
