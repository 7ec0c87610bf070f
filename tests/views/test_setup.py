"""What is left to set up, on the administrator's first page until it is done or dismissed."""

from __future__ import annotations

import pytest

from commune_portal.people import recovery
from commune_portal.views import setup
from tests.views.portal import Portal, founded, portal

__all__ = ["founded", "portal"]

TITLE = "Việc còn lại sau khi cài đặt"


@pytest.fixture(autouse=True)
def own_folder(portal: Portal, monkeypatch: pytest.MonkeyPatch) -> None:
    """The shared app serves the folder of this test."""
    monkeypatch.setitem(portal.app.config, "PORTAL_SETTINGS", portal.cast.settings)


def done(portal: Portal) -> dict[str, bool]:
    with portal.app.test_request_context():
        return {step.label: step.done for step in setup.steps_for(portal.cast.administrator)}


def test_the_list_says_what_is_done_and_leads_to_what_is_not(portal: Portal) -> None:
    shown = portal.browser("quantri").get("/").text
    assert TITLE in shown
    found = done(portal)
    assert found["Tài khoản lãnh đạo và chuyên viên"]
    assert found["Chứng thư số của cơ quan"]
    assert not found["Hình con dấu"]
    assert not found["Nghiệm thu cài đặt"]
    for path in ("/administration/office", "/exchange/enrolment", "/acceptance", "/administration/backup"):
        assert f'href="{path}"' in shown


def test_nobody_else_sees_it_or_takes_it_away(portal: Portal) -> None:
    for who in ("vanthu", "chutich", "chuyenvien"):
        browser = portal.browser(who)
        assert TITLE not in browser.get("/").text
        assert browser.post("/setup/dismiss").status_code == 403
    assert TITLE in portal.browser("quantri").get("/").text


def test_a_key_on_paper_is_done_once_it_is_confirmed(portal: Portal) -> None:
    by = portal.cast.administrator
    sheet = recovery.make(by)
    assert not done(portal)["Khóa phục hồi trên giấy"]
    recovery.confirm(by, sheet.confirm_group)
    assert done(portal)["Khóa phục hồi trên giấy"]


def test_whoever_dismisses_it_never_sees_it_again(portal: Portal) -> None:
    browser = portal.browser("quantri")
    browser.get("/")
    assert browser.post("/setup/dismiss").status_code == 303
    assert TITLE not in browser.get("/").text
    assert done(portal) == {}


def test_it_goes_by_itself_when_all_is_done(portal: Portal, monkeypatch: pytest.MonkeyPatch) -> None:
    step = setup.SetupStep("Nghiệm thu cài đặt", "", "", True)
    monkeypatch.setattr(setup, "_steps", lambda: [step])
    assert TITLE not in portal.browser("quantri").get("/").text
