"""Who saw, fetched or was refused what: append-only rows in batches, and a daily digest of them in the journal.

A note costs no disk write: it waits in memory until a batch is full or some seconds old. The digest line makes a
day's rows as hard to change as the journal itself.
"""

from __future__ import annotations

import json
import threading
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from commune_portal import clock
from commune_portal.rules import chain
from commune_portal.rules.acts import Act
from commune_portal.store import database, journal

SEEN = "seen"
FETCHED = "fetched"
REFUSED = "refused"
LOGGED_IN = "logged-in"
LOGIN_FAILED = "login-failed"
LOGGED_OUT = "logged-out"

BATCH = 50
LONGEST_WAIT_SECONDS = 5.0
ABOUT = "accesses"

_guard = threading.Lock()
_waiting: list[tuple[int | None, str, str, str]] = []
_since = 0.0


@dataclass(frozen=True, slots=True)
class Digest:
    """What a digest line says of the rows from `first` to `last`."""

    first: int
    last: int
    amount: int
    sha256: str


def note(account_id: int, kind: str, about: str) -> None:
    """Remembers that a person saw (or fetched, or was refused) something; it is written with the next batch."""
    global _since
    with _guard:
        if not _waiting:
            _since = clock.monotonic()
        _waiting.append((account_id or None, kind, about[:200], clock.now_text()))


def is_due() -> bool:
    """True when the batch is full or has waited long enough."""
    with _guard:
        return bool(_waiting) and (len(_waiting) >= BATCH or clock.monotonic() - _since >= LONGEST_WAIT_SECONDS)


def flush() -> int:
    """Writes what waits and answers how much; nothing is lost when the register is busy or full."""
    with _guard:
        batch = _waiting[:]
        _waiting.clear()
    if not batch:
        return 0
    try:
        with database.transaction() as work:
            for values in batch:
                work.execute("INSERT INTO accesses (account_id, kind, object, seen_at) VALUES (?, ?, ?, ?)", values)
    except BaseException:
        with _guard:
            _waiting[:0] = batch
        raise
    return len(batch)


def forget_waiting() -> None:
    """Drops what waits, when a process turns to another register."""
    with _guard:
        _waiting.clear()


def digest(until: datetime | None = None) -> Digest | None:
    """Writes the digest line over all rows since the last one that are older than `until`; None when there are none.

    `until` is the beginning of today in Vietnam unless given, so that a day is digested once, when it is over.
    """
    if until is None:
        midnight = datetime.combine(clock.today(), datetime.min.time(), clock.VIETNAM)
        until = midnight.astimezone(UTC)
    first, limit = _last_digested() + 1, clock.to_text(until)
    found = database.row(
        "SELECT max(id), count(*) FROM accesses WHERE id >= ? AND seen_at < ?",
        (first, limit),
    )
    if not found[1]:
        return None
    made = digest_of(first, found[0])
    with database.transaction() as work:
        if _last_digested() + 1 != first:
            return None
        journal.write(
            work,
            Act.ACCESSES_DIGESTED,
            journal.SYSTEM,
            about=ABOUT,
            facts={"first": made.first, "last": made.last, "amount": made.amount, "sha256": made.sha256},
        )
    return made


def digest_of(first: int, last: int) -> Digest:
    """The digest of the rows as they are now: a chain of hashes, so that memory stays flat."""
    head, amount = chain.sha256(b"accesses"), 0
    position = first - 1
    while True:
        rows = database.rows(
            "SELECT id, account_id, kind, object, seen_at FROM accesses"
            " WHERE id > ? AND id <= ? ORDER BY id LIMIT 2000",
            (position, last),
        )
        for row in rows:
            head = chain.link(head, chain.canonical_bytes(list(row)))
        amount += len(rows)
        if len(rows) < 2000:
            return Digest(first, last, amount, head)
        position = rows[-1][0]


def first_wrong_digest() -> Digest | None:
    """The oldest digest line that its rows no longer bear out; None when all do."""
    for line in journal.lines_about(ABOUT):
        said = line.fields["facts"]
        digest_said = Digest(said["first"], said["last"], said["amount"], said["sha256"])
        if digest_of(digest_said.first, digest_said.last) != digest_said:
            return digest_said
    return None


def is_digest_due(after: timedelta = timedelta(days=1)) -> bool:
    """True when the oldest undigested row is a day old."""
    found = database.row("SELECT seen_at FROM accesses WHERE id > ? ORDER BY id LIMIT 1", (_last_digested(),))
    return found is not None and clock.now() - clock.from_text(found[0]) >= after


def _last_digested() -> int:
    found = database.row("SELECT body FROM journal WHERE object = ? ORDER BY seq DESC LIMIT 1", (ABOUT,))
    return int(json.loads(found[0])["facts"]["last"]) if found else 0
