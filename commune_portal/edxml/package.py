"""What a packet says, as values: the document packet (Edoc) and the status message (Status).

Both sides of the codec speak these: `writer.write` and `status.write_status` take them, `reader.read` gives them.
Codes of foreign origin stay as they came (`int`, `str`), since senders misuse them; `rules.statuses` knows what
they mean. Nothing that a packet does not say is filled in: absent is `None`, `""` or `()`.
Source: QCVN 102:2016/BTTTT, Sửa đổi 1:2022.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime
from pathlib import Path

NAMESPACE = "http://www.mic.gov.vn/TBT/QCVN_102_2016"


@dataclass(frozen=True, slots=True)
class Finding:
    """One warning of the reader: the element's path (local names and ordinals) and a Vietnamese sentence."""

    path: str
    sentence: str


@dataclass(frozen=True, slots=True)
class Organ:
    """An organisation as From or To names it; `in_charge` is the superior body (cơ quan chủ quản)."""

    organ_id: str
    name: str = ""
    in_charge: str = ""
    address: str = ""
    email: str = ""
    telephone: str = ""
    fax: str = ""
    website: str = ""


@dataclass(frozen=True, slots=True)
class Code:
    """Số and ký hiệu of a document; printed as number/notation."""

    number: str
    notation: str

    @property
    def printed(self) -> str:
        """The code as it stands on paper, `12/QĐ-UBND`."""
        return "/".join(part for part in (self.number, self.notation) if part)


@dataclass(frozen=True, slots=True)
class DocumentType:
    """Type and detail codes, which senders misuse, and the name, by which documents are matched and shown."""

    name: str
    kind: int | None = None
    detail: int | None = None


@dataclass(frozen=True, slots=True)
class Signer:
    """Who signed: competence (TM., KT., TL. ...), position and full name."""

    competence: str = ""
    position: str = ""
    full_name: str = ""


@dataclass(frozen=True, slots=True)
class OtherInfo:
    """Further details; priority 0 thường, 1 khẩn, 2 thượng khẩn, 3 hỏa tốc, 4 hỏa tốc hẹn giờ."""

    priority: int | None = None
    sphere_of_promulgation: str = ""
    typer_notation: str = ""
    promulgation_amount: int | None = None
    page_amount: int | None = None
    direction: bool | None = None
    reply_fors: str = ""
    reference_codes: str = ""
    appendixes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ResponseFor:
    """The document that this one answers, or that a status is about; `code` is one printed text."""

    organ_id: str = ""
    code: str = ""
    document_id: str = ""
    promulgation_date: date | None = None


@dataclass(frozen=True, slots=True)
class Trace:
    """One station on the way of a packet; the instant is aware UTC, None where it could not be read."""

    organ_id: str
    timestamp: datetime | None = None


@dataclass(frozen=True, slots=True)
class Staff:
    """The person who acted, and the unit."""

    department: str = ""
    department_id: str = ""
    staff: str = ""
    staff_id: str = ""
    mobile: str = ""
    email: str = ""


@dataclass(frozen=True, slots=True)
class ReceiverChange:
    """A receiver that an update removes (0) or adds (1)."""

    organ_id: str
    receiver_type: int | None = None


@dataclass(frozen=True, slots=True)
class Replacement:
    """A replaced document and the organisations that are concerned."""

    document_id: str
    organ_ids: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Business:
    """What the packet does: 0 new, 1 recall, 2 update, 3 replace; with the lists that update and replace need."""

    type: int | None = None
    reason: str = ""
    paper: bool | None = None
    staff: Staff | None = None
    document_id: str = ""
    document_info: bool | None = None
    document_receiver: bool | None = None
    receivers: tuple[ReceiverChange, ...] = ()
    replacements: tuple[Replacement, ...] = ()


@dataclass(frozen=True, slots=True)
class Attachment:
    """A file in the packet; type, size and hash are those of the content, after base64 and wrapping are undone.

    `name` is a label, never a path. `path` is where the bytes lie: the file to send, or the reader's temporary
    file, which belongs to the caller. For sending, an empty `content_id` is derived from the document id and the
    ordinal, and an empty `sha256` is not checked. `damaged` says that the base64 was cut or had foreign letters.
    """

    name: str
    content_type: str
    size_bytes: int
    sha256: str = ""
    description: str = ""
    content_id: str = ""
    path: Path | None = field(default=None, compare=False)
    damaged: bool = False


@dataclass(frozen=True, slots=True)
class Edoc:
    """A document packet. `traces` are in the order of the way; `findings` are empty for what we wrote ourselves."""

    sender: Organ
    receivers: tuple[Organ, ...]
    document_id: str
    code: Code
    promulgation_date: date | None
    document_type: DocumentType
    subject: str
    promulgation_place: str = ""
    content: str = ""
    signer: Signer | None = None
    due_date: date | None = None
    to_places: tuple[str, ...] = ()
    other: OtherInfo | None = None
    responses: tuple[ResponseFor, ...] = ()
    steering_type: int | None = None
    task_code: str = ""
    application_type: str = ""
    traces: tuple[Trace, ...] = ()
    business: Business | None = None
    attachments: tuple[Attachment, ...] = ()
    signature_present: bool = False
    findings: tuple[Finding, ...] = ()


@dataclass(frozen=True, slots=True)
class Status:
    """A status message: `sender` says `status_code` (two digits) of the document in `response_for`."""

    sender: Organ
    response_for: ResponseFor
    status_code: str
    description: str = ""
    timestamp: datetime | None = None
    staff: Staff | None = None
    findings: tuple[Finding, ...] = ()


@dataclass(frozen=True, slots=True)
class ReadLimits:
    """Caps on what one packet may hold; what is above them is refused, since nobody sends it in good faith."""

    packet_bytes: int = 96 * 1024 * 1024
    attachment_bytes: int = 64 * 1024 * 1024
    attachments: int = 200
    zip_ratio: int = 200
    depth: int = 24
    elements: int = 50_000
    text_characters: int = 65_536
    total_text_characters: int = 1024 * 1024
    token_bytes: int = 512 * 1024
    findings: int = 200


CONTENT_TYPES = {
    "pdf": "application/pdf",
    "doc": "application/msword",
    "docx": "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
    "xls": "application/vnd.ms-excel",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "ppt": "application/vnd.ms-powerpoint",
    "pptx": "application/vnd.openxmlformats-officedocument.presentationml.presentation",
    "odt": "application/vnd.oasis.opendocument.text",
    "ods": "application/vnd.oasis.opendocument.spreadsheet",
    "jpg": "image/jpeg",
    "jpeg": "image/jpeg",
    "png": "image/png",
    "tif": "image/tiff",
    "tiff": "image/tiff",
    "xml": "application/xml",
    "txt": "text/plain",
    "zip": "application/zip",
    "rar": "application/vnd.rar",
    "7z": "application/x-7z-compressed",
}


def extension(name: str) -> str:
    """The extension of a file's label in lower case without the dot, if it is a plain one; else empty."""
    stem, dot, end = name.rpartition(".")
    return end.lower() if dot and stem and end.isascii() and end.isalnum() and len(end) <= 8 else ""


def content_type_of(name: str) -> str:
    """The content type that a label's extension means; the same on every machine."""
    return CONTENT_TYPES.get(extension(name), "application/octet-stream")
