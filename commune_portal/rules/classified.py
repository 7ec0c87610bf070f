"""Marks of state secrecy: told from the word «mật» in a sentence, on a first page and in a document's own words.

A mark stands alone: a stamp near the top of the first page, `[MẬT]` in a subject, `(M)` in a symbol. The word in
«bảo mật», «bí mật nhà nước» or «mật ong» is none. A mark is a mark: nobody may overrule it, but the sentence says
where it was seen, so that a wrong one can be taken away at its source.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from commune_portal.errors import RuleBroken
from commune_portal.rules.folding import clean_line
from commune_portal.rules.kinds import Secrecy

UPPER_PART = 0.42
"""How far down a first page the stamp may stand: beneath number and subject, above the body."""
LINES_APART = 2.5
GAP_AT_MOST = 0.06
"""The share of the page's width beyond which two pieces on one line have nothing to do with each other."""

_WORDS = r"(tuyệt mật|tối mật|mật)"
_GRADES = {"mật": Secrecy.CONFIDENTIAL, "tốimật": Secrecy.SECRET, "tuyệtmật": Secrecy.TOP_SECRET}
_LETTERS = {"m": Secrecy.CONFIDENTIAL, "tm": Secrecy.SECRET, "tum": Secrecy.TOP_SECRET, "đm": Secrecy.TOP_SECRET}
_EDGES = "[](){}<>|*·•._-–—:;,\"'“”«» \t"
_ALONE = re.compile(rf"(?:độ mật\s*[:–—-]\s*)?{_WORDS}", re.IGNORECASE)
_BRACKETED = re.compile(rf"[\[({{]\s*(?:độ\s+)?{_WORDS}\s*[\])}}]", re.IGNORECASE)
_STATED = re.compile(rf"\bđộ mật\s*[:–—-]\s*{_WORDS}\b", re.IGNORECASE)
_LEADING = re.compile(r"(TUYỆT MẬT|Tuyệt mật|TỐI MẬT|Tối mật|MẬT|Mật)\s*(?::|\s[–—-]\s|\.\s)")
_TRAILING = re.compile(r"\s[–—|/-]\s*(TUYỆT MẬT|TỐI MẬT|MẬT)\W*$")
_TYPED = re.compile(rf"(?:^|(?<!bảo)(?<!bí)(?<!cơ)(?<!độ)\s){_WORDS}\W*$", re.IGNORECASE)
_SYMBOL = re.compile(r"\((M|TM|TuM|ĐM)\)", re.IGNORECASE)
_NUMBER_LINE = re.compile(r"(?:số|số\s*:)\s*.*/", re.IGNORECASE)
_BEFORE = frozenset({"bảo", "bí", "cơ", "thân", "độ", "cẩn", "mức"})
_AFTER = frozenset({"khẩu", "độ", "ong", "mã", "vụ", "thiết", "danh", "thám", "mía", "báo", "thư", "lệnh", "nghị"})


@dataclass(frozen=True, slots=True)
class Mark:
    """A mark that was seen: its grade, and where, in words that follow «ở»."""

    grade: Secrecy
    where: str


@dataclass(frozen=True, slots=True)
class PagePiece:
    """Text that stands together on a first page; sides and height as shares of the page, 0 is left and top."""

    text: str
    left: float
    right: float
    top: float
    height: float


def mark_in_words(
    *, subject: str = "", type_name: str = "", notation: str = "", typer_notation: str = ""
) -> Mark | None:
    """The mark that a document's own words carry, None for an open document.

    Source: QĐ 28/2018, Điều 1.2; Luật Bảo vệ bí mật nhà nước (marks on documents).
    """
    found = _in_text(subject)
    if found is not None:
        return Mark(found, "trích yếu")
    typed = _TYPED.search(clean_line(type_name))
    found = _in_text(type_name) or (_grade(typed[1]) if typed else None)
    if found is not None:
        return Mark(found, "tên loại văn bản")
    found = _in_symbol(notation)
    if found is not None:
        return Mark(found, "số, ký hiệu")
    found = _in_symbol(typer_notation) or _in_text(typer_notation)
    return Mark(found, "ký hiệu người soạn thảo") if found is not None else None


def mark_on_page(pieces: Sequence[PagePiece]) -> Mark | None:
    """The stamp on a first page: MẬT, TỐI MẬT or TUYỆT MẬT in capitals by itself near the top; or `(M)` in the number.

    Source: QĐ 28/2018, Điều 1.2; NĐ 30/2020, Phụ lục I (cell 10a, above the body).
    """
    upper = [piece for piece in pieces if piece.top <= UPPER_PART]
    for piece in upper:
        text = clean_line(piece.text)
        bare = text.strip(_EDGES)
        if bare and bare == bare.upper():
            grade = _stamped(bare)
            if grade is not None and not any(_belongs(other, piece) for other in upper if other is not piece):
                return Mark(grade, "dấu đóng ở trang đầu")
        if _NUMBER_LINE.match(text) and (grade := _in_symbol(text)) is not None:
            return Mark(grade, "số, ký hiệu ở trang đầu")
    return None


def explain(mark: Mark) -> str:
    """Why a marked document is refused and what to do; for whoever brings it and for whoever sent it.

    Source: QĐ 28/2018, Điều 1.2.
    """
    return (
        f"Văn bản mang độ «{mark.grade.label}» (thấy ở {mark.where}); hệ thống này không nhận, không gửi, không lưu. "
        "Hãy đăng ký vào sổ văn bản mật và gửi, nhận bằng bản giấy theo quy định bảo vệ bí mật nhà nước. "
        "Nếu đây không phải văn bản mật, nơi soạn bỏ dấu, chữ đó ở chỗ nêu trên rồi làm lại."
    )


def require_open(mark: Mark | None, field: str = "") -> None:
    """Raises RuleBroken where a mark was seen.

    Source: QĐ 28/2018, Điều 1.2.
    """
    if mark is not None:
        raise RuleBroken(explain(mark), field=field or None)


def _in_text(text: str) -> Secrecy | None:
    line = clean_line(text)
    alone = _ALONE.fullmatch(line.strip(_EDGES))
    for found in (alone, _BRACKETED.search(line), _STATED.search(line), _LEADING.match(line.lstrip(_EDGES)),
                  _TRAILING.search(line)):  # fmt: skip
        if found is not None:
            return _grade(found[1])
    return None


def _in_symbol(text: str) -> Secrecy | None:
    line = clean_line(text)
    found = _SYMBOL.search(line)
    if found is not None:
        return _LETTERS[found[1].casefold()]
    return next((grade for part in _parts(line) if (grade := _GRADES.get(part)) is not None), None)


def _parts(symbol: str) -> Iterable[str]:
    return ("".join(part.split()).casefold() for part in re.split(r"[/()-]", symbol))


def _grade(words: str) -> Secrecy:
    return _GRADES["".join(words.split()).casefold()]


def _stamped(bare: str) -> Secrecy | None:
    """The grade of a piece that says nothing else; letters may be spaced out."""
    stated = re.fullmatch(r"ĐỘ MẬT\s*[:–—-]\s*(.+)", bare)
    return _GRADES.get("".join((stated[1] if stated else bare).split()).casefold())


def _belongs(other: PagePiece, piece: PagePiece) -> bool:
    """Whether the word goes on from, or into, another piece: «BẢO | MẬT», «BÍ» above «MẬT», «MẬT | KHẨU»."""
    words = [word.strip(_EDGES).casefold() for word in other.text.split()]
    if not words:
        return False
    same_line = abs(other.top - piece.top) < piece.height / 2
    if same_line and other.right <= piece.left and piece.left - other.right < GAP_AT_MOST:
        return words[-1] in _BEFORE
    if same_line and other.left >= piece.right and other.left - piece.right < GAP_AT_MOST:
        return words[0] in _AFTER
    above = 0 < piece.top - other.top < LINES_APART * piece.height
    return above and other.left < piece.right and piece.left < other.right and words[-1] in _BEFORE
