"""The page «Sao lưu»: what it shows, what it asks for, the key that is shown once, and who may do what."""

from __future__ import annotations

import pytest

from commune_portal.documents import backups
from commune_portal.people import recovery
from commune_portal.people.actors import PORTAL
from commune_portal.store import backup_runs, database
from commune_portal.store.backup_runs import Chore, Why
from tests.paper.test_letter import text_of
from tests.views.portal import HTMX, Portal, founded, portal

__all__ = ["founded", "portal"]

PAGE = "/administration/backup"


@pytest.fixture(autouse=True)
def _its_own_folders(portal: Portal) -> None:
    """The app is shared by all copies of the office; the folders of backups are this copy's."""
    portal.app.config["PORTAL_SETTINGS"] = portal.cast.settings


def test_the_page_warns_until_there_is_a_key_and_a_proven_backup(portal: Portal) -> None:
    browser = portal.browser("quantri")
    text = browser.get(PAGE).text
    assert "chưa có khóa phục hồi trên giấy" in text
    assert "Chưa có bản sao lưu nào được chứng minh" in text
    assert str(portal.cast.settings.backups_folder) in text
    sheet = recovery.make(PORTAL)
    recovery.confirm(PORTAL, sheet.confirm_group)
    backups.back_up(PORTAL, portal.cast.settings, Why.ASKED, backups.places(portal.cast.settings))
    text = browser.get(PAGE).text
    assert "Đã chứng minh:" in text
    assert sheet.fingerprint in text
    assert sheet.confirm_group not in text
    assert "chưa có khóa phục hồi" not in text


def test_a_backup_that_is_asked_for_is_a_row_and_the_page_polls_until_it_is_answered(portal: Portal) -> None:
    browser = portal.browser("vanthu")
    assert browser.post(f"{PAGE}/now").status_code == 303
    assert backup_runs.is_asked(Chore.BACKUP_ASKED)
    page = browser.get(PAGE).text
    assert 'hx-get="/administration/backup/progress"' in page
    assert "Sắp bắt đầu" in page
    assert "Sao lưu ngay" not in page
    assert 'http-equiv="refresh"' in page
    fragment = browser.get(f"{PAGE}/progress", headers=HTMX)
    assert fragment.text.startswith('<div id="at_work"')
    assert browser.post(f"{PAGE}/prove").status_code == 303
    assert not backup_runs.is_asked(Chore.DRILL_ASKED), "one at a time"
    backup_runs.chore_ended(Chore.BACKUP_ASKED, "Ổ đĩa đã đầy; thử lại sau.")
    assert browser.get(f"{PAGE}/progress", headers=HTMX).headers["HX-Refresh"] == "true"
    assert browser.get(f"{PAGE}/progress").status_code == 303
    assert "Ổ đĩa đã đầy" in browser.get(PAGE).text


def test_a_running_backup_and_a_running_proof_are_told_in_words(portal: Portal) -> None:
    browser = portal.browser("quantri")
    row = backup_runs.begin(Why.DAILY, backup_runs.PlaceKind.FOLDER, portal.cast.settings.backups_folder)
    backup_runs.progress([row], 12 * 1024 * 1024)
    assert "đã ghi 12 MB" in browser.get(PAGE).text
    backup_runs.failed(row, "Hết chỗ.")
    backup_runs.chore_began(Chore.DRILL)
    assert "Đang chứng minh" in browser.get(PAGE).text
    backup_runs.chore_ended(Chore.DRILL, "")
    assert "Sao lưu ngay" in browser.get(PAGE).text


def test_the_key_is_answered_once_as_a_sheet_and_confirmed_by_its_last_group(portal: Portal) -> None:
    browser = portal.browser("quantri")
    answer = browser.post(f"{PAGE}/key")
    assert (answer.status_code, answer.mimetype) == (200, "application/pdf")
    assert answer.headers["Cache-Control"] == "no-store"
    path = portal.cast.settings.folder / "to.pdf"
    path.write_bytes(answer.data)
    waiting = recovery.pending()
    assert waiting is not None
    group = recovery.confirm_group(waiting.recipient)
    assert group in text_of(path)
    assert waiting.fingerprint in browser.get(PAGE).text
    wrong = browser.post(f"{PAGE}/key/confirm", {"group": "AAAAA"})
    assert wrong.status_code == 422
    assert "Nhóm cuối chưa đúng" in wrong.text
    assert browser.post(f"{PAGE}/key/confirm", {"group": group.lower()}).status_code == 303
    assert recovery.current() is not None
    assert "có hiệu lực" in browser.get(PAGE).text


def test_the_newest_closed_backup_can_be_carried_away(portal: Portal) -> None:
    browser = portal.browser("vanthu")
    assert browser.get(f"{PAGE}/newest").status_code == 404
    settings = portal.cast.settings
    backups.back_up(PORTAL, settings, Why.ASKED, backups.places(settings), plain=True)
    assert browser.get(f"{PAGE}/newest").status_code == 404, "a plain one does not leave by the browser"
    (outcome,) = backups.back_up(PORTAL, settings, Why.ASKED, backups.places(settings))
    assert outcome.backup is not None
    with browser.get(f"{PAGE}/newest") as answer:
        assert answer.data == outcome.backup.path.read_bytes()
        assert outcome.backup.path.name in answer.headers["Content-Disposition"]


def test_the_clerk_backs_up_but_only_the_administrator_makes_the_key(portal: Portal) -> None:
    clerk = portal.browser("vanthu")
    assert "Người quản trị tạo và in khóa này" in clerk.get(PAGE).text
    assert clerk.post(f"{PAGE}/key").status_code == 403
    assert clerk.post(f"{PAGE}/key/confirm", {"group": "AAAAA"}).status_code == 403
    for name in ("chutich", "chuyenvien"):
        other = portal.browser(name)
        assert other.get(PAGE).status_code == 403
        assert other.post(f"{PAGE}/now").status_code == 403
        assert other.get(f"{PAGE}/newest").status_code == 403
    assert database.row("SELECT count(*) FROM recovery_keys")[0] == 0


def test_the_first_page_says_when_a_backup_was_proved_last(portal: Portal) -> None:
    clerk = portal.browser("vanthu")
    assert "Chưa có bản sao lưu nào được chứng minh" in clerk.get("/").text
    settings = portal.cast.settings
    backups.back_up(PORTAL, settings, Why.ASKED, backups.places(settings))
    text = clerk.get("/").text
    assert "Bản sao lưu đã chứng minh ngày" in text
    assert "Chưa có khóa phục hồi trên giấy" in text
    recovery.confirm(PORTAL, recovery.make(PORTAL).confirm_group)
    assert "Chưa có khóa phục hồi trên giấy" not in clerk.get("/").text
    assert "Bản sao lưu đã chứng minh" not in portal.browser("chuyenvien").get("/").text
