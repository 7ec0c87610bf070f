"""What the node is asked about messages and what it answered: kept with its time, so that the page works offline.

Working rows: the node's word can always be asked again. A receipt that it shows and that we lack is kept as evidence.
"""

from __future__ import annotations

import hashlib
from datetime import datetime, timedelta

from commune_portal import clock
from commune_portal.documents import outbox
from commune_portal.errors import Malformed, Unauthenticated
from commune_portal.people.actors import Actor
from commune_portal.rules.permissions import Verb
from commune_portal.store import database
from commune_portal.store.register import Work
from commune_portal.wire.comparison import MOST_QUESTIONS, Held, HeldPage, Question, Standing

ASKED_EVERY = timedelta(hours=6)
"""How often the node is asked of its own accord."""

ASKED_FOR = timedelta(days=60)
"""Older messages are asked about only when somebody wants it."""

_SETTLED = "(c.state = 'wiped' OR (c.state = 'held' AND c.receipt_sha256 <> ''))"


def is_due(now: datetime) -> bool:
    """True when somebody wants to know, or the last answers are hours old."""
    found = database.row("SELECT compared_at FROM contacts ORDER BY last_contact_at DESC LIMIT 1")
    if found is None:
        return False
    return is_wanted() or not found[0] or clock.from_text(found[0]) + ASKED_EVERY <= now


def is_wanted() -> bool:
    """True while a person waits for an answer."""
    return database.row("SELECT 1 FROM comparisons WHERE asked_at IS NOT NULL LIMIT 1") is not None


def ask_again(actor: Actor, since: str, until: str, code: str = "") -> int:
    """«Hỏi lại nút»: everything of a period is asked about at the next contact; answers how many messages."""
    actor.require(Verb.EXCHANGE_COMPARE)
    now = clock.now_text()
    with database.transaction() as work:
        for side, table, column, instant in (
            ("ours", "recipients", "organ_code", "queued_at"),
            ("theirs", "incoming", "sender_code", "arrived_at"),
        ):
            exchanged = " AND origin = 'exchange' AND message_id IS NOT NULL" if side == "theirs" else ""
            work.execute(
                f"INSERT INTO comparisons (message_id, side, peer_code, asked_at)"
                f" SELECT message_id, ?, {column}, ? FROM {table} WHERE {instant} >= ? AND {instant} < ?"
                f" AND (? = '' OR {column} = ?){exchanged} ON CONFLICT (message_id) DO UPDATE SET asked_at = ?",
                (side, now, since, until, code, code, now),
            )
        work.execute("UPDATE contacts SET compared_at = NULL, next_attempt_at = NULL, failures = 0")
        waiting = work.execute("SELECT count(*) FROM comparisons WHERE asked_at IS NOT NULL").fetchone()[0]
    return int(waiting)


def questions(now: datetime, limit: int = MOST_QUESTIONS) -> tuple[Question, ...]:
    """What to ask the node now: what a person wants first, then what it took and has not settled when last asked."""
    wanted = database.rows(
        "SELECT message_id FROM comparisons WHERE asked_at IS NOT NULL ORDER BY asked_at LIMIT ?", (limit,)
    )
    found = [row[0] for row in wanted]
    if len(found) < limit:
        times = {
            "since": clock.to_text(now - ASKED_FOR), "before": clock.to_text(now - ASKED_EVERY / 2),
            "limit": limit - len(found),
        }  # fmt: skip
        stale = f"c.asked_at IS NULL AND (c.answered_at IS NULL OR (c.answered_at < :before AND NOT {_SETTLED}))"
        found += [
            row[0]
            for row in database.rows(
                "SELECT r.message_id FROM recipients r LEFT JOIN comparisons c ON c.message_id = r.message_id"
                f" WHERE r.queued_at >= :since AND r.delivered_at IS NOT NULL AND {stale} LIMIT :limit",
                times,
            )
        ]
        times["limit"] = limit - len(found)
        found += [
            row[0]
            for row in database.rows(
                "SELECT i.message_id FROM incoming i LEFT JOIN comparisons c ON c.message_id = i.message_id"
                " WHERE i.origin = 'exchange' AND i.message_id IS NOT NULL AND i.arrived_at >= :since"
                f" AND {stale} LIMIT :limit",
                times,
            )
        ]
    return tuple(Question(message_id, _receipt_sha256(message_id)) for message_id in dict.fromkeys(found))


def answered(items: tuple[Held, ...]) -> int:
    """Keeps the node's answers with their time, and the receipts that we lacked; answers how many receipts that were.

    A receipt that its receiver did not sign proves nothing and is passed over: the page then says that it is missing.
    """
    mine = outbox.own_code()
    now = clock.now_text()
    with database.transaction() as work:
        for item in items:
            if item.standing is Standing.UNKNOWN:
                work.execute(
                    "INSERT INTO comparisons (message_id, side, state, answered_at) VALUES (?, ?, 'unknown', ?)"
                    " ON CONFLICT (message_id) DO UPDATE SET state = 'unknown', packet_sha256 = '', taken_at = NULL,"
                    " fetched_at = NULL, receipt_sha256 = '', answered_at = excluded.answered_at, asked_at = NULL",
                    (item.message_id, _side_of(work, item.message_id), now),
                )
            else:
                _keep(work, item, mine, now)
    kept = 0
    for item in items:
        if item.receipt is None or item.recipient == mine:
            continue
        try:
            kept += int(outbox.receiver_took(item.receipt))
        except (Malformed, Unauthenticated):
            continue
    return kept


def cursor(peer_code: str) -> int:
    """How far the node's list of what it holds for us was read."""
    found = database.row("SELECT comparison_cursor FROM contacts WHERE peer_code = ?", (peer_code,))
    return int(found[0]) if found else 0


def listed(peer_code: str, page: HeldPage) -> None:
    """Keeps a page of what the node holds for us and moves the cursor."""
    mine, now = outbox.own_code(), clock.now_text()
    with database.transaction() as work:
        for item in page.items:
            _keep(work, item, mine, now)
        work.execute("UPDATE contacts SET comparison_cursor = ? WHERE peer_code = ?", (page.next_after, peer_code))


def compared(peer_code: str) -> None:
    """The node has been asked everything for now."""
    database.write_working("UPDATE contacts SET compared_at = ? WHERE peer_code = ?", (clock.now_text(), peer_code))


def unanswered(peer_code: str) -> None:
    """The node does not know the question: nobody waits for an answer, and it is asked again hours later."""
    with database.transaction() as work:
        work.execute("UPDATE comparisons SET asked_at = NULL WHERE asked_at IS NOT NULL")
        work.execute("UPDATE contacts SET compared_at = ? WHERE peer_code = ?", (clock.now_text(), peer_code))


def compared_at() -> datetime | None:
    """When the node was last asked everything; None before the first time."""
    found = database.row("SELECT max(compared_at) FROM contacts")
    return clock.from_text(found[0]) if found and found[0] else None


def _keep(work: Work, item: Held, mine: str, now: str) -> None:
    side = "theirs" if item.recipient == mine else "ours"
    work.execute(
        "INSERT INTO comparisons (message_id, side, peer_code, state, packet_sha256, taken_at, fetched_at,"
        " receipt_sha256, answered_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (message_id) DO UPDATE SET"
        " side = excluded.side, peer_code = excluded.peer_code, state = excluded.state,"
        " packet_sha256 = excluded.packet_sha256, taken_at = excluded.taken_at, fetched_at = excluded.fetched_at,"
        " receipt_sha256 = excluded.receipt_sha256, answered_at = excluded.answered_at, asked_at = NULL",
        (
            item.message_id,
            side,
            item.sender if side == "theirs" else item.recipient,
            item.standing.value,
            item.packet_sha256,
            clock.to_text(item.taken_at) if item.taken_at else None,
            clock.to_text(item.fetched_at) if item.fetched_at else None,
            item.receipt_sha256,
            now,
        ),
    )


def _side_of(work: Work, message_id: str) -> str:
    ours = work.execute("SELECT 1 FROM recipients WHERE message_id = ?", (message_id,)).fetchone()
    return "ours" if ours else "theirs"


def _receipt_sha256(message_id: str) -> str | None:
    """The hash of the final receiver's receipt that we have: theirs for what we sent, our own for what we took."""
    found = database.row(
        "SELECT p.bytes FROM recipients r JOIN receipts p ON p.given = 0 AND p.message_id = r.message_id"
        " AND p.peer_code = r.organ_code WHERE r.message_id = ?1"
        " UNION ALL SELECT bytes FROM receipts_given WHERE message_id = ?1 LIMIT 1",
        (message_id,),
    )
    return hashlib.sha256(found[0].encode()).hexdigest() if found else None
