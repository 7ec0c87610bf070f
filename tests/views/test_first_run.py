"""The first-run pages: the code before everything, one form that loses nothing, and the portal behind it."""

from __future__ import annotations

import io
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from commune_portal import clock, settings
from commune_portal.app import create_first_run_app
from commune_portal.people import accesses, accounts, founding, issuers, peers
from commune_portal.people.founding import FirstPerson, Plan
from commune_portal.rules.permissions import Role
from commune_portal.settings import Settings
from commune_portal.store import backup, database, installation, sealing
from commune_portal.wire import enrolment, keys
from commune_portal.wire.enrolment import EnrolmentFile
from tests.cast import cheap_passwords
from tests.routes import unguarded_posts
from tests.views.portal import Browser

CODE = "K7QF-2MZD-93XA"
FORM = "/first-run/office"
SECRET = "hoa sen trắng nở"
OFFICE = {
    "name": "Ủy ban nhân dân xã An Phú", "code": "H99.12", "place": "An Phú", "abbreviation": "UBND",
    "parent_name": "UBND TỈNH ĐÔNG HÒA", "clerk_full_name": "Trần Thị Bình", "clerk_username": "VanThu",
    "clerk_password": SECRET, "clerk_password_again": SECRET, "administrator": "same", "token": "", "clock_ok": "1",
}  # fmt: skip
OPERATOR = {
    "name": "Nút liên thông tỉnh Lam Giang", "code": "H99", "place": "Lam Giang", "address": "https://nut.lamgiang.vn",
    "operator_full_name": "Phạm Gia Huy", "operator_username": "vanhanh", "operator_password": SECRET,
    "operator_password_again": SECRET, "clock_ok": "1",
}  # fmt: skip


@dataclass
class Place:
    """An installation without a register, as the installer leaves one, and what the portal was begun with."""

    folder: Path
    role: str = "office"
    begun: list[Settings] = field(default_factory=list)

    @property
    def settings(self) -> Settings:
        return settings.load(self.folder / "portal.toml")

    def browser(self, *, opened: bool = True) -> Browser:
        made = Browser(create_first_run_app(self.settings, self.begun.append))
        if opened:
            assert made.get(f"/first-run?code={CODE}").headers["Location"] == "/first-run"
            made.get(FORM)
        return made


def placed(folder: Path, role: str) -> Place:
    folder.mkdir(exist_ok=True)
    (folder / "portal.toml").write_text(
        f'# ghi bởi bộ cài\nrole = "{role}"\n\n[paths]\nallow_any_disk = true\nfirst_run_code = "first-run.code"\n',
        encoding="utf-8",
    )
    (folder / "first-run.code").write_text(CODE + "\n", encoding="utf-8")
    return Place(folder, role)


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    cheap_passwords()
    yield placed(tmp_path, "office")
    accesses.forget_waiting()
    database.close()
    keys.use(None)


def file_of_node(code: str = "H99.12", days: int = 7) -> bytes:
    """An enrolment file as a node makes one."""
    node = keys.from_seeds(b"n" * 32, b"b" * 32)
    return enrolment.write(
        EnrolmentFile(
            token="t" * 43,
            office_code=code,
            office_name="Ủy ban nhân dân xã Vĩnh Hòa",
            node_code="H99",
            node_name="Nút tỉnh Lam Giang",
            node_public_key=node.public_key,
            node_box_public_key=node.box_public_key,
            address="http://127.0.0.1:9000",
            ca_pem=None,
            expires_at=clock.now() + timedelta(days=days),
        )
    )


def sent(data: bytes) -> dict[str, Any]:
    return {"enrolment": (io.BytesIO(data), "vinh-hoa.ghinoi.json")}


def test_without_the_code_every_page_asks_for_it(place: Place) -> None:
    browser = place.browser(opened=False)
    for path in ("/", FORM, "/first-run/restore"):
        assert browser.get(path).headers["Location"] == "/first-run"
    assert 'name="code"' in browser.get("/first-run").text
    browser.get("/first-run")
    assert browser.post(FORM, OFFICE).headers["Location"] == "/first-run"
    assert not founding.is_founded(place.settings)
    assert browser.get("/alive").get_json()["state"] == "first-run"


def test_the_code_opens_from_the_address_and_from_the_form(place: Place) -> None:
    browser = place.browser(opened=False)
    browser.get("/first-run")
    assert browser.post("/first-run", {"code": f" {CODE} "}).status_code == 303
    assert "Cơ quan mới" in browser.get("/first-run").text
    assert "Cơ quan mới" in place.browser().get("/first-run").text


def test_a_guesser_is_stopped_and_the_code_is_never_shown(place: Place) -> None:
    browser = place.browser(opened=False)
    browser.get("/first-run")
    for _ in range(10):
        answer = browser.post("/first-run", {"code": "sai"})
        assert answer.status_code == 403
        assert CODE not in answer.text
        assert 'value="sai"' not in answer.text
    assert browser.post("/first-run", {"code": CODE}).status_code == 429
    assert browser.get(f"/first-run?code={CODE}").status_code == 429


def test_a_code_file_that_is_gone_opens_nothing(place: Place) -> None:
    (place.folder / "first-run.code").unlink()
    browser = place.browser(opened=False)
    assert browser.get(FORM).status_code == 500
    assert browser.get("/first-run?code=").status_code == 500


def test_only_names_of_this_computer_are_answered(place: Place) -> None:
    browser = place.browser()
    assert browser.get(FORM, headers={"Host": "ubnd.example"}).status_code == 400
    assert browser.get("/first-run", headers={"Host": "127.0.0.1:8080"}).status_code == 200


def test_every_post_carries_the_token(place: Place) -> None:
    app = create_first_run_app(place.settings, place.begun.append)
    app.before_request_funcs[None] = [item for item in app.before_request_funcs[None] if item.__name__ != "guard"]
    assert unguarded_posts(app, except_under="/exchange/v1/") == []


def test_an_office_is_founded_by_one_post(place: Place) -> None:
    answer = place.browser().post(FORM, OFFICE)
    assert (answer.status_code, answer.headers["Location"]) == (303, "/login?next=/administration/backup")
    assert place.begun == [place.settings]
    assert founding.is_founded(place.settings)
    assert not (place.folder / "first-run.code").exists(), "the code opens nothing any more"
    installation.open_(place.settings)
    found = accounts.by_username("vanthu")
    assert found is not None
    assert found.roles == {Role.CLERK, Role.ADMINISTRATOR}
    issuer = issuers.all_issuers()[0]
    assert (issuer.code, issuer.parent_name) == ("H99.12", "UBND TỈNH ĐÔNG HÒA")


def test_two_people_and_the_nodes_file_in_one_post(place: Place) -> None:
    other = {
        "administrator": "other", "admin_full_name": "Đỗ Minh Quân", "admin_username": "quantri",
        "admin_password": "con đường phía trước", "admin_password_again": "con đường phía trước",
        "name": "", "code": "",
    }  # fmt: skip
    answer = place.browser().post(FORM, {**OFFICE, **other, **sent(file_of_node())})
    assert answer.status_code == 303, answer.text
    installation.open_(place.settings)
    assert installation.own().name == "Ủy ban nhân dân xã Vĩnh Hòa"
    assert {item.username: set(item.roles) for item in accounts.everyone()} == {
        "vanthu": {Role.CLERK}, "quantri": {Role.ADMINISTRATOR},
    }  # fmt: skip
    assert peers.peer().code == "H99"


def test_everything_that_is_wrong_is_said_at_once_and_nothing_is_lost(place: Place) -> None:
    browser = place.browser()
    wrong = {
        **OFFICE, "code": "xã 12", "place": "", "abbreviation": "U-B", "clock_ok": "", "clerk_username": "có dấu cách",
        "token": "typed", "token_path": "/không/có.so",
    }  # fmt: skip
    answer = browser.post(FORM, {**wrong, **sent(file_of_node())})
    assert answer.status_code == 422
    for name in ("code", "place", "abbreviation", "clock_ok", "clerk_username", "token"):
        assert f'id="error-{name}"' in answer.text, name
    assert "Đã nhận: vinh-hoa.ghinoi.json" in answer.text
    assert "Đã nhận; để trống nếu không đổi." in answer.text
    assert SECRET not in answer.text
    assert not founding.is_founded(place.settings)
    mended = {**OFFICE, "clerk_password": "", "clerk_password_again": ""}
    assert browser.post(FORM, mended).status_code == 303
    installation.open_(place.settings)
    assert peers.peer().code == "H99", "the file was kept"


@pytest.mark.parametrize(
    ("changes", "field", "words"),
    [
        ({"clerk_password_again": "khác hẳn đi"}, "clerk_password_again", "không giống nhau"),
        ({"clerk_password": "ngắn", "clerk_password_again": "ngắn"}, "clerk_password", "ít nhất 10"),
        ({"clerk_password": "", "clerk_password_again": ""}, "clerk_password", "chưa nhập"),
        ({"code": "UBND-AN-PHU"}, "code", "Mã này đúng như được cấp"),
        ({"administrator": "other"}, "admin_full_name", "chưa nhập"),
        ({"code_legacy": "mã cũ"}, "code_legacy", "chưa đúng"),
    ],
)
def test_each_field_says_what_to_mend(place: Place, changes: dict[str, str], field: str, words: str) -> None:
    answer = place.browser().post(FORM, {**OFFICE, **changes})
    assert answer.status_code == 422
    assert f'id="error-{field}"' in answer.text
    assert words in answer.text
    assert place.begun == []


def test_an_unusual_code_is_taken_once_it_is_confirmed(place: Place) -> None:
    answer = place.browser().post(FORM, {**OFFICE, "code": "UBND-AN-PHU", "code_confirmed": "1"})
    assert answer.status_code == 303


def test_the_nodes_file_fills_in_what_it_knows(place: Place) -> None:
    browser = place.browser()
    answer = browser.post(FORM, {"act": "enrolment", "place": "Vĩnh Hòa", **sent(file_of_node("H99.07"))})
    assert answer.status_code == 200
    assert 'value="H99.07"' in answer.text
    assert 'value="Vĩnh Hòa"' in answer.text
    assert "Máy đọc từ tệp" in answer.text
    assert browser.post(FORM, {"act": "enrolment", **sent(b"{}")}).status_code == 422
    assert "hết hạn" in browser.post(FORM, {"act": "enrolment", **sent(file_of_node(days=-1))}).text
    assert "khác mã trong tệp đăng ký" in browser.post(FORM, OFFICE).text, "the good file stays"


def test_a_driver_is_tried_in_a_process_of_its_own_and_kept(place: Place, tmp_path: Path) -> None:
    browser = place.browser()
    broken = tmp_path / "hỏng.so"
    broken.write_bytes(b"\x7fELF, that is all")
    tried = browser.post(FORM, {**OFFICE, "act": "driver", "token": "typed", "token_path": str(broken)})
    assert tried.status_code == 200
    assert 'class="notice warn"' in tried.text
    assert "Đã nhận; để trống" in tried.text
    refused = browser.post(FORM, {**OFFICE, "token": "typed", "token_path": str(broken)})
    assert refused.status_code == 422
    assert "Chưa có" in refused.text
    assert "module" not in (place.folder / "portal.toml").read_text(encoding="utf-8")


def test_a_driver_that_works_is_written_into_the_settings(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    from commune_portal.signing import drivers

    asked: list[str] = []

    def attempt(_: Settings, path: str) -> drivers.Trial:
        asked.append(path)
        return drivers.Trial(True, "Trình điều khiển chạy được.")

    monkeypatch.setattr(drivers, "attempt", attempt)
    browser = place.browser()
    chosen = {**OFFICE, "token": "typed", "token_path": '"C:\\Windows\\System32\\vnptca_p11_v8.dll"'}
    assert browser.post(FORM, {**chosen, "act": "driver"}).status_code == 200
    assert browser.post(FORM, chosen).status_code == 303
    assert place.settings.token.module == "C:\\Windows\\System32\\vnptca_p11_v8.dll"
    assert asked == [place.settings.token.module], "what worked a moment ago is not loaded again"
    assert place.begun == [place.settings]


def test_a_second_press_of_the_button_founds_nothing_more(place: Place) -> None:
    browser = place.browser()
    assert browser.post(FORM, OFFICE).status_code == 303
    assert browser.post(FORM, OFFICE).headers["Location"] == "/login"
    assert len(place.begun) == 1


def test_a_node_is_founded_with_its_address_and_operator(tmp_path: Path) -> None:
    cheap_passwords()
    place = placed(tmp_path, "node")
    browser = place.browser()
    assert "Lập nút liên thông" in browser.get(FORM).text
    assert 'id="error-address"' in browser.post(FORM, {**OPERATOR, "address": "http://nut.lamgiang.vn/x"}).text
    try:
        assert browser.post(FORM, OPERATOR).headers["Location"].startswith("/login?")
        assert place.settings.node.address == "https://nut.lamgiang.vn"
        installation.open_(place.settings)
        assert [set(item.roles) for item in accounts.everyone()] == [{Role.OPERATOR}]
    finally:
        accesses.forget_waiting()
        database.close()
        keys.use(None)


@pytest.mark.parametrize("sealed", [False, True], ids=["plain", "closed"])
def test_a_backup_in_the_folder_is_listed_and_restored(place: Place, tmp_path: Path, sealed: bool) -> None:
    old = placed(tmp_path / "máy cũ", "office").settings
    founding.found(old, _plan())
    installation.open_(old)
    secret = sealing.new_secret()
    recipients = [sealing.recipient_of(secret)] if sealed else []
    made = backup.make(old, place.settings.backups_folder, recipients=recipients).path
    database.close()
    browser = place.browser()
    assert made.name in browser.get("/first-run/restore").text
    assert browser.post("/first-run/restore", {"backup": "/etc/passwd"}).status_code == 422
    assert browser.post("/first-run/restore", {"backup": "sent"}).status_code == 422
    if sealed:
        refused = browser.post("/first-run/restore", {"backup": str(made)})
        assert 'id="error-recovery_key"' in refused.text
    assert not founding.is_founded(place.settings)
    answer = browser.post("/first-run/restore", {"backup": str(made), "recovery_key": secret if sealed else ""})
    assert answer.headers.get("Location") == "/login?next=/recovering", answer.text
    installation.open_(place.settings)
    assert installation.own().epoch == 1
    assert len(place.begun) == 1


def test_a_file_that_is_no_backup_is_refused_and_removed(place: Place) -> None:
    browser = place.browser()
    (place.settings.folder / "nhan-0123456789ab.zip").write_bytes(b"cut off by a power cut, open to whoever finds it")
    data = {"file": (io.BytesIO(b"PK nothing"), "saoluu-H99.12.zip")}
    answer = browser.post("/first-run/restore", data)
    assert answer.status_code == 422
    assert list(place.folder.glob("nhan-*")) == []
    assert not founding.is_founded(place.settings)


def test_a_computer_that_lost_its_register_is_told_so(place: Place) -> None:
    founding.found(place.settings, _plan())
    place.settings.database_path.unlink()
    browser = place.browser()
    assert "đã từng có dữ liệu" in browser.get("/first-run").text
    answer = browser.post(FORM, OFFICE)
    assert answer.status_code == 422
    assert "khôi phục từ bản sao lưu" in answer.text


def _plan() -> Plan:
    first = FirstPerson(username="vanthu", full_name="Trần Thị Bình", roles=(Role.CLERK, Role.ADMINISTRATOR))
    return Plan(code="H99.12", name="Ủy ban nhân dân xã An Phú", place="An Phú", people=(first,))
