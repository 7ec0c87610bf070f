"""What we composed is read back exactly; places are found on a draft made elsewhere; hostile files are refused."""

from __future__ import annotations

import tempfile
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from commune_portal.errors import Malformed, NotFound
from commune_portal.paper import reading
from commune_portal.paper.capitals import written
from commune_portal.paper.fonts import registered
from commune_portal.paper.letter import MOTTO, NATION, Letter, compose
from commune_portal.paper.places import Rectangle
from commune_portal.paper.sheet import open_canvas
from commune_portal.rules.kinds import Urgency
from tests.paper.samples import DECISION, OFFICIAL_LETTER, contains, fill

SYLLABLES = ("Tân", "Phước", "Mẫu", "Đông", "Hòa", "Ví", "Dụ", "Thượng", "Kỳ", "Quý", "Lưỡng", "Giả", "Định", "Ơn")
NOUNS = (
    "kế hoạch",
    "rà soát hồ sơ",
    "tổ chức hội nghị",
    "phòng cháy",
    "quản lý đất đai",
    "chuyển đổi số",
    "vụ Đông Xuân",
)

proper = st.lists(st.sampled_from(SYLLABLES), min_size=1, max_size=3).map(" ".join)
subjects = st.lists(st.sampled_from(NOUNS), min_size=2, max_size=12).map(", ".join)
people = st.lists(st.sampled_from(SYLLABLES), min_size=2, max_size=4).map(" ".join)


@st.composite
def letters(draw: st.DrawFn) -> Letter:
    base = draw(st.sampled_from([DECISION, OFFICIAL_LETTER]))
    kind, symbol = draw(
        st.sampled_from([("Quyết định", "QĐ"), ("Báo cáo", "BC"), ("Tờ trình", "TTr"), ("Giấy mời", "GM")])
    )
    unit = draw(st.sampled_from(["xã", "phường", "đặc khu"]))
    body = draw(st.sampled_from(["Ủy ban nhân dân", "Hội đồng nhân dân", "Trung tâm Phục vụ hành chính công"]))
    deputy = draw(st.booleans())
    return replace(
        base,
        type_name=None if base.type_name is None else kind,
        notation=f"{symbol}-UBND" if base.type_name else "UBND-VX",
        issuer_name=f"{body} {unit} {draw(proper)}",
        parent_name=draw(st.sampled_from(["", f"Ủy ban nhân dân tỉnh {draw(proper)}"])),
        place=draw(proper),
        subject=draw(subjects).capitalize() if base.type_name else draw(subjects),
        signer_name=draw(people),
        competence=("TM. Ủy ban nhân dân", *(("KT. Chủ tịch",) if deputy else ())),
        position="Phó Chủ tịch" if deputy else "Chủ tịch",
        recipients=tuple(draw(st.lists(proper.map(lambda name: f"Thôn {name}"), min_size=1, max_size=6))),
        urgency=draw(st.sampled_from(list(Urgency))),
        larger=draw(st.booleans()),
    )


def value(guess: reading.Guess | None) -> str:
    return guess.value if guess else ""


@settings(deadline=None, max_examples=40)
@given(letters(), st.integers(1, 99999), st.integers(0, 4000))
def test_what_we_composed_and_numbered_is_read_back_exactly(letter: Letter, number: int, days: int) -> None:
    day = date(2020, 3, 5) + timedelta(days)
    month = f"{day.month:02}" if day.month < 3 else str(day.month)
    with tempfile.TemporaryDirectory() as folder:
        blank, out = Path(folder) / "blank.pdf", Path(folder) / "out.pdf"
        layout = compose(letter, blank)
        line = f"{letter.place}, ngày {day.day:02} tháng {month} năm {day.year}"
        fill(blank, layout, f"{number:02}", line, out)
        found = reading.read(out)
    assert found.pages == layout.pages
    assert found.has_text
    fields = found.fields
    assert value(fields.number) == f"{number:02}"
    assert value(fields.notation) == letter.notation
    assert value(fields.place) == letter.place
    assert value(fields.promulgation_date) == day.isoformat()
    assert value(fields.type_name) == (letter.type_name or "Công văn")
    assert value(fields.subject) == letter.subject
    assert value(fields.issuer_name) == letter.issuer_name
    assert value(fields.parent_name) == letter.parent_name
    assert value(fields.signer_name) == letter.signer_name
    assert value(fields.signer_position) == letter.position
    assert value(fields.competence) == "\n".join(letter.competence).upper()
    assert value(fields.recipients) == "\n".join(letter.recipients)


def test_a_blank_letter_gives_its_places_back(tmp_path: Path) -> None:
    for number, letter in enumerate((DECISION, OFFICIAL_LETTER)):
        out = tmp_path / f"{number}.pdf"
        layout = compose(letter, out)
        places = reading.guess_places(out)
        assert contains(layout.places.number, places.number, slack=3)
        assert places.number.width > 26
        assert contains(layout.places.date, places.date, slack=3)
        assert contains(layout.places.leader, places.leader, slack=3)
        assert contains(layout.places.seal, places.seal, slack=3)
        assert reading.read(out).fields.number is None


def word_like(out: Path, *, number: str = "Số:         /TB-UBND", date_text: str = "", blank_pages: int = 0) -> None:
    """A draft as Word prints it: justified by spaces, everything in one order of its own, other margins."""
    names = registered()
    canvas = open_canvas(out, names, title="")
    canvas.setFont(names.regular, 14)
    canvas.drawString(100, 560, "Nội dung thông báo ở đây, dòng này dài và bắt đầu trước các phần khác của trang.")
    canvas.setFont(names.bold, 13)
    canvas.drawCentredString(430, 790, NATION)
    canvas.drawCentredString(430, 773, MOTTO)
    canvas.drawCentredString(180, 790, "ỦY BAN NHÂN DÂN")
    canvas.drawCentredString(180, 774, "XÃ ĐÔNG MẪU")
    canvas.setFont(names.regular, 13)
    canvas.drawString(120, 745, number)
    canvas.setFont(names.italic, 13)
    canvas.drawCentredString(430, 745, date_text or "Đông Mẫu, ngày     tháng 11 năm 2026")
    canvas.setFont(names.bold, 14)
    canvas.drawCentredString(310, 700, "THÔNG BÁO")
    canvas.drawCentredString(310, 682, "Về việc nghỉ lễ")
    # Words of the body may follow closely and stand in the middle: only the face tells them from the abstract.
    canvas.setFont(names.regular, 14)
    canvas.drawCentredString(310, 664, "Ủy ban nhân dân xã thông báo như sau:")
    for _ in range(blank_pages):
        canvas.showPage()
        canvas.setFont(names.regular, 14)
        canvas.drawString(100, 700, "Trang tiếp theo.")
    canvas.setFont(names.bold_italic, 12)
    canvas.drawString(90, 300, "Nơi nhận:")
    canvas.setFont(names.regular, 11)
    canvas.drawString(90, 286, "- Các thôn;")
    canvas.drawString(90, 273, "- Lưu: VT.")
    canvas.setFont(names.bold, 14)
    canvas.drawCentredString(450, 300, "TM. ỦY BAN NHÂN DÂN")
    canvas.drawCentredString(450, 283, "CHỦ TỊCH")
    canvas.drawCentredString(450, 190, "Lê Thị Ví Dụ")
    canvas.save()


def test_places_are_found_on_a_draft_made_with_word(tmp_path: Path) -> None:
    out = tmp_path / "word.pdf"
    word_like(out, blank_pages=2)
    places = reading.guess_places(out)
    assert places.number.page == 0
    assert 136 < places.number.x0 < 150
    assert places.number.width > 16
    assert places.number.y0 < 745 < places.number.y1
    assert places.date.y0 < 745 < places.date.y1
    assert places.date.x0 < 330
    assert places.date.x1 > 530
    assert places.leader.page == places.seal.page == 2
    assert (places.leader.x0 + places.leader.x1) / 2 == pytest.approx(450, abs=2)
    assert 200 < places.leader.y0 < places.leader.y1 < 283
    assert value(reading.read(out).fields.type_name) == "Thông báo"
    assert value(reading.read(out).fields.subject) == "Về việc nghỉ lễ"
    assert value(reading.read(out).fields.issuer_name) == "Ủy ban nhân dân xã Đông Mẫu"
    assert reading.read(out).fields.promulgation_date is None


def test_dots_in_place_of_the_number_leave_a_place_before_the_slash(tmp_path: Path) -> None:
    out = tmp_path / "dots.pdf"
    word_like(out, number="Số: ……../TB-UBND")
    places = reading.guess_places(out)
    assert 130 < places.number.x0 < places.number.x1 < 190
    fields = reading.read(out).fields
    assert value(fields.notation) == "TB-UBND"
    assert fields.number is None


def test_a_normative_symbol_keeps_its_year(tmp_path: Path) -> None:
    out = tmp_path / "normative.pdf"
    word_like(out, number="Số: 07/2026/QĐ-UBND", date_text="Đông Mẫu, ngày 05 tháng 02 năm 2026")
    fields = reading.read(out).fields
    assert (value(fields.number), value(fields.notation)) == ("07", "2026/QĐ-UBND")
    assert value(fields.promulgation_date) == "2026-02-05"


def with_fields(pdf: Path, values: dict[str, tuple[str, tuple[int, int, int, int]]], out: Path) -> None:
    """Adds filled text fields to the first page, as the signing room does."""
    from pyhanko.pdf_utils import generic
    from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter

    with pdf.open("rb") as stream:
        writer = IncrementalPdfFileWriter(stream)
        page = writer.root["/Pages"]["/Kids"][0]
        fields = generic.ArrayObject()
        for name, (text, box) in values.items():
            field = {
                "/Type": generic.NameObject("/Annot"), "/Subtype": generic.NameObject("/Widget"),
                "/FT": generic.NameObject("/Tx"), "/T": generic.pdf_string(name), "/V": generic.pdf_string(text),
                "/F": generic.NumberObject(4), "/Rect": generic.ArrayObject(map(generic.NumberObject, box)),
            }  # fmt: skip
            fields.append(
                writer.add_object(generic.DictionaryObject({generic.NameObject(k): v for k, v in field.items()}))
            )
        page["/Annots"] = fields
        writer.update_container(page)
        writer.root["/AcroForm"] = generic.DictionaryObject({generic.NameObject("/Fields"): fields})
        writer.update_root()
        with out.open("wb") as written_out:
            writer.write(written_out)


def test_number_and_date_in_form_fields_are_read_in_place_of_the_line_beneath(tmp_path: Path) -> None:
    word_like(tmp_path / "under.pdf")
    out = tmp_path / "form.pdf"
    with_fields(
        tmp_path / "under.pdf",
        {
            "so_van_ban": ("15", (140, 741, 165, 757)),
            "ngay_thang": ("Đông Mẫu, ngày 20 tháng 11 năm 2026", (310, 741, 550, 757)),
        },
        out,
    )
    fields = reading.read(out).fields
    assert value(fields.number) == "15"
    assert value(fields.notation) == "TB-UBND"
    assert value(fields.place) == "Đông Mẫu"
    assert value(fields.promulgation_date) == "2026-11-20"


def test_a_page_without_text_gets_the_usual_places_and_is_called_a_scan(tmp_path: Path) -> None:
    from PIL import Image
    from reportlab.lib.utils import ImageReader

    out = tmp_path / "scan.pdf"
    canvas = open_canvas(out, registered(), title="")
    canvas.drawImage(ImageReader(Image.new("RGB", (200, 280), "white")), 0, 0, 595, 842)
    canvas.showPage()
    canvas.save()
    assert reading.is_scan(out)
    found = reading.read(out)
    assert not found.has_text
    assert found.fields == reading.Fields()
    places = reading.guess_places(out)
    page = Rectangle(0, 0, 0, 595.3, 841.9)
    assert all(contains(page, place) for place in (places.number, places.date, places.leader, places.seal))


def test_a_letter_is_no_scan_and_its_words_can_be_searched(tmp_path: Path) -> None:
    out = tmp_path / "letter.pdf"
    compose(DECISION, out)
    assert not reading.is_scan(out)
    assert "Nguyễn Thị Mẫu Đơn" in reading.full_text(out)
    assert len(reading.full_text(out, letters_at_most=50)) <= 50
    assert reading.page_count(out) == 1


def test_a_picture_of_a_page_has_the_width_that_was_asked_for(tmp_path: Path) -> None:
    compose(DECISION, tmp_path / "letter.pdf")
    width, height = reading.page_picture(tmp_path / "letter.pdf", 0, 600, tmp_path / "page.png")
    assert width == pytest.approx(600, abs=1)
    assert height == pytest.approx(849, abs=2)
    assert (tmp_path / "page.png").read_bytes().startswith(b"\x89PNG")
    with pytest.raises(NotFound):
        reading.page_picture(tmp_path / "letter.pdf", 1, 600, tmp_path / "page.png")


def test_what_is_not_a_pdf_is_refused_with_a_sentence(tmp_path: Path) -> None:
    bad = tmp_path / "bad.pdf"
    for content in (b"", b"PK\x03\x04 docx", b"%PDF-1.7\n", b"%PDF-1.7\n" + b"\xff" * 3000):
        bad.write_bytes(content)
        for ask in (reading.read, reading.guess_places, reading.page_count, reading.is_scan, reading.full_text):
            with pytest.raises(Malformed, match="PDF"):
                ask(bad)


def test_a_locked_pdf_is_refused_with_a_sentence_of_its_own(tmp_path: Path) -> None:
    from reportlab.pdfgen.canvas import Canvas

    out = tmp_path / "locked.pdf"
    canvas = Canvas(str(out), encrypt="mat-khau")
    canvas.drawString(10, 10, "x")
    canvas.save()
    with pytest.raises(Malformed, match="mật khẩu"):
        reading.read(out)


@settings(deadline=None, max_examples=40)
@given(st.data())
def test_a_damaged_pdf_is_read_or_refused_but_never_crashes(data: st.DataObject) -> None:
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "letter.pdf"
        compose(DECISION, out)
        content = bytearray(out.read_bytes())
        for _ in range(data.draw(st.integers(1, 30))):
            content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
        out.write_bytes(content[: data.draw(st.integers(1, len(content)))])
        for ask in (reading.read, reading.guess_places):
            try:
                ask(out)
            except Malformed:
                pass


@pytest.mark.parametrize(
    "name",
    [
        "Ủy ban nhân dân xã Tân Phước Mẫu",
        "Văn phòng Hội đồng nhân dân và Ủy ban nhân dân xã Mẫu",
        "Phòng Văn hóa - Xã hội",
        "Trung tâm Phục vụ hành chính công phường Đông Mẫu",
        "Sở Nội vụ tỉnh Mẫu Giang",
        "Ủy ban nhân dân thành phố Mẫu",
        "Phó Chủ tịch",
        "Phó Trưởng phòng",
        "Chánh Văn phòng",
    ],
)
def test_names_in_capitals_are_written_as_in_a_register(name: str) -> None:
    assert written(name.upper()) == name
    assert written(name) == name


def test_several_threads_may_read_at_once(tmp_path: Path) -> None:
    from concurrent.futures import ThreadPoolExecutor

    compose(DECISION, tmp_path / "letter.pdf")
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(reading.read, [tmp_path / "letter.pdf"] * 24))
    assert len({value(item.fields.signer_name) for item in found}) == 1
