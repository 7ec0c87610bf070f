"""Root works in the service's folders with the service's rights: a link that is planted there leads it nowhere."""

from __future__ import annotations

import os
import pwd
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from commune_portal import cli, settings
from commune_portal.errors import PortalError
from commune_portal.operations import children, engine, registers, stand_in, steps, uninstalling
from commune_portal.operations.children import Answer
from commune_portal.operations.engine import Site
from commune_portal.operations.foreground import ForegroundServices
from commune_portal.operations.journal import Kind, Operation, begin
from commune_portal.operations.places import Places
from commune_portal.people import founding
from commune_portal.people.founding import FirstPerson, Plan
from commune_portal.rules.permissions import Role
from commune_portal.settings import Settings
from commune_portal.store import database, settings_file

SERVICE = pwd.getpwnam("nobody")


@pytest.fixture
def tmp_path() -> Iterator[Path]:
    """A folder that another account may walk through, which pytest's own may not."""
    with tempfile.TemporaryDirectory() as name:
        Path(name).chmod(0o711)
        yield Path(name)


@pytest.fixture
def places(tmp_path: Path) -> Places:
    """An installation whose home is the service's, and whose state is root's."""
    assert os.geteuid() == 0, "another account's folders need root: run these tests as root"
    made = Places.under(tmp_path / "root")
    for folder in made.all():
        folder.mkdir(parents=True)
    made.snapshots.mkdir(mode=0o700)
    own_it(made.home)
    return made


@pytest.fixture
def own(places: Places) -> Iterator[Settings]:
    with stand_in.for_owner_of(places.home):
        document = {"role": "office", "server": {"port": 1}, "paths": {"allow_any_disk": True}}
        made = settings_file.write_new(places.config, document)
        clerk = FirstPerson(username="lan", full_name="Trần Thị Lan", roles=(Role.CLERK,), password="mat-khau-de-thu-1")
        founding.found(made, Plan(code="H99.01", name="UBND xã An Phú", place="An Phú", people=(clerk,)))
    yield settings.load(places.config)
    database.close()


@pytest.fixture
def roots(tmp_path: Path) -> Path:
    """A folder of root's that a link points to."""
    folder = tmp_path / "of-root"
    folder.mkdir(mode=0o755)
    (folder / "kept").write_text("root's")
    return folder


def own_it(path: Path) -> None:
    os.chown(path, SERVICE.pw_uid, SERVICE.pw_gid, follow_symlinks=False)


def site_of(places: Places) -> Site:
    return Site(places, ForegroundServices(places, ""), "", 1, lambda _: None)


def untouched(folder: Path) -> bool:
    """True where nothing of root's changed hands and nothing came to it."""
    return [path.name for path in folder.iterdir()] == ["kept"] and all(
        path.stat().st_uid == 0 for path in (folder, folder / "kept")
    )


def operation(kind: Kind = Kind.UPGRADE, **facts: object) -> Operation:
    return begin(kind, "1.0.0", "1.1.0", **facts)


def test_the_rights_come_back_also_after_an_error(places: Places) -> None:
    before = (os.geteuid(), os.getegid(), os.getgroups())
    with stand_in.for_owner_of(places.home):
        assert (os.geteuid(), os.getegid()) == (SERVICE.pw_uid, SERVICE.pw_gid)
        assert os.getgroups() == [SERVICE.pw_gid]
        with stand_in.for_owner_of(places.state):
            assert os.geteuid() == SERVICE.pw_uid, "within, nobody becomes root again"
    with pytest.raises(OSError, match="kept"), stand_in.for_owner_of(places.home):
        (places.state / "kept").write_text("the service may not write here")
    assert (os.geteuid(), os.getegid(), os.getgroups()) == before


def test_a_program_is_never_started_while_standing_in(places: Places) -> None:
    with stand_in.for_owner_of(places.home), pytest.raises(AssertionError, match="real"):
        children.run(["true"], 5)


def test_a_rehearsal_follows_no_link(
    places: Places, own: Settings, roots: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert own.database_path.is_file()
    (places.home / "rehearsal").symlink_to(roots)
    monkeypatch.setattr(steps, "_ask", lambda *_: Answer(0, '{"rows": []}', ""))
    with pytest.raises((PortalError, OSError)):
        steps.rehearse(site_of(places), operation())
    assert untouched(roots)


def test_a_rehearsal_copies_no_register_that_the_service_may_not_read(
    places: Places, own: Settings, roots: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    secret = roots.parent / "of-a-person"
    own.database_path.rename(secret)
    os.chown(secret, 0, 0)
    secret.chmod(0o600)
    own.database_path.symlink_to(secret)
    monkeypatch.setattr(steps, "_ask", lambda *_: Answer(0, '{"rows": []}', ""))
    with pytest.raises((PortalError, OSError)):
        steps.rehearse(site_of(places), operation())
    with pytest.raises((PortalError, OSError)):
        registers.take_snapshot(places, own, "0000aaaa")


def test_the_mark_follows_no_link(places: Places, own: Settings, roots: Path) -> None:
    places.config.rename(roots.parent / "settings.toml")
    places.config.symlink_to(roots.parent / "settings.toml")
    (roots.parent / "data").symlink_to(own.data_folder)
    with pytest.raises((PortalError, OSError)):
        steps.stop(site_of(places), operation())
    assert not (roots.parent / "upgrading").exists()


def test_a_snapshot_comes_back_to_the_service_and_to_no_folder_of_roots(
    places: Places, own: Settings, roots: Path
) -> None:
    before = registers.take_snapshot(places, own, "0000aaaa")
    assert Path(before.path).stat().st_uid == 0
    astray = replace(own, paths=replace(own.paths, data=str(roots)))
    with pytest.raises((PortalError, OSError)):
        registers.put_back(places, astray, before, "0000aaaa")
    with pytest.raises((PortalError, OSError)):
        registers.exchange(places, astray, before, "0000aaaa")
    assert untouched(roots)
    assert registers.exchange(places, own, before, "0000bbbb") is not None
    assert own.database_path.stat().st_uid == SERVICE.pw_uid
    assert registers.put_back(places, own, before, "0000aaaa") is not None
    assert own.database_path.stat().st_uid == SERVICE.pw_uid
    assert registers.facts(own.database_path)[1] == before.lines


def test_removing_puts_the_data_aside_by_no_link(places: Places, own: Settings, roots: Path) -> None:
    assert own.database_path.is_file()
    (places.home / "put-aside").symlink_to(roots)
    with pytest.raises((PortalError, OSError)):
        uninstalling._data(site_of(places), operation(Kind.UNINSTALL, with_data=True))
    assert untouched(roots)


def test_the_last_words_of_a_service_are_not_those_of_anothers_file(places: Places, roots: Path) -> None:
    (roots / "kept").chmod(0o600)
    with stand_in.for_owner_of(places.home):
        (places.home / "logs").mkdir()
        (places.home / "logs" / "portal.log").symlink_to(roots / "kept")
    assert steps._last_words(places) == ""


def test_the_settings_of_a_first_installation_are_the_services(places: Places) -> None:
    steps.prepare(site_of(places), operation(Kind.INSTALL, role="office"))
    found = places.config.stat()
    assert (found.st_uid, found.st_gid, found.st_mode & 0o777) == (SERVICE.pw_uid, SERVICE.pw_gid, 0o640)
    assert isinstance(engine.told(OSError("x")), PortalError)


def test_the_networks_door_is_made_by_no_link(places: Places, own: Settings, roots: Path) -> None:
    (own.secrets_folder / "lan").symlink_to(roots)
    with pytest.raises((PortalError, OSError)):
        cli.run(["--config", str(places.config), "lan", "enable", "--name", "vanban.local"])
    assert untouched(roots)
    (own.secrets_folder / "lan").unlink()
    assert cli.run(["--config", str(places.config), "lan", "enable", "--name", "vanban.local"]) == cli.DONE
    made = [*own.secrets_folder.rglob("*"), *own.tls_folder.rglob("*"), places.config]
    assert {path.stat().st_uid for path in made} == {SERVICE.pw_uid}


def test_a_verb_among_the_data_is_its_owners_whoever_calls_it(
    places: Places, own: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert own.database_path.is_file()
    given_up: list[Path] = []
    monkeypatch.setattr(stand_in, "become_owner_of", given_up.append)
    monkeypatch.setattr("commune_portal.cli.drill.run", lambda _: cli.DONE)
    monkeypatch.setattr("commune_portal.cli.lan.run", lambda _: cli.DONE)
    assert cli.run(["--config", str(places.config), "lan", "status"]) == cli.DONE
    assert given_up == [], "the system's own units are root's"
    assert cli.run(["--config", str(places.config), "drill"]) == cli.DONE
    assert given_up == [places.home]


def test_rights_that_were_given_up_never_come_back(places: Places) -> None:
    child = os.fork()
    if not child:
        stand_in.become_owner_of(places.home)
        (places.home / "made").write_text("by the service")
        try:
            os.setuid(0)
        except PermissionError:
            os._exit(0)
        os._exit(1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert (places.home / "made").stat().st_uid == SERVICE.pw_uid
