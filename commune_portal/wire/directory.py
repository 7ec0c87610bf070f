"""Who can be written to, and with which keys: the list that a node signs for its members."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from commune_portal import clock
from commune_portal.errors import UnsupportedVersion
from commune_portal.wire import fields, sealed
from commune_portal.wire.envelope import VERSION
from commune_portal.wire.keys import InstallationKeys, key_id
from commune_portal.wire.sealed import PartyKeys

LARGEST_BYTES = 8 * 1024 * 1024
MOST_ENTRIES = 20_000


@dataclass(frozen=True, slots=True, kw_only=True)
class DirectoryEntry:
    """One key of one organisation; while a key is changed an organisation has two entries."""

    code: str
    code_legacy: str | None
    name: str
    key_id: str
    public_key: bytes
    box_public_key: bytes
    valid_from: datetime
    revoked_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Directory:
    """`partial`: only some entries are listed and absence says nothing (the answer to an enrolment)."""

    node: str
    issued_at: datetime
    partial: bool
    entries: tuple[DirectoryEntry, ...]
    key_id: str

    def public_key(self, code: str, wanted: str) -> bytes | None:
        """The key of this id of this organisation, revoked or not: a `PartyKeys`."""
        for entry in self.entries:
            if entry.code == code and entry.key_id == wanted:
                return entry.public_key
        return None


def seal(directory: Directory, keys: InstallationKeys) -> bytes:
    """Writes and signs a directory."""
    body = {
        "entries": [_entry_body(entry) for entry in directory.entries],
        "issued_at": clock.to_text(directory.issued_at),
        "key_id": directory.key_id,
        "node": directory.node,
        "partial": directory.partial,
        "version": VERSION,
    }
    if _read(body) != directory:
        raise ValueError("a directory that could not be read back")
    return sealed.seal("directory", body, keys)


def open_(data: bytes, lookup: PartyKeys) -> Directory:
    """Reads a directory and checks that its node signed it; raises Malformed or Unauthenticated."""
    return _read(sealed.open_("directory", data, "node", lookup, LARGEST_BYTES))


def _entry_body(entry: DirectoryEntry) -> dict[str, Any]:
    return {
        "box_public_key": fields.to_base64(entry.box_public_key),
        "code": entry.code,
        "code_legacy": entry.code_legacy,
        "key_id": entry.key_id,
        "name": entry.name,
        "public_key": fields.to_base64(entry.public_key),
        "revoked_at": clock.to_text(entry.revoked_at) if entry.revoked_at else None,
        "valid_from": clock.to_text(entry.valid_from),
    }


def _read(body: dict[str, Any]) -> Directory:
    version = fields.integer(body, "version")
    if version != VERSION:
        raise UnsupportedVersion(detail=f"directory version {version}")
    return Directory(
        node=fields.matching(body, "node", fields.CODE),
        issued_at=fields.instant(body, "issued_at"),
        partial=fields.boolean(body, "partial"),
        entries=tuple(_read_entry(entry) for entry in fields.objects(body, "entries", MOST_ENTRIES)),
        key_id=fields.matching(body, "key_id", fields.KEY_ID),
    )


def _read_entry(body: dict[str, Any]) -> DirectoryEntry:
    public_key = fields.octets(body, "public_key", 32, exactly=32)
    named = fields.matching(body, "key_id", fields.KEY_ID)
    if named != key_id(public_key):
        fields.refuse("key_id", "is not that of the key")
    return DirectoryEntry(
        code=fields.matching(body, "code", fields.CODE),
        code_legacy=fields.optional_matching(body, "code_legacy", fields.CODE),
        name=fields.text(body, "name"),
        key_id=named,
        public_key=public_key,
        box_public_key=fields.octets(body, "box_public_key", 32, exactly=32),
        valid_from=fields.instant(body, "valid_from"),
        revoked_at=fields.optional_instant(body, "revoked_at"),
    )
