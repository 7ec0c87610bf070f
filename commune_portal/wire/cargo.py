"""What goes into a bag and what became of it: the values that an office, a node and the stick have in common."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from enum import Enum

from commune_portal.wire.bag import BagVector, What

MESSAGES_AT_MOST = 2000
RECEIPTS_AT_MOST = 5000


@dataclass(frozen=True, slots=True)
class Party:
    """Who a bag may be made for: its code, its name, and the X25519 key that it is closed for."""

    code: str
    name: str
    box_public_key: bytes


@dataclass(frozen=True, slots=True)
class Message:
    """A frozen envelope and the stored packet that it names."""

    message_id: str
    envelope: bytes
    packet_sha256: str
    packet_bytes: int


@dataclass(frozen=True, slots=True)
class Cargo:
    """Everything that the addressee of a bag may lack; nothing of it counts as sent before a receipt comes home."""

    addressee: Party
    messages: tuple[Message, ...]
    receipts: tuple[bytes, ...]
    vector: BagVector
    directory: bytes = b""
    note: bytes = b""
    journal: tuple[bytes, ...] = ()
    left_behind: int = 0

    @property
    def bytes(self) -> int:
        """How large the bag will be, without its manifest and what encryption adds."""
        packets = {message.packet_sha256: message.packet_bytes for message in self.messages}
        small = (message.envelope for message in self.messages)
        parts = (*small, *self.receipts, *self.journal, self.directory, self.note)
        return sum(packets.values()) + sum(len(part) for part in parts)


class Fate(Enum):
    """What became of one thing in a bag; `label` is what a person reads."""

    PACKED = "packed"
    TAKEN = "taken"
    KNOWN = "known"
    REFUSED = "refused"

    @property
    def label(self) -> str:
        """The fate in Vietnamese."""
        return _LABELS[self]


_LABELS = {
    Fate.PACKED: "Đã ghi vào túi",
    Fate.TAKEN: "Đã nhận",
    Fate.KNOWN: "Đã có từ trước",
    Fate.REFUSED: "Không nhận",
}


@dataclass(frozen=True, slots=True)
class Outcome:
    """One thing of a bag and its fate; the reason is a sentence for a person."""

    what: What
    fate: Fate
    message_id: str = ""
    party: str = ""
    reason: str = ""

    def to_json(self) -> dict[str, str]:
        """As a report keeps it."""
        return {**asdict(self), "what": self.what.value, "fate": self.fate.value}


def read_outcome(said: dict[str, str]) -> Outcome:
    """Reads what `to_json` wrote."""
    return Outcome(What(said["what"]), Fate(said["fate"]), said["message_id"], said["party"], said["reason"])
