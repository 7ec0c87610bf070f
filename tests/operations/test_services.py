"""What systemd and Windows are told, read by systemd itself where it can be; and who is asked on a port."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

from commune_portal.operations import children, systemd, windows, windows_service
from commune_portal.operations.children import Answer
from commune_portal.operations.places import Places
from tests.routes import portal_app

LINUX = Places(
    Path("/opt/commune-portal"), Path("/etc/commune-portal"), Path("/var/lib/commune-portal"),
    Path("/var/backups/commune-portal"),
)  # fmt: skip
MOST_EXPOSED = 2.0


@pytest.fixture
def units(tmp_path: Path) -> Path:
    """Both units in a folder, their programs replaced by one that is here: systemd looks for it."""
    systemd.write_units(LINUX, "root", tmp_path)
    for name in systemd.UNITS:
        path = tmp_path / name
        text = path.read_text(encoding="utf-8")
        path.write_text(re.sub(r"(?m)^ExecStart=\S+", "ExecStart=/bin/true", text), encoding="utf-8")
    return tmp_path


def _analyze(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(["systemd-analyze", *words], capture_output=True, text=True, timeout=60, check=False)


@pytest.mark.parametrize("name", systemd.UNITS)
def test_systemd_understands_every_line_of_the_units(units: Path, name: str) -> None:
    done = _analyze("verify", "--man=no", str(units / name))
    complaints = [line for line in done.stderr.splitlines() if "commune-portal" in line]
    assert (done.returncode, complaints) == (0, [])


def test_a_line_that_systemd_does_not_know_is_found(units: Path) -> None:
    path = units / systemd.SERVICE
    path.write_text(path.read_text(encoding="utf-8").replace("ProtectClock=", "ProtectClocks="), encoding="utf-8")
    assert "ProtectClocks" in _analyze("verify", "--man=no", str(path)).stderr


def test_the_portal_is_as_confined_as_we_say(units: Path) -> None:
    done = _analyze("security", "--offline=true", str(units / systemd.SERVICE))
    found = re.search(r"exposure level for \S+: ([\d.]+)", done.stdout)
    assert found, done.stdout + done.stderr
    assert float(found[1]) <= MOST_EXPOSED


def test_the_units_name_the_places_and_leave_no_mark() -> None:
    portal = systemd.unit_text(systemd.SERVICE, LINUX, "commune-portal")
    assert (
        "ExecStart=/opt/commune-portal/current/bin/commune-portal --config /var/lib/commune-portal/portal.toml"
        in portal
    )
    assert "ReadWritePaths=-/var/backups/commune-portal -/media -/run/media -/mnt" in portal
    assert "User=commune-portal" in portal
    resume = systemd.unit_text(systemd.RESUME, LINUX, "commune-portal")
    assert "ExecStart=/opt/commune-portal/rescue/bin/commune-portal release resume --boot" in resume
    assert not re.search(r"@[A-Z]+@", portal + resume)


def test_the_units_start_at_boot_and_go_without_a_trace(tmp_path: Path) -> None:
    systemd.write_units(LINUX, "commune-portal", tmp_path)
    systemd.write_units(LINUX, "commune-portal", tmp_path)
    assert (tmp_path / "multi-user.target.wants" / systemd.SERVICE).resolve() == tmp_path / systemd.SERVICE
    systemd.remove_units(tmp_path)
    systemd.remove_units(tmp_path)
    assert [path.name for path in tmp_path.rglob("*") if not path.is_dir()] == []


WINDOWS = Places(Path("C:/Program Files/CommunePortal"), Path("C:/D/state"), Path("C:/D"), Path("C:/D/backups"))


def test_the_portal_on_windows_waits_for_what_settles_a_crash() -> None:
    lines = {line[2]: line for line in windows.create_lines(WINDOWS) if line[1] == "create"}
    portal, resume = lines[windows.SERVICE], lines[windows.RESUME]
    assert portal[portal.index("depend=") + 1] == windows.RESUME
    assert portal[portal.index("obj=") + 1] == r"NT AUTHORITY\LocalService"
    assert resume[resume.index("obj=") + 1] == "LocalSystem"
    for line in lines.values():
        assert line[line.index("binPath=") + 1].count('"') == 4, "both paths are quoted"
        assert all(
            not word.endswith("=") or word in {"binPath=", "start=", "obj=", "depend=", "DisplayName="} for word in line
        )
    assert any(line[1] == "failure" for line in windows.restart_lines())


def test_windows_takes_the_data_from_whoever_made_their_folder_before(monkeypatch: pytest.MonkeyPatch) -> None:
    said: list[list[str]] = []

    def heard(line: list[str], _seconds: float) -> Answer:
        said.append(line)
        return Answer(0, "", "")

    monkeypatch.setattr(children, "run", heard)
    windows.narrow(WINDOWS)
    acts = [next(word for word in line if word in ("/setowner", "/reset", "/grant:r")) for line in said]
    assert acts == ["/setowner", "/reset", "/grant:r", "/reset", "/grant:r"], "nothing stays open behind it"
    assert said[0][3] == "*S-1-5-32-544"
    assert said[-1][1] == str(WINDOWS.state), "which the service reads and does not write"


def test_the_rights_on_windows_name_accounts_by_their_numbers() -> None:
    for line in windows.rights_lines(WINDOWS):
        assert "/inheritance:r" in line
        granted = line[line.index("/grant:r") + 1 :]
        assert [who.split(":")[0] for who in granted] == ["*S-1-5-18", "*S-1-5-32-544", "*S-1-5-19"]
    state = windows.rights_lines(WINDOWS)[1]
    assert state[-1].endswith("RX"), "the service reads what operations keep, and changes nothing of it"


def test_the_firewall_opens_one_port_to_the_local_network_alone() -> None:
    delete, add = windows.firewall_lines(8443)
    assert "delete" in delete
    assert {"localport=8443", "remoteip=localsubnet", "dir=in"} <= set(add)


def test_the_host_on_windows_chooses_the_release_of_its_pointer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import sys

    monkeypatch.setattr(sys, "path", list(sys.path))
    monkeypatch.setattr(sys, "executable", sys.executable)
    (tmp_path / "current.txt").write_text("1.1.0\n", encoding="utf-8")
    (tmp_path / "rescue.txt").write_text("1.0.0\n", encoding="utf-8")
    assert windows_service.choose(windows_service.SERVICE, tmp_path).name == "1.1.0"
    assert windows_service.choose(windows_service.RESUME, tmp_path).name == "1.0.0"
    assert sys.path[0] == str(tmp_path / "releases" / "1.0.0" / "site-packages")
    assert (windows.SERVICE, windows.RESUME) == (windows_service.SERVICE, windows_service.RESUME)


def test_the_host_on_windows_imports_nothing_of_ours_before_it_has_chosen() -> None:
    text = Path(windows_service.__file__).read_text(encoding="utf-8")
    assert not re.search(r"(?m)^(from|import) commune_portal", text)


@pytest.mark.parametrize("role", ["office", "node"])
def test_a_portal_says_who_answers_and_no_more(role: str, tmp_path: Path) -> None:
    from commune_portal import __version__

    with portal_app(role, tmp_path) as app:  # type: ignore[arg-type] # one of the two roles
        answer = app.test_client().get("/alive")
    assert answer.status_code == 200
    assert answer.get_json().keys() == {"version", "state", "schema"}
    assert answer.get_json()["version"] == __version__
    assert answer.get_json()["state"] == "serving"


def test_during_an_upgrade_pages_are_read_and_nothing_is_taken(tmp_path: Path) -> None:
    with portal_app("office", tmp_path) as app:
        app.config["WTF_CSRF_ENABLED"] = False
        asking = app.test_client()
        (tmp_path / "upgrading").write_text("", encoding="utf-8")
        assert asking.get("/login").status_code == 200
        refused = asking.post("/login", data={"username": "lan", "password": "?"})
        assert refused.status_code == 503
        assert "đang được nâng cấp" in refused.get_data(as_text=True)
        (tmp_path / "upgrading").unlink()
        assert asking.post("/login", data={"username": "lan", "password": "?"}).status_code != 503


def test_the_command_of_the_manual_is_found_and_a_foreign_one_stays(tmp_path: Path) -> None:
    places, command = Places.under(tmp_path), tmp_path / "usr/local/bin/commune-portal"
    systemd.name_command(places, command)
    assert command.readlink() == places.program / "current/bin/commune-portal"
    systemd.name_command(places, command)
    command.unlink()
    command.write_text("somebody else's", encoding="ascii")
    systemd.name_command(places, command)
    assert command.read_text(encoding="ascii") == "somebody else's"
    command.unlink()
    command.symlink_to("/usr/bin/true")
    systemd.name_command(places, command)
    assert str(command.readlink()) == "/usr/bin/true"
