"""The pages about the door for other computers, open and closed, and the files that they hand out."""

from __future__ import annotations

import base64
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from commune_portal.health import lan as door
from commune_portal.health.row import Level, Patient
from commune_portal.settings import Lan, Settings
from commune_portal.views import lan
from commune_portal.wire import lan_addresses, lan_authority
from tests.views.portal import Portal, founded, portal

__all__ = ["founded", "portal"]


@pytest.fixture
def closed(portal: Portal) -> Iterator[Portal]:
    """The app is shared by copies of the office: its settings are put back."""
    before = portal.app.config["PORTAL_SETTINGS"]
    portal.app.config["PORTAL_SETTINGS"] = portal.cast.settings
    yield portal
    portal.app.config["PORTAL_SETTINGS"] = before


@pytest.fixture
def opened(closed: Portal) -> Settings:
    settings = replace(closed.cast.settings, lan=Lan(enabled=True, port=1, names=("vanban.local",)))
    lan_authority.found(settings, "để thử", lan_addresses.wanted_names(settings))
    lan_authority.renew(settings)
    closed.app.config["PORTAL_SETTINGS"] = settings
    return settings


def test_while_the_door_is_closed_nothing_is_handed_out(closed: Portal) -> None:
    stranger = closed.anonymous()
    page = stranger.get("/lan")
    assert page.status_code == 200
    assert "chỉ dùng được ngay trên máy chủ" in page.text
    for name in ("root.crt", "root.pem", "trust.cmd", "trust.sh"):
        assert stranger.get(f"/lan/{name}").status_code == 404
    administrator = closed.browser("quantri")
    assert "lan enable" in administrator.get("/administration/lan").text
    assert administrator.get("/administration/lan/sheet.pdf").status_code == 404


def test_anyone_gets_the_root_and_nobody_a_key(closed: Portal, opened: Settings) -> None:
    stranger = closed.anonymous()
    root = lan_authority.root(opened)
    assert root is not None
    der = stranger.get("/lan/root.crt")
    assert (der.data, der.mimetype) == (root.der, "application/x-x509-ca-cert")
    assert stranger.get("/lan/root.pem").data == root.pem
    for name in ("", "/root.crt", "/root.pem", "/trust.cmd", "/trust.sh"):
        assert b"PRIVATE" not in stranger.get(f"/lan{name}").data
    page = stranger.get("/lan").text
    assert "https://vanban.local:1/" in page
    assert all(line in page for line in lan.fingerprint_lines(root.fingerprint))


def test_the_windows_script_is_plain_ascii_with_the_whole_certificate(closed: Portal, opened: Settings) -> None:
    script = closed.anonymous().get("/lan/trust.cmd").data
    text = script.decode("ascii")  # the command window of Windows 7 shows nothing else
    assert text.count("\r\n") == text.count("\n")
    written = text.partition('> "%PEM%" (')[2].partition(")\r\n")[0]
    pem = "\n".join(line.removeprefix("echo ") for line in written.split("\r\n") if line)
    root = lan_authority.root(opened)
    assert root is not None
    assert x509.load_pem_x509_certificate(pem.encode()).public_bytes(Encoding.DER) == root.der
    assert not set(written) & set("&|<>^%!"), "signs that the command window would act upon"
    assert "certutil -user -f -addstore Root" in text


def test_the_linux_script_is_sound_shell_and_carries_the_certificate(
    closed: Portal, opened: Settings, tmp_path: Path
) -> None:
    script = tmp_path / "tin-cay.sh"
    script.write_bytes(closed.anonymous().get("/lan/trust.sh").data)
    subprocess.run(["sh", "-n", str(script)], check=True, timeout=20)
    root = lan_authority.root(opened)
    assert root is not None
    assert base64.b64encode(root.der).decode()[:60] in script.read_text(encoding="utf-8")
    declined = subprocess.run(
        ["sh", str(script)], input="\n", capture_output=True, text=True, timeout=20, check=False,
        env={"HOME": str(tmp_path), "PATH": "/usr/bin:/bin"},
    )  # fmt: skip
    assert declined.returncode == 1
    assert root.fingerprint in declined.stdout
    assert not (tmp_path / ".pki").exists()


def test_an_office_name_cannot_speak_in_a_script() -> None:
    assert lan.without_marks("Ủy ban nhân dân xã Đông Hòa") == "Uy ban nhan dan xa Dong Hoa"
    assert lan.without_marks('X"; rm -rf / & %PATH% $(id) `id`\n!') == "X rm -rf   PATH id id"


def test_the_administrator_sees_that_nothing_answers_and_prints_the_sheet(closed: Portal, opened: Settings) -> None:
    administrator = closed.browser("quantri")
    page = administrator.get("/administration/lan").text
    assert "Không mở" in page
    assert "Không gì trả lời ở cổng 1" in page
    sheet = administrator.get("/administration/lan/sheet.pdf")
    assert sheet.mimetype == "application/pdf"
    text = subprocess.run(
        ["pdftotext", "-layout", "-", "-"], input=sheet.data, capture_output=True, timeout=30, check=True
    )
    words = text.stdout.decode().split()
    assert "https://vanban.local:1/" in words
    root = lan_authority.root(opened)
    assert root is not None
    pairs = [word for word in words if len(word) == 2 and set(word) <= set("0123456789ABCDEF")]
    assert root.fingerprint.split(":") == pairs[:32]


@pytest.mark.parametrize("path", ["/administration/lan", "/administration/lan/sheet.pdf"])
@pytest.mark.parametrize("username", ["vanthu", "chutich", "chuyenvien"])
def test_others_are_refused(closed: Portal, opened: Settings, path: str, username: str) -> None:
    assert closed.browser(username).get(path).status_code == 403


def test_the_health_row_says_what_is_wrong_with_the_door(opened: Settings) -> None:
    def row() -> tuple[Level, str]:
        found = door.check(Patient(opened, None, thorough=False))[0]
        return found.level, found.what

    assert row() == (Level.FAIL, "Cửa https cổng 1: không mở")
    lan_authority.server_path(opened).unlink()
    assert row()[0] is Level.FAIL
    assert door.check(Patient(replace(opened, lan=Lan()), None, thorough=False)) == []


def test_the_cookie_goes_by_the_door_that_the_request_came_through(closed: Portal) -> None:
    plain = closed.app.test_client().get("/login").headers["Set-Cookie"]
    assert plain.startswith("portal_")
    assert "Secure" not in plain
    secure = closed.app.test_client().get("/login", base_url="https://localhost").headers["Set-Cookie"]
    assert secure.startswith("__Host-portal_")
    assert all(word in secure for word in ("Secure", "HttpOnly", "Path=/", "SameSite=Lax"))
    assert "Domain" not in secure
