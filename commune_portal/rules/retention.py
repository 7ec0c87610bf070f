"""Dossiers: their code, how long they are kept, and when they are handed to the archives."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from commune_portal.errors import Malformed
from commune_portal.rules.folding import clean_line, fold
from commune_portal.rules.numbering import check_abbreviation

LEAST_YEARS_HANDED_OVER = 5
MOST_YEARS = 200

_CODE = re.compile(r"(?P<ordinal>\d{1,5})\.(?P<heading>[^.\s/]+)", re.ASCII)
_YEARS = re.compile(r"(\d{1,3}) ?nam", re.ASCII)


@dataclass(frozen=True, slots=True)
class RetentionTerm:
    """How long a dossier is kept: a number of years, or for ever (`years` None)."""

    years: int | None

    @property
    def label(self) -> str:
        """As written in the list of dossiers."""
        return "Vĩnh viễn" if self.years is None else f"{self.years} năm"

    @property
    def is_handed_over(self) -> bool:
        """Whether the office's archives take it: for ever, or five years and more."""
        return self.years is None or self.years >= LEAST_YEARS_HANDED_OVER


PERMANENT = RetentionTerm(None)
USUAL_TERMS = (PERMANENT, RetentionTerm(70), RetentionTerm(20), RetentionTerm(10), RetentionTerm(5), RetentionTerm(2))
"""What a form offers; any number of years may be typed. The legal table is the office's own dated list."""


class DossierOrder(StrEnum):
    """Whether codes count over the whole list or start again under each heading.

    Source: NĐ 30/2020, Phụ lục V.
    """

    WHOLE_LIST = "whole-list"
    PER_HEADING = "per-heading"


@dataclass(frozen=True, slots=True)
class DossierCode:
    """The parts of a dossier's code `NN.KH`."""

    ordinal: int
    heading: str

    @property
    def text(self) -> str:
        """As written: `01.TCCB`."""
        return f"{self.ordinal:02d}.{self.heading}"


def parse_term(text: str) -> RetentionTerm:
    """Reads “Vĩnh viễn” or “20 năm”; raises Malformed for anything else.

    Source: NĐ 30/2020, Phụ lục V (thời hạn bảo quản).
    """
    folded = fold(text)
    if folded == "vinh vien":
        return PERMANENT
    match = _YEARS.fullmatch(folded)
    if match is None or not 1 <= int(match[1]) <= MOST_YEARS:
        raise Malformed("Thời hạn bảo quản ghi “Vĩnh viễn” hoặc số năm, ví dụ “20 năm”.", field="retention")
    return RetentionTerm(int(match[1]))


def dossier_code(ordinal: int, heading: str) -> str:
    """The code of a dossier: number and abbreviated heading, `01.TCCB`.

    Source: NĐ 30/2020, Phụ lục V.
    """
    if not 1 <= ordinal <= 99_999:
        raise Malformed("Số thứ tự hồ sơ phải từ 1 trở lên.", field="ordinal")
    return DossierCode(ordinal, check_abbreviation(heading, "heading")).text


def parse_dossier_code(text: str) -> DossierCode:
    """Reads `01.TCCB`; raises Malformed.

    Source: NĐ 30/2020, Phụ lục V.
    """
    match = _CODE.fullmatch(clean_line(text))
    if match is None or int(match["ordinal"]) == 0:
        raise Malformed("Số, ký hiệu hồ sơ ghi dạng 01.TCCB.", field="dossier")
    return DossierCode(int(match["ordinal"]), check_abbreviation(match["heading"], "dossier"))


def kept_until(work_ended: date, term: RetentionTerm) -> date | None:
    """The last day a dossier is kept, None for ever; counted from the year in which the work ended.

    Source: Luật Lưu trữ 33/2024/QH15; NĐ 30/2020, Phụ lục VI, II.5.
    """
    return None if term.years is None else date(work_ended.year + term.years, 12, 31)


def must_be_handed_over_by(work_ended: date, term: RetentionTerm) -> date | None:
    """The last day to hand a dossier to the office's archives, one year after the work; None when it is not.

    Source: NĐ 30/2020, Điều 28-31 (one year from the end of the work; dossiers kept five years or longer).
    """
    if not term.is_handed_over:
        return None
    if (work_ended.month, work_ended.day) == (2, 29):
        return date(work_ended.year + 1, 2, 28)
    return work_ended.replace(year=work_ended.year + 1)
