"""A mark of secrecy is told from the word in a sentence."""

from __future__ import annotations

import pytest

from commune_portal.errors import RuleBroken
from commune_portal.rules import classified
from commune_portal.rules.classified import Mark, PagePiece, mark_in_words, mark_on_page
from commune_portal.rules.kinds import Secrecy

OPEN_SUBJECTS = (
    "Về việc bảo vệ bí mật nhà nước", "Kế hoạch bảo mật hệ thống thông tin", "Hỗ trợ hộ nuôi ong lấy mật",
    "Mật ong rừng Suối Vàng - sản phẩm OCOP", "Mật độ dân số năm 2026", "KẾ HOẠCH BẢO VỆ BÍ MẬT",
    "V/v giải mật tài liệu", "Báo cáo về độ mật của tài liệu", "Độ mật: không", "Danh mục tài liệu mật",
    "V/v thực hiện văn bản số 12/QĐ-UBND(M)", "Đổi mật khẩu hộp thư công vụ", "Mất mật khẩu – cách xử lý", "",
)  # fmt: skip
MARKED_SUBJECTS = (
    ("[MẬT] Kế hoạch", Secrecy.CONFIDENTIAL), ("(Tối mật) Phương án", Secrecy.SECRET),
    ("MẬT: kế hoạch A", Secrecy.CONFIDENTIAL),
    ("Kế hoạch phòng thủ - TUYỆT MẬT", Secrecy.TOP_SECRET), ("Độ mật: Tối mật. Kế hoạch", Secrecy.SECRET),
    ("mật", Secrecy.CONFIDENTIAL), ("Phương án tác chiến (mật)", Secrecy.CONFIDENTIAL),
)  # fmt: skip


@pytest.mark.parametrize("subject", OPEN_SUBJECTS)
def test_the_word_in_a_sentence_is_no_mark(subject: str) -> None:
    assert mark_in_words(subject=subject) is None


@pytest.mark.parametrize(("subject", "grade"), MARKED_SUBJECTS)
def test_a_mark_in_a_subject_is_seen(subject: str, grade: Secrecy) -> None:
    assert mark_in_words(subject=subject) == Mark(grade, "trích yếu")


@pytest.mark.parametrize(
    ("notation", "grade"),
    [("QĐ-UBND", None), ("QĐ-UBND(M)", Secrecy.CONFIDENTIAL), ("12/KH-UBND(TuM)", Secrecy.TOP_SECRET),
     ("BC-UBND (TM)", Secrecy.SECRET), ("TM-UBND", None), ("UBND-MẬT", Secrecy.CONFIDENTIAL), ("CV-M", None)],
)  # fmt: skip
def test_a_symbol_with_its_letter_is_a_mark(notation: str, grade: Secrecy | None) -> None:
    found = mark_in_words(notation=notation)
    assert (found.grade if found else None) is grade


@pytest.mark.parametrize(
    ("name", "grade"),
    [("Công văn", None), ("Công văn mật", Secrecy.CONFIDENTIAL), ("Quy chế bảo mật", None),
     ("Quyết định (Tối mật)", Secrecy.SECRET),
     ("Danh mục bí mật", None), ("Quyết định tuyệt mật", Secrecy.TOP_SECRET)],
)  # fmt: skip
def test_a_type_that_is_called_secret_is_a_mark(name: str, grade: Secrecy | None) -> None:
    found = mark_in_words(type_name=name)
    assert (found.grade if found else None) is grade


def test_the_drafters_symbol_counts_too() -> None:
    assert mark_in_words(typer_notation="VT (M)") == Mark(Secrecy.CONFIDENTIAL, "ký hiệu người soạn thảo")
    assert mark_in_words(typer_notation="NVA.15") is None


def piece(text: str, top: float = 0.2, left: float = 0.1, right: float = 0.2) -> PagePiece:
    return PagePiece(text, left, right, top, 0.016)


@pytest.mark.parametrize("text", ["MẬT", "TỐI MẬT", "TUYỆT MẬT", "[MẬT]", "M Ậ T", "ĐỘ MẬT: TỐI MẬT", "— MẬT —"])
def test_a_stamp_near_the_top_is_a_mark(text: str) -> None:
    found = mark_on_page([piece("ỦY BAN NHÂN DÂN", 0.08), piece(text), piece("Kính gửi: Ban chỉ huy", 0.3)])
    assert found is not None
    assert found.where == "dấu đóng ở trang đầu"


@pytest.mark.parametrize(
    "pieces",
    [
        [piece("Mật")],
        [piece("ĐỘ MẬT")],
        [piece("BẢO MẬT")],
        [piece("MẬT ONG RỪNG")],
        [piece("MẬT", top=0.7)],
        [piece("VỀ CÔNG TÁC BẢO", 0.2, 0.1, 0.5), piece("MẬT", 0.222, 0.25, 0.32)],
        [piece("BÍ", 0.2, 0.1, 0.13), piece("MẬT", 0.2, 0.15, 0.2)],
        [piece("MẬT", 0.2, 0.1, 0.14), piece("KHẨU THƯ CÔNG VỤ", 0.2, 0.16, 0.4)],
        [piece("ĐỘ", 0.2, 0.1, 0.13), piece("MẬT", 0.22, 0.1, 0.14)],
    ],
)
def test_other_words_on_a_first_page_are_none(pieces: list[PagePiece]) -> None:
    assert mark_on_page(pieces) is None


def test_a_stamp_beside_other_text_on_the_line_is_still_a_mark() -> None:
    assert mark_on_page([piece("MẬT", 0.2, 0.1, 0.15), piece("An Phú, ngày 22 tháng 11", 0.2, 0.5, 0.8)])


def test_the_number_on_the_page_with_its_letter_is_a_mark() -> None:
    assert mark_on_page([piece("Số: 12/KH-UBND(TM)")]) == Mark(Secrecy.SECRET, "số, ký hiệu ở trang đầu")
    assert mark_on_page([piece("Số: 12/KH-UBND")]) is None
    assert mark_on_page([piece("Căn cứ Kế hoạch 12/KH-UBND(M)", 0.35)]) is None


def test_the_refusal_says_where_it_was_seen_and_what_to_do() -> None:
    with pytest.raises(RuleBroken) as refusal:
        classified.require_open(Mark(Secrecy.SECRET, "trích yếu"), "subject")
    for said in ("«Tối mật»", "thấy ở trích yếu", "sổ văn bản mật", "bản giấy", "Nếu đây không phải văn bản mật"):
        assert said in refusal.value.sentence
    assert refusal.value.field == "subject"
    classified.require_open(None)
