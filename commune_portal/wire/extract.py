"""A stretch of an office's journal on its way to the node's mirror.

Bodies and leaves travel as the very text that was hashed, so the mirror checks the chain without rebuilding it.
A leaf that was destroyed by a recall is null; its body still chains.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from commune_portal.rules.chain import Checkpoint, canonical_bytes
from commune_portal.wire import checkpoint as checkpoints
from commune_portal.wire import fields, protocol
from commune_portal.wire.canonical import canonical, parse
from commune_portal.wire.checkpoint import LARGEST_NOTE_BYTES

_SALT = re.compile(r"(?:[0-9a-f]{2}){0,64}")
_LONGEST_TEXT = 256 * 1024


@dataclass(frozen=True, slots=True)
class JournalLine:
    """One line: the canonical body, and salt and canonical leaf while they exist."""

    body: str
    salt: str | None
    leaf: str | None


@dataclass(frozen=True, slots=True)
class JournalExtract:
    """Lines from sequence `first` on, and the office's checkpoint after the last of them."""

    installation_uid: str
    epoch: int
    first: int
    lines: tuple[JournalLine, ...]
    checkpoint: Checkpoint


@dataclass(frozen=True, slots=True)
class Mirrored:
    """What the node has of a journal, and the newest note that it signed for it."""

    checkpoint: Checkpoint
    epoch: int
    note: bytes | None


def write(extract: JournalExtract) -> bytes:
    """Spells the body of POST /exchange/v1/journal."""
    return canonical_bytes(
        {
            "checkpoint": checkpoints.to_body(extract.checkpoint),
            "epoch": extract.epoch,
            "from": extract.first,
            "installation_uid": extract.installation_uid,
            "lines": [{"body": line.body, "leaf": line.leaf, "salt": line.salt} for line in extract.lines],
        }
    )


def read(data: bytes) -> JournalExtract:
    """Reads that body; raises Malformed. The chain is for the caller to check."""
    body = parse(data, protocol.LARGEST_JOURNAL_BYTES, any_text=True)
    return JournalExtract(
        fields.text(body, "installation_uid", 64),
        fields.integer(body, "epoch"),
        fields.integer(body, "from", 1),
        tuple(_read_line(line) for line in fields.objects(body, "lines", protocol.LARGEST_JOURNAL_LINES)),
        checkpoints.from_body(body, "checkpoint"),
    )


def write_mirrored(mirrored: Mirrored) -> bytes:
    """Spells the answer of GET /exchange/v1/journal."""
    return canonical(
        {
            "checkpoint": checkpoints.to_body(mirrored.checkpoint),
            "epoch": mirrored.epoch,
            "note": None if mirrored.note is None else fields.to_base64(mirrored.note),
        }
    )


def read_mirrored(data: bytes) -> Mirrored:
    """Reads that answer; raises Malformed. The note in it is **unverified**."""
    body = parse(data, protocol.LARGEST_JOURNAL_BYTES)
    note = None if body.get("note") is None else fields.octets(body, "note", LARGEST_NOTE_BYTES)
    return Mirrored(checkpoints.from_body(body, "checkpoint"), fields.integer(body, "epoch"), note)


def _read_line(body: dict[str, Any]) -> JournalLine:
    line, leaf = body.get("body"), body.get("leaf")
    if not isinstance(line, str) or len(line) > _LONGEST_TEXT:
        fields.refuse("body", "not text")
    if leaf is not None and (not isinstance(leaf, str) or len(leaf) > _LONGEST_TEXT):
        fields.refuse("leaf", "not text")
    return JournalLine(line, fields.optional_matching(body, "salt", _SALT), leaf)
