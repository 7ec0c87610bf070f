"""The receiver's signed word: I hold this message, or I refuse it for good.

It is transport evidence; what the office does with the document are the statuses 01–06. A duplicate is answered
with the bytes of the first receipt, so `duplicate` is said beside the receipt and never in one. A technical
failure has no receipt.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from typing import Any

from commune_portal import clock
from commune_portal.errors import UnsupportedVersion
from commune_portal.rules.chain import Checkpoint
from commune_portal.wire import checkpoint as checkpoints
from commune_portal.wire import fields, sealed
from commune_portal.wire.envelope import VERSION
from commune_portal.wire.keys import InstallationKeys
from commune_portal.wire.sealed import PartyKeys

LARGEST_BYTES = 4096


class Verdict(Enum):
    """What became of a delivery; DUPLICATE stands in the answer's header only."""

    ACCEPTED = "accepted"
    DUPLICATE = "duplicate"
    REFUSED = "refused"


class RefusalType(Enum):
    """Why a receiver refuses for good; `label` is what a clerk reads."""

    UNSUPPORTED_VERSION = "unsupported-version"
    MALFORMED = "malformed"
    INVALID_ADDRESSEE = "invalid-addressee"
    TOO_LARGE = "too-large"
    CONFLICT = "conflict"
    NOT_PERMITTED = "not-permitted"

    @property
    def label(self) -> str:
        """The reason in Vietnamese."""
        return _LABELS[self]


_LABELS = {
    RefusalType.UNSUPPORTED_VERSION: "bên nhận chưa hỗ trợ phiên bản gói này",
    RefusalType.MALFORMED: "bên nhận không đọc được gói",
    RefusalType.INVALID_ADDRESSEE: "bên nhận không phải nơi nhận của gói này",
    RefusalType.TOO_LARGE: "gói lớn hơn mức bên nhận cho phép",
    RefusalType.CONFLICT: "bên nhận đã có gói khác mang cùng mã thông điệp",
    RefusalType.NOT_PERMITTED: "bên gửi không được phép gửi gói này",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt:
    """`checkpoint` is the receiver's journal after the act; `sender_checkpoint` is what the envelope stated."""

    message_id: str
    packet_sha256: str
    verdict: Verdict
    refusal: RefusalType | None
    receiver: str
    receiver_sequence: int
    received_at: datetime
    checkpoint: Checkpoint
    sender_checkpoint: Checkpoint
    key_id: str

    def __post_init__(self) -> None:
        if self.verdict is Verdict.DUPLICATE or (self.verdict is Verdict.REFUSED) != (self.refusal is not None):
            raise ValueError("a receipt says accepted, or refused with a type")


def seal(receipt: Receipt, keys: InstallationKeys) -> bytes:
    """Writes and signs a receipt; the same value and key always give the same bytes."""
    body = {
        "checkpoint": checkpoints.to_body(receipt.checkpoint),
        "key_id": receipt.key_id,
        "message_id": receipt.message_id,
        "packet_sha256": receipt.packet_sha256,
        "received_at": clock.to_text(receipt.received_at),
        "receiver": receipt.receiver,
        "receiver_sequence": receipt.receiver_sequence,
        "refusal": receipt.refusal.value if receipt.refusal else None,
        "sender_checkpoint": checkpoints.to_body(receipt.sender_checkpoint),
        "verdict": receipt.verdict.value,
        "version": VERSION,
    }
    if _read(body) != receipt:
        raise ValueError("a receipt that could not be read back")
    return sealed.seal("receipt", body, keys)


def open_(data: bytes, lookup: PartyKeys) -> Receipt:
    """Reads a receipt and checks that its receiver signed it; raises Malformed or Unauthenticated."""
    parse_unverified(data)
    return _read(sealed.open_("receipt", data, "receiver", lookup, LARGEST_BYTES))


def parse_unverified(data: bytes) -> Receipt:
    """Reads a receipt without looking at the signature; raises Malformed."""
    body, _, _ = sealed.split(data, LARGEST_BYTES)
    return _read(body)


def _read(body: dict[str, Any]) -> Receipt:
    version = fields.integer(body, "version")
    if version != VERSION:
        raise UnsupportedVersion(detail=f"receipt version {version}")
    verdict = fields.member(body, "verdict", Verdict)
    refusal = None if body.get("refusal") is None else fields.member(body, "refusal", RefusalType)
    if verdict is Verdict.DUPLICATE or (verdict is Verdict.REFUSED) != (refusal is not None):
        fields.refuse("verdict", "does not agree with the refusal")
    return Receipt(
        message_id=fields.matching(body, "message_id", fields.MESSAGE_ID),
        packet_sha256=fields.matching(body, "packet_sha256", fields.SHA256),
        verdict=verdict,
        refusal=refusal,
        receiver=fields.matching(body, "receiver", fields.CODE),
        receiver_sequence=fields.integer(body, "receiver_sequence"),
        received_at=fields.instant(body, "received_at"),
        checkpoint=checkpoints.from_body(body, "checkpoint"),
        sender_checkpoint=checkpoints.from_body(body, "sender_checkpoint"),
        key_id=fields.matching(body, "key_id", fields.KEY_ID),
    )
