"""Numbers and symbols: which book, which number comes next, how it is written and read, and the document's id.

A number is given once, in order, without a gap, within one civil year; nothing here ever takes one back.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, timezone
from enum import StrEnum
from typing import Literal

from commune_portal.errors import Malformed, RuleBroken
from commune_portal.rules.agency_codes import accept_code
from commune_portal.rules.folding import clean_line
from commune_portal.rules.kinds import DocumentType

WHOLE_OFFICE_KEY = "office"
COPIES_KEY = "copies"
ARRIVALS_KEY = "arrivals"
OTHERS_KEY = "group:others"
DAYS_AHEAD_OF_CONTACT = 3
LAST_SERIAL = 999_999

_VIETNAM = timezone(timedelta(hours=7))
_ABBREVIATION = re.compile(r"[0-9A-Za-zĐđĂăÂâÊêÔôƠơƯư]{1,20}")
_DASHES = str.maketrans("\u2010\u2011\u2012\u2013\u2014\u2212", "------")
_PREFIX = re.compile(
    r"^(?:(?:văn bản|công văn|vb|cv|số|so|no)\s*[:.]?\s+|số\s*[:.]?\s*|(?:so|no)\s*[:.]\s*)", re.IGNORECASE
)
_NUMBER = re.compile(
    r"(?P<number>\d{1,10}(?:[a-zđ]|bis)?|)\s*(?P<separator>[/-])\s*(?P<notation>\S.*)", re.IGNORECASE | re.ASCII
)
_BARE = re.compile(r"(?P<number>\d{1,10}(?:[a-zđ]|bis)?)(?:\s+(?P<notation>\D.*))?", re.IGNORECASE | re.ASCII)
_AROUND = re.compile(r"\s*([/-])\s*")
_MINTED = re.compile(r"(?P<organ>[A-Za-z0-9.:_-]{1,35})\.(?P<year>\d{4})\.(?P<serial>\d{6})", re.ASCII)


class Scheme(StrEnum):
    """How the head of the office has the administrative documents numbered.

    Source: NĐ 30/2020, Điều 15.1.
    """

    WHOLE_OFFICE = "whole-office"
    PER_TYPE = "per-type"
    GROUPS = "groups"

    @property
    def label(self) -> str:
        """The words that the administrator chooses from."""
        return {
            Scheme.WHOLE_OFFICE: "Một dãy số chung toàn cơ quan",
            Scheme.PER_TYPE: "Mỗi loại văn bản một dãy số",
            Scheme.GROUPS: "Theo nhóm loại văn bản",
        }[self]


@dataclass(frozen=True, slots=True)
class NumberGroup:
    """Types that share one series."""

    key: str
    name: str
    type_codes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class NumberingRules:
    """The office's own choices about numbers; raises Malformed when a type stands in two groups."""

    scheme: Scheme = Scheme.WHOLE_OFFICE
    groups: tuple[NumberGroup, ...] = ()
    zero_width: int = 2
    letter_suffix: Literal["unit", "field"] = "unit"

    def __post_init__(self) -> None:
        codes = [code for group in self.groups for code in group.type_codes]
        keys = [group.key for group in self.groups]
        if len(set(codes)) != len(codes) or len(set(keys)) != len(keys):
            raise Malformed("Mỗi loại văn bản chỉ được nằm trong một nhóm đánh số. Hãy sửa lại các nhóm.")
        if any(not re.fullmatch(r"[a-z0-9-]{1,40}", key) for key in keys):
            raise Malformed("Mã nhóm đánh số chỉ gồm chữ thường không dấu, số và gạch nối.")
        if not 2 <= self.zero_width <= 6:
            raise Malformed("Số chữ số tối thiểu phải từ 2 đến 6: số dưới 10 luôn có số 0 đứng trước.")


@dataclass(frozen=True, slots=True)
class BookState:
    """Where a book of one year stands; `last_number` is below `opening_number` until a number is given."""

    year: int
    opening_number: int = 1
    last_number: int = 0
    newest_date: date | None = None
    closed: bool = False


@dataclass(frozen=True, slots=True)
class ParsedNumber:
    """A number and symbol as read; either may be empty, and `separator` keeps foreign forms what they were."""

    number: str
    notation: str
    separator: str = "/"

    @property
    def text(self) -> str:
        """Both together, as printed."""
        return f"{self.number}{self.separator}{self.notation}" if self.notation else self.number


@dataclass(frozen=True, slots=True)
class MintedId:
    """The parts of a document id that an office like ours made."""

    organ_code: str
    year: int
    serial: int


def book_key(rules: NumberingRules, kind: DocumentType) -> str:
    """The series in which a type is numbered; normative types always have one of their own.

    Source: NĐ 30/2020, Điều 15.1.
    """
    if kind.normative or rules.scheme is Scheme.PER_TYPE:
        return f"type:{kind.code}"
    if rules.scheme is Scheme.GROUPS:
        group = _group_of(rules, kind)
        return f"group:{group.key}" if group else OTHERS_KEY
    return WHOLE_OFFICE_KEY


def book_name(rules: NumberingRules, kind: DocumentType) -> str:
    """The title of the book in which a type is numbered, for the cover and the list of books.

    Source: NĐ 30/2020, Điều 15.1 and Phụ lục IV.
    """
    title = "Sổ đăng ký văn bản đi"
    if kind.normative or rules.scheme is Scheme.PER_TYPE:
        return f"{title} – {kind.name}"
    if rules.scheme is Scheme.GROUPS:
        group = _group_of(rules, kind)
        return f"{title} – {group.name if group else 'Các loại văn bản khác'}"
    return title


def next_number(book: BookState, on: date) -> int:
    """The number that this book gives next; raises RuleBroken when it may not give one on that day.

    Source: NĐ 30/2020, Điều 15.1 (continuously from 1 January to 31 December) and Điều 22.2 (số đến).
    """
    if book.closed:
        raise RuleBroken(f"Sổ năm {book.year} đã khóa nên không cấp thêm số. Hãy chọn ngày trong năm của sổ đang mở.")
    if on.year != book.year:
        raise RuleBroken(f"Sổ năm {book.year} không cấp số cho ngày {on:%d/%m/%Y}. Mỗi năm một sổ, số bắt đầu từ 01.")
    if book.newest_date is not None and on.year < book.newest_date.year:
        raise RuleBroken(f"Đã có số cấp trong năm {book.newest_date.year}, không cấp lùi về năm {on.year} được.")
    return max(book.opening_number, book.last_number + 1)


def check_year_is_open(year: int, newest_year: int | None) -> None:
    """Raises RuleBroken for a number in a year before the newest in which this series gave one.

    Source: NĐ 30/2020, Điều 15.1; Phụ lục VI, III.1.đ (in the order of time of the year).
    """
    if newest_year is not None and year < newest_year:
        raise RuleBroken(f"Đã có số cấp trong năm {newest_year}, không cấp lùi về năm {year} được.")


def check_opening_number(number: int) -> int:
    """The first number of a book that continues one kept elsewhere; raises Malformed outside 1 to 999,999.

    Source: NĐ 30/2020, Điều 15.1 (the year's series goes on, also when the office begins in mid-year).
    """
    if not 1 <= number <= LAST_SERIAL:
        raise Malformed("Số bắt đầu phải từ 1 đến 999.999.", field="opening_number")
    return number


def format_number(number: int, width: int = 2) -> str:
    """The number as printed: below ten with a leading zero.

    Source: NĐ 30/2020, Phụ lục I, II.3.
    """
    if number < 1:
        raise Malformed("Số văn bản phải từ 1 trở lên.", field="number")
    return f"{number:0{width}d}"


def check_abbreviation(text: str, field: str = "abbreviation") -> str:
    """The abbreviation of an office, unit or field as kept: letters and digits; raises Malformed.

    Source: NĐ 30/2020, Phụ lục I, II.3 (set by the head; `/` and `-` stand between the groups).
    """
    abbreviation = clean_line(text)
    if not _ABBREVIATION.fullmatch(abbreviation):
        raise Malformed(
            f"Chữ viết tắt “{abbreviation[:30]}” chưa đúng: chỉ gồm chữ và số viết liền, tối đa 20 ký tự, "
            "không có dấu “/”, “-” hay dấu cách.",
            field=field,
        )
    return abbreviation


def symbol(kind: DocumentType, office_abbreviation: str, unit_abbreviation: str = "") -> str:
    """The symbol: `QĐ-UBND` for a named type, `UBND-VX` for a letter, whose unit or field must be given.

    Source: NĐ 30/2020, Phụ lục I, II.3.
    """
    office = check_abbreviation(office_abbreviation)
    if not kind.lettered:
        return f"{kind.abbreviation}-{office}"
    if not unit_abbreviation.strip():
        raise Malformed(
            f"{kind.name} cần chữ viết tắt của đơn vị soạn thảo hoặc lĩnh vực, ví dụ {office}-VP.", field="unit"
        )
    return f"{office}-{check_abbreviation(unit_abbreviation, 'unit')}"


def number_and_symbol(number: int, notation: str, width: int = 2, year: int | None = None) -> str:
    """Both as printed: `05/QĐ-UBND`; with a year, as normative documents carry it: `01/2026/QĐ-UBND`.

    Source: NĐ 30/2020, Phụ lục I, II.3.
    """
    return "/".join([format_number(number, width), *([str(year)] if year else []), notation])


def parse(text: str) -> ParsedNumber:
    """Reads a number and symbol as people and other systems write it; raises Malformed when there is none.

    “Số: 05/QĐ-UBND”, “5 / QĐ – UBND”, “15a/BC-UBND”, “VB 12-CV/ĐU”, “01/2026/QĐ-UBND”, “/QĐ-UBND” before a number
    is given. The number stays text: a foreign zero or letter is part of it.

    Source: NĐ 30/2020, Phụ lục I, II.3 (our own forms); Phụ lục VI (CodeNumber, CodeNotation).
    """
    line = clean_line(text).translate(_DASHES)
    while (shorter := _PREFIX.sub("", line, count=1)) != line:
        line = shorter
    match = _NUMBER.fullmatch(line) or _BARE.fullmatch(line)
    if match is None:
        raise Malformed("Không đọc được số, ký hiệu. Hãy nhập dạng 05/QĐ-UBND.", field="number")
    parts = match.groupdict()
    return ParsedNumber(
        number=parts["number"],
        notation=_AROUND.sub(r"\1", parts["notation"] or ""),
        separator=parts.get("separator") or ("/" if not parts["notation"] else " "),
    )


def document_id(organ_code: str, year: int, serial: int) -> str:
    """The document id `{OrganId}.{yyyy}.{serial, six digits}`; minted once, never built again.

    Source: QĐ 28/2018, Điều 10.2.b.
    """
    if not 1 <= serial <= LAST_SERIAL or not 1000 <= year <= 9999:
        raise RuleBroken("Số thứ tự phát hành trong năm phải từ 1 đến 999.999.")
    return f"{accept_code(organ_code)}.{year:04d}.{serial:06d}"


def parse_document_id(text: str) -> MintedId | None:
    """The parts of an id of our shape, None for a foreign one, which is opaque.

    Source: QĐ 28/2018, Điều 10.2.b.
    """
    match = _MINTED.fullmatch(text)
    if match is None or int(match["serial"]) == 0:
        return None
    return MintedId(match["organ"], int(match["year"]), int(match["serial"]))


def doubt_about_date(
    today: date,
    last_journal: datetime | None,
    last_contact: datetime | None,
    *,
    now: datetime | None = None,
    days_ahead: int = DAYS_AHEAD_OF_CONTACT,
) -> str | None:
    """Why the computer's date may be wrong, to be confirmed before a number is given; None when it is likely.

    Instants are aware. `now` makes the comparison with the journal exact, not only by the day.

    Source: NĐ 30/2020, Điều 15.1 and Phụ lục VI, III.1.đ (numbers follow the order of time).
    """
    if last_journal is not None:
        last = last_journal.astimezone(_VIETNAM)
        if today < last.date() or (now is not None and now.astimezone(UTC) < last_journal.astimezone(UTC)):
            return (
                f"Đồng hồ máy tính (ngày {today:%d/%m/%Y}) chậm hơn lần ghi sổ gần nhất ({last:%H:%M %d/%m/%Y}). "
                "Hãy kiểm tra ngày giờ; nếu ngày đúng, xác nhận để cấp số."
            )
    if last_contact is not None:
        contact = last_contact.astimezone(_VIETNAM).date()
        if (today - contact).days > days_ahead:
            return (
                f"Ngày trên máy ({today:%d/%m/%Y}) cách lần liên lạc gần nhất với nút liên thông "
                f"({contact:%d/%m/%Y}) hơn {days_ahead} ngày. Hãy kiểm tra ngày; nếu đúng, xác nhận để cấp số."
            )
    return None


def doubt_about_order(book: BookState, on: date) -> str | None:
    """What to ask when a number would bear an earlier date than one given before it; None when in order.

    Source: NĐ 30/2020, Phụ lục VI, III.1.đ (in order and time of the year).
    """
    if book.newest_date is not None and on < book.newest_date:
        return (
            f"Số trước đã mang ngày {book.newest_date:%d/%m/%Y}, sau ngày {on:%d/%m/%Y}. "
            "Số và ngày phải cùng thứ tự; nếu vẫn đúng, xác nhận để cấp số."
        )
    return None


def _group_of(rules: NumberingRules, kind: DocumentType) -> NumberGroup | None:
    """The group in which a type stands, if any."""
    return next((group for group in rules.groups if kind.code in group.type_codes), None)
