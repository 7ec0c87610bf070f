"""What a fake node keeps and answers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from commune_portal.rules.chain import Checkpoint
from commune_portal.wire import extract, protocol
from commune_portal.wire.canonical import canonical
from commune_portal.wire.envelope import Envelope
from commune_portal.wire.protocol import Refused


@dataclass(slots=True)
class Answer:
    """What goes back."""

    status: int
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)


@dataclass(slots=True)
class Stored:
    """A message that took effect."""

    envelope: Envelope
    envelope_bytes: bytes
    receipt_bytes: bytes
    recipient_receipt: bytes | None = None


@dataclass(slots=True)
class Unfinished:
    """An upload in progress."""

    owner: str
    sha256: str
    length: int
    data: bytearray = field(default_factory=bytearray)


@dataclass(slots=True)
class Mirror:
    """An office's journal as it was handed over."""

    checkpoint: Checkpoint
    lines: list[extract.JournalLine] = field(default_factory=list)
    note: bytes | None = None


class No(Exception):
    """An answer in words."""

    def __init__(self, word: Refused, headers: Mapping[str, str] | None = None) -> None:
        self.answer = refuse(word, headers)
        super().__init__(word.value)


def refuse(word: Refused, headers: Mapping[str, str] | None = None) -> Answer:
    body = canonical({"error": word.value, "sentence": word.sentence})
    said = {"Content-Type": "application/json", protocol.EXCHANGE_ERROR: word.value}
    return Answer(word.status, body, {**said, **(headers or {})})
