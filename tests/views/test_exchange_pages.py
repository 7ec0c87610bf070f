"""The exchange page: the queue in its order, plain words, no «failed» for what waits, no «sent» without a receipt."""

from __future__ import annotations

import io
from datetime import timedelta
from typing import Any

import pytest

from commune_portal import clock
from commune_portal.documents import dispatch, outbox
from commune_portal.people import peers
from commune_portal.rules.kinds import Urgency
from commune_portal.rules.statuses import OutgoingState
from commune_portal.store import database
from commune_portal.wire import enrolment, keys
from commune_portal.wire.enrolment import EnrolmentFile
from tests.cast import NODE_CODE, OFFICE_CODE, OFFICE_NAME, OTHER_CODE, OTHER_NAME
from tests.views.outgoing_stage import drafted, make_reachable, statements_of
from tests.views.portal import HTMX, Portal, founded, portal, size

__all__ = ["founded", "portal"]

NODES = keys.from_seeds(bytes([7] * 32), bytes([8] * 32))


def enrolment_file(office_code: str = OFFICE_CODE, *, days: int = 7) -> bytes:
    return enrolment.write(
        EnrolmentFile(
            token="khóa-chỉ-nút-biết", office_code=office_code, office_name=OFFICE_NAME, node_code=NODE_CODE,
            node_name="Nút liên thông tỉnh Lam Giang", node_public_key=NODES.public_key,
            node_box_public_key=NODES.box_public_key, address="http://127.0.0.1:9000", ca_pem=None,
            expires_at=clock.now() + timedelta(days=days),
        )
    )  # fmt: skip


def linked(portal: Portal) -> None:
    peers.introduce(portal.cast.administrator, enrolment_file(), portal.cast.settings.secrets_folder)


def queued(portal: Portal, **changes: Any) -> int:
    row_id = drafted(portal, OutgoingState.ISSUED, **changes)
    dispatch.dispatch(portal.cast.clerk, row_id, [OTHER_CODE])
    return row_id


def test_the_page_is_for_clerk_and_leader(portal: Portal) -> None:
    for path in ("/exchange", "/exchange/queue"):
        for username, status in {"vanthu": 200, "chutich": 200, "chuyenvien": 403, "quantri": 403}.items():
            assert portal.browser(username).get(path).status_code == status, username
        assert portal.anonymous().get(path).headers["Location"].startswith("/login")


def test_what_waits_is_never_called_failed_nor_sent(portal: Portal) -> None:
    make_reachable()
    linked(portal)
    queued(portal)
    line = outbox.lines(portal.cast.clerk, waiting_only=True)[0]
    later = clock.now() + timedelta(minutes=15)
    outbox.attempt_failed(line.message_id, "Không có mạng", later)
    peers.contact_failed(NODE_CODE, "Không có mạng", 3, later, 0)
    peers.heartbeat(NODE_CODE)
    text = portal.browser("vanthu").get("/exchange").text
    main = text.split("<main")[1]
    assert OTHER_NAME in main
    assert "Sẽ tự gửi lại" in main
    assert "Không có mạng" in main
    assert "01/QĐ-UBND" in main
    assert "Không mất gì" in main
    for word in ("thất bại", "lỗi gửi", "Nút đã nhận", "đã gửi"):
        assert word not in main
    assert "Bộ phận liên thông không chạy" not in main


def test_the_queue_stands_in_the_order_in_which_it_will_go(portal: Portal) -> None:
    make_reachable()
    linked(portal)
    queued(portal)
    queued(portal, urgency=Urgency.FLASH, subject="Hỏa tốc trước")
    text = portal.browser("vanthu").get("/exchange").text
    assert text.index("02/QĐ-UBND: Hỏa tốc trước") < text.index("01/QĐ-UBND")
    assert "Hỏa tốc</span>" in text


def test_the_polled_part_comes_alone_and_renews_no_session(portal: Portal) -> None:
    linked(portal)
    browser = portal.browser("vanthu")
    part = browser.get("/exchange/queue", headers=HTMX).text
    assert "<html" not in part
    assert 'id="queue"' in part
    assert 'hx-get="/exchange/queue"' in part
    view = portal.app.view_functions["exchange.queue"]
    assert getattr(view, "is_polling", False)


def test_a_stale_heartbeat_and_a_wrong_clock_are_warned_of(portal: Portal) -> None:
    linked(portal)
    peers.contact_made(NODE_CODE, 400, 0)
    text = portal.browser("vanthu").get("/exchange").text
    assert "Bộ phận liên thông không chạy" in text
    assert "lệch 400 giây" in text


def test_sending_again_now_resets_the_timers_and_is_the_clerks(portal: Portal) -> None:
    make_reachable()
    linked(portal)
    queued(portal)
    line = outbox.lines(portal.cast.clerk, waiting_only=True)[0]
    outbox.attempt_failed(line.message_id, "Không có mạng", clock.now() + timedelta(hours=1))
    path = "/exchange/send-now"
    for username in ("chutich", "chuyenvien", "quantri"):
        assert portal.browser(username).post(path).status_code == 403
    assert portal.anonymous().post(path).headers["Location"].startswith("/login")
    clerk = portal.browser("vanthu")
    assert clerk.client.post(path).status_code == 400
    assert clerk.get(path).status_code == 405
    assert outbox.waiting(clock.now()) == []
    assert clerk.post(path).status_code == 303
    assert len(outbox.waiting(clock.now())) == 1


def test_the_administrator_hands_over_the_enrolment_file(portal: Portal) -> None:
    path = "/exchange/enrolment"
    for username in ("vanthu", "chutich", "chuyenvien"):
        browser = portal.browser(username)
        assert browser.get(path).status_code == 403
        assert browser.post(path, {"file": (io.BytesIO(enrolment_file()), "a.json")}).status_code == 403
    assert portal.anonymous().post(path).headers["Location"].startswith("/login")
    administrator = portal.browser("quantri")
    assert administrator.client.post(path).status_code == 400
    assert peers.find_peer() is None
    sent = {"file": (io.BytesIO(enrolment_file()), "an-phu.ghinoi.json")}
    answer = administrator.post(path, sent, content_type="multipart/form-data")
    assert answer.status_code == 303
    assert peers.peer().code == NODE_CODE
    text = administrator.get(path).text
    assert "Nút liên thông tỉnh Lam Giang" in text
    assert "chờ lần liên lạc đầu tiên" in text
    assert "khóa-chỉ-nút-biết" not in text, "the one-time token is shown to nobody"


@pytest.mark.parametrize(
    ("data", "word"),
    [
        (b"{}", "error-file"),
        (b"\xff" * 70_000, "error-file"),
        (enrolment_file("H99.77"), "không phải cơ quan này"),
        (enrolment_file(days=-1), "hết hạn"),
    ],
    ids=["empty", "too long", "another office", "expired"],
)
def test_a_wrong_enrolment_file_is_refused_beside_its_field(portal: Portal, data: bytes, word: str) -> None:
    before = size()
    sent = {"file": (io.BytesIO(data), "a.json")}
    answer = portal.browser("quantri").post("/exchange/enrolment", sent, content_type="multipart/form-data")
    assert answer.status_code == 422
    assert word in answer.text
    assert peers.find_peer() is None
    assert size() == before


def test_quarantined_packets_are_listed_with_their_reason(portal: Portal) -> None:
    database.write_working(
        "INSERT INTO quarantine (message_id, sender_code, envelope, packet_sha256, reason, arrived_at)"
        " VALUES ('m', 'H99.02', '{}', ?, '<b>thiếu thẻ đóng</b>', ?)",
        ("ab" * 32, clock.now_text()),
    )
    text = portal.browser("vanthu").get("/exchange").text
    assert "&lt;b&gt;thiếu thẻ đóng" in text
    assert "abababababab" in text


def test_the_page_asks_the_register_little(portal: Portal) -> None:
    make_reachable()
    linked(portal)
    browser = portal.browser("vanthu")
    for _ in range(2):
        queued(portal)
    few = statements_of(browser, "/exchange")
    for _ in range(2):
        queued(portal)
    assert statements_of(browser, "/exchange") == few <= 30
