"""A real stick that is damaged, and real disks that cannot take it: refused in words, and nothing on the machine moves.

At the first installation the stick's own script judges, at an upgrade the installed release does.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from commune_portal import __version__
from deploy.bundle import signature
from tests.deploy import bundles
from tests.deploy.installed import PROGRAM, STICK, Installed
from tests.deploy.machines import Machine

pytestmark = [pytest.mark.deploy]

NEWER = "90.1.0"
WATCHED = ("opt", "etc", "var/lib", "var/backups", "usr/local", "root", "srv")
WRITTEN_BY_THE_RUNNING_PORTAL = ("var/lib/commune-portal/", "etc/commune-portal/service.log")


@pytest.fixture(scope="module")
def machine() -> Iterator[Machine]:
    """One bare machine for all refusals: none may change it."""
    folder = Path(tempfile.mkdtemp(prefix="refusals-"))
    made = Machine("office", folder)
    try:
        yield made
    finally:
        made.close()
        shutil.rmtree(folder, ignore_errors=True)


def state_of(machine: Machine) -> dict[str, str]:
    """Every file of the machine that an installer might touch, by a digest of what it is."""
    found: dict[str, str] = {}
    for top in WATCHED:
        for folder, names, files in os.walk(machine.root / top):
            for name in [*names, *files]:
                path = Path(folder) / name
                inside = str(path.relative_to(machine.root))
                if inside.startswith(WRITTEN_BY_THE_RUNNING_PORTAL):
                    continue
                told = path.lstat()
                text = str(path.readlink()) if path.is_symlink() else ""
                content = hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() and not text else ""
                found[inside] = f"{told.st_mode:o} {told.st_uid} {text} {content}"
    return found


def flip_a_byte(stick: Path) -> None:
    path = stick / "bundle/linux/payload.tar.gz"
    with path.open("r+b") as file:
        file.seek(path.stat().st_size // 2)
        byte = file.read(1)
        file.seek(-1, os.SEEK_CUR)
        file.write(bytes([byte[0] ^ 1]))


def lose_a_file(stick: Path) -> None:
    (stick / "HUONG-DAN.pdf").unlink()


def add_a_file(stick: Path) -> None:
    (stick / "bundle/linux/them.so").write_bytes(b"not ours")


def change_the_script_and_its_sum(stick: Path) -> None:
    """What a forger without the publisher's key can do: the sums agree again, their signature does not."""
    script = stick / "cai-dat.sh"
    before = hashlib.sha256(script.read_bytes()).hexdigest()
    script.write_text(script.read_text(encoding="utf-8") + "\n# forged\n", encoding="utf-8")
    sums = stick / "SHA256SUMS"
    after = hashlib.sha256(script.read_bytes()).hexdigest()
    sums.write_text(sums.read_text(encoding="utf-8").replace(before, after), encoding="utf-8")


DAMAGES: list[tuple[Callable[[Path], None], str]] = [
    (flip_a_byte, "hỏng"),
    (lose_a_file, "thiếu"),
    (add_a_file, "them.so"),
    (change_the_script_and_its_sum, "chữ ký"),
]


def damaged(office: Installed, stick: Path, damage: Callable[[Path], None]) -> None:
    """Plugs in a copy of a stick that has come to harm."""
    office.plug_in(stick)
    damage(office.machine.path(STICK))


@pytest.mark.parametrize(("damage", "words"), DAMAGES)
def test_a_damaged_stick_is_refused_on_a_fresh_machine(
    machine: Machine, damage: Callable[[Path], None], words: str
) -> None:
    office = Installed(machine)
    damaged(office, bundles.built(__version__, 1, "linux"), damage)
    before = state_of(machine)
    refused = office.install(codes=(2,))
    assert words in refused["words"].lower(), refused["words"]
    assert state_of(machine) == before


@pytest.mark.parametrize(
    ("mount", "words"),
    [
        ("mount -t tmpfs -o size=20m full /opt", "cần ít nhất"),
        ("mount --bind /opt /opt && mount -o remount,bind,ro /opt", "ghi"),
        ("mount -t tmpfs -o size=8m full /tmp", "chỗ trống"),
    ],
)
def test_a_disk_that_cannot_take_it_is_refused_on_a_fresh_machine(machine: Machine, mount: str, words: str) -> None:
    office = Installed(machine)
    office.plug_in(bundles.built(__version__, 1, "linux"))
    before = state_of(machine)
    machine.shell(mount)
    try:
        refused = office.install(codes=(2,))
        assert not any(machine.proc_path(top).exists() and list(machine.proc_path(top).iterdir()) for top in ("opt",))
    finally:
        machine.shell("umount /opt 2>/dev/null || umount /tmp")
    assert words in refused["words"].lower(), refused["words"]
    assert state_of(machine) == before


def test_a_damaged_or_foreign_stick_is_refused_on_an_upgrade_and_the_old_release_goes_on(tmp_path: Path) -> None:
    folder = Path(tempfile.mkdtemp(prefix="refusals-"))
    machine = Machine("upgraded", folder)
    try:
        office = Installed(machine)
        office.plug_in(bundles.built(__version__, 1, "linux"))
        office.install()
        office.wait_alive("first-run")
        before = state_of(machine)
        for damage, words in DAMAGES:
            damaged(office, bundles.built(NEWER, 2, "linux"), damage)
            refused = office.install(codes=(2,))
            assert words in refused["words"].lower(), refused["words"]
        signature.make(tmp_path / "other.pem")
        office.plug_in(bundles.built(NEWER, 2, "linux", key=tmp_path / "other.pem"))
        assert "nơi phát hành" in office.install(codes=(2,))["words"]
        assert state_of(machine) == before
        assert office.alive()["version"] == __version__
        assert machine.shell(f"ls {PROGRAM}/releases").out.split() == [__version__]
    finally:
        machine.close()
        shutil.rmtree(folder, ignore_errors=True)
