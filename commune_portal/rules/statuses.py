"""Who may move what to what: the states of outgoing and incoming documents, and the axis' status codes.

Two small state machines, each one table, and one rule for codes that come late, twice or out of order.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum, StrEnum

from commune_portal.errors import Malformed, RuleBroken
from commune_portal.rules.folding import clean_text
from commune_portal.rules.kinds import Medium

REASON_LETTERS = 10
"""A reason shorter than this tells the other side nothing."""


class OutgoingState(StrEnum):
    """Where an outgoing document stands. `rules.amendments` says what leads to RECALLED and REPLACED."""

    DRAFT = "draft"
    SUBMITTED = "submitted"
    RETURNED = "returned"
    APPROVED = "approved"
    SIGNED = "signed"
    NUMBERED = "numbered"
    ISSUED = "issued"
    VOIDED = "voided"
    RECALLED = "recalled"
    REPLACED = "replaced"

    @property
    def label(self) -> str:
        """The words a clerk reads."""
        return _OUTGOING_LABELS[self]


_OUTGOING_LABELS = {
    OutgoingState.DRAFT: "Dự thảo",
    OutgoingState.SUBMITTED: "Chờ duyệt",
    OutgoingState.RETURNED: "Trả lại",
    OutgoingState.APPROVED: "Chờ ký",
    OutgoingState.SIGNED: "Đã ký",
    OutgoingState.NUMBERED: "Đã cấp số",
    OutgoingState.ISSUED: "Đã phát hành",
    OutgoingState.VOIDED: "Đã hủy số",
    OutgoingState.RECALLED: "Đã thu hồi",
    OutgoingState.REPLACED: "Đã thay thế",
}


class OutgoingAct(StrEnum):
    """What can be done to an outgoing document."""

    EDIT = "edit"
    SUBMIT = "submit"
    RETURN = "return"
    APPROVE = "approve"
    SIGN = "sign"
    NUMBER = "number"
    SEAL = "seal"
    DISPATCH = "dispatch"
    VOID = "void"

    @property
    def label(self) -> str:
        """The words a clerk reads."""
        return _OUTGOING_ACT_LABELS[self]


_OUTGOING_ACT_LABELS = {
    OutgoingAct.EDIT: "sửa",
    OutgoingAct.SUBMIT: "trình duyệt",
    OutgoingAct.RETURN: "trả lại",
    OutgoingAct.APPROVE: "duyệt",
    OutgoingAct.SIGN: "ký",
    OutgoingAct.NUMBER: "cấp số",
    OutgoingAct.SEAL: "đóng dấu phát hành",
    OutgoingAct.DISPATCH: "gửi",
    OutgoingAct.VOID: "hủy số",
}


class IncomingState(StrEnum):
    """Where an incoming document stands. `rules.amendments` says what leads to RECALLED and TAKEN_BACK."""

    ARRIVED = "arrived"
    REGISTERED = "registered"
    REFUSED = "refused"
    ASSIGNED = "assigned"
    IN_PROGRESS = "in-progress"
    COMPLETED = "completed"
    RECALLED = "recalled"
    TAKEN_BACK = "taken-back"

    @property
    def label(self) -> str:
        """The words a clerk reads."""
        return _INCOMING_LABELS[self]


_INCOMING_LABELS = {
    IncomingState.ARRIVED: "Mới đến",
    IncomingState.REGISTERED: "Đã vào sổ",
    IncomingState.REFUSED: "Từ chối nhận",
    IncomingState.ASSIGNED: "Đã phân công",
    IncomingState.IN_PROGRESS: "Đang xử lý",
    IncomingState.COMPLETED: "Hoàn thành",
    IncomingState.RECALLED: "Đã thu hồi",
    IncomingState.TAKEN_BACK: "Đã lấy lại",
}


class IncomingAct(StrEnum):
    """What can be done to an incoming document."""

    REGISTER = "register"
    REFUSE = "refuse"
    ASSIGN = "assign"
    START = "start"
    COMPLETE = "complete"

    @property
    def label(self) -> str:
        """The words a clerk reads."""
        return _INCOMING_ACT_LABELS[self]


_INCOMING_ACT_LABELS = {
    IncomingAct.REGISTER: "tiếp nhận vào sổ",
    IncomingAct.REFUSE: "từ chối nhận",
    IncomingAct.ASSIGN: "phân công",
    IncomingAct.START: "bắt đầu xử lý",
    IncomingAct.COMPLETE: "hoàn thành",
}

_O, _A = OutgoingState, OutgoingAct
OUTGOING_TABLE: Mapping[tuple[OutgoingState, OutgoingAct], OutgoingState] = {
    (_O.DRAFT, _A.EDIT): _O.DRAFT,
    (_O.DRAFT, _A.SUBMIT): _O.SUBMITTED,
    (_O.RETURNED, _A.EDIT): _O.RETURNED,
    (_O.RETURNED, _A.SUBMIT): _O.SUBMITTED,
    (_O.SUBMITTED, _A.RETURN): _O.RETURNED,
    (_O.SUBMITTED, _A.APPROVE): _O.APPROVED,
    (_O.APPROVED, _A.RETURN): _O.RETURNED,
    (_O.APPROVED, _A.SIGN): _O.SIGNED,
    (_O.SIGNED, _A.RETURN): _O.RETURNED,
    (_O.SIGNED, _A.NUMBER): _O.NUMBERED,
    (_O.NUMBERED, _A.SEAL): _O.ISSUED,
    (_O.NUMBERED, _A.VOID): _O.VOIDED,
    (_O.ISSUED, _A.DISPATCH): _O.ISSUED,
}
"""Every lawful step of an electronic document."""

PAPER_TABLE: Mapping[tuple[OutgoingState, OutgoingAct], OutgoingState] = {
    **OUTGOING_TABLE,
    (_O.APPROVED, _A.NUMBER): _O.NUMBERED,
}
"""Paper is signed by hand, out of our sight: it may be numbered once approved. SEAL is then the ink seal."""

_I, _B = IncomingState, IncomingAct
INCOMING_TABLE: Mapping[tuple[IncomingState, IncomingAct], IncomingState] = {
    (_I.ARRIVED, _B.REGISTER): _I.REGISTERED,
    (_I.ARRIVED, _B.REFUSE): _I.REFUSED,
    (_I.REGISTERED, _B.ASSIGN): _I.ASSIGNED,
    (_I.REGISTERED, _B.START): _I.IN_PROGRESS,
    (_I.REGISTERED, _B.COMPLETE): _I.COMPLETED,
    (_I.ASSIGNED, _B.ASSIGN): _I.ASSIGNED,
    (_I.ASSIGNED, _B.START): _I.IN_PROGRESS,
    (_I.ASSIGNED, _B.COMPLETE): _I.COMPLETED,
    (_I.IN_PROGRESS, _B.ASSIGN): _I.IN_PROGRESS,
    (_I.IN_PROGRESS, _B.COMPLETE): _I.COMPLETED,
}
"""Every lawful step of an incoming document; directing anew while it is worked on moves nothing backwards."""

_OUTGOING_ADVICE: Mapping[tuple[OutgoingState, OutgoingAct], str] = {
    (
        _O.APPROVED,
        _A.NUMBER,
    ): "Văn bản điện tử chưa có chữ ký số của người có thẩm quyền. Hãy trình ký trước khi cấp số.",
    (_O.SIGNED, _A.SEAL): "Văn bản chưa có số và ngày. Hãy cấp số trước khi đóng dấu phát hành.",
    (_O.NUMBERED, _A.DISPATCH): "Văn bản chưa có chữ ký số của cơ quan. Hãy đóng dấu phát hành trước khi gửi.",
    (_O.NUMBERED, _A.NUMBER): "Văn bản đã có số; số đã cấp không thay đổi. Hãy đóng dấu phát hành hoặc hủy số.",
    (_O.NUMBERED, _A.RETURN): "Văn bản đã có số nên không trả lại được. Nếu không phát hành, hãy hủy số và nêu lý do.",
    (
        _O.ISSUED,
        _A.VOID,
    ): "Văn bản đã phát hành nên không hủy số được. Hãy thu hồi, thay thế hoặc đính chính bằng công văn.",
    (_O.ISSUED, _A.EDIT): "Văn bản đã phát hành nên không sửa được. Hãy thay thế hoặc đính chính bằng công văn.",
    (_O.ISSUED, _A.SEAL): "Văn bản đã được đóng dấu phát hành, không cần làm lại. Hãy gửi tới nơi nhận.",
    (_O.SUBMITTED, _A.EDIT): "Văn bản đang chờ duyệt nên không sửa được. Đề nghị lãnh đạo trả lại để sửa.",
}

_INCOMING_ADVICE: Mapping[tuple[IncomingState, IncomingAct], str] = {
    (_I.ARRIVED, _B.ASSIGN): "Văn bản chưa vào sổ. Văn thư tiếp nhận vào sổ rồi mới phân công được.",
    (_I.ARRIVED, _B.START): "Văn bản chưa vào sổ. Văn thư tiếp nhận vào sổ rồi mới xử lý được.",
    (_I.ARRIVED, _B.COMPLETE): "Văn bản chưa vào sổ. Văn thư tiếp nhận vào sổ rồi mới hoàn thành được.",
    (_I.REGISTERED, _B.REFUSE): "Văn bản đã vào sổ nên không từ chối được nữa. Hãy trao đổi với nơi gửi để thu hồi.",
    (_I.IN_PROGRESS, _B.START): "Văn bản đã được bắt đầu xử lý. Hãy tải lại trang để xem trạng thái mới nhất.",
}


def next_outgoing(state: OutgoingState, act: OutgoingAct, medium: Medium = Medium.ELECTRONIC) -> OutgoingState:
    """The state after an act; raises RuleBroken with what to do instead.

    Source: NĐ 30/2020, Điều 10-19 (the order of drafting, approving, signing, numbering, sealing, issuing);
    QĐ 28/2018, Điều 8.1.
    """
    table = PAPER_TABLE if medium is Medium.PAPER else OUTGOING_TABLE
    after = table.get((state, act))
    if after is None:
        raise RuleBroken(
            _OUTGOING_ADVICE.get((state, act))
            or _refusal(state.label, act.label, [may.label for may in outgoing_acts(state, medium)])
        )
    return after


def next_incoming(state: IncomingState, act: IncomingAct) -> IncomingState:
    """The state after an act; raises RuleBroken with what to do instead.

    Source: NĐ 30/2020, Điều 20-24; QĐ 28/2018, Điều 9.
    """
    after = INCOMING_TABLE.get((state, act))
    if after is None:
        raise RuleBroken(
            _INCOMING_ADVICE.get((state, act))
            or _refusal(state.label, act.label, [may.label for may in incoming_acts(state)])
        )
    return after


def outgoing_acts(state: OutgoingState, medium: Medium = Medium.ELECTRONIC) -> tuple[OutgoingAct, ...]:
    """The acts that the state allows, in the order of the work; what a page offers.

    Source: NĐ 30/2020, Điều 10-19.
    """
    table = PAPER_TABLE if medium is Medium.PAPER else OUTGOING_TABLE
    return tuple(act for act in OutgoingAct if (state, act) in table)


def incoming_acts(state: IncomingState) -> tuple[IncomingAct, ...]:
    """The acts that the state allows, in the order of the work; what a page offers.

    Source: NĐ 30/2020, Điều 20-24.
    """
    return tuple(act for act in IncomingAct if (state, act) in INCOMING_TABLE)


class StatusCode(StrEnum):
    """What the receiver tells the sender (01-06), and the dialogue of taking back (13, 15, 16).

    Source: QĐ 28/2018, Điều 10.2.h names the states; the codes are the exchange axis'.
    """

    ARRIVED = "01"
    REFUSED = "02"
    REGISTERED = "03"
    ASSIGNED = "04"
    IN_PROGRESS = "05"
    COMPLETED = "06"
    TAKE_BACK_ASKED = "13"
    TAKE_BACK_AGREED = "15"
    TAKE_BACK_DECLINED = "16"

    @property
    def label(self) -> str:
        """The words a clerk reads."""
        return _STATUS_LABELS[self]

    @property
    def rank(self) -> int:
        """How far the document is at the receiver: 1 to 6; 0 for the side dialogue, which moves nothing."""
        return 0 if self.is_dialogue else int(self.value)

    @property
    def final(self) -> bool:
        """Whether nothing follows."""
        return self in (StatusCode.REFUSED, StatusCode.COMPLETED)

    @property
    def is_dialogue(self) -> bool:
        """Whether it belongs to the dialogue of taking back."""
        return self in (StatusCode.TAKE_BACK_ASKED, StatusCode.TAKE_BACK_AGREED, StatusCode.TAKE_BACK_DECLINED)


_STATUS_LABELS = {
    StatusCode.ARRIVED: "Đã đến",
    StatusCode.REFUSED: "Từ chối tiếp nhận",
    StatusCode.REGISTERED: "Đã tiếp nhận",
    StatusCode.ASSIGNED: "Đã phân công",
    StatusCode.IN_PROGRESS: "Đang xử lý",
    StatusCode.COMPLETED: "Hoàn thành",
    StatusCode.TAKE_BACK_ASKED: "Yêu cầu lấy lại",
    StatusCode.TAKE_BACK_AGREED: "Đồng ý lấy lại",
    StatusCode.TAKE_BACK_DECLINED: "Từ chối lấy lại",
}


class BusinessType(IntEnum):
    """What a packet is for; its status codes mean something only together with this.

    Source: QCVN 102:2016 (BussinessDocType).
    """

    NEW = 0
    RECALL = 1
    UPDATE = 2
    REPLACE = 3

    @property
    def label(self) -> str:
        """The words a clerk reads."""
        return ("Văn bản mới", "Thu hồi", "Cập nhật", "Thay thế")[self.value]


_STATUS_OF_ACT = {
    IncomingAct.REGISTER: StatusCode.REGISTERED,
    IncomingAct.REFUSE: StatusCode.REFUSED,
    IncomingAct.ASSIGN: StatusCode.ASSIGNED,
    IncomingAct.START: StatusCode.IN_PROGRESS,
    IncomingAct.COMPLETE: StatusCode.COMPLETED,
}


def status_for(act: IncomingAct) -> StatusCode:
    """The status that an act sends to the sender; 01 is sent by arriving, which nobody does.

    Source: QĐ 28/2018, Điều 6.3 (states follow from acts, nobody ticks them) and Điều 10.2.h.
    """
    return _STATUS_OF_ACT[act]


def read_status(text: str) -> StatusCode:
    """Reads a code from outside, 14 as 15; raises Malformed for an unknown one.

    Source: the exchange axis' code list, where one client sends 14 for 15.
    """
    code = text.strip()
    try:
        return StatusCode("15" if code == "14" else code)
    except ValueError:
        raise Malformed(f"Mã trạng thái “{code[:20]}” không có trong danh mục.") from None


@dataclass(frozen=True, slots=True)
class Advance:
    """What an arrived status does: whether it took effect, what holds now, and why it did not."""

    applied: bool
    now: StatusCode | None
    reason: str = ""


def advance(current: StatusCode | None, arrived: StatusCode) -> Advance:
    """Applies a status that may be late, doubled or out of order; what holds never goes backwards.

    Steps may be skipped; 02 counts only before 03; 02 and 06 are final; the dialogue of taking back (13, 15, 16)
    is kept apart and moves nothing here. Whatever is not applied is still logged by the caller.

    Source: QĐ 28/2018, Điều 6.3 and 10.2.h; the order of the codes is the exchange axis'.
    """
    if arrived.is_dialogue:
        return Advance(False, current, "Trao đổi về lấy lại không làm thay đổi trạng thái xử lý.")
    if current is StatusCode.TAKE_BACK_AGREED:
        return Advance(False, current, "Văn bản đã được lấy lại.")
    if current is None or current.is_dialogue:
        return Advance(True, arrived)
    if arrived is current:
        return Advance(False, current, "Trạng thái này đã nhận rồi.")
    if current.final:
        return Advance(False, current, f"Đã kết thúc ở “{current.label}”.")
    if arrived is StatusCode.REFUSED and current is not StatusCode.ARRIVED:
        return Advance(False, current, "Nơi nhận đã vào sổ nên không còn từ chối được.")
    if arrived.rank < current.rank:
        return Advance(False, current, f"Đến muộn: đã ở “{current.label}”.")
    return Advance(True, arrived)


def check_reason(text: str) -> str:
    """The reason as stored; raises RuleBroken when it is shorter than ten characters.

    Source: NĐ 30/2020, Điều 21.2.b; QĐ 28/2018, Điều 5.4 (the refuser answers for the refusal).
    """
    reason = clean_text(text)
    if len(reason) < REASON_LETTERS:
        raise RuleBroken(f"Lý do cần ít nhất {REASON_LETTERS} ký tự. Hãy ghi rõ để nơi nhận hiểu.", field="reason")
    return reason


def _refusal(state: str, act: str, may: list[str]) -> str:
    """The sentence for an act that a state does not allow."""
    instead = f"Việc có thể làm: {', '.join(may)}." if may else "Văn bản này không còn bước nào tiếp theo."
    return f"Văn bản đang ở trạng thái “{state}” nên không {act} được. {instead}"
