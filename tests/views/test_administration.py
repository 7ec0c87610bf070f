"""Administration: every act works for whom it is, and for nobody else, nor without the token, nor by GET."""

from __future__ import annotations

import io
import re
from dataclasses import dataclass, field
from typing import Any

import pytest

from commune_portal import clock
from commune_portal.people import accesses, accounts, directory, issuers, mandates, office_rules
from commune_portal.people.actors import PORTAL
from commune_portal.rules.numbering import Scheme
from commune_portal.rules.permissions import Role
from commune_portal.store import database
from tests.views.portal import HTMX, Portal, founded, portal, size

__all__ = ["founded", "portal"]

PNG = b"\x89PNG\r\n\x1a\n" + bytes(64)
TOMORROW = "01/01/2099"
ADMINISTRATOR, TOKEN_HOLDERS = ("quantri",), ("quantri", "vanthu")
EVERYBODY = ("quantri", "vanthu", "chutich", "chuyenvien")


@dataclass(frozen=True)
class ActCase:
    """One act: where, what is sent, who may; `answer` is the status when it works."""

    path: str
    data: dict[str, Any] = field(default_factory=dict)
    allowed: tuple[str, ...] = ADMINISTRATOR
    answer: int = 303
    is_shared: bool = False
    """True where the same path shows a page on GET."""


USERS, OFFICE = "/administration/users", "/administration/office"
PERSON = {"full_name": "Phạm Thị Lan", "position": "Công chức", "unit": "VP", "roles": ["clerk", "specialist"]}
ISSUER = {"name": "Hội đồng nhân dân xã An Phú", "abbreviation": "HĐND", "place": "An Phú"}
MANDATE = {"competence": "KT", "position": "PHÓ CHỦ TỊCH", "valid_from": "01/01/2099", "valid_until": "31/12/2099"}

ACTS = {
    "add user": ActCase(USERS, {"username": "lan", **PERSON}, answer=200, is_shared=True),
    "change user": ActCase(f"{USERS}/2", PERSON, is_shared=True),
    "disable user": ActCase(f"{USERS}/2/disable"),
    "reset password": ActCase(f"{USERS}/2/password", answer=200),
    "enable user": ActCase(f"{USERS}/3/enable", answer=200),
    "add issuer": ActCase(f"{OFFICE}/issuers", {"code": "K99.01", "valid_from": "01/01/2026", **ISSUER}),
    "change issuer": ActCase(f"{OFFICE}/issuers/1", ISSUER, is_shared=True),
    "close issuer": ActCase(f"{OFFICE}/issuers/1/close"),
    "add unit": ActCase(f"{OFFICE}/units", {"name": "Phòng Kinh tế", "abbreviation": "KT"}),
    "change unit": ActCase(f"{OFFICE}/units/1", {"name": "Văn phòng mới", "abbreviation": "VP"}, is_shared=True),
    "close unit": ActCase(f"{OFFICE}/units/1/close"),
    "set numbering": ActCase(
        f"{OFFICE}/rules/numbering",
        {"scheme": "per-type", "zero_width": "3", "letter_suffix": "unit", "valid_from": TOMORROW},
        is_shared=True,
    ),
    "set calendar": ActCase(
        f"{OFFICE}/rules/calendar", {"year": "2027", "off": "01/01/2027 Tết\n02/09/2027", "worked": ""}, is_shared=True
    ),
    "set limits": ActCase(f"{OFFICE}/rules/limits", {"year": "2027", "morning_ends": "11:00", "due_days": "7"}),
    "give mandate": ActCase(f"{OFFICE}/mandates", {"account_id": "6", "issuer_id": "1", **MANDATE}, is_shared=True),
    "end mandate": ActCase(f"{OFFICE}/mandates/1/end"),
    "add organisation": ActCase("/administration/directory", {"code": "H98", "name": "Tỉnh bạn"}, is_shared=True),
    "rename organisation": ActCase("/administration/directory/1", {"name": "Sở mới"}, is_shared=True),
    "close organisation": ActCase("/administration/directory/1/close"),
    "choose issuer's certificate": ActCase(
        "/administration/token/issuers/1", {"certificate": ""}, allowed=TOKEN_HOLDERS
    ),
    "choose signer's certificate": ActCase(
        "/administration/token/mandates/1", {"certificate": ""}, allowed=TOKEN_HOLDERS
    ),
}

PAGES = {
    USERS: ADMINISTRATOR, f"{USERS}/new": ADMINISTRATOR, f"{USERS}/2": ADMINISTRATOR,
    OFFICE: ADMINISTRATOR, f"{OFFICE}/issuers/new": ADMINISTRATOR, f"{OFFICE}/issuers/1": ADMINISTRATOR,
    f"{OFFICE}/units/1": ADMINISTRATOR, f"{OFFICE}/rules/numbering": ADMINISTRATOR,
    f"{OFFICE}/rules/calendar": ADMINISTRATOR,
    f"{OFFICE}/mandates": ADMINISTRATOR, f"{OFFICE}/mandates/new": ADMINISTRATOR,
    "/administration/directory": ADMINISTRATOR, "/administration/directory/new": ADMINISTRATOR,
    "/administration/directory/1": ADMINISTRATOR, "/administration/token": TOKEN_HOLDERS,
}  # fmt: skip


@pytest.fixture
def office(portal: Portal) -> Portal:
    """The portal with a unit, a directory entry, a disabled account and a second leader."""
    issuers.add_unit(PORTAL, name="Văn phòng HĐND và UBND", abbreviation="VP")
    directory.add(PORTAL, code="H99.31", name="Sở Nội vụ")
    accounts.disable(PORTAL, portal.cast.other_clerk.id)
    made = accounts.add(PORTAL, username="pct", full_name="Lý Thu Hà", roles=[Role.LEADER], position="Phó Chủ tịch")
    assert made.account_id == 6
    return portal


@pytest.mark.parametrize("case", ACTS.values(), ids=ACTS.keys())
def test_an_act_works_for_whom_it_is(office: Portal, case: ActCase) -> None:
    for username in case.allowed:
        if username != "quantri":
            assert office.browser(username).post(case.path, case.data).status_code == case.answer
    before = size()
    answer = office.browser("quantri").post(case.path, case.data)
    assert answer.status_code == case.answer, answer.text
    assert size() > before or case.allowed is TOKEN_HOLDERS, "the second choice of the same certificate says nothing"


@pytest.mark.parametrize("case", ACTS.values(), ids=ACTS.keys())
def test_an_act_is_refused_to_other_roles_strangers_get_and_forms_without_token(office: Portal, case: ActCase) -> None:
    before = size()
    for username in set(EVERYBODY) - set(case.allowed):
        answer = office.browser(username).post(case.path, case.data)
        assert answer.status_code == 403, username
    stranger = office.anonymous().post(case.path, case.data)
    assert stranger.status_code == 303
    assert stranger.headers["Location"].startswith("/login")
    mine = office.browser("quantri")
    assert mine.client.post(case.path, data=case.data).status_code == 400, "without the token"
    assert mine.client.post(case.path, data={"csrf_token": "x", **case.data}).status_code == 400
    seen = mine.get(case.path, query_string=case.data).status_code
    assert seen == (200 if case.is_shared else 405)
    assert size() == before, "nothing was done"


@pytest.mark.parametrize(("path", "allowed"), PAGES.items(), ids=PAGES.keys())
def test_a_page_opens_for_whom_it_is(office: Portal, path: str, allowed: tuple[str, ...]) -> None:
    for username in EVERYBODY:
        assert office.browser(username).get(path).status_code == (200 if username in allowed else 403), username
    assert office.anonymous().get(path).headers["Location"].startswith("/login")


def test_refused_attempts_are_noted(office: Portal) -> None:
    accesses.flush()
    office.browser("vanthu").get(USERS)
    accesses.flush()
    found = database.rows("SELECT account_id, object FROM accesses WHERE kind = 'refused'")
    assert found == [(office.cast.clerk.id, "administration.users")]


def test_a_first_password_is_shown_once_and_works(office: Portal) -> None:
    browser = office.browser("quantri")
    answer = browser.post(USERS, {"username": "lan", **PERSON})
    match = re.search(r"<dd>([a-z2-9]{4}-[a-z2-9]{4}-[a-z2-9]{4})</dd>", answer.text)
    assert match is not None
    assert match[1] not in str(answer.headers)
    assert match[1] not in browser.get(USERS).text
    assert office.anonymous().log_in("lan", match[1]).status_code == 303
    found = accounts.by_username("lan")
    assert found is not None
    assert found.roles == frozenset({Role.CLERK, Role.SPECIALIST})


@pytest.mark.parametrize(
    ("path", "data", "word"),
    [
        (USERS, {"username": "vanthu", **PERSON}, "đã có người dùng"),
        (USERS, {"username": "a b", **PERSON}, "Tên đăng nhập chỉ gồm"),
        (USERS, {"username": "lan", "full_name": "Lan"}, "Vai trò: hãy chọn"),
        (USERS, {"username": "lan", "full_name": "Lan", "roles": ["operator"]}, "không có trong danh sách"),
        (f"{USERS}/1", {"full_name": "Đỗ Minh Quân", "roles": ["clerk"]}, "ít nhất một tài khoản quản trị"),
        (f"{OFFICE}/issuers", {"code": "H99.01", "valid_from": "01/01/2026", **ISSUER}, "đã dùng"),
        (f"{OFFICE}/issuers", {"code": "H 99", "valid_from": "01/01/2026", **ISSUER}, "chưa đúng"),
        (f"{OFFICE}/issuers/1", {**ISSUER, "abbreviation": "U/B"}, "Chữ viết tắt"),
        (f"{OFFICE}/units", {"name": "Khác", "abbreviation": "VP"}, "đã có"),
        (f"{OFFICE}/rules/numbering", {"scheme": "groups", "zero_width": "2", "letter_suffix": "unit",
          "valid_from": TOMORROW, "groups": "Nhóm một: Quyết định, Không có"}, "không có loại văn bản «Không có»"),
        (f"{OFFICE}/rules/numbering", {"scheme": "whole-office", "zero_width": "2", "letter_suffix": "unit",
          "valid_from": "01/01/2020"}, "từ hôm nay trở đi"),
        (f"{OFFICE}/rules/calendar", {"year": "2027", "off": "Quốc khánh"}, "cần dạng"),
        (f"{OFFICE}/rules/calendar", {"year": "2027", "off": ""}, "chưa nhập"),
        (f"{OFFICE}/rules/limits", {"morning_ends": "25:00"}, "giờ và phút"),
        (f"{OFFICE}/mandates", {"account_id": "2", "issuer_id": "1", **MANDATE}, "vai trò Lãnh đạo"),
        (f"{OFFICE}/mandates", {"account_id": "6", "issuer_id": "1", **MANDATE, "competence": "TUQ"}, "quyền cần"),
        ("/administration/directory", {"code": "H99.31", "name": "Trùng"}, "đã có"),
    ],
)  # fmt: skip
def test_what_cannot_be_taken_is_said_beside_the_form_and_nothing_typed_is_lost(
    office: Portal, path: str, data: dict[str, Any], word: str
) -> None:
    before = size()
    answer = office.browser("quantri").post(path, data)
    assert answer.status_code == 422
    assert word in answer.text
    assert "error-summary" in answer.text
    for name in ("full_name", "name", "position"):
        if name in data and path != USERS:
            assert data[name] in answer.text
    assert size() == before


def test_numbering_groups_are_read_by_name_and_by_abbreviation(office: Portal) -> None:
    browser = office.browser("quantri")
    answer = browser.post(
        f"{OFFICE}/rules/numbering",
        {
            "scheme": "groups",
            "zero_width": "2",
            "letter_suffix": "unit",
            "valid_from": f"{clock.today():%d/%m/%Y}",
            "groups": "Quyết định, chỉ thị: Quyết định, CT\nGiấy tờ: giay moi, GGT",
        },
    )
    assert answer.status_code == 303
    rules = office_rules.numbering_rules(clock.today())
    assert rules.scheme is Scheme.GROUPS
    assert [(group.key, group.type_codes) for group in rules.groups] == [
        ("quyet-dinh-chi-thi", ("QD", "CT")),
        ("giay-to", ("GM", "GGT")),
    ]
    assert "Quyết định, chỉ thị: Quyết định, Chỉ thị" in browser.get(f"{OFFICE}/rules/numbering").text


def test_a_seal_and_a_signature_are_png_pictures(office: Portal) -> None:
    browser = office.browser("quantri")
    for path, name in ((f"{OFFICE}/issuers/1/seal", "seal"), (f"{OFFICE}/mandates/1/picture", "picture")):
        for data, file_name in ((b"<svg onload=x>", "a.png"), (PNG, "a.svg"), (b"", "a.png")):
            form = {name: (io.BytesIO(data), file_name), "seal_diameter_mm": "36"}
            browser.post(path, form, content_type="multipart/form-data")
        assert issuers.issuer(1).seal_sha256 == ""
        assert mandates.mandate(1).picture_sha256 == ""
    for path, name in ((f"{OFFICE}/issuers/1/seal", "seal"), (f"{OFFICE}/mandates/1/picture", "picture")):
        form = {name: (io.BytesIO(PNG), "dấu.png"), "seal_diameter_mm": "36"}
        assert browser.post(path, form, content_type="multipart/form-data").status_code == 303
    assert len(issuers.issuer(1).seal_sha256) == 64
    assert len(mandates.mandate(1).picture_sha256) == 64


def test_the_directory_is_searched_without_marks_as_page_and_as_fragment(office: Portal) -> None:
    directory.add(PORTAL, code="H99.44", name="Ủy ban nhân dân xã Đức Thắng")
    browser = office.browser("quantri")
    whole = browser.get("/administration/directory?q=duc+thang").text
    part = browser.get("/administration/directory?q=duc+thang", headers={**HTMX, "HX-Target": "div#organisations"}).text
    for text in (whole, part):
        assert "Đức Thắng" in text
        assert "Sở Nội vụ" not in text
    assert "<html" in whole
    assert "<html" not in part


def test_the_token_page_lists_certificates_and_takes_only_those_plugged_in(office: Portal) -> None:
    browser = office.browser("vanthu")
    text = browser.get("/administration/token").text
    chosen = issuers.issuer(1).certificate_sha256
    assert chosen in text
    assert "Nguyễn Văn An" in text
    assert "thử nghiệm" in text
    answer = browser.post("/administration/token/issuers/1", {"certificate": "ab" * 32})
    assert answer.status_code == 422
    assert issuers.issuer(1).certificate_sha256 == chosen
    assert browser.post("/administration/token/issuers/1", {"certificate": chosen}).status_code == 303


def test_names_are_escaped_wherever_they_are_shown(office: Portal) -> None:
    evil = "<script>alert(1)</script>"
    directory.add(PORTAL, code="H99.66", name=evil)
    accounts.add(PORTAL, username="xau", full_name=evil, roles=[Role.LEADER], unit=evil)
    issuers.change(PORTAL, 1, name=evil, abbreviation="UBND", place="An Phú")
    browser = office.browser("quantri")
    for path in PAGES:
        assert evil not in browser.get(path).text, path


def test_an_unknown_thing_is_not_found(office: Portal) -> None:
    browser = office.browser("quantri")
    for path in (f"{USERS}/99", f"{OFFICE}/issuers/99", f"{OFFICE}/units/99", "/administration/directory/99"):
        assert browser.get(path).status_code == 404, path
    for path in (f"{USERS}/99/disable", f"{OFFICE}/mandates/99/end", f"{OFFICE}/units/99/close"):
        assert browser.post(path).status_code == 404, path
