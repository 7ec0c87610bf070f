"""What the check of a PDF's signatures found: values that are stored beside the document and shown to people."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from commune_portal import clock


class Verdict(StrEnum):
    """What a person may conclude; `SOUND` is never called simply valid: revocation could not be asked."""

    VALID = "valid"
    SOUND = "sound"
    UNCHECKED = "unchecked"
    INVALID = "invalid"
    NONE = "none"

    @property
    def label(self) -> str:
        """The words on the screen. Source: TT 15/2025/TT-BKHCN (kết quả kiểm tra bằng tiếng Việt)."""
        return VERDICT_LABELS[self]

    @property
    def acceptable(self) -> bool:
        """True when the document is what its signer signed, as far as can be known offline."""
        return self in (Verdict.VALID, Verdict.SOUND)


VERDICT_LABELS = {
    Verdict.VALID: "Hợp lệ",
    Verdict.SOUND: "Toàn vẹn, đúng chứng thư; chưa kiểm tra được thu hồi",
    Verdict.UNCHECKED: "Chưa kiểm tra được",
    Verdict.INVALID: "Không hợp lệ",
    Verdict.NONE: "Không có chữ ký số; chỉ để biết, tham khảo",
}


class Modification(StrEnum):
    """What happened to the file after this signature."""

    INTACT = "intact"
    FORM_FILLED = "form-filled"
    CHANGED = "changed"

    @property
    def label(self) -> str:
        """The words on the screen."""
        return MODIFICATION_LABELS[self]


MODIFICATION_LABELS = {
    Modification.INTACT: "nguyên vẹn",
    Modification.FORM_FILLED: "điền biểu mẫu hợp lệ",
    Modification.CHANGED: "bị sửa sau khi ký",
}


class Chain(StrEnum):
    """Whether the certificate leads to a root that this office trusts."""

    TRUSTED = "trusted"
    UNTRUSTED = "untrusted"
    EXPIRED = "expired"
    REVOKED = "revoked"
    UNKNOWN = "unknown"

    @property
    def label(self) -> str:
        """The words on the screen."""
        return CHAIN_LABELS[self]


CHAIN_LABELS = {
    Chain.TRUSTED: "được tin cậy",
    Chain.UNTRUSTED: "không thuộc danh sách tin cậy",
    Chain.EXPIRED: "ngoài thời hạn hiệu lực",
    Chain.REVOKED: "đã bị thu hồi",
    Chain.UNKNOWN: "chưa kiểm tra được",
}


@dataclass(frozen=True, slots=True)
class SignatureReport:
    """One signature: who, what it covers, what happened since, and what may be concluded."""

    field: str
    common_name: str
    organisation: str
    certificate_serial: str
    certificate_sha256: str
    issuer: str
    not_before: datetime | None
    not_after: datetime | None
    signed_at: datetime | None
    timestamp: datetime | None
    covers_whole_file: bool
    integrity_ok: bool
    modification: Modification
    chain: Chain
    revocation_known: bool
    trial: bool
    verdict: Verdict
    why: str

    def to_json(self) -> dict[str, Any]:
        """A plain dict for storage."""
        plain = asdict(self)
        for name in INSTANTS:
            instant = getattr(self, name)
            plain[name] = clock.to_text(instant) if instant else None
        return plain | {name: str(getattr(self, name)) for name in ("modification", "chain", "verdict")}

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> SignatureReport:
        """Reads what `to_json` wrote."""
        read: dict[str, Any] = {name: clock.from_text(value[name]) if value[name] else None for name in INSTANTS}
        read["modification"] = Modification(value["modification"])
        read["chain"] = Chain(value["chain"])
        read["verdict"] = Verdict(value["verdict"])
        return cls(**(value | read))


INSTANTS = ("not_before", "not_after", "signed_at", "timestamp")


@dataclass(frozen=True, slots=True)
class Report:
    """All signatures of a PDF in the order in which they were made, and one verdict over them."""

    signatures: tuple[SignatureReport, ...]
    overall: Verdict

    @property
    def trial(self) -> bool:
        """True when a signature has no legal value."""
        return any(item.trial for item in self.signatures)

    @property
    def why(self) -> str:
        """The sentence of the signature that decided."""
        return next((item.why for item in self.signatures if item.verdict is self.overall), self.overall.label)

    def of_field(self, field: str) -> SignatureReport | None:
        """The signature in a named field."""
        return next((item for item in self.signatures if item.field == field), None)

    def to_json(self) -> dict[str, Any]:
        """A plain dict for storage."""
        return {"overall": str(self.overall), "signatures": [item.to_json() for item in self.signatures]}

    @classmethod
    def from_json(cls, value: dict[str, Any] | str) -> Report:
        """Reads what `to_json` wrote, also as text."""
        plain = json.loads(value) if isinstance(value, str) else value
        signatures = tuple(map(SignatureReport.from_json, plain["signatures"]))
        return cls(signatures, Verdict(plain["overall"]))


SEVERITY = (Verdict.INVALID, Verdict.UNCHECKED, Verdict.SOUND, Verdict.VALID)


def overall(signatures: tuple[SignatureReport, ...]) -> Verdict:
    """The weakest verdict of all; without a signature the document is only for information.

    Source: QĐ 28/2018, Điều 4.2.
    """
    found = {item.verdict for item in signatures}
    return next((verdict for verdict in SEVERITY if verdict in found), Verdict.NONE)
