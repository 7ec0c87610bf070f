"""The yearly books as the law has them printed, signed and bound: every column, every number, cancelled ones too.

Source: NĐ 30/2020, Điều 16.2.b and 22.3.b (the register is printed, signed and bound); Phụ lục IV (columns).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from commune_portal.paper.ledger import BookCover, Column, Ledger, PrintMarks, Row, day_text

__all__ = [
    "INCOMING_COLUMNS",
    "OUTGOING_COLUMNS",
    "TRACKING_COLUMNS",
    "BookCover",
    "IncomingLine",
    "OutgoingLine",
    "PrintMarks",
    "TrackingLine",
    "print_incoming",
    "print_outgoing",
    "print_tracking",
]

OUTGOING_COLUMNS = (
    Column("Số, ký hiệu văn bản", 27),
    Column("Ngày tháng văn bản", 20, centred=True),
    Column("Tên loại và trích yếu nội dung văn bản", 68),
    Column("Người ký", 25),
    Column("Nơi nhận văn bản", 38),
    Column("Đơn vị, người nhận bản lưu", 22),
    Column("Số lượng bản", 13, centred=True),
    Column("Ngày chuyển", 20, centred=True),
    Column("Ký nhận", 14),
    Column("Ghi chú", 18),
)

INCOMING_COLUMNS = (
    Column("Ngày đến", 20, centred=True),
    Column("Số đến", 14, centred=True),
    Column("Tác giả", 36),
    Column("Số, ký hiệu văn bản", 27),
    Column("Ngày tháng văn bản", 20, centred=True),
    Column("Tên loại và trích yếu nội dung văn bản", 66),
    Column("Đơn vị hoặc người nhận", 30),
    Column("Ngày chuyển", 20, centred=True),
    Column("Ký nhận", 14),
    Column("Ghi chú", 18),
)

TRACKING_COLUMNS = (
    Column("Số đến", 16, centred=True),
    Column("Tên loại, số và ký hiệu, ngày tháng và tác giả văn bản", 95),
    Column("Đơn vị hoặc người nhận", 42),
    Column("Thời hạn giải quyết", 24, centred=True),
    Column("Tiến độ giải quyết", 36),
    Column("Số, ký hiệu văn bản trả lời", 30),
    Column("Ghi chú", 22),
)


@dataclass(frozen=True, slots=True)
class OutgoingLine:
    """One number of the outgoing book; `cancelled` and `recalled` say why and by which notice, else they are empty."""

    symbol: str
    document_date: date | None
    type_and_subject: str
    signer: str
    recipients: str
    kept_by: str = ""
    copies: str = ""
    sent_date: date | None = None
    received_by: str = ""
    note: str = ""
    cancelled: str = ""
    recalled: str = ""


@dataclass(frozen=True, slots=True)
class IncomingLine:
    """One số đến; of a recalled document only what the tombstone keeps is given."""

    arrival_date: date | None
    arrival_number: str
    author: str
    symbol: str
    document_date: date | None
    type_and_subject: str
    handled_by: str = ""
    handed_date: date | None = None
    received_by: str = ""
    note: str = ""
    cancelled: str = ""
    recalled: str = ""


@dataclass(frozen=True, slots=True)
class TrackingLine:
    """How one incoming document is being dealt with."""

    arrival_number: str
    document: str
    handled_by: str
    due_date: date | None
    progress: str
    answer: str = ""
    note: str = ""
    recalled: str = ""


def print_outgoing(
    cover: BookCover, lines: Iterable[OutgoingLine], out: Path, marks: PrintMarks, *, folder: str = ""
) -> int:
    """Writes "Sổ đăng ký văn bản đi" with its ten columns; returns the number of pages.

    Source: NĐ 30/2020, Phụ lục IV, mục I.
    """
    return Ledger("SỔ ĐĂNG KÝ VĂN BẢN ĐI", OUTGOING_COLUMNS, cover, marks, folder).write(_outgoing_rows(lines), out)


def print_incoming(
    cover: BookCover, lines: Iterable[IncomingLine], out: Path, marks: PrintMarks, *, folder: str = ""
) -> int:
    """Writes "Sổ đăng ký văn bản đến" with its ten columns; returns the number of pages.

    Source: NĐ 30/2020, Phụ lục IV, mục II.
    """
    return Ledger("SỔ ĐĂNG KÝ VĂN BẢN ĐẾN", INCOMING_COLUMNS, cover, marks, folder).write(_incoming_rows(lines), out)


def print_tracking(
    cover: BookCover, lines: Iterable[TrackingLine], out: Path, marks: PrintMarks, *, folder: str = ""
) -> int:
    """Writes "Sổ theo dõi giải quyết văn bản đến" with its seven columns; returns the number of pages.

    Source: NĐ 30/2020, Phụ lục IV.
    """
    rows = (
        Row(
            (
                line.arrival_number,
                line.document,
                line.handled_by,
                day_text(line.due_date),
                line.progress,
                line.answer,
                line.note,
            ),
            remark=_recall(line.recalled),
            remark_column=1,
        )
        for line in lines
    )
    return Ledger("SỔ THEO DÕI GIẢI QUYẾT VĂN BẢN ĐẾN", TRACKING_COLUMNS, cover, marks, folder).write(rows, out)


def _outgoing_rows(lines: Iterable[OutgoingLine]) -> Iterator[Row]:
    for line in lines:
        yield Row(
            (
                line.symbol,
                day_text(line.document_date),
                line.type_and_subject,
                line.signer,
                line.recipients,
                line.kept_by,
                line.copies,
                day_text(line.sent_date),
                line.received_by,
                line.note,
            ),
            struck=bool(line.cancelled),
            remark=_cancellation(line.cancelled) or _recall(line.recalled),
            remark_column=2,
        )


def _incoming_rows(lines: Iterable[IncomingLine]) -> Iterator[Row]:
    for line in lines:
        yield Row(
            (
                day_text(line.arrival_date),
                line.arrival_number,
                line.author,
                line.symbol,
                day_text(line.document_date),
                line.type_and_subject,
                line.handled_by,
                day_text(line.handed_date),
                line.received_by,
                line.note,
            ),
            struck=bool(line.cancelled),
            remark=_cancellation(line.cancelled) or _recall(line.recalled),
            remark_column=5,
        )


def _cancellation(reason: str) -> str:
    return f"Hủy số: {reason}" if reason else ""


def _recall(notice: str) -> str:
    return f"Đã thu hồi theo {notice}" if notice else ""
