"""A backup comes back into the same release and into a newer one, on another computer, by the paper alone."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from commune_portal.documents import carried_settings, restoration
from commune_portal.documents.verification import verify_installation
from commune_portal.errors import Malformed, StoreRefused
from commune_portal.people import recovery
from commune_portal.people.actors import PORTAL
from commune_portal.settings import Paths, Settings
from commune_portal.store import backup, database, installation, migrate, register, sealing
from commune_portal.store.migrate import Migration
from commune_portal.store.sealing import NotForUs
from commune_portal.wire import keys
from tests import cast
from tests.store.backed import contents, made, office
from tests.store.full import Full, copied

__all__ = ["made", "office"]


@contextmanager
def release(patch: pytest.MonkeyPatch, steps: list[Migration], tables: tuple[str, ...]) -> Iterator[None]:
    """This process as a release with these migrations and register tables."""
    with patch.context() as patched:
        patched.setattr(migrate, "migrations", lambda: steps)
        patched.setattr(register, "REGISTER_TABLES", tables)
        register.forget_shapes()
        yield
        database.close()
    register.forget_shapes()


def founded(folder: Path) -> Settings:
    settings = Settings(folder=folder, paths=Paths(allow_any_disk=True))
    folder.mkdir()
    own = keys.create(settings.secrets_folder)
    keys.use(own)
    installation.found(
        settings, code=cast.OFFICE_CODE, name=cast.OFFICE_NAME, place="An Phú",
        public_key=own.public_key.hex(), box_public_key=own.box_public_key.hex(),
    )  # fmt: skip
    database.close()
    return settings


def test_a_backup_of_the_release_before_is_brought_to_the_present_schema(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    steps = migrate.migrations()
    tables = tuple(name for name in register.REGISTER_TABLES if name not in ("recovery_keys", "restorations"))
    with release(monkeypatch, steps[:2], tables):
        old = founded(tmp_path / "cu")
        saved = backup.make(old, tmp_path / "usb", recipients=[sealing.recipient_of(SECRET)], secrets=[SECRET])
        assert (saved.manifest.schema, saved.is_proven) == (2, True)
    new = Settings(folder=tmp_path / "moi", paths=Paths(allow_any_disk=True))
    done = restoration.restore(PORTAL, new, saved.path, recovery_key=SECRET)
    assert done.code == cast.OFFICE_CODE
    installation.open_(new)
    assert migrate.current_version(database.connect()) == len(steps)
    assert database.row("SELECT count(*) FROM restorations")[0] == 1
    database.close()
    assert verify_installation(new).ok


def test_a_backup_of_a_newer_release_is_refused_and_nothing_changes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    steps = migrate.migrations()
    newer = [*steps, Migration(len(steps) + 1, "later", "CREATE TABLE later (a TEXT) STRICT;\n")]
    with release(monkeypatch, newer, register.REGISTER_TABLES):
        saved = backup.make(founded(tmp_path / "moi-hon"), tmp_path / "usb")
    here = founded(tmp_path / "day")
    before = contents(here.data_folder)
    with pytest.raises(StoreRefused, match="mới hơn"):
        restoration.restore(PORTAL, here, saved.path)
    assert contents(here.data_folder) == before
    assert sorted(path.name for path in here.folder.iterdir()) == ["data", "restore.lock", "secrets"]


SECRET = sealing.new_secret()


def test_on_another_computer_the_paper_opens_it_and_the_keys_there_do_not(
    office: Settings, made: Full, tmp_path: Path
) -> None:
    installation.open_(office)
    paper = recovery.make(PORTAL)
    recovery.confirm(PORTAL, paper.confirm_group)
    database.close()
    saved = backup.make(office, tmp_path / "usb", recipients=[paper.recipient]).path
    elsewhere = copied(made.office.settings, tmp_path / "may-khac")
    shutil.rmtree(elsewhere.data_folder)
    for wrong in ("", sealing.new_secret()):
        with pytest.raises(NotForUs):
            restoration.restore(PORTAL, elsewhere, saved, recovery_key=wrong)
    with pytest.raises(Malformed, match="58"):
        restoration.restore(PORTAL, elsewhere, saved, recovery_key="ABC")
    assert not list(elsewhere.folder.glob("data*"))
    done = restoration.restore(PORTAL, elsewhere, saved, recovery_key=paper.secret.lower())
    assert done.faults == ()
    assert (elsewhere.data_folder / carried_settings.FOLDER / "portal.toml").exists()
    installation.open_(elsewhere)
    assert recovery.current() is not None, "the paper stays in force"
    assert restoration.settle(elsewhere) is None


def test_a_backup_from_before_a_restore_still_opens_here_without_the_paper(office: Settings, tmp_path: Path) -> None:
    own = [sealing.as_recipient(keys.load(office.secrets_folder).box_public_key)]
    secrets = restoration.secrets_at_hand(office)
    saved = backup.make(office, tmp_path / "usb", recipients=own, secrets=secrets).path
    restoration.restore(PORTAL, office, saved)
    assert len(restoration.secrets_at_hand(office)) >= len(secrets) + 1
    restoration.restore(PORTAL, office, saved)
    assert verify_installation(office, with_files=False).ok


def test_missing_trusted_roots_come_back_and_present_ones_stay(office: Settings, tmp_path: Path) -> None:
    root = next(office.trust_folder.glob("*.pem"))
    wanted = root.read_bytes()
    saved = backup.make(office, tmp_path / "usb").path
    root.unlink()
    (office.trust_folder / "khac.pem").write_bytes(b"khac")
    restoration.restore(PORTAL, office, saved)
    assert root.read_bytes() == wanted
    assert (office.trust_folder / "khac.pem").read_bytes() == b"khac"
