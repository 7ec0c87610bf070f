"""What a restore takes over of the settings that came with the backup."""

from __future__ import annotations

from pathlib import Path

import pytest

from commune_portal.documents import carried_settings
from commune_portal.settings import Settings, load
from commune_portal.signing import drivers
from commune_portal.signing.drivers import Driver


@pytest.fixture
def here(tmp_path: Path) -> Settings:
    """A new computer with a fresh settings file, and beside the data what a backup brought."""
    (tmp_path / "portal.toml").write_text('role = "office"\n[server]\nport = 8123\n', encoding="utf-8")
    (tmp_path / "data" / carried_settings.FOLDER / "trust").mkdir(parents=True)
    return load(tmp_path / "portal.toml")


def brought(here: Settings, text: str) -> None:
    """Lays the settings file of the backup beside the data."""
    path = here.data_folder / carried_settings.FOLDER / carried_settings.CONFIG
    path.write_text('role = "office"\n' + text, encoding="utf-8")


def installed(monkeypatch: pytest.MonkeyPatch, *paths: Path) -> None:
    """Drivers of known makers that this computer has."""
    monkeypatch.setattr(drivers, "present", lambda: tuple(Driver("VNPT-CA", str(path)) for path in paths))


def test_a_driver_that_is_installed_here_too_is_taken_over_and_the_port_is_not(
    here: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    driver = here.folder / "driver.so"
    driver.write_bytes(b"")
    installed(monkeypatch, driver)
    brought(here, f'[server]\nport = 9999\n[token]\nmodule = "{driver}"\n[backup]\nat = "16:45"\nfolders = ["/usb"]\n')
    carried_settings.carry(here)
    now = load(here.folder / "portal.toml")
    assert (now.token.module, now.backup.at, now.server.port) == (str(driver), "16:45", 8123)
    assert now.backup.folders == ()
    carried_settings.carry(here)
    assert load(here.folder / "portal.toml") == now


def test_a_program_on_a_stick_is_no_driver(here: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    strange = here.folder / "stick.so"
    strange.write_bytes(b"")
    installed(monkeypatch, here.folder / "driver.so")
    brought(here, f'[token]\nmodule = "{strange}"\npadding = "pss"\n')
    carried_settings.carry(here)
    assert load(here.folder / "portal.toml").token.module == ""


def test_a_driver_that_is_not_here_is_left_out(here: Settings) -> None:
    brought(here, '[token]\nmodule = "C:/Vendor/token.dll"\n')
    carried_settings.carry(here)
    assert load(here.folder / "portal.toml") == here


def test_what_was_chosen_here_stands(here: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    own, other = here.folder / "own.so", here.folder / "other.so"
    own.write_bytes(b"")
    other.write_bytes(b"")
    installed(monkeypatch, own, other)
    config = here.folder / "portal.toml"
    config.write_text(f'role = "office"\n[token]\nmodule = "{own}"\n', encoding="utf-8")
    brought(here, f'[token]\nmodule = "{other}"\n')
    carried_settings.carry(load(config))
    assert load(config).token.module == str(own)


def test_roots_come_along_and_none_is_overwritten(here: Settings) -> None:
    came = here.data_folder / carried_settings.FOLDER / "trust"
    (came / "a.pem").write_bytes(b"theirs")
    (came / "b.pem").write_bytes(b"theirs")
    here.trust_folder.mkdir()
    (here.trust_folder / "a.pem").write_bytes(b"ours")
    carried_settings.carry(here)
    assert [(here.trust_folder / name).read_bytes() for name in ("a.pem", "b.pem")] == [b"ours", b"theirs"]


@pytest.mark.parametrize("text", ["[nothing]\nx = 1\n", "[token\n"])
def test_settings_of_another_release_are_left_to_be_looked_up(here: Settings, text: str) -> None:
    brought(here, text)
    carried_settings.carry(here)
    assert load(here.folder / "portal.toml") == here
