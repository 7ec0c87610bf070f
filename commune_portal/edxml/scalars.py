"""Text, dates, instants and numbers as packets write them: one strict form out, every known form in."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta, timezone

from commune_portal.clock import VIETNAM
from commune_portal.rules.folding import clean_line, nfc

# XML 1.0 has no way to write these, not even as a character reference.
_FORBIDDEN = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
# Letters nobody sees, which turn what is read around (security.md §3.3); C1 and DEL come from broken conversions.
_INVISIBLE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]")
_ORGAN_ID = re.compile(r"[A-Za-z0-9.:_-]{1,35}", re.ASCII)
_YEAR_FIRST = re.compile(r"(\d{4})[/-](\d{1,2})[/-](\d{1,2})", re.ASCII)
_DAY_FIRST = re.compile(r"(\d{1,2})[/-](\d{1,2})[/-](\d{4})", re.ASCII)
_TIME = re.compile(
    r"[T ]\s*(\d{1,2}):(\d{2})(?::(\d{2}))?(?:[.,]\d{1,9})?\s*(Z|[+-]\d{2}:?\d{2})?", re.ASCII | re.IGNORECASE
)
_WHOLE = re.compile(r"[+-]?\d{1,12}", re.ASCII)
LABEL_CHARACTERS = 200


def writable(text: str) -> str:
    """The text in NFC without what XML 1.0 cannot carry, lines ended by a line feed."""
    text = _FORBIDDEN.sub("", text).replace("\r\n", "\n").replace("\r", "\n")
    return nfc(text)


def holds_invisible(text: str) -> bool:
    """True when the text holds control or direction letters, which the reader drops."""
    return _INVISIBLE.search(text) is not None


def label(text: str) -> str:
    """A file name from outside as a label: no folders, at most 200 characters with the extension kept.

    Source: security.md §3.3; the result is for people and for Content-Disposition, never a path.
    """
    text = clean_line(text)
    text = re.split(r"[/\\]", text)[-1].strip()
    if len(text) > LABEL_CHARACTERS:
        stem, dot, end = text.rpartition(".")
        tail = dot + end if dot and len(end) <= 8 else ""
        text = (stem if tail else text)[: LABEL_CHARACTERS - len(tail)].rstrip() + tail
    return "" if text.strip(".") == "" else text


def is_organ_id(text: str) -> bool:
    """True for what is accepted as an organisation code on receipt. Source: law.md §9."""
    return _ORGAN_ID.fullmatch(text) is not None


def date_text(value: date) -> str:
    """A civil date as written in packets, `yyyy/MM/dd`."""
    return f"{value.year:04d}/{value.month:02d}/{value.day:02d}"


def instant_text(value: datetime) -> str:
    """An instant as written in packets: `yyyy/MM/dd HH:mm:ss`, Vietnam's time, no zone."""
    local = value.astimezone(VIETNAM)
    return f"{date_text(local.date())} {local.hour:02d}:{local.minute:02d}:{local.second:02d}"


def read_date(text: str) -> date | None:
    """A civil date in any of the known forms, with or without a time behind it; None when it is none."""
    found = _YEAR_FIRST.match(text)
    if found:
        year, month, day = found.groups()
    else:
        found = _DAY_FIRST.match(text)
        if not found:
            return None
        day, month, year = found.groups()
    rest = text[found.end() :]
    if rest and not _TIME.fullmatch(rest):
        return None
    try:
        return date(int(year), int(month), int(day))
    except ValueError:
        return None


def read_instant(text: str) -> datetime | None:
    """An instant in any of the known forms as aware UTC; without a zone it is Vietnam's time."""
    day = read_date(text)
    if day is None:
        return None
    found = _TIME.search(text)
    if not found:
        return None
    hour, minute, second, zone = found.groups()
    offset: timezone = VIETNAM
    if zone and zone.upper() == "Z":
        offset = UTC
    elif zone:
        shift = timedelta(hours=int(zone[1:3]), minutes=int(zone[-2:]))
        if shift >= timedelta(hours=24):
            return None
        offset = timezone(-shift if zone[0] == "-" else shift)
    try:
        local = datetime(day.year, day.month, day.day, int(hour), int(minute), int(second or 0), tzinfo=offset)
        return local.astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def read_whole(text: str) -> int | None:
    """A whole number of at most twelve digits; None when it is none."""
    return int(text) if _WHOLE.fullmatch(text) else None


def read_truth(text: str) -> bool | None:
    """A truth value: 0/1 or true/false; None when it is none."""
    return {"0": False, "1": True, "false": False, "true": True}.get(text.lower())
