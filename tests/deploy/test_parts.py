"""The parts of the builder, each on small things: archives, wheels, packages, modules, ELF files, the sheet."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tarfile
import zipfile
from dataclasses import replace
from pathlib import Path

import pytest

from commune_portal.store.migrate import migrations
from deploy import build_bundle
from deploy.bundle import (
    compiling,
    debian,
    elf,
    facts,
    handover,
    installer,
    releases,
    signature,
    stick,
    sums,
    tarball,
    wheels,
    windows_runtime,
)
from deploy.bundle.checkout import BundleError, Platform, files_under, read_release
from deploy.bundle.locks import read_runtime_lock

EPOCH = read_release().epoch
FILES = {"b/two.txt": b"two", "a.txt": b"one" * 400, "b/run": b"#!/bin/sh\n", "c.txt": b""}


def tree(folder: Path, names: list[str]) -> Path:
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(FILES[name])
    (folder / "b/run").chmod(0o700)
    return folder


def packed(folder: Path, out: Path) -> Path:
    layers = []
    for number, begins in enumerate(("a", "b", "c")):
        layer = out.with_name(f"{out.name}.{number}")
        files = [path for path in files_under(folder) if path.relative_to(folder).as_posix().startswith(begins)]
        tarball.write_layer(layer, folder, files, EPOCH)
        layers.append(layer)
    tarball.join(out, layers)
    return out


def test_a_payload_is_the_same_bytes_whatever_the_disk_says_of_order_time_and_owner(tmp_path: Path) -> None:
    first = packed(tree(tmp_path / "one", list(FILES)), tmp_path / "one.tar.gz")
    other = tree(tmp_path / "two", list(FILES)[::-1])
    for path in files_under(other):
        os.utime(path, (1, 1))
    assert packed(other, tmp_path / "two.tar.gz").read_bytes() == first.read_bytes()
    changed = tmp_path / "two/a.txt"
    changed.write_bytes(b"other")
    assert packed(other, tmp_path / "two.tar.gz").read_bytes() != first.read_bytes()


def test_a_payload_of_several_layers_is_read_by_every_tar(tmp_path: Path) -> None:
    path = packed(tree(tmp_path / "one", list(FILES)), tmp_path / "one.tar.gz")
    with tarfile.open(path, "r:gz") as archive:
        found = {member.name: member for member in archive}
    assert set(found) == set(FILES)
    assert {(member.mtime, member.uid, member.uname) for member in found.values()} == {(EPOCH, 0, "root")}
    assert (found["b/run"].mode, found["a.txt"].mode) == (0o755, 0o644)
    out = tmp_path / "out"
    out.mkdir()
    subprocess.run(["tar", "-xzf", str(path), "-C", str(out)], check=True, timeout=30)
    assert sums.sums_of(out) == sums.sums_of(tmp_path / "one")


def test_sums_are_what_sha256sum_reads(tmp_path: Path) -> None:
    folder = tree(tmp_path / "one", list(FILES))
    listed = sums.sums_of(folder)
    (tmp_path / "SUMS").write_text(sums.as_text(listed), encoding="utf-8")
    assert sums.from_text(sums.as_text(listed)) == listed
    subprocess.run(["sha256sum", "--quiet", "-c", str(tmp_path / "SUMS")], cwd=folder, check=True, timeout=30)


def wheel(folder: Path, names: list[str]) -> Path:
    path = folder / "thing-1-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as archive:
        for name in names:
            archive.writestr(name, "x = 1\n")
    return path


def test_a_wheel_is_unpacked_without_tests_and_what_nothing_imports(tmp_path: Path) -> None:
    names = [
        "thing/__init__.py", "thing/tests/test_a.py", "thing/inner.pyi", "thing-1.dist-info/RECORD",
        "thing-1.dist-info/METADATA", "thing-1.data/purelib/more.py", "thing-1.data/scripts/run",
        "holidays/locale/vi/LC_MESSAGES/VN.mo", "holidays/locale/fr/LC_MESSAGES/FR.mo", "lxml/etree.so",
        "lxml/objectify.so", "PIL/_avif.pyd", "win32/win32service.pyd", "win32com/client/__init__.py",
        "pythonwin/win32ui.pyd", "flask/testing.py",
    ]  # fmt: skip
    out = tmp_path / "site-packages"
    wheels.unpack(wheel(tmp_path, names), out, wheels.is_pruned)
    assert sorted(path.relative_to(out).as_posix() for path in files_under(out)) == [
        "flask/testing.py", "holidays/locale/vi/LC_MESSAGES/VN.mo", "lxml/etree.so", "more.py",
        "thing-1.dist-info/METADATA", "thing/__init__.py", "win32/win32service.pyd", "win32com/client/__init__.py",
    ]  # fmt: skip


def test_our_own_wheel_loses_nothing_but_its_list(tmp_path: Path) -> None:
    out = tmp_path / "site-packages"
    path = wheel(tmp_path, ["commune_portal/tests/x.py", "lxml/objectify.so", "a-1.dist-info/RECORD"])
    wheels.unpack(path, out, wheels.is_record)
    assert len(files_under(out)) == 2


def test_a_wheel_that_leaves_its_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BundleError, match="leaves its folder"):
        wheels.unpack(wheel(tmp_path, ["../evil.py"]), tmp_path / "site-packages", wheels.is_pruned)
    assert not (tmp_path / "evil.py").exists()


def test_a_debian_package_is_read_without_dpkg(tmp_path: Path) -> None:
    root = tmp_path / "root"
    (root / "DEBIAN").mkdir(parents=True)
    control = "Package: thing\nVersion: 1\nArchitecture: all\nMaintainer: A <a@example.vn>\nDescription: x\n"
    (root / "DEBIAN/control").write_text(control, encoding="utf-8")
    (root / "usr/lib").mkdir(parents=True)
    (root / "usr/lib/libthing.so.1.2").write_bytes(b"library!!")
    (root / "usr/lib/libthing.so.1").symlink_to("libthing.so.1.2")
    subprocess.run(
        ["dpkg-deb", "-Zxz", "-b", str(root), str(tmp_path / "thing.deb")], check=True, capture_output=True, timeout=60
    )
    found = {path: (content, link) for path, content, link in debian.members(tmp_path / "thing.deb")}
    assert found["usr/lib/libthing.so.1.2"] == (b"library!!", "")
    assert found["usr/lib/libthing.so.1"] == (b"", "libthing.so.1.2")
    (tmp_path / "none.deb").write_bytes(b"not one")
    with pytest.raises(BundleError, match="not a Debian package"):
        list(debian.members(tmp_path / "none.deb"))


def test_modules_are_compiled_to_the_same_bytes_with_no_folder_of_the_builder_inside(tmp_path: Path) -> None:
    compiled = []
    for name in ("one", "another-place"):
        folder = tmp_path / name
        (folder / "lib").mkdir(parents=True)
        (folder / "lib/thing.py").write_text("def say(a={'x', 'y', 'z'}):\n    return 'xyz', a\n", encoding="utf-8")
        compiling.compile_tree(folder, "lib")
        compiled += [path.read_bytes() for path in files_under(folder) if path.suffix == ".pyc"]
    assert len(compiled) == 2
    assert compiled[0] == compiled[1]
    assert int.from_bytes(compiled[0][4:8], "little") == 1, "an unchecked hash, PEP 552"
    assert str(tmp_path).encode() not in compiled[0]


def test_a_module_that_does_not_compile_stops_the_build(tmp_path: Path) -> None:
    (tmp_path / "lib").mkdir()
    (tmp_path / "lib/thing.py").write_text("def (\n", encoding="utf-8")
    with pytest.raises(BundleError, match="do not compile"):
        compiling.compile_tree(tmp_path, "lib")


def test_another_minor_of_python_is_refused_with_what_to_do() -> None:
    compiling.require_minor((3, 11))
    with pytest.raises(BundleError, match=r"carries Python 3\.11.*this is Python 3\.13"):
        compiling.require_minor((3, 13))


def test_a_library_that_is_not_carried_is_told_and_the_systems_own_are_not(tmp_path: Path) -> None:
    source = next(iter(Path("/usr/lib/x86_64-linux-gnu").glob("libssl.so.3")))
    shutil.copy(source, tmp_path / "libssl.so.3")
    with pytest.raises(BundleError, match=r"libssl\.so\.3 needs libcrypto\.so\.3, which the bundle lacks") as raised:
        elf.check_floor(tmp_path)
    assert "libc.so.6" not in str(raised.value)


def test_a_file_that_asks_for_a_newer_glibc_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shutil.copy(Path(sys.executable).resolve(), tmp_path / "python")
    monkeypatch.setattr(elf, "FLOOR", (2, 2))
    with pytest.raises(BundleError, match=r"python asks for glibc 2\.\d+, the floor is 2\.2"):
        elf.check_floor(tmp_path)


def test_windows_own_random_library_is_never_shipped(tmp_path: Path) -> None:
    for name in windows_runtime.BESIDE_PYTHON:
        path = tmp_path / "site-packages/pywin32_system32" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"")
    (tmp_path / "python").mkdir()
    windows_runtime.finish(tmp_path)
    (tmp_path / "python/BCryptPrimitives.dll").write_bytes(b"")
    with pytest.raises(BundleError, match="never shipped"):
        windows_runtime.finish(tmp_path)


def test_a_program_without_the_signature_or_the_hash_is_refused(tmp_path: Path) -> None:
    (tmp_path / "python.exe").write_bytes(b"MZ not signed")
    with pytest.raises(BundleError, match=r"not signed by the Python Software Foundation: python\.exe"):
        windows_runtime.check_programs(tmp_path, read_runtime_lock())
    known = replace(read_runtime_lock(), programs={"python.exe": sums.sums_of(tmp_path)["python.exe"]})
    windows_runtime.check_programs(tmp_path, known)


def test_the_installer_names_file_by_file_what_it_copies(tmp_path: Path) -> None:
    tree(tmp_path, list(FILES))
    assert installer.file_lines(tmp_path) == (
        'SetOutPath "${STICK}"\nFile "a.txt"\nSetOutPath "${STICK}\\b"\nFile "b/run"\nFile "b/two.txt"\n'
        'SetOutPath "${STICK}"\nFile "c.txt"\n'
    )


def test_a_release_tells_its_schema_and_interpreters() -> None:
    text = facts.as_json(read_release(), read_runtime_lock(), facts.schema(), Platform.LINUX)
    assert f'"schema": {len(migrations())}' in text
    assert '"windows": "3.11.9"' in text
    assert '"platform": "linux"' in text
    assert "platform" not in facts.as_json(read_release(), read_runtime_lock(), 3)


def sheet(folder: Path, *, trial: bool) -> tuple[str, signature.Publisher]:
    folder.mkdir()
    (folder / "cai-dat.sh").write_bytes(b"#!/bin/sh\n")
    hand = replace(signature.trial(folder.parent / "trial.pem"), is_trial=trial)
    handover.print_sheet(folder / "sheet.pdf", folder, read_release(), hand)
    said = subprocess.run(
        ["pdftotext", "-layout", str(folder / "sheet.pdf"), "-"], check=True, capture_output=True, text=True, timeout=30
    )
    return said.stdout, hand


def test_the_hand_over_sheet_shows_the_fingerprint_that_an_installation_shows(tmp_path: Path) -> None:
    text, hand = sheet(tmp_path / "stick", trial=False)
    assert " ".join(text.split()).count(hand.public.fingerprint.replace("-", " ")[:19]) == 1
    assert "BIÊN BẢN BÀN GIAO" in text
    assert "BẢN THỬ" not in text
    assert "cai-dat.sh" in text


def test_a_trial_stick_says_so_on_its_sheet_and_the_sheet_is_the_same_bytes_each_time(tmp_path: Path) -> None:
    text, _ = sheet(tmp_path / "one", trial=True)
    assert "BẢN THỬ" in text
    sheet(tmp_path / "two", trial=True)
    assert (tmp_path / "one/sheet.pdf").read_bytes() == (tmp_path / "two/sheet.pdf").read_bytes()


def test_a_folder_that_is_no_stick_is_never_replaced(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("mine", encoding="utf-8")
    order = stick.Order(read_release(), signature.trial(tmp_path.parent / "trial.pem"))
    with pytest.raises(BundleError, match="is no stick"):
        stick.build(tmp_path, order)
    assert (tmp_path / "thesis.txt").exists()


def test_files_get_one_time(tmp_path: Path) -> None:
    tree(tmp_path, list(FILES))
    releases.date_files(tmp_path, EPOCH)
    assert {path.stat().st_mtime for path in tmp_path.rglob("*")} == {EPOCH}


def test_the_builder_ends_with_two_and_one_sentence(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert build_bundle.run(["--out", str(tmp_path / "x"), "--key", str(tmp_path / "none.pem")]) == 2
    assert "there is no key" in capsys.readouterr().err
