"""When a member was last heard of, how far its clock is off, and the nonces of its requests."""

from __future__ import annotations

from datetime import datetime, timedelta

from commune_portal import clock
from commune_portal.node.refusals import ExchangeRefused
from commune_portal.store import database
from commune_portal.store.register import Work
from commune_portal.wire.protocol import Refused
from commune_portal.wire.requests import WINDOW_SECONDS, VerifiedRequest

SWEPT_EVERY_SECONDS = 60.0

_last_sweep = 0.0


def standing() -> tuple[datetime | None, datetime | None]:
    """When any member was last heard of, and since when the oldest package waits here; two short reads."""
    heard = database.row("SELECT max(last_contact_at) FROM member_contacts")[0]
    oldest = database.row("SELECT taken_at FROM mailbox WHERE fetched_at IS NULL ORDER BY id LIMIT 1")
    return clock.from_text(heard) if heard else None, clock.from_text(oldest[0]) if oldest else None


def meet(member_id: int, request: VerifiedRequest, address: str) -> None:
    """Remembers the request's nonce and the contact; raises ExchangeRefused for a nonce that was seen before.

    A nonce is kept for twice the window, so that no request can be repeated while its time is still believed.
    """
    global _last_sweep
    now = clock.now()
    skew_seconds = int((request.created - now).total_seconds())
    sweep = clock.monotonic() - _last_sweep >= SWEPT_EVERY_SECONDS
    with database.transaction() as work:
        fresh = work.execute(
            "INSERT INTO nonces (nonce, seen_at) VALUES (?, ?) ON CONFLICT DO NOTHING",
            (f"{request.key_id}:{request.nonce}", clock.to_text(now)),
        ).rowcount
        if not fresh:
            raise ExchangeRefused(Refused.REPLAYED)
        work.execute(
            "INSERT INTO member_contacts (member_id, last_contact_at, skew_seconds, address) VALUES (?, ?, ?, ?)"
            " ON CONFLICT (member_id) DO UPDATE SET last_contact_at = excluded.last_contact_at,"
            " skew_seconds = excluded.skew_seconds, address = excluded.address",
            (member_id, clock.to_text(now), skew_seconds, address),
        )
        if sweep:
            oldest = clock.to_text(now - timedelta(seconds=2 * WINDOW_SECONDS))
            work.execute("DELETE FROM nonces WHERE seen_at < ?", (oldest,))
    if sweep:
        _last_sweep = clock.monotonic()


def behind_every_fetch(work: Work, now: datetime) -> str:
    """The time of an enrolment, later than whatever was fetched before it.

    What was fetched before a member's enrolment is listed again; instants are whole seconds and clocks are set back.
    """
    newest = work.execute("SELECT max(fetched_at) FROM mailbox WHERE fetched_at >= ?", (clock.to_text(now),)).fetchone()
    return clock.to_text(clock.from_text(newest[0]) + timedelta(seconds=1) if newest[0] else now)
