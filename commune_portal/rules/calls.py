"""When somebody must telephone about a hỏa tốc document: limits in minutes, counted day and night, holidays too.

The limits are the office's own rule; the law counts no hours and says «at once». A call closes the present task and
never the watch: only a receipt or a status moves the document's state, and a call that led to nothing is due again.
Source: QĐ 28/2018, Điều 6.2; NĐ 30/2020, Điều 4.2.c.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from commune_portal.errors import Malformed
from commune_portal.rules.deadlines import VIETNAM

MOST_MINUTES = 7 * 24 * 60
FUTURE_TOLERANCE = timedelta(minutes=5)
"""An instant further ahead than this was written by a clock that has been set back since: it proves nothing."""


@dataclass(frozen=True, slots=True)
class CallLimits:
    """The office's limits in minutes.

    `receipt` and `acceptance` count from the sending, `before_deliver_by` backwards from the appointed hour,
    `again` from the last call that reached somebody.
    """

    receipt: int = 15
    acceptance: int = 30
    before_deliver_by: int = 60
    again: int = 60

    def __post_init__(self) -> None:
        for name in LIMIT_NAMES:
            if not 1 <= getattr(self, name) <= MOST_MINUTES:
                raise Malformed(f"Số phút phải từ 1 đến {MOST_MINUTES}.", field=name)

    def to_json(self) -> dict[str, int]:
        """The limits as an office rule stores them."""
        return {name: getattr(self, name) for name in LIMIT_NAMES}

    @classmethod
    def from_json(cls, value: Mapping[str, int]) -> CallLimits:
        """The limits as read back; what is missing has its default."""
        return cls(**{name: int(value[name]) for name in LIMIT_NAMES if name in value})


LIMIT_NAMES = ("receipt", "acceptance", "before_deliver_by", "again")


class CallOutcome(StrEnum):
    """What became of a call; only the first and the last told the recipient anything."""

    REACHED = "reached"
    NO_ANSWER = "no-answer"
    OTHER_WAY = "other-way"

    @property
    def label(self) -> str:
        """The words that people read."""
        return _OUTCOME_LABELS[self]

    @property
    def told(self) -> bool:
        """Whether the recipient knows of the document now."""
        return self is not CallOutcome.NO_ANSWER


_OUTCOME_LABELS = {
    CallOutcome.REACHED: "Đã nói chuyện được",
    CallOutcome.NO_ANSWER: "Không ai nghe máy",
    CallOutcome.OTHER_WAY: "Đã báo bằng cách khác",
}


class Missing(StrEnum):
    """What a hỏa tốc document still lacks at one recipient, from the first step to the last."""

    NODE = "node"
    ARRIVAL = "arrival"
    ACCEPTANCE = "acceptance"

    @property
    def label(self) -> str:
        """The words that people read."""
        return _MISSING_LABELS[self]


_MISSING_LABELS = {
    Missing.NODE: "Nút liên thông chưa nhận",
    Missing.ARRIVAL: "Nơi nhận chưa lấy về",
    Missing.ACCEPTANCE: "Nơi nhận chưa tiếp nhận",
}


@dataclass(frozen=True, slots=True)
class Watched:
    """One hỏa tốc document on its way to one recipient; instants are aware.

    `told_at` is the last call that reached somebody. `accepted` also holds for what needs no more watching: refused,
    taken back, recalled.
    """

    sent_at: datetime
    delivered_at: datetime | None = None
    arrived_at: datetime | None = None
    accepted: bool = False
    deliver_by: datetime | None = None
    told_at: datetime | None = None


def missing(watched: Watched) -> Missing | None:
    """What is still missing, None when there is nothing to wait for.

    Source: QĐ 28/2018, Điều 8.2 (the sender checks that it reached the right receiver).
    """
    if watched.accepted:
        return None
    if watched.arrived_at is not None:
        return Missing.ACCEPTANCE
    return Missing.ARRIVAL if watched.delivered_at is not None else Missing.NODE


def call_due_at(watched: Watched, limits: CallLimits, now: datetime) -> datetime | None:
    """From when on somebody must telephone, never before the sending; None when there is nothing to wait for.

    The earliest of the limits counts: minutes since the sending, and minutes before the appointed hour. A call that
    reached somebody postpones it. Instants that lie ahead of the clock do not silence the watch.

    Source: QĐ 28/2018, Điều 6.2 (urgent: sent and transferred at once); the minutes are the office's rule.
    """
    lacking = missing(watched)
    if lacking is None:
        return None
    if watched.sent_at > now + FUTURE_TOLERANCE:
        return now
    told_at = watched.told_at if watched.told_at and watched.told_at <= now + FUTURE_TOLERANCE else None
    minutes = limits.acceptance if lacking is Missing.ACCEPTANCE else limits.receipt
    after = max(told_at, watched.sent_at) if told_at else watched.sent_at
    due = after + timedelta(minutes=limits.again if told_at else minutes)
    if watched.deliver_by is not None:
        reminder = watched.deliver_by - timedelta(minutes=limits.before_deliver_by)
        if told_at is None or reminder > after:
            due = min(due, max(reminder, after))
    return due


def must_call(watched: Watched, limits: CallLimits, now: datetime) -> bool:
    """Whether somebody must telephone now.

    Source: QĐ 28/2018, Điều 6.2; the minutes are the office's rule.
    """
    due = call_due_at(watched, limits, now)
    return due is not None and due <= now


def accepted_at(said: datetime | None, heard: datetime, sent: datetime) -> datetime:
    """When a recipient accepted: as it says itself, unless its clock contradicts what we saw; then as we heard.

    Source: QĐ 28/2018, Điều 14.4 (uniform time); an offline office answers late what it did in time.
    """
    return said if said is not None and sent <= said <= heard else heard


def is_accepted_in_time(
    accepted: datetime | None, sent: datetime, deliver_by: datetime | None, limits: CallLimits
) -> bool:
    """Whether a hỏa tốc document was accepted by its hour, or without one within the office's minutes.

    Source: NĐ 30/2020, Điều 4.2.c (urgent: at once); the minutes are the office's rule.
    """
    if accepted is None:
        return False
    return accepted <= (deliver_by or sent + timedelta(minutes=limits.acceptance))


def script(
    *, own_name: str, organ_name: str, code: str, type_name: str, subject: str, sent_at: datetime,
    deliver_by: datetime | None, lacking: Missing,
) -> tuple[str, ...]:  # fmt: skip
    """What to say on the telephone, sentence by sentence, for somebody who has never seen the document.

    Source: NĐ 30/2020, Điều 18.1 (issue and follow up); the wording is ours.
    """
    hour = f" Văn bản hẹn giờ: phải tới trước {spoken(deliver_by)}." if deliver_by else ""
    return (
        f"A lô, tôi gọi từ {own_name}. Xin gặp văn thư của {organ_name}.",
        f"Chúng tôi đã gửi qua liên thông một văn bản hỏa tốc: {type_name} số {code}, «{subject}».",
        f"Gửi lúc {spoken(sent_at)}.{hour}",
        _QUESTIONS[lacking],
        "Xin cho biết họ tên, chức vụ của người nghe máy và mấy giờ sẽ tiếp nhận. Xin cảm ơn.",
    )


_QUESTIONS = {
    Missing.NODE: "Đường truyền bên chúng tôi đang chậm, văn bản chưa tới nút. Nơi nhận có thể nhận bằng túi thư USB, "
    "hoặc cử người sang lấy bản giấy không?",
    Missing.ARRIVAL: "Máy của nơi nhận chưa lấy văn bản về. Xin mở phần mềm, kiểm tra mạng, rồi xem ở «Văn bản đến».",
    Missing.ACCEPTANCE: "Văn bản đã về tới máy của nơi nhận mà chưa tiếp nhận. Xin mở «Văn bản đến» và vào sổ ngay, "
    "hoặc từ chối kèm lý do nếu gửi nhầm.",
}


def spoken(instant: datetime) -> str:
    """An instant as it is said: `14 giờ 05 ngày 22/11/2026`.

    Source: NĐ 30/2020, Phụ lục I (dates are written day, month, year).
    """
    local = instant.astimezone(VIETNAM)
    return f"{local.hour} giờ {local.minute:02d} ngày {local:%d/%m/%Y}"
