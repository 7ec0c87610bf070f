"""The writer refuses what may not be sent and writes the rest in the one shape that common readers take."""

from __future__ import annotations

import io
import xml.etree.ElementTree as ElementTree
import zipfile
from base64 import b64decode
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from commune_portal.edxml.package import NAMESPACE, Attachment, Business, Code, DocumentType, Edoc, Organ
from commune_portal.edxml.reader import read
from commune_portal.edxml.writer import attach
from commune_portal.errors import Malformed, StoreDamaged
from tests.edxml.specimens import EDOC, PDF, with_files, written

Q = "{" + NAMESPACE + "}"


@pytest.mark.parametrize(
    ("changes", "word"),
    [
        ({"sender": Organ("")}, "cơ quan gửi"),
        ({"sender": Organ("mã sai / có dấu")}, "không hợp lệ"),
        ({"receivers": ()}, "nơi nhận"),
        ({"receivers": (Organ("", "Ai đó"),)}, "Ai đó"),
        ({"code": Code("", "QĐ-UBND")}, "chưa có số"),
        ({"code": Code("17", "")}, "ký hiệu"),
        ({"promulgation_date": None}, "ngày ban hành"),
        ({"document_type": DocumentType("")}, "tên loại"),
        ({"subject": " \n\x00"}, "trích yếu"),
        ({"document_id": ""}, "mã định danh văn bản"),
        ({"attachments": (Attachment("", "application/pdf", 0),)}, "không có tên"),
        ({"attachments": (Attachment("a.pdf", "application/pdf", 0),)}, "Không có nội dung"),
        ({"business": Business(9)}, "Nghiệp vụ"),
        ({"traces": ()}, "nơi và lúc gửi"),
        ({"business": Business(1)}, "Thu hồi phải nêu"),
        ({"business": Business(1, document_id="x"), "responses": ()}, "dẫn chiếu"),
        ({"business": Business(2)}, "Cập nhật"),
        ({"business": Business(3)}, "Thay thế"),
    ],
)
def test_what_every_packet_needs_is_demanded_with_a_sentence(changes: dict[str, Any], word: str) -> None:
    with pytest.raises(Malformed) as caught:
        written(replace(EDOC, **changes))
    assert word in caught.value.sentence


def test_the_shape_is_the_one_that_common_readers_take(tmp_path: Path) -> None:
    data = written(with_files(tmp_path, van_ban__pdf=PDF, bang_tinh__xlsx=b"PK\x03\x04 a sheet"))
    assert data.startswith(b'<?xml version="1.0" encoding="UTF-8"?>\n<edXML xmlns="' + NAMESPACE.encode())
    assert b'<edXML:edXMLEnvelope xmlns:edXML="' + NAMESPACE.encode() in data
    root = ElementTree.fromstring(data)
    header = root.find(f"{Q}edXMLEnvelope/{Q}edXMLHeader/{Q}MessageHeader")
    assert header is not None
    assert [child.tag.removeprefix(Q) for child in header] == [
        *("From", "To", "To", "Code", "PromulgationInfo", "DocumentType", "Subject", "Content", "SignerInfo"),
        *("DueDate", "ToPlaces", "OtherInfo", "ResponseFor", "SteeringType", "DocumentId"),
    ]
    for holder, item in (("edXMLManifest", "Reference"), ("AttachmentEncoded", "Attachment")):
        found = root.findall(f".//{Q}{holder}/{Q}{item}")
        assert [one.findtext(f"{Q}ContentType") for one in found] == ["application/pdf", "application/zip"]
        assert all((one.findtext(f"{Q}ContentId") or "").startswith("cid:") for one in found)
    pdf, sheet = root.findall(f".//{Q}Attachment")
    assert b64decode(pdf.findtext(f"{Q}ContentTransferEncoded") or "") == PDF
    with zipfile.ZipFile(io.BytesIO(b64decode(sheet.findtext(f"{Q}ContentTransferEncoded") or ""))) as archive:
        assert archive.testzip() is None
        (entry,) = archive.infolist()
        assert entry.filename == (sheet.findtext(f"{Q}ContentId") or "").removeprefix("cid:") + ".xlsx"
        assert archive.read(entry) == b"PK\x03\x04 a sheet"


def test_empty_optional_elements_are_left_out() -> None:
    bare = Edoc(
        Organ("H99.1"), (Organ("H99.2"),), "id", Code("1", "CV"), date(2026, 1, 2), DocumentType("Công văn"), "Mời họp"
    )
    root = ElementTree.fromstring(written(bare))
    assert all((element.text or "").strip() or len(element) for element in root.iter())
    assert not {"DueDate", "Signature", "SignerInfo", "TraceHeaderList", "AttachmentEncoded"} & {
        element.tag.removeprefix(Q) for element in root.iter()
    }


def test_letters_that_xml_cannot_carry_are_dropped_and_text_is_nfc(tmp_path: Path) -> None:
    edoc = replace(EDOC, subject="Ba\u0301o ca\u0301o\x0b \x00so\u0302\u0301 1 \ud800 \uffff")
    parsed = read(io.BytesIO(written(edoc)), tmp_path)
    assert isinstance(parsed, Edoc)
    assert parsed.subject == "Báo cáo số 1"


def test_content_ids_come_from_the_document_and_the_ordinal(tmp_path: Path) -> None:
    edoc = with_files(tmp_path, a__pdf=PDF, b__pdf=PDF)
    again = replace(edoc, document_id="H99.18.02.2026.000018")
    ids = [
        {element.text for element in ElementTree.fromstring(written(one)).iter(f"{Q}ContentId")}
        for one in (edoc, again)
    ]
    assert len(ids[0]) == 2
    assert not ids[0] & ids[1]


@pytest.mark.parametrize("identity", ["a b", "x" * 81, "<id>", "cid:1"])
def test_a_strange_content_id_is_refused(tmp_path: Path, identity: str) -> None:
    edoc = with_files(tmp_path, a__pdf=PDF)
    with pytest.raises(Malformed):
        written(replace(edoc, attachments=(replace(edoc.attachments[0], content_id=identity),)))


def test_two_attachments_cannot_share_a_content_id(tmp_path: Path) -> None:
    edoc = with_files(tmp_path, a__pdf=PDF, b__pdf=PDF)
    with pytest.raises(Malformed):
        written(replace(edoc, attachments=tuple(replace(item, content_id="same") for item in edoc.attachments)))


def test_a_file_that_changed_since_it_was_stored_is_not_sent(tmp_path: Path) -> None:
    path = tmp_path / "a.pdf"
    path.write_bytes(PDF)
    edoc = replace(EDOC, attachments=(attach(path, "a.pdf"),))
    path.write_bytes(PDF.replace(b"mot", b"hai"))
    with pytest.raises(StoreDamaged):
        written(edoc)
    path.unlink()
    with pytest.raises(StoreDamaged):
        written(edoc)


def test_names_are_labels_without_folders(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_bytes(PDF)
    assert attach(path, "..\\..\\Cục/Thư mục/Quyết định.PDF").name == "Quyết định.PDF"
    assert attach(path, "Quyết định.PDF").content_type == "application/pdf"
