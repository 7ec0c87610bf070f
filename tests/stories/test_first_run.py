"""From an empty folder to a signed document and an acceptance sheet, in one process and one browser.

The office's token is SoftHSM2 behind the driver that the form offers: for the portal it is a real module.
"""

from __future__ import annotations

import http.cookiejar
import json
import os
import re
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from commune_portal import clock, settings
from commune_portal.parties.supervisor import free_port
from commune_portal.people import founding
from commune_portal.signing import softhsm
from commune_portal.signing.authority import Authority, Holder, certificate_pem
from tests.browser import DESK, PHONE, OpenPage, Watch, axe_violations, overflow_pixels, picture

pytestmark = pytest.mark.story

CODE = "K7QF-2MZD-93XA"
PIN = "24681357"
OFFICE = "Ủy ban nhân dân xã An Phú"
CLERK, LEADER = "hoa sen trắng nở", "con đường phía trước"
ACCEPTANCE_SECONDS = 300.0


@dataclass
class Machine:
    """A computer on which the installer has been: a settings file, a code, a token, and a portal that serves."""

    folder: Path
    environment: dict[str, str]
    process: subprocess.Popen[str]
    address: str


def installed(folder: Path, role: str = "office") -> Path:
    """What the installer leaves behind."""
    folder.mkdir(parents=True)
    config = folder / "portal.toml"
    config.write_text(
        f'role = "{role}"\n\n[server]\nport = {free_port()}\n\n[paths]\nfirst_run_code = "first-run.code"\n'
        "allow_any_disk = true\n",
        encoding="utf-8",
    )
    (folder / "first-run.code").write_text(CODE + "\n", encoding="ascii")
    return config


def serving(config: Path, environment: dict[str, str]) -> Machine:
    process = subprocess.Popen(
        [sys.executable, "-m", "commune_portal", "--config", str(config), "serve"],
        stdout=subprocess.PIPE, text=True, encoding="utf-8", env=environment,
    )  # fmt: skip
    assert process.stdout is not None
    line = process.stdout.readline()
    assert "http://" in line, "the portal did not start"
    return Machine(config.parent, environment, process, line.split()[-1].rstrip("/"))


@pytest.fixture
def machine(tmp_path: Path) -> Iterator[Machine]:
    config = installed(tmp_path / "máy xã An Phú")
    authority = Authority.create("CA mô phỏng để thử")
    holders = (Holder(OFFICE, OFFICE, "H99.12"), Holder("Nguyễn Văn An", OFFICE, "H99.12", "Chủ tịch"))
    softhsm.provision(tmp_path / "hsm", [softhsm.TokenPlan("UBND An Phu", PIN, holders)], authority)
    trust = config.parent / "trust"
    trust.mkdir()
    (trust / "ca.pem").write_bytes(certificate_pem(authority.certificate_der))
    made = serving(config, {**os.environ, "PYTHONUTF8": "1", **softhsm.environment(tmp_path / "hsm")})
    try:
        yield made
    finally:
        made.process.send_signal(signal.SIGTERM)
        assert made.process.wait(60) == 0
        assert made.process.stdout is not None
        made.process.stdout.close()


def look(page: Page, name: str) -> None:
    """At both widths: nothing sticks out, axe has nothing to say; a picture for a person."""
    for size in (PHONE, DESK):
        page.set_viewport_size({"width": size[0], "height": size[1]})
        assert overflow_pixels(page) == 0, f"{name} at {size}"
        assert axe_violations(page) == [], f"{name} at {size}"
        picture(page, f"{name}-{size[0]}", whole=True)


def fill(page: Page, **values: str) -> None:
    for name, value in values.items():
        page.locator(f"[name={name}]").fill(value)


def log_in(page: Page, machine: Machine, username: str, password: str) -> None:
    page.context.clear_cookies()
    page.goto(machine.address + "/login")
    fill(page, username=username, password=password)
    page.get_by_role("button", name="Đăng nhập").click()
    expect(page.locator("details.user")).to_be_visible()


def test_an_office_begins_signs_and_is_accepted_in_one_browser(
    machine: Machine, open_page: OpenPage, watch: Watch
) -> None:
    watch.allow |= {403, 422}
    page = open_page()
    page.goto(machine.address + "/")
    page.get_by_label("Mã cài đặt").fill("sai")
    page.keyboard.press("Enter")
    expect(page.get_by_text("Mã không đúng").first).to_be_visible()
    look(page, "first-run-code")
    page.goto(f"{machine.address}/first-run?code={CODE}")
    assert CODE not in page.url
    look(page, "first-run-choose")
    page.get_by_role("link", name="Khôi phục từ bản sao lưu").click()
    look(page, "first-run-restore")
    page.go_back()
    page.get_by_role("link", name="Lập cơ quan mới").click()
    _found(page)
    _people_and_certificates(page, machine)
    _sign(page, machine)
    _accept(page, machine)


def _found(page: Page) -> None:
    page.get_by_role("button", name="Lập cơ quan").last.click()
    expect(page.locator(".error-summary")).to_be_visible()
    look(page, "first-run-errors")
    page.locator("[name=token]").select_option(softhsm.find_module())
    fill(page, name=OFFICE, code="H99.12", place="An Phú", clerk_full_name="Trần Thị Bình", clerk_username="vanthu")
    fill(page, clerk_password=CLERK, clerk_password_again=CLERK)
    page.get_by_role("button", name="Thử trình điều khiển này").click()
    expect(page.get_by_text("thấy 1 thiết bị, 2 chứng thư số")).to_be_visible()
    look(page, "first-run-office")
    page.locator("[name=clock_ok]").check()
    page.locator("[name=clock_ok]").press("Enter")
    expect(page.get_by_role("heading", name="Đăng nhập")).to_be_visible()
    fill(page, username="vanthu", password=CLERK)
    page.get_by_role("button", name="Đăng nhập").click()
    expect(page.get_by_role("button", name=re.compile("Tạo khóa"))).to_be_visible()


def _people_and_certificates(page: Page, machine: Machine) -> None:
    log_in(page, machine, "vanthu", CLERK)
    expect(page.get_by_role("heading", name="Việc còn lại sau khi cài đặt")).to_be_visible()
    look(page, "first-run-home")
    page.get_by_role("link", name="Tài khoản lãnh đạo và chuyên viên").click()
    page.goto(machine.address + "/administration/users/new")
    fill(page, username="chutich", full_name="Nguyễn Văn An", position="Chủ tịch")
    page.locator("input[name=roles][value=leader]").check()
    page.get_by_role("button", name="Tạo tài khoản").click()
    shown = re.search(r"\b[a-z2-9]{4}-[a-z2-9]{4}-[a-z2-9]{4}\b", page.locator("main").inner_text())
    assert shown is not None
    page.goto(machine.address + "/administration/office/mandates/new")
    page.locator("[name=account_id]").select_option(index=1)
    page.locator("[name=issuer_id]").select_option(index=1)
    fill(page, position="CHỦ TỊCH", valid_from=f"{clock.today():%d/%m/%Y}")
    page.get_by_role("button", name="Giao thẩm quyền").click()
    for action, holder in (("/issuers/", OFFICE), ("/mandates/", "Nguyễn Văn An")):
        page.goto(machine.address + "/administration/token")
        form = page.locator(f"form[action*='{action}']").first
        choices = form.locator("option").all_inner_texts()
        form.locator("select").select_option(label=next(text for text in choices if text.startswith(holder)))
        form.get_by_role("button").first.click()
        expect(page.get_by_text("Đã chọn chứng thư số")).to_be_visible()
    log_in(page, machine, "chutich", shown[0])
    fill(page, old_password=shown[0], new_password=LEADER, again=LEADER)
    page.get_by_role("button", name="Đổi mật khẩu").click()
    expect(page.locator(".notice.good")).to_be_visible()


def _sign(page: Page, machine: Machine) -> None:
    log_in(page, machine, "vanthu", CLERK)
    page.goto(machine.address + "/outgoing/draft")
    page.get_by_label("Loại văn bản").select_option("TB")
    page.get_by_label("Trích yếu").fill("Về việc mở sổ điện tử")
    page.locator("select[name=signer]").select_option(index=1)
    page.get_by_role("radio", name="Soạn trong hệ thống").check()
    page.locator("textarea[name=body]").fill("Từ hôm nay cơ quan dùng sổ điện tử.")
    page.get_by_role("button", name="Lưu và trình ký").click()
    expect(page.get_by_text("Chờ duyệt").first).to_be_visible()
    document = page.url
    for who, password, button, seen in (
        ("chutich", LEADER, re.compile("Ký số|Duyệt và ký"), "Đã ký"),
        ("vanthu", CLERK, "Cấp số và đóng dấu", "Đã phát hành"),
    ):
        log_in(page, machine, who, password)
        page.goto(document)
        page.locator("input[name=pin]").fill(PIN)
        page.get_by_role("button", name=button).click()
        expect(page.get_by_text(seen).first).to_be_visible(timeout=60_000)


def _accept(page: Page, machine: Machine) -> None:
    page.goto(machine.address + "/acceptance")
    look(page, "acceptance")
    expect(page.locator("[name=certificate]")).to_have_value(re.compile("[0-9a-f]{64}"))
    fill(page, pin=PIN)
    page.get_by_role("button", name="Bắt đầu").click()
    expect(page.get_by_text("Đang chạy")).to_be_visible()
    expect(page.get_by_text("Xong: dựng một nút và hai cơ quan")).to_be_visible(timeout=120_000)
    look(page, "acceptance-running")
    expect(page.get_by_role("heading", name="Các lần đã chạy")).to_be_visible(timeout=ACCEPTANCE_SECONDS * 1000)
    look(page, "acceptance-done")
    expect(page.locator("#progress h2")).to_have_text("ĐẠT")
    expect(page.get_by_text("ký bằng thiết bị thật")).to_be_visible()
    href = page.get_by_role("link", name="In biên bản nghiệm thu").get_attribute("href")
    assert href is not None
    sheet = page.context.request.get(machine.address + href).body()
    said = subprocess.run(["pdftotext", "-", "-"], input=sheet, capture_output=True, check=True, timeout=60).stdout
    assert "Kết quả diễn tập: ĐẠT" in said.decode()
    assert "thiết bị ký số của cơ quan" in said.decode()
    (result,) = (machine.folder / "acceptance").glob("*.json")
    assert json.loads(result.read_text(encoding="utf-8"))["token"] == "pkcs11"
    for path in machine.folder.rglob("*"):
        if path.is_file() and "softhsm" not in str(path):
            assert PIN.encode() not in path.read_bytes(), path


class Script:
    """What a test without a browser does: plain GET and POST with a cookie and the form's token."""

    def __init__(self, address: str) -> None:
        self.address = address
        self._open = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(http.cookiejar.CookieJar())).open
        self._token = ""

    def __call__(self, path: str, **fields: str) -> tuple[str, str]:
        """Opens a page, or posts a form; answers where it ended and what was there."""
        data = urllib.parse.urlencode({"csrf_token": self._token, **fields}).encode() if fields else None
        try:
            with self._open(self.address + path, data, timeout=60) as answer:
                url, text = answer.url, answer.read().decode()
        except urllib.error.HTTPError as error:
            raise AssertionError(f"{error.code}: {re.findall('class=.error.[^<]*', error.read().decode())}") from error
        found = re.search(r'name="csrf_token" value="([^"]+)"', text)
        self._token = found[1] if found else self._token
        return url, text


def test_a_script_founds_a_node_and_what_was_killed_begins_anew(tmp_path: Path) -> None:
    config = installed(tmp_path / "nút", "node")
    environment = {**os.environ, "PYTHONUTF8": "1"}
    cut = subprocess.run(
        [sys.executable, "-c", CUT_OFF, str(config)], env=environment, capture_output=True, timeout=120, check=False
    )
    assert cut.returncode == -signal.SIGKILL, cut.stderr.decode()
    assert settings.load(config).database_path.exists()
    machine = serving(config, environment)
    try:
        script = Script(machine.address)
        script(f"/first-run?code={CODE}")
        script("/first-run/office")
        url, _ = script(
            "/first-run/office", name="Nút tỉnh Lam Giang", code="H99", operator_full_name="Phạm Gia Huy",
            operator_username="vanhanh", operator_password=CLERK, operator_password_again=CLERK, clock_ok="1",
        )  # fmt: skip
        assert url.startswith(machine.address + "/login")
        _, home = script("/login", username="vanhanh", password=CLERK)
        assert "Nút tỉnh Lam Giang" in home
        assert json.loads(script("/alive")[1])["state"] == "serving"
    finally:
        machine.process.send_signal(signal.SIGTERM)
        assert machine.process.wait(60) == 0
        assert machine.process.stdout is not None
        machine.process.stdout.close()
    assert founding.is_founded(settings.load(config))


CUT_OFF = """
import os, signal, sys
from pathlib import Path
from commune_portal import points, settings
from commune_portal.people import founding
from commune_portal.people.founding import FirstPerson, Plan
from commune_portal.rules.permissions import Role
reached = []
def kill(point):
    reached.append(point)
    if reached.count("inside-founding") == 3:
        os.kill(os.getpid(), signal.SIGKILL)
points.hook = kill
people = (FirstPerson(username="ai", full_name="Ai Đó", roles=(Role.OPERATOR,)),)
founding.found(settings.load(Path(sys.argv[1])), Plan(code="H98", name="Nút lập dở", place="", people=people))
"""


def test_the_first_run_is_never_shown_to_another_computer(tmp_path: Path) -> None:
    config = installed(tmp_path / "máy")
    text = config.read_text(encoding="utf-8").replace("[server]\n", '[server]\nhost = "0.0.0.0"\n')
    config.write_text(text + "", encoding="utf-8")
    began = time.monotonic()
    ended = subprocess.run(
        [sys.executable, "-m", "commune_portal", "--config", str(config), "serve"],
        capture_output=True, text=True, encoding="utf-8", timeout=60, check=False,
        env={**os.environ, "PYTHONUTF8": "1"},
    )  # fmt: skip
    assert ended.returncode == 2, ended.stdout
    assert "chỉ mở trên chính máy này" in ended.stderr
    assert time.monotonic() - began < 60
