"""The office's own authority: what it may speak for, what it issues, and when it renews by itself."""

from __future__ import annotations

import dataclasses
import ipaddress
import stat
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import pytest
from cryptography import x509
from hypothesis import given, strategies
from hypothesis import settings as limits

from commune_portal import clock
from commune_portal.errors import RuleBroken, SettingsWrong, StoreRefused
from commune_portal.settings import Lan, Settings
from commune_portal.wire import lan_addresses, lan_authority
from commune_portal.wire.lan_authority import Root

NAME = "vanban-anphu.local"


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    made = Settings(folder=tmp_path, lan=Lan(enabled=True, names=(NAME,)))
    lan_authority.found(made, "máy để thử", lan_addresses.wanted_names(made))
    return made


def certificate(settings: Settings) -> x509.Certificate:
    return x509.load_pem_x509_certificate(lan_authority.server_path(settings).read_bytes())


def is_verified(settings: Settings, folder: Path, name: str, leaf: bytes) -> bool:
    """What OpenSSL thinks of a certificate for a name, believing the root alone."""
    (folder / "leaf.pem").write_bytes(leaf)
    option = "-verify_ip" if lan_addresses.is_address(name) else "-verify_hostname"
    command = [
        "openssl", "verify", "-x509_strict", "-purpose", "sslserver", option, name,
        "-CAfile", str(settings.tls_folder / "root.pem"), str(folder / "leaf.pem"),
    ]  # fmt: skip
    return subprocess.run(command, capture_output=True, timeout=20, check=False).returncode == 0


def test_a_certificate_holds_for_every_name_of_this_machine(settings: Settings, tmp_path: Path) -> None:
    assert lan_authority.renew(settings) == ()
    leaf = lan_authority.server_path(settings).read_bytes()
    for name in lan_addresses.wanted_names(settings):
        assert is_verified(settings, tmp_path, name, leaf), name
    assert not is_verified(settings, tmp_path, "other.local", leaf)


def test_whoever_steals_the_root_cannot_pose_as_a_bank(settings: Settings, tmp_path: Path) -> None:
    authority = lan_authority.required(settings)
    for name in ("www.vietcombank.example", "203.0.113.9", "vn", "evil-vanban-anphu.example"):
        assert not authority.permits(name)
        assert not is_verified(settings, tmp_path, name, authority.issue([name])), name
    for name in ("khac.local", "10.1.2.3", NAME, f"www.{NAME}", "fd00::1"):
        assert authority.permits(name)
        assert is_verified(settings, tmp_path, name, authority.issue([name])), name


def test_the_root_signs_web_servers_and_no_authority_below_it(settings: Settings) -> None:
    extensions = lan_authority.required(settings).certificate.extensions
    assert extensions.get_extension_for_class(x509.BasicConstraints).value.path_length == 0
    assert extensions.get_extension_for_class(x509.NameConstraints).critical
    purposes = extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    assert list(purposes) == [x509.oid.ExtendedKeyUsageOID.SERVER_AUTH]


def test_keys_are_for_the_owner_alone(settings: Settings) -> None:
    lan_authority.renew(settings)
    lan_authority.front_secret(settings)
    for folder in (settings.secrets_folder, settings.lan_folder, settings.lan_folder / "server"):
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    for path in settings.lan_folder.rglob("*.*"):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600, path
    assert b"PRIVATE" not in (settings.tls_folder / "root.pem").read_bytes()


def test_the_server_certificate_lasts_no_longer_than_browsers_bear(settings: Settings) -> None:
    lan_authority.renew(settings)
    shown = certificate(settings)
    assert shown.not_valid_after_utc - shown.not_valid_before_utc <= timedelta(days=397)
    assert shown.not_valid_before_utc <= clock.now() - timedelta(hours=23)


@contextmanager
def days_later(days: float) -> Iterator[None]:
    with clock.standing_at(clock.now() + timedelta(days=days)):
        yield


def test_it_is_renewed_thirty_days_before_its_end_and_not_earlier(settings: Settings) -> None:
    assert lan_authority.keep(settings)
    first = certificate(settings).serial_number
    with days_later(397 - 1 - 31):
        assert not lan_authority.keep(settings)
    with days_later(397 - 1 - 29):
        assert lan_authority.keep(settings)
        shown = lan_authority.server(settings)
        assert shown is not None
        assert shown.not_after > clock.now() + timedelta(days=390)
    assert certificate(settings).serial_number != first


def test_a_certificate_never_outlives_its_root(settings: Settings) -> None:
    with days_later(3600):
        lan_authority.keep(settings)
        assert certificate(settings).not_valid_after_utc == lan_authority.required(settings).not_after


def test_a_new_address_is_taken_up_and_an_address_that_went_is_no_reason(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lan_addresses, "machine_addresses", lambda: ("192.168.1.10",))
    assert lan_authority.keep(settings)
    monkeypatch.setattr(lan_addresses, "machine_addresses", lambda: ())
    assert not lan_authority.keep(settings)
    monkeypatch.setattr(lan_addresses, "machine_addresses", lambda: ("192.168.1.77",))
    assert lan_authority.keep(settings)
    shown = lan_authority.server(settings)
    assert shown is not None
    assert "192.168.1.77" in shown.names


def test_a_name_the_root_may_not_speak_for_is_left_out_and_told(settings: Settings) -> None:
    strange = dataclasses.replace(settings, lan=Lan(enabled=True, names=(NAME, "nut.tinh.example")))
    assert lan_authority.renew(strange) == ("nut.tinh.example",)
    assert lan_authority.keep(strange) is False, "it must not be renewed each minute for a name it cannot have"


def test_a_new_root_ends_the_old_certificates(settings: Settings) -> None:
    lan_authority.renew(settings)
    with pytest.raises(StoreRefused):
        lan_authority.found(settings, "lần nữa", [])
    old = lan_authority.required(settings).fingerprint
    lan_authority.retire(settings)
    assert lan_authority.found(settings, "mới", lan_addresses.wanted_names(settings)).fingerprint != old
    assert lan_authority.keep(settings), "the certificate of the old root is of no use"
    root = lan_authority.root(settings)
    assert root is not None
    assert root.fingerprint == lan_authority.required(settings).fingerprint


def test_the_public_root_is_put_back_after_a_power_cut_between_two_files(settings: Settings) -> None:
    (settings.tls_folder / "root.pem").unlink()
    lan_authority.keep(settings)
    assert lan_authority.root(settings) is not None


def test_a_damaged_key_is_named_and_none_is_not_an_error(settings: Settings, tmp_path: Path) -> None:
    (settings.lan_folder / "authority.pem").write_bytes(b"-----BEGIN")
    with pytest.raises(StoreRefused, match="lan renew"):
        lan_authority.load(settings)
    elsewhere = Settings(folder=tmp_path / "elsewhere")
    assert (lan_authority.load(elsewhere), lan_authority.server(elsewhere), lan_authority.root(elsewhere)) == (
        None,
    ) * 3
    with pytest.raises(RuleBroken):
        lan_authority.keep(elsewhere)


@pytest.mark.parametrize("name", ["", "a b", "a_b", "-a", "a..b", "văn-bản.local", "1.2.3", "a;b", 'a"', "x" * 64])
def test_what_is_no_name_is_refused(name: str) -> None:
    with pytest.raises(SettingsWrong):
        lan_addresses.normal(name)


def test_names_are_spelled_as_hosts_are() -> None:
    assert lan_addresses.normal(" VanBan.Local. ") == "vanban.local"
    assert lan_addresses.normal("[FD00::1]") == "fd00::1"


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Root:
    return lan_authority.found(Settings(folder=tmp_path_factory.mktemp("root")), "gốc", [])


@limits(max_examples=60, deadline=None)
@given(address=strategies.ip_addresses())
def test_the_root_speaks_for_no_address_of_the_internet(
    root: Root, address: ipaddress.IPv4Address | ipaddress.IPv6Address
) -> None:
    assert not (root.permits(str(address)) and address.is_global)


def test_loopback_and_useless_addresses_are_not_among_the_machines() -> None:
    for address in lan_addresses.machine_addresses():
        assert not ipaddress.ip_address(address).is_loopback
