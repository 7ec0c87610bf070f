"""What happens to a document after it went out, seen in a browser at both ends: two offices and a node in processes."""

from __future__ import annotations

import re
from datetime import timedelta
from pathlib import Path

import pytest

from commune_portal import clock
from commune_portal.parties.supervisor import wait_until
from commune_portal.rehearsal.cast import CLERK, RECEIVER_CODE, SENDER_CODE
from commune_portal.rehearsal.stage import Stage
from tests.browser import OpenPage, Watch
from tests.stories.offices import Office, arrived, issued, played, sent

__all__ = ["played"]

pytestmark = pytest.mark.story

MISTAKE = "Gửi nhầm cơ quan nhận, đề nghị cho lấy lại"


@pytest.fixture
def both(played: Stage, open_page: OpenPage, watch: Watch) -> tuple[Office, Office]:
    """A clerk at each office."""
    watch.allow |= {409, 422}  # what is refused on purpose
    offices = (
        Office(played, "sender", open_page((1366, 768))),
        Office(played, "receiver", open_page((1366, 768))),
    )
    for office in offices:
        office.log_in(CLERK)
    return offices


def accept(office: Office, row: int) -> None:
    office.open(f"/incoming/{row}?act=register")
    office.press("Tiếp nhận, vào sổ")
    office.sees("Số đến")


def test_what_was_refused_is_sent_again_and_accepted(played: Stage, both: tuple[Office, Office]) -> None:
    sender, receiver = both
    document, row = sent(played, "Về việc báo cáo thu ngân sách tháng 11")
    receiver.open(f"/incoming/{row}?act=refuse")
    receiver.fill("reason", "ngắn")
    receiver.press("Từ chối nhận")
    receiver.sees("ít nhất 10 ký tự")
    receiver.fill("reason", "Thiếu phụ lục kèm theo văn bản")
    receiver.press("Từ chối nhận")
    sender.open(f"/outgoing/{document}")
    sender.sees_soon("Thiếu phụ lục kèm theo văn bản")
    sender.follow(re.compile("^Gửi lại tới"))
    sender.press("Gửi tới các nơi đã chọn")
    receiver.open("/incoming?tab=cho-vao-so")
    receiver.sees_soon("Về việc báo cáo thu ngân sách tháng 11")
    receiver.follow(re.compile("báo cáo thu ngân sách tháng 11"))
    receiver.sees_soon("Toàn vẹn, đúng chứng thư")
    receiver.press("Tiếp nhận, vào sổ")
    sender.open(f"/outgoing/{document}")
    sender.sees_soon("Đã tiếp nhận")


def test_a_document_is_taken_back_before_the_book_by_the_system(played: Stage, both: tuple[Office, Office]) -> None:
    sender, receiver = both
    document, row = sent(played, "Về việc góp ý dự thảo quy chế phối hợp")
    sender.open(f"/outgoing/{document}")
    sender.follow(re.compile("^Lấy lại từ"))
    sender.fill("reason", MISTAKE)
    sender.press(re.compile("^Lấy lại từ"))
    sender.sees(MISTAKE)
    sender.sees_soon("Đã lấy lại")
    receiver.open(f"/incoming/{row}")
    receiver.sees("Nơi gửi đã lấy lại văn bản này")
    receiver.sees(MISTAKE)
    assert receiver.page.locator("#viewer iframe").count() == 0


def test_a_document_in_the_book_goes_back_only_when_its_clerk_agrees(
    played: Stage, both: tuple[Office, Office]
) -> None:
    sender, receiver = both
    document, row = sent(played, "Về việc kiểm tra công tác phòng cháy")
    accept(receiver, row)
    for answer in ("decline", "agree"):
        sender.open(f"/outgoing/{document}")
        sender.follow(re.compile("^Lấy lại từ"))
        sender.fill("reason", MISTAKE)
        sender.press(re.compile("^Lấy lại từ"))
        receiver.open("/incoming/requests")
        receiver.sees_soon("Về việc kiểm tra công tác phòng cháy")
        receiver.follow(re.compile("kiểm tra công tác phòng cháy"))
        if answer == "decline":
            receiver.page.get_by_text("Từ chối…").click()
            receiver.fill("reason", "ngắn")
            receiver.press("Từ chối")
            receiver.sees("ít nhất 10 ký tự")
            receiver.fill("reason", "Văn bản đã chuyển lãnh đạo xem xét")
            receiver.press("Từ chối")
            sender.open(f"/outgoing/{document}")
            sender.sees_soon("Văn bản đã chuyển lãnh đạo xem xét")
        else:
            receiver.press("Đồng ý cho lấy lại")
            receiver.sees("Nơi gửi đã lấy lại văn bản này")
            receiver.sees("Số đến")
            sender.open(f"/outgoing/{document}")
            sender.sees_soon("Đã lấy lại")


def test_a_recalled_document_is_frozen_here_and_destroyed_there(played: Stage, both: tuple[Office, Office]) -> None:
    sender, receiver = both
    subject = "Về việc điều chỉnh địa giới thôn Khe Dứa"
    document, row = sent(played, subject)
    accept(receiver, row)
    notice, notice_id = issued(played, "Thông báo thu hồi văn bản về địa giới")
    sender.open(f"/outgoing/{document}")
    sender.follow("Thu hồi…")
    sender.page.locator(f"input[name=notice][value='{notice}']").check()
    sender.fill("reason", "Ban hành không đúng thẩm quyền")
    sender.press(re.compile("^Thu hồi văn bản"))
    sender.sees("Đã thu hồi")
    assert sender.page.get_by_role("link", name="Gửi thêm nơi").count() == 0
    arrived(played, notice_id)
    receiver.open(f"/incoming/{row}")
    receiver.sees_soon("Chờ hủy theo thông báo thu hồi")
    receiver.sees("Ban hành không đúng thẩm quyền")
    assert receiver.page.get_by_role("link", name="Chỉ đạo, phân công").count() == 0
    receiver.page.get_by_text("Hủy theo thông báo thu hồi…").click()
    receiver.press("Hủy văn bản, xác nhận với nơi gửi")
    receiver.sees("đã được hủy theo thông báo của nơi gửi")
    receiver.sees("Số đến")
    assert subject not in receiver.page.content()
    sender.open(f"/outgoing/{document}")
    sender.sees_soon("Đã xác nhận hủy")


def test_a_replaced_document_leads_to_the_new_one_at_both_ends(played: Stage, both: tuple[Office, Office]) -> None:
    sender, receiver = both
    document, row = sent(played, "Về việc lịch tiếp công dân tháng 12")
    accept(receiver, row)
    new, new_id = issued(played, "Về việc lịch tiếp công dân tháng 12 (thay thế)")
    sender.open(f"/outgoing/{document}")
    sender.follow("Thay thế…")
    sender.page.locator(f"input[name=notice][value='{new}']").check()
    sender.fill("reason", "Sai ngày tiếp công dân của Chủ tịch")
    sender.press(re.compile("^Thay thế văn bản"))
    sender.sees("Đã thay thế")
    there = arrived(played, new_id)
    accept(receiver, there)
    receiver.sees("Thay thế văn bản")
    receiver.open(f"/incoming/{row}")
    receiver.sees("Đã thay thế")
    receiver.page.locator(f"a[href='/incoming/{there}']").first.click()
    receiver.sees("(thay thế)")
    sender.open(f"/outgoing/{new}")
    sender.page.locator(f"a[href='/outgoing/{document}']").first.click()
    sender.sees("Đã thay thế")


def test_an_update_shows_what_changed_and_leaves_the_file_alone(played: Stage, both: tuple[Office, Office]) -> None:
    sender, receiver = both
    document, row = sent(played, "Về việc nộp báo cáo chuyển đổi số", due_date="2030-01-15")
    accept(receiver, row)
    file = receiver.page.locator("#viewer iframe").get_attribute("src")
    sender.open(f"/outgoing/{document}")
    sender.follow("Cập nhật thông tin…")
    sender.fill("due_date", "20/01/2030")
    sender.fill("reason", "Gia hạn nộp báo cáo năm ngày")
    sender.press("Cập nhật và báo nơi nhận")
    receiver.open(f"/incoming/{row}")
    receiver.sees_soon("Nơi gửi đề nghị cập nhật")
    receiver.sees("15/01/2030")
    receiver.press("Đồng ý, cập nhật")
    receiver.sees("20/01/2030")
    assert receiver.page.locator("#viewer iframe").get_attribute("src") == file
    sender.open(f"/outgoing/{document}")
    sender.sees_soon("Đã cập nhật")


def test_a_correction_leads_to_what_it_corrects(played: Stage, both: tuple[Office, Office]) -> None:
    sender, receiver = both
    document, row = sent(played, "Về việc tổ chức Ngày hội đại đoàn kết")
    letter, letter_id = issued(played, "Đính chính công văn về Ngày hội đại đoàn kết")
    sender.open(f"/outgoing/{document}")
    sender.follow("Đính chính…")
    sender.page.locator(f"input[name=notice][value='{letter}']").check()
    sender.press("Gắn công văn đính chính")
    sender.open(f"/outgoing/{letter}")
    sender.follow("Gửi qua liên thông")
    sender.page.locator(f"input[name=to][value='{RECEIVER_CODE}']").check()
    sender.press("Gửi tới các nơi đã chọn")
    there = arrived(played, letter_id)
    receiver.open(f"/incoming/{there}")
    receiver.page.locator(f"a[href='/incoming/{row}']").first.click()
    receiver.sees("Về việc tổ chức Ngày hội đại đoàn kết")


def test_a_flash_document_is_telephoned_about_until_it_is_accepted(played: Stage, both: tuple[Office, Office]) -> None:
    sender, receiver = both
    soon = clock.to_text(clock.now() + timedelta(minutes=30))
    document, row = sent(played, "Khẩn trương sơ tán dân vùng ngập", urgency=3, deliver_by=soon)
    receiver.open("/")
    receiver.page.get_by_text("Hỏa tốc chờ tiếp nhận").first.wait_for()
    sender.open("/")
    sender.sees("Cần gọi điện")
    sender.follow(re.compile("^Gọi Ủy ban nhân dân xã Bình Lợi"))
    sender.sees("Khẩn trương sơ tán dân vùng ngập")
    sender.fill("phone", "0912 000 222")
    sender.fill("spoke_to", "Bà Mai, văn thư")
    sender.page.locator("[name=outcome][value=reached]").check()
    sender.press(re.compile("^Ghi"))
    sender.open(f"/outgoing/{document}")
    sender.sees("Bà Mai, văn thư")
    accept(receiver, row)
    sender.sees_soon("Đã tiếp nhận")
    receiver.open("/")
    assert receiver.page.get_by_text("Hỏa tốc chờ tiếp nhận").count() == 0


def test_a_bag_takes_a_document_there_and_its_receipt_home_while_the_node_is_dark(
    played: Stage, both: tuple[Office, Office], tmp_path: Path
) -> None:
    sender, receiver = both
    node = played.parties["node"].server
    node.stop()
    try:
        document, document_id = issued(played, "Về việc hỗ trợ thuốc men cho thôn bị cô lập")
        played.parties["sender"].desk("send", by=CLERK, document=document, to=[RECEIVER_CODE])
        carry(sender, RECEIVER_CODE, receiver, tmp_path)
        receiver.sees("1 gói mới")
        row = arrived(played, document_id)
        accept(receiver, row)
        carry(receiver, SENDER_CODE, sender, tmp_path)
        sender.open(f"/outgoing/{document}")
        sender.sees_soon("Đã tiếp nhận")
        carry(sender, RECEIVER_CODE, receiver, tmp_path)  # the same once more does no harm
    finally:
        node.start()
    wait_until("the link agrees", lambda: not played.parties["sender"].desk("queue")["waiting"], 120)
    assert played.parties["receiver"].desk("arrived", document_id=document_id) == row


def carry(maker: Office, to: str, taker: Office, folder: Path) -> None:
    """Downloads a bag at one office and uploads it at the other."""
    maker.open(f"/bag?to={to}")
    with maker.page.expect_download() as saved:
        maker.page.get_by_role("button", name="Tải túi về (zip)").click()
    path = folder / saved.value.suggested_filename
    saved.value.save_as(path)
    taker.open("/bag")
    taker.page.locator("input[name=file]").set_input_files(path)
    taker.page.get_by_role("button", name="Nhận túi").click()  # the upload goes by script, and then to the bag's page
    taker.page.wait_for_url(re.compile(r"/bag/\d+$"))
    taker.look()
