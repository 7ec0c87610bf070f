"""The menu and the bell: what waits for whom, by real verbs; and what a page may cost in statements."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest

from commune_portal import clock
from commune_portal.documents import incoming, tasks
from commune_portal.documents.incoming import Arrival
from commune_portal.people import peers
from commune_portal.people.actors import Actor
from commune_portal.store import database
from commune_portal.views._menu import Waiting, waiting_for
from commune_portal.wire import enrolment
from commune_portal.wire.enrolment import EnrolmentFile
from tests.cast import OFFICE_CODE
from tests.views.portal import HTMX, Portal, founded, portal

__all__ = ["founded", "portal"]


def arrive(by: Actor, amount: int = 1) -> list[int]:
    return [
        incoming.register(by, Arrival(sender_name="Sở Nội vụ", subject=f"Việc thứ {number}", on_paper=True))
        for number in range(amount)
    ]


def test_what_waits_moves_from_the_leader_to_the_specialist(portal: Portal) -> None:
    cast = portal.cast
    first, *_ = arrive(cast.clerk, 3)
    assert waiting_for(cast.leader) == Waiting(directions=3)
    assert waiting_for(cast.specialist).mine == 0
    tasks.assign(cast.leader, first, lead=cast.specialist.id, direction="Báo cáo")
    assert waiting_for(cast.leader).incoming == 2
    assert waiting_for(cast.specialist) == Waiting(tasks=1)
    assert waiting_for(cast.administrator).mine == 0, "an administrator waits for no document"


def test_the_bell_changes_when_something_comes(portal: Portal) -> None:
    browser = portal.browser("chutich")
    before = browser.get("/bell", headers=HTMX).text
    address = before.partition('hx-get="')[2].partition('"')[0]
    arrive(portal.cast.clerk, 2)
    after = browser.get(address, headers=HTMX)
    assert after.status_code == 200
    assert re.search(r'class="count warn">2<', after.text)
    menu = browser.get("/account").text.partition('id="menu"')[2]
    assert re.search(r"Văn bản đến</span> <span class=\"count warn\">2<", menu)


def test_the_line_about_the_node_is_on_every_page_and_leads_on_for_those_who_may_see_the_exchange(
    portal: Portal,
) -> None:
    for username, leads in (("vanthu", True), ("chutich", True), ("chuyenvien", False), ("quantri", False)):
        text = portal.browser(username).get("/account").text
        assert "Chưa kết nối nút liên thông" in text, username
        assert (re.search(r'<a class="contact [a-z]+" href="/exchange"', text) is not None) is leads, username


def test_the_line_tells_the_age_of_the_oldest_item_and_a_clock_that_is_off(portal: Portal) -> None:
    database.write_working(
        "INSERT INTO outbox (message_id, kind, recipient_code, urgency, envelope, packet_sha256,"
        " packet_bytes, queued_at, state, next_attempt_at) VALUES ('m', 'edoc', 'H99.02', 0, '', '', 1, ?, 'ready', ?)",
        (clock.to_text(clock.now() - timedelta(hours=5)), clock.now_text()),
    )
    node = EnrolmentFile(
        token="t", office_code=OFFICE_CODE, office_name="Xã", node_code="H99", node_name="Nút",
        node_public_key=bytes(32), node_box_public_key=bytes(32), address="http://127.0.0.1:9", ca_pem=None,
        expires_at=clock.now() + timedelta(days=1),
    )  # fmt: skip
    peers.introduce(portal.cast.administrator, enrolment.write(node), portal.cast.settings.secrets_folder)
    peers.contact_made("H99", 400, 0)
    text = portal.browser("chuyenvien").get("/account").text
    assert "gói chờ lâu nhất: 5 giờ" in text
    assert "đồng hồ lệch 400 giây" in text
    peers.contact_made("H99", 20, 0)
    assert "đồng hồ lệch" not in portal.browser("chuyenvien").get("/account").text


def test_the_trial_key_is_named_on_every_page(portal: Portal) -> None:
    for path in ("/login", "/help", "/account", "/khong-co"):
        assert "KHÓA THỬ NGHIỆM" in portal.browser("vanthu").get(path).text or path == "/login"
    assert "KHÓA THỬ NGHIỆM" in portal.anonymous().get("/login").text


@pytest.mark.parametrize(
    ("username", "path", "most"),
    [("quantri", "/administration/users", 12), ("vanthu", "/account", 14), ("chutich", "/bell", 9)],
)
def test_a_page_costs_few_statements(portal: Portal, username: str, path: str, most: int) -> None:
    browser = portal.browser(username)
    browser.get(path)
    seen: list[str] = []
    database.connect().set_trace_callback(seen.append)
    try:
        assert browser.get(path).status_code == 200
    finally:
        database.connect().set_trace_callback(None)
    assert len(seen) <= most, "\n".join(seen)
