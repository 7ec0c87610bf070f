"""A book as a table: every number, the law's columns, and no cell that a spreadsheet would run."""

from __future__ import annotations

import csv
import zipfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from commune_portal.documents import books, exporting, incoming
from commune_portal.documents.exporting import Form, export_book, neutral
from commune_portal.documents.incoming import Arrival
from commune_portal.errors import NotAllowed, NotFound, StoreRefused
from commune_portal.rules.acts import Act
from commune_portal.store import files, journal
from tests.cast import Cast
from tests.documents.test_outgoing import is_sound

DANGEROUS = '=HYPERLINK("http://ke-gian.example","xem")'


def incoming_book(office: Cast) -> int:
    for subject in ("Về việc rà soát", DANGEROUS, "@SUM(1)", "Nhiều\ndòng"):
        incoming.register(office.clerk, Arrival(sender_name="Sở Nội vụ", subject=subject, on_paper=True))
    return books.books(office.clerk)[0].id


def test_a_csv_has_every_number_and_runs_nothing(office: Cast, tmp_path: Path) -> None:
    made = export_book(office.clerk, incoming_book(office), tmp_path / "so.csv", Form.CSV)
    assert made.lines == 4
    with made.path.open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.reader(file))
    assert rows[0][:3] == ["Ngày đến", "Số đến", "Tác giả"]
    assert [row[1] for row in rows[1:]] == ["01", "02", "03", "04"]
    assert {len(row) for row in rows} == {12}
    assert not [cell for row in rows for cell in row if cell.startswith(exporting.BEGINS_A_FORMULA)]
    assert rows[2][5] == f"'{DANGEROUS}"


def test_a_workbook_holds_texts_and_no_formula(office: Cast, tmp_path: Path) -> None:
    made = export_book(office.clerk, incoming_book(office), tmp_path / "so.xlsx", Form.XLSX)
    with zipfile.ZipFile(made.path) as archive:
        sheet = archive.read("xl/worksheets/sheet1.xml").decode()
        assert "HYPERLINK" in archive.read("xl/sharedStrings.xml").decode()
    assert "<f>" not in sheet
    assert "hyperlink" not in sheet


def test_the_export_is_journalled_with_the_hash_of_what_left(office: Cast, tmp_path: Path) -> None:
    book = incoming_book(office)
    made = export_book(office.clerk, book, tmp_path / "so.csv", Form.CSV)
    line = journal.lines(journal.checkpoint().size - 1)[0]
    assert (line.fields["act"], line.fields["actor"]) == (Act.EXPORTED, office.clerk.uid)
    assert line.fields["files"] == [made.sha256] == [files.digest_of(made.path).sha256]
    assert list(tmp_path.glob("*.part")) == []
    assert is_sound(office)


def test_nothing_is_replaced_and_nobody_exports_what_they_may_not_print(office: Cast, tmp_path: Path) -> None:
    book = incoming_book(office)
    size = journal.checkpoint().size
    taken = tmp_path / "co-roi.csv"
    taken.write_text("cũ", encoding="utf-8")
    with pytest.raises(StoreRefused):
        export_book(office.clerk, book, taken, Form.CSV)
    with pytest.raises(NotAllowed):
        export_book(office.specialist, book, tmp_path / "x.csv", Form.CSV)
    with pytest.raises(NotFound):
        export_book(office.clerk, 99, tmp_path / "x.csv", Form.CSV)
    assert (taken.read_text(encoding="utf-8"), journal.checkpoint().size) == ("cũ", size)


@given(st.text())
def test_a_neutral_cell_never_begins_a_formula(text: str) -> None:
    assert not neutral(text).startswith(exporting.BEGINS_A_FORMULA)
    assert neutral(text).endswith(text)
