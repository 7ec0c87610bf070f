"""Size and head of a journal, and the text form in which they are signed and printed.

The text is a C2SP signed note in the manner of tlog-checkpoint, so any tool for such notes can check it:

    H09.12.34/journal
    1204
    base64 of the 32 bytes of the head
    2026-11-21T02:00:00Z

    — H09.12 base64 of (4 bytes of key hash, 64 bytes of signature)

Several parties may sign one text: the office first, the node below it.
Source: https://c2sp.org/signed-note, https://c2sp.org/tlog-checkpoint
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from commune_portal import clock
from commune_portal.errors import Malformed, Unauthenticated
from commune_portal.rules.chain import Checkpoint
from commune_portal.wire import fields
from commune_portal.wire.keys import InstallationKeys, verify

LARGEST_NOTE_BYTES = 4096
_ORIGIN = re.compile(r"[A-Za-z0-9.:_-]{1,35}/[a-z-]{1,20}")
_SIGNATURE_LINE = re.compile(r"— ([A-Za-z0-9.:_-]{1,35}) ([A-Za-z0-9+/]+={0,2})")
_ED25519 = b"\x01"


@dataclass(frozen=True, slots=True)
class Note:
    """A checkpoint of a named journal at an instant, as signed."""

    origin: str
    checkpoint: Checkpoint
    stated_at: datetime


def to_body(checkpoint: Checkpoint) -> dict[str, Any]:
    """The JSON form inside envelopes, receipts and extracts."""
    return {"size": checkpoint.size, "head": checkpoint.head}


def from_body(body: Mapping[str, Any], name: str) -> Checkpoint:
    """Reads the JSON form out of a field; raises Malformed."""
    inner = fields.mapping(body, name)
    return Checkpoint(fields.integer(inner, "size"), fields.matching(inner, "head", fields.SHA256))


def note_text(note: Note) -> str:
    """The text that is signed; ends with a newline."""
    if not _ORIGIN.fullmatch(note.origin):
        raise ValueError(f"not an origin: {note.origin}")
    head = fields.to_base64(bytes.fromhex(note.checkpoint.head))
    return f"{note.origin}\n{note.checkpoint.size}\n{head}\n{clock.to_text(note.stated_at)}\n"


def seal(note: Note, signer: str, keys: InstallationKeys) -> bytes:
    """Writes the note with one signature by `signer`, an organisation's code."""
    text = note_text(note)
    return (text + "\n" + _signature_line(text, signer, keys)).encode()


def countersign(data: bytes, signer: str, keys: InstallationKeys) -> bytes:
    """Adds another party's signature below those that are there."""
    text, _ = _split(data)
    return data + _signature_line(text, signer, keys).encode()


def parse_unverified(data: bytes) -> Note:
    """Reads the note without looking at its signatures; raises Malformed."""
    return _read(_split(data)[0])


def open_(data: bytes, signer: str, *public_keys: bytes) -> Note:
    """Reads a note that `signer` has signed with one of its keys; raises Malformed or Unauthenticated.

    Signatures of others are left alone, as the note's specification asks.
    """
    text, signatures = _split(data)
    note = _read(text)
    for name, octets in signatures:
        for public_key in public_keys:
            named = name == signer and octets[:4] == _key_hash(signer, public_key)
            if named and verify(public_key, octets[4:], text.encode()):
                return note
    raise Unauthenticated("Chữ ký trên mốc kiểm tra của sổ không đúng.", detail=f"{note.origin} by {signer}")


def _read(text: str) -> Note:
    lines = text.split("\n")
    if len(lines) != 5 or not _ORIGIN.fullmatch(lines[0]) or not re.fullmatch(r"0|[1-9][0-9]{0,15}", lines[1]):
        raise Malformed("Mốc kiểm tra của sổ không đúng dạng.", detail="note text")
    head = fields.octets({"head": lines[2]}, "head", 32, exactly=32)
    stated_at = fields.instant({"time": lines[3]}, "time")
    return Note(lines[0], Checkpoint(int(lines[1]), head.hex()), stated_at)


def _split(data: bytes) -> tuple[str, list[tuple[str, bytes]]]:
    try:
        text, below = data.decode("utf-8").split("\n\n")
    except ValueError as error:
        raise Malformed("Mốc kiểm tra của sổ không đúng dạng.", detail="note without a blank line") from error
    lines = below.split("\n")
    found = [_SIGNATURE_LINE.fullmatch(line) for line in lines[:-1]]
    if len(data) > LARGEST_NOTE_BYTES or lines[-1] or not found:
        raise Malformed("Mốc kiểm tra của sổ không đúng dạng.", detail="note signatures")
    signatures = []
    for match in found:
        octets = fields.from_base64(match[2]) if match else None
        if match is None or octets is None:
            raise Malformed("Mốc kiểm tra của sổ không đúng dạng.", detail="note signature line")
        signatures.append((match[1], octets))
    return text + "\n", signatures


def _signature_line(text: str, signer: str, keys: InstallationKeys) -> str:
    octets = _key_hash(signer, keys.public_key) + keys.sign(text.encode())
    return f"— {signer} {fields.to_base64(octets)}\n"


def _key_hash(signer: str, public_key: bytes) -> bytes:
    return hashlib.sha256(signer.encode() + b"\n" + _ED25519 + public_key).digest()[:4]
