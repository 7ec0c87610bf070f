"""The reader takes what others really send, and says in Vietnamese what was strange about it."""

from __future__ import annotations

import io
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from commune_portal.edxml.package import NAMESPACE, Edoc, ReadLimits, Status
from commune_portal.edxml.reader import read
from commune_portal.edxml.summary import summary
from commune_portal.errors import Malformed, NotFound, TooLarge
from tests.edxml.specimens import HEADER, PDF, attachment, b64, header, packet, reference, zipped

SHEET = b"ten,so\nmot,1\n" * 20


def edoc(text: str | bytes, folder: Path, limits: ReadLimits | None = None) -> Edoc:
    parsed = read(io.BytesIO(text.encode() if isinstance(text, str) else text), folder, limits)
    assert isinstance(parsed, Edoc)
    return parsed


def sentences(parsed: Edoc | Status) -> str:
    return "\n".join(f"{finding.path}: {finding.sentence}" for finding in parsed.findings)


def contents(parsed: Edoc) -> list[bytes]:
    return [item.path.read_bytes() for item in parsed.attachments if item.path is not None]


def test_a_plain_packet_has_no_findings(tmp_path: Path) -> None:
    parsed = edoc(packet(references=reference(), attachments=attachment()), tmp_path)
    assert parsed.findings == ()
    assert contents(parsed) == [PDF]
    assert parsed.sender.organ_id == "H99.18.02"


def test_order_does_not_matter(tmp_path: Path) -> None:
    fields = dict(reversed([*HEADER.items()]))
    text = packet("".join(f"<{name}>{value}</{name}>" for name, value in fields.items()))
    assert edoc(text, tmp_path) == edoc(packet(), tmp_path)


def test_other_spellings_are_understood_and_named(tmp_path: Path) -> None:
    traces = (
        "<TraceHeaderList><Business><BusinessDocType>2</BusinessDocType><BusinessDocReason>Sửa</BusinessDocReason>"
        "<BusinessDocumentInfo><DocumentInfo>1</DocumentInfo></BusinessDocumentInfo></Business></TraceHeaderList>"
        "<DigitalSignature/>"
    )
    sender = "<OrganId>H99.1</OrganId><OrganInCharge>UBND tỉnh</OrganInCharge>"
    parsed = edoc(packet(header(From=sender), traces=traces), tmp_path)
    assert parsed.business is not None
    assert (parsed.business.type, parsed.business.reason, parsed.business.document_info) == (2, "Sửa", True)
    assert parsed.sender.in_charge == "UBND tỉnh"
    assert parsed.signature_present
    assert "TraceHeaderList/Bussiness: Nơi gửi viết tên phần tử là «Business»" in sentences(parsed)


@pytest.mark.parametrize("text", ["2026/11/05", "2026-11-05", "05/11/2026", "5-11-2026", "2026-11-05T00:00:00"])
def test_dates_are_read_in_every_known_form(tmp_path: Path, text: str) -> None:
    parsed = edoc(packet(header(PromulgationInfo=f"<PromulgationDate>{text}</PromulgationDate>")), tmp_path)
    assert parsed.promulgation_date == date(2026, 11, 5)
    assert (parsed.findings == ()) == (text == "2026/11/05")


@pytest.mark.parametrize("text", ["2026/13/05", "hôm qua", "N/A", "31/02/2026", "2026/11/05 lúc sáng"])
def test_a_date_that_is_none_is_left_empty_with_a_finding(tmp_path: Path, text: str) -> None:
    parsed = edoc(packet(header(DueDate=text)), tmp_path)
    assert parsed.due_date is None
    assert "MessageHeader/DueDate: Không hiểu ngày" in sentences(parsed)


@pytest.mark.parametrize(
    ("text", "instant"),
    [
        ("2026/11/20 09:30:15", datetime(2026, 11, 20, 2, 30, 15, tzinfo=UTC)),
        ("20/11/2026 09:30:15", datetime(2026, 11, 20, 2, 30, 15, tzinfo=UTC)),
        ("2026-11-20T02:30:15Z", datetime(2026, 11, 20, 2, 30, 15, tzinfo=UTC)),
        ("2026-11-20T04:30:15.123+02:00", datetime(2026, 11, 20, 2, 30, 15, tzinfo=UTC)),
        ("0001-01-01T00:00:00+14:00", None),
        ("2026/11/20 25:00:00", None),
        ("2026/11/20", None),
    ],
)
def test_instants_without_a_zone_are_vietnams(tmp_path: Path, text: str, instant: datetime | None) -> None:
    trace = f"<TraceHeader><OrganId>H99.1</OrganId><Timestamp>{text}</Timestamp></TraceHeader>"
    parsed = edoc(packet(traces=f"<TraceHeaderList>{trace}</TraceHeaderList>"), tmp_path)
    assert parsed.traces[0].timestamp == instant


@pytest.mark.parametrize("sides", [("cid:k", "k"), ("k", "cid:k"), ("k", "k"), ("CID:k", "cid:k")])
def test_cid_may_stand_on_one_side_only(tmp_path: Path, sides: tuple[str, str]) -> None:
    manifest = f"<Reference><ContentId>{sides[0]}</ContentId><Description>Chính</Description></Reference>"
    parsed = edoc(packet(references=manifest, attachments=attachment(identity=sides[1])), tmp_path)
    assert parsed.attachments[0].content_id == "k"
    assert parsed.attachments[0].description == "Chính"
    assert "không được khai" not in sentences(parsed)


def test_manifest_and_attachments_that_do_not_match_are_named(tmp_path: Path) -> None:
    text = packet(references=reference(identity="cid:khac"), attachments=attachment())
    parsed = edoc(text, tmp_path)
    assert "AttachmentEncoded/Attachment[1]: Tệp đính kèm không được khai" in sentences(parsed)
    assert "edXMLHeader" not in sentences(parsed)
    assert "Reference[1]: Tệp được khai nhưng không có" in sentences(parsed)
    assert contents(parsed) == [PDF]


@pytest.mark.parametrize(
    ("name", "sent_type", "data", "plain", "content_type", "remark"),
    [
        ("a.pdf", "application/pdf", PDF, PDF, "application/pdf", ""),
        ("a.pdf", "application/zip", zipped(("x.pdf", PDF)), PDF, "application/pdf", ""),
        ("a.pdf", "application/pdf", zipped(("x.pdf", PDF)), PDF, "application/pdf", "đã giải nén"),
        ("a.pdf", "application/zip", PDF, PDF, "application/pdf", "không phải; đã lấy"),
        ("a.pdf", "application/pdf", SHEET, SHEET, "application/octet-stream", "không phải PDF"),
        ("a", "", PDF, PDF, "application/pdf", ""),
        ("a.doc", "", PDF, PDF, "application/pdf", "tên tệp không nói"),
        ("a.csv", "text/csv", SHEET, SHEET, "text/csv", ""),
        ("a.txt", "application/zip", zipped(("x.txt", SHEET)), SHEET, "text/plain", ""),
        ("a.txt", "application/x-zip-compressed", zipped(("x.txt", SHEET)), SHEET, "text/plain", ""),
        ("a.doc", "application/doc", SHEET, SHEET, "application/msword", ""),
        ("a.zip", "application/zip", zipped(("x.txt", SHEET)), None, "application/zip", ""),
        ("a.zip", "application/zip", zipped(("u.zip", zipped(("x", b"")))), zipped(("x", b"")), "application/zip", ""),
        ("a.txt", "application/zip", zipped(("x", b"1"), ("y", b"2")), None, "text/plain", "đúng một tệp"),
        ("a.txt", "application/zip", zipped(("thu-muc/", b"")), None, "text/plain", "đúng một tệp"),
        ("a.txt", "application/zip", zipped(("x", SHEET))[:-30], None, "text/plain", "đúng một tệp"),
    ],
)
def test_content_is_what_it_is_not_what_it_is_called(
    tmp_path: Path, name: str, sent_type: str, data: bytes, plain: bytes | None, content_type: str, remark: str
) -> None:
    text = packet(references=reference(), attachments=attachment(name, sent_type, b64(data)))
    parsed = edoc(text, tmp_path)
    assert contents(parsed) == [data if plain is None else plain]
    assert parsed.attachments[0].content_type == content_type
    assert remark in sentences(parsed)
    assert (parsed.findings == ()) == (remark == "")


def test_a_docx_is_not_unpacked_for_being_a_zip(tmp_path: Path) -> None:
    data = zipped(("word/document.xml", b"<w/>"))
    text = packet(attachments=attachment("a.docx", "application/docx", b64(data)))
    assert contents(edoc(text, tmp_path)) == [data]
    data = zipped(("[Content_Types].xml", b"<t/>"), ("word/document.xml", b"<w/>"))
    parsed = edoc(packet(attachments=attachment("a.docx", "application/zip", b64(data))), tmp_path)
    assert contents(parsed) == [data]
    assert "không được nén thêm" in sentences(parsed)


def test_damage_inside_a_zip_is_seen(tmp_path: Path) -> None:
    data = bytearray(zipped(("x.txt", SHEET)))
    data[45] ^= 0xFF
    parsed = edoc(packet(attachments=attachment("a.txt", "application/zip", b64(bytes(data)))), tmp_path)
    assert contents(parsed) == [bytes(data)]
    assert "không giải nén được" in sentences(parsed)


@pytest.mark.parametrize(
    ("encoded", "data", "damage"),
    [
        (" \n".join(b64(PDF)), PDF, ""),
        ("\r\n".join(b64(PDF)[at : at + 7] for at in range(0, len(b64(PDF)), 7)), PDF, ""),
        (f"<![CDATA[{b64(PDF)}]]>", PDF, ""),
        (b64(PDF)[:8] + "<!-- x -->" + b64(PDF)[8:], PDF, ""),
        ("&#74;" + b64(PDF)[1:], PDF, ""),
        (b64(PDF)[:-4] + "Cg", PDF[:-1] + b"\n", "cụt"),
        (b64(PDF).rstrip("="), PDF, "cụt"),
        (b64(PDF) + "QUJD", PDF, "sau dấu kết thúc"),
        (b64(PDF)[:4] + "-_é" + b64(PDF)[4:], PDF, "không thuộc base64"),
        ("A", b"", "cụt"),
        ("====", b"", "cụt"),
    ],
)
def test_base64_in_every_state(tmp_path: Path, encoded: str, data: bytes, damage: str) -> None:
    assert b64(PDF).endswith("==")
    parsed = edoc(packet(attachments=attachment("a.bin", "", encoded)), tmp_path)
    assert contents(parsed) == [data]
    assert parsed.attachments[0].damaged == bool(damage)
    assert damage in sentences(parsed)


def test_text_is_nfc_and_nothing_invisible_stays(tmp_path: Path) -> None:
    parsed = edoc(packet(header(Subject="Ba\u0301o\n\t ca\u0301o \u202egnos\u202c")), tmp_path)
    assert parsed.subject == "Báo cáo gnos"
    assert "đảo chiều" in sentences(parsed)


@pytest.mark.parametrize(
    ("raw", "name"),
    [
        ("../../etc/passwd", "passwd"),
        ("C:\\Windows\\hop.pdf", "hop.pdf"),
        ("x" * 300 + ".pdf", "x" * 196 + ".pdf"),
        ("hop\u202efdp.exe", "hopfdp.exe"),
        ("a&#13;&#10;Set-Cookie: x.pdf", "a Set-Cookie: x.pdf"),
        ("CON", "CON"),
        ("..", "tep-dinh-kem-1"),
        ("", "tep-dinh-kem-1"),
    ],
)
def test_names_are_labels_and_never_paths(tmp_path: Path, raw: str, name: str) -> None:
    parsed = edoc(packet(references=reference(), attachments=attachment(raw)), tmp_path)
    assert parsed.attachments[0].name == (name if raw else "van-ban.pdf")
    path = parsed.attachments[0].path
    assert path is not None
    assert path.parent == tmp_path
    assert path.name.startswith("attachment-")


def test_what_is_missing_stays_missing_with_a_finding(tmp_path: Path) -> None:
    missing = dict.fromkeys(("Code", "PromulgationInfo", "DocumentType", "Subject"))
    parsed = edoc(packet(header(**missing)), tmp_path)
    assert parsed.code.printed == parsed.document_type.name == parsed.subject == ""
    assert parsed.promulgation_date is None
    assert {finding.path for finding in parsed.findings} == {
        "MessageHeader/Code",
        "MessageHeader/PromulgationInfo/PromulgationDate",
        "MessageHeader/DocumentType/TypeName",
        "MessageHeader/Subject",
    }


@pytest.mark.parametrize("name", ["From", "To", "DocumentId"])
@pytest.mark.parametrize("value", [None, "", "<OrganId> </OrganId>"])
def test_without_sender_receiver_or_document_id_a_packet_is_refused(
    tmp_path: Path, name: str, value: str | None
) -> None:
    with pytest.raises(Malformed) as caught:
        edoc(packet(header(**{name: value}), attachments=attachment()), tmp_path)
    assert "thiếu" in caught.value.sentence
    assert [*tmp_path.iterdir()] == []


def test_unknown_and_doubled_elements_are_named_not_guessed(tmp_path: Path) -> None:
    message = header(Subject="Một") + "<Subject>Hai</Subject><Mood>vui</Mood>"
    message += '<x:Ext xmlns:x="urn:khac"><Subject>Ba</Subject></x:Ext>'
    parsed = edoc(packet(message), tmp_path)
    assert parsed.subject == "Một"
    assert "chỉ được có một" in sentences(parsed)
    assert "«Mood»" in sentences(parsed)
    assert "«Ext»" in sentences(parsed)


def test_a_signature_in_its_own_namespace_is_only_noted(tmp_path: Path) -> None:
    signature = '<ds:Signature xmlns:ds="http://www.w3.org/2000/09/xmldsig#"><ds:SignedInfo/></ds:Signature>'
    parsed = edoc(packet(traces=signature), tmp_path)
    assert parsed.signature_present
    assert parsed.findings == ()


@pytest.mark.parametrize("encoding", ["utf-16", "utf-8-sig"])
def test_other_encodings_are_read(tmp_path: Path, encoding: str) -> None:
    declared = "utf-16" if encoding == "utf-16" else "UTF-8"
    text = packet(attachments=attachment(), prolog=f'<?xml version="1.0" encoding="{declared}"?>')
    parsed = edoc(text.encode(encoding), tmp_path)
    assert parsed.subject == HEADER["Subject"]
    assert contents(parsed) == [PDF]


STATUS_HEADER = {
    "From": "<OrganId>H99.18.03</OrganId>",
    "ResponseFor": "<OrganId>H99.18.02</OrganId><Code>17/QĐ-UBND</Code><DocumentId>H99.18.02.2026.000017</DocumentId>",
    "StatusCode": "01",
    "Timestamp": "2026/11/20 09:30:15",
}


def status(folder: Path, **changes: str) -> Status:
    fields = {**STATUS_HEADER, **changes}
    text = packet("".join(f"<{name}>{value}</{name}>" for name, value in fields.items() if value))
    parsed = read(io.BytesIO(text.encode()), folder)
    assert isinstance(parsed, Status)
    return parsed


@pytest.mark.parametrize(
    ("changes", "code", "remark"),
    [
        ({}, "01", ""),
        ({"StatusCode": "1"}, "01", "thiếu số 0"),
        ({"StatusCode": "14"}, "14", "hiểu như «15»"),
        ({"StatusCode": "77"}, "77", "không có trong danh mục"),
        ({"Timestamp": ""}, "01", "thời điểm"),
        ({"ResponseFor": "<OrganId>H99.1</OrganId><Code>1/CV</Code>"}, "01", "chỉ có số ký hiệu"),
        ({"ResponseFor": "<OrganId>1/CV</OrganId><Code>H99.1</Code><DocumentId>x</DocumentId>"}, "01", "đổi chỗ"),
    ],
)
def test_statuses_are_read_with_what_is_strange_about_them(
    tmp_path: Path, changes: dict[str, str], code: str, remark: str
) -> None:
    parsed = status(tmp_path, **changes)
    assert parsed.status_code == code
    assert remark in sentences(parsed)
    assert (parsed.findings == ()) == (remark == "")
    assert summary(parsed)["status_code"] == code


@pytest.mark.parametrize("changes", [{"StatusCode": " "}, {"ResponseFor": ""}, {"From": ""}])
def test_a_status_that_says_nothing_is_refused(tmp_path: Path, changes: dict[str, str]) -> None:
    with pytest.raises(Malformed):
        status(tmp_path, **changes)


def test_a_status_with_files_keeps_none(tmp_path: Path) -> None:
    text = packet("".join(f"<{k}>{v}</{k}>" for k, v in STATUS_HEADER.items()), attachments=attachment())
    parsed = read(io.BytesIO(text.encode()), tmp_path)
    assert "không được kèm tệp" in sentences(parsed)
    assert [*tmp_path.iterdir()] == []


@pytest.mark.parametrize(
    "limits",
    [
        ReadLimits(packet_bytes=900),
        ReadLimits(attachment_bytes=10),
        ReadLimits(attachments=1),
        ReadLimits(depth=4),
        ReadLimits(elements=12),
        ReadLimits(text_characters=20),
        ReadLimits(total_text_characters=100),
    ],
)
def test_every_cap_refuses_and_leaves_no_file(tmp_path: Path, limits: ReadLimits) -> None:
    text = packet(attachments=attachment() + attachment(identity="cid:2"))
    assert edoc(text, tmp_path)
    for path in tmp_path.iterdir():
        path.unlink()
    with pytest.raises((Malformed, TooLarge)):
        edoc(text, tmp_path, limits)
    assert [*tmp_path.iterdir()] == []


def test_findings_are_capped(tmp_path: Path) -> None:
    text = packet(header() + "".join(f"<La{ordinal}/>" for ordinal in range(50)))
    assert len(edoc(text, tmp_path, ReadLimits(findings=10)).findings) == 11


def test_a_file_that_is_not_there_is_said(tmp_path: Path) -> None:
    with pytest.raises(NotFound):
        read(tmp_path / "khong-co.edxml", tmp_path)


def test_the_prefix_is_cosmetic(tmp_path: Path) -> None:
    plain = packet(references=reference(), attachments=attachment())
    prefixed = plain.replace("<", "<q:").replace("<q:/", "</q:").replace("<q:?", "<?")
    prefixed = prefixed.replace(f'xmlns="{NAMESPACE}"', f'xmlns:q="{NAMESPACE}"')
    assert edoc(prefixed, tmp_path) == edoc(plain, tmp_path)
