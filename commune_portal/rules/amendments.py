"""What may be asked about a document after it went out, and what each answer means; values in, values out.

Five kinds: recall (thu hồi), taking back (lấy lại), update, replacement, correction (đính chính). The first two are
different things: a recall withdraws an issued document and has it destroyed, taking back undoes a wrong sending.
Source: NĐ 30/2020, Điều 18.3, 18.4, Phụ lục VI, III.8; QĐ 28/2018, Điều 8.2, 9.2; QCVN 102:2016 (BussinessDocType).
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum

from commune_portal.errors import RuleBroken
from commune_portal.rules.statuses import BusinessType, IncomingState, OutgoingState, StatusCode


class Side(StrEnum):
    """Who asks: we about our outgoing document, or its sender about one that came to us."""

    OURS = "ours"
    THEIRS = "theirs"


class AmendmentKind(StrEnum):
    """What is asked."""

    RECALL = "recall"
    TAKE_BACK = "take-back"
    UPDATE = "update"
    REPLACE = "replace"
    CORRECT = "correct"

    @property
    def label(self) -> str:
        """The words a clerk reads."""
        return _KIND_LABELS[self]


_KIND_LABELS = {
    AmendmentKind.RECALL: "Thu hồi",
    AmendmentKind.TAKE_BACK: "Lấy lại",
    AmendmentKind.UPDATE: "Cập nhật",
    AmendmentKind.REPLACE: "Thay thế",
    AmendmentKind.CORRECT: "Đính chính",
}


class AmendmentState(StrEnum):
    """Where the dialogue stands; it only rises: asked, dropped, declined, agreed."""

    ASKED = "asked"
    DROPPED = "dropped"
    DECLINED = "declined"
    AGREED = "agreed"

    @property
    def rank(self) -> int:
        """The order in which states may follow each other."""
        return tuple(AmendmentState).index(self)

    @property
    def label(self) -> str:
        """The words a clerk reads."""
        return _STATE_LABELS[self]


_STATE_LABELS = {
    AmendmentState.ASKED: "Chờ trả lời",
    AmendmentState.DROPPED: "Không còn hiệu lực",
    AmendmentState.DECLINED: "Từ chối",
    AmendmentState.AGREED: "Đồng ý",
}


def outcome_label(kind: AmendmentKind, state: AmendmentState, side: Side) -> str:
    """Kind and state as one phrase, so that «đồng ý» to a recall reads as what it is: destroyed.

    Source: NĐ 30/2020, Điều 18.4; QĐ 28/2018, Điều 9.2.
    """
    if state is AmendmentState.AGREED:
        return {
            AmendmentKind.RECALL: "Đã xác nhận hủy" if side is Side.OURS else "Đã hủy theo thông báo thu hồi",
            AmendmentKind.TAKE_BACK: "Đã lấy lại",
            AmendmentKind.UPDATE: "Đã cập nhật",
            AmendmentKind.REPLACE: "Đã thay thế",
            AmendmentKind.CORRECT: "Đã đính chính",
        }[kind]
    if state is AmendmentState.ASKED:
        return {
            AmendmentKind.RECALL: "Chờ nơi nhận xác nhận hủy"
            if side is Side.OURS
            else "Chờ hủy theo thông báo thu hồi",
            AmendmentKind.TAKE_BACK: "Chờ nơi nhận đồng ý" if side is Side.OURS else "Nơi gửi xin lấy lại",
            AmendmentKind.UPDATE: "Chờ nơi nhận cập nhật" if side is Side.OURS else "Nơi gửi đề nghị cập nhật",
            AmendmentKind.REPLACE: "Chờ nơi nhận tiếp nhận bản thay thế" if side is Side.OURS else "Chờ văn bản cũ",
            AmendmentKind.CORRECT: "Chờ văn bản được đính chính",
        }[kind]
    return f"{kind.label}: {state.label.lower()}"


_O, _K = OutgoingState, AmendmentKind
ASKING_TABLE: Mapping[tuple[OutgoingState, AmendmentKind], OutgoingState] = {
    (_O.ISSUED, _K.RECALL): _O.RECALLED,
    (_O.REPLACED, _K.RECALL): _O.RECALLED,
    (_O.ISSUED, _K.TAKE_BACK): _O.ISSUED,
    (_O.REPLACED, _K.TAKE_BACK): _O.REPLACED,
    (_O.ISSUED, _K.UPDATE): _O.ISSUED,
    (_O.ISSUED, _K.REPLACE): _O.REPLACED,
    (_O.ISSUED, _K.CORRECT): _O.ISSUED,
}
"""What each asking makes of our own document; what is not here is refused."""


def asking_kinds(state: OutgoingState) -> tuple[AmendmentKind, ...]:
    """What may still be asked about a document of ours, in the order in which a page offers it.

    Source: NĐ 30/2020, Điều 18.3, 18.4; Phụ lục VI, III.8.a (a recalled document is frozen).
    """
    return tuple(kind for kind in AmendmentKind if (state, kind) in ASKING_TABLE)


def next_asking(state: OutgoingState, kind: AmendmentKind) -> OutgoingState:
    """The state of our document after the asking; raises RuleBroken with what to do instead.

    Source: NĐ 30/2020, Điều 18.3, 18.4; Phụ lục VI, III.8.a.
    """
    after = ASKING_TABLE.get((state, kind))
    if after is not None:
        return after
    if state is OutgoingState.RECALLED:
        raise RuleBroken("Văn bản đã thu hồi, được giữ nguyên trạng. Không làm thêm việc nào với văn bản này được nữa.")
    if state is OutgoingState.REPLACED:
        raise RuleBroken("Văn bản đã được thay thế. Hãy làm việc này với văn bản thay thế.")
    raise RuleBroken(
        f"Văn bản đang ở trạng thái “{state.label}” nên không {kind.label.lower()} được."
        " Chỉ văn bản đã phát hành mới có việc này; dự thảo thì sửa hoặc trả lại."
    )


class Verdict(StrEnum):
    """What the system does with a sender's request: grants it, declines it, drops it, or asks the clerk."""

    GRANT = "grant"
    DECLINE = "decline"
    DROP = "drop"
    ASK = "ask"


_IN_BOOK = frozenset({IncomingState.REGISTERED, IncomingState.ASSIGNED, IncomingState.IN_PROGRESS})
GONE = frozenset({IncomingState.REFUSED, IncomingState.TAKEN_BACK, IncomingState.RECALLED})
"""States in which the receiver no longer holds the document as one of its own."""


def take_back_verdict(state: IncomingState) -> Verdict:
    """Before the book the sender gets it back at once; in the book the clerk says; done is done.

    Source: the exchange axis' dialogue 13-15-16; NĐ 30/2020, Điều 22.2 (a number once given stays).
    """
    if state in _IN_BOOK:
        return Verdict.ASK
    return Verdict.DECLINE if state is IncomingState.COMPLETED else Verdict.GRANT


def update_verdict(state: IncomingState, *, registered: bool) -> Verdict:
    """Before the book it is the sender's own matter; in the book the clerk says; what is gone needs none.

    A document that went back before it was registered still takes the update, so that the order in which the sender's
    messages come makes no difference.

    Source: QCVN 102:2016 (BussinessDocType 2); NĐ 30/2020, Điều 22.3 (what the register holds).
    """
    if state is IncomingState.ARRIVED or (state is IncomingState.TAKEN_BACK and not registered):
        return Verdict.GRANT
    return Verdict.DROP if state in GONE else Verdict.ASK


def may_destroy(state: IncomingState, *, recall_pending: bool) -> None:
    """Raises RuleBroken unless the sender's recall waits: it alone allows a file to be deleted.

    Source: NĐ 30/2020, Điều 18.4, Phụ lục VI, III.8.b; QĐ 28/2018, Điều 9.2.
    """
    if state is IncomingState.RECALLED:
        raise RuleBroken("Văn bản này đã được hủy theo thông báo thu hồi. Không cần làm lại.")
    if not recall_pending:
        raise RuleBroken("Không có thông báo thu hồi của nơi gửi đối với văn bản này nên không hủy được. Hãy giữ lại.")


FROZEN_SENTENCE = (
    "Nơi gửi đã thông báo thu hồi văn bản này nên không xử lý tiếp được."
    " Văn thư hãy hủy văn bản theo thông báo thu hồi."
)


def refuse_frozen(*, recall_pending: bool) -> None:
    """Raises RuleBroken while a recall waits for the destruction: nothing else may be done to the document.

    Source: NĐ 30/2020, Phụ lục VI, III.8; QĐ 28/2018, Điều 9.2.
    """
    if recall_pending:
        raise RuleBroken(FROZEN_SENTENCE)


def answered(current: AmendmentState, code: StatusCode) -> AmendmentState | None:
    """What an answer of the receiver makes of our asking; None where it changes nothing.

    Late, doubled and crossing answers never lead back: agreed stays agreed. Codes 01-06 are no answers: about a recall
    they speak of the notice alone.

    Source: QCVN 102:2016; the exchange axis' codes 15 and 16.
    """
    if code is StatusCode.TAKE_BACK_AGREED:
        after = AmendmentState.AGREED
    elif code is StatusCode.TAKE_BACK_DECLINED:
        after = AmendmentState.DECLINED
    else:
        return None
    return after if after.rank > current.rank else None


def replacement_outcome(current: AmendmentState, code: StatusCode) -> AmendmentState | None:
    """What a status of the replacing document makes of the replacement at that receiver; None for no change.

    Source: NĐ 30/2020, Điều 18.3; QĐ 28/2018, Điều 6.3.
    """
    if code is StatusCode.REFUSED:
        after = AmendmentState.DECLINED
    elif code.is_dialogue or code is StatusCode.ARRIVED:
        return None
    else:
        after = AmendmentState.AGREED
    return after if after.rank > current.rank else None


BUSINESS_OF_KIND: Mapping[AmendmentKind, BusinessType] = {
    AmendmentKind.RECALL: BusinessType.RECALL,
    AmendmentKind.UPDATE: BusinessType.UPDATE,
    AmendmentKind.REPLACE: BusinessType.REPLACE,
    AmendmentKind.CORRECT: BusinessType.NEW,
}
"""Which packet carries a kind; taking back is a status (13)."""

UPDATABLE: Mapping[str, str] = {
    "subject": "Trích yếu",
    "due_date": "Hạn xử lý",
    "urgency": "Độ khẩn",
    "signer_position": "Chức vụ người ký",
    "page_amount": "Số trang",
}
"""What an update may change: data of the envelope, never what the signed file says in number, date or text."""
