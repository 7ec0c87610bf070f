"""The operator's pages: who may, what is shown, what is made."""

from __future__ import annotations

from datetime import timedelta

import pytest

from commune_portal import clock
from commune_portal.node import mailbox, members, upward
from commune_portal.store import database, journal
from commune_portal.wire import enrolment
from commune_portal.wire.enrolment import EnrolmentFile
from tests.node.cast import new_keys
from tests.node.conftest import empty_node, node
from tests.views.node_stage import Stage, stage, text

__all__ = ["empty_node", "node", "stage"]

HTMX = {"HX-Request": "true", "HX-Request-Type": "partial"}
PAGES = ("/members", "/members/add", "/transit")


@pytest.mark.parametrize("path", PAGES)
def test_only_the_operator_sees_the_operators_pages(stage: Stage, path: str) -> None:
    assert stage.as_("vanhanh").get(path).status_code == 200
    assert stage.as_("kiemtra").get(path).status_code == 403
    answer = stage.as_("").get(path)
    assert (answer.status_code, "/login" in answer.headers["Location"]) == (303, True)


def test_home_leads_each_to_their_place(stage: Stage) -> None:
    assert stage.as_("vanhanh").get("/").headers["Location"] == "/members"
    assert stage.as_("kiemtra").get("/").headers["Location"] == "/audit"


def test_the_members_page_tells_who_is_silent_skewed_or_not_there_yet(stage: Stage) -> None:
    shown = text(stage.as_("vanhanh").get("/members"))
    assert "UBND xã số H99.01" in shown
    assert "Bình thường" in shown
    assert "Im lặng quá một ngày" in shown
    assert "Chưa kết nối" in shown
    assert "2 ngày trước" in shown
    assert "190 giây" in shown


def test_a_disagreement_is_red_on_the_members_page_and_said_in_words_on_its_own(stage: Stage) -> None:
    from commune_portal.node import mirrors

    member = stage.node.first.member
    with database.transaction() as work:
        mirror = mirrors.of_member(member)
        assert mirror is not None
        mirrors.disagree(work, member, mirror, "fork:12")
    client = stage.as_("vanhanh")
    assert "Nhật ký không khớp" in text(client.get("/members"))
    assert "từ dòng 12" in text(client.get(f"/members/{member.uid}"))


def test_a_member_s_page_shows_keys_queue_and_trail(stage: Stage) -> None:
    client = stage.as_("vanhanh")
    shown = text(client.get(f"/members/{stage.node.second.member.uid}"))
    assert stage.node.second.keys.key_id in shown
    assert "4 gói" in shown
    assert "đơn vị thành viên kết nối" in shown
    assert client.get("/members/nobody").status_code == 404


def test_an_office_is_added_and_its_file_is_downloaded_once(stage: Stage) -> None:
    client = stage.as_("vanhanh")
    answer = client.post("/members/add", data={"code": "H99.09", "name": "UBND xã  Tân Phước"})
    assert answer.headers["Content-Disposition"] == 'attachment; filename="H99.09.ghinoi.json"'
    file = enrolment.read(answer.data)
    assert (file.office_code, file.office_name) == ("H99.09", "UBND xã Tân Phước")
    assert file.address == stage.node.settings.node_address
    assert members.by_code("H99.09").enrolment_until == file.expires_at
    assert journal.lines_about(members.by_code("H99.09").about)[0].fields["actor"] == stage.operator.uid


@pytest.mark.parametrize(
    ("data", "field"),
    [({"code": "", "name": "Xã"}, "code"), ({"code": "H99/1", "name": "Xã"}, "code"), ({"code": "H99.09"}, "name")],
)
def test_a_wrong_form_is_shown_again_with_what_was_typed(stage: Stage, data: dict[str, str], field: str) -> None:
    answer = stage.as_("vanhanh").post("/members/add", data=data)
    assert answer.status_code == 422
    assert f'id="error-{field}"' in answer.text
    assert all(value in answer.text for value in data.values())


def test_a_file_is_renewed_and_keys_are_revoked_with_a_reason(stage: Stage) -> None:
    client, uid = stage.as_("vanhanh"), stage.node.first.member.uid
    assert enrolment.read(client.post(f"/members/{uid}/file").data).office_code == stage.node.first.code
    assert client.post(f"/members/{uid}/revoke", data={"reason": ""}).status_code == 422
    assert client.post(f"/members/{uid}/revoke", data={"reason": "mất máy chủ"}).status_code == 303
    assert "Đã thu hồi" in text(client.get(f"/members/{uid}"))
    assert client.post(f"/members/{uid}/close", data={"reason": "sáp nhập"}).status_code == 303
    shown = text(client.get(f"/members/{uid}"))
    assert "Đã ngừng tham gia" in shown
    assert "Cấp tệp đăng ký mới" not in shown
    assert client.post(f"/members/{uid}/file").status_code == 409


@pytest.mark.parametrize("act", ["add", "{}/file", "{}/revoke", "{}/close"])
def test_acts_are_the_operators_and_are_posted(stage: Stage, act: str) -> None:
    path = "/members/" + act.format(stage.node.first.member.uid)
    data = {"code": "H99.09", "name": "Xã", "reason": "thử xem"}
    assert stage.as_("kiemtra").post(path, data=data).status_code == 403
    assert stage.as_("").post(path, data=data).status_code == 303
    if act != "add":
        assert stage.as_("vanhanh").get(path).status_code == 405
    assert len(members.every_member()) == 3


def test_packages_in_transit_are_listed_and_filtered(stage: Stage) -> None:
    client = stage.as_("vanhanh")
    shown = text(client.get("/transit"))
    assert "4 gói" in shown
    assert "Hỏa tốc" in shown
    fragment = client.get("/transit?recipient=H99.01", headers={**HTMX, "HX-Target": "div#packages"})
    assert "<html" not in fragment.text
    assert "Không có gói nào đang chờ" in fragment.text
    first = mailbox.in_transit()[0]
    assert "3 gói" in text(client.get(f"/transit?after={first.sequence}"))
    assert "4 gói" in text(client.get("/transit?after=x"))


def test_what_goes_to_the_node_above_is_shown_with_its_age_and_reason(stage: Stage) -> None:
    above = node_above(stage)
    node = stage.node
    value = node.first.envelope("H55.01", b"<edXML/>")
    with clock.standing_at(clock.now() - timedelta(hours=3)):
        mailbox.take(node.first.member, node.first.seal(value), b"<edXML/>", node.limits)
    later = clock.now() + timedelta(minutes=5)
    upward.attempt_failed(value.message_id, "Chưa liên lạc được với nút liên thông.", later)
    shown = text(stage.as_("vanhanh").get("/transit"))
    assert f"Đường lên {above}" in shown
    assert "1 gói" in shown
    assert "3 giờ trước" in shown
    assert "lên nút trên" in shown
    assert "Đã thử 1 lần: Chưa liên lạc được" in shown
    assert "Chưa liên lạc được với nút" in shown  # the line of the contact, on every page


def test_a_node_below_is_added_and_shown_with_its_subtree(stage: Stage) -> None:
    client = stage.as_("vanhanh")
    asked = {"code": "H99.60", "name": "Nút khu vực Đèo Gió", "subtree": "H99.60.*, H99.61"}
    answer = client.post("/members/add", data=asked)
    assert answer.status_code == 200
    assert answer.mimetype == "application/json"
    shown = text(client.get("/members"))
    assert "Nút cấp dưới" in shown
    assert "H99.60.* H99.61" in shown
    again = client.post("/members/add", data={**asked, "code": "H99.62"})
    assert again.status_code == 422
    assert "trùng với phạm vi của nút H99.60" in again.text
    assert client.post("/members/add", data={**asked, "code": "H99.63", "subtree": "H9*"}).status_code == 422


def node_above(stage: Stage) -> str:
    """Introduces the node to one above it; gives that one's name."""
    now = clock.now()
    file = EnrolmentFile(
        token="t" * 30, office_code="H99", office_name="Nút này", node_code="H9", node_name="Trục liên thông vùng",
        node_public_key=new_keys(90).public_key, node_box_public_key=new_keys(90).box_public_key,
        address="http://127.0.0.1:9", ca_pem=None, expires_at=now + timedelta(days=3),
    )  # fmt: skip
    upward.introduce(stage.operator, enrolment.write(file), stage.node.settings.secrets_folder)
    return file.node_name
