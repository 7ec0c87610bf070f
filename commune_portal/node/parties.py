"""Whose key is whose at a node: its members', those that a node below announced, those that came down from above.

For a member only what it enrolled with counts, whatever anybody else says of it.
"""

from __future__ import annotations

from datetime import datetime

from commune_portal import clock
from commune_portal.errors import Malformed, Unauthenticated
from commune_portal.node import members
from commune_portal.store import database, installation
from commune_portal.wire import envelope as envelopes
from commune_portal.wire import keys
from commune_portal.wire.envelope import Envelope


def key_of_party(code: str, key_id: str) -> bytes | None:
    """The key of this id of this organisation, revoked or not: a `PartyKeys` for envelopes and receipts."""
    found = _key(code, key_id)
    return found[0] if found else None


def is_known(code: str, key_id: str) -> bool:
    """Whether the key has been heard of at all."""
    return _key(code, key_id) is not None


def is_signed_by_its_sender(envelope: Envelope, envelope_bytes: bytes) -> bool:
    """Whether the sender signed the envelope while its key was valid."""
    try:
        envelopes.open_(envelope_bytes, key_of_party)
    except (Malformed, Unauthenticated):
        return False
    found = _key(envelope.sender, envelope.key_id)
    return found is not None and (found[1] is None or envelope.created <= found[1])


def _key(code: str, key_id: str) -> tuple[bytes, datetime | None] | None:
    own = installation.own()
    if code == own.code:
        public_key = bytes.fromhex(own.public_key)
        return (public_key, None) if keys.key_id(public_key) == key_id else None
    found = members.member_by_key(key_id)
    if found is not None:
        return (found[1].public_key, found[1].revoked_at) if found[0].code == code else None
    row = database.row(
        "SELECT public_key, revoked_at FROM organisation_keys WHERE key_id = ? AND organ_code = ?"
        " AND NOT EXISTS (SELECT 1 FROM members WHERE code = organ_code AND closed_at IS NULL)",
        (key_id, code),
    )
    return (bytes.fromhex(row[0]), clock.from_text(row[1]) if row[1] else None) if row else None
