"""The acceptance page: who may run it, what the child is told and says, the result in file and journal, the sheet."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from commune_portal.errors import RuleBroken
from commune_portal.health import acceptance as running
from commune_portal.health.acceptance import OwnToken
from commune_portal.people import acceptance
from commune_portal.rules.acts import Act
from commune_portal.settings import Settings
from commune_portal.store import database, journal
from tests.views.portal import HTMX, Portal, founded, portal, size

__all__ = ["founded", "portal"]

STEPS = [
    {"name": "dựng một nút và hai cơ quan", "ok": True, "seconds": 1.25, "detail": "ký bằng thiết bị mô phỏng"},
    {"name": "lãnh đạo duyệt và ký số", "ok": True, "seconds": 0.5, "detail": ""},
]
REPORT = {"ok": True, "token": "softhsm", "steps": STEPS, "artefacts": {"packet": "artefacts/goi-tin.edxml"}}

CHILD = """
import json, sys, time
from pathlib import Path
folder, told, wait = Path(sys.argv[1]), json.loads(sys.argv[2]), float(sys.argv[3])
pin = sys.stdin.readline().rstrip()
folder.mkdir(parents=True)
(folder / "artefacts").mkdir()
(folder / "artefacts" / "goi-tin.edxml").write_bytes(b"packet")
for step in told["steps"]:
    print(json.dumps({"step": {**step, "detail": step["detail"] or pin}}), flush=True)
time.sleep(wait)
if "report" in told:
    print(json.dumps({"report": told["report"]}), flush=True)
else:
    sys.exit("Không thấy chứng thư số nào trên thiết bị.")
"""


@pytest.fixture
def child(portal: Portal, monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, object]]:
    """Puts a program of ours in the rehearsal's place: what it says and how long it takes."""
    told: dict[str, object] = {"steps": STEPS, "report": REPORT, "wait": 0.0}
    monkeypatch.setattr(running, "_run", None)
    monkeypatch.setitem(portal.app.config, "PORTAL_SETTINGS", portal.cast.settings)

    def command(_settings: Settings, folder: Path, _token: OwnToken | None) -> list[str]:
        return [sys.executable, "-c", CHILD, str(folder / "play"), json.dumps(told), str(told["wait"])]

    monkeypatch.setattr(running, "command", command)
    yield told
    running.stop()
    ended()


def ended() -> running.Run | None:
    """Waits for the run's end."""
    run = running.latest()
    deadline = time.monotonic() + 30
    while run is not None and not run.ended:
        assert time.monotonic() < deadline
        time.sleep(0.02)
    return run


def test_only_the_administrator_may_open_run_or_print_it(portal: Portal, child: dict[str, object]) -> None:
    for who in ("vanthu", "chutich", "chuyenvien"):
        browser = portal.browser(who)
        for path in ("/acceptance", "/acceptance/progress", "/acceptance/20261122T000000Z.pdf"):
            assert browser.get(path).status_code == 403
        assert browser.post("/acceptance", {"certificate": ""}).status_code == 403
    assert "/login" in portal.anonymous().get("/acceptance").headers["Location"]
    assert running.latest() is None


def test_a_run_is_shown_noted_and_printed(portal: Portal, child: dict[str, object]) -> None:
    browser = portal.browser("quantri")
    assert "Bắt đầu" in browser.get("/acceptance").text
    assert browser.post("/acceptance", {"certificate": ""}).headers["Location"] == "/acceptance"
    run = ended()
    assert run is not None
    assert run.noted is not None, run.trouble
    shown = browser.get("/acceptance").text
    assert "ĐẠT" in shown
    assert "dựng một nút và hai cơ quan" in shown
    (noted,) = acceptance.all_noted()
    line = journal.lines_about(acceptance.ABOUT)[-1]
    assert line.fields["act"] == Act.REHEARSED
    assert line.fields["facts"]["ok"] == 1
    assert line.fields["facts"]["token"] == "softhsm"
    kept = acceptance.read(portal.cast.settings, noted.stamp)
    assert kept.office_code == "H99.01"
    assert kept.made_by == "Đỗ Minh Quân"
    assert [item.name for item in kept.artefacts] == ["Gói tin: goi-tin.edxml"]
    assert {"Đồng hồ", "Ổ đĩa"} <= {item.title for item in kept.findings}
    answer = browser.get(f"/acceptance/{noted.stamp}.pdf")
    assert (answer.mimetype, answer.data[:5]) == ("application/pdf", b"%PDF-")
    assert not (portal.cast.settings.work_folder / "acceptance" / noted.stamp).exists(), "nothing is left behind"


def test_while_it_runs_the_page_polls_and_a_second_run_is_refused(portal: Portal, child: dict[str, object]) -> None:
    child["wait"] = 20.0
    browser = portal.browser("quantri")
    browser.post("/acceptance", {"certificate": ""})
    run = running.latest()
    assert run is not None
    deadline = time.monotonic() + 20
    while len(run.steps) < 2:
        assert time.monotonic() < deadline
        time.sleep(0.02)
    page = browser.get("/acceptance").text
    assert '<noscript><meta http-equiv="refresh" content="5"></noscript>' in page
    assert 'hx-trigger="every 2s"' in page
    assert "2 bước xong" in browser.get("/acceptance/progress", headers=HTMX).text
    assert browser.get("/acceptance/progress").headers["Location"] == "/acceptance"
    assert browser.post("/acceptance", {"certificate": ""}).status_code == 303
    assert "Đang chạy nghiệm thu rồi" in browser.get("/acceptance").text
    assert running.latest() is run
    running.stop()
    ended()
    assert browser.get("/acceptance/progress", headers=HTMX).headers["HX-Refresh"] == "true"
    (noted,) = acceptance.all_noted()
    assert not noted.ok, "a run that was cut off has not passed"


def test_the_pin_goes_through_the_pipe_and_is_kept_nowhere(portal: Portal, child: dict[str, object]) -> None:
    by = portal.cast.administrator
    run = running.start(by, portal.cast.settings, None, OwnToken("ab" * 32, "24681357"))
    ended()
    assert run.noted is not None, run.trouble
    assert run.steps[1].detail == "24681357", "the child heard it"
    log = portal.cast.settings.logs_folder
    assert not [path for path in log.rglob("*") if path.is_file() and b"24681357" in path.read_bytes()]


def test_a_child_that_fails_says_why_on_the_page(portal: Portal, child: dict[str, object]) -> None:
    del child["report"]
    child["steps"] = []
    browser = portal.browser("quantri")
    browser.post("/acceptance", {"certificate": ""})
    run = ended()
    assert run is not None
    assert run.trouble == "Không thấy chứng thư số nào trên thiết bị."
    shown = browser.get("/acceptance").text
    assert "KHÔNG ĐẠT" in shown
    assert run.trouble in shown


def test_a_certificate_that_is_not_plugged_in_starts_nothing(portal: Portal, child: dict[str, object]) -> None:
    before = size()
    answer = portal.browser("quantri").post("/acceptance", {"certificate": "ab" * 32, "pin": "12345678"})
    assert answer.status_code == 422
    assert "không có trong thiết bị" in answer.text
    assert "12345678" not in answer.text
    assert running.latest() is None
    assert size() == before


def test_a_result_that_was_changed_is_not_printed(portal: Portal, child: dict[str, object]) -> None:
    browser = portal.browser("quantri")
    browser.post("/acceptance", {"certificate": ""})
    run = ended()
    assert run is not None
    assert run.noted is not None
    path = portal.cast.settings.folder / acceptance.FOLDER / f"{run.noted.stamp}.json"
    path.write_text(path.read_text(encoding="utf-8").replace('"ok": true', '"ok":  true', 1), encoding="utf-8")
    answer = browser.get(f"/acceptance/{run.noted.stamp}.pdf")
    assert answer.status_code == 503
    assert "đã bị sửa" in answer.text
    assert browser.get("/acceptance/20200101T000000Z.pdf").status_code == 404


def test_a_service_with_too_little_memory_is_told_so_before_anything_starts(tmp_path: Path) -> None:
    own, unit = tmp_path / "cgroup", tmp_path / "groups" / "system.slice" / "commune-portal.service"
    unit.mkdir(parents=True)
    own.write_text("0::/system.slice/commune-portal.service\n", encoding="ascii")
    for limit, refused in (("max", False), ("1073741824", False), ("419430400", True)):
        (unit / "memory.max").write_text(limit + "\n", encoding="ascii")
        if refused:
            with pytest.raises(RuleBroken, match="400 MB"):
                running.refuse_small_limit(tmp_path / "groups", own)
        else:
            running.refuse_small_limit(tmp_path / "groups", own)
    running.refuse_small_limit(tmp_path / "groups", tmp_path / "none")


def test_the_office_token_reaches_the_child_without_its_pin(tmp_path: Path) -> None:
    own = Settings(folder=tmp_path)
    line = running.command(own, tmp_path / "x", OwnToken("ab" * 32, "24681357"))
    assert "24681357" not in line
    assert line[line.index("--pin-fd") + 1] == "0"
    assert line[line.index("--certificate") + 1] == "ab" * 32
    assert "--pin-fd" not in running.command(own, tmp_path / "x", None)
    database.close()
