"""The books have all legal columns, every number, and say where they were printed and what the chain's head was."""

from __future__ import annotations

import re
import subprocess
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from commune_portal.paper.register_book import (
    BookCover,
    IncomingLine,
    OutgoingLine,
    PrintMarks,
    TrackingLine,
    print_incoming,
    print_outgoing,
    print_tracking,
)

COVER = BookCover(
    parent_name="Ủy ban nhân dân tỉnh Mẫu Giang",
    issuer_name="Ủy ban nhân dân xã Tân Phước Mẫu",
    year=2026,
    from_date=date(2026, 1, 1),
    to_date=date(2026, 12, 31),
    from_number="01",
    to_number="40",
)
MARKS = PrintMarks("9f86d081884c7d659a2f", datetime(2026, 11, 22, 20, 30, tzinfo=UTC), "Lê Thị Văn Thư")


def outgoing(number: int, **changes: str) -> OutgoingLine:
    return OutgoingLine(
        symbol=f"{number:02}/QĐ-UBND",
        document_date=date(2026, 3, 4),
        type_and_subject=f"Quyết định về việc phê duyệt kết quả rà soát lần {number} trên địa bàn xã",
        signer="Trần Văn Ví Dụ",
        recipients="Các thôn; Phòng Văn hóa - Xã hội",
        kept_by="VT, VP",
        copies="3",
        sent_date=date(2026, 3, 5),
        **changes,
    )


def text_of(pdf: Path, *options: str) -> str:
    return subprocess.run(
        ["pdftotext", "-raw", *options, str(pdf), "-"], check=True, capture_output=True, timeout=60
    ).stdout.decode()


def one_line(text: str) -> str:
    return " ".join(text.split())


def test_the_outgoing_book_has_its_ten_columns_on_every_page(tmp_path: Path) -> None:
    out = tmp_path / "book.pdf"
    pages = print_outgoing(COVER, [outgoing(number) for number in range(1, 41)], out, MARKS)
    assert pages == int(re.search(r"Pages:\s+(\d+)", subprocess.check_output(["pdfinfo", out], text=True))[1])  # type: ignore[index]  # pdfinfo always prints it
    for page in range(2, 4):
        words = one_line(text_of(out, "-f", str(page), "-l", str(page)))
        for heading in (
            "Số, ký hiệu văn bản", "Ngày tháng văn bản", "Tên loại và trích yếu nội dung văn bản", "Người ký",
            "Nơi nhận văn bản", "Đơn vị, người nhận bản lưu", "Số lượng bản", "Ngày chuyển", "Ký nhận", "Ghi chú",
        ):  # fmt: skip
            assert heading in words, heading
        assert all(f"({number})" in words for number in range(1, 11))
        assert f"Trang {page}/{pages}" in words
    text = text_of(out)
    assert [f"{number:02}/QĐ-UBND" for number in range(1, 41)] == re.findall(r"\d+/QĐ-UBND", text)


def test_the_cover_says_what_the_book_holds(tmp_path: Path) -> None:
    out = tmp_path / "book.pdf"
    print_outgoing(COVER, [outgoing(1)], out, MARKS)
    cover = one_line(text_of(out, "-l", "1"))
    for words in (
        "ỦY BAN NHÂN DÂN TỈNH MẪU GIANG", "ỦY BAN NHÂN DÂN XÃ TÂN PHƯỚC MẪU", "SỔ ĐĂNG KÝ VĂN BẢN ĐI", "Năm: 2026",
        "Từ ngày 01/01/2026 đến ngày 31/12/2026", "Từ số 01 đến số 40", "Quyển số: 01",
    ):  # fmt: skip
        assert words in cover


def test_a_page_says_that_it_was_printed_from_the_system_and_the_head_of_the_chain(tmp_path: Path) -> None:
    out = tmp_path / "book.pdf"
    print_outgoing(COVER, [outgoing(1)], out, MARKS)
    page = one_line(text_of(out, "-f", "2", "-l", "2"))
    assert "In từ Hệ thống quản lý văn bản và điều hành lúc 03:30:00 ngày 23/11/2026 bởi Lê Thị Văn Thư" in page
    assert "Mã chuỗi nhật ký: 9f86d081884c7d65" in page
    assert "VĂN THƯ CƠ QUAN" in page
    assert "NGƯỜI ĐỨNG ĐẦU CƠ QUAN" in page
    assert "Ngày 23 tháng 11 năm 2026" in page


def test_a_cancelled_number_stays_visible_with_its_reason(tmp_path: Path) -> None:
    out = tmp_path / "book.pdf"
    print_outgoing(COVER, [outgoing(1), outgoing(2, cancelled="lấy số hai lần"), outgoing(3)], out, MARKS)
    text = one_line(text_of(out, "-f", "2"))
    assert "02/QĐ-UBND" in text
    assert "Hủy số: lấy số hai lần" in text


def test_a_recalled_incoming_document_keeps_its_number_and_nothing_else(tmp_path: Path) -> None:
    out = tmp_path / "book.pdf"
    gone = IncomingLine(date(2026, 3, 1), "07", "Sở Mẫu", "", None, "", recalled="Thông báo số 12/TB-SM")
    kept = IncomingLine(
        date(2026, 3, 1), "08", "Sở Mẫu", "91/SM-VP", date(2026, 2, 27), "Công văn về việc báo cáo", "Phòng Kinh tế"
    )
    print_incoming(COVER, [gone, kept], out, MARKS)
    text = one_line(text_of(out, "-f", "2"))
    for heading in (
        "Ngày đến", "Số đến", "Tác giả", "Số, ký hiệu văn bản", "Ngày tháng văn bản", "Đơn vị hoặc người nhận",
        "Tên loại và trích yếu nội dung văn bản", "Ngày chuyển", "Ký nhận", "Ghi chú", "(10)",
    ):  # fmt: skip
        assert heading in text, heading
    assert "Đã thu hồi theo Thông báo số 12/TB-SM" in text
    assert "91/SM-VP" in text


def test_the_tracking_book_has_its_seven_columns(tmp_path: Path) -> None:
    out = tmp_path / "book.pdf"
    print_tracking(COVER, [TrackingLine("07", "Công văn số 91", "Phòng Kinh tế", None, "Đang xử lý")], out, MARKS)
    text = one_line(text_of(out, "-f", "2"))
    for heading in (
        "Số đến", "Tên loại, số và ký hiệu, ngày tháng và tác giả văn bản", "Đơn vị hoặc người nhận",
        "Thời hạn giải quyết", "Tiến độ giải quyết", "Số, ký hiệu văn bản trả lời", "Ghi chú", "(7)",
    ):  # fmt: skip
        assert heading in text, heading
    assert "(8)" not in text


@pytest.mark.parametrize("count", [0, 1, 9, 10, 11])
def test_an_empty_and_a_just_full_book_have_a_closing_block(count: int, tmp_path: Path) -> None:
    out = tmp_path / "book.pdf"
    pages = print_outgoing(COVER, [outgoing(number) for number in range(1, count + 1)], out, MARKS)
    assert one_line(text_of(out)).count("VĂN THƯ CƠ QUAN") == 1
    assert f"Sổ này có {pages} trang" in text_of(out)


def test_a_line_longer_than_a_page_goes_on_upon_the_next(tmp_path: Path) -> None:
    out = tmp_path / "book.pdf"
    long = OutgoingLine("01/QĐ-UBND", None, " ".join(f"từ{number}" for number in range(1200)), "", "")
    print_outgoing(COVER, [long], out, MARKS)
    words = set(text_of(out).split())
    assert all(f"từ{number}" in words for number in range(1200))


def test_every_font_is_embedded_and_the_same_book_gives_the_same_bytes(tmp_path: Path) -> None:
    for name in ("one.pdf", "two.pdf"):
        print_outgoing(COVER, [outgoing(1)], tmp_path / name, MARKS)
    assert (tmp_path / "one.pdf").read_bytes() == (tmp_path / "two.pdf").read_bytes()
    listing = subprocess.check_output(["pdffonts", tmp_path / "one.pdf"], text=True).splitlines()[2:]
    assert listing
    assert all(line.split()[-5:-2] == ["yes", "yes", "yes"] for line in listing)


def test_cells_stay_inside_their_columns(tmp_path: Path) -> None:
    out = tmp_path / "book.pdf"
    wide = OutgoingLine("W" * 60, date(2026, 1, 2), "W" * 300, "W" * 40, "W" * 80, "W" * 30, "99999999", None, "W" * 9)
    print_outgoing(COVER, [wide], out, MARKS)
    for match in re.finditer(
        r'xMin="([\d.]+)".*xMax="([\d.]+)".*>(W+)<',
        subprocess.check_output(["pdftotext", "-bbox", out, "-"], text=True),
    ):
        left, right = float(match[1]), float(match[2])
        assert 56 < left < right < 809
