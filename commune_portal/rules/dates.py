"""Dates as the law prints them and as people type them."""

from __future__ import annotations

import re
from datetime import date

from commune_portal.errors import Malformed
from commune_portal.rules.folding import clean_line

_TYPED = re.compile(r"(\d{1,2})/(\d{1,2})/(\d{4})", re.ASCII)
_SENTENCE = "Ngày chưa đúng. Hãy nhập theo dạng ngày/tháng/năm, ví dụ 05/01/2026."


def printed_date(place: str, day: date) -> str:
    """The date line of a document: `An Phú, ngày 05 tháng 01 năm 2026`, `ngày 29 tháng 6`.

    Source: NĐ 30/2020, Phụ lục I (days below 10 and months 1 and 2 get a leading zero).
    """
    month = f"{day.month:02d}" if day.month <= 2 else str(day.month)
    words = f"ngày {day.day:02d} tháng {month} năm {day.year}"
    return f"{clean_line(place)}, {words}" if place.strip() else words


def parse_civil(text: str, field: str | None = None) -> date:
    """Reads dd/mm/yyyy or d/m/yyyy; raises Malformed for anything else, also for a day that does not exist.

    Source: the forms of NĐ 30/2020, Phụ lục IV write dates as day, month, year.
    """
    match = _TYPED.fullmatch(clean_line(text))
    if match is None:
        raise Malformed(_SENTENCE, field=field)
    day, month, year = (int(part) for part in match.groups())
    if year < 1900:
        raise Malformed(_SENTENCE, field=field)
    try:
        return date(year, month, day)
    except ValueError:
        raise Malformed(f"Không có ngày {day:02d}/{month:02d}/{year}. {_SENTENCE}", field=field) from None


def format_civil(day: date) -> str:
    """The date as people read it in tables and forms: dd/mm/yyyy.

    Source: NĐ 30/2020, Phụ lục IV.
    """
    return f"{day.day:02d}/{day.month:02d}/{day.year:04d}"
