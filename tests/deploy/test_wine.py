"""An office's life on Windows, as far as Wine shows it: the stick's Windows half from CAI-DAT.exe to its end.

What Wine cannot show is the printed checklist for a pilot computer, `help/nghiem-thu.md`.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from commune_portal import __version__, settings
from commune_portal.documents import verification
from commune_portal.parties.supervisor import free_port
from commune_portal.signing import verify
from commune_portal.signing.reports import Chain
from commune_portal.signing.trust import TrustStore
from tests.deploy import bundles
from tests.deploy.clerk import Clerk
from tests.deploy.paces import CLERK_PASSWORD, LEADER_PASSWORD, Steps, arrive_one, problems
from tests.deploy.wine import Wine
from tests.deploy.wine_office import RESUME, SERVICE, SERVICE_KEY, UNINSTALL_KEY, WineOffice

pytestmark = [pytest.mark.wine]

CEILING_SECONDS = 900
NEWER, BROKEN = "90.1.0", "90.3.0"
SIGNERS = Path(__file__).parent / "signers.py"
TRIAL = "\n[token]\ntrial = true\n"


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder with a short name: paths under Wine grow long."""
    made = Path(tempfile.mkdtemp(prefix="wine-"))
    yield made
    shutil.rmtree(made, ignore_errors=True)


def test_an_old_windows_is_refused_before_anything_is_written(folder: Path) -> None:
    stick = bundles.built(__version__, 1, "windows")
    wine = Wine(folder, version="win7")
    try:
        wine.keep_alive()
        assert wine.call(str(stick / "CAI-DAT.exe"), "/S").code == 2
        python = wine.windows_path(stick / "bundle/windows/python/python.exe")
        said = wine.call(python, "-X", "utf8", "-m", "commune_portal", "release", "install", "--bundle",
                         wine.windows_path(stick), "--json", codes=(2,))  # fmt: skip
        assert "Máy này dùng Windows quá cũ để làm máy chủ" in said.out
        written = [path for path in wine.drive.rglob("*") if "CommunePortal" in path.name or path.name == "GO-BO.exe"]
        assert written == []
    finally:
        wine.close()


def test_an_office_on_windows_lives_from_its_stick(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    steps = Steps(CEILING_SECONDS)
    stick, newer = bundles.built(__version__, 1, "windows"), bundles.built(NEWER, 2, "windows")
    broken = bundles.built(BROKEN, 3, "windows", overlay={"listening.py": "raise SystemExit(7)\n"})
    steps.done("three sticks built, or found built")
    office = WineOffice(folder)
    figures: list[str] = []
    try:
        steps.done("a fresh Windows")
        _install(office, stick)
        steps.done("CAI-DAT.exe /S: files, registry, start menu, service, first page")
        clerk = _first_run(office, figures)
        steps.done("stopped, trial key allowed, started; founded in the browser")
        arrive_one(clerk, "Về việc rà soát hộ nghèo đợt một")
        pdf = _issue_one(office, clerk, "Thông báo lịch tiếp công dân")
        _validate(office, pdf, folder)
        figures.append(
            f"{office.resident_mb():6.1f} MB  resident after registering, signing, sealing (with Wine's part)"
        )
        steps.done("an arrival registered; a document drafted, signed, numbered, sealed; the PDF validated outside")
        _back_up(office)
        steps.done("backup, proven; drill")
        code, told = office.set_up(newer)
        assert code == 0, told
        assert f"Xong: nâng cấp {NEWER}" in told, told
        assert office.wait_alive("serving")["version"] == NEWER == office.current
        assert _numbers(office) == [1]
        steps.done("upgraded by a newer CAI-DAT.exe /S")
        _break_and_come_back(office, broken)
        steps.done("a broken release: back by itself, nothing lost")
        _same_again(office, newer)
        steps.done("the same stick again: nothing changes")
        _mend(office, newer)
        steps.done("program files lost: mended by the same CAI-DAT.exe")
        _cut_power(office)
        steps.done("power cut in the middle of a roll-back: the next boot settles it and serves")
        _roll_back(office)
        steps.done("rolled back on request, the register kept")
        _open_to_the_network(office)
        steps.done("TLS door opened, answered under our root, plain HTTP refused")
        _remove(office)
        steps.done("GO-BO.exe /S: the program is gone, the data stay and verify")
    finally:
        office.wine.close()
        with capsys.disabled():
            print(steps.table(), *(f"  {line}" for line in figures), sep="\n")
    assert steps.seconds < CEILING_SECONDS


def _install(office: WineOffice, stick: Path) -> None:
    code, told = office.set_up(stick)
    assert code == 0, told + office.log()
    assert "dấu vân tay nơi phát hành" in told, told
    found = office.wait_alive("first-run")
    assert found["version"] == __version__ == office.current
    key = office.registered(UNINSTALL_KEY)
    assert "GO-BO.exe" in key, key
    assert f'"DisplayVersion"="{__version__}"' in key, key
    for name, start in ((SERVICE, "pythonw.exe"), (RESUME, "pythonw.exe")):
        made = office.registered(f"{SERVICE_KEY}\\{name}")
        assert start in made, made
        assert '"Start"=dword:00000002' in made, made
    assert "LocalService" in office.registered(f"{SERVICE_KEY}\\{SERVICE}")
    assert any(name.endswith(".url") for name in office.menu), office.menu
    assert any(name.endswith(".lnk") for name in office.menu), office.menu


def _first_run(office: WineOffice, figures: list[str]) -> Clerk:
    office.stop()
    assert office.alive() == {}
    with office.config.open("a", encoding="utf-8") as file:
        file.write(TRIAL)
    seconds = office.start()
    figures.append(f"{seconds:6.1f} s   from the service's start to its first page (under Wine)")
    figures.append(f"{office.resident_mb():6.1f} MB  resident before the founding")
    code = (office.home / "state" / "first-run.code").read_text(encoding="ascii").strip()
    clerk = office.browser()
    assert clerk.open(f"{clerk.address}/first-run?code=wrong").status == 403
    clerk.open(f"{clerk.address}/first-run?code={code}")
    clerk.open("/first-run/office")
    answer = clerk.submit(
        clerk.page.form("clerk_username"),
        code="H99.01", name="Ủy ban nhân dân xã An Phú", place="An Phú", abbreviation="UBND", code_confirmed="on",
        administrator="same", clerk_username="vanthu", clerk_full_name="Trần Thị Mai", clerk_password=CLERK_PASSWORD,
        clerk_password_again=CLERK_PASSWORD, clock_ok="on",
    )  # fmt: skip
    assert answer.status == 200, problems(answer.text)
    office.wait_alive("serving")
    clerk.log_in("vanthu", CLERK_PASSWORD)
    assert "An Phú" in clerk.open("/").text
    signers = office.interpreter(office.wine.windows_path(SIGNERS), office.wine.windows_path(office.config))
    office.wine.call(*signers, LEADER_PASSWORD, codes=(0,))
    figures.append(f"{office.resident_mb():6.1f} MB  resident, founded and idle")
    return clerk


def _issue_one(office: WineOffice, clerk: Clerk, subject: str) -> bytes:
    """Drafted at a desk; signed, numbered and sealed through the pages, by the service; answers the issued PDF."""
    desk = office.desk()
    try:
        body = "Thực hiện kế hoạch công tác năm, Ủy ban nhân dân xã thông báo như sau."
        document = desk("draft", by="vanthu", type_code="TB", subject=subject, signer="chutich", body=body)
        desk("submit", by="vanthu", document=document)
    finally:
        desk.close()
    leader = office.browser()
    leader.log_in("chutich", LEADER_PASSWORD, LEADER_PASSWORD + " mới")
    page = leader.open(f"{leader.address}/outgoing/{document}")
    page = leader.submit(page.form("/sign"), pin="13572468")
    assert page.status == 200, problems(page.text)
    page = clerk.open(f"{clerk.address}/outgoing/{document}")
    page = clerk.submit(page.form("/issue"), pin="13572468")
    assert page.status == 200, problems(page.text)
    assert _numbers(office) == [1], problems(page.text)
    page = clerk.open(f"{clerk.address}/outgoing/{document}")
    links = [link for link in re.findall(r'href="([^"]+)"', page.text) if "pdf" in link or "file" in link]
    for link in links:
        data = clerk.open(link).data
        if data.startswith(b"%PDF"):
            return data
    raise AssertionError(f"no PDF among {links}")


def _validate(office: WineOffice, pdf: bytes, folder: Path) -> None:
    """Our own verification on this system, and poppler's: two whole signatures under the office's trust list."""
    path = folder / "issued.pdf"
    path.write_bytes(pdf)
    trust = TrustStore.load(settings.load(office.config).trust_folder, trial_allowed=True)
    report = verify.verify(path, trust)
    assert len(report.signatures) == 2, report
    assert report.trial
    assert all(item.chain is Chain.TRUSTED and item.integrity_ok for item in report.signatures), report
    said = subprocess.run(["pdfsig", "-nocert", str(path)], capture_output=True, text=True, timeout=60, check=False)
    assert said.stdout.count("Signature is Valid") == 2, said.stdout


def _numbers(office: WineOffice) -> list[int]:
    """The numbers that the book of outgoing documents has given, in order."""
    return office.rows("SELECT number FROM outgoing WHERE number IS NOT NULL ORDER BY number")


def _back_up(office: WineOffice) -> None:
    made = office.portal("backup", "--json", codes=(0, 1))
    assert made["ok"], made
    assert [path for path in (office.home / "backups").iterdir() if ".zip" in path.name], made
    proven = office.portal("drill", "--json", codes=(0, 1))
    assert proven["ok"], proven


def _break_and_come_back(office: WineOffice, broken: Path) -> None:
    before = office.rows("SELECT count(*) FROM journal")[0]
    back = office.release("install", "--bundle", office.wine.windows_path(broken), codes=(3,))
    assert back["outcome"] == "rolled-back", back
    assert office.wait_alive("serving")["version"] == NEWER == office.current
    assert office.rows("SELECT count(*) FROM journal")[0] >= before
    assert _numbers(office) == [1]


def _same_again(office: WineOffice, stick: Path) -> None:
    process = office.process()
    again = office.release("install", "--bundle", office.wine.windows_path(stick))
    assert again["outcome"] == "done", again
    assert office.process() == process, "the service went on meanwhile"


def _mend(office: WineOffice, stick: Path) -> None:
    """A virus scanner took files away, the interpreter among them."""
    folder = office.program / "releases" / NEWER
    (folder / "python" / "python.exe").unlink()
    shutil.rmtree(folder / "site-packages" / "commune_portal")
    code, told = office.set_up(stick)
    assert code == 0, told
    assert "Đã sửa: " in told, told
    assert office.wait_alive("serving")["version"] == NEWER
    assert (folder / "python" / "python.exe").is_file()
    assert _numbers(office) == [1]


def _cut_power(office: WineOffice) -> None:
    """Windows dies while the pointer names the older release already; its next boot clears that up by itself."""
    before = office.operation["id"]
    deadline = time.monotonic() + 120
    with office.wine.beginning(*office.interpreter("-m", "commune_portal", "release", "rollback", "--json")):
        while office.operation["id"] == before or office.operation["step"] not in ("service", "exchange", "health"):
            assert time.monotonic() < deadline, office.operation
            time.sleep(0.02)
        office.wine.shut_down()
    assert office.operation["state"] == "running", office.operation
    assert office.current == __version__
    office.boot()
    deadline = time.monotonic() + 120
    while office.operation["state"] != "undone":
        assert time.monotonic() < deadline, office.log()
        time.sleep(0.1)
    while office.current != NEWER or office.alive().get("state") != "serving":
        assert time.monotonic() < deadline, office.log()
        time.sleep(0.1)
    assert office.alive()["version"] == NEWER
    assert office.release("resume")["outcome"] == "nothing"
    assert _numbers(office) == [1]


def _roll_back(office: WineOffice) -> None:
    back = office.release("rollback")
    assert back["outcome"] == "done", back
    assert office.wait_alive("serving")["version"] == __version__ == office.current
    told = office.release("status", codes=(0, 1))
    assert told["current"] == __version__, told
    assert not told["pending"], told
    assert _numbers(office) == [1]


def _open_to_the_network(office: WineOffice) -> None:
    port = free_port()
    told = office.portal("lan", "enable", "--front", "builtin", "--host", "127.0.0.1", "--name", "127.0.0.1", "--port",
                         str(port), "--json", codes=(0, 1))  # fmt: skip
    assert told["enabled"], told
    office.stop()
    office.start()
    root = settings.load(office.config).tls_folder / "root.pem"
    over_tls = Clerk(f"https://127.0.0.1:{port}", ca=root)
    assert "password" in over_tls.open("/login").text
    over_tls.log_in("vanthu", CLERK_PASSWORD)
    assert "An Phú" in over_tls.open("/").text
    assert Clerk(f"http://127.0.0.1:{port}").open("/login").status == 400


def _remove(office: WineOffice) -> None:
    there = settings.load(office.config)
    office.remove()
    assert office.alive() == {}
    assert office.process() == 0
    assert not (office.program / "releases").exists(), list(office.program.rglob("*"))[:20]
    assert office.registered(UNINSTALL_KEY) == ""
    assert office.registered(f"{SERVICE_KEY}\\{SERVICE}") == ""
    assert office.menu == []
    office.wine.shut_down()
    assert verification.verify_installation(there).faults == []
    assert list((office.home / "backups").iterdir())
