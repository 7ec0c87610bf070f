"""Files: who may open one, how it is served, what its name may not do. Source: ASVS 5.0, 5.4; security.md §3."""

from __future__ import annotations

from pathlib import Path

import pytest

from commune_portal.documents import attachments, incoming, tasks
from commune_portal.documents.attachments import Kept, Part, Upload
from commune_portal.documents.incoming import Arrival
from commune_portal.people import accesses
from commune_portal.rules.acts import Act
from commune_portal.store import database, files, journal
from tests.cast import Cast
from tests.views import pages
from tests.views.portal import Portal, founded, portal

__all__ = ["founded", "portal"]


@pytest.fixture(scope="module")
def letter(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    return pages.pdf(tmp_path_factory.mktemp("letter"))


def registered(office: Cast, letter: bytes, folder: Path) -> int:
    path = folder / "a.pdf"
    path.write_bytes(letter)
    arrival = Arrival(sender_name="Sở Nội vụ", subject="V/v báo cáo")
    return incoming.register(office.clerk, arrival, Upload(path, "Công văn số 5.pdf"))


def put(row_id: int, data: bytes, name: str, media_type: str, part: Part = "annex") -> int:
    """A file as it might stand in a row, whatever its name."""
    with database.transaction() as work:
        row = attachments.attach(work, "incoming", row_id, part, Kept(files.keep(data), name, media_type), 9)
        journal.write(work, Act.EXPORTED, journal.SYSTEM)
    return row.id


@pytest.fixture
def document(portal: Portal, letter: bytes, tmp_path: Path) -> int:
    return registered(portal.cast, letter, tmp_path)


def main_of(row_id: int) -> int:
    file = attachments.shown("incoming", row_id)
    assert file is not None
    return file.id


def test_a_pdf_is_shown_in_a_sandbox_and_never_kept(portal: Portal, document: int, letter: bytes) -> None:
    answer = portal.browser("vanthu").get(f"/files/{main_of(document)}", buffered=True)
    assert answer.status_code == 200
    assert answer.data == letter
    assert answer.headers["Content-Type"] == "application/pdf"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Content-Security-Policy"] == "default-src 'none'; sandbox; frame-ancestors 'self'"
    assert answer.headers["Cache-Control"] == "no-store"
    said = answer.headers["Content-Disposition"]
    assert said.startswith("inline")
    assert "filename*=UTF-8''C%C3%B4ng%20v%C4%83n%20s%E1%BB%91%205.pdf" in said


def test_a_range_gives_just_those_bytes_and_counts_as_no_second_opening(
    portal: Portal, document: int, letter: bytes
) -> None:
    browser, file_id = portal.browser("vanthu"), main_of(document)
    accesses.flush()
    browser.get(f"/files/{file_id}", buffered=True)
    answer = browser.get(f"/files/{file_id}", headers={"Range": "bytes=100-199"}, buffered=True)
    assert answer.status_code == 206
    assert answer.data == letter[100:200]
    accesses.flush()
    noted = database.rows("SELECT account_id FROM accesses WHERE kind = ? AND object LIKE '%:file:%'", ("fetched",))
    assert noted == [(portal.cast.clerk.id,)]


@pytest.mark.parametrize(
    ("name", "media_type"),
    [
        ("trang.html", "text/html"),
        ("hinh.svg", "image/svg+xml"),
        ("goi.edxml", attachments.EDXML),
        ("thu.docx", "application/vnd.openxmlformats-officedocument.wordprocessingml.document"),
    ],
)
def test_whatever_could_act_is_a_download(portal: Portal, document: int, name: str, media_type: str) -> None:
    file_id = put(document, b"<script>alert(1)</script>", name, media_type)
    answer = portal.browser("vanthu").get(f"/files/{file_id}", buffered=True)
    assert answer.headers["Content-Disposition"].startswith("attachment")
    assert answer.headers["Content-Security-Policy"].startswith("default-src 'none'; sandbox")
    if media_type in ("text/html", "image/svg+xml"):
        assert answer.headers["Content-Type"] == "application/octet-stream"


@pytest.mark.parametrize(
    "name",
    ['"; filename="x.exe', "a\r\nX-Evil: 1.pdf", "..\\..\\CON.pdf", "đơn\u202efdp.exe", "a;b%0d.pdf", "\x00.pdf"],
)
def test_no_name_gets_out_of_its_header(portal: Portal, document: int, name: str) -> None:
    answer = portal.browser("vanthu").get(
        f"/files/{put(document, b'%PDF-1.7', name, 'application/pdf')}", buffered=True
    )
    assert answer.status_code == 200
    assert "X-Evil" not in answer.headers
    said = answer.headers["Content-Disposition"]
    assert "\n" not in said
    assert "\r" not in said
    assert "\u202e" not in said
    assert said.isascii()


def test_a_file_is_opened_by_whom_its_document_concerns_alone(portal: Portal, document: int) -> None:
    url = f"/files/{main_of(document)}"
    for path in (url, url + "/page/1.png"):
        assert portal.browser("chuyenvien").get(path, buffered=True).status_code == 404
        assert portal.browser("quantri").get(path, buffered=True).status_code == 404
        assert portal.browser("chutich").get(path, buffered=True).status_code == 200
        anonymous = portal.anonymous().get(path, buffered=True)
        assert anonymous.status_code == 303
        assert "/login" in anonymous.headers["Location"]
    tasks.assign(portal.cast.leader, document, lead=portal.cast.specialist.id)
    assert portal.browser("chuyenvien").get(url, buffered=True).status_code == 200
    assert portal.browser("vanthu").get("/files/99999", buffered=True).status_code == 404


def test_a_page_is_drawn_as_a_picture_for_browsers_without_a_viewer(portal: Portal, document: int) -> None:
    browser, file_id = portal.browser("vanthu"), main_of(document)
    answer = browser.get(f"/files/{file_id}/page/1.png", buffered=True)
    assert answer.mimetype == "image/png"
    assert answer.data.startswith(b"\x89PNG")
    assert answer.headers["Content-Security-Policy"].startswith("default-src 'none'; sandbox")
    for number in (0, 2):
        assert browser.get(f"/files/{file_id}/page/{number}.png", buffered=True).status_code == 404
    other = put(document, b"PK\x03\x04", "thu.docx", "application/msword")
    assert browser.get(f"/files/{other}/page/1.png", buffered=True).status_code == 404
    left = [path for path in portal.cast.settings.work_folder.iterdir() if path.suffix == ".png"]
    assert left == []


def test_opening_a_file_costs_few_statements(portal: Portal, document: int) -> None:
    browser = portal.browser("vanthu")
    with pages.counted() as statements:
        browser.get(f"/files/{main_of(document)}", buffered=True)
    assert len(statements) <= 10
