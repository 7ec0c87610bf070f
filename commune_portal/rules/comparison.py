"""What a comparison of sender, node and recipient can find of one message, in the order in which people look at it.

A message agrees only when every side that must know of it has said so, with the same hash and a receipt. What cannot
be told yet is «chưa đủ dữ liệu» and is never counted as agreeing.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class Finding(StrEnum):
    """What the sides say together. Members stand in the order of their weight: the first is looked at first."""

    BAD_RECEIPT = "bad-receipt"
    OTHER_HASH = "other-hash"
    LOST_AT_NODE = "lost-at-node"
    LOST_HERE = "lost-here"
    UNSENT = "unsent"
    UNJOURNALLED = "unjournalled"
    UNARRIVED = "unarrived"
    UNRECEIPTED = "unreceipted"
    UNACKNOWLEDGED = "unacknowledged"
    REFUSED_BY_NODE = "refused-by-node"
    REFUSED = "refused"
    NOT_AT_NODE = "not-at-node"
    UNFETCHED = "unfetched"
    WAITING_THERE = "waiting-there"
    RECALLED = "recalled"
    TAKEN_BACK = "taken-back"
    WITHDRAWN = "withdrawn"
    UNKNOWN = "unknown"
    AGREES = "agrees"

    @property
    def label(self) -> str:
        """The finding in a few Vietnamese words."""
        return _WORDS[self][0]

    @property
    def advice(self) -> str:
        """What to do about it; empty where nothing is to be done."""
        return _WORDS[self][1]

    @property
    def tone(self) -> str:
        """The tone of its tag: the words always stand beside the colour."""
        return _WORDS[self][2]

    @property
    def rank(self) -> int:
        """Its place in the order of weight."""
        return _RANKS[self]

    @property
    def is_difference(self) -> bool:
        """True for what is listed first: neither agreeing nor too little known."""
        return self not in (Finding.AGREES, Finding.UNKNOWN)


_WORDS: dict[Finding, tuple[str, str, str]] = {
    Finding.BAD_RECEIPT: (
        "Biên nhận sai chữ ký",
        "Không dùng biên nhận này làm chứng cứ. Báo người vận hành nút kiểm tra khóa của bên ký.",
        "bad",
    ),
    Finding.OTHER_HASH: (
        "Khác mã băm",
        "Nội dung các bên giữ không phải một. Giữ nguyên mọi tệp, báo người vận hành nút và gửi lại văn bản.",
        "bad",
    ),
    Finding.LOST_AT_NODE: (
        "Nút không còn gói",
        "Nút đã ký biên nhận mà nay không giữ gói. Gửi biên nhận cho người vận hành nút và đề nghị khôi phục.",
        "bad",
    ),
    Finding.LOST_HERE: (
        "Ta ký nhận, sổ không có",
        "Sổ của ta thiếu văn bản đã nhận, có thể do khôi phục bản sao lưu. Đề nghị nơi gửi gửi lại.",
        "bad",
    ),
    Finding.UNSENT: (
        "Đến mà không có nơi gửi",
        "Nút không có gói này. Hỏi nơi gửi xem có gửi thật không trước khi giải quyết.",
        "bad",
    ),
    Finding.UNJOURNALLED: (
        "Nhật ký nơi gửi không có",
        "Nơi gửi có thể đã khôi phục bản sao lưu cũ. Yêu cầu nơi gửi kiểm tra sổ văn bản đi.",
        "bad",
    ),
    Finding.UNARRIVED: (
        "Có biên nhận, sổ không có",
        "Nơi nhận đã ký nhận mà nhật ký không có dòng đến. Yêu cầu nơi nhận kiểm tra, nhất là sau khi khôi phục.",
        "bad",
    ),
    Finding.UNRECEIPTED: (
        "Đã lấy về, chưa có biên nhận",
        "Nơi nhận đã có văn bản, biên nhận sẽ về ở lần liên lạc tới. Quá một ngày thì gọi nơi nhận.",
        "warn",
    ),
    Finding.UNACKNOWLEDGED: (
        "Nút chưa có biên nhận của ta",
        "Biên nhận tự gửi lại ở lần liên lạc tới. Quá một ngày thì báo người quản trị.",
        "warn",
    ),
    Finding.REFUSED_BY_NODE: (
        "Nút từ chối",
        "Xem lý do, sửa rồi gửi lại, hoặc gửi bản giấy.",
        "bad",
    ),
    Finding.REFUSED: (
        "Nơi nhận từ chối",
        "Xem lý do, sửa rồi gửi lại, hoặc gọi nơi nhận.",
        "bad",
    ),
    Finding.NOT_AT_NODE: (
        "Chưa tới nút",
        "Gói còn trong hàng chờ và tự gửi khi có mạng. Cần gấp thì dùng túi thư hoặc gửi bản giấy.",
        "warn",
    ),
    Finding.UNFETCHED: (
        "Nút giữ, nơi nhận chưa lấy",
        "Nơi nhận chưa mở máy hoặc mất mạng. Gọi nơi nhận nếu văn bản cần gấp.",
        "warn",
    ),
    Finding.WAITING_THERE: (
        "Nút giữ, ta chưa lấy về",
        "Tự lấy về ở lần liên lạc tới. Nếu không về, xem trang Liên thông.",
        "warn",
    ),
    Finding.RECALLED: ("Đã thu hồi", "Không phải làm gì thêm nếu nơi nhận đã xác nhận hủy.", "quiet"),
    Finding.TAKEN_BACK: ("Đã lấy lại", "Không phải làm gì thêm.", "quiet"),
    Finding.WITHDRAWN: ("Đã rút trước khi gửi", "Không phải làm gì thêm.", "quiet"),
    Finding.UNKNOWN: (
        "Chưa đủ dữ liệu",
        "Một bên chưa cho biết, hoặc số liệu cũ hơn việc này. Đối chiếu lại sau lần liên lạc tới.",
        "info",
    ),
    Finding.AGREES: ("Khớp", "", "good"),
}

_RANKS = {finding: rank for rank, finding in enumerate(Finding)}


def in_order(counts: Mapping[Finding, int]) -> list[tuple[Finding, int]]:
    """Findings that occurred with their numbers, the heaviest first.

    Source: ours; QĐ 28/2018, Điều 9 (what sender and receiver are to know of each other's dispatch).
    """
    return [(finding, counts[finding]) for finding in Finding if counts.get(finding)]


def differences(counts: Mapping[Finding, int]) -> int:
    """How many messages differ.

    Source: ours; QĐ 28/2018, Điều 9 (what sender and receiver are to know of each other's dispatch).
    """
    return sum(amount for finding, amount in counts.items() if finding.is_difference)


def ranked(cases: Iterable[tuple[str, Finding]], otherwise: Finding) -> str:
    """An SQL expression: the rank of the first finding whose condition holds. Conditions are the caller's own text.

    Source: ours; QĐ 28/2018, Điều 9 (what sender and receiver are to know of each other's dispatch).
    """
    whens = " ".join(f"WHEN {condition} THEN {finding.rank}" for condition, finding in cases)
    return f"CASE {whens} ELSE {otherwise.rank} END"


def of_rank(rank: int) -> Finding:
    """The finding of a rank.

    Source: ours; QĐ 28/2018, Điều 9 (what sender and receiver are to know of each other's dispatch).
    """
    return tuple(Finding)[rank]


@dataclass(frozen=True, slots=True)
class Evidence:
    """One thing that a side says or can show: in words, with its instant; `holds` is False for what proves nothing."""

    words: str
    at: datetime | None = None
    detail: str = ""
    holds: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Compared:
    """One message with what each side says of it; `document` names it in words, `document_row` is its row here."""

    message_id: str
    finding: Finding
    document: str
    at: datetime
    sender: str
    recipient: str
    packet_sha256: str
    sent: tuple[Evidence, ...] = ()
    held: tuple[Evidence, ...] = ()
    taken: tuple[Evidence, ...] = ()
    document_row: int | None = None

    @property
    def cursor(self) -> str:
        """Where the page behind this line begins."""
        return f"{self.finding.rank}|{self.at:%Y-%m-%dT%H:%M:%SZ}|{self.message_id}"


@dataclass(frozen=True, slots=True)
class ComparedPage:
    """Some lines, the heaviest finding first; `next_after` is empty on the last page, `counts` are of the period."""

    lines: tuple[Compared, ...]
    next_after: str
    counts: Mapping[Finding, int]


def read_cursor(text: str) -> tuple[int, str, str]:
    """What `Compared.cursor` wrote; the beginning for anything else.

    Source: ours; QĐ 28/2018, Điều 9 (what sender and receiver are to know of each other's dispatch).
    """
    parts = text.split("|")
    if len(parts) != 3 or not parts[0].isascii() or not parts[0].isdigit() or len(parts[0]) > 3:
        return (-1, "", "")
    return (int(parts[0]), parts[1][:30], parts[2][:80])
