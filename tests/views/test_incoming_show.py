"""The page of one incoming document: file, signatures, trail, statuses, neighbours."""

from __future__ import annotations

import re

import pytest

from commune_portal.documents import arrivals, attachments, incoming, issuing, tasks
from commune_portal.people import accesses
from commune_portal.store import database
from tests.cast import PIN
from tests.documents.test_outgoing import signed
from tests.views import pages
from tests.views.portal import Portal, founded, portal

__all__ = ["founded", "portal"]

HOSTILE = '<script>alert("1")</script><img src=x onerror=alert(1)>'


@pytest.fixture(scope="module")
def letter(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    return pages.pdf(tmp_path_factory.mktemp("letter"))


def test_a_record_shows_its_file_its_trail_and_the_statuses_sent_back(portal: Portal, letter: bytes) -> None:
    office = portal.cast
    row_id = pages.arrive(letter)
    arrivals.check(row_id)
    incoming.accept(office.clerk, row_id, without_check=True)
    tasks.assign(office.leader, row_id, lead=office.specialist.id, direction="Báo cáo tôi\ntrước thứ Sáu")
    tasks.start(office.specialist, row_id)
    text = portal.browser("vanthu").get(f"/incoming/{row_id}").text
    assert re.search(r"<iframe src=\"/files/\d+#view=FitH", text)
    assert "<strong>01</strong>" in text
    assert "Trần Thị Bình:</strong> Tiếp nhận, vào sổ, số đến 01" in text
    assert "Nguyễn Văn An:</strong> Phân công xử lý" in text
    assert "Báo cáo tôi<br>trước thứ Sáu" in text
    for status in ("01 – Đã đến", "03 – Đã tiếp nhận", "04 – Đã phân công", "05 – Đang xử lý"):
        assert status in text
    assert text.count("đang chờ gửi") == 4
    assert "Không có chữ ký số; chỉ để biết, tham khảo" in text


def test_each_signature_is_named_with_its_verdict(portal: Portal) -> None:
    office = portal.cast
    sent = signed(office)
    issuing.number(office.clerk, sent)
    issuing.seal(office.clerk, sent, PIN)
    file = attachments.shown("outgoing", sent)
    assert file is not None
    row_id = pages.arrive(file.path.read_bytes())
    browser = portal.browser("vanthu")
    assert "Hệ thống chưa kiểm tra xong" in browser.get(f"/incoming/{row_id}").text
    assert browser.post(f"/incoming/{row_id}/check").status_code == 303
    text = browser.get(f"/incoming/{row_id}").text
    assert text.count('<div class="signature good">') == 2
    assert "<strong>Nguyễn Văn An</strong>" in text
    assert text.count("Toàn vẹn, đúng chứng thư; chưa kiểm tra được thu hồi") >= 3


def test_a_broken_file_is_told_as_not_checked(portal: Portal) -> None:
    row_id = pages.arrive(b"%PDF-1.7 broken")
    arrivals.check(row_id)
    text = portal.browser("vanthu").get(f"/incoming/{row_id}").text
    assert "Chưa kiểm tra được:" in text
    assert "Tiếp nhận khi chưa kiểm tra được chữ ký số" in text


def test_hostile_words_are_only_words(portal: Portal, letter: bytes) -> None:
    row_id = pages.arrive(letter, subject=HOSTILE, name='x"><script>.pdf')
    pages.registered(
        portal.cast, HOSTILE, sender_name=HOSTILE, signer_name=HOSTILE, note=HOSTILE, type_name=HOSTILE[:50]
    )
    browser = portal.browser("vanthu")
    paths = ("/", "/incoming", f"/incoming/{row_id}", f"/incoming/{row_id + 1}", f"/incoming?q={HOSTILE}")
    for path in paths:
        answer = browser.get(path)
        assert answer.status_code == 200, path
        assert "<script>alert" not in answer.text, path
        assert "<img src=x" not in answer.text, path


def test_a_record_of_others_is_unknown_and_opening_one_is_noted(portal: Portal) -> None:
    row_id = pages.registered(portal.cast)
    for username in ("chuyenvien", "quantri"):
        assert portal.browser(username).get(f"/incoming/{row_id}").status_code == 404
    assert portal.anonymous().get(f"/incoming/{row_id}").headers["Location"].startswith("/login")
    assert portal.browser("vanthu").get("/incoming/99999").status_code == 404
    portal.browser("chutich").get(f"/incoming/{row_id}")
    accesses.flush()
    about = incoming.get(row_id).about
    assert database.rows("SELECT account_id FROM accesses WHERE kind = 'seen' AND object = ?", (about,)) == [
        (portal.cast.leader.id,)
    ]


def test_one_goes_from_record_to_record_within_a_tab(portal: Portal) -> None:
    office = portal.cast
    first, second, third = (pages.registered(office, f"Văn bản {ordinal}", str(ordinal + 1)) for ordinal in range(3))
    tasks.assign(office.leader, second, lead=office.specialist.id)
    browser = portal.browser("chutich")
    text = browser.get(f"/incoming/{third}?tab=cho-phan-cong").text
    assert re.search(rf'rel="next" href="/incoming/{first}\?tab=cho-phan-cong"', text)
    assert 'rel="prev"' not in text
    assert re.search(rf'rel="next" href="/incoming/{second}\?', browser.get(f"/incoming/{third}").text)


def test_pages_of_the_file_can_be_looked_at_as_pictures(portal: Portal, letter: bytes) -> None:
    row_id = pages.arrive(letter)
    text = portal.browser("vanthu").get(f"/incoming/{row_id}?page=7").text
    assert "Trang 1/1" in text
    assert re.search(r'<img src="/files/\d+/page/1\.png"', text)
    assert "<iframe" not in text


def test_a_record_costs_few_statements_however_long_its_trail(portal: Portal, letter: bytes) -> None:
    office = portal.cast
    row_id = pages.arrive(letter)
    incoming.accept(office.clerk, row_id, without_check=True)
    browser = portal.browser("vanthu")
    with pages.counted() as short:
        browser.get(f"/incoming/{row_id}")
    for _ in range(4):
        tasks.assign(office.leader, row_id, lead=office.specialist.id)
    with pages.counted() as long:
        browser.get(f"/incoming/{row_id}")
    assert len(long) == len(short) <= 26
