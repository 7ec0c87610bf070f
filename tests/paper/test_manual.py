"""The manual: one parser for page and paper, every sign printable, the same bytes twice, page numbers that are true."""

from __future__ import annotations

import hashlib
import re
import subprocess
from io import BytesIO
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from commune_portal.paper import fonts, manual, markdown, prose, typesetting
from commune_portal.paper.markdown import Face, Grid, Heading, Listing, Mark, Passage, Picture, Span
from commune_portal.paper.typesetting import Setting

HELP = Path(markdown.__file__).parents[1] / "help"


@pytest.fixture(scope="module")
def printed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("manual") / "HUONG-DAN.pdf"
    assert manual.print_manual(out) > 20
    return out


def pages_of(path: Path) -> list[str]:
    found = subprocess.run(["pdftotext", "-layout", str(path), "-"], capture_output=True, check=True, timeout=60)
    return found.stdout.decode().split("\f")


def test_every_part_of_a_text_is_read() -> None:
    parts = markdown.read(
        "Đoạn **đậm** `mã` {Alt}\ntiếp [đây](/help/loi).\n\n## Mục\n\n- một\n  nối\n- hai\n\n3. ba\n\n- [ ] làm\n\n"
        "![Hình](trang-dau.png)\n\n| A | B |\n|---|---|\n| 1 | `2` |"
    )
    assert [type(part) for part in parts] == [Passage, Heading, Listing, Listing, Listing, Picture, Grid]
    passage, heading, bullets, numbers, boxes, picture, grid = parts
    assert isinstance(passage, Passage)
    assert [span.face for span in passage.text if span.text.strip(" .")] == [
        Face.PLAIN, Face.BOLD, Face.CODE, Face.KEY, Face.PLAIN, Face.LINK,
    ]  # fmt: skip
    assert passage.text[-2].address == "/help/loi"
    assert heading == Heading(2, (Span("Mục"),))
    assert isinstance(bullets, Listing)
    assert isinstance(numbers, Listing)
    assert isinstance(boxes, Listing)
    assert [markdown.plain(item) for item in bullets.items] == ["một nối", "hai"]
    assert (numbers.mark, numbers.first, boxes.mark) == (Mark.NUMBER, 3, Mark.BOX)
    assert picture == Picture("trang-dau", "Hình")
    assert isinstance(grid, Grid)
    assert (len(grid.head), grid.rows[0][1][0].face) == (2, Face.CODE)


@given(st.text("ab *`{}#|-1.\n!"))
@example("#\na")
@settings(max_examples=60, deadline=None)
def test_no_text_breaks_the_parser_and_no_word_is_lost(text: str) -> None:
    read = "".join(_all_text(part) for part in markdown.read(text))
    # The line under a table's head is not read; everything else is.
    if "|" not in text:
        assert re.sub("[^ab]", "", read) == re.sub("[^ab]", "", text)


def _all_text(part: markdown.Part) -> str:
    if isinstance(part, Heading | Passage):
        return markdown.plain(part.text)
    if isinstance(part, Listing):
        return " ".join(markdown.plain(item) for item in part.items)
    if isinstance(part, Picture):
        return part.caption + part.name
    return " ".join(markdown.plain(cell) for row in (part.head, *part.rows) for cell in row)


def test_every_page_of_help_is_a_chapter_and_every_link_leads_to_one() -> None:
    assert {path.stem for path in HELP.glob("*.md")} == set(markdown.CHAPTERS)
    places = {address for name in markdown.CHAPTERS for address in re.findall(r"\]\(/help/([a-z-]+)", _source(name))}
    assert places <= set(markdown.CHAPTERS)


def _source(name: str) -> str:
    return (HELP / f"{name}.md").read_text(encoding="utf-8")


def test_every_sign_of_the_manual_can_be_printed() -> None:
    from reportlab.pdfbase import pdfmetrics
    from reportlab.pdfbase.ttfonts import TTFont

    font = pdfmetrics.getFont(fonts.registered(str(fonts.BUNDLED_FOLDER)).regular)
    assert isinstance(font, TTFont)
    glyphs = font.face.charToGlyph
    used = {sign for name in markdown.CHAPTERS for sign in prose.printed(_source(name)) if sign not in "\n"}
    assert sorted(sign for sign in used if not glyphs.get(ord(sign))) == []


def test_tables_have_as_many_cells_in_every_row() -> None:
    for name in markdown.CHAPTERS:
        for part in markdown.chapter(name).parts:
            if isinstance(part, Grid):
                assert {len(row) for row in part.rows} == {len(part.head)}, (name, markdown.plain(part.head[0]))


def test_the_same_manual_has_the_same_bytes(printed: Path) -> None:
    again = BytesIO()
    manual.print_manual(again)
    assert hashlib.sha256(again.getvalue()).digest() == hashlib.sha256(printed.read_bytes()).digest()


def test_the_contents_name_the_page_on_which_a_chapter_begins(printed: Path) -> None:
    pages = pages_of(printed)
    contents = "\n".join(pages[1:3])
    for name in markdown.CHAPTERS:
        title = markdown.chapter(name).title
        found = re.search(rf"^\s*{re.escape(title)}\s+(\d+)$", contents, re.MULTILINE)
        assert found, title
        assert title in pages[int(found[1]) - 1].strip().splitlines()[0], title
        assert f"Trang {found[1]}" in pages[int(found[1]) - 1]


def test_every_face_is_embedded_and_the_sheet_is_a4(printed: Path) -> None:
    listed = subprocess.run(["pdffonts", str(printed)], capture_output=True, text=True, check=True, timeout=60)
    faces = listed.stdout.splitlines()[2:]
    assert faces
    assert all("Tinos" in line and re.search(r"yes yes yes", line) for line in faces)
    told = subprocess.run(["pdfinfo", str(printed)], capture_output=True, text=True, check=True, timeout=60).stdout
    assert "A4" in told


def test_a_table_fills_the_page_and_no_column_is_narrower_than_its_words() -> None:
    setting = Setting(fonts.registered(str(fonts.BUNDLED_FOLDER)), None)
    for text in (
        "| A | B |\n|---|---|\n| 1 | 2 |",
        "| `commune-portal` | " + "chữ " * 80 + "|\n|---|---|\n| một | " + "hai ba " * 60 + "|",
        "| " + "x" * 300 + " | b |\n|---|---|\n| 1 | 2 |",
    ):
        (grid,) = markdown.read(text)
        assert isinstance(grid, Grid)
        widths = typesetting.column_widths(grid, setting)
        assert sum(widths) == pytest.approx(typesetting.WIDTH)
        assert min(widths) > 8


def test_a_picture_is_printed_where_it_is_at_hand(tmp_path: Path) -> None:
    from PIL import Image

    Image.new("RGB", (1180, 700), "white").save(tmp_path / "books.png")
    for folder, wanted in ((None, 0), (tmp_path, 1)):
        out = tmp_path / "out.pdf"
        manual.print_manual(out, folder, names=("van-thu",))
        found = subprocess.run(["pdfimages", "-list", str(out)], capture_output=True, text=True, check=True, timeout=60)
        assert len(found.stdout.splitlines()[2:]) == wanted
