"""Another PC of the house works through the TLS door: a real browser, both fronts, with and without the root."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Error, sync_playwright

from commune_portal.store import database
from commune_portal.wire.lan_addresses import PLAIN_SENTENCE
from tests.browser import DESK, FLAGS, PHONE, axe_violations, chromium_path, overflow_pixels, picture
from tests.cast import PASSWORD, cheap_passwords, office_at
from tests.stories.lan_stage import NAME, Front, House, standing, with_door

pytestmark = pytest.mark.story

NOBODY = 65534


@pytest.fixture(params=["builtin", "nginx"])
def house(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[House]:
    cheap_passwords()
    front: Front = request.param
    cast = office_at(tmp_path / "office")
    with standing(with_door(cast.settings, front), tmp_path) as found:
        yield found
    database.close()


@pytest.fixture
def home() -> Iterator[Path]:
    """The home folder of somebody who is not the administrator of this PC."""
    folder = Path(tempfile.mkdtemp(prefix="lan-home-"))
    if os.geteuid() == 0:
        os.chown(folder, NOBODY, NOBODY)
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


def browser_at(home: Path) -> dict[str, object]:
    """How a browser of somebody with this home folder is started; it knows where the portal's name leads."""
    flags = [*FLAGS, f"--host-resolver-rules=MAP {NAME} 127.0.0.1"]
    return {"executable_path": chromium_path(), "args": flags, "env": {**os.environ, "HOME": str(home)}}


def trust(house: House, home: Path) -> None:
    """What a person does on a Linux PC: downloads the script from the page, compares, agrees."""
    connection = house.connection()
    connection.request("GET", "/lan/trust.sh")
    script = home / "tin-cay.sh"
    script.write_bytes(connection.getresponse().read())
    connection.close()
    done = subprocess.run(
        ["sh", str(script)], input="C\n", capture_output=True, text=True, timeout=60, check=False,
        env={**os.environ, "HOME": str(home)}, user=NOBODY if os.geteuid() == 0 else None,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    assert house.root.fingerprint in done.stdout
    assert house.root.fingerprint.replace(":", " ")[:23] in done.stdout


def log_in(browser: Browser, address: str) -> list[dict[str, object]]:
    context = browser.new_context(locale="vi-VN")
    page = context.new_page()
    page.goto(f"{address}/login")
    page.fill("input[name=username]", "vanthu")
    page.fill("input[name=password]", PASSWORD)
    page.click("main button")
    page.wait_for_selector(".user-name")
    return [dict(cookie) for cookie in context.cookies()]


def test_a_browser_works_once_the_root_is_trusted_and_not_before(house: House, home: Path) -> None:
    address = f"https://{NAME}:{house.port}"
    with sync_playwright() as playwright:
        stranger = playwright.chromium.launch(**browser_at(home))  # type: ignore[arg-type]  # built by name above
        with pytest.raises(Error, match="ERR_CERT_AUTHORITY_INVALID"):
            stranger.new_page().goto(f"{address}/login")
        stranger.close()
        trust(house, home)
        browser = playwright.chromium.launch(**browser_at(home))  # type: ignore[arg-type]  # built by name above
        cookies = log_in(browser, address)
        assert [(cookie["secure"], cookie["httpOnly"], cookie["path"]) for cookie in cookies] == [(True, True, "/")]
        assert str(cookies[0]["name"]).startswith("__Host-portal_")
        by_number = log_in(browser, f"https://127.0.0.1:{house.port}")
        assert by_number[0]["secure"] is True
        browser.close()
    addresses = {row[0] for row in database.rows("SELECT DISTINCT address FROM sessions")}
    assert addresses == {"127.0.0.1"}


def test_one_browser_on_the_server_uses_both_doors_at_once(house: House, home: Path) -> None:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(**browser_at(home))  # type: ignore[arg-type]  # as above
        context = browser.new_context(locale="vi-VN", ignore_https_errors=True)
        page = context.new_page()
        doors = (f"http://127.0.0.1:{house.settings.server.port}", f"https://127.0.0.1:{house.port}")
        for door in doors:
            page.goto(f"{door}/login")
            page.fill("input[name=username]", "vanthu")
            page.fill("input[name=password]", PASSWORD)
            page.click("main button")
            page.wait_for_selector(".user-name")
        for door in doors:  # neither log-in ended the other
            page.goto(f"{door}/account")
            assert page.url == f"{door}/account"
        assert sorted((cookie["name"][:7], cookie["secure"]) for cookie in context.cookies()) == [
            ("__Host-", True), ("portal_", False),
        ]  # fmt: skip
        page.goto(f"{doors[1]}/account")  # a POST by TLS: token, cookie and referrer must agree
        page.click("summary:has(.user-name)")
        page.click("button:has-text('Đăng xuất')")
        page.wait_for_url(re.compile("/login"))
        page.goto(f"{doors[0]}/account")
        assert page.url == f"{doors[0]}/account"
        browser.close()


def test_a_post_from_a_foreign_page_is_refused_by_tls(house: House) -> None:
    connection = house.connection()
    connection.request("GET", "/login")
    answer = connection.getresponse()
    token = re.search(r'name="csrf_token" value="([^"]+)"', answer.read().decode())
    cookie = str(answer.getheader("Set-Cookie")).partition(";")[0]
    assert token
    body = f"csrf_token={token[1]}&username=vanthu&password=x"
    kind = {"Cookie": cookie, "Content-Type": "application/x-www-form-urlencoded"}
    for referrer, status in (("https://evil.example/", 400), (f"https://127.0.0.1:{house.port}/login", 401)):
        connection.request("POST", "/login", body, {**kind, "Referer": referrer})
        found = connection.getresponse()
        found.read()
        assert found.status == status, referrer
    connection.close()


def test_a_cookie_of_the_plain_door_opens_nothing_by_tls(house: House) -> None:
    plain = house.loopback()
    plain.request("GET", "/login")
    answer = plain.getresponse()
    answer.read()
    cookie = str(answer.getheader("Set-Cookie"))
    plain.close()
    assert "Secure" not in cookie
    assert not cookie.startswith("__Host-")
    connection = house.connection()
    connection.request("GET", "/login", headers={"Cookie": cookie.partition(";")[0]})
    answer = connection.getresponse()
    answer.read()
    assert "__Host-" in str(answer.getheader("Set-Cookie")), "the old session was taken up"
    connection.close()


def test_plain_http_is_answered_with_a_sentence_and_leads_nowhere(house: House) -> None:
    import http.client

    for path in ("/", "/login?next=/"):
        connection = http.client.HTTPConnection("127.0.0.1", house.port, timeout=10)
        connection.request("GET", path, headers={"Host": f"{NAME}:{house.port}"})
        answer = connection.getresponse()
        assert (answer.status, answer.getheader("Location")) == (400, None)
        assert answer.read().decode().strip() == PLAIN_SENTENCE.strip()
        assert answer.getheader("Content-Type") == "text/plain; charset=utf-8"
        connection.close()


@pytest.mark.parametrize(
    ("host", "status"),
    [(NAME, 200), ("127.0.0.1", 200), ("192.168.9.9", 200), ("[fd00::1]:8443", 200), ("evil.example", 400), ("", 400)],
)
def test_only_names_of_the_house_and_literal_addresses_are_answered(house: House, host: str, status: int) -> None:
    connection = house.connection()
    connection.putrequest("GET", "/login", skip_host=True)
    connection.putheader("Host", host)
    connection.endheaders()
    answer = connection.getresponse()
    answer.read()
    assert answer.status == status
    connection.close()


def test_what_a_client_claims_about_itself_is_not_believed(house: House) -> None:
    lies = {
        "X-Forwarded-For": "10.9.9.9",
        "X-Forwarded-Proto": "http",
        "Forwarded": "for=10.9.9.9",
        "X-Real-IP": "10.9.9.9",
    }
    connection = house.connection()
    connection.request("GET", "/login", headers={**lies, "X-Portal-Front": "x"})
    answer = connection.getresponse()
    answer.read()
    assert "__Host-" in str(answer.getheader("Set-Cookie"))
    connection.close()
    plain = house.loopback()
    plain.request("GET", "/login", headers={**lies, "X-Forwarded-Proto": "https"})
    answer = plain.getresponse()
    answer.read()
    assert "__Host-" not in str(answer.getheader("Set-Cookie"))
    plain.close()


def test_the_pages_about_the_door_can_be_read_at_a_desk_and_on_a_phone(house: House, home: Path) -> None:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(**browser_at(home))  # type: ignore[arg-type]  # as above
        for size in (DESK, PHONE):
            context = browser.new_context(
                locale="vi-VN", ignore_https_errors=True, viewport={"width": size[0], "height": size[1]}
            )
            page = context.new_page()
            page.goto(f"https://{NAME}:{house.port}/lan")
            assert axe_violations(page) == []
            assert overflow_pixels(page) == 0
            picture(page, f"lan-open-{size[0]}", whole=True)
            page.goto(f"https://{NAME}:{house.port}/login")
            page.fill("input[name=username]", "quantri")
            page.fill("input[name=password]", PASSWORD)
            page.click("main button")
            page.wait_for_selector("h1")
            page.goto(f"https://{NAME}:{house.port}/administration/lan")
            assert page.locator(".tag.good").inner_text() == "Đang mở"
            assert axe_violations(page) == []
            assert overflow_pixels(page) == 0
            picture(page, f"administration-lan-open-{size[0]}", whole=True)
            context.close()
        browser.close()
