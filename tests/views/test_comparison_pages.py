"""The comparison's pages and print, the groups and the picker: who may, what is shown, without script too."""

from __future__ import annotations

import json

from commune_portal import clock
from commune_portal.documents import dispatch
from commune_portal.people import groups, organisation_lists
from commune_portal.rules.statuses import OutgoingState
from commune_portal.store import database
from commune_portal.wire import comparison, protocol
from commune_portal.wire import organisations as lists
from commune_portal.wire.comparison import Question, Standing
from commune_portal.wire.organisations import Listed
from tests.cast import OTHER_CODE, OTHER_NAME
from tests.node.conftest import Node, empty_node, node
from tests.node.test_mailbox import PACKET, send
from tests.views.node_door import Door, door
from tests.views.node_stage import Stage, stage, text
from tests.views.outgoing_stage import drafted, make_reachable
from tests.views.pages import counted
from tests.views.portal import HTMX, Portal, founded, portal, size

__all__ = ["door", "empty_node", "founded", "node", "portal", "stage"]


def waiting(portal: Portal) -> int:
    make_reachable()
    row_id = drafted(portal, OutgoingState.ISSUED)
    dispatch.dispatch(portal.cast.clerk, row_id, [OTHER_CODE])
    return row_id


def test_the_page_shows_differences_first_with_what_to_do(portal: Portal) -> None:
    waiting(portal)
    page = portal.browser("vanthu").get("/exchange/comparison").text
    assert "1 văn bản khác nhau" in page
    assert "Chưa tới nút" in page
    assert "tự gửi khi có mạng" in page
    assert OTHER_NAME in page
    part = portal.browser("chutich").get("/exchange/comparison?side=incoming", headers=HTMX).text
    assert 'id="lines"' in part
    assert "<html" not in part
    for bad in ("?after=x|y", "?since=rubbish&until=99/99/2026", "?peer=%22%3E", "?after=1|2026|z&show=agreeing"):
        assert portal.browser("vanthu").get(f"/exchange/comparison{bad}").status_code == 200


def test_comparing_is_for_clerk_and_leader_and_printing_is_journalled(portal: Portal) -> None:
    waiting(portal)
    for path, method in (("", "get"), ("/ask", "post"), ("/print", "post")):
        for username in ("chuyenvien", "quantri"):
            assert getattr(portal.browser(username), method)(f"/exchange/comparison{path}").status_code == 403
        assert getattr(portal.anonymous(), method)(f"/exchange/comparison{path}").status_code in (303, 400)
    clerk = portal.browser("vanthu")
    assert clerk.client.post("/exchange/comparison/print").status_code == 400
    before = size()
    printed = clerk.post("/exchange/comparison/print", {"side": "outgoing"})
    assert printed.data.startswith(b"%PDF")
    assert size() == before + 1
    assert clerk.post("/exchange/comparison/ask", {"side": "outgoing"}).status_code == 303
    assert "Đang chờ nút trả lời" in clerk.get("/exchange/comparison").text


def test_groups_are_made_and_taken_at_one_click(portal: Portal) -> None:
    make_reachable()
    with database.transaction() as work:
        merged = Listed(code="H99.70", name="UBND xã Đèo Gió", change=0, merged_into=OTHER_CODE)
        organisation_lists.keep(work, [merged], "node")
    clerk = portal.browser("vanthu")
    assert "Chưa có nhóm nào" in clerk.get("/exchange/groups").text
    found = clerk.post("/exchange/groups", {"name": "Lân cận", "q": "", "then": "search", "to": [OTHER_CODE]})
    assert found.status_code == 200
    assert "Lân cận" in found.text
    assert clerk.post("/exchange/groups", {"name": "", "to": [OTHER_CODE]}).status_code == 422
    assert clerk.post("/exchange/groups", {"name": "Lân cận", "to": [OTHER_CODE, "H99.70"]}).status_code == 303
    (made,) = groups.groups()
    assert "đã sáp nhập vào" in clerk.get(f"/exchange/groups/{made.id}").text
    row_id = drafted(portal, OutgoingState.ISSUED)
    offered = clerk.get(f"/outgoing/{row_id}/dispatch").text
    assert "Gửi nhanh" in offered
    taken = clerk.post(f"/outgoing/{row_id}/dispatch", {"group": made.id, "q": ""}).text
    assert "Đã chọn 1 nơi" in taken
    assert "UBND xã Đèo Gió đã sáp nhập vào" in taken
    former = clerk.get(f"/outgoing/{row_id}/dispatch?q=deo+gio", headers=HTMX).text
    assert f'value="{OTHER_CODE}"' in former, "the heir is offered for the name that is gone"
    refused = clerk.post(f"/outgoing/{row_id}/dispatch", {"to": ["H99.70"], "q": ""})
    assert refused.status_code == 409
    assert "Hãy gửi cho" in refused.text
    for username in ("chutich", "chuyenvien", "quantri"):
        assert portal.browser(username).post("/exchange/groups", {"name": "A", "to": [OTHER_CODE]}).status_code == 403
    assert clerk.post(f"/exchange/groups/{made.id}/close").status_code == 303
    assert groups.groups() == []


def test_merging_and_searching_the_node_are_the_administrators(portal: Portal) -> None:
    make_reachable()
    with database.transaction() as work:
        organisation_lists.keep(work, [Listed(code="H99.70", name="UBND xã Đèo Gió", change=0)], "hand")
    row_id = database.row("SELECT id FROM organisations WHERE code = 'H99.70'")[0]
    path = f"/administration/directory/{row_id}"
    for username in ("vanthu", "chuyenvien"):
        assert portal.browser(username).post(f"{path}/merge", {"merged_into": OTHER_CODE}).status_code == 403
        assert portal.browser(username).get("/administration/directory/node").status_code == 403
    administrator = portal.browser("quantri")
    assert administrator.post(f"{path}/merge", {"merged_into": "H99.99"}).status_code == 422
    assert administrator.post(f"{path}/merge", {"merged_into": OTHER_CODE}).status_code == 303
    assert f"{OTHER_NAME} ({OTHER_CODE})" in administrator.get(path).text
    assert "Chưa tìm được" in administrator.get("/administration/directory/node?q=so").text


def test_the_nodes_page_is_for_operator_and_auditor(stage: Stage) -> None:
    for username in ("vanhanh", "kiemtra"):
        page = text(stage.as_(username).get("/comparison"))
        assert "Nhật ký không có dòng này" in page
        assert "UBND xã số" in page
    pair = f"?sender={stage.node.first.code}&recipient={stage.node.second.code}"
    assert text(stage.as_("kiemtra").get(f"/comparison{pair}"))
    printed = stage.as_("kiemtra").post("/comparison/print", data={"sender": stage.node.first.code})
    assert printed.data.startswith(b"%PDF")
    assert stage.as_("").get("/comparison").status_code == 303


def test_the_machine_door_tells_a_member_of_its_own_messages_alone(node: Node, door: Door) -> None:
    value = node.first.envelope(node.second.code, PACKET)
    send(node, node.first, value)
    body = comparison.write_questions((Question(value.message_id), Question("0d0e2f6a-3c55-4c53-9d0e-8b1c7d105a52")))
    for office in (node.first, node.second):
        answer = door.ask(office, "POST", protocol.COMPARISON, body)
        held = comparison.read_answers(answer.data)
        assert [item.standing for item in held] == [Standing.HELD, Standing.UNKNOWN]
        assert held[0].packet_sha256 == value.packet_sha256
    page = comparison.read_page(door.ask(node.second, "GET", f"{protocol.COMPARISON}?after=0&limit=9").data)
    assert [item.message_id for item in page.items] == [value.message_id]
    assert door.ask(node.first, "GET", f"{protocol.COMPARISON}?after=0").json == {"items": [], "more": False, "next": 0}
    from tests.node.cast import enrol, new_office

    stranger = enrol(new_office(3))
    (unknown, _) = comparison.read_answers(door.ask(stranger, "POST", protocol.COMPARISON, body).data)
    assert unknown.standing is Standing.UNKNOWN, "another's message is as unknown as none"
    found = lists.read_page(door.ask(node.first, "GET", f"{protocol.ORGANISATIONS}?since=0&limit=500").data)
    assert {item.code for item in found.items} == {"H99.01", "H99.02", "H99.03"}
    named = lists.read_page(door.ask(node.first, "GET", f"{protocol.ORGANISATIONS}?q=ubnd+xa+so+h99.02").data)
    assert [item.code for item in named.items] == ["H99.02"]
    assert door.ask(node.first, "GET", f"{protocol.ORGANISATIONS}?codes=%3C").status_code == 400
    assert json.loads(body)["messages"]
    assert clock.now()


def test_the_page_asks_little_of_the_register(portal: Portal) -> None:
    waiting(portal)
    browser = portal.browser("vanthu")
    with counted() as statements:
        assert browser.get("/exchange/comparison").status_code == 200
    assert len(statements) < 40, len(statements)
