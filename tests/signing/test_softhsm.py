"""Simulated tokens in a folder."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from commune_portal import errors
from commune_portal.signing import softhsm
from tests.signing.conftest import Simulated


def test_a_moved_folder_gets_a_conf_that_fits(simulated: Simulated, tmp_path: Path) -> None:
    shutil.copytree(simulated.folder, tmp_path / "moved")
    conf = Path(softhsm.environment(tmp_path / "moved")[softhsm.VARIABLE])
    assert str(tmp_path / "moved" / "tokens") in conf.read_text(encoding="utf-8")
    assert (tmp_path / "moved").stat().st_mode & 0o777 == 0o700


def test_the_authoritys_key_does_not_stay_in_the_folder(simulated: Simulated) -> None:
    assert sorted(path.name for path in simulated.folder.iterdir()) == ["softhsm2.conf", "tokens"]


def test_without_softhsm_the_sentence_says_what_to_install(
    simulated: Simulated, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shutil, "which", lambda _: None)
    assert softhsm.find_module() == ""
    with pytest.raises(errors.TokenDriverFailed, match="SoftHSM2"):
        softhsm.provision(tmp_path, [], simulated.authority)
