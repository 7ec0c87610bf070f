"""Registering by hand: the file waits on the server, guesses are marked, nothing is committed unasked."""

from __future__ import annotations

import os
import re
from datetime import timedelta
from pathlib import Path

import pytest

from commune_portal import clock
from commune_portal.documents import attachments, incoming
from commune_portal.people import directory
from commune_portal.people.actors import PORTAL
from commune_portal.rules.kinds import Urgency
from commune_portal.store import database
from commune_portal.views._staging import KEPT_SECONDS
from tests.views import pages
from tests.views.portal import HTMX, Browser, Portal, founded, portal, size

__all__ = ["founded", "portal"]

TYPED = {
    "code": "152/SNV-VP", "sender_name": "Sở Nội vụ tỉnh Lam Giang", "subject": "V/v rà soát hộ nghèo",
    "promulgation_date": "05/11/2026", "urgency": "1", "secrecy": "none", "requires_handling": "1",
}  # fmt: skip
PAPER = {**TYPED, "on_paper": "1"}


@pytest.fixture(scope="module")
def letter(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    return pages.pdf(tmp_path_factory.mktemp("letter"))


def uploaded(browser: Browser, data: bytes, name: str = "Công văn 27.pdf", *annexes: tuple[bytes, str]) -> str:
    """Uploads through the first step; answers the token under which the files wait."""
    values = {"file": pages.chosen(data, name), "annexes": [pages.chosen(*item) for item in annexes]}
    answer = browser.post("/incoming/register/upload", values)
    assert answer.status_code == 303, answer.text
    found = re.fullmatch(r"/incoming/register\?staged=([A-Za-z0-9_-]{32})", answer.headers["Location"])
    assert found
    return found[1]


def amount() -> int:
    return int(database.row("SELECT count(*) FROM incoming")[0])


def staged_files(portal: Portal, token: str = "") -> list[Path]:
    """What waits for the clerk; the app is one for all tests, and so is its work folder."""
    folder: Path = portal.app.config["PORTAL_SETTINGS"].work_folder
    return sorted(folder.glob(f"staged-{portal.cast.clerk.id}-{token}*"))


def test_a_pdf_fills_the_fields_and_marks_each_guess(portal: Portal, letter: bytes) -> None:
    browser = portal.browser("vanthu")
    before = size()
    token = uploaded(browser, letter)
    text = browser.get(f"/incoming/register?staged={token}").text
    assert re.search(r'name="code"[^>]* value="27/UBND-VHXH"', text)
    assert re.search(r'name="promulgation_date"[^>]* value="05/11/2026"', text)
    assert re.search(r'name="sender_name"[^>]* value="Ủy ban nhân dân xã Tân Phước Mẫu"', text)
    assert "Nguyễn Thị Mẫu Đơn" in text
    assert text.count("Máy đọc từ tệp – hãy kiểm tra lại") >= 6
    assert "đã tải lên, không cần chọn lại" in text
    assert f'src="/incoming/register/{token}/file#view=FitH' in text
    assert size() == before
    assert amount() == 0


def test_saving_gives_the_number_and_keeps_the_files(portal: Portal, letter: bytes) -> None:
    browser = portal.browser("vanthu")
    token = uploaded(browser, letter, "Công văn 27.pdf", (letter, "Phụ lục 1.pdf"), (letter, "Phụ lục 2.pdf"))
    answer = browser.post("/incoming/register", {**TYPED, "staged": token, "without": "0"})
    assert answer.status_code == 303
    text = browser.get(answer.headers["Location"]).text
    assert "số đến 01" in text
    now = incoming.get(1)
    assert (now.code, now.urgency, now.origin, now.number) == ("152/SNV-VP", Urgency.URGENT, "upload", 1)
    main = attachments.shown("incoming", 1)
    assert main is not None
    assert main.name == "Công văn 27.pdf"
    assert [item.name for item in attachments.annexes("incoming", 1)] == ["Phụ lục 2.pdf"]
    assert staged_files(portal, token) == []


def test_an_error_keeps_what_was_typed_and_the_file(portal: Portal, letter: bytes) -> None:
    browser = portal.browser("vanthu")
    token = uploaded(browser, letter)
    sent = {
        **TYPED,
        "staged": token,
        "subject": "",
        "note": "Ghi chú đã gõ",
        "annexes": pages.chosen(letter, "Thêm.pdf"),
    }
    answer = browser.post("/incoming/register", sent)
    assert answer.status_code == 422
    assert 'href="#field-subject"' in answer.text
    assert "Ghi chú đã gõ" in answer.text
    assert f'name="staged" value="{token}"' in answer.text
    assert "Thêm.pdf" in answer.text
    assert browser.post("/incoming/register", {**TYPED, "staged": token}).status_code == 303
    assert [item.name for item in attachments.annexes("incoming", 1)] == ["Thêm.pdf"]


def test_an_error_keeps_a_file_that_was_chosen_in_the_same_post(portal: Portal, letter: bytes) -> None:
    browser = portal.browser("vanthu")
    answer = browser.post("/incoming/register", {**PAPER, "code": "??", "file": pages.chosen(letter, "quét.pdf")})
    assert answer.status_code == 422
    found = re.search(r'name="staged" value="([^"]+)"', answer.text)
    assert found
    assert browser.post("/incoming/register", {**PAPER, "staged": found[1]}).status_code == 303
    assert incoming.get(1).origin == "paper"
    assert attachments.shown("incoming", 1) is not None


def test_paper_needs_no_file_and_a_file_is_needed_otherwise(portal: Portal) -> None:
    browser = portal.browser("vanthu")
    assert "Vào sổ văn bản giấy" in browser.get("/incoming/register?paper=1").text
    answer = browser.post("/incoming/register", TYPED)
    assert answer.status_code == 422
    assert "Chưa chọn tệp văn bản" in answer.text
    assert browser.post("/incoming/register", PAPER).status_code == 303
    assert incoming.get(1).origin == "paper"


def test_save_and_add_another_shows_the_number_and_an_empty_form(portal: Portal) -> None:
    browser = portal.browser("vanthu")
    answer = browser.post("/incoming/register", {**PAPER, "then": "more"})
    assert answer.status_code == 303
    text = browser.get(answer.headers["Location"]).text
    assert "Số đến <strong>01</strong>" in text
    assert "152/SNV-VP" in text
    assert re.search(r'name="code"[^>]* value=""', text)


def test_a_duplicate_is_shown_and_wants_a_tick(portal: Portal) -> None:
    browser = portal.browser("vanthu")
    browser.post("/incoming/register", PAPER)
    answer = browser.post("/incoming/register", {**PAPER, "sender_name": "sở nội vụ tỉnh LAM GIANG"})
    assert answer.status_code == 422
    assert "Có thể trùng" in answer.text
    assert 'href="/incoming/1"' in answer.text
    assert amount() == 1
    assert browser.post("/incoming/register", {**PAPER, "duplicate_known": "1"}).status_code == 303
    assert incoming.get(2).number == 2
    assert browser.post("/incoming/register", {**PAPER, "sender_name": "Sở Tài chính"}).status_code == 303


@pytest.mark.parametrize("secrecy", ["confidential", "secret", "top-secret"])
def test_a_secret_may_not_enter(portal: Portal, secrecy: str) -> None:
    answer = portal.browser("vanthu").post("/incoming/register", {**PAPER, "secrecy": secrecy})
    assert answer.status_code == 422
    assert 'href="#field-secrecy"' in answer.text
    assert "sổ văn bản mật" in answer.text
    assert amount() == 0


def test_a_doubtful_date_is_confirmed_once(portal: Portal) -> None:
    with clock.standing_at(clock.now() - timedelta(days=3)):
        browser = portal.browser("vanthu")
        answer = browser.post("/incoming/register", PAPER)
        assert answer.status_code == 422
        assert 'name="date_confirmed"' in answer.text
        assert browser.post("/incoming/register", {**PAPER, "date_confirmed": "1"}).status_code == 303
    assert incoming.get(1).number == 1


@pytest.mark.parametrize(
    ("name", "data", "words"),
    [
        ("trang.html", b"<script>", "Không nhận loại tệp"),
        ("gia.pdf", b"MZ\x90", "không phải tệp .pdf thật"),
        ("rong.pdf", b"", "rỗng"),
    ],
)
def test_a_file_that_is_not_taken_is_refused_beside_its_field(
    portal: Portal, name: str, data: bytes, words: str
) -> None:
    browser, before = portal.browser("vanthu"), staged_files(portal)
    answer = browser.post("/incoming/register/upload", {"file": pages.chosen(data, name)})
    assert answer.status_code == 422
    assert 'href="#field-file"' in answer.text
    assert words in answer.text
    assert staged_files(portal) == before


def test_a_file_that_cannot_be_read_fills_nothing_in(portal: Portal) -> None:
    browser = portal.browser("vanthu")
    token = uploaded(browser, b"%PDF-1.7 broken")
    text = browser.get(f"/incoming/register?staged={token}").text
    assert "Máy đọc từ tệp" not in text
    assert browser.post("/incoming/register", {**TYPED, "staged": token}).status_code == 303


def test_what_waits_belongs_to_one_account(portal: Portal, letter: bytes) -> None:
    token = uploaded(portal.browser("vanthu"), letter)
    own, other = portal.browser("vanthu"), portal.browser("vanthu2")
    shown = own.get(f"/incoming/register/{token}/file", buffered=True)
    assert shown.data == letter
    assert shown.headers["Content-Security-Policy"].startswith("default-src 'none'; sandbox")
    assert other.get(f"/incoming/register/{token}/file").status_code == 404
    assert other.get(f"/incoming/register?staged={token}").status_code == 404
    answer = other.post("/incoming/register", {**TYPED, "staged": token})
    assert answer.status_code == 422
    assert "không còn" in answer.text
    for wrong in ("a" * 32, "..", "x"):
        assert own.get(f"/incoming/register/{wrong}/file").status_code == 404


def test_what_nobody_came_back_for_is_removed_after_a_day(portal: Portal, letter: bytes) -> None:
    browser = portal.browser("vanthu")
    uploaded(browser, letter)
    old = clock.now().timestamp() - KEPT_SECONDS - 60
    before = staged_files(portal)
    assert before
    for path in before:
        os.utime(path, (old, old))
    uploaded(browser, letter)
    assert not set(before) & set(staged_files(portal))


def test_senders_are_suggested_without_accents_and_their_code_is_kept(portal: Portal) -> None:
    directory.add(PORTAL, code="H99.10", name="Sở Nội vụ tỉnh Lam Giang")
    browser = portal.browser("vanthu")
    part = browser.get("/incoming/senders?sender_name=so+noi", headers={**HTMX, "HX-Target": "datalist#senders"})
    assert '<option value="Sở Nội vụ tỉnh Lam Giang">' in part.text
    assert "<html" not in part.text
    browser.post("/incoming/register", PAPER)
    assert incoming.get(1).sender_code == "H99.10"


@pytest.mark.parametrize("path", ["/incoming/register", "/incoming/register/upload"])
def test_registering_is_for_clerks_with_a_token(portal: Portal, path: str) -> None:
    for username in ("chutich", "chuyenvien", "quantri"):
        assert portal.browser(username).post(path, PAPER).status_code == 403
        assert portal.browser(username).get("/incoming/register").status_code == 403
        assert portal.browser(username).get("/incoming/senders").status_code == 403
    clerk = portal.browser("vanthu")
    assert clerk.client.post(path, data=PAPER).status_code == 400
    assert portal.anonymous().post(path, PAPER).status_code == 303
    assert clerk.get("/incoming/register/upload").status_code == 405
    assert amount() == 0


def test_hostile_names_and_words_are_only_words(portal: Portal, letter: bytes) -> None:
    browser = portal.browser("vanthu")
    token = uploaded(browser, letter, "<img src=x onerror=alert(1)>.pdf")
    text = browser.get(f"/incoming/register?staged={token}").text
    assert "&lt;img src=x" in text
    assert "<img src=x" not in text
    answer = browser.post("/incoming/register", {**TYPED, "staged": token, "code": '"><script>alert(2)</script>'})
    assert "<script>alert" not in answer.text


def test_the_form_costs_few_statements(portal: Portal) -> None:
    browser = portal.browser("vanthu")
    with pages.counted() as statements:
        browser.get("/incoming/register?paper=1")
    assert len(statements) <= 15
