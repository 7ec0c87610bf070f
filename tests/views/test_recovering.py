"""The page that guides the clerk after a restore: who sees it, what each step says, what a slip of the hand gets."""

from __future__ import annotations

import pytest

from commune_portal import clock
from commune_portal.documents import lost, standstill
from commune_portal.people.actors import PORTAL
from commune_portal.rules.acts import Act
from commune_portal.store import database, journal
from tests.views.pages import registered
from tests.views.portal import Portal, founded, portal, size

__all__ = ["founded", "portal"]

REASON = "Nút liên thông mất điện cả tuần, chủ tịch đồng ý"


@pytest.fixture
def lame(portal: Portal) -> Portal:
    """The office with one number given, as a restore leaves it."""
    registered(portal.cast)
    with database.transaction() as work:
        now = clock.now_text()
        work.insert("restorations", {"epoch": 1, "backup_made_at": now, "restored_at": now})
        journal.write(work, Act.INSTALLATION_RESTORED, PORTAL.uid, facts={"epoch": 1})
    lost.answered(refused="Nút liên thông là phiên bản cũ.")
    return portal


def field() -> str:
    return f"paper-incoming-0-arrivals-{clock.today().year}"


def test_without_a_restore_the_page_says_so_and_there_is_no_banner(portal: Portal) -> None:
    clerk = portal.browser("vanthu")
    found = clerk.get("/recovering").text
    assert "Không có lần khôi phục nào" in found
    assert "standstill-banner" not in found
    assert clerk.post("/recovering/print").status_code == 404


def test_every_page_says_that_nothing_is_numbered_and_the_clerk_gets_the_way(lame: Portal) -> None:
    for username, sees_link in (("vanthu", True), ("chutich", False), ("quantri", False)):
        browser = lame.browser(username)
        found = browser.get("/account").text
        assert "standstill-banner" in found
        assert ('href="/recovering"' in found) == sees_link
        assert browser.get("/recovering").status_code == (200 if sees_link else 403)
    assert "Đang dừng gửi" in lame.browser("vanthu").get("/exchange").text
    refused = lame.browser("vanthu").post(
        "/incoming/register", {"sender_name": "Sở Nội vụ", "subject": "Giấy mời", "on_paper": "1"}
    )
    assert "/recovering" in refused.text


def test_by_paper_the_steps_open_one_after_the_other_until_numbers_are_given_again(lame: Portal) -> None:
    clerk = lame.browser("vanthu")
    first = clerk.get("/recovering").text
    assert "Nút không trả lời được" in first
    assert field() not in first
    assert clerk.post("/recovering/without-node", {"without_reason": "mất"}).status_code in (409, 422)
    assert clerk.post("/recovering/without-node", {"without_reason": REASON}).status_code == 303
    assert field() in clerk.get("/recovering").text
    slip = clerk.post("/recovering/paper", {field(): "0"})
    assert slip.status_code == 422
    assert "đã có đến số 1" in slip.text
    assert clerk.post("/recovering/paper", {field(): "3"}).status_code == 303
    early = clerk.post("/recovering/confirm")
    assert early.status_code == 409
    assert "Còn 2 số" in early.text
    ref = f"incoming|0|arrivals|{clock.today().year}"
    empty = clerk.post("/recovering/enter", {"ref": ref, "number": "2", "subject": "Về dự toán"})
    assert empty.status_code == 422
    assert "Về dự toán" in empty.text, "what was typed is not lost"
    typed = {"ref": ref, "number": "2", "subject": "Về dự toán", "author": "Sở Tài chính", "symbol": "12/STC-NS",
             "arrival_date": f"{clock.today():%d/%m/%Y}"}  # fmt: skip
    assert clerk.post("/recovering/enter", typed).status_code == 303
    assert clerk.post("/recovering/unknown", {"ref": ref, "unknown_reason": REASON}).status_code == 303
    assert clerk.post("/recovering/confirm").status_code == 303
    done = clerk.get("/recovering").text
    assert "Đã đối chiếu xong" in done
    assert "chép từ sổ, bản giấy" in done
    assert not standstill.is_on()
    printed = clerk.post("/recovering/print")
    assert printed.data.startswith(b"%PDF")
    assert registered(lame.cast) > 0
    assert database.row("SELECT max(number) FROM incoming")[0] == 4


@pytest.mark.parametrize("step", ["without-node", "ask", "bring-back", "paper", "enter", "unknown", "confirm", "print"])
def test_each_step_is_the_clerks_alone(lame: Portal, step: str) -> None:
    before = size()
    for username in ("chutich", "chuyenvien", "quantri"):
        assert lame.browser(username).post(f"/recovering/{step}", {"without_reason": REASON}).status_code == 403
    assert lame.anonymous().post(f"/recovering/{step}").status_code in (303, 401)
    assert lame.browser("vanthu").get(f"/recovering/{step}").status_code == 405
    assert size() == before
