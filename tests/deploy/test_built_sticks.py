"""Built sticks, as they leave the house: whole, signed, the same bytes each time, and carrying all they need."""

from __future__ import annotations

import ast
import re
import shutil
import subprocess
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from commune_portal.operations.bundle import Stick
from commune_portal.operations.releases import differences
from deploy.bundle import elf, stick, sums, wheels, windows_runtime
from deploy.bundle.checkout import ROOT, Platform, files_under, read_release
from deploy.bundle.locks import read_requirements_lock, read_runtime_lock
from tests.deploy import bundles

pytestmark = pytest.mark.story

VERSION, NUMBER = "0.9.1", 91
LINUX_MB, WINDOWS_MB = 80, 60
"""Ceilings of the payload and of CAI-DAT.exe packed quickly; the release's own packing is smaller."""


@pytest.fixture(scope="module")
def linux() -> Path:
    return bundles.built(VERSION, NUMBER, Platform.LINUX)


@pytest.fixture(scope="module")
def windows() -> Path:
    return bundles.built(VERSION, NUMBER, Platform.WINDOWS)


@pytest.fixture(scope="module")
def release(linux: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("release")
    payload = linux / "bundle/linux/payload.tar.gz"
    subprocess.run(["tar", "-xzf", str(payload), "-C", str(out)], check=True, timeout=120)
    return out


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkout that nobody edits while it is built twice."""
    out = tmp_path_factory.mktemp("checkout")
    ignored = shutil.ignore_patterns("__pycache__")
    shutil.copytree(ROOT / "commune_portal", out / "commune_portal", ignore=ignored)
    for path in ROOT.iterdir():
        if path.is_file():
            shutil.copy(path, out / path.name)
    if (ROOT / "docs/pictures").is_dir():
        shutil.copytree(ROOT / "docs/pictures", out / "docs/pictures")
    return out


def mb(path: Path) -> float:
    return path.stat().st_size / 1e6


def test_a_stick_is_whole_and_signed_in_the_eyes_of_an_installation(linux: Path, windows: Path) -> None:
    for folder in (linux, windows):
        found = Stick.open(folder, bundles.publisher().public)
        found.check_files()
        assert (found.facts.version, found.facts.release_seq) == (VERSION, NUMBER)
        assert {"HUONG-DAN.pdf", "BIEN-BAN-BAN-GIAO.pdf", "publisher.pub", "sao-luu/DOC-TOI.txt"} <= found.sums.keys()


def test_a_bare_system_can_check_a_stick_with_its_own_tools(linux: Path) -> None:
    subprocess.run(["sha256sum", "--quiet", "-c", "SHA256SUMS"], cwd=linux, check=True, timeout=120)


def test_the_linux_release_runs_by_itself_from_any_folder(release: Path, tmp_path: Path) -> None:
    assert not list(differences(release))
    assert not [path for path in release.rglob("*") if path.is_symlink()]
    folder = tmp_path / "thư mục có dấu cách"
    folder.mkdir()
    (folder / "flask.py").write_text("raise SystemExit(99)\n", encoding="utf-8")
    link = tmp_path / "commune-portal"
    link.symlink_to(release / "bin/commune-portal")
    said = subprocess.run(
        [str(link), "manual", "--out", str(tmp_path / "x.pdf")], env={"PATH": "/usr/bin:/bin"}, cwd=folder,
        capture_output=True, text=True, check=False, timeout=120,
    )  # fmt: skip
    assert said.returncode == 0, said.stderr
    nginx = subprocess.run([str(release / "bin/nginx"), "-v"], capture_output=True, text=True, check=True, timeout=30)
    assert "nginx" in nginx.stderr


EVERYTHING = """
import sys, ssl, sqlite3, lzma, bz2, ctypes, hashlib, zlib, uuid, _uuid, zoneinfo, asyncio, multiprocessing
import cryptography.x509, pkcs11, lxml.etree, PIL.Image, pypdfium2, pyrage, reportlab.pdfgen.canvas, docx, xlsxwriter
import pyhanko.sign.signers, pyhanko.sign.validation, waitress, flask, peewee, holidays, urllib3
assert zoneinfo.ZoneInfo("Europe/Brussels") and zoneinfo.ZoneInfo("Asia/Ho_Chi_Minh")
assert len(holidays.country_holidays("VN", years=2026, language="vi")) > 5
docx.Document(); sqlite3.connect(":memory:").execute("create virtual table t using fts5(a)")
home = sys.argv[1]
strangers = [m.__file__ for m in list(sys.modules.values()) if getattr(m, "__file__", None)
             and not m.__file__.startswith(home)]
assert not strangers, strangers
stale = [m.__cached__ for m in list(sys.modules.values()) if getattr(m, "__cached__", None)
         and not __import__("os").path.exists(m.__cached__)]
assert not stale, stale
print(sys.version.split()[0])
"""


def test_the_linux_release_imports_everything_out_of_its_own_folder_and_compiled(release: Path) -> None:
    wrapper = (release / "bin/commune-portal").read_text(encoding="utf-8")
    environment = {"LD_LIBRARY_PATH": f"{release}/lib", "PYTHONHOME": str(release), "PYTHONSAFEPATH": "1"}
    environment |= {"PYTHONPATH": f"{release}/site-packages", "PYTHONNOUSERSITE": "1", "PYTHONDONTWRITEBYTECODE": "1"}
    assert all(name in wrapper for name in environment)
    said = subprocess.run(
        [str(release / "bin/python3.11"), "-c", EVERYTHING, str(release)], env=environment, capture_output=True,
        text=True, check=False, timeout=120,
    )  # fmt: skip
    assert said.returncode == 0, said.stderr
    assert said.stdout.startswith("3.11.")


def test_every_elf_file_starts_on_debian_12(release: Path) -> None:
    newest = elf.check_floor(release)
    assert newest <= elf.FLOOR
    print(f"\n{len(elf.elf_files(release))} ELF files, newest glibc asked for: {newest[0]}.{newest[1]}")


def test_the_windows_release_is_whole_and_carries_what_pywin32_needs(windows: Path) -> None:
    folder = windows / "bundle/windows"
    assert not list(differences(folder))
    names = {path.relative_to(folder).as_posix() for path in files_under(folder)}
    assert {"CAI-DAT.cmd", "bin/commune-portal.cmd", "bin/calling.py", "python/pywintypes311.dll"} <= names
    assert {"python/pythonw.exe", "site-packages/win32/servicemanager.pyd"} <= names
    assert not [name for name in names if name.lower().endswith(windows_runtime.FOREIGN)]
    lines = (folder / "python/python311._pth").read_text(encoding="ascii").splitlines()
    assert lines == ["python311.zip", ".", *(f"..\\site-packages{end}" for end in ("", "\\win32", "\\win32\\lib"))]
    assert b"\r\n" in (folder / "CAI-DAT.cmd").read_bytes()
    for path in files_under(folder):
        assert path.suffix != ".so", path


def test_every_windows_program_bears_its_publishers_signature_or_is_known_by_hash(windows: Path) -> None:
    programs = {
        path.name: windows_runtime.signer(path)
        for path in files_under(windows / "bundle/windows/python")
        if path.suffix in windows_runtime.PROGRAMS and path.name not in windows_runtime.BESIDE_PYTHON
    }
    lock = read_runtime_lock()
    assert {name for name, signer in programs.items() if signer != lock.signer} == lock.programs.keys()
    assert list(programs.values()).count("Python Software Foundation") == 28


def imports(path: Path) -> Iterator[str]:
    """The absolute modules that a file imports outside of `try` and of what is only read by type checkers."""
    tree = ast.parse(path.read_bytes())
    guarded = {
        id(inner)
        for node in ast.walk(tree)
        if isinstance(node, ast.Try) or (isinstance(node, ast.If) and "TYPE_CHECKING" in ast.dump(node.test))
        for inner in ast.walk(node)
    }
    for node in ast.walk(tree):
        if id(node) in guarded:
            continue
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def test_nothing_that_is_carried_imports_what_was_left_out(tmp_path: Path) -> None:
    whole = tmp_path / "whole"
    for platform in Platform:
        for wheel in wheels.download(read_requirements_lock(), platform):
            wheels.unpack(wheel, whole, wheels.is_record)
    left_out: set[str] = set()
    kept: set[str] = set()
    for path in files_under(whole):
        inside = path.relative_to(whole).as_posix()
        if path.suffix in (".py", ".so", ".pyd"):
            stem = re.sub(r"(/__init__)?(\.(cpython|cp|abi3)[^/]*)?\.(py|so|pyd)$", "", inside).replace("/", ".")
            (left_out if wheels.is_pruned(inside) else kept).add(stem)
    gone = left_out - kept
    assert {"lxml.objectify", "PIL._avif", "pythonwin.start_pythonwin"} & gone
    found = [
        f"{path.relative_to(whole)}: {name}"
        for path in [*files_under(whole), *files_under(ROOT / "commune_portal")]
        if path.suffix == ".py" and not (path.is_relative_to(whole) and wheels.is_pruned(str(path.relative_to(whole))))
        for name in imports(path)
        if name in gone
    ]
    assert not found


def test_two_builds_give_the_same_bytes(linux: Path, windows: Path, source: Path, tmp_path: Path) -> None:
    """A whole stick, from another folder and without any layer of before, holds what both halves hold.

    Its sums and the hand-over sheet, which names them, are its own; so one half is built once more too.
    """
    began = time.monotonic()
    release = replace(read_release(), version=VERSION, release_seq=NUMBER)
    order = stick.Order(
        release, bundles.publisher(), compression="zlib", layers=tmp_path / "layers", source=source
    )  # fmt: skip
    stick.build(tmp_path / "whole", order)
    whole = sums.sums_of(tmp_path / "whole")
    halves = sums.sums_of(linux) | sums.sums_of(windows)
    own = {"SHA256SUMS", "SHA256SUMS.minisig", "BIEN-BAN-BAN-GIAO.pdf"}
    assert {path for path in (whole.keys() | halves.keys()) - own if whole.get(path) != halves.get(path)} == set()
    assert {"CAI-DAT.exe", "cai-dat.sh", "HUONG-DAN.pdf", "bundle/linux/payload.tar.gz", *own} <= whole.keys()
    Stick.open(tmp_path / "whole", bundles.publisher().public).check_files()
    stick.build(tmp_path / "half", replace(order, platforms=frozenset({Platform.LINUX})))
    assert sums.sums_of(tmp_path / "half") == sums.sums_of(linux)
    print(f"\na whole stick and a half: {time.monotonic() - began:.0f} s")


def test_the_sizes_are_as_promised(linux: Path, windows: Path) -> None:
    payload, installer = mb(linux / "bundle/linux/payload.tar.gz"), mb(windows / "CAI-DAT.exe")
    print(f"\nLinux payload {payload:.1f} MB, CAI-DAT.exe with zlib {installer:.1f} MB")
    assert payload <= LINUX_MB
    assert installer <= WINDOWS_MB


def test_a_second_wish_for_the_same_stick_is_answered_at_once(linux: Path) -> None:
    began = time.monotonic()
    again = bundles.built(VERSION, NUMBER, Platform.LINUX)
    assert time.monotonic() - began < 2 or again != linux, "the checkout changed meanwhile"
