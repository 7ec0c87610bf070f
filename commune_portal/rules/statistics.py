"""Every rate as a numerator over a denominator with its definition, so that a figure can be checked and reproduced.

A percentage alone is never shown: published ones have been wrong by six points because nobody saw the fraction.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal

from commune_portal.errors import Malformed

VERSION = "2026-11"
"""Stored with every figure; changes when a definition does."""


@dataclass(frozen=True, slots=True)
class Rate:
    """A rate that explains itself."""

    name: str
    numerator: int
    denominator: int
    definition: str
    source: str

    def __post_init__(self) -> None:
        if not 0 <= self.numerator <= self.denominator:
            raise Malformed(f"Số liệu “{self.name}” không khớp: {self.numerator} trên {self.denominator}.")

    @property
    def percent(self) -> float | None:
        """Two decimals, halves up; None when there is nothing to divide by."""
        if not self.denominator:
            return None
        exact = Decimal(100 * self.numerator) / Decimal(self.denominator)
        return float(exact.quantize(Decimal("0.01"), rounding=ROUND_HALF_UP))

    @property
    def text(self) -> str:
        """As people read it: `98,15 % (72.046/73.407)`."""
        fraction = f"{_grouped(self.numerator)}/{_grouped(self.denominator)}"
        return f"– ({fraction})" if self.percent is None else f"{self.percent:.2f} % ({fraction})".replace(".", ",", 1)


@dataclass(frozen=True, slots=True)
class IssueCounts:
    """Documents issued in a period; voided numbers are not issued."""

    issued: int
    electronic: int
    signed: int
    by_exchange: int = 0
    with_paper: int = 0
    sent_late: int = 0
    signed_by_exchange: int = 0


@dataclass(frozen=True, slots=True)
class ReceiptCounts:
    """Documents that arrived in a period, and how they were taken."""

    arrived: int
    by_exchange: int
    registered: int = 0
    registered_late: int = 0
    refused: int = 0


@dataclass(frozen=True, slots=True)
class HandlingCounts:
    """Incoming documents that require handling, each in exactly one of the four."""

    finished_in_time: int
    finished_late: int
    open_overdue: int
    open_not_due: int

    @property
    def requiring(self) -> int:
        """All that require handling."""
        return self.finished_in_time + self.finished_late + self.open_overdue + self.open_not_due


@dataclass(frozen=True, slots=True)
class UrgentCounts:
    """Urgent incoming documents, and those of them registered and submitted the same day."""

    arrived: int
    in_time: int


@dataclass(frozen=True, slots=True)
class FlashCounts:
    """Recipients of hỏa tốc documents sent in a period: accepted in time, and telephoned about."""

    sent: int
    accepted_in_time: int
    called: int


@dataclass(frozen=True, slots=True)
class AmendmentCounts:
    """What became of issued documents, and of their sendings, after they went out."""

    issued: int
    recalled: int
    replaced: int
    updated: int
    sent: int
    returned: int
    taken_back: int


def electronic_rate(counts: IssueCounts) -> Rate:
    """Issued electronically, of all issued.

    Source: QĐ 28/2018, Điều 11; the denominators reproduce published reports (72,046 / 73,407 = 98.15 %).
    """
    return Rate(
        "Tỷ lệ văn bản điện tử",
        counts.electronic,
        counts.issued,
        "Văn bản phát hành ở dạng điện tử / tất cả văn bản đã phát hành trong kỳ",
        "QĐ 28/2018, Điều 11",
    )


def signed_rate(counts: IssueCounts) -> Rate:
    """Digitally signed, of all issued (not of those issued electronically).

    Source: QĐ 28/2018, Điều 11; the denominator reproduces published reports (64,890 / 73,407 = 88.4 %).
    """
    return Rate(
        "Tỷ lệ ký số",
        counts.signed,
        counts.issued,
        "Văn bản có chữ ký số / tất cả văn bản đã phát hành trong kỳ (kể cả văn bản giấy)",
        "QĐ 28/2018, Điều 11",
    )


def exchange_rate(counts: IssueCounts) -> Rate:
    """Sent through the exchange, of those digitally signed.

    Source: QĐ 28/2018, Điều 5.2 and Điều 11.
    """
    return Rate(
        "Tỷ lệ gửi qua liên thông",
        counts.signed_by_exchange,
        counts.signed,
        "Văn bản đã ký số và gửi qua hệ thống liên thông / văn bản đã ký số trong kỳ",
        "QĐ 28/2018, Điều 5.2 và Điều 11",
    )


def paper_rate(counts: IssueCounts) -> Rate:
    """Electronic documents that were followed by paper.

    Source: QĐ 28/2018, Điều 5.3 and 7.2.
    """
    return Rate(
        "Tỷ lệ gửi kèm bản giấy",
        counts.with_paper,
        counts.electronic,
        "Văn bản điện tử có gửi kèm bản giấy / văn bản phát hành ở dạng điện tử trong kỳ",
        "QĐ 28/2018, Điều 5.3 và Điều 7.2",
    )


def sent_in_time_rate(counts: IssueCounts) -> Rate:
    """Sent by the end of the next working morning, of those sent through the exchange.

    Source: QĐ 28/2018, Điều 6.2.
    """
    return Rate(
        "Tỷ lệ gửi đúng hạn",
        counts.by_exchange - counts.sent_late,
        counts.by_exchange,
        "Văn bản gửi chậm nhất trong buổi sáng của ngày làm việc tiếp theo ngày ký / văn bản gửi liên thông trong kỳ",
        "QĐ 28/2018, Điều 6.2",
    )


def received_electronically_rate(counts: ReceiptCounts) -> Rate:
    """Arrived through the exchange, of all that arrived.

    Source: QĐ 28/2018, Điều 11.
    """
    return Rate(
        "Tỷ lệ văn bản đến qua liên thông",
        counts.by_exchange,
        counts.arrived,
        "Văn bản đến qua hệ thống liên thông / tất cả văn bản đến trong kỳ",
        "QĐ 28/2018, Điều 11",
    )


def registered_in_time_rate(counts: ReceiptCounts) -> Rate:
    """Registered by the next working day (urgent: the same day), of all registered.

    Source: NĐ 30/2020, Điều 4.2.c.
    """
    return Rate(
        "Tỷ lệ vào sổ đúng hạn",
        counts.registered - counts.registered_late,
        counts.registered,
        "Văn bản vào sổ trong ngày hoặc ngày làm việc tiếp theo (khẩn: trong ngày) / văn bản đã vào sổ trong kỳ",
        "NĐ 30/2020, Điều 4.2.c",
    )


def refused_rate(counts: ReceiptCounts) -> Rate:
    """Refused, of all that arrived.

    Source: QĐ 28/2018, Điều 5.4; NĐ 30/2020, Điều 21.2.b.
    """
    return Rate(
        "Tỷ lệ từ chối",
        counts.refused,
        counts.arrived,
        "Văn bản bị từ chối tiếp nhận / tất cả văn bản đến trong kỳ",
        "QĐ 28/2018, Điều 5.4",
    )


def in_time_rate(counts: HandlingCounts) -> Rate:
    """Finished in time, of all that require handling (not of all incoming); open ones are in the denominator.

    Source: QĐ 28/2018, Điều 11; NĐ 30/2020, Phụ lục VI, III.1.l; reproduces 15,008 / 15,401 = 97.45 %.
    """
    return Rate(
        "Tỷ lệ giải quyết đúng hạn",
        counts.finished_in_time,
        counts.requiring,
        "Văn bản đến đã giải quyết đúng hạn / văn bản đến phải giải quyết trong kỳ (kể cả đang xử lý)",
        "QĐ 28/2018, Điều 11; NĐ 30/2020, Phụ lục VI, mục III.1.l",
    )


def open_not_due_rate(counts: HandlingCounts) -> Rate:
    """Open and not yet due: neither in time nor overdue, so shown by itself.

    Source: NĐ 30/2020, Phụ lục VI, III.1.l.
    """
    return Rate(
        "Đang xử lý, chưa đến hạn",
        counts.open_not_due,
        counts.requiring,
        "Văn bản đang xử lý và chưa đến hạn / văn bản đến phải giải quyết trong kỳ",
        "NĐ 30/2020, Phụ lục VI, mục III.1.l",
    )


def overdue_rate(counts: HandlingCounts) -> Rate:
    """Finished late or open and overdue, of all that require handling.

    Source: NĐ 30/2020, Phụ lục VI, III.1.l.
    """
    return Rate(
        "Tỷ lệ quá hạn",
        counts.finished_late + counts.open_overdue,
        counts.requiring,
        "Văn bản giải quyết quá hạn hoặc đang quá hạn / văn bản đến phải giải quyết trong kỳ",
        "NĐ 30/2020, Phụ lục VI, mục III.1.l",
    )


def urgent_rate(counts: UrgentCounts) -> Rate:
    """Urgent ones registered and submitted the same day, of all urgent ones that arrived.

    Source: NĐ 30/2020, Điều 4.2.c and Điều 23.1.
    """
    return Rate(
        "Tỷ lệ văn bản khẩn xử lý ngay",
        counts.in_time,
        counts.arrived,
        "Văn bản khẩn vào sổ và trình ngay trong ngày đến / văn bản khẩn đến trong kỳ",
        "NĐ 30/2020, Điều 4.2.c và Điều 23.1",
    )


def flash_rate(counts: FlashCounts) -> Rate:
    """Hỏa tốc documents accepted by their hour or within the office's minutes, of all sent to each recipient.

    Source: QĐ 28/2018, Điều 6.2; NĐ 30/2020, Điều 4.2.c (at once; the minutes are the office's rule).
    """
    return Rate(
        "Tỷ lệ hỏa tốc được tiếp nhận đúng giờ",
        counts.accepted_in_time,
        counts.sent,
        "Lượt gửi hỏa tốc được nơi nhận tiếp nhận trước giờ hẹn, hoặc trong số phút cơ quan quy định /"
        " lượt gửi hỏa tốc trong kỳ (mỗi nơi nhận là một lượt)",
        "QĐ 28/2018, Điều 6.2; NĐ 30/2020, Điều 4.2.c",
    )


def called_rate(counts: FlashCounts) -> Rate:
    """Recipients of hỏa tốc documents that had to be telephoned, of all sent to.

    Source: QĐ 28/2018, Điều 8.2 (the sender checks that it reached the receiver).
    """
    return Rate(
        "Tỷ lệ hỏa tốc phải gọi điện",
        counts.called,
        counts.sent,
        "Lượt gửi hỏa tốc phải gọi điện hoặc báo bằng cách khác / lượt gửi hỏa tốc trong kỳ",
        "QĐ 28/2018, Điều 8.2",
    )


def returned_rate(counts: AmendmentCounts) -> Rate:
    """Sendings that the receiver refused, of all sendings through the exchange.

    Source: QĐ 28/2018, Điều 5.4 and Điều 11.
    """
    return Rate(
        "Tỷ lệ bị nơi nhận từ chối",
        counts.returned,
        counts.sent,
        "Lượt gửi bị nơi nhận từ chối tiếp nhận / tất cả lượt gửi qua liên thông trong kỳ",
        "QĐ 28/2018, Điều 5.4 và Điều 11",
    )


def taken_back_rate(counts: AmendmentCounts) -> Rate:
    """Sendings that were withdrawn or given back, of all sendings through the exchange.

    Source: QĐ 28/2018, Điều 8.2 and Điều 11.
    """
    return Rate(
        "Tỷ lệ lấy lại",
        counts.taken_back,
        counts.sent,
        "Lượt gửi đã rút trước khi gửi hoặc được nơi nhận trả lại / tất cả lượt gửi qua liên thông trong kỳ",
        "QĐ 28/2018, Điều 8.2 và Điều 11",
    )


def recalled_rate(counts: AmendmentCounts) -> Rate:
    """Recalled, of all issued.

    Source: NĐ 30/2020, Điều 18.4; QĐ 28/2018, Điều 11.
    """
    return Rate(
        "Tỷ lệ thu hồi",
        counts.recalled,
        counts.issued,
        "Văn bản đã có thông báo thu hồi / tất cả văn bản đã phát hành trong kỳ",
        "NĐ 30/2020, Điều 18.4",
    )


def replaced_rate(counts: AmendmentCounts) -> Rate:
    """Replaced, of all issued.

    Source: NĐ 30/2020, Điều 18.3; QĐ 28/2018, Điều 11.
    """
    return Rate(
        "Tỷ lệ thay thế",
        counts.replaced,
        counts.issued,
        "Văn bản đã được thay thế bằng văn bản khác / tất cả văn bản đã phát hành trong kỳ",
        "NĐ 30/2020, Điều 18.3",
    )


def updated_rate(counts: AmendmentCounts) -> Rate:
    """Updated after they were issued, of all issued.

    Source: QĐ 28/2018, Điều 11; QCVN 102:2016 (BussinessDocType 2).
    """
    return Rate(
        "Tỷ lệ cập nhật sau phát hành",
        counts.updated,
        counts.issued,
        "Văn bản có cập nhật thông tin sau khi phát hành / tất cả văn bản đã phát hành trong kỳ",
        "QCVN 102:2016/BTTTT",
    )


def _grouped(amount: int) -> str:
    """Thousands with a full stop, as Vietnamese reports write them."""
    return f"{amount:,}".replace(",", ".")
