"""An office's life on a bare Debian without Python and without network, and a node beside it: the whole way of a stick.

Every step is what an operator, a clerk or an accident does; the table that is printed says how long each took.
"""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from commune_portal import __version__, settings
from commune_portal.documents import verification
from tests.deploy import bundles, machines
from tests.deploy.clerk import Clerk, Form
from tests.deploy.installed import ACCOUNT, BACKUPS, CONFIG, HOME, PROGRAM, STATE, Installed
from tests.deploy.machines import Machine
from tests.deploy.paces import CLERK_PASSWORD, LEADER_PASSWORD, Steps, arrive_one, problems

pytestmark = [pytest.mark.deploy]

CEILING_SECONDS = 900
OFFICE_ADDRESS, NODE_ADDRESS = "10.9.0.1", "10.9.0.2"
NEWER, BROKEN_DATA, BROKEN_SERVICE = "90.1.0", "90.2.0", "90.3.0"
DROPPED = "DROP TABLE calls;\n"


@pytest.fixture
def another() -> Iterator[Callable[[str], Installed]]:
    """Makes bare machines."""
    folder = Path(tempfile.mkdtemp(prefix="machines-"))
    found: list[Installed] = []

    def make(name: str) -> Installed:
        found.append(Installed(Machine(name, folder)))
        return found[-1]

    try:
        yield make
    finally:
        for each in found:
            each.machine.close()
            each.close()
        shutil.rmtree(folder, ignore_errors=True)


def test_an_office_lives_from_a_stick_through_every_accident(
    another: Callable[[str], Installed], capsys: pytest.CaptureFixture[str]
) -> None:
    office, node = another("office"), another("node")
    steps = Steps(CEILING_SECONDS)
    stick = bundles.built(__version__, 1, "linux")
    steps.done("stick built, or found built")
    _install(office, stick)
    steps.done("office installed, no Python and no network there")
    _install_node(node, stick)
    machines.join(office.machine, OFFICE_ADDRESS, node.machine, NODE_ADDRESS)
    _open_tls(node)
    steps.done("node installed, TLS in front")
    clerk = _first_run(office, _enrolment_file(node))
    steps.done("first run in the browser, enrolled over https")
    pin = _declare_signers(office)
    steps.done("tokens declared, leader and seal")
    _send_one(office, pin, "Kế hoạch phòng, chống lụt, bão năm nay")
    arrive_one(clerk, "Về việc rà soát hộ nghèo đợt một")
    steps.done("registered, signed with a token, relayed to the other machine")
    office.plug_in(bundles.built(NEWER, 2, "linux"))
    assert office.install()["outcome"] == "done"
    assert office.wait_alive("serving")["version"] == NEWER
    _send_one(office, pin, "Thông báo lịch tiếp công dân")
    assert _numbers(office) == [1, 2]
    steps.done("upgraded; the series goes on")
    _mend(office)
    steps.done("program files lost: mended by the same stick")
    _refuse_and_roll_back(office)
    steps.done("two broken releases: one refused on a copy, one rolled back by itself")
    paper, backup = _back_up(office, clerk)
    steps.done("recovery key on paper; backup closed, written and proven")
    _send_one(office, pin, "Giấy mời họp giao ban")
    office.machine.cut_power()
    fresh = another("office-2")
    _restore(fresh, office, backup, paper)
    steps.done("one more document, then the disk dies: restored on another machine by the paper key")
    machines.join(fresh.machine, OFFICE_ADDRESS, node.machine, NODE_ADDRESS)
    _reconcile(fresh, node)
    _send_one(fresh, pin, "Thông báo kết quả họp giao ban")
    assert _numbers(fresh) == [1, 2, 3, 4]
    steps.done("enrolled anew, the lost number brought back from the node, the series goes on")
    _uninstall(fresh)
    steps.done("uninstalled; the data stay and verify")
    with capsys.disabled():
        print(steps.table())


def _install(office: Installed, stick: Path) -> None:
    machine = office.machine
    assert machine.interfaces() == ["lo"]
    assert machine.shell("command -v python3 || command -v python", codes=(1, 127)).out == ""
    office.plug_in(stick)
    first = office.install()
    assert first["outcome"] == "done", first
    assert office.wait_alive("first-run")["version"] == __version__
    again = office.install()
    assert again["outcome"] == "done"
    assert machine.shell(f"stat -c %U {HOME}").out.strip() == ACCOUNT
    assert machine.run("commune-portal", "--version").out.strip().endswith(__version__)
    machine.shell(f"install -d -o {ACCOUNT} -g {ACCOUNT} -m 700 {HOME}/softhsm {HOME}/softhsm/tokens")
    conf = f"directories.tokendir = {HOME}/softhsm/tokens\nobjectstore.backend = file\nlog.level = ERROR\n"
    machine.path("/etc/softhsm/softhsm2.conf").write_text(conf, encoding="ascii")
    machine.shell("chmod -R a+rX /etc/softhsm")


def _install_node(node: Installed, stick: Path) -> None:
    node.plug_in(stick)
    node.install("--role", "node")
    code = node.machine.path(f"{STATE}/first-run.code").read_text(encoding="ascii").strip()
    browser = node.browser()
    node.wait_alive("first-run")
    browser.open(f"{browser.address}/first-run?code={code}")
    browser.open("/first-run/office")
    answer = browser.submit(
        browser.page.form("operator_username"),
        code="H99", name="Nút liên thông cấp trên", place="Đông Hòa", code_confirmed="on", clock_ok="on",
        operator_username="vanhanh", operator_full_name="Phạm Gia Huy", operator_password=CLERK_PASSWORD,
        operator_password_again=CLERK_PASSWORD,
    )  # fmt: skip
    assert answer.status == 200, problems(answer.text)
    node.wait_alive("serving")


def _open_tls(node: Installed) -> None:
    node.portal("lan", "enable", "--front", "nginx", "--host", NODE_ADDRESS, "--name", NODE_ADDRESS, "--json")
    node.restart()
    node.start_tls()


def _enrolment_file(node: Installed) -> bytes:
    """Makes two members at the node: the other commune, which is a process of that machine, and the office."""
    other = f"{HOME}/binh-tan"
    node.portal("node", "add-office", "H99.02", "Ủy ban nhân dân xã Bình Tân", "--out", f"{HOME}/other.ghinoi.json")
    node.portal("node", "add-office", "H99.01", "Ủy ban nhân dân xã An Phú", "--out", f"{HOME}/office.ghinoi.json")
    node.portal("init", "--role", "office", "--place", "Bình Tân", "--node", f"{HOME}/other.ghinoi.json", "--port",
                "8090", config=f"{other}/portal.toml")  # fmt: skip
    node.start_beside(f"{other}/portal.toml")
    return node.machine.path(f"{HOME}/office.ghinoi.json").read_bytes()


def _first_run(office: Installed, enrolment: bytes) -> Clerk:
    clerk = office.browser()
    code = office.machine.path(f"{STATE}/first-run.code").read_text(encoding="ascii").strip()
    assert clerk.open(f"{clerk.address}/first-run?code=wrong").status == 403
    clerk.open(f"{clerk.address}/first-run?code={code}")
    clerk.open("/first-run/office")
    answer = clerk.submit(
        clerk.page.form("clerk_username"),
        files={"enrolment": ("an-phu.ghinoi.json", enrolment)},
        code="H99.01", name="Ủy ban nhân dân xã An Phú", place="An Phú", abbreviation="UBND", code_confirmed="on",
        administrator="same", clerk_username="vanthu", clerk_full_name="Trần Thị Mai", clerk_password=CLERK_PASSWORD,
        clerk_password_again=CLERK_PASSWORD, token="/usr/lib/softhsm/libsofthsm2.so", clock_ok="on",
    )  # fmt: skip
    assert answer.status == 200, problems(answer.text)
    office.wait_alive("serving")
    clerk.log_in("vanthu", CLERK_PASSWORD)
    assert "An Phú" in clerk.open("/").text
    return clerk


def _declare_signers(office: Installed) -> str:
    text = (Path(__file__).parent / "signers.py").read_text(encoding="utf-8")
    made = json.loads(office.python("-", CONFIG, LEADER_PASSWORD, stdin=text).splitlines()[-1])
    return str(made["pin"])


def _send_one(office: Installed, pin: str, subject: str) -> str:
    """Drafts, signs, numbers, seals and sends to the other commune; waits for the node's receipt."""
    desk = office.desk()
    try:
        body = "Thực hiện kế hoạch công tác năm, Ủy ban nhân dân xã thông báo như sau."
        document = desk("draft", by="vanthu", type_code="TB", subject=subject, signer="chutich", body=body)
        deadline = time.monotonic() + 60
        while "H99.02" not in desk("queue")["reachable"]:
            assert time.monotonic() < deadline, f"the other commune is not in the directory: {desk('queue')}"
            time.sleep(0.3)
        desk("submit", by="vanthu", document=document)
        desk("approve", by="chutich", document=document)
        desk("sign", by="chutich", document=document, pin=pin)
        number = str(desk("number", by="vanthu", document=document))
        desk("seal", by="vanthu", document=document, pin=pin)
        desk("send", by="vanthu", document=document, to=["H99.02"])
        deadline = time.monotonic() + 60
        while not desk("receipts_of", document=document):
            assert time.monotonic() < deadline, f"no receipt: {desk('queue')}; {office.log()}"
            time.sleep(0.3)
    finally:
        desk.close()
    return number


def _numbers(office: Installed) -> list[int]:
    """The numbers that the book of outgoing documents has given, in order."""
    return office.rows("SELECT number FROM outgoing WHERE number IS NOT NULL ORDER BY number")


def _mend(office: Installed) -> None:
    """A virus scanner took files away, the interpreter's among them, and a bit flipped: the stick gives them back."""
    folder = f"{PROGRAM}/releases/{NEWER}"
    office.machine.shell(
        f"rm -r {folder}/lib/python3.11/encodings {folder}/release.json; echo >> {folder}/site-packages/peewee.py"
    )
    assert office.machine.run(f"{folder}/bin/commune-portal", "--version", codes=(1,)).err
    answer = office.install()
    assert answer["outcome"] == "done", answer
    assert "Đã sửa: " in answer["words"], answer
    assert office.wait_alive("serving")["version"] == NEWER
    assert office.machine.shell(f"cd {folder} && sha256sum --quiet -c FILES.sha256").out == ""
    assert _numbers(office) == [1, 2]


def _refuse_and_roll_back(office: Installed) -> None:
    """A release that drops a table is refused on the copy; one whose portal does not start is taken back."""
    before = office.rows("SELECT count(*) FROM journal")[0]
    office.plug_in(bundles.built(BROKEN_DATA, 3, "linux", overlay={"store/migrations/0004_broken.sql": DROPPED}))
    refused = office.install(codes=(2,))
    assert refused["outcome"] == "kept", refused
    assert office.alive()["version"] == NEWER
    office.plug_in(bundles.built(BROKEN_SERVICE, 4, "linux", overlay={"listening.py": "raise SystemExit(7)\n"}))
    back = office.install(codes=(3,))
    assert back["outcome"] == "rolled-back", back
    assert office.wait_alive("serving")["version"] == NEWER
    assert office.rows("SELECT count(*) FROM journal")[0] >= before
    assert office.release("status", codes=(0, 1))["current"] == NEWER


def _back_up(office: Installed, clerk: Clerk) -> tuple[str, bytes]:
    """Prints the recovery key, confirms it from the paper, and writes a backup; answers the key and the file."""
    page = clerk.open("/administration/backup")
    sheet = clerk.submit(page.form("/administration/backup/key"))
    assert sheet.data.startswith(b"%PDF"), sheet.text[-800:]
    read = subprocess.run(["pdftotext", "-layout", "-", "-"], input=sheet.data, capture_output=True, check=True)
    text = read.stdout.decode()
    printed, _, below = text.partition("AGE-SECRET-KEY-1")[2].partition("Nhóm cuối")
    secret = "AGE-SECRET-KEY-1" + "".join(re.findall(r"\b[A-Z0-9]{3,5}\b", printed))
    last = re.search(r":\s+([A-Z0-9]{5})\n", below)
    assert last is not None, text
    clerk.open("/administration/backup")
    clerk.submit(clerk.page.form("group"), group=last[1])
    assert office.rows("SELECT count(*) FROM recovery_keys WHERE confirmed_at IS NOT NULL") == [1]
    assert json.loads(office.machine.run("commune-portal", "doctor", "--json", codes=(0, 1)).out)["level"] != "fail"
    made = json.loads(office.portal("backup", "--json"))
    assert made["ok"], made
    names = office.machine.shell(f"ls -t {BACKUPS}/*.age").out.split()
    data = office.machine.path(names[0]).read_bytes()
    assert b"SQLite format 3" not in data
    assert "Đã chứng minh" in clerk.open("/").text or "đã chứng minh" in clerk.page.text
    return secret, data


def _restore(fresh: Installed, lost: Installed, backup: bytes, paper: str) -> None:
    """Another computer, the same stick, the closed backup, the key from the paper; the tokens are plugged in anew."""
    fresh.plug_in(bundles.built(NEWER, 2, "linux"))
    fresh.install()
    clerk = fresh.browser()
    code = fresh.machine.path(f"{STATE}/first-run.code").read_text(encoding="ascii").strip()
    clerk.open(f"{clerk.address}/first-run?code={code}")
    page = clerk.open("/first-run/restore")
    wrong = clerk.submit(page.form("recovery_key"), {"file": ("s.zip.age", backup)}, backup="sent", recovery_key="")
    assert wrong.status == 422
    page = clerk.submit(page.form("recovery_key"), {"file": ("s.zip.age", backup)}, backup="sent", recovery_key=paper)
    assert page.status == 200, problems(page.text)
    assert fresh.wait_alive("serving")["version"] == NEWER
    subprocess.run(["cp", "-a", str(lost.machine.path(f"{HOME}/softhsm")), str(fresh.machine.path(HOME))], check=True)
    fresh.machine.shell(f"chown -R {ACCOUNT}:{ACCOUNT} {HOME}/softhsm")
    conf = lost.machine.path("/etc/softhsm/softhsm2.conf").read_text(encoding="ascii")
    fresh.machine.path("/etc/softhsm/softhsm2.conf").write_text(conf, encoding="ascii")
    fresh.machine.shell("chmod -R a+rX /etc/softhsm")


def _reconcile(fresh: Installed, node: Installed) -> None:
    """Enrols anew and walks through the guided page, as it leads."""
    node.portal("node", "add-office", "H99.01", "Ủy ban nhân dân xã An Phú", "--out", f"{HOME}/anew.ghinoi.json")
    clerk = fresh.browser()
    clerk.log_in("vanthu", CLERK_PASSWORD)
    page = clerk.open("/exchange/enrolment")
    file = node.machine.path(f"{HOME}/anew.ghinoi.json").read_bytes()
    clerk.submit(page.form("file"), {"file": ("anew.ghinoi.json", file)})
    deadline = time.monotonic() + 90
    while not any("bring-back" in form.action for form in clerk.open("/recovering").forms):
        assert time.monotonic() < deadline, fresh.log() + clerk.page.text[-3000:]
        time.sleep(0.5)
    clerk.submit(clerk.page.form("bring-back"))
    clerk.open("/recovering")
    clerk.submit(_with_highest(clerk.page.form("/recovering/paper")))
    clerk.open("/recovering")
    page = clerk.submit(clerk.page.form("/recovering/confirm"), nothing_more="on")
    assert page.status == 200, problems(page.text)
    assert fresh.rows("SELECT count(*) FROM restorations WHERE confirmed_at IS NULL") == [0], problems(page.text)
    assert _numbers(fresh) == [1, 2, 3]


def _with_highest(form: Form) -> Form:
    """The highest number of each book on paper is what the node has seen: 3 going out, 1 coming in."""
    for name in form.fields:
        if name != "csrf_token":
            form.fields[name] = "1" if "incoming" in name else "3"
    return form


def _uninstall(fresh: Installed) -> None:
    """The program goes; the register stays, and verifies with another program."""
    gone = fresh.release("uninstall")
    assert gone["outcome"] == "done", gone
    assert fresh.alive() == {}
    fresh.machine.shell("command -v commune-portal", codes=(1, 127))
    assert fresh.machine.shell(f"ls {PROGRAM}/releases 2>/dev/null; true").out == ""
    assert fresh.machine.path(f"{HOME}/data/register.sqlite3").exists()
    there = settings.load(fresh.machine.path(CONFIG))
    assert verification.verify_installation(there).faults == []
