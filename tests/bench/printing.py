"""A printed book of some hundred numbers: what loads the printing part of the portal."""

from __future__ import annotations

import tempfile
from datetime import date
from pathlib import Path

from commune_portal import clock

NUMBERS = 200


def print_book() -> int:
    """Prints a book of arrivals; answers the size of the PDF."""
    from commune_portal.paper.register_book import BookCover, IncomingLine, PrintMarks, print_incoming

    day = date(2026, 11, 20)
    cover = BookCover(
        parent_name="Ủy ban nhân dân tỉnh Lam Giang", issuer_name="Ủy ban nhân dân xã An Phú", year=2026,
        from_date=day, to_date=day, from_number="01", to_number=str(NUMBERS),
    )  # fmt: skip
    lines = [
        IncomingLine(
            arrival_date=day, arrival_number=f"{number:02}", author="Sở Nội vụ", symbol=f"{number}/SNV-VP",
            document_date=day, type_and_subject="Công văn về việc rà soát hộ nghèo và hộ cận nghèo",
            handled_by="Lê Hoàng Yến",
        )
        for number in range(1, NUMBERS + 1)
    ]  # fmt: skip
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "book.pdf"
        print_incoming(cover, lines, out, PrintMarks("9f86d081884c7d659a2f", clock.now(), "Trần Thị Bình"))
        return out.stat().st_size
