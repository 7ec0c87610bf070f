"""«Bảng đối chiếu» on paper: differences first, each with what every side says of it, then what agrees.

In the form of a register's page, so that it can be signed and kept with the books.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import date, datetime
from pathlib import Path

from commune_portal import clock
from commune_portal.paper.ledger import BookCover, Column, Ledger, PrintMarks, Row, day_text
from commune_portal.rules import comparison
from commune_portal.rules.comparison import Compared, Evidence, Finding

COLUMNS = (
    Column("STT", 11, centred=True),
    Column("Văn bản, mã thông điệp, mã băm", 56),
    Column("Nơi gửi và nơi nhận", 36),
    Column("Nơi gửi cho biết", 40),
    Column("Nút liên thông giữ", 40),
    Column("Nơi nhận cho biết", 40),
    Column("Kết quả, việc cần làm", 42),
)
HASH_SIGNS = 12


def cover(issuer: str, parent: str, first: date, last: date, pair: str, counts: Mapping[Finding, int]) -> BookCover:
    """The first page: whose comparison it is, of which days and sides, and how many of each finding there are."""
    found = [f"{finding.label}: {amount}" for finding, amount in comparison.in_order(counts)]
    total = sum(counts.values())
    return BookCover(
        parent_name=parent,
        issuer_name=issuer,
        year=last.year,
        from_date=first,
        to_date=last,
        from_number="",
        to_number="",
        details=(
            f"Từ ngày {day_text(first)} đến ngày {day_text(last)}",
            pair,
            f"{total} văn bản, {comparison.differences(counts)} chỗ khác nhau",
            *_in_lines(found),
        ),
        closing="Biên nhận trong bảng được kiểm tra lại chữ ký khi in; dòng nào sai được ghi rõ.",
    )


def print_comparison(
    of: BookCover, lines: Iterable[Compared], out: Path, marks: PrintMarks, *, folder: str = ""
) -> int:
    """Writes the table and returns the number of pages."""
    return Ledger("BẢNG ĐỐI CHIẾU VĂN BẢN LIÊN THÔNG", COLUMNS, of, marks, folder).write(_rows(lines), out)


def _rows(lines: Iterable[Compared]) -> Iterator[Row]:
    for number, line in enumerate(lines, start=1):
        hashed = f"; mã băm {line.packet_sha256[:HASH_SIGNS]}" if line.packet_sha256 else ""
        yield Row(
            (
                str(number),
                f"{line.document}; thông điệp {line.message_id[:8]}{hashed}",
                f"Từ {line.sender} tới {line.recipient}",
                _said(line.sent),
                _said(line.held),
                _said(line.taken),
                line.finding.label,
            ),
            remark=line.finding.advice if line.finding.is_difference else "",
            remark_column=6,
        )


def _said(items: Iterable[Evidence]) -> str:
    return "; ".join(_words(item) for item in items)


def _words(item: Evidence) -> str:
    at = f" {_instant(item.at)}" if item.at else ""
    return f"{item.words}{at}" + (f" ({item.detail})" if item.detail else "")


def _instant(at: datetime) -> str:
    return f"{at.astimezone(clock.VIETNAM):%d/%m/%Y %H:%M}"


def _in_lines(found: list[str], together: int = 3) -> Iterator[str]:
    for start in range(0, len(found), together):
        yield " · ".join(found[start : start + together])
