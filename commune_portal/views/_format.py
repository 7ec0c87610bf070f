"""How values look in a page: Vietnamese dates, numbers, sizes and deadlines, as Jinja filters.

dd/mm/yyyy and the decimal comma appear here and in forms alone; below the views a date is a date.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal

from flask import Flask
from markupsafe import Markup, escape

from commune_portal import clock

NEAR_DAYS = 2
"""A deadline this many days away or fewer is shown as near."""

SIZE_UNITS = ("KB", "MB", "GB")


@dataclass(frozen=True, slots=True)
class Due:
    """How a deadline reads: words first, a tone for the colour, the date itself."""

    text: str
    tone: str
    day: str


def day(value: date | None) -> str:
    """A civil date as dd/mm/yyyy; an instant counts as its day in Vietnam; nothing stays empty."""
    if value is None:
        return ""
    if isinstance(value, datetime):
        value = clock.civil(value)
    return f"{value.day:02d}/{value.month:02d}/{value.year:04d}"


def instant(value: datetime | None) -> str:
    """An instant as dd/mm/yyyy HH:MM in Vietnam's time; nothing stays empty."""
    if value is None:
        return ""
    local = value.astimezone(clock.VIETNAM)
    return f"{day(local.date())} {local.hour:02d}:{local.minute:02d}"


def hour(value: datetime | None) -> str:
    """An instant's HH:MM in Vietnam's time, for lines of the present day."""
    if value is None:
        return ""
    local = value.astimezone(clock.VIETNAM)
    return f"{local.hour:02d}:{local.minute:02d}"


def number(value: int | float | Decimal | None, decimals: int | None = None) -> str:
    """A number the Vietnamese way, 1.234.567,89; `decimals` fixes the digits behind the comma."""
    if value is None:
        return ""
    if decimals is None:
        decimals = 0 if isinstance(value, int) else 2
    swap = str.maketrans({",": ".", ".": ","})
    return f"{value:,.{decimals}f}".translate(swap)


def size(value_bytes: int | None) -> str:
    """A file's size in B, KB, MB or GB, with one digit behind the comma below ten."""
    if value_bytes is None:
        return ""
    if value_bytes < 1024:
        return f"{value_bytes} B"
    scaled, power = value_bytes / 1024, 0
    while scaled >= 1024 and power < len(SIZE_UNITS) - 1:
        scaled, power = scaled / 1024, power + 1
    unit = SIZE_UNITS[power]
    return f"{number(scaled, 1 if scaled < 9.95 else 0)} {unit}"


def relative_day(value: date | None) -> str:
    """A date in words near today (hôm nay, hôm qua, ngày mai), else dd/mm/yyyy."""
    if value is None:
        return ""
    if isinstance(value, datetime):
        value = clock.civil(value)
    away = (value - clock.today()).days
    words = {0: "hôm nay", -1: "hôm qua", 1: "ngày mai"}
    if away in words:
        return words[away]
    if -7 < away < 0:
        return f"{-away} ngày trước"
    return day(value)


def ago(value: datetime | None) -> str:
    """How long ago an instant was, in words: vừa xong, 5 phút trước, 3 giờ trước, 2 ngày trước."""
    if value is None:
        return "chưa lần nào"
    seconds = int((clock.now() - value).total_seconds())
    if seconds < 60:
        return "vừa xong"
    if seconds < 3600:
        return f"{seconds // 60} phút trước"
    if seconds < 86400:
        return f"{seconds // 3600} giờ trước"
    return f"{number(seconds // 86400)} ngày trước"


def due(value: date | None) -> Due | None:
    """How a deadline reads today: overdue, today, near or later; None where there is no deadline."""
    if value is None:
        return None
    away = (value - clock.today()).days
    if away < 0:
        return Due(f"Quá hạn {number(-away)} ngày", "bad", day(value))
    if away == 0:
        return Due("Hạn hôm nay", "warn", day(value))
    if away <= NEAR_DAYS:
        return Due(f"Còn {away} ngày", "warn", day(value))
    return Due(f"Còn {number(away)} ngày", "quiet", day(value))


def paragraphs(value: str | None) -> Markup:
    """Typed text with its line breaks kept and everything else escaped."""
    if not value:
        return Markup("")
    return Markup("<br>").join(escape(line) for line in value.splitlines())


FILTERS = {
    "day": day, "instant": instant, "hour": hour, "number": number, "size": size,
    "relative_day": relative_day, "ago": ago, "due": due, "paragraphs": paragraphs,
}  # fmt: skip


def add_filters(app: Flask) -> None:
    """Makes every filter of this module known to the app's templates."""
    app.jinja_env.filters.update(FILTERS)
