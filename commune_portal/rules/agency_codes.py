"""Codes of organisations, in both forms: `H41.12` (QĐ 20/2020) and `000.00.12.H41` (QCVN 102:2016).

Received codes are taken liberally and kept as they are; only two levels can be computed from one form to the
other, deeper ones are the province's table and must be looked up.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from enum import StrEnum

from commune_portal.errors import Malformed
from commune_portal.rules.folding import clean_line

LONGEST = 35
"""Characters. Source: QĐ 20/2020/QĐ-TTg."""

_ACCEPTED = re.compile(r"[A-Za-z0-9.:_-]{1,35}")
_DOTTED = re.compile(r"[A-Z]\d{2}(\.[0-9A-Z]+)*", re.ASCII)
_REVERSED = re.compile(r"(?P<fourth>\d{3})\.(?P<third>\d{2})\.(?P<second>\d{2})\.(?P<first>[A-Z]\d{2})", re.ASCII)
_TWO_LEVELS = re.compile(r"(?P<first>[A-Z]\d{2})(?:\.(?P<second>\d{2}))?", re.ASCII)


class CodeShape(StrEnum):
    """Which rule a code was made by.

    Source: QĐ 20/2020/QĐ-TTg (dotted); QCVN 102:2016 and QĐ 28/2018, Điều 10.2.a (reversed, 13 characters).
    """

    DOTTED = "dotted"
    REVERSED = "reversed"
    OTHER = "other"


def accept_code(text: str) -> str:
    """A code from outside as kept, unchanged but for blanks around it; raises Malformed for what is none.

    Source: QĐ 20/2020/QĐ-TTg (at most 35 characters); live traffic shows shapes that no rule names.
    """
    code = clean_line(text)
    if not _ACCEPTED.fullmatch(code):
        raise Malformed(
            f"Mã cơ quan “{code[:40]}” chưa đúng: chỉ gồm chữ không dấu, số, dấu chấm, tối đa {LONGEST} ký tự.",
            field="code",
        )
    return code


def code_shape(code: str) -> CodeShape:
    """The rule that a code follows.

    Source: QĐ 20/2020/QĐ-TTg; QCVN 102:2016.
    """
    if _REVERSED.fullmatch(code):
        return CodeShape.REVERSED
    if len(code) <= LONGEST and _DOTTED.fullmatch(code):
        return CodeShape.DOTTED
    return CodeShape.OTHER


def doubt_about_code(code: str) -> str | None:
    """What to tell the one who types a code of unusual shape into our own directory; None when it is regular.

    Source: QĐ 20/2020/QĐ-TTg; QCVN 102:2016.
    """
    if code_shape(code) is CodeShape.OTHER:
        return f"Mã “{code}” khác các dạng thông dụng (H41.12 hoặc 000.00.12.H41). Hãy kiểm tra lại trước khi lưu."
    return None


def to_dotted(code: str) -> str | None:
    """The QĐ 20/2020 form, or None where only the province's table knows it.

    Source: QĐ 20/2020/QĐ-TTg; QCVN 102:2016 (`000.00.12.H41` is `H41.12`, `000.00.00.H49` is `H49`).
    """
    if code_shape(code) is CodeShape.DOTTED:
        return code
    parts = _REVERSED.fullmatch(code)
    if parts is None or parts["fourth"] != "000" or parts["third"] != "00":
        return None
    return parts["first"] if parts["second"] == "00" else f"{parts['first']}.{parts['second']}"


def to_reversed(code: str) -> str | None:
    """The QCVN 102 form of 13 characters, or None where only the province's table knows it.

    Source: QCVN 102:2016; QĐ 28/2018, Điều 10.2.a.
    """
    if code_shape(code) is CodeShape.REVERSED:
        return code
    parts = _TWO_LEVELS.fullmatch(code)
    if parts is None or parts["second"] == "00":
        return None
    return f"000.00.{parts['second'] or '00'}.{parts['first']}"


def is_same_organisation(one: str, other: str) -> bool:
    """Whether two codes are one organisation as far as can be computed; aliases of mergers are the directory's.

    Source: QĐ 20/2020/QĐ-TTg; QCVN 102:2016.
    """
    return one == other or (to_dotted(one) or one) == (to_dotted(other) or other)


def resolve(code: str, leads_to: Callable[[str], str | None]) -> str:
    """The code at the end of a chain of mergers and changes; a chain that comes back to itself ends before that.

    `leads_to` gives the successor of a code, None or the code itself where there is none.
    Source: QĐ 20/2020/QĐ-TTg (codes are kept and changed by their administrator); ours for mergers.
    """
    seen = {code}
    while True:
        following = leads_to(code)
        if following is None or following in seen:
            return code
        seen.add(following)
        code = following


def closes_loop(code: str, into: str, leads_to: Callable[[str], str | None]) -> bool:
    """Whether a merger of one body into another would lead back to the first.

    Source: ours; QĐ 20/2020/QĐ-TTg knows no such thing.
    """
    seen: set[str] = set()
    following: str | None = into
    while following is not None and following not in seen:
        if following == code:
            return True
        seen.add(following)
        following = leads_to(following)
    return False
