"""«Biên bản đối chiếu số sau khôi phục»: every number that was given since the backup, and where its row came from.

In the form of a register's page, to be signed and filed with the books. Source: NĐ 30/2020, Phụ lục VI, IV.1.e.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from commune_portal.paper.ledger import BookCover, Column, Ledger, PrintMarks, Row, day_text

COLUMNS = (
    Column("Sổ", 45),
    Column("Số", 14, centred=True),
    Column("Ngày", 24, centred=True),
    Column("Số, ký hiệu", 34),
    Column("Trích yếu", 82),
    Column("Lấy lại từ đâu", 66),
)


@dataclass(frozen=True, slots=True)
class RecoveredLine:
    """One number that stands in its book again."""

    book: str
    number: int
    dated: date | None
    symbol: str
    subject: str
    source: str


def cover(issuer: str, parent: str, confirmed_on: date, details: tuple[str, ...]) -> BookCover:
    """The first page: which restore it was, and for each book where backup, node and paper stood."""
    return BookCover(
        parent_name=parent,
        issuer_name=issuer,
        year=confirmed_on.year,
        from_date=confirmed_on,
        to_date=confirmed_on,
        from_number="",
        to_number="",
        details=details,
        closing="Các số trên được ghi lại vào sổ và không cấp lần nữa. Văn thư và lãnh đạo ký, lưu cùng sổ đăng ký.",
    )


def print_recovery(of: BookCover, lines: Iterable[RecoveredLine], out: Path, marks: PrintMarks, *, folder: str) -> int:
    """Writes the sheet and returns the number of pages."""
    rows = (
        Row((line.book, str(line.number), day_text(line.dated), line.symbol, line.subject, line.source))
        for line in lines
    )
    return Ledger("BIÊN BẢN ĐỐI CHIẾU SỐ SAU KHÔI PHỤC", COLUMNS, of, marks, folder).write(rows, out)
