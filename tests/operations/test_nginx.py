"""What the installer writes for nginx: its configuration and its unit."""

from __future__ import annotations

import dataclasses
import re
import subprocess
from pathlib import Path

import pytest

from commune_portal.errors import RuleBroken
from commune_portal.operations import nginx, systemd
from commune_portal.operations.places import Places
from commune_portal.settings import Lan, Limits, Server, Settings


def settings_at(folder: Path) -> Settings:
    lan = Lan(enabled=True, port=8443, names=("vanban.local",), front="nginx")
    return Settings(folder=folder, server=Server(port=18080), lan=lan)


def test_nginx_is_wanted_only_where_the_settings_say_so(tmp_path: Path) -> None:
    settings = settings_at(tmp_path)
    assert nginx.wanted(settings)
    assert not nginx.wanted(dataclasses.replace(settings, lan=Lan(enabled=True, front="builtin")))
    assert not nginx.wanted(dataclasses.replace(settings, lan=Lan(enabled=False, front="nginx")))


def test_the_limits_of_the_settings_are_those_of_the_door(tmp_path: Path) -> None:
    settings = dataclasses.replace(settings_at(tmp_path), limits=Limits(packet_bytes=5 * 1024 * 1024))
    assert f"client_max_body_size {6 * 1024 * 1024};" in nginx.render(settings)


def test_a_node_bears_thousands_and_an_office_limits_each_pc(tmp_path: Path) -> None:
    office = nginx.render(settings_at(tmp_path))
    node = nginx.render(dataclasses.replace(settings_at(tmp_path), role="node"))
    assert "limit_conn clients 64;" in office
    assert "limit_conn " not in node
    found = re.search(r"worker_connections (\d+);", node)
    assert found
    assert int(found[1]) >= 8192


def test_what_a_client_says_of_its_way_is_set_and_never_appended_to(tmp_path: Path) -> None:
    text = nginx.render(settings_at(tmp_path))
    assert "$proxy_add_x_forwarded_for" not in text
    assert "proxy_set_header X-Forwarded-For $remote_addr;" in text
    for name in ("X-Forwarded-Host", "X-Forwarded-Port", "Forwarded", "X-Real-IP"):
        assert f'proxy_set_header {name} "";' in text
    assert "access_log off;" in text
    assert "Strict-Transport-Security" not in text  # docs/decisions/0007


@pytest.mark.parametrize("name", ['a"b', "a;b", "a$b", "a{b", "a\\b"])
def test_a_folder_that_nginx_would_misread_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(RuleBroken):
        nginx.render(settings_at(tmp_path / name))


def test_a_folder_with_spaces_and_vietnamese_letters_is_read(tmp_path: Path) -> None:
    settings = settings_at(tmp_path / "Dữ liệu xã")
    path = nginx.write(settings)
    runtime = tmp_path / "run"
    runtime.mkdir()
    command = ["/usr/sbin/nginx", "-t", "-c", str(path), "-p", f"{runtime}/"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=20, check=False)
    assert done.returncode == 0, done.stderr


def unit_at(root: Path, lan: str = "") -> str:
    """The unit of an installation whose settings file says this about the LAN."""
    places = Places.under(root)
    places.home.mkdir(parents=True)
    places.config.write_text(f"[lan]\n{lan}", encoding="utf-8")
    return systemd.unit_text(nginx.UNIT_NAME, places, "")


def test_the_unit_sees_no_register_and_holds_no_rights(tmp_path: Path) -> None:
    text = unit_at(tmp_path / "a", 'enabled = true\nfront = "nginx"')
    home = (tmp_path / "a").resolve() / "var/lib/commune-portal"
    assert not re.search("@[A-Z_]+@", text)
    assert f"TemporaryFileSystem={home}:ro" in text
    assert f"BindReadOnlyPaths={home}/tls {home}/secrets/lan/server" in text
    assert f"ConditionPathExists={home}/tls/nginx.conf" in text
    unit = tmp_path / nginx.UNIT_NAME
    unit.write_text(text, encoding="utf-8")
    command = ["systemd-analyze", "security", "--offline=true", "--no-pager", str(unit)]
    told = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False).stdout
    found = re.search(r"Overall exposure level for \S+: ([0-9.]+)", told)
    assert found, told[-300:]
    assert float(found[1]) <= 2.0


def test_a_port_below_1024_gets_its_capability_and_no_other_does(tmp_path: Path) -> None:
    door = 'enabled = true\nfront = "nginx"\nport = '
    assert "CAP_" not in unit_at(tmp_path / "a", f"{door}1024")
    assert unit_at(tmp_path / "b", f"{door}443").count("=CAP_NET_BIND_SERVICE\n") == 2
    assert "CAP_" not in unit_at(tmp_path / "c", 'enabled = false\nfront = "nginx"\nport = 443')
    assert nginx.capabilities(tmp_path / "none.toml") == ""


def test_the_portal_pulls_the_door_in_and_the_installer_writes_it(tmp_path: Path) -> None:
    places = Places.under(tmp_path)
    systemd.write_units(places, "", tmp_path / "units")
    assert (tmp_path / "units" / nginx.UNIT_NAME).is_file()
    assert nginx.UNIT_NAME in (tmp_path / "units" / systemd.SERVICE).read_text(encoding="utf-8")
    systemd.remove_units(tmp_path / "units")
    assert not (tmp_path / "units" / nginx.UNIT_NAME).exists()


def test_the_carried_nginx_is_preferred(tmp_path: Path) -> None:
    assert nginx.binary(tmp_path) is not None  # the system's
    carried = tmp_path / "bin" / "nginx"
    carried.parent.mkdir()
    carried.write_text("#!/bin/sh\n")
    assert nginx.binary(tmp_path) == carried
