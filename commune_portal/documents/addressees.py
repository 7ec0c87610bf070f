"""What a receipt says to the addressee's row of a document, and to a question that a message carried.

Works in the transaction of `outbox.delivered` and `outbox.receiver_took`. A message may have no addressee of its own:
an update speaks of a document that has one.
"""

from __future__ import annotations

from commune_portal.documents import amendments
from commune_portal.store.register import Work


def told(work: Work, message_id: str, refusal: str | None, now: str) -> None:
    """Notes that a message went (`refusal` None), or why it was refused for good; its question then falls."""
    if refusal is not None:
        amendments.refused(work, message_id, refusal)
    found = work.execute("SELECT id, outgoing_id, organ_code FROM recipients WHERE message_id = ?", (message_id,))
    row = found.fetchone()
    if row is None:
        return
    if _is_withdrawn(work, row[0]):
        if refusal is None:
            _went_after_all(work, row[0], row[1], row[2], now)
    elif refusal is not None:
        work.update("recipients", row[0], {"refused_at": now, "refusal": refusal})
    else:
        work.update("recipients", row[0], {"delivered_at": now})


def arrived_after_all(work: Work, message_id: str, now: str) -> None:
    """The receiver speaks of a message that was withdrawn here: a bag, or an unanswered attempt, took it there."""
    found = work.execute("SELECT id, outgoing_id, organ_code FROM recipients WHERE message_id = ?", (message_id,))
    row = found.fetchone()
    if row is not None and _is_withdrawn(work, row[0]):
        _went_after_all(work, row[0], row[1], row[2], now)


_WITHDRAWAL = (
    "SELECT id FROM amendments WHERE recipient_id = ? AND side = 'ours' AND kind = 'take-back' AND state = 'agreed'"
    " AND message_id IS NULL"
)


def _is_withdrawn(work: Work, recipient_id: int) -> bool:
    return work.execute(_WITHDRAWAL, (recipient_id,)).fetchone() is not None


def _went_after_all(work: Work, recipient_id: int, outgoing_id: int, organ_code: str, now: str) -> None:
    """What was withdrawn here had reached the node already: it is asked back (13) by `takebacks.chase`.

    The addressee counts as one who has the document again, unless it was sent to him anew meanwhile.
    """
    anew = work.execute(
        "SELECT 1 FROM recipients WHERE outgoing_id = ? AND organ_code = ? AND id > ?",
        (outgoing_id, organ_code, recipient_id),
    ).fetchone()
    freed = {} if anew else {"refused_at": None, "refusal": ""}
    work.update("recipients", recipient_id, {"delivered_at": now, **freed})
    for (amendment_id,) in work.execute(_WITHDRAWAL, (recipient_id,)).fetchall():
        work.update("amendments", amendment_id, {"state": "asked", "answered_at": None, "answer": ""})
