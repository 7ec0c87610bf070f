"""The door for other computers as a portal has it: closed until there is a register, and never in the clerk's way."""

from __future__ import annotations

import dataclasses
import logging
import socket
from collections.abc import Iterable
from pathlib import Path

import pytest

from commune_portal import lan_door
from commune_portal.doors import DOOR, Environ, Start
from commune_portal.errors import SettingsWrong
from commune_portal.lan_door import LanDoor
from commune_portal.settings import Lan, Server, Settings
from commune_portal.wire import lan_addresses, lan_authority


def says_its_door(environ: Environ, start: Start) -> Iterable[bytes]:
    start("200 OK", [])
    return [environ[DOOR].encode()]


def settings_at(folder: Path, port: int = 0, front: str = "builtin") -> Settings:
    lan = Lan(enabled=True, host="127.0.0.1", port=port, names=("vanban.local",), front="nginx")
    made = Settings(folder=folder, lan=dataclasses.replace(lan, front=front))  # type: ignore[arg-type]  # one of the two
    lan_authority.found(made, "để thử", lan_addresses.wanted_names(made))
    return made


def asked(door: LanDoor, **environ: str) -> tuple[str, bytes]:
    status: list[str] = []
    given = {"wsgi.url_scheme": "http", "REMOTE_ADDR": "127.0.0.1", **environ}
    body = b"".join(door.around(says_its_door)(given, lambda said, _headers: status.append(said)))
    return status[0], body


def test_the_first_run_pages_are_for_this_pc_alone_whoever_stands_in_front(tmp_path: Path) -> None:
    settings = settings_at(tmp_path, front="nginx")
    word = lan_authority.front_secret(settings)
    door = LanDoor(settings)
    assert asked(door) == ("200 OK", b"loopback")
    status, body = asked(door, HTTP_X_PORTAL_FRONT=word, HTTP_X_FORWARDED_FOR="192.168.1.2")
    assert (status[:3], b"loopback" in body) == ("503", False)
    door.open(1)
    assert asked(door, HTTP_X_PORTAL_FRONT=word, HTTP_X_FORWARDED_FOR="192.168.1.2") == ("200 OK", b"lan")
    door.close()


def test_a_taken_port_is_logged_and_tried_again_and_the_portal_goes_on(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lan_door, "KEEP_SECONDS", 0.05)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        door = LanDoor(settings_at(tmp_path, taken.getsockname()[1]))
        with caplog.at_level(logging.ERROR):
            door.open(1)
        assert "closed for the network" in caplog.text
        assert door.front is None
    for _ in range(200):
        if door.front is not None:
            break
        door._ends.wait(0.02)
    assert door.front is not None
    door.close()


def test_one_pc_alone_opens_nothing(tmp_path: Path) -> None:
    door = LanDoor(Settings(folder=tmp_path))
    door.open(1)
    assert door.front is None
    assert asked(door) == ("200 OK", b"loopback")
    assert list(tmp_path.iterdir()) == []
    door.close()


def test_a_door_without_its_authority_is_logged_and_nothing_is_invented(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    door = LanDoor(Settings(folder=tmp_path, lan=Lan(enabled=True)))
    with caplog.at_level(logging.ERROR):
        door.open(1)
    assert "lan enable" in caplog.text
    door.close()


def test_the_door_cannot_stand_before_an_ipv6_loopback(tmp_path: Path) -> None:
    with pytest.raises(SettingsWrong, match=r"server\.host"):
        LanDoor(Settings(folder=tmp_path, server=Server(host="::1"), lan=Lan(enabled=True)))
