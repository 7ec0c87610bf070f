"""Packets for the tests, of fictional communes: values for the writer, and raw XML for the reader."""

from __future__ import annotations

import base64
import hashlib
import io
import zipfile
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path

from commune_portal.edxml.package import (
    NAMESPACE,
    Business,
    Code,
    DocumentType,
    Edoc,
    Organ,
    OtherInfo,
    ResponseFor,
    Signer,
    Staff,
    Status,
    Trace,
)
from commune_portal.edxml.writer import attach, write

SUOI_MO = Organ("H99.18.02", "UBND xã Suối Mơ", "UBND tỉnh Mây Trắng", "Thôn Hạ", "vt@suoimo.example", "0200 000 001")
DOI_THONG = Organ("H99.18.03", "UBND xã Đồi Thông")
BEN_CAU = Organ("H99.18.04", "UBND xã Bến Cầu")
PDF = b"%PDF-1.7\n% trang mot\n%%EOF\n\n"
INSTANT = datetime(2026, 11, 20, 2, 30, 15, tzinfo=UTC)

EDOC = Edoc(
    sender=SUOI_MO,
    receivers=(DOI_THONG, BEN_CAU),
    document_id="H99.18.02.2026.000017",
    code=Code("17", "QĐ-UBND"),
    promulgation_date=date(2026, 11, 20),
    document_type=DocumentType("Quyết định", 2, 2),
    subject="Về việc kiện toàn Ban chỉ đạo chuyển đổi số xã",
    promulgation_place="Suối Mơ",
    content="Kiện toàn Ban chỉ đạo.\nCó 02 phụ lục.",
    signer=Signer("TM.", "Chủ tịch", "Trần Thị Mây"),
    due_date=date(2026, 12, 1),
    to_places=("Như Điều 3", "Lưu: VT"),
    other=OtherInfo(1, "Xã", "VTH", 10, 3, direction=False, appendixes=("Phụ lục 1", "Phụ lục 2")),
    responses=(ResponseFor("H99.18.03", "5/CV-UBND", "H99.18.03.2026.000005", date(2026, 11, 2)),),
    steering_type=1,
    traces=(Trace("H99.18.02", INSTANT),),
    business=Business(0, paper=False, staff=Staff("Văn phòng", staff="Lý Văn Gió", email="gio@suoimo.example")),
)

STATUS = Status(
    sender=DOI_THONG,
    response_for=ResponseFor("H99.18.02", "17/QĐ-UBND", "H99.18.02.2026.000017", date(2026, 11, 20)),
    status_code="03",
    description="Đã vào sổ, số đến 201",
    timestamp=INSTANT,
    staff=Staff("Văn phòng", "VP", "Đỗ Thị Sương", "7", "0900 000 002", "suong@doithong.example"),
)

HEADER = {
    "From": "<OrganId>H99.18.02</OrganId><OrganName>UBND xã Suối Mơ</OrganName>",
    "To": "<OrganId>H99.18.03</OrganId><OrganName>UBND xã Đồi Thông</OrganName>",
    "Code": "<CodeNumber>17</CodeNumber><CodeNotation>QĐ-UBND</CodeNotation>",
    "PromulgationInfo": "<Place>Suối Mơ</Place><PromulgationDate>2026/11/20</PromulgationDate>",
    "DocumentType": "<Type>2</Type><TypeDetail>2</TypeDetail><TypeName>Quyết định</TypeName>",
    "Subject": "Về việc kiện toàn Ban chỉ đạo",
    "DocumentId": "H99.18.02.2026.000017",
}


def with_files(folder: Path, **named: bytes) -> Edoc:
    """The full specimen with attachments of these bytes; `__` in a keyword stands for the dot."""
    attachments = []
    for name, data in named.items():
        path = folder / f"source-{hashlib.sha256(name.encode() + data).hexdigest()[:12]}"
        path.write_bytes(data)
        attachments.append(attach(path, name.replace("__", ".")))
    return replace(EDOC, attachments=tuple(attachments))


def written(edoc: Edoc) -> bytes:
    """What the writer makes of it."""
    out = io.BytesIO()
    write(edoc, out)
    return out.getvalue()


def zipped(*entries: tuple[str, bytes]) -> bytes:
    """An archive of these entries."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in entries:
            archive.writestr(zipfile.ZipInfo(name, (2026, 1, 1, 0, 0, 0)), data, zipfile.ZIP_DEFLATED)
    return out.getvalue()


def b64(data: bytes) -> str:
    """Base64 on one line."""
    return base64.b64encode(data).decode("ascii")


def header(**changes: str | None) -> str:
    """A message header as XML; a change of None leaves the element out, a new name is added before DocumentId."""
    fields: dict[str, str | None] = {**HEADER, **changes}
    identity = fields.pop("DocumentId")
    fields["DocumentId"] = identity
    return "".join(f"<{name}>{value}</{name}>" for name, value in fields.items() if value is not None)


def attachment(
    name: str = "van-ban.pdf",
    content_type: str = "application/pdf",
    encoded: str | None = None,
    identity: str = "cid:1f0c7a52-0001-4000-8000-000000000001",
) -> str:
    """One attachment element."""
    encoded = b64(PDF) if encoded is None else encoded
    return (
        f"<Attachment><ContentId>{identity}</ContentId><AttachmentName>{name}</AttachmentName>"
        f"<ContentType>{content_type}</ContentType><ContentTransferEncoded>{encoded}</ContentTransferEncoded>"
        "</Attachment>"
    )


def reference(
    name: str = "van-ban.pdf",
    content_type: str = "application/pdf",
    identity: str = "cid:1f0c7a52-0001-4000-8000-000000000001",
) -> str:
    """One manifest line."""
    return (
        f"<Reference><ContentId>{identity}</ContentId><ContentType>{content_type}</ContentType>"
        f"<AttachmentName>{name}</AttachmentName></Reference>"
    )


def packet(
    message: str | None = None,
    *,
    traces: str = "",
    references: str = "",
    attachments: str = "",
    prolog: str = '<?xml version="1.0" encoding="UTF-8"?>',
) -> str:
    """A whole packet around a message header."""
    body = f'<edXMLBody><edXMLManifest version="1.0">{references}</edXMLManifest></edXMLBody>' if references else ""
    encoded = f"<AttachmentEncoded>{attachments}</AttachmentEncoded>" if attachments else ""
    return (
        f'{prolog}<edXML xmlns="{NAMESPACE}"><edXMLEnvelope><edXMLHeader><MessageHeader>'
        f"{header() if message is None else message}</MessageHeader>{traces}</edXMLHeader>{body}</edXMLEnvelope>"
        f"{encoded}</edXML>"
    )
