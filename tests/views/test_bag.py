"""Túi thư USB in a browser: who may, what a bag would hold, sticks and zips, and what became of each thing."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

import pytest

from commune_portal.documents import dispatch, outbox
from commune_portal.relay import stick
from commune_portal.relay.stick import Drive
from commune_portal.rules.acts import Act
from commune_portal.rules.statuses import OutgoingState
from commune_portal.store import database, journal
from commune_portal.wire.bag import MANIFEST
from tests.cast import NODE_CODE, OTHER_CODE
from tests.documents.partner import Partner, keys_of
from tests.node.conftest import empty_node, node
from tests.views.node_stage import Stage, stage, text
from tests.views.outgoing_stage import drafted, make_reachable
from tests.views.portal import Portal, founded, portal, size
from tests.views.test_exchange_pages import linked

__all__ = ["empty_node", "founded", "node", "portal", "stage"]


def met(portal: Portal) -> None:
    """The office has met its node, and one document waits for it."""
    linked(portal)
    row = database.row("SELECT id FROM peers")[0]
    with database.transaction() as work:
        work.update("peers", row, {"enrolled_at": "2026-11-20T01:00:00Z"})
        journal.write(work, Act.ENROLLED, journal.SYSTEM, about="peers:thu")
    make_reachable()
    row_id = drafted(portal, OutgoingState.ISSUED)
    dispatch.dispatch(portal.cast.clerk, row_id, [OTHER_CODE])


def test_the_page_is_for_the_clerk_and_nobody_else(portal: Portal) -> None:
    for username, status in {"vanthu": 200, "chutich": 403, "chuyenvien": 403, "quantri": 403}.items():
        assert portal.browser(username).get("/bag").status_code == status, username
        for path in ("/bag/export", "/bag/import"):
            browser = portal.browser(username)
            before = size()
            assert browser.post(path).status_code == (422 if status == 200 else 403), (username, path)
            assert size() == before
    assert portal.anonymous().get("/bag").headers["Location"].startswith("/login")
    assert portal.browser("vanthu").get("/bag/export").status_code in (404, 405)
    assert portal.browser("vanthu").get("/bag/99").status_code == 404


def test_an_office_that_never_met_its_node_is_told_what_to_do(portal: Portal) -> None:
    assert "Kết nối nút" in portal.browser("vanthu").get("/bag").text


def test_a_bag_is_made_on_a_stick_and_its_page_tells_what_is_in_it(portal: Portal, tmp_path: Path) -> None:
    met(portal)
    clerk = portal.browser("vanthu")
    shown = clerk.get("/bag").text
    assert "Nút liên thông tỉnh Lam Giang" in shown
    assert "có, chỉ nơi nhận mở được" in shown
    answer = clerk.post("/bag/export", {"to": NODE_CODE, "folder": str(tmp_path), "way": "stick"})
    assert answer.status_code == 303, answer.text
    assert len([path for path in tmp_path.iterdir() if path.name.startswith("tui-thu-")]) == 1
    report = clerk.get(answer.headers["Location"]).text
    assert "Đã ghi vào túi" in report
    assert "0/1" in report  # nothing counts as sent before a receipt
    assert outbox.lines(portal.cast.clerk, waiting_only=True)[0].state == "ready"
    assert "Gửi đi" in clerk.get("/bag").text


def test_a_folder_that_is_none_is_said_beside_its_field(portal: Portal, tmp_path: Path) -> None:
    met(portal)
    clerk = portal.browser("vanthu")
    before = size()
    for folder, words in (("", "chọn ổ USB"), ("usb", "đường dẫn đầy đủ"), (str(tmp_path / "khong"), "cắm USB")):
        answer = clerk.post("/bag/export", {"to": NODE_CODE, "folder": folder, "way": "stick"})
        assert answer.status_code == 422
        assert words in answer.text
    assert size() == before


def test_plugged_in_drives_are_offered(portal: Portal, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    met(portal)
    monkeypatch.setattr(stick, "drives", lambda: [Drive(tmp_path, 3_000_000_000, 4_000_000_000)])
    clerk = portal.browser("vanthu")
    assert f'value="{tmp_path}"' in clerk.get("/bag").text
    answer = clerk.post("/bag/export", {"to": NODE_CODE, "drive": str(tmp_path), "folder": "", "way": "stick"})
    assert answer.status_code == 303


def test_a_bag_is_taken_along_as_a_zip_and_nothing_of_it_stays_behind(portal: Portal) -> None:
    met(portal)
    answer = portal.browser("vanthu").post("/bag/export", {"to": NODE_CODE, "way": "zip"})
    assert answer.mimetype == "application/zip"
    with zipfile.ZipFile(io.BytesIO(answer.data)) as archive:
        names = archive.namelist()
    assert any(name.endswith(f"/{MANIFEST}") for name in names)
    answer.close()
    assert list(portal.cast.settings.work_folder.iterdir()) == []


def test_a_zip_that_is_none_or_for_somebody_else_is_refused_with_what_to_do(portal: Portal, stage_zip: bytes) -> None:
    clerk = portal.browser("vanthu")
    for data, words in ((b"khong phai zip", "không phải túi thư"), (stage_zip, "đúng nơi nhận")):
        answer = clerk.post("/bag/import", {"file": (io.BytesIO(data), "tui.zip")}, content_type="multipart/form-data")
        assert answer.status_code == 422
        assert words in answer.text
    assert list(portal.cast.settings.work_folder.iterdir()) == []


@pytest.fixture
def stage_zip(portal: Portal) -> bytes:
    """A bag of this very office, which is for its node."""
    met(portal)
    answer = portal.browser("vanthu").post("/bag/export", {"to": NODE_CODE, "way": "zip"})
    data = bytes(answer.data)
    answer.close()
    return data


def test_a_bag_for_another_office_can_be_chosen_by_its_code(portal: Portal, tmp_path: Path) -> None:
    met(portal)
    database.write_working("DELETE FROM organisations")
    Partner(own=keys_of("partner")).introduce()
    clerk = portal.browser("vanthu")
    assert f'value="{OTHER_CODE}" selected' in clerk.get(f"/bag?to={OTHER_CODE}").text
    assert "chưa có khóa" in clerk.get("/bag?to=H99.77").text
    answer = clerk.post("/bag/export", {"to": OTHER_CODE, "folder": str(tmp_path), "way": "stick"})
    assert answer.status_code == 303


def test_the_operator_sees_for_whom_packages_wait_and_makes_their_bag(stage: Stage, tmp_path: Path) -> None:
    operator = stage.as_("vanhanh")
    assert stage.as_("kiemtra").get("/bag").status_code == 403
    shown = text(operator.get("/bag"))
    assert "Chọn nơi nhận" in shown
    code = str(database.row("SELECT recipient_code FROM mailbox WHERE fetched_at IS NULL")[0])
    assert f"/bag?to={code}" in shown
    assert "Gói tin đang chờ" in text(operator.get(f"/bag?to={code}"))
    answer = operator.post("/bag/export", data={"to": code, "folder": str(tmp_path), "way": "stick"})
    assert answer.status_code == 303, answer.text
    assert "Đã ghi vào túi" in text(operator.get(answer.headers["Location"]))
