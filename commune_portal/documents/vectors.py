"""What this office tells the node that it has, and what it makes of the answer: lost receipts and statuses come home.

Every contact begins with it. In the usual one only what was tried without a receipt is named; after an enrolment, at
the relay's start and once a day everything that is open is, which heals a restore at either end.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from commune_portal import clock
from commune_portal.documents import arrivals, outbox
from commune_portal.errors import Malformed, NotAllowed, NotFound, Unauthenticated
from commune_portal.rules.acts import Act
from commune_portal.rules.statuses import StatusCode
from commune_portal.store import database, files, journal
from commune_portal.wire import envelope as envelopes
from commune_portal.wire import mailbox as wire
from commune_portal.wire import receipt as receipts
from commune_portal.wire.mailbox import MailboxItem, Open, Vector, VectorAnswer, Waiting

log = logging.getLogger(__name__)

OPEN_FOR = timedelta(days=60)
WAITING_AT_MOST = 200
"""In a usual contact; a whole comparison names as many as a vector holds."""
WITHDRAWN_AT_MOST = 20


@dataclass(frozen=True, slots=True)
class Healed:
    """What an answer brought: receipts kept, items queued again, statuses taken."""

    receipts: int = 0
    again: int = 0
    statuses: int = 0


def vector(mailbox_cursor: int, *, whole: bool) -> Vector:
    """What we have: the mailbox up to here, what has no receipt; with `whole` also what is still open elsewhere."""
    tried = "" if whole else " AND attempts > 0"
    waiting = database.rows(
        f"SELECT message_id, packet_sha256 FROM outbox WHERE state = 'ready'{tried} ORDER BY urgency DESC, id LIMIT ?",
        ((wire.MOST_WAITING if whole else WAITING_AT_MOST) - WITHDRAWN_AT_MOST,),
    )
    # What was withdrawn while an attempt was under way may lie at the node all the same: its receipt says so.
    waiting += database.rows(
        "SELECT message_id, packet_sha256 FROM outbox WHERE state = 'withdrawn' ORDER BY id DESC LIMIT ?",
        (WITHDRAWN_AT_MOST,),
    )
    return Vector(
        mailbox_cursor,
        tuple(Waiting(row[0], row[1]) for row in waiting),
        tuple(_open()) if whole else (),
        journal.checkpoint(),
    )


def _open() -> list[Open]:
    """Documents that the node has and whose last status has not come, the newest first."""
    final = [status.value for status in StatusCode if status.final or status is StatusCode.TAKE_BACK_AGREED]
    found = database.rows(
        "SELECT r.message_id, o.packet_sha256, r.status FROM recipients r JOIN outbox o ON o.message_id = r.message_id"
        f" WHERE o.state = 'delivered' AND r.refused_at IS NULL AND r.status NOT IN ({', '.join('?' for _ in final)})"
        " AND r.queued_at > ? ORDER BY r.id DESC LIMIT ?",
        (*final, clock.to_text(clock.now() - OPEN_FOR), wire.MOST_OPEN),
    )
    return [Open(row[0], row[1], StatusCode(row[2]).rank if row[2] else 0) for row in found]


def answered(said: Vector, answer: VectorAnswer) -> Healed:
    """Keeps what the node told: each part proves itself, or is passed over; nothing moves on a bare word.

    An id that the node does not know is simply still to be sent. One that it has lost goes out again, the same bytes.
    """
    kept = sum(_keep_receipt(found) for found in answer.receipts)
    asked = {item.message_id for item in said.open}
    again = sum(_send_again(message_id) for message_id in answer.lost if message_id in asked)
    return Healed(kept, again, sum(_take_status(item) for item in answer.statuses))


def _keep_receipt(found: bytes) -> bool:
    try:
        return outbox.delivered(receipts.parse_unverified(found).message_id, found)
    except (Malformed, Unauthenticated, NotAllowed, NotFound) as error:
        log.warning("a receipt in the answer to a vector proves nothing: %s %s", error.code, error.detail)
        return False


def _send_again(message_id: str) -> bool:
    """The node was put back to a state before it took this: queues the same bytes once more."""
    with database.transaction() as work:
        changed = work.execute(
            "UPDATE outbox SET state = 'ready', next_attempt_at = ?, closed_at = NULL WHERE message_id = ?"
            " AND state = 'delivered'",
            (clock.now_text(), message_id),
        ).rowcount
        if changed:
            about = work.execute("SELECT about FROM outbox WHERE message_id = ?", (message_id,)).fetchone()[0]
            journal.write(work, Act.SENT_AGAIN, journal.SYSTEM, about=about, facts={"message": message_id})
    return bool(changed)


def _take_status(item: MailboxItem) -> bool:
    """Takes a status that we lost; the node has our receipt for it already, so none is sent."""
    if item.envelope is None or item.packet is None:
        return False
    path: Path | None = None
    try:
        if arrivals.earlier_receipt(envelopes.parse_unverified(item.envelope)) is not None:
            return False
        path = files.temporary(".edxml")
        path.write_bytes(item.packet)
        arrivals.receive(item.envelope, path)
    except (Malformed, Unauthenticated) as error:
        log.warning("a status in the answer to a vector cannot be taken: %s %s", error.code, error.detail)
        return False
    finally:
        if path is not None:
            path.unlink(missing_ok=True)
    return True
