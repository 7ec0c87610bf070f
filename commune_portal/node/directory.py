"""The signed list of who can be written to and with which keys."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime

from commune_portal import clock
from commune_portal.node import members
from commune_portal.store import database, installation
from commune_portal.wire import directory, keys
from commune_portal.wire.directory import Directory, DirectoryEntry

_ENTRIES = (
    "SELECT m.code, m.code_legacy, m.name, k.key_id, k.public_key, k.box_public_key, k.valid_from, k.revoked_at"
    " FROM member_keys k JOIN members m ON m.id = k.member_id"
)


@dataclass(frozen=True, slots=True)
class SignedDirectory:
    """The bytes of the directory and their tag; equal content has equal bytes."""

    bytes: bytes
    etag: str


def signed_directory() -> SignedDirectory:
    """The directory of the node's key and all members', revoked ones included: old envelopes can still be checked.

    With them go those that nodes below announced, and those that the node above listed.
    """
    members_entries = _entries(f"{_ENTRIES} ORDER BY m.code, k.id", ())
    return _seal((_own_entry(), *members_entries, *_others(is_below_only=False)), partial=False)


def subtree_directory() -> SignedDirectory:
    """The directory of this node and everybody below it, for the node above."""
    members_entries = _entries(f"{_ENTRIES} ORDER BY m.code, k.id", ())
    return _seal((_own_entry(), *members_entries, *_others(is_below_only=True)), partial=False)


def answer_to_enrolment(member_id: int) -> SignedDirectory:
    """The directory with one member's entries only, which proves to that office that the node holds its key."""
    return _seal(_entries(f"{_ENTRIES} WHERE m.id = ? ORDER BY k.id", (member_id,)), partial=True)


def _own_entry() -> DirectoryEntry:
    own = installation.own()
    made_at = database.row("SELECT made_at FROM installation")[0]
    return DirectoryEntry(
        code=own.code,
        code_legacy=None,
        name=own.name,
        key_id=keys.key_id(bytes.fromhex(own.public_key)),
        public_key=bytes.fromhex(own.public_key),
        box_public_key=bytes.fromhex(own.box_public_key),
        valid_from=clock.from_text(made_at),
    )


def _others(*, is_below_only: bool) -> tuple[DirectoryEntry, ...]:
    """Organisations that are no members: below a node of ours, or, with a node above, wherever it says."""
    found = _entries(
        "SELECT k.organ_code, o.code_legacy, o.name, k.key_id, k.public_key, k.box_public_key, k.valid_from,"
        " k.revoked_at FROM organisation_keys k JOIN organisations o ON o.code = k.organ_code"
        " WHERE NOT EXISTS (SELECT 1 FROM members m WHERE m.code = k.organ_code)"
        " AND k.organ_code <> (SELECT code FROM installation WHERE id = 1) ORDER BY k.organ_code, k.key_id",
        (),
    )
    nodes = [member for member in members.every_member() if member.is_node]
    open_subtrees = [member.subtree for member in nodes if member.closed_at is None]
    closed_subtrees = [member.subtree for member in nodes if member.closed_at is not None]
    chosen = []
    for entry in found:
        is_below = any(subtree.covers(entry.code) for subtree in open_subtrees)
        has_gone = any(subtree.covers(entry.code) for subtree in closed_subtrees)
        if is_below or not (is_below_only or has_gone):
            chosen.append(entry)
    return tuple(chosen)


def _entries(statement: str, parameters: tuple[object, ...]) -> tuple[DirectoryEntry, ...]:
    return tuple(
        DirectoryEntry(
            code=code,
            code_legacy=legacy or None,
            name=name,
            key_id=key_id,
            public_key=bytes.fromhex(public_key),
            box_public_key=bytes.fromhex(box_public_key),
            valid_from=clock.from_text(valid_from),
            revoked_at=clock.from_text(revoked_at) if revoked_at else None,
        )
        for code, legacy, name, key_id, public_key, box_public_key, valid_from, revoked_at in database.rows(
            statement, parameters
        )
    )


def _seal(entries: tuple[DirectoryEntry, ...], *, partial: bool) -> SignedDirectory:
    own = keys.own()
    made = directory.seal(
        Directory(
            node=installation.own().code,
            issued_at=_newest(entries),
            partial=partial,
            entries=entries,
            key_id=own.key_id,
        ),
        own,
    )
    return SignedDirectory(made, hashlib.sha256(made).hexdigest())


def _newest(entries: tuple[DirectoryEntry, ...]) -> datetime:
    """The instant of the newest change, so that the bytes stay the same until something changes."""
    return max(instant for entry in entries for instant in (entry.valid_from, entry.revoked_at) if instant)
