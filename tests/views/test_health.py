"""The health page: for the administrator and the clerk, quick by default, thorough on request."""

from __future__ import annotations

import io
import zipfile
from datetime import UTC, datetime

import pytest

from commune_portal import clock
from tests.store.full import forging
from tests.views.portal import HTMX, Portal, founded, portal, size

__all__ = ["founded", "portal"]


@pytest.fixture(autouse=True)
def _its_own_folder(portal: Portal, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(portal.app.config, "PORTAL_SETTINGS", portal.cast.settings)


@pytest.mark.parametrize("who", ["quantri", "vanthu"])
@pytest.mark.parametrize("path", ["/health", "/health?thorough=1"])
def test_those_who_keep_the_installation_see_every_row(portal: Portal, who: str, path: str) -> None:
    browser = portal.browser(who)
    before = size()
    answer = browser.get(path)
    assert answer.status_code == 200
    assert "Chưa sao lưu lần nào" in answer.text
    assert "KHÓA THỬ NGHIỆM" in answer.text
    assert answer.text.count("<tr>") + answer.text.count('<section class="panel">') > 22
    assert "không gì trả lời" not in answer.text, "the portal itself asks"
    assert size() == before


@pytest.mark.parametrize("who", ["chutich", "chuyenvien"])
def test_others_do_not(portal: Portal, who: str) -> None:
    assert portal.browser(who).get("/health").status_code == 403


def test_the_anonymous_are_sent_to_the_log_in_and_nothing_is_posted(portal: Portal) -> None:
    assert portal.anonymous().get("/health").status_code == 303
    assert portal.browser("quantri").post("/health").status_code == 405


def test_it_stands_in_the_menu_and_answers_htmx_with_the_page(portal: Portal) -> None:
    browser = portal.browser("quantri")
    assert 'href="/health"' in browser.get("/account").text
    assert "<h1" in browser.get("/health", headers=HTMX).text


def test_the_support_file_is_shown_before_it_is_given_and_holds_the_same(portal: Portal) -> None:
    browser = portal.browser("quantri")
    assert 'href="/health/support"' in browser.get("/health").text
    shown = browser.get("/health/support")
    assert shown.status_code == 200
    before = size()
    answer = browser.post("/health/support")
    assert answer.status_code == 200
    assert size() == before
    assert answer.headers["Content-Disposition"].startswith('attachment; filename="ho-tro-office-')
    with zipfile.ZipFile(io.BytesIO(answer.data)) as archive:
        names = archive.namelist()
    assert len(names) >= 5
    assert all(f"<code>{name}</code>" in shown.text for name in names)


@pytest.mark.parametrize("who", ["chutich", "chuyenvien"])
def test_others_get_no_support_file(portal: Portal, who: str) -> None:
    browser = portal.browser(who)
    assert browser.get("/health/support").status_code == 403
    assert browser.post("/health/support").status_code == 403


def test_a_clock_that_woke_in_another_year_is_said_on_the_first_page(portal: Portal) -> None:
    with clock.standing_at(datetime(2000, 1, 1, 1, tzinfo=UTC)):
        text = portal.browser("vanthu").get("/").text
    assert "Đồng hồ máy là 01/01/2000" in text


def test_damage_is_shown_first(portal: Portal) -> None:
    browser = portal.browser("vanthu")
    with forging(portal.cast.settings) as connection:
        connection.execute("UPDATE issuers SET name = 'Xã khác'")
    text = browser.get("/health?thorough=1").text
    assert "Cần xử lý ngay" in text
    assert text.index("issuers:") < text.index("Chưa sao lưu")
