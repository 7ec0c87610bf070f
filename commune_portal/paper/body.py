"""The body of a letter as blocks, and how plain text that a clerk types becomes blocks."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum

from commune_portal.errors import Malformed
from commune_portal.rules.folding import clean_line


class ParagraphStyle(Enum):
    """How a paragraph stands on the page."""

    BODY = "body"
    BASIS = "basis"
    HEADING = "heading"
    SUBHEADING = "subheading"


@dataclass(frozen=True, slots=True)
class Paragraph:
    """A paragraph; `lead` is its bold beginning, such as "Điều 1." or "2."."""

    text: str
    style: ParagraphStyle = ParagraphStyle.BODY
    lead: str = ""


@dataclass(frozen=True, slots=True)
class Table:
    """A plain table; `shares` are the relative widths of its columns."""

    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    shares: tuple[float, ...] = ()

    def __post_init__(self) -> None:
        widths = {len(self.columns), *(len(row) for row in self.rows)}
        if self.shares:
            widths.add(len(self.shares))
        if len(widths) != 1 or 0 in widths or any(share <= 0 for share in self.shares):
            raise Malformed("Bảng trong văn bản cần mọi dòng có cùng số cột.")


Block = Paragraph | Table

_LEAD = re.compile(r"^(Điều\s+\d+[a-zđ]?\.|(?:Chương|Mục|Phần)\s+[IVXLC\d]+\.?)\s*(.*)$", re.DOTALL)
_BASIS = ("Căn cứ ", "Theo đề nghị ", "Xét đề nghị ", "Xét Tờ trình ")
_HEADING_AT_MOST = 90


def blocks_from_text(text: str, *, with_basis: bool = True) -> tuple[Block, ...]:
    """The blocks of a text as typed, one paragraph a line.

    A line in capitals is a heading, "Điều 3." at the beginning of a line is set bold, lines with the legal basis at
    the beginning are set in italics (`with_basis`; a công văn has none).

    Source: NĐ 30/2020, Phụ lục I, II.6.
    """
    blocks: list[Block] = []
    basis_may_follow = with_basis
    for raw in text.split("\n"):
        line = clean_line(raw)
        if not line:
            continue
        found = _LEAD.match(line)
        if _is_capital(line):
            blocks.append(Paragraph(line, ParagraphStyle.HEADING))
        elif basis_may_follow and line.startswith(_BASIS):
            blocks.append(Paragraph(line, ParagraphStyle.BASIS))
        elif found:
            basis_may_follow = False
            blocks.append(Paragraph(found[2], lead=found[1]))
        else:
            basis_may_follow = False
            blocks.append(Paragraph(line))
    return tuple(blocks)


def _is_capital(line: str) -> bool:
    letters = [sign for sign in line if sign.isalpha()]
    return len(letters) > 3 and len(line) <= _HEADING_AT_MOST and all(sign.isupper() for sign in letters)
