"""The elements of a Decree 30 page found among its pieces of text.

Source: NĐ 30/2020, Phụ lục I (cells 1 to 9 and where they stand).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from datetime import date

from commune_portal import clock
from commune_portal.paper.capitals import written
from commune_portal.paper.places import Rectangle
from commune_portal.paper.textlayer import PageText, Piece
from commune_portal.rules.folding import fold
from commune_portal.rules.kinds import type_by_name

SURE, LIKELY, UNSURE = 0.95, 0.75, 0.5

_SYMBOL = re.compile(r"^S[ốố]\s*:?\s*(\d{0,6})[\s.…_]*/\s*((?:\d{4}/)?[^\s/]+(?:\s*-\s*[^\s/]+)*)")
_NUMBER_LABEL = re.compile(r"^so\s*(:|\d|/|\.|$)")
_DATE = re.compile(r"^(.*?)[,\s]*ngày\s*([\d.…_]*)\s*tháng\s*([\d.…_]*)\s*năm\s*([\d.…_]*)\s*$", re.IGNORECASE)
_MARK = re.compile(r"^(TM|KT|TL|TUQ|Q)\s*\.")
_POSTS = (
    "chu tich", "pho ", "giam doc", "truong ", "chanh ", "bi thu", "chu nhiem", "vien truong", "hieu truong",
    "tram truong", "doi truong", "quyen ", "thu truong", "bo truong",
)  # fmt: skip
_STAMPED = ("ky boi", "nguoi ky", "co quan:", "ngay ky", "thoi gian ky", "signed by", "digitally", "email:", "date:")
_URGENCY = ("khan", "thuong khan", "hoa toc")


@dataclass(frozen=True, slots=True)
class Guess:
    """A value that was read, where it stands, and how sure we are, from 0 to 1."""

    value: str
    rectangle: Rectangle
    confidence: float


@dataclass(frozen=True, slots=True)
class Fields:
    """What a letter's text layer says; several lines of one field are separated by line breaks.

    `promulgation_date` is `yyyy-mm-dd`; names printed in capitals are written as a register has them.
    """

    number: Guess | None = None
    notation: Guess | None = None
    place: Guess | None = None
    promulgation_date: Guess | None = None
    type_name: Guess | None = None
    subject: Guess | None = None
    issuer_name: Guess | None = None
    parent_name: Guess | None = None
    signer_name: Guess | None = None
    signer_position: Guess | None = None
    competence: Guess | None = None
    recipients: Guess | None = None

    def completed_with(self, other: Fields) -> Fields:
        """These fields, those that are missing taken from another reading of the same page."""
        gained = {item.name: getattr(other, item.name) for item in fields(self) if getattr(self, item.name) is None}
        return replace(self, **gained)


@dataclass(frozen=True, slots=True)
class SignerBlock:
    """The signer's block: its lines in capitals, the name under the gap if there is one, the list of recipients."""

    capitals: tuple[Piece, ...]
    name: Piece | None
    recipients: tuple[str, ...]
    recipients_place: Rectangle | None


def fields_of(first: PageText, signing: PageText) -> Fields:
    """Every field that the first page and the page with the signature show."""
    found: dict[str, Guess | None] = {}
    row = number_row(first)
    if row is not None:
        found.update(_symbol(row))
        found.update(_issuer(first, row))
    found.update(_date(first))
    dated = found.get("promulgation_date")
    on = date.fromisoformat(dated.value) if dated is not None else clock.today()
    found.update(_title(first, row, on))
    block = signer_block(signing)
    if block is not None:
        found.update(_signer(block))
    return Fields(**found)


# -- the head ---------------------------------------------------------------------------------------------------------


def _boundary(page: PageText) -> float:
    """Where the left column of the head ends: before the national title."""
    for piece in page.pieces:
        if fold(piece.text).startswith("cong hoa xa hoi") and piece.x0 > page.width * 0.3:
            return piece.x0 - 2
    return page.width * 0.45


def _rows(pieces: Sequence[Piece]) -> list[list[Piece]]:
    """Pieces that stand on one line, lines from top to bottom."""
    rows: list[list[Piece]] = []
    for piece in sorted(pieces, key=lambda piece: -piece.baseline):
        if rows and abs(rows[-1][0].baseline - piece.baseline) < 4.0:
            rows[-1].append(piece)
        else:
            rows.append([piece])
    return [sorted(row, key=lambda piece: piece.x0) for row in rows]


def _text(row: Sequence[Piece]) -> str:
    return " ".join(piece.text for piece in row)


def around(pieces: Sequence[Piece]) -> Rectangle:
    """The rectangle around pieces of one page."""
    boxes = [piece.rectangle for piece in pieces]
    return Rectangle(
        boxes[0].page,
        min(box.x0 for box in boxes),
        min(box.y0 for box in boxes),
        max(box.x1 for box in boxes),
        max(box.y1 for box in boxes),
    )


def _left_rows(page: PageText) -> list[list[Piece]]:
    edge = _boundary(page)
    return _rows([piece for piece in page.pieces if piece.middle < edge and piece.baseline > page.height * 0.55])


def number_row(page: PageText) -> list[Piece] | None:
    """The line that begins with "Số:" in the left column of the head."""
    for row in _left_rows(page):
        if _NUMBER_LABEL.match(fold(_text(row))):
            return row
    return None


def _symbol(row: list[Piece]) -> dict[str, Guess | None]:
    found = _SYMBOL.match(_text(row))
    if not found:
        return {}
    place = around(row)
    notation = re.sub(r"\s*-\s*", "-", found[2]).rstrip(".,;")
    number = Guess(found[1], place, SURE) if found[1] else None
    return {"number": number, "notation": Guess(notation, place, SURE)}


def _issuer(page: PageText, symbol_row: list[Piece]) -> dict[str, Guess | None]:
    rows = [
        row
        for row in _left_rows(page)
        if row[0].baseline > symbol_row[0].baseline + 4 and any(sign.isalpha() for sign in _text(row))
    ]
    if not rows:
        return {}
    bold = [row for row in rows if row[0].bold]
    plain = [row for row in rows if not row[0].bold]
    confidence = SURE
    if not bold or (plain and plain[-1][0].baseline < bold[0][0].baseline):
        # Without faces to go by, the issuer begins where the last name of an office begins.
        confidence = LIKELY
        starts = [
            at for at, row in enumerate(rows) if at and fold(_text(row)).startswith(("uy ban", "hoi dong", "trung tam"))
        ]
        plain, bold = (rows[: starts[-1]], rows[starts[-1] :]) if starts else ([], rows)
    return {"issuer_name": _name(bold, confidence), "parent_name": _name(plain, confidence)}


def _name(rows: list[list[Piece]], confidence: float) -> Guess | None:
    if not rows:
        return None
    return Guess(
        written(" ".join(_text(row) for row in rows)), around([piece for row in rows for piece in row]), confidence
    )


def date_row(page: PageText) -> tuple[list[Piece], re.Match[str]] | None:
    """The line "…, ngày … tháng … năm …", filled or not, and its parts."""
    edge = min(_boundary(page), page.width * 0.45) - 30
    pieces = [piece for piece in page.pieces if piece.middle > edge and piece.baseline > page.height * 0.55]
    for row in _rows(pieces):
        found = _DATE.match(_text(row))
        if found:
            return row, found
    return None


def _date(page: PageText) -> dict[str, Guess | None]:
    row = date_row(page)
    if row is None:
        return {}
    pieces, found = row
    place = around(pieces)
    name = found[1].strip(" ,.…")
    result: dict[str, Guess | None] = {"place": Guess(name, place, SURE) if name else None}
    try:
        day = date(int(found[4]), int(found[3]), int(found[2]))
    except ValueError:
        return result
    if 1945 <= day.year <= 2200:
        result["promulgation_date"] = Guess(day.isoformat(), place, SURE)
    return result


def _title(page: PageText, symbol_row: list[Piece] | None, on: date) -> dict[str, Guess | None]:
    below = symbol_row[0].baseline if symbol_row else page.height * 0.9
    rows = [row for row in _rows(page.pieces) if row[0].baseline < below - 6]
    for at, row in enumerate(rows[:12]):
        kind = type_by_name(_text(row), on) if len(row) == 1 and _is_capital(row[0].text) else None
        if kind is not None and abs(row[0].middle - page.width / 2) < page.width * 0.12:
            lines = _abstract(row[0], rows[at + 1 :])
            subject = Guess(" ".join(line.text for line in lines), around(lines), SURE) if lines else None
            return {"type_name": Guess(kind.name, row[0].rectangle, SURE), "subject": subject}
    return _letter_title(page, below)


def _abstract(title: Piece, rows: list[list[Piece]]) -> list[Piece]:
    lines: list[Piece] = []
    before = title
    for row in rows:
        piece = row[0]
        is_part = (
            len(row) == 1
            and abs(piece.middle - title.middle) < 26
            and before.baseline - piece.baseline < 1.9 * piece.size
            and piece.bold == title.bold
            and not _is_capital(piece.text)
            and not fold(piece.text).startswith(("kinh gui", "can cu "))
        )
        if not is_part:
            break
        lines.append(piece)
        before = piece
    return lines


def _letter_title(page: PageText, below: float) -> dict[str, Guess | None]:
    rows = [row for row in _left_rows(page) if row[0].baseline < below - 6]
    lines: list[Piece] = []
    for row in rows:
        text = _text(row)
        if not lines:
            if not re.match(r"^V\s*/\s*v\b", text, re.IGNORECASE):
                continue
        elif lines[-1].baseline - row[0].baseline > 1.75 * row[0].size or fold(text) in _URGENCY:
            break
        lines += row
    if not lines:
        return {}
    subject = re.sub(r"^V\s*/\s*v\s*:?\s*", "", _text(lines), flags=re.IGNORECASE)
    place = around(lines)
    return {"type_name": Guess("Công văn", place, LIKELY), "subject": Guess(subject, place, SURE) if subject else None}


def _is_capital(text: str) -> bool:
    letters = [sign for sign in text if sign.isalpha()]
    return len(letters) > 2 and all(sign.isupper() for sign in letters)


# -- the foot ---------------------------------------------------------------------------------------------------------


def signer_block(page: PageText) -> SignerBlock | None:
    """The signer's block of a page, found by "Nơi nhận" at its left or by a mark of authority."""
    anchor = next(
        (piece for piece in page.pieces if fold(piece.text).startswith("noi nhan") and piece.x0 < page.width * 0.45),
        None,
    )
    right = [piece for piece in page.pieces if piece.middle > page.width * 0.52 and piece.x0 > page.width * 0.4]
    if anchor is None:
        top = next((piece.baseline for piece in right if _MARK.match(piece.text)), None)
        if top is None:
            return None
    else:
        top = anchor.baseline + 36
    capitals: list[Piece] = []
    name: Piece | None = None
    for row in _rows([piece for piece in right if piece.baseline <= top + 1]):
        text = _text(row)
        if fold(text).startswith(_STAMPED):
            continue
        if _is_capital(text):
            if capitals and capitals[-1].baseline - row[0].baseline > 3 * row[0].size:
                break
            capitals += row
        elif capitals and _is_name(text):
            name = row[0] if len(row) == 1 else replace(row[0], text=text, x1=row[-1].x1)
            break
    if not capitals:
        return None
    recipients, place = _recipients(page, anchor)
    return SignerBlock(tuple(capitals), name, recipients, place)


def _is_name(text: str) -> bool:
    words = text.split()
    return (
        2 <= len(words) <= 8 and all(word[0].isupper() or "." in word for word in words) and not re.search(r"\d", text)
    )


def _signer(block: SignerBlock) -> dict[str, Guess | None]:
    rows = [_text(row) for row in _rows(block.capitals)]
    place = around(block.capitals)
    post_at = len(rows) - 1
    for at in range(len(rows) - 1, -1, -1):
        if _MARK.match(rows[at]):
            break
        if fold(rows[at]).startswith(_POSTS):
            post_at = at
    marks: list[str] = []
    for text in rows[:post_at]:
        if _MARK.match(text) or not marks:
            marks.append(text)
        else:
            marks[-1] += f" {text}"
    position = _MARK.sub("", " ".join(rows[post_at:])).strip()
    found: dict[str, Guess | None] = {
        "signer_position": Guess(written(position), place, LIKELY) if position else None,
        "competence": Guess("\n".join(marks), place, LIKELY) if marks else None,
    }
    if block.name is not None:
        found["signer_name"] = Guess(block.name.text, block.name.rectangle, SURE if block.recipients else LIKELY)
    if block.recipients and block.recipients_place is not None:
        found["recipients"] = Guess("\n".join(block.recipients), block.recipients_place, LIKELY)
    return found


def _recipients(page: PageText, anchor: Piece | None) -> tuple[tuple[str, ...], Rectangle | None]:
    """The list under "Nơi nhận" without its last line "Lưu: …"."""
    if anchor is None:
        return (), None
    left = [
        piece
        for piece in page.pieces
        if piece.x0 < page.width * 0.45 and piece.middle < page.width * 0.52 and piece.baseline < anchor.baseline - 4
    ]
    entries: list[str] = []
    used = [anchor]
    for row in _rows(left):
        text = _text(row)
        if used[-1].baseline - row[0].baseline > 2.5 * max(row[0].size, 10):
            break
        body = text.lstrip("-–•+ ").strip()
        if fold(body).startswith("luu"):
            break
        if text[0] in "-–•+" or not entries:
            entries.append(body)
        else:
            entries[-1] += f" {body}"
        used += row
    return tuple(entry.rstrip(" ;.,") for entry in entries if entry.rstrip(" ;.,")), around(used)
