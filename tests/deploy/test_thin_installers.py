"""The installers are thin: they check what a shell can check, copy, call Python, and say in Vietnamese what to do."""

from __future__ import annotations

import hashlib
import subprocess
import tarfile
from dataclasses import dataclass
from pathlib import Path

import pytest

DEPLOY = Path(__file__).resolve().parent.parent.parent / "deploy"
SCRIPT = DEPLOY / "linux" / "cai-dat.sh"


@pytest.mark.parametrize("name", ["linux/cai-dat.sh", "linux/commune-portal", "linux/nginx"])
def test_a_shell_script_is_short_and_sound(name: str) -> None:
    path = DEPLOY / name
    assert len(path.read_text(encoding="utf-8").splitlines()) <= 30
    subprocess.run(["dash", "-n", str(path)], check=True, timeout=10)


def test_a_command_file_is_short_and_speaks_unicode() -> None:
    for path in (DEPLOY / "windows").glob("*.cmd"):
        text = path.read_text(encoding="utf-8")
        assert len(text.splitlines()) <= 30, path
        assert "chcp 65001" in text, path


def test_there_is_no_powershell() -> None:
    assert not list(DEPLOY.rglob("*.ps1"))


def test_the_windows_installer_only_copies_and_calls() -> None:
    text = (DEPLOY / "windows/installer.nsi").read_text(encoding="utf-8")
    assert len(text.splitlines()) <= 130
    for line in ("Target amd64-unicode", "Unicode true", "RequestExecutionLevel admin", "AtLeastWin10"):
        assert line in text
    assert "hãy cài trên máy Windows 10/11 và mở cổng bằng trình duyệt từ máy này" in text
    # What decides about data, services, ports and the firewall is Python's.
    for word in ("sc create", "netsh", "icacls", "PROGRAMDATA", "APPDATA", "schtasks"):
        assert word not in text


@dataclass
class Machine:
    """A stick whose payload only tells how it was called, and a machine whose tools answer as a test wishes."""

    folder: Path

    @property
    def stick(self) -> Path:
        return self.folder / "USB của xã"

    def prepare(self, *, code: int = 0) -> None:
        release = self.folder / "release"
        (release / "bin").mkdir(parents=True)
        program = release / "bin/commune-portal"
        program.write_text(
            f'#!/bin/sh\necho "$0" > {self.folder}/called\nprintf "%s\\n" "$@" >> {self.folder}/called\nexit {code}\n'
        )
        program.chmod(0o755)
        payload = self.stick / "bundle/linux/payload.tar.gz"
        payload.parent.mkdir(parents=True)
        with tarfile.open(payload, "w:gz") as archive:
            archive.add(release / "bin", "bin")
        digest = hashlib.sha256(payload.read_bytes()).hexdigest()
        (self.stick / "SHA256SUMS").write_text(f"{digest}  bundle/linux/payload.tar.gz\n")
        (self.stick / "cai-dat.sh").write_bytes(SCRIPT.read_bytes())
        (self.folder / "tools").mkdir()
        (self.folder / "tmp").mkdir()
        for name, said in (("id", "0"), ("uname", "x86_64"), ("getconf", "glibc 2.36")):
            self.answers(name, said)

    def answers(self, name: str, said: str) -> None:
        path = self.folder / "tools" / name
        path.write_text(f"#!/bin/sh\necho '{said}'\n")
        path.chmod(0o755)

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        path = f"{self.folder}/tools:/usr/bin:/bin"
        return subprocess.run(
            ["dash", str(self.stick / "cai-dat.sh"), *arguments],
            env={"PATH": path, "TMPDIR": str(self.folder / "tmp")},
            cwd="/",
            capture_output=True,
            text=True,
            check=False,
            timeout=30,
        )

    @property
    def called(self) -> list[str]:
        path = self.folder / "called"
        return path.read_text().splitlines() if path.exists() else []


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    found = Machine(tmp_path)
    found.prepare()
    return found


def test_it_calls_the_payloads_program_with_the_stick_and_what_was_typed(machine: Machine) -> None:
    done = machine.run("--role", "node")
    assert done.returncode == 0, done.stderr
    assert machine.called[1:] == ["release", "install", "--bundle", str(machine.stick), "--role", "node"]
    assert machine.called[0].endswith("/bin/commune-portal")
    assert not list((machine.folder / "tmp").iterdir()), "nothing is left in the temporary folder"


@pytest.mark.parametrize("code", [1, 2, 3])
def test_it_ends_as_the_program_ended(tmp_path: Path, code: int) -> None:
    machine = Machine(tmp_path)
    machine.prepare(code=code)
    assert machine.run().returncode == code
    assert not list((tmp_path / "tmp").iterdir())


@pytest.mark.parametrize(
    ("tool", "said", "sentence"),
    [
        ("id", "1000", "Cần quyền quản trị"),
        ("uname", "i686", "không phải loại 64-bit"),
        ("uname", "aarch64", "không phải loại 64-bit"),
        ("getconf", "glibc 2.35", "Hệ điều hành quá cũ (glibc 2.35"),
        ("getconf", "", "Hệ điều hành quá cũ"),
    ],
)
def test_what_it_cannot_install_on_is_refused_before_anything_is_unpacked(
    machine: Machine, tool: str, said: str, sentence: str
) -> None:
    machine.answers(tool, said)
    done = machine.run()
    assert done.returncode == 2
    assert sentence in done.stderr
    assert not machine.called


@pytest.mark.parametrize("glibc", ["2.36", "2.39", "2.41", "3.0"])
def test_newer_systems_are_taken(machine: Machine, glibc: str) -> None:
    machine.answers("getconf", f"glibc {glibc}")
    assert machine.run().returncode == 0


def test_a_damaged_stick_is_refused_with_what_to_do(machine: Machine) -> None:
    path = machine.stick / "bundle/linux/payload.tar.gz"
    content = bytearray(path.read_bytes())
    content[40] ^= 1
    path.write_bytes(content)
    done = machine.run()
    assert done.returncode == 2
    assert "Bộ cài bị hỏng" in done.stderr
    assert "dùng USB khác" in done.stderr
    assert not machine.called


def test_a_missing_file_is_refused(machine: Machine) -> None:
    (machine.stick / "bundle/linux/payload.tar.gz").unlink()
    assert machine.run().returncode == 2
    assert not machine.called
