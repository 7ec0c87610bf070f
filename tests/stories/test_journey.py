"""One document's whole way in a browser, from log-in to the status coming back: two offices and a node in processes.

Once with script and once without; every page on the way is shown to axe, and any console error fails the story.
"""

from __future__ import annotations

import re

import pytest

from commune_portal.parties.supervisor import wait_until
from commune_portal.rehearsal.cast import CLERK, LEADER, RECEIVER_CODE, SPECIALIST
from commune_portal.rehearsal.stage import Stage
from tests.browser import OpenPage, Watch
from tests.stories.offices import Office, played, sent

__all__ = ["played"]

pytestmark = pytest.mark.story

SUBJECT = "Về việc phối hợp rà soát hộ nghèo, hộ cận nghèo khu vực giáp ranh"


@pytest.mark.parametrize("script", [True, False], ids=["with-script", "without-script"])
def test_a_document_is_sent_handled_and_its_statuses_come_home(
    played: Stage, open_page: OpenPage, watch: Watch, script: bool
) -> None:
    watch.allow.add(422)  # the wrong PIN
    subject = f"{SUBJECT} {'(có' if script else '(không'} kịch bản)"
    sender = Office(played, "sender", open_page((1366, 768), script=script), look=script)
    receiver = Office(played, "receiver", open_page((1366, 768), script=script), look=script)

    sender.log_in(SPECIALIST)
    sender.open("/outgoing/draft")
    page = sender.page
    page.get_by_label("Loại văn bản").select_option(label="Công văn")
    page.get_by_label("Đơn vị soạn thảo").fill("VHXH")
    page.get_by_label("Trích yếu").fill(subject)
    page.locator("select[name=signer]").select_option(index=1)
    page.get_by_role("radio", name="Soạn trong hệ thống").check()
    page.get_by_label("Kính gửi").fill("Ủy ban nhân dân xã Bình Lợi")
    page.locator("textarea[name=body]").fill("Đề nghị quý cơ quan cử cán bộ phối hợp rà soát trước ngày 30.")
    sender.press("Lưu và trình ký")
    sender.sees("Chờ duyệt")
    document = re.search(r"/outgoing/(\d+)", page.url)
    assert document is not None, page.url
    path = f"/outgoing/{document[1]}"

    sender.log_in(LEADER)
    sender.open(path)
    page.locator("input[name=pin]").fill("00000000")
    sender.page.get_by_role("button", name="Duyệt và ký").click()
    sender.sees("PIN")
    page.locator("input[name=pin]").fill(played.pin)
    sender.press(re.compile("Ký số|Duyệt và ký"))
    sender.sees("Đã ký")

    sender.log_in(CLERK)
    sender.open(path)
    page.locator("input[name=pin]").fill(played.pin)
    sender.press("Cấp số và đóng dấu")
    sender.sees("Đã phát hành")
    sender.follow("Gửi qua liên thông")
    page.locator(f"input[name=to][value='{RECEIVER_CODE}']").check()
    sender.press("Gửi tới các nơi đã chọn")
    sender.sees("Ủy ban nhân dân xã Bình Lợi")

    desk = played.parties["sender"].desk
    document_id = desk("document_id", document=int(document[1]))
    desk_there = played.parties["receiver"].desk
    wait_until("it arrives", lambda: desk_there("arrived", document_id=document_id), 60)
    arrived = desk_there("arrived", document_id=document_id)
    wait_until("it is checked", lambda: desk_there("verdict", document=arrived), 60)

    receiver.log_in(CLERK)
    receiver.open("/incoming?tab=cho-vao-so")
    receiver.follow(re.compile(re.escape(subject)))
    receiver.sees("Toàn vẹn, đúng chứng thư")
    receiver.sees("Ủy ban nhân dân xã An Phú")
    if receiver.page.get_by_role("link", name=re.compile("Tiếp nhận")).count():
        receiver.follow(re.compile("Tiếp nhận"))
    receiver.press("Tiếp nhận, vào sổ")
    receiver.sees("Số đến")
    inside = f"/incoming/{arrived}"

    receiver.log_in(LEADER)
    receiver.open(f"{inside}?act=assign")
    lead = receiver.page.locator("select[name=lead] option", has_text="Hồ Minh Tâm").get_attribute("value")
    receiver.page.locator("select[name=lead]").select_option(value=lead)
    receiver.page.locator("textarea[name=direction]").fill("Phối hợp thực hiện, báo cáo kết quả.")
    receiver.press("Phân công")

    receiver.log_in(SPECIALIST)
    receiver.open(inside)
    receiver.press(re.compile("Bắt đầu"))
    receiver.open(f"{inside}?act=complete")
    receiver.page.locator("textarea[name=result]").fill("Đã cử hai cán bộ phối hợp.")
    receiver.press("Hoàn thành")
    receiver.sees("Hoàn thành")

    wanted = ["01", "03", "04", "05", "06"]
    wait_until("five statuses come home", lambda: desk("statuses", document=int(document[1])) == wanted, 60)
    sender.open(path)
    sender.sees("Trạng thái đã nhận về (5)")


def test_a_refusal_comes_home_with_its_reason(played: Stage, open_page: OpenPage) -> None:
    number, row = sent(played, "Mời họp giao ban")
    desk = played.parties["sender"].desk
    receiver = Office(played, "receiver", open_page((1366, 768)))
    receiver.log_in(CLERK)
    receiver.open(f"/incoming/{row}?act=refuse")
    receiver.fill("reason", "Gửi nhầm cơ quan, không thuộc xã Bình Lợi")
    receiver.press("Từ chối nhận")
    receiver.sees("Từ chối")
    wait_until("the refusal comes home", lambda: desk("statuses", document=number) == ["01", "02"], 60)
    sender = Office(played, "sender", open_page((1366, 768)))
    sender.log_in(CLERK)
    sender.open(f"/outgoing/{number}")
    sender.sees("Gửi nhầm cơ quan, không thuộc xã Bình Lợi")
