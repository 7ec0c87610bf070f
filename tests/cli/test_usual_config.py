"""Which settings file a command works on when nobody names one."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from commune_portal import cli
from commune_portal.operations.places import Places


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The settings file of the portal that this computer would have installed; we stand in an empty folder."""
    places = dataclasses.replace(Places.under(tmp_path / "computer"), root=None)
    monkeypatch.setattr(Places, "here", classmethod(lambda _: places))
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    places.home.mkdir(parents=True)
    places.config.write_text("", encoding="utf-8")
    return places.config


def test_the_file_of_this_folder_comes_first(installed: Path) -> None:
    Path("portal.toml").write_text("", encoding="utf-8")
    assert cli._usual_config("doctor") == Path("portal.toml")


def test_elsewhere_the_installed_portal_is_meant(installed: Path) -> None:
    assert cli._usual_config("doctor") == installed


def test_a_founding_is_meant_for_this_folder(installed: Path) -> None:
    assert cli._usual_config("init") == Path("portal.toml")


def test_without_either_this_folder_is_meant(installed: Path) -> None:
    installed.unlink()
    assert cli._usual_config("doctor") == Path("portal.toml")
