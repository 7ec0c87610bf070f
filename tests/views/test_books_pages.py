"""Books and statistics: pages for whom they are, acts refused to all others, a PDF with its columns."""

from __future__ import annotations

from typing import Any

import pytest

from commune_portal import clock
from commune_portal.documents import books, incoming, issuing, outgoing
from commune_portal.documents.book_lines import PAGE_ROWS
from commune_portal.documents.incoming import Arrival
from commune_portal.errors import RuleBroken
from commune_portal.rules.kinds import Medium
from commune_portal.rules.statuses import OutgoingState
from tests.views.outgoing_stage import drafted, statements_of
from tests.views.portal import HTMX, Portal, founded, portal, size

__all__ = ["founded", "portal"]

EVERYBODY = ("vanthu", "chutich", "chuyenvien", "quantri")
READERS = ("vanthu", "chutich")
YEAR = clock.today().year
OPENING = {"series": "incoming|0|arrivals", "year": str(YEAR), "opening_number": "1250"}


@pytest.fixture
def shelf(portal: Portal) -> Portal:
    """An office with one outgoing number (book 1) and one arrival (book 2)."""
    drafted(portal, OutgoingState.ISSUED, medium=Medium.PAPER)
    register(portal)
    return portal


def register(portal: Portal, subject: str = "V/v đôn đốc báo cáo") -> int:
    return incoming.register(
        portal.cast.clerk,
        Arrival(
            sender_name="Sở Nội vụ", subject=subject, code_number="7", code_notation="SNV-VP", on_paper=True,
            type_name="Công văn",
        ),
    )  # fmt: skip


@pytest.mark.parametrize("path", ["/books", "/books/1", "/books/2", "/books/2/tracking", "/statistics"])
def test_a_page_opens_for_whom_it_is(shelf: Portal, path: str) -> None:
    for username in EVERYBODY:
        assert shelf.browser(username).get(path).status_code == (200 if username in READERS else 403), username
    assert shelf.anonymous().get(path).headers["Location"].startswith("/login")


def test_the_books_are_listed_by_year_with_their_numbers(shelf: Portal) -> None:
    text = shelf.browser("vanthu").get("/books").text
    assert f"Năm {YEAR}" in text
    assert "Sổ đăng ký văn bản đi" in text
    assert "Sổ đăng ký văn bản đến" in text
    assert 'href="/books/2/tracking"' in text
    assert shelf.browser("vanthu").get("/books/99").status_code == 404
    assert shelf.browser("vanthu").get("/books/1/tracking").status_code == 409


def test_a_book_shows_its_legal_columns_and_the_cancelled_number(shelf: Portal) -> None:
    row_id = drafted(shelf, OutgoingState.NUMBERED, medium=Medium.PAPER)
    outgoing.void(shelf.cast.clerk, row_id, "Sai thể thức, lập lại")
    browser = shelf.browser("vanthu")
    whole = browser.get("/books/1").text
    part = browser.get("/books/1", headers={**HTMX, "HX-Target": "div#lines"}).text
    for text in (whole, part):
        assert text.count('scope="col"') == 10
        assert "01/QĐ-UBND" in text
        assert "Hủy số" in text
        assert "Sai thể thức, lập lại" in text
    assert "<html" not in part
    assert browser.get("/books/2").text.count('scope="col"') == 10
    assert browser.get("/books/2/tracking").text.count('scope="col"') == 7


def test_a_long_book_is_turned_page_by_page(portal: Portal) -> None:
    for number in range(PAGE_ROWS + 3):
        register(portal, f"V/v thứ {number}")
    browser = portal.browser("vanthu")
    few = statements_of(browser, "/books/1")
    first = browser.get("/books/1").text
    assert f'href="/books/1?after={PAGE_ROWS}"' in first
    second = browser.get(f"/books/1?after={PAGE_ROWS}").text
    assert f"Từ số {PAGE_ROWS + 1} đến số {PAGE_ROWS + 3}" in second
    assert 'rel="prev" href="/books/1"' in second
    assert few <= 25


ACTS: dict[str, tuple[str, dict[str, Any], tuple[str, ...], int]] = {
    "print": ("/books/1/print", {"form": "register"}, ("vanthu",), 200),
    "print tracking": ("/books/2/print", {"form": "tracking"}, ("vanthu",), 200),
    "close": ("/books/1/close", {}, ("vanthu",), 303),
    "open": (
        "/books/open",
        {"series": "outgoing|1|type:QDQP", "year": str(YEAR), "opening_number": "13"},
        ("vanthu",),
        303,
    ),
}


@pytest.mark.parametrize(("path", "data", "allowed", "status"), ACTS.values(), ids=ACTS.keys())
def test_an_act_works_for_whom_it_is_and_is_refused_to_everybody_else(
    shelf: Portal, path: str, data: dict[str, Any], allowed: tuple[str, ...], status: int
) -> None:
    before = size()
    for username in set(EVERYBODY) - set(allowed):
        assert shelf.browser(username).post(path, data).status_code == 403, username
    assert shelf.anonymous().post(path, data).headers["Location"].startswith("/login")
    mine = shelf.browser(allowed[0])
    assert mine.client.post(path, data=data).status_code == 400
    assert mine.get(path).status_code == (200 if path == "/books/open" else 405)
    assert size() == before
    assert mine.post(path, data).status_code == status
    assert size() > before


def test_a_printed_book_is_a_pdf_that_nothing_in_it_can_run(shelf: Portal) -> None:
    answer = shelf.browser("vanthu").post("/books/1/print", {"form": "register"})
    assert answer.mimetype == "application/pdf"
    assert answer.data.startswith(b"%PDF-")
    assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
    assert answer.headers["Cache-Control"] == "no-store"
    assert "filename*=UTF-8''" in answer.headers["Content-Disposition"]
    text = shelf.browser("vanthu").get("/books/1").text
    assert "đã in 1 lần" in text


def test_a_closed_book_gives_no_number_and_is_not_closed_twice(shelf: Portal) -> None:
    clerk = shelf.browser("vanthu")
    assert clerk.post("/books/1/close").status_code == 303
    assert "đã khóa" in clerk.get("/books/1").text
    assert clerk.post("/books/1/close").status_code == 409
    assert clerk.post("/books/99/close").status_code == 404
    row_id = drafted(shelf, OutgoingState.APPROVED, medium=Medium.PAPER)
    with pytest.raises(RuleBroken, match="đã khóa"):
        issuing.number(shelf.cast.clerk, row_id)


def test_an_office_that_starts_in_mid_year_goes_on_from_its_paper_book(portal: Portal) -> None:
    clerk = portal.browser("vanthu")
    assert clerk.post("/books/open", OPENING).status_code == 303
    assert (
        clerk.post("/books/open", {**OPENING, "series": "outgoing|1|office", "opening_number": "87"}).status_code == 303
    )
    row_id = register(portal)
    assert incoming.get(row_id).number == 1250
    assert outgoing.get(drafted(portal, OutgoingState.NUMBERED, medium=Medium.PAPER)).number == 87
    names = {item.name for item in books.books(portal.cast.clerk)}
    assert names == {"Sổ đăng ký văn bản đến", "Sổ đăng ký văn bản đi"}
    again = clerk.post("/books/open", OPENING)
    assert again.status_code == 422
    assert "đã mở" in again.text
    assert 'value="1250"' in again.text


@pytest.mark.parametrize(
    "changes", [{"series": "outgoing|9|office"}, {"year": "1999"}, {"opening_number": "0"}, {"opening_number": "x"}]
)
def test_an_opening_that_makes_no_sense_is_refused(portal: Portal, changes: dict[str, str]) -> None:
    before = size()
    assert portal.browser("vanthu").post("/books/open", {**OPENING, **changes}).status_code == 422
    assert size() == before


def test_a_rate_is_never_shown_without_its_fraction(shelf: Portal) -> None:
    browser = shelf.browser("chutich")
    whole = browser.get(f"/statistics?year={YEAR}").text
    part = browser.get("/statistics", headers={**HTMX, "HX-Target": "div#rates"}).text
    for text in (whole, part):
        assert "Tỷ lệ văn bản điện tử" in text
        assert "0,00 %" in text
        assert "0 / 1" in text
        assert "QĐ 28/2018, Điều 11" in text
    assert "<html" not in part
    assert browser.get("/statistics?year=1700&month=77").status_code == 200
    assert statements_of(browser, "/statistics") <= 45
