"""Logging in, one's own account, help, and the doors that are closed. Source: ASVS 5.0, 3.3, 7.2-7.4, 13.4.2."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from commune_portal import clock
from commune_portal.app import create_app, host_name
from commune_portal.people import accounts, sessions
from commune_portal.rules.permissions import Role
from commune_portal.store import database
from commune_portal.views.help import PAGES, render
from tests.cast import PASSWORD
from tests.views.portal import HTMX, Browser, Portal, founded, portal

__all__ = ["founded", "portal"]

NEW = "một câu mới hẳn hoi"


def test_a_stranger_is_sent_to_the_log_in_and_back_afterwards(portal: Portal) -> None:
    browser = portal.anonymous()
    answer = browser.get("/account")
    assert answer.status_code == 303
    assert answer.headers["Location"] == "/login?next=/account"
    browser.get("/login?next=/account")
    answer = browser.post("/login", {"username": "vanthu", "password": PASSWORD, "next": "/account"})
    assert answer.headers["Location"] == "/account"
    assert "Trần Thị Bình" in browser.get("/account").text


@pytest.mark.parametrize("foreign", ["https://evil.example/", "//evil.example", "/\\evil.example", "javascript:1"])
def test_a_log_in_never_leads_to_another_site(portal: Portal, foreign: str) -> None:
    browser = portal.anonymous()
    answer = browser.post("/login", {"username": "vanthu", "password": PASSWORD, "next": foreign})
    assert answer.headers["Location"] == "/"


def test_htmx_is_told_to_load_the_log_in_page(portal: Portal) -> None:
    answer = portal.anonymous().get("/account", headers=HTMX)
    assert answer.status_code == 401
    assert answer.headers["HX-Redirect"] == "/login"
    assert "<html" not in answer.text


def test_a_wrong_password_stays_on_the_form_and_loses_only_the_password(portal: Portal) -> None:
    answer = portal.anonymous().post("/login", {"username": "vanthu", "password": "sai bét nhè"})
    assert answer.status_code == 401
    assert "không đúng" in answer.text
    assert 'value="vanthu"' in answer.text
    assert "sai bét nhè" not in answer.text


def test_too_many_wrong_passwords_are_throttled(portal: Portal) -> None:
    browser = portal.anonymous()
    seen = [browser.post("/login", {"username": "vanthu", "password": "sai"}).status_code for _ in range(6)]
    assert seen == [401] * 5 + [429]
    assert browser.post("/login", {"username": "vanthu", "password": PASSWORD}).status_code == 429
    assert portal.browser("chutich").get("/account").status_code == 200


def test_logging_in_needs_the_token_of_its_form(portal: Portal) -> None:
    answer = portal.app.test_client().post("/login", data={"username": "vanthu", "password": PASSWORD})
    assert answer.status_code == 400


def test_the_cookie_is_closed_to_scripts_and_other_sites_and_names_its_installation(portal: Portal) -> None:
    browser = portal.anonymous()
    cookie = browser.log_in("vanthu").headers["Set-Cookie"]
    uid = database.row("SELECT uid FROM installation")[0]
    assert cookie.startswith(f"portal_{uid[-12:]}=")
    assert "HttpOnly" in cookie
    assert "SameSite=Lax" in cookie


def test_the_session_is_new_after_logging_in(portal: Portal) -> None:
    first, second = portal.browser("vanthu"), portal.browser("vanthu")
    tokens = {row[0] for row in database.rows("SELECT token_sha256 FROM sessions")}
    assert len(tokens) == 2
    first.post("/logout")
    assert first.get("/account").status_code == 303
    assert second.get("/account").status_code == 200


def test_a_cookie_of_another_installation_opens_nothing(portal: Portal) -> None:
    name = portal.app.config["SESSION_COOKIE_NAME"]
    mine = Browser(create_app(portal.cast.settings))
    mine.log_in("vanthu")
    stolen = mine.client.get_cookie(name)
    assert stolen is not None
    for change in ({"SESSION_COOKIE_NAME": "portal_another"}, {"SECRET_KEY": b"of another installation"}, {}):
        app = create_app(portal.cast.settings)
        app.config.update(change)
        stranger = app.test_client()
        stranger.set_cookie(name, stolen.value)
        assert stranger.get("/account").status_code == (303 if change else 200)


def test_a_route_that_forgot_to_ask_is_closed_all_the_same(portal: Portal) -> None:
    app = create_app(portal.cast.settings)
    app.add_url_rule("/forgotten", "forgotten", lambda: "secret")
    assert Browser(app).get("/forgotten").status_code == 303
    mine = Browser(app)
    mine.log_in("vanthu")
    assert mine.get("/forgotten").text == "secret"


def test_what_the_cookie_held_before_logging_in_is_dropped(portal: Portal) -> None:
    browser = portal.anonymous()
    browser.get("/login")
    with browser.client.session_transaction() as held:
        held["planted"] = "by somebody else"
    browser.log_in("vanthu")
    with browser.client.session_transaction() as held:
        assert "planted" not in held


def test_a_change_of_password_ends_the_sessions_elsewhere(portal: Portal) -> None:
    here, elsewhere = portal.browser("vanthu"), portal.browser("vanthu")
    answer = here.post("/account/password", {"old_password": PASSWORD, "new_password": NEW, "again": NEW})
    assert answer.status_code == 303
    assert here.get("/account").status_code == 200
    assert elsewhere.get("/account").status_code == 303
    assert portal.anonymous().log_in("vanthu").status_code == 401
    assert portal.anonymous().log_in("vanthu", NEW).status_code == 303


@pytest.mark.parametrize(
    ("old", "new", "again", "word"),
    [
        ("sai", NEW, NEW, "hiện tại không đúng"),
        (PASSWORD, NEW, "khác hẳn đi", "chưa giống nhau"),
        (PASSWORD, "ngắn", "ngắn", "ít nhất 10"),
        (PASSWORD, PASSWORD, PASSWORD, "phải khác"),
        ("", "", "", "chưa nhập"),
    ],
)
def test_a_password_that_cannot_be_taken_is_refused_with_its_reason(
    portal: Portal, old: str, new: str, again: str, word: str
) -> None:
    browser = portal.browser("vanthu")
    answer = browser.post("/account/password", {"old_password": old, "new_password": new, "again": again})
    assert answer.status_code == 422
    assert word in answer.text
    assert NEW not in answer.text
    assert browser.get("/account").status_code == 200


def test_disabling_ends_the_sessions_at_once(portal: Portal) -> None:
    browser = portal.browser("vanthu")
    accounts.disable(portal.cast.administrator, portal.cast.clerk.id)
    assert browser.get("/account").status_code == 303


def test_new_roles_hold_from_the_next_page_on(portal: Portal) -> None:
    browser = portal.browser("vanthu")
    assert browser.get("/administration/users").status_code == 403
    accounts.change(
        portal.cast.administrator,
        portal.cast.clerk.id,
        full_name="Trần Thị Bình",
        position="",
        unit="",
        roles=[Role.ADMINISTRATOR],
    )
    assert browser.get("/administration/users").status_code == 200


def test_idleness_ends_the_session_and_the_bell_does_not_keep_it(portal: Portal) -> None:
    start = datetime(2026, 11, 23, 1, 0, tzinfo=UTC)
    with clock.standing_at(start):
        browser = portal.browser("vanthu")
    for minutes in range(5, 31, 5):
        with clock.standing_at(start + timedelta(minutes=minutes)):
            assert browser.get("/bell", headers=HTMX).status_code in (200, 204)
    with clock.standing_at(start + timedelta(minutes=31)):
        answer = browser.get("/bell", headers=HTMX)
        assert answer.status_code == 401
        assert answer.headers["HX-Redirect"] == "/login"
        assert sessions.count_of(portal.cast.clerk.id) == 0


def test_the_first_log_in_leads_to_a_password_of_ones_own(portal: Portal) -> None:
    password = accounts.reset_password(portal.cast.administrator, portal.cast.clerk.id)
    browser = portal.anonymous()
    assert browser.log_in("vanthu", password).status_code == 303
    for path in ("/account", "/help"):
        answer = browser.get(path)
        if path == "/account":
            assert answer.headers["Location"] == "/account/password"
        else:
            assert answer.status_code == 200, "help is open to everybody"
    form = browser.get("/account/password")
    assert "lần đăng nhập đầu" in form.text
    assert 'id="menu"' not in form.text
    assert 'id="bell"' not in form.text, "it would load the form anew while somebody types"
    browser.post("/account/password", {"old_password": password, "new_password": NEW, "again": NEW})
    assert browser.get("/account").status_code == 200


def test_the_bell_answers_nothing_when_nothing_changed(portal: Portal) -> None:
    browser = portal.browser("vanthu")
    first = browser.get("/bell", headers=HTMX)
    assert 'id="bell"' in first.text
    address = first.text.partition('hx-get="')[2].partition('"')[0]
    assert browser.get(address, headers=HTMX).status_code == 204


def test_the_menu_holds_what_the_roles_carry(portal: Portal) -> None:
    administrator = portal.browser("quantri").get("/account").text
    specialist = portal.browser("chuyenvien").get("/account").text
    assert 'href="/administration/users"' in administrator
    assert "/administration/" not in specialist
    assert 'href="/incoming"' not in administrator, "an administrator sees no documents"
    assert 'href="/incoming"' in specialist


@pytest.mark.parametrize("host", ["evil.example", "evil.example:8080", "127.0.0.1.evil.example", ""])
def test_another_host_name_is_refused(portal: Portal, host: str) -> None:
    answer = portal.app.test_client().get("/login", headers={"Host": host})
    assert answer.status_code == 400
    assert "<html" not in answer.text


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1:8080", "[::1]:8080", "LOCALHOST:1"])
def test_the_names_of_this_computer_are_answered(portal: Portal, host: str) -> None:
    assert portal.app.test_client().get("/login", headers={"Host": host}).status_code == 200


def test_a_host_header_is_read_without_port_and_brackets() -> None:
    assert [host_name(text) for text in ("a:1", "[::1]:80", "A", "")] == ["a", "::1", "a", ""]


def test_what_was_logged_out_is_gone_on_every_page(portal: Portal) -> None:
    browser: Browser = portal.browser("vanthu")
    assert browser.client.get("/logout").status_code == 405
    assert browser.post("/logout").status_code == 303
    assert browser.get("/account").status_code == 303


@pytest.mark.parametrize("name", PAGES)
def test_every_page_of_the_manual_is_open_to_everybody(portal: Portal, name: str) -> None:
    answer = portal.anonymous().get(f"/help/{name}")
    assert answer.status_code == 200
    assert "<article" in answer.text


def test_a_page_of_help_that_is_not_there_is_not_found(portal: Portal) -> None:
    for name in ("khong-co", "..%2Fapp", "bat-dau.md"):
        assert portal.anonymous().get(f"/help/{name}").status_code == 404


def test_the_manual_is_rendered_and_escaped() -> None:
    made = render(
        "Chữ <b> **đậm** và `mã` [đây](/help)\n\n## Mục\n\n- một\n- hai {Alt}\n\n1. ba"
        "\n\n| A | B |\n|---|---|\n| 1 | 2 |"
    )
    assert "&lt;b&gt;" in made
    for tag in (
        "<strong>đậm</strong>", "<code>mã</code>", '<a href="/help">đây</a>', "<h2>Mục</h2>",
        "<ul><li>một</li><li>hai <kbd>Alt</kbd></li></ul>", "<ol><li>ba</li></ol>", "<td>2</td>",
    ):  # fmt: skip
        assert tag in made, tag
    assert "javascript" not in render("[x](javascript:alert)").partition('href="')[2]
