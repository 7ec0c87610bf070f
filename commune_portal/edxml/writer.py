"""Document packets out: strict, deterministic, and with memory that does not grow with the attachments.

Source: QCVN 102:2016/BTTTT; edxml.md §1.1, §1.4, §4. What may not be sent is refused with a sentence that says what
to fill in; empty optional elements are left out and nothing is made up.
"""

from __future__ import annotations

import binascii
import hashlib
import re
import uuid
from pathlib import Path
from typing import BinaryIO

from commune_portal.edxml.markup import Markup
from commune_portal.edxml.package import Attachment, Business, Edoc, OtherInfo, content_type_of, extension
from commune_portal.edxml.scalars import is_organ_id, label, writable
from commune_portal.edxml.wrapping import PIECE_BYTES, Readable, wrap
from commune_portal.errors import Malformed, StoreDamaged
from commune_portal.rules.folding import clean_line

PDF = "application/pdf"
ZIP = "application/zip"
_CONTENT_IDS = uuid.UUID("6b0d5f0e-5d0c-5d3b-9a51-9d4a2f6f1c20")
_SAFE_ID = re.compile(r"[A-Za-z0-9._-]{1,80}", re.ASCII)


def attach(path: Path, name: str, *, description: str = "") -> Attachment:
    """A file as an attachment to send: its type comes from its name, size and hash from its bytes."""
    digest, size = hashlib.sha256(), 0
    with path.open("rb") as file:
        while piece := file.read(PIECE_BYTES):
            digest.update(piece)
            size += len(piece)
    name = label(name)
    return Attachment(name, content_type_of(name), size, digest.hexdigest(), description, path=path)


def write(edoc: Edoc, out: BinaryIO) -> None:
    """Writes a document packet; the same values and files always give the same bytes.

    Raises Malformed when something that every packet needs is missing, StoreDamaged when an attachment's bytes are
    not those that its size and hash say. What was written until then is worthless and the caller drops it.
    """
    check(edoc)
    ids = [content_id(edoc, ordinal) for ordinal in range(len(edoc.attachments))]
    if len(set(ids)) != len(ids):
        raise Malformed("Hai tệp đính kèm có cùng mã nội dung. Hãy đính kèm lại từng tệp.")
    markup = Markup(out)
    with markup.packet():
        with markup.envelope():
            with markup.header():
                _message_header(markup, edoc)
                _traces(markup, edoc)
            if edoc.attachments:
                _manifest(markup, edoc, ids)
        if edoc.attachments:
            with markup.within("AttachmentEncoded", prefix=""):
                for attachment, identity in zip(edoc.attachments, ids, strict=True):
                    _attachment(markup, attachment, identity, out)


def check(edoc: Edoc) -> None:
    """Refuses what may not be sent. Source: edxml.md §4; QĐ 28/2018, Điều 10.2."""
    _need(edoc.sender.organ_id, "from", "Thiếu mã định danh của cơ quan gửi. Hãy khai trong phần Đơn vị.")
    if not edoc.receivers:
        raise Malformed("Chưa chọn nơi nhận. Hãy chọn ít nhất một cơ quan nhận.", field="to")
    for organ in (edoc.sender, *edoc.receivers):
        if not is_organ_id(organ.organ_id):
            name = clean_line(organ.name) or clean_line(organ.organ_id)
            raise Malformed(f"Mã định danh của «{name}» không hợp lệ. Hãy sửa trong danh bạ.", field="to")
    _need(edoc.code.number, "code", "Văn bản chưa có số. Hãy cấp số trước khi gửi.")
    _need(edoc.code.notation, "code", "Văn bản chưa có ký hiệu. Hãy bổ sung ký hiệu trước khi gửi.")
    if edoc.promulgation_date is None:
        raise Malformed("Văn bản chưa có ngày ban hành. Hãy cấp số, ngày trước khi gửi.", field="promulgation_date")
    _need(edoc.document_type.name, "document_type", "Thiếu tên loại văn bản. Hãy chọn loại văn bản.")
    _need(edoc.subject, "subject", "Thiếu trích yếu. Hãy nhập trích yếu nội dung.")
    _need(edoc.document_id, "document_id", "Văn bản chưa có mã định danh văn bản. Hãy cấp số trước khi gửi.")
    for attachment in edoc.attachments:
        _need(label(attachment.name), "attachments", "Có tệp đính kèm không có tên. Hãy đặt tên tệp.")
        if attachment.path is None:
            raise Malformed(f"Không có nội dung của tệp «{label(attachment.name)}».", field="attachments")
    if edoc.business is not None:
        _check_business(edoc, edoc.business)


def content_id(edoc: Edoc, ordinal: int) -> str:
    """The content id of an attachment without `cid:`: the given one, else derived from document id and ordinal."""
    given = edoc.attachments[ordinal].content_id
    if not given:
        return str(uuid.uuid5(_CONTENT_IDS, f"{edoc.document_id}\n{ordinal}"))
    if not _SAFE_ID.fullmatch(given):
        raise Malformed("Mã nội dung của tệp đính kèm không hợp lệ.", field="attachments")
    return given


def _need(value: str, field: str, sentence: str) -> None:
    if not writable(value).strip():
        raise Malformed(sentence, field=field)


def _check_business(edoc: Edoc, business: Business) -> None:
    if business.type not in (0, 1, 2, 3):
        raise Malformed("Nghiệp vụ của gói tin phải là mới, thu hồi, cập nhật hoặc thay thế.", field="business")
    if not edoc.traces:
        raise Malformed("Gói tin có nghiệp vụ phải ghi nơi và lúc gửi.", field="traces")
    if business.type == 1:
        _need(business.document_id, "business", "Thu hồi phải nêu mã của văn bản bị thu hồi.")
        if not any(response.document_id for response in edoc.responses):
            raise Malformed("Thu hồi phải dẫn chiếu các văn bản bị thu hồi.", field="responses")
    if business.type == 2:
        _need(business.document_id, "business", "Cập nhật phải nêu mã của văn bản được cập nhật.")
    if business.type == 3 and not any(item.document_id for item in business.replacements):
        raise Malformed("Thay thế phải nêu văn bản bị thay thế.", field="business")


def _message_header(markup: Markup, edoc: Edoc) -> None:
    with markup.within("MessageHeader"):
        markup.organ("From", edoc.sender)
        for receiver in edoc.receivers:
            markup.organ("To", receiver)
        with markup.within("Code"):
            markup.text("CodeNumber", edoc.code.number)
            markup.text("CodeNotation", edoc.code.notation)
        with markup.within("PromulgationInfo"):
            markup.text("Place", edoc.promulgation_place)
            markup.day("PromulgationDate", edoc.promulgation_date)
        with markup.within("DocumentType"):
            markup.number("Type", edoc.document_type.kind)
            markup.number("TypeDetail", edoc.document_type.detail)
            markup.text("TypeName", edoc.document_type.name)
        markup.text("Subject", edoc.subject)
        markup.text("Content", edoc.content)
        if edoc.signer is not None:
            with markup.within("SignerInfo"):
                markup.text("Competence", edoc.signer.competence)
                markup.text("Position", edoc.signer.position)
                markup.text("FullName", edoc.signer.full_name)
        markup.day("DueDate", edoc.due_date)
        if any(edoc.to_places):
            with markup.within("ToPlaces"):
                for place in edoc.to_places:
                    markup.text("Place", place)
        if edoc.other is not None and edoc.other != OtherInfo():
            _other_info(markup, edoc.other)
        for response in edoc.responses:
            markup.response_for(response)
        markup.number("SteeringType", edoc.steering_type)
        if edoc.task_code:
            with markup.within("ResponseForTask"):
                markup.text("TaskCode", edoc.task_code)
        markup.text("ApplicationType", edoc.application_type)
        markup.text("DocumentId", edoc.document_id)


def _other_info(markup: Markup, other: OtherInfo) -> None:
    with markup.within("OtherInfo"):
        markup.number("Priority", other.priority)
        markup.text("SphereOfPromulgation", other.sphere_of_promulgation)
        markup.text("TyperNotation", other.typer_notation)
        markup.number("PromulgationAmount", other.promulgation_amount)
        markup.number("PageAmount", other.page_amount)
        if other.direction is not None:
            markup.text("Direction", "true" if other.direction else "false")
        markup.text("ReplyFors", other.reply_fors)
        markup.text("ReferenceCodes", other.reference_codes)
        if any(other.appendixes):
            with markup.within("Appendixes"):
                for appendix in other.appendixes:
                    markup.text("Appendix", appendix)


def _traces(markup: Markup, edoc: Edoc) -> None:
    if not edoc.traces and edoc.business is None:
        return
    with markup.within("TraceHeaderList"):
        for trace in edoc.traces:
            with markup.within("TraceHeader"):
                markup.text("OrganId", trace.organ_id)
                markup.instant("Timestamp", trace.timestamp)
        if edoc.business is not None:
            _business(markup, edoc.business)


def _business(markup: Markup, business: Business) -> None:
    with markup.within("Bussiness"):
        markup.text("DocumentId", business.document_id)
        markup.number("BussinessDocType", business.type)
        markup.text("BussinessDocReason", business.reason)
        markup.flag("Paper", value=business.paper)
        markup.staff(business.staff)
        if business.document_info is not None or business.document_receiver is not None or business.receivers:
            with markup.within("BussinessDocumentInfo"):
                markup.flag("DocumentInfo", value=business.document_info)
                markup.flag("DocumentReceiver", value=business.document_receiver)
                if business.receivers:
                    with markup.within("ReceiverList"):
                        for receiver in business.receivers:
                            with markup.within("Receiver"):
                                markup.text("OrganId", receiver.organ_id)
                                markup.number("ReceiverType", receiver.receiver_type)
        if business.replacements:
            with markup.within("ReplacementInfoList"):
                for item in business.replacements:
                    with markup.within("ReplacementInfo"):
                        markup.text("DocumentId", item.document_id)
                        if any(item.organ_ids):
                            with markup.within("OrganIdList"):
                                for organ_id in item.organ_ids:
                                    markup.text("OrganId", organ_id)


def _sent_type(attachment: Attachment) -> str:
    return PDF if attachment.content_type == PDF else ZIP


def _manifest(markup: Markup, edoc: Edoc, ids: list[str]) -> None:
    with markup.within("edXMLBody"), markup.within("edXMLManifest", attributes=' version="1.0"'):
        for attachment, identity in zip(edoc.attachments, ids, strict=True):
            with markup.within("Reference"):
                markup.text("ContentId", f"cid:{identity}")
                markup.text("ContentType", _sent_type(attachment))
                markup.text("Description", attachment.description)
                markup.text("AttachmentName", label(attachment.name))


def _attachment(markup: Markup, attachment: Attachment, identity: str, out: BinaryIO) -> None:
    name = label(attachment.name)
    with markup.within("Attachment", prefix=""):
        markup.text("ContentId", f"cid:{identity}", prefix="")
        markup.text("AttachmentName", name, prefix="")
        markup.text("Description", attachment.description, prefix="")
        markup.text("ContentType", _sent_type(attachment), prefix="")
        assert attachment.path is not None
        try:
            raw = attachment.path.open("rb")
        except FileNotFoundError as error:
            raise StoreDamaged(f"Không còn thấy tệp đính kèm «{name}» trong kho. Hãy báo người quản trị.") from error
        with raw, markup.encoded("ContentTransferEncoded"):
            source = _Counted(raw)
            encoder = _Base64(out)
            if _sent_type(attachment) == PDF:
                while piece := source.read(PIECE_BYTES):
                    encoder.write(piece)
            else:
                wrap(source, f"{_entry_stem(identity)}.{extension(name) or 'bin'}", encoder)
            encoder.finish()
    if attachment.size_bytes != source.size_bytes or attachment.sha256 not in ("", source.digest.hexdigest()):
        raise StoreDamaged(f"Tệp đính kèm «{name}» không còn đúng như lúc lưu. Hãy báo người quản trị.")


def _entry_stem(identity: str) -> str:
    try:
        return str(uuid.UUID(identity))
    except ValueError:
        return str(uuid.uuid5(_CONTENT_IDS, identity))


class _Counted:
    """A file that counts and hashes what is read of it."""

    def __init__(self, file: Readable) -> None:
        self._file = file
        self.size_bytes = 0
        self.digest = hashlib.sha256()

    def read(self, size: int = -1, /) -> bytes:
        """The file's next piece."""
        piece = self._file.read(size)
        self.size_bytes += len(piece)
        self.digest.update(piece)
        return piece


class _Base64:
    """A stream that writes what it is given as base64 on one line; `finish` writes what is left."""

    def __init__(self, out: BinaryIO) -> None:
        self._out = out
        self._left = b""

    def write(self, piece: bytes, /) -> int:
        """Writes the whole groups of three bytes and keeps the rest."""
        data = self._left + piece
        whole = len(data) - len(data) % 3
        self._out.write(binascii.b2a_base64(data[:whole], newline=False))
        self._left = data[whole:]
        return len(piece)

    def flush(self) -> None:
        """Nothing waits here but an unfinished group, which only `finish` may end."""

    def close(self) -> None:
        """Leaves the packet's stream open, which goes on after this attachment."""

    def finish(self) -> None:
        """Ends the text."""
        self._out.write(binascii.b2a_base64(self._left, newline=False))
        self._left = b""
