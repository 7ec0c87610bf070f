"""The manifest of a bag: what a folder on a USB stick holds, from whom, for whom, signed by its maker.

A file of the bag is named by its own bytes' SHA-256, so that no name on the stick tells anything or leads anywhere.
What has to be told beside the messages (the vector: what was seen, what waits) is a file of the bag as well, so that
it is encrypted with the rest.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from typing import Any

from commune_portal import clock
from commune_portal.errors import Malformed, UnsupportedVersion
from commune_portal.wire import directory, envelope, fields, protocol, receipt, sealed
from commune_portal.wire.canonical import canonical, parse
from commune_portal.wire.envelope import VERSION
from commune_portal.wire.keys import InstallationKeys
from commune_portal.wire.mailbox import MOST_WAITING, Waiting
from commune_portal.wire.sealed import PartyKeys

FOLDER_PREFIX = "tui-thu-"
MANIFEST = "manifest"
MOST_ITEMS = 20_000
LARGEST_BYTES = 8 * 1024 * 1024
NAME_DIGITS = 32


class What(Enum):
    """What a file of the bag is, in the order in which a reader takes them."""

    DIRECTORY = "directory"
    VECTOR = "vector"
    RECEIPT = "receipt"
    NOTE = "note"
    ENVELOPE = "envelope"
    PACKET = "packet"
    JOURNAL = "journal"

    @property
    def largest_bytes(self) -> int | None:
        """How long its content may be; None where the limit of packets decides."""
        return _LARGEST[self]


_LARGEST: dict[What, int | None] = {
    What.DIRECTORY: directory.LARGEST_BYTES,
    What.VECTOR: 512 * 1024,
    What.RECEIPT: receipt.LARGEST_BYTES,
    What.NOTE: protocol.LARGEST_JOURNAL_BYTES,
    What.ENVELOPE: envelope.LARGEST_BYTES,
    What.PACKET: None,
    What.JOURNAL: protocol.LARGEST_JOURNAL_BYTES,
}


@dataclass(frozen=True, slots=True)
class BagItem:
    """A file as it lies on the stick, encrypted or not; an envelope names the file of its packet."""

    what: What
    sha256: str
    bytes: int
    packet: str | None = None

    @property
    def name(self) -> str:
        """The file's name."""
        return self.sha256[:NAME_DIGITS]


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """`box_key_id` names the key that the files are closed for; None where they lie open."""

    bag_id: str
    maker: str
    addressee: str
    made_at: datetime
    box_key_id: str | None
    items: tuple[BagItem, ...]
    key_id: str
    version: int = VERSION

    @property
    def folder_name(self) -> str:
        """The folder's name: a hash, which tells nothing."""
        return FOLDER_PREFIX + hashlib.sha256(self.bag_id.encode()).hexdigest()[:16]

    @property
    def is_encrypted(self) -> bool:
        """Whether the files are boxes."""
        return self.box_key_id is not None


@dataclass(frozen=True, slots=True)
class BagVector:
    """What the maker has: the last it saw of the addressee's mailbox, and what it sent without a receipt.

    `covers` (of a node's bag): everything of the member's mailbox behind the first and up to the second number that
    the member may lack is in this bag.
    """

    seen: int
    waiting: tuple[Waiting, ...]
    covers: tuple[int, int] | None = None


def seal(manifest: Manifest, keys: InstallationKeys) -> bytes:
    """Writes and signs a manifest; the same value and key always give the same bytes."""
    body = {
        "addressee": manifest.addressee,
        "bag_id": manifest.bag_id,
        "box_key_id": manifest.box_key_id,
        "items": [_item_body(item) for item in manifest.items],
        "key_id": manifest.key_id,
        "made_at": clock.to_text(manifest.made_at),
        "maker": manifest.maker,
        "version": manifest.version,
    }
    if _read(body) != manifest:
        raise ValueError("a manifest that could not be read back")
    return sealed.seal("bag", body, keys)


def open_(data: bytes, lookup: PartyKeys) -> Manifest:
    """Reads a manifest and checks that its maker signed it; raises Malformed or Unauthenticated."""
    parse_unverified(data)
    return _read(sealed.open_("bag", data, "maker", lookup, LARGEST_BYTES))


def parse_unverified(data: bytes) -> Manifest:
    """Reads a manifest without looking at the signature; raises Malformed."""
    body, _, _ = sealed.split(data, LARGEST_BYTES)
    return _read(body)


def write_vector(vector: BagVector) -> bytes:
    """Spells the vector of a bag."""
    return canonical(
        {
            "covers": list(vector.covers) if vector.covers else None,
            "seen": vector.seen,
            "waiting": [
                {"message_id": item.message_id, "packet_sha256": item.packet_sha256} for item in vector.waiting
            ],
        }
    )


def read_vector(data: bytes) -> BagVector:
    """Reads the vector of a bag; raises Malformed."""
    body = parse(data, What.VECTOR.largest_bytes or 0)
    return BagVector(
        fields.integer(body, "seen"),
        tuple(
            Waiting(
                fields.matching(item, "message_id", fields.MESSAGE_ID),
                fields.matching(item, "packet_sha256", fields.SHA256),
            )
            for item in fields.objects(body, "waiting", MOST_WAITING)
        ),
        _covers(body),
    )


def _covers(body: dict[str, Any]) -> tuple[int, int] | None:
    if body.get("covers") is None:
        return None
    found = fields.sequence(body, "covers", 2)
    if len(found) != 2 or any(isinstance(item, bool) or not isinstance(item, int) for item in found):
        fields.refuse("covers", "not two numbers")
    first, last = found
    if not 0 <= first <= last < 2**53:
        fields.refuse("covers", "not in order")
    return first, last


def _item_body(item: BagItem) -> dict[str, Any]:
    return {"bytes": item.bytes, "packet": item.packet, "sha256": item.sha256, "what": item.what.value}


def _read(body: dict[str, Any]) -> Manifest:
    version = fields.integer(body, "version")
    if version != VERSION:
        raise UnsupportedVersion(detail=f"bag version {version}")
    items = tuple(
        item for item in (_read_item(spelled) for spelled in fields.objects(body, "items", MOST_ITEMS)) if item
    )
    _refuse_doubled(items)
    return Manifest(
        bag_id=fields.matching(body, "bag_id", fields.MESSAGE_ID),
        maker=fields.matching(body, "maker", fields.CODE),
        addressee=fields.matching(body, "addressee", fields.CODE),
        made_at=fields.instant(body, "made_at"),
        box_key_id=fields.optional_matching(body, "box_key_id", fields.KEY_ID),
        items=items,
        key_id=fields.matching(body, "key_id", fields.KEY_ID),
        version=version,
    )


def _read_item(body: dict[str, Any]) -> BagItem | None:
    """An item, or None for one of a kind that a later version made: a reader passes over it."""
    sha256 = fields.matching(body, "sha256", fields.SHA256)
    size = fields.integer(body, "bytes", 1)
    packet = fields.optional_matching(body, "packet", fields.SHA256)
    spelled = fields.text(body, "what", 40)
    known = next((what for what in What if what.value == spelled), None)
    return BagItem(known, sha256, size, packet) if known else None


def _refuse_doubled(items: tuple[BagItem, ...]) -> None:
    names = [item.name for item in items]
    if len(set(names)) != len(names):
        raise Malformed("Danh mục của túi thư kê hai lần một tệp.", detail="an item twice")
