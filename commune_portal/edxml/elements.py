"""What a packet's elements mean: liberal in form, frank about everything that is not as the format says.

Source: edxml.md §1.1, §1.2, §2, §3. Only a missing From, To or DocumentId is refused; the rest becomes findings.
"""

from __future__ import annotations

from datetime import date, datetime

from commune_portal.edxml.package import (
    Attachment,
    Business,
    Code,
    DocumentType,
    Edoc,
    Organ,
    OtherInfo,
    ReceiverChange,
    Replacement,
    ResponseFor,
    Signer,
    Staff,
    Status,
    Trace,
)
from commune_portal.edxml.scalars import holds_invisible, is_organ_id, read_date, read_instant, read_truth, read_whole
from commune_portal.edxml.stream import Element, Report
from commune_portal.errors import Malformed
from commune_portal.rules.folding import clean_line, clean_text
from commune_portal.rules.statuses import BusinessType, read_status


class Part:
    """One element while it is read: gives its fields, and reports at the end those that nobody asked for."""

    def __init__(self, element: Element | None, path: str, report: Report) -> None:
        self._element = element
        self._report = report
        self._asked: set[str] = set()
        self.path = element.path if element is not None else path
        self.present = element is not None

    def _children(self, name: str) -> list[Element]:
        self._asked.add(name)
        return [] if self._element is None else [item for item in self._element.children if item.name == name]

    def one(self, name: str) -> Part:
        """The child of that name; one that is not there reads as empty."""
        found = self._children(name)
        if len(found) > 1:
            self._report(found[0].path, "Phần tử này chỉ được có một; đã đọc phần tử đầu tiên.")
        return Part(found[0] if found else None, f"{self.path}/{name}", self._report)

    def all(self, name: str) -> list[Part]:
        """Every child of that name."""
        return [Part(item, item.path, self._report) for item in self._children(name)]

    def own_text(self, *, lines: bool = False) -> str:
        """This element's own text, in NFC, without what nobody can see."""
        if self._element is None:
            return ""
        if holds_invisible(self._element.text):
            self._report(self.path, "Đã bỏ ký tự điều khiển hoặc ký tự đảo chiều chữ.")
        return clean_text(self._element.text) if lines else clean_line(self._element.text)

    def text(self, name: str, *, lines: bool = False) -> str:
        """A child's text."""
        return self.one(name).own_text(lines=lines)

    def whole(self, name: str) -> int | None:
        """A child's whole number."""
        text = self.text(name)
        value = read_whole(text)
        if text and value is None:
            self._report(f"{self.path}/{name}", f"«{text[:40]}» không phải là số nguyên; đã bỏ qua.")
        return value

    def truth(self, name: str) -> bool | None:
        """A child's truth value."""
        text = self.text(name)
        value = read_truth(text)
        if text and value is None:
            self._report(f"{self.path}/{name}", f"«{text[:40]}» không phải là 0 hay 1; đã bỏ qua.")
        return value

    def day(self, name: str) -> date | None:
        """A child's civil date."""
        text = self.text(name)
        value = read_date(text)
        if text and value is None:
            self._report(f"{self.path}/{name}", f"Không hiểu ngày «{text[:40]}»; đã để trống.")
        elif value is not None and not (len(text) == 10 and text[4] == "/"):
            self._report(f"{self.path}/{name}", f"Ngày «{text[:40]}» không viết theo dạng năm/tháng/ngày.")
        return value

    def instant(self, name: str) -> datetime | None:
        """A child's instant."""
        text = self.text(name)
        value = read_instant(text)
        if text and value is None:
            self._report(f"{self.path}/{name}", f"Không hiểu thời điểm «{text[:40]}»; đã để trống.")
        elif value is not None and not (len(text) == 19 and text[4] == "/" and text[10] == " "):
            self._report(f"{self.path}/{name}", f"Thời điểm «{text[:40]}» không viết theo dạng năm/tháng/ngày giờ.")
        return value

    def warn(self, name: str, sentence: str) -> None:
        """Reports something about a child, or about the element itself."""
        self._report(f"{self.path}/{name}" if name else self.path, sentence)

    def close(self) -> None:
        """Reports the children that were not asked for."""
        if self._element is not None:
            for name in dict.fromkeys(child.name for child in self._element.children):
                if name not in self._asked:
                    self.warn("", f"Không biết phần tử «{name[:80]}»; phần này vẫn còn trong gói tin gốc.")


def interpret(root: Element, attachments: tuple[Attachment, ...], report: Report) -> Edoc | Status:
    """The packet as values; raises Malformed without From, To or DocumentId."""
    element = root.find("MessageHeader")
    if element is None:
        raise Malformed("Gói tin không có phần đầu (MessageHeader). Đề nghị nơi gửi gửi lại.")
    header = Part(element, "MessageHeader", report)
    sender = _sender(header)
    if element.child("StatusCode") is not None:
        return _status(header, sender, attachments)
    return _edoc(root, header, sender, attachments, report)


def _sender(header: Part) -> Organ:
    part = header.one("From")
    sender = _organ(part)
    if not sender.organ_id:
        raise Malformed("Gói tin thiếu nơi gửi (From/OrganId) nên không thể trả lời. Đề nghị nơi gửi gửi lại.")
    return sender


def _edoc(root: Element, header: Part, sender: Organ, attachments: tuple[Attachment, ...], report: Report) -> Edoc:
    receivers = tuple(_organ(part) for part in header.all("To"))
    if not any(organ.organ_id for organ in receivers):
        raise Malformed("Gói tin thiếu nơi nhận (To/OrganId). Đề nghị nơi gửi gửi lại.")
    document_id = header.text("DocumentId")
    if not document_id:
        raise Malformed("Gói tin thiếu mã định danh văn bản (DocumentId). Đề nghị nơi gửi gửi lại.")
    code = header.one("Code")
    number, notation = code.text("CodeNumber"), code.text("CodeNotation")
    code.close()
    if not number or not notation:
        header.warn("Code", "Thiếu số hoặc ký hiệu văn bản.")
    promulgation = header.one("PromulgationInfo")
    promulgation_date = promulgation.day("PromulgationDate")
    if promulgation_date is None:
        promulgation.warn("PromulgationDate", "Thiếu ngày ban hành.")
    kind = header.one("DocumentType")
    document_type = DocumentType(kind.text("TypeName"), kind.whole("Type"), kind.whole("TypeDetail"))
    kind.close()
    if not document_type.name:
        kind.warn("TypeName", "Thiếu tên loại văn bản.")
    subject = header.text("Subject")
    if not subject:
        header.warn("Subject", "Thiếu trích yếu.")
    places = header.one("ToPlaces")
    task = header.one("ResponseForTask")
    found = root.find("TraceHeaderList")
    traces = Part(found, "TraceHeaderList", report)
    edoc = Edoc(
        sender=sender,
        receivers=receivers,
        document_id=document_id,
        code=Code(number, notation),
        promulgation_date=promulgation_date,
        document_type=document_type,
        subject=subject,
        promulgation_place=promulgation.text("Place"),
        content=header.text("Content", lines=True),
        signer=_signer(header.one("SignerInfo")),
        due_date=header.day("DueDate"),
        to_places=tuple(filter(None, (place.own_text() for place in places.all("Place")))),
        other=_other(header.one("OtherInfo")),
        responses=tuple(_response(part) for part in header.all("ResponseFor")),
        steering_type=header.whole("SteeringType"),
        task_code=task.text("TaskCode"),
        application_type=header.text("ApplicationType"),
        traces=tuple(_trace(part) for part in traces.all("TraceHeader")),
        business=_business(traces.one("Bussiness")),
        attachments=attachments,
        signature_present=root.find("Signature") is not None,
    )
    for part in (promulgation, places, task, traces, header):
        part.close()
    return edoc


def _status(header: Part, sender: Organ, attachments: tuple[Attachment, ...]) -> Status:
    part = header.one("ResponseFor")
    response = _response(part)
    if not response.document_id and not response.code:
        raise Malformed("Trạng thái không nêu văn bản nào (ResponseFor/DocumentId). Đề nghị nơi gửi gửi lại.")
    if not response.document_id:
        part.warn("DocumentId", "Trạng thái không nêu mã định danh văn bản, chỉ có số ký hiệu.")
    if "/" in response.organ_id and is_organ_id(response.code):
        part.warn("", "Có vẻ mã cơ quan và số ký hiệu bị viết đổi chỗ; đã giữ nguyên như nơi gửi viết.")
    elif not response.organ_id:
        part.warn("OrganId", "Trạng thái không nêu cơ quan nhận.")
    code = header.text("StatusCode")
    if not code:
        raise Malformed("Trạng thái không có mã (StatusCode). Đề nghị nơi gửi gửi lại.")
    if len(code) == 1 and code.isascii() and code.isdigit():
        header.warn("StatusCode", f"Mã trạng thái «{code}» viết thiếu số 0; đã hiểu là «0{code}».")
        code = "0" + code
    try:
        read_status(code)
    except Malformed:
        header.warn("StatusCode", f"Mã trạng thái «{code[:20]}» không có trong danh mục.")
    if code == "14":
        header.warn("StatusCode", "Mã trạng thái «14» chỉ một nơi dùng; hiểu như «15» (đồng ý).")
    if attachments:
        header.warn("", "Trạng thái không được kèm tệp.")
    header.all("To")
    status = Status(
        sender=sender,
        response_for=response,
        status_code=code,
        description=header.text("Description", lines=True),
        timestamp=header.instant("Timestamp"),
        staff=_staff(header.one("StaffInfo")),
    )
    if status.timestamp is None:
        header.warn("Timestamp", "Trạng thái không có thời điểm đọc được.")
    header.close()
    return status


def _organ(part: Part) -> Organ:
    organ = Organ(
        organ_id=part.text("OrganId"),
        name=part.text("OrganName"),
        in_charge=part.text("OrganizationInCharge"),
        address=part.text("OrganAdd"),
        email=part.text("Email"),
        telephone=part.text("Telephone"),
        fax=part.text("Fax"),
        website=part.text("Website"),
    )
    part.close()
    if part.present and not is_organ_id(organ.organ_id):
        part.warn("OrganId", f"Mã định danh cơ quan «{organ.organ_id[:60]}» trống hoặc không đúng dạng.")
    return organ


def _signer(part: Part) -> Signer | None:
    signer = Signer(part.text("Competence"), part.text("Position"), part.text("FullName"))
    part.close()
    return signer if part.present else None


def _other(part: Part) -> OtherInfo | None:
    appendixes = part.one("Appendixes")
    other = OtherInfo(
        priority=part.whole("Priority"),
        sphere_of_promulgation=part.text("SphereOfPromulgation"),
        typer_notation=part.text("TyperNotation"),
        promulgation_amount=part.whole("PromulgationAmount"),
        page_amount=part.whole("PageAmount"),
        direction=part.truth("Direction"),
        reply_fors=part.text("ReplyFors"),
        reference_codes=part.text("ReferenceCodes"),
        appendixes=tuple(filter(None, (item.own_text() for item in appendixes.all("Appendix")))),
    )
    part.close()
    if other.priority is not None and not 0 <= other.priority <= 4:
        part.warn("Priority", f"Không biết độ khẩn «{other.priority}»; hiểu như văn bản thường.")
    return other if part.present else None


def _response(part: Part) -> ResponseFor:
    code = part.one("Code")
    printed = code.own_text()
    if not printed:
        printed = "/".join(filter(None, (code.text("CodeNumber"), code.text("CodeNotation"))))
    response = ResponseFor(part.text("OrganId"), printed, part.text("DocumentId"), part.day("PromulgationDate"))
    part.close()
    return response


def _trace(part: Part) -> Trace:
    trace = Trace(part.text("OrganId"), part.instant("Timestamp"))
    part.close()
    return trace


def _staff(part: Part) -> Staff | None:
    staff = Staff(
        department=part.text("Department"),
        department_id=part.text("DepartmentId"),
        staff=part.text("Staff"),
        staff_id=part.text("StaffId"),
        mobile=part.text("Mobile"),
        email=part.text("Email"),
    )
    part.close()
    return staff if part.present else None


def _business(part: Part) -> Business | None:
    information = part.one("BussinessDocumentInfo")
    receivers = information.one("ReceiverList").all("Receiver")
    replacements = part.one("ReplacementInfoList").all("ReplacementInfo")
    business = Business(
        type=part.whole("BussinessDocType"),
        reason=part.text("BussinessDocReason", lines=True),
        paper=part.truth("Paper"),
        staff=_staff(part.one("StaffInfo")),
        document_id=part.text("DocumentId"),
        document_info=information.truth("DocumentInfo"),
        document_receiver=information.truth("DocumentReceiver"),
        receivers=tuple(ReceiverChange(item.text("OrganId"), item.whole("ReceiverType")) for item in receivers),
        replacements=tuple(
            Replacement(
                item.text("DocumentId"),
                tuple(filter(None, (organ.own_text() for organ in item.one("OrganIdList").all("OrganId")))),
            )
            for item in replacements
        ),
    )
    part.close()
    if part.present and business.type not in set(BusinessType):
        part.warn("BussinessDocType", "Không biết nghiệp vụ của gói tin (mới, thu hồi, cập nhật, thay thế).")
    return business if part.present else None
