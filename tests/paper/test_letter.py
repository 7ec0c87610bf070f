"""A composed letter is a Decree 30 page: its words, its fonts, its places, the same bytes every time."""

from __future__ import annotations

import re
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from commune_portal.paper.body import Paragraph, Table, blocks_from_text
from commune_portal.paper.letter import BOTTOM, LEFT, RIGHT, TOP, compose
from commune_portal.rules.kinds import Urgency
from tests.paper.samples import DECISION, OFFICIAL_LETTER, SENTENCE


def text_of(pdf: Path, *options: str) -> str:
    return subprocess.run(
        ["pdftotext", *options, str(pdf), "-"], check=True, capture_output=True, timeout=60
    ).stdout.decode()


def words_of(pdf: Path) -> list[tuple[int, str, float, float, float, float]]:
    """Page, word, and its sides from the top left corner, as poppler sees them."""
    found = []
    page = -1
    for line in text_of(pdf, "-bbox").splitlines():
        if "<page " in line:
            page += 1
        match = re.search(r'xMin="([\d.]+)" yMin="([\d.]+)" xMax="([\d.]+)" yMax="([\d.]+)">(.*)</word>', line)
        if match:
            x0, y0, x1, y1 = (float(match[number]) for number in range(1, 5))
            found.append((page, match[5], x0, y0, x1, y1))
    return found


def test_the_elements_of_a_decision_stand_in_the_text_layer(tmp_path: Path) -> None:
    out = tmp_path / "letter.pdf"
    layout = compose(DECISION, out)
    text = " ".join(text_of(out, "-layout").split())
    for words in (
        "CỘNG HÒA XÃ HỘI CHỦ NGHĨA VIỆT NAM", "Độc lập - Tự do - Hạnh phúc", "/QĐ-UBND", "QUYẾT ĐỊNH",
        "XÃ TÂN PHƯỚC MẪU", "Nơi nhận:", "- Lưu: VT, VP.", "TM. ỦY BAN NHÂN DÂN", "KT. CHỦ TỊCH", "PHÓ CHỦ TỊCH",
        "Nguyễn Thị Mẫu Đơn", "kể từ ngày ký./.",
    ):  # fmt: skip
        assert words in text
    assert layout.pages == 1
    assert "ngày" not in text[: text.index("QUYẾT ĐỊNH")]


def test_only_embedded_fonts_are_in_the_file(tmp_path: Path) -> None:
    out = tmp_path / "letter.pdf"
    compose(replace(OFFICIAL_LETTER, urgency=Urgency.FLASH, banner="TÀI LIỆU DIỄN TẬP", address="Số 1 Mẫu"), out)
    listing = subprocess.run(["pdffonts", str(out)], check=True, capture_output=True, text=True, timeout=60).stdout
    rows = [line.split() for line in listing.splitlines()[2:]]
    assert len(rows) >= 3
    for row in rows:
        assert row[0].startswith("AAAAAA+"), listing
        assert row[-5:-2] == ["yes", "yes", "yes"], listing


def test_the_same_letter_gives_the_same_bytes(tmp_path: Path) -> None:
    compose(DECISION, tmp_path / "one.pdf")
    compose(OFFICIAL_LETTER, tmp_path / "between.pdf")
    compose(DECISION, tmp_path / "two.pdf")
    assert (tmp_path / "one.pdf").read_bytes() == (tmp_path / "two.pdf").read_bytes()


@pytest.mark.parametrize("letter", [DECISION, OFFICIAL_LETTER])
def test_the_places_are_free_of_text_and_where_the_law_wants_them(letter: object, tmp_path: Path) -> None:
    assert isinstance(letter, type(DECISION))
    out = tmp_path / "letter.pdf"
    layout = compose(letter, out)
    height = 297 * 72 / 25.4
    words = words_of(out)
    for place in (layout.places.number, layout.places.date, layout.places.leader):
        for page, word, x0, y0, x1, y1 in words:
            middle = height - (y0 + y1) / 2
            over = place.x0 < x1 - 0.5 and x0 + 0.5 < place.x1 and place.y0 < middle < place.y1
            assert not (page == place.page and over), (word, place)
    slash = next(word for word in words if word[1].startswith("/"))
    assert slash[2] == pytest.approx(layout.places.number.x1 + 0.5, abs=0.6)
    leader, seal = layout.places.leader, layout.places.seal
    assert seal.width == pytest.approx(36 * 72 / 25.4, abs=0.1)
    assert (seal.x1 - leader.x0) / leader.width == pytest.approx(1 / 3, abs=0.01)


def test_text_stays_within_the_margins_and_pages_are_numbered_from_the_second(tmp_path: Path) -> None:
    out = tmp_path / "letter.pdf"
    layout = compose(replace(OFFICIAL_LETTER, body=blocks_from_text("\n".join([SENTENCE] * 40))), out)
    assert layout.pages > 2
    height = 297 * 72 / 25.4
    top_margin = []
    for page, word, x0, y0, x1, y1 in words_of(out):
        if height - y1 > TOP - 5:
            top_margin.append((page, word))
            assert (x0 + x1) / 2 == pytest.approx(210 * 36 / 25.4, abs=1)
            continue
        assert LEFT - 1 <= x0 <= x1 <= RIGHT + 1, word
        assert height - y0 <= TOP + 1, word
        assert height - y1 >= BOTTOM - 6, word
    assert top_margin == [(page, str(page + 1)) for page in range(1, layout.pages)]


def test_a_signature_never_stands_on_a_page_without_the_letters_last_lines(tmp_path: Path) -> None:
    for paragraphs in range(4, 12):
        out = tmp_path / f"{paragraphs}.pdf"
        layout = compose(replace(OFFICIAL_LETTER, body=blocks_from_text("\n".join([SENTENCE] * paragraphs))), out)
        last = text_of(out, "-layout", "-f", str(layout.places.leader.page + 1))
        assert "bằng văn bản./." in " ".join(last.split())


def test_a_table_repeats_its_head_on_the_next_page(tmp_path: Path) -> None:
    rows = tuple((str(number), f"Thôn Mẫu {number}", "đã rà soát " * 6) for number in range(70))
    out = tmp_path / "table.pdf"
    layout = compose(replace(DECISION, body=(Table(("STT", "Thôn", "Kết quả"), rows, (1, 3, 6)),)), out)
    assert layout.pages >= 3
    assert text_of(out).count("STT") == layout.pages


def test_a_list_of_recipients_longer_than_a_page_goes_on(tmp_path: Path) -> None:
    out = tmp_path / "many.pdf"
    layout = compose(replace(DECISION, recipients=tuple(f"Thôn Mẫu số {number}" for number in range(90))), out)
    text = text_of(out)
    assert layout.pages >= 2
    assert all(f"Thôn Mẫu số {number};" in text for number in range(90))


def test_hostile_lengths_do_not_break_the_page(tmp_path: Path) -> None:
    letter = replace(
        OFFICIAL_LETTER,
        issuer_name="Trung tâm " + "Phục vụ " * 20,
        notation="TTPVHCC-" + "A" * 25,
        subject="x" * 500,
        signer_name="N" * 60,
        body=(Paragraph("y" * 4000), Paragraph("")),
    )
    assert compose(letter, tmp_path / "odd.pdf").pages >= 1


def test_articles_bases_and_headings_are_told_apart() -> None:
    blocks = blocks_from_text("QUYẾT ĐỊNH:\nCăn cứ Luật Mẫu;\n\nĐiều 12. Về việc thử.\nCăn cứ tình hình, báo cáo.")
    assert [(block.style.value, block.lead, block.text) for block in blocks if isinstance(block, Paragraph)] == [
        ("heading", "", "QUYẾT ĐỊNH:"),
        ("basis", "", "Căn cứ Luật Mẫu;"),
        ("body", "Điều 12.", "Về việc thử."),
        ("body", "", "Căn cứ tình hình, báo cáo."),
    ]
