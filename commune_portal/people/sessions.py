"""Sessions: one row on the server for each browser that is logged in; the browser holds a random token.

The row holds the token's SHA-256, so that a copy of the register opens no session. It goes on log-out, on a change
of password, on disabling, and after idleness.
"""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta

from commune_portal import clock
from commune_portal.store import database
from commune_portal.store.register import Work

RENEW_AFTER = timedelta(seconds=60)
"""The time of the last act is written at most once a minute: reading pages costs no disk write."""


@dataclass(frozen=True, slots=True)
class Session:
    """A browser that is logged in."""

    account_id: int
    began_at: datetime
    last_act_at: datetime
    address: str


def begin(account_id: int, address: str) -> str:
    """Makes a session and answers the token that only the browser keeps."""
    token = secrets.token_urlsafe(32)
    now = clock.now_text()
    database.write_working(
        "INSERT INTO sessions (token_sha256, account_id, began_at, last_act_at, address) VALUES (?, ?, ?, ?, ?)",
        (_digest(token), account_id, now, now, address),
    )
    return token


def find(token: str, idle: timedelta, *, renew: bool) -> Session | None:
    """The live session of a token; an idle one is ended. Polling passes `renew=False` and keeps nobody logged in."""
    if not token:
        return None
    found = database.row(
        "SELECT account_id, began_at, last_act_at, address FROM sessions WHERE token_sha256 = ?", (_digest(token),)
    )
    if found is None:
        return None
    session = Session(found[0], clock.from_text(found[1]), clock.from_text(found[2]), found[3])
    now = clock.now()
    if now - session.last_act_at > idle:
        end(token)
        return None
    if renew and now - session.last_act_at >= RENEW_AFTER:
        database.write_working(
            "UPDATE sessions SET last_act_at = ? WHERE token_sha256 = ?", (clock.to_text(now), _digest(token))
        )
    return session


def end(token: str) -> None:
    """Ends one session; nothing happens when it is gone already."""
    database.write_working("DELETE FROM sessions WHERE token_sha256 = ?", (_digest(token),))


def end_all(work: Work, account_id: int) -> None:
    """Ends every session of an account, within the verb that changes its password or disables it."""
    work.execute("DELETE FROM sessions WHERE account_id = ?", (account_id,))


def count_of(account_id: int) -> int:
    """How many browsers an account is logged in from."""
    return int(database.row("SELECT count(*) FROM sessions WHERE account_id = ?", (account_id,))[0])


def sweep(idle: timedelta, failures_kept: timedelta = timedelta(days=7)) -> int:
    """Removes idle sessions and old failed log-ins; answers how many sessions went."""
    now = clock.now()
    with database.transaction() as work:
        gone = work.execute("DELETE FROM sessions WHERE last_act_at < ?", (clock.to_text(now - idle),)).rowcount
        work.execute("DELETE FROM login_failures WHERE failed_at < ?", (clock.to_text(now - failures_kept),))
    return gone


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
