"""The first page: what waits for whom, how the exchange stands, what to look after."""

from __future__ import annotations

import re
from datetime import timedelta

from commune_portal import clock
from commune_portal.documents import outgoing, tasks, waiting
from commune_portal.rules.acts import Act
from commune_portal.rules.kinds import Urgency
from commune_portal.store import database, journal
from tests.cast import NODE_CODE
from tests.documents.test_outgoing import a_draft, signed
from tests.views import pages
from tests.views.portal import Portal, founded, portal

__all__ = ["founded", "portal"]


def enrol() -> None:
    """A node above, as the enrolment leaves it."""
    with database.transaction() as work:
        row = work.insert(
            "peers",
            {"code": NODE_CODE, "name": "Nút tỉnh", "address": "http://127.0.0.1:1", "public_key": "ab" * 32,
             "box_public_key": "cd" * 32, "enrolled_at": clock.now_text()},
        )  # fmt: skip
        journal.write(work, Act.ENROLLED, journal.SYSTEM, about=f"peer:{row.uid}")


def contact(*, minutes_ago: int, failures: int = 0, reason: str = "") -> None:
    at = clock.to_text(clock.now() - timedelta(minutes=minutes_ago))
    ahead = clock.to_text(clock.now() + timedelta(minutes=5))
    database.write_working(
        "INSERT INTO contacts (peer_code, last_contact_at, next_attempt_at, failures, last_reason, heartbeat_at)"
        " VALUES (?, ?, ?, ?, ?, ?)",
        (NODE_CODE, at, ahead, failures, reason, clock.now_text()),
    )


def titles(text: str) -> dict[str, int]:
    """The piles of the page with their counts."""
    found = re.findall(
        r'<h2 id="pile-\d+">(?:<a href="[^"]+">)?([^<]+)(?:</a>)?\s*<span class="count[^"]*">(\d+)', text
    )
    return {title.strip(): int(amount) for title, amount in found}


def test_a_clerk_sees_what_to_register_urgent_first_and_what_to_issue(portal: Portal) -> None:
    office = portal.cast
    pages.arrive(subject="Việc thường", number="1")
    pages.arrive(subject="Việc hỏa tốc", number="2", urgency=3)
    signed(office)
    draft = outgoing.draft(office.clerk, a_draft(office))
    outgoing.submit(office.clerk, draft)
    outgoing.return_(office.leader, draft, "Sửa lại phần căn cứ pháp lý.")
    text = portal.browser("vanthu").get("/").text
    assert titles(text) == {
        "Văn bản mới đến, chờ vào sổ": 2, "Chờ cấp số, đóng dấu": 1, "Dự thảo của tôi bị trả lại": 1
    }  # fmt: skip
    assert text.index("Việc hỏa tốc") < text.index("Việc thường")
    assert "Sửa lại phần căn cứ pháp lý." in text
    assert 'href="/incoming?tab=cho-vao-so"' in text


def test_what_is_late_for_the_book_is_said(portal: Portal) -> None:
    with clock.standing_at(clock.now() - timedelta(days=5)):
        pages.arrive(subject="Nằm đã lâu")
    assert "Quá hạn vào sổ" in portal.browser("vanthu").get("/").text


def test_a_leader_sees_what_to_direct_to_sign_and_what_is_overdue(portal: Portal) -> None:
    office = portal.cast
    pages.registered(office, "Chờ chỉ đạo")
    late = pages.registered(office, "Đã muộn", "2", urgency=Urgency.URGENT)
    tasks.assign(office.leader, late, lead=office.specialist.id, due_date=clock.today())
    outgoing.submit(office.specialist, outgoing.draft(office.specialist, a_draft(office)))
    with clock.standing_at(clock.now() + timedelta(days=2)):
        text = portal.browser("chutich").get("/").text
    assert titles(text) == {"Chờ chỉ đạo, phân công": 1, "Quá hạn xử lý": 1, "Chờ tôi duyệt, ký": 1}
    assert "Quá hạn 2 ngày" in text
    assert "Vào sổ văn bản đến" not in text


def test_a_specialist_sees_the_own_tasks_by_how_near_they_are(portal: Portal) -> None:
    office = portal.cast
    today = clock.today()
    dues = {"Hôm nay": 0, "Ngày mai": 1, "Về sau": 20}
    for ordinal, (subject, days) in enumerate(dues.items(), start=1):
        row_id = pages.registered(office, subject, str(ordinal))
        tasks.assign(office.leader, row_id, lead=office.specialist.id, due_date=today + timedelta(days=days))
    tasks.assign(
        office.leader, pages.registered(office, "Không hạn", "9"), lead=office.clerk.id, supports=[office.specialist.id]
    )
    pages.registered(office, "Của người khác", "10")
    text = portal.browser("chuyenvien").get("/").text
    assert titles(text) == {
        "Việc của tôi: hôm nay": 1, "Việc của tôi: ngày mai": 1, "Việc của tôi: sau tuần này": 1,
        "Việc của tôi: không đặt hạn": 1,
    }  # fmt: skip
    assert list(titles(text)) == [
        "Việc của tôi: hôm nay", "Việc của tôi: ngày mai", "Việc của tôi: sau tuần này", "Việc của tôi: không đặt hạn",
    ]  # fmt: skip
    assert "Phối hợp" in text
    assert "Của người khác" not in text
    assert "Liên thông:" not in text


def test_an_administrator_sees_the_installation_and_no_document(portal: Portal) -> None:
    pages.registered(portal.cast, "Nội dung riêng")
    text = portal.browser("quantri").get("/").text
    assert "Tình trạng hệ thống" in text
    assert "Chưa sao lưu lần nào" in text
    assert "Còn trống" not in text
    assert "Nội dung riêng" not in text


def test_nothing_to_do_is_said_kindly(portal: Portal) -> None:
    assert "Không có việc nào chờ bạn." in portal.browser("chutich").get("/").text


def test_the_exchange_is_told_in_plain_words(portal: Portal) -> None:
    pages.arrive()
    assert "Chưa kết nối nút liên thông" in portal.browser("vanthu").get("/").text
    enrol()
    contact(minutes_ago=90, failures=4, reason="Không phân giải được tên máy của nút.")
    text = portal.browser("vanthu").get("/").text
    assert "Liên lạc lần cuối: 1 giờ trước" in text
    assert "1 gói đang chờ gửi, lâu nhất từ" in text
    assert "đã thử 4 lần chưa được; vì: Không phân giải được tên máy của nút; thử lại lúc" in text


def test_packets_that_lie_aside_are_told(portal: Portal) -> None:
    database.write_working(
        "INSERT INTO quarantine (message_id, sender_code, envelope, packet_sha256, reason, arrived_at)"
        " VALUES ('m', 'H99.02', '{}', 'x', 'hỏng', ?)",
        (clock.now_text(),),
    )
    assert "1 gói tin không đọc được" in portal.browser("vanthu").get("/").text


def test_a_stranger_is_sent_to_the_log_in(portal: Portal) -> None:
    answer = portal.anonymous().get("/")
    assert answer.status_code == 303
    assert answer.headers["Location"] == "/login"


def test_a_long_pile_shows_its_first_and_leads_to_the_rest(portal: Portal) -> None:
    for ordinal in range(waiting.ROWS + 3):
        pages.registered(portal.cast, f"Văn bản {ordinal}", str(ordinal + 1))
    text = portal.browser("chutich").get("/").text
    assert titles(text)["Chờ chỉ đạo, phân công"] == waiting.ROWS + 3
    assert text.count('class="open"') == waiting.ROWS
    assert f"Xem tất cả {waiting.ROWS + 3} văn bản" in text


def test_the_page_costs_the_same_however_much_waits(portal: Portal) -> None:
    browser = portal.browser("vanthu")
    pages.arrive()
    with pages.counted() as few:
        browser.get("/")
    for ordinal in range(6):
        pages.arrive(number=str(ordinal))
    with pages.counted() as many:
        browser.get("/")
    assert len(many) == len(few) <= 28
