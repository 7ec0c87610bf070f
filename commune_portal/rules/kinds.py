"""The kinds of documents and the grades that the law gives them: types, urgency, secrecy, authority marks.

The types are a dated rule table: a new decree is another table with a later first day, not other code.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from enum import IntEnum, StrEnum

from commune_portal.errors import Malformed, NotFound, RuleBroken
from commune_portal.rules.folding import clean_line, fold

UNKNOWN_TYPE_DETAIL = -1
"""What edXML carries where the official list was not seen; readers match by the type's name anyway."""


class Urgency(IntEnum):
    """How urgent a document is; the value is also the edXML priority.

    Source: NĐ 30/2020, Phụ lục I (hỏa tốc, thượng khẩn, khẩn only).
    """

    NORMAL = 0
    URGENT = 1
    VERY_URGENT = 2
    FLASH = 3

    @property
    def label(self) -> str:
        """The word a clerk reads."""
        return _URGENCY_LABELS[self]

    @property
    def stamp(self) -> str:
        """The words in the red frame on the first page; empty for an ordinary document."""
        return "" if self is Urgency.NORMAL else self.label.upper()


_URGENCY_LABELS = {
    Urgency.NORMAL: "Thường",
    Urgency.URGENT: "Khẩn",
    Urgency.VERY_URGENT: "Thượng khẩn",
    Urgency.FLASH: "Hỏa tốc",
}


class Secrecy(StrEnum):
    """The grade of state secrecy; anything but NONE may not enter this system.

    Source: QĐ 28/2018, Điều 1.2.
    """

    NONE = "none"
    CONFIDENTIAL = "confidential"
    SECRET = "secret"  # noqa: S105 -- a grade, not a password
    TOP_SECRET = "top-secret"  # noqa: S105 -- a grade, not a password

    @property
    def label(self) -> str:
        """The word a clerk reads."""
        return _SECRECY_LABELS[self]


_SECRECY_LABELS = {
    Secrecy.NONE: "Không mật",
    Secrecy.CONFIDENTIAL: "Mật",
    Secrecy.SECRET: "Tối mật",
    Secrecy.TOP_SECRET: "Tuyệt mật",
}


class Medium(StrEnum):
    """What the original is made of; both share one series of numbers."""

    ELECTRONIC = "electronic"
    PAPER = "paper"

    @property
    def label(self) -> str:
        """The word a clerk reads."""
        return "Điện tử" if self is Medium.ELECTRONIC else "Giấy"


class Competence(StrEnum):
    """In whose name a document is signed: the mark before the signer's post.

    Source: NĐ 30/2020, Phụ lục I, II.7.b.
    """

    NONE = ""
    TM = "TM"
    KT = "KT"
    TL = "TL"
    TUQ = "TUQ"
    Q = "Q"

    @property
    def label(self) -> str:
        """The words that the mark stands for."""
        return _COMPETENCE_LABELS[self]

    @property
    def mark(self) -> str:
        """The mark as printed, with its full stop: `KT.`; empty when the signer holds the post himself."""
        return f"{self.value}." if self.value else ""


_COMPETENCE_LABELS = {
    Competence.NONE: "Ký trực tiếp",
    Competence.TM: "Thay mặt",
    Competence.KT: "Ký thay",
    Competence.TL: "Thừa lệnh",
    Competence.TUQ: "Thừa ủy quyền",
    Competence.Q: "Quyền",
}


class CopyKind(StrEnum):
    """The kinds of copies, which share one series of their own.

    Source: NĐ 30/2020, Điều 15.1 and Điều 25; Phụ lục III.I.
    """

    TRUE_COPY = "SY"
    EXTRACT = "TrS"
    COPY_OF_COPY = "SL"

    @property
    def label(self) -> str:
        """The word a clerk reads."""
        return {"SY": "Sao y", "TrS": "Trích sao", "SL": "Sao lục"}[self.value]


@dataclass(frozen=True, slots=True)
class DocumentType:
    """One type of document.

    `code` is our own ASCII name, unique and never reused; `abbreviation` is printed in the symbol and is empty for
    letters. `lettered` types (công văn, thư công) have the symbol `CQ-ĐV`, with a unit or field in place of a type.
    `normative` ones (văn bản quy phạm pháp luật) always have a series of their own.
    """

    code: str
    abbreviation: str
    name: str
    type_detail: int
    lettered: bool = False
    normative: bool = False

    @property
    def edxml_type(self) -> int:
        """The edXML family: 1 normative, 2 administrative."""
        return 1 if self.normative else 2


@dataclass(frozen=True, slots=True)
class TypeTable:
    """The types that are in force from one day on."""

    name: str
    valid_from: date
    types: tuple[DocumentType, ...]


_ND30 = TypeTable(
    name="ND30-2020",
    valid_from=date(2020, 3, 5),
    types=(
        DocumentType("NQ", "NQ", "Nghị quyết", 1),
        DocumentType("QD", "QĐ", "Quyết định", 2),
        DocumentType("CT", "CT", "Chỉ thị", 3),
        DocumentType("QC", "QC", "Quy chế", 4),
        DocumentType("QYD", "QyĐ", "Quy định", 5),
        DocumentType("TC", "TC", "Thông cáo", 6),
        DocumentType("TB", "TB", "Thông báo", 7),
        DocumentType("HD", "HD", "Hướng dẫn", 8),
        DocumentType("CTR", "CTr", "Chương trình", 9),
        DocumentType("KH", "KH", "Kế hoạch", UNKNOWN_TYPE_DETAIL),
        DocumentType("PA", "PA", "Phương án", UNKNOWN_TYPE_DETAIL),
        DocumentType("DEAN", "ĐA", "Đề án", UNKNOWN_TYPE_DETAIL),
        DocumentType("DA", "DA", "Dự án", UNKNOWN_TYPE_DETAIL),
        DocumentType("BC", "BC", "Báo cáo", UNKNOWN_TYPE_DETAIL),
        DocumentType("BB", "BB", "Biên bản", UNKNOWN_TYPE_DETAIL),
        DocumentType("TTR", "TTr", "Tờ trình", UNKNOWN_TYPE_DETAIL),
        DocumentType("HDONG", "HĐ", "Hợp đồng", UNKNOWN_TYPE_DETAIL),
        DocumentType("CD", "CĐ", "Công điện", 19),
        DocumentType("BGN", "BGN", "Bản ghi nhớ", 20),
        DocumentType("BTT", "BTT", "Bản thỏa thuận", 22),
        DocumentType("GUQ", "GUQ", "Giấy ủy quyền", 24),
        DocumentType("GM", "GM", "Giấy mời", 25),
        DocumentType("GGT", "GGT", "Giấy giới thiệu", 26),
        DocumentType("GNP", "GNP", "Giấy nghỉ phép", UNKNOWN_TYPE_DETAIL),
        DocumentType("PG", "PG", "Phiếu gửi", UNKNOWN_TYPE_DETAIL),
        DocumentType("PC", "PC", "Phiếu chuyển", UNKNOWN_TYPE_DETAIL),
        DocumentType("PB", "PB", "Phiếu báo", UNKNOWN_TYPE_DETAIL),
        DocumentType("CV", "", "Công văn", 18, lettered=True),
        DocumentType("THUCONG", "", "Thư công", UNKNOWN_TYPE_DETAIL, lettered=True),
        DocumentType("NQQP", "NQ", "Nghị quyết (quy phạm pháp luật)", 5, normative=True),
        DocumentType("QDQP", "QĐ", "Quyết định (quy phạm pháp luật)", 8, normative=True),
    ),
)

TYPE_TABLES: tuple[TypeTable, ...] = (_ND30,)
"""All tables, oldest first."""


def type_table(on: date) -> TypeTable:
    """The table in force on a day; before the oldest table that we know, the oldest.

    Source: NĐ 30/2020, Điều 7 and Phụ lục III.I.
    """
    in_force = [table for table in TYPE_TABLES if table.valid_from <= on]
    return in_force[-1] if in_force else TYPE_TABLES[0]


def document_types(on: date) -> tuple[DocumentType, ...]:
    """The types in force on a day, in the order of the law, the two normative ones last.

    Source: NĐ 30/2020, Điều 7 and Phụ lục III.I.
    """
    return type_table(on).types


def document_type(code: str, on: date) -> DocumentType:
    """The type with our code; raises NotFound.

    Source: NĐ 30/2020, Điều 7.
    """
    for kind in document_types(on):
        if kind.code == code:
            return kind
    raise NotFound(f"Không có loại văn bản mang mã “{code}”. Hãy chọn lại loại văn bản trong danh sách.")


def type_by_name(name: str, on: date) -> DocumentType | None:
    """The type that a name from outside means, whatever its case, marks and spacing; None when it is foreign.

    “Quyết định (cá biệt)” is the plain decision; “CÔNG VĂN” is the letter.

    Source: NĐ 30/2020, Điều 7.
    """
    wanted = _name_key(name)
    for kind in document_types(on):
        if _name_key(kind.name) == wanted:
            return kind
    return None


def check_secrecy(secrecy: Secrecy) -> None:
    """Raises RuleBroken for any state secret: such a document may not enter this system by any way.

    Source: QĐ 28/2018, Điều 1.2.
    """
    if secrecy is not Secrecy.NONE:
        raise RuleBroken(
            f"Văn bản độ “{secrecy.label}” không được đưa vào hệ thống này. "
            "Hãy đăng ký vào sổ văn bản mật và xử lý theo quy định bảo vệ bí mật nhà nước.",
            field="secrecy",
        )


def priority_for(urgency: Urgency, *, has_deliver_by: bool = False) -> int:
    """The edXML priority of an urgency; 4 is hỏa tốc with an hour of delivery.

    Source: QCVN 102:2016 (Priority 0-4); NĐ 30/2020, Phụ lục I knows no fourth level.
    """
    return 4 if has_deliver_by and urgency is Urgency.FLASH else int(urgency)


@dataclass(frozen=True, slots=True)
class PriorityMeaning:
    """What an edXML priority means: the urgency, and whether an hour of delivery must be given with it."""

    urgency: Urgency
    needs_deliver_by: bool


def priority_meaning(priority: int) -> PriorityMeaning:
    """Reads an edXML priority; raises Malformed for a number that is not in the list.

    Source: QCVN 102:2016 (Priority 0-4); NĐ 30/2020, Phụ lục I.
    """
    if priority == 4:
        return PriorityMeaning(Urgency.FLASH, needs_deliver_by=True)
    try:
        return PriorityMeaning(Urgency(priority), needs_deliver_by=False)
    except ValueError:
        raise Malformed(f"Độ khẩn “{priority}” trong gói tin không có trong danh mục (0 đến 4).") from None


def _name_key(name: str) -> str:
    """A type's name as compared: folded, without the bracketed word for an individual act."""
    plain = fold(clean_line(name)).replace("(", " ").replace(")", " ").replace(".", " ")
    return " ".join(plain.split()).removesuffix(" ca biet")
