"""Logging in: name and password, throttled by account and by address.

An attempt is noted as failed before the password is looked at and struck out when it was right, so that many at
once cannot slip through. When one address has failed too often, its accounts that have not failed themselves may
still try once: an office behind one address is not locked out by one of its PCs.
"""

from __future__ import annotations

from datetime import timedelta

from commune_portal import clock
from commune_portal.errors import Throttled, Unauthenticated
from commune_portal.people import accesses, accounts, passwords, sessions
from commune_portal.people.actors import Actor
from commune_portal.rules.folding import nfc
from commune_portal.settings import Session as Limits
from commune_portal.store import database


def log_in(username: str, password: str, address: str, limits: Limits) -> tuple[Actor, str]:
    """The person and the token of a new session; raises Unauthenticated or Throttled, alike for unknown names."""
    username = nfc(username).strip().lower()[:60]
    attempt = _note_attempt(username, address, limits)
    found = accounts.password_hash_of(username)
    if found is None:
        passwords.spend_as_long()
        accesses.note(0, accesses.LOGIN_FAILED, username)
        raise Unauthenticated
    account_id, stored, is_open = found
    if not passwords.is_right(password, stored):
        accesses.note(account_id, accesses.LOGIN_FAILED, username)
        raise Unauthenticated
    if not is_open:
        raise Unauthenticated("Tài khoản này đã khóa. Hãy liên hệ người quản trị.")
    database.write_working("DELETE FROM login_failures WHERE username = ? OR id = ?", (username, attempt))
    accesses.note(account_id, accesses.LOGGED_IN, address)
    return accounts.actor(account_id), sessions.begin(account_id, address)


def log_out(account_id: int, token: str) -> None:
    """Ends the session of this browser."""
    sessions.end(token)
    accesses.note(account_id, accesses.LOGGED_OUT, "")


def _note_attempt(username: str, address: str, limits: Limits) -> int:
    since = clock.to_text(clock.now() - timedelta(minutes=limits.throttle_minutes))
    with database.transaction() as work:
        by_name = work.execute(
            "SELECT count(*) FROM login_failures WHERE username = ? AND failed_at > ?", (username, since)
        ).fetchone()[0]
        by_address = work.execute(
            "SELECT count(*) FROM login_failures WHERE address = ? AND failed_at > ?", (address, since)
        ).fetchone()[0]
        most = limits.wrong_passwords_per_account if by_address < limits.wrong_passwords_per_address else 1
        if by_name >= most:
            raise Throttled
        noted = work.execute(
            "INSERT INTO login_failures (username, address, failed_at) VALUES (?, ?, ?)",
            (username, address, clock.now_text()),
        )
        return int(noted.lastrowid or 0)
