"""Stamps have their legal sizes, and the stamp ĐẾN is put where it covers no words."""

from __future__ import annotations

from datetime import UTC, date, datetime
from io import BytesIO
from pathlib import Path

import pytest

from commune_portal.errors import Malformed
from commune_portal.paper import reading
from commune_portal.paper.ledger import PrintMarks
from commune_portal.paper.letter import compose
from commune_portal.paper.places import POINTS_PER_MM
from commune_portal.paper.sample_marks import sample_seal, sample_signature
from commune_portal.paper.scan import append_scan
from commune_portal.paper.slip import Direction, Slip, print_slip
from commune_portal.paper.stamps import ArrivalStamp, stamp_on_first_page, urgency_size
from commune_portal.paper.textlayer import opened, page_text
from commune_portal.rules.kinds import Urgency
from tests.paper.samples import DECISION, OFFICIAL_LETTER


@pytest.mark.parametrize(
    ("urgency", "width_mm"), [(Urgency.FLASH, 30), (Urgency.VERY_URGENT, 40), (Urgency.URGENT, 20)]
)
def test_the_frames_of_urgency_have_their_legal_size(urgency: Urgency, width_mm: int) -> None:
    assert urgency_size(urgency) == pytest.approx((width_mm * POINTS_PER_MM, 8 * POINTS_PER_MM))
    assert urgency_size(Urgency.NORMAL) == (0, 0)


@pytest.mark.parametrize("letter", [DECISION, OFFICIAL_LETTER])
def test_the_arrival_stamp_covers_no_words_of_the_head(letter: object, tmp_path: Path) -> None:
    assert isinstance(letter, type(DECISION))
    compose(letter, tmp_path / "letter.pdf")
    with opened(tmp_path / "letter.pdf") as document:
        before = page_text(document, 0).pieces
    stamp = ArrivalStamp("Ủy ban nhân dân xã Đông Mẫu", "123", "20/11/2026", "Phòng Kinh tế", "01.KT")
    stamp_on_first_page(tmp_path / "letter.pdf", tmp_path / "stamped.pdf", stamp)
    with opened(tmp_path / "stamped.pdf") as document:
        after = page_text(document, 0).pieces
    known = {(piece.text, round(piece.x0), round(piece.baseline)) for piece in before}
    added = [piece for piece in after if (piece.text, round(piece.x0), round(piece.baseline)) not in known]
    assert {"ĐẾN", "123", "20/11/2026"} <= {word for piece in added for word in piece.text.split()}
    # A decision's head leaves 92 points for a stamp of 99: there the first line of the body may be touched.
    spared = [piece for piece in before if letter is OFFICIAL_LETTER or piece.baseline > 650]
    for new in added:
        for old in spared:
            assert not (new.x0 < old.x1 and old.x0 < new.x1 and new.y0 < old.y1 and old.y0 < new.y1), (new, old)


def test_a_broken_file_gets_no_stamp_but_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "bad.pdf").write_bytes(b"%PDF-1.4 nothing")
    with pytest.raises(Malformed):
        stamp_on_first_page(tmp_path / "bad.pdf", tmp_path / "out.pdf", ArrivalStamp("Xã Mẫu"))


def test_the_slip_carries_the_document_and_the_directions_on_one_page(tmp_path: Path) -> None:
    slip = Slip(
        issuer_name="Ủy ban nhân dân xã Tân Phước Mẫu",
        arrival_number="123",
        arrival_date=date(2026, 11, 20),
        type_name="Công văn",
        symbol="91/SNV-VP",
        document_date=date(2026, 11, 18),
        author="Sở Nội vụ tỉnh Mẫu Giang",
        subject="báo cáo công tác văn thư " * 12,
        lead="Phòng Văn hóa - Xã hội",
        leader=Direction("Giao Phòng chủ trì tham mưu. " * 20, date(2026, 11, 27), date(2026, 11, 20), "Ví Dụ"),
    )
    marks = PrintMarks("9f86", datetime(2026, 11, 22, 8, 30, tzinfo=UTC), "Lê Thị Văn Thư")
    print_slip(slip, tmp_path / "slip.pdf", marks)
    assert reading.page_count(tmp_path / "slip.pdf") == 1
    text = " ".join(reading.full_text(tmp_path / "slip.pdf").split())
    for words in (
        "PHIẾU GIẢI QUYẾT VĂN BẢN ĐẾN", "Số đến: 123", "91/SNV-VP ngày 18/11/2026 của Sở Nội vụ", "27/11/2026",
        "Chủ trì: Phòng Văn hóa - Xã hội", "Ý kiến của lãnh đạo đơn vị", "người giải quyết", "bởi Lê Thị Văn Thư",
    ):  # fmt: skip
        assert words in text, words


def test_sample_marks_are_transparent_in_one_ink_and_the_same_each_time() -> None:
    from PIL import Image

    for draw, name, ink in ((sample_seal, "Xã Mẫu", 0), (sample_signature, "Ví Dụ", 2)):
        picture = Image.open(BytesIO(draw(name)))
        assert picture.mode == "RGBA"
        assert draw(name) == draw(name)
        assert draw(name) != draw(name + " Khác")
        alpha = picture.getchannel("A")
        assert alpha.getextrema() == (0, 255)
        assert alpha.getpixel((0, 0)) == 0
        reds_and_blues = [band.getextrema() for band in picture.split()[:3]]
        assert max(range(3), key=lambda band: reds_and_blues[band]) == ink


def test_a_scan_brings_the_file_to_the_size_that_was_asked_for(tmp_path: Path) -> None:
    compose(OFFICIAL_LETTER, tmp_path / "letter.pdf")
    own_pages = reading.page_count(tmp_path / "letter.pdf")
    added = append_scan(tmp_path / "letter.pdf", tmp_path / "big.pdf", 600_000)
    size = (tmp_path / "big.pdf").stat().st_size
    assert size == pytest.approx(600_000, rel=0.05)
    assert added >= 1
    found = reading.read(tmp_path / "big.pdf")
    assert found.pages == own_pages + added
    assert found.fields.notation is not None
    with opened(tmp_path / "big.pdf") as document:
        assert page_text(document, own_pages).pieces == ()
