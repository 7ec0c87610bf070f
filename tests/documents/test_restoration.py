"""A restore never loses what was there, and what comes of it is an installation of its own."""

from __future__ import annotations

import dataclasses
import json
import resource
import shutil
import signal
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from commune_portal.documents import incoming, restoration
from commune_portal.documents.incoming import Arrival
from commune_portal.documents.verification import verify_installation
from commune_portal.errors import DiskFull, StoreDamaged, StoreRefused
from commune_portal.people.actors import PORTAL
from commune_portal.rules.acts import Act
from commune_portal.settings import Settings
from commune_portal.store import backup, database, installation, journal, swap
from commune_portal.wire import keys
from tests.store import full
from tests.store.backed import KILLED, contents, made, mine_size, office
from tests.store.full import Full, forging

__all__ = ["made", "office"]


def test_a_restore_brings_everything_back_as_a_new_epoch_that_must_enrol_again(
    office: Settings, made: Full, tmp_path: Path
) -> None:
    old = keys.load(office.secrets_folder)
    path = backup.make(office, tmp_path / "usb").path
    installation.open_(office)
    incoming.register(made.office.clerk, Arrival(sender_name="Sở", subject="Sau khi sao lưu", on_paper=True))
    database.close()
    done = restoration.restore(PORTAL, office, path)
    assert (done.epoch, done.faults, done.must_enrol) == (full.EPOCH + 1, (), True)
    assert done.put_aside is not None
    assert (done.put_aside / "register.sqlite3").exists()
    assert {(book.restored, book.before) for book in done.books if book.name == "Sổ đăng ký văn bản đến"} == {(3, 4)}
    new = keys.load(office.secrets_folder)
    assert new.key_id != old.key_id
    assert (office.secrets_folder / f"retired-{old.key_id}.pem").exists()
    assert not (office.secrets_folder / "next").exists()
    assert verify_installation(office).ok
    installation.open_(office)
    mine = installation.own()
    installation.refuse_copy("office", new.public_key.hex())
    with pytest.raises(StoreRefused):
        installation.refuse_copy("office", old.public_key.hex())
    assert (mine.epoch, mine.public_key) == (full.EPOCH + 1, new.public_key.hex())
    assert database.row("SELECT enrolled_at FROM peers")[0] is None
    assert database.row("SELECT journal_sent FROM contacts")[0] == 0
    acts = [line.fields["act"] for line in journal.lines(mine_size() - 2)]
    assert acts == [Act.INSTALLATION_RESTORED, Act.KEYS_CHANGED]


def test_a_restored_folder_is_byte_for_byte_what_was_backed_up(office: Settings, tmp_path: Path) -> None:
    before = contents(office.files_folder)
    path = backup.make(office, tmp_path / "usb").path
    shutil.rmtree(office.data_folder)
    restoration.restore(PORTAL, office, path)
    assert contents(office.files_folder) == before


def test_a_copied_folder_is_adopted_in_its_place(made: Full, tmp_path: Path) -> None:
    copied = full.copied(made.office.settings, tmp_path / "may-moi")
    with pytest.raises(StoreRefused, match="Không thấy khóa"):
        keys.load(copied.secrets_folder)
    done = restoration.adopt(PORTAL, copied)
    assert (done.epoch, done.put_aside) == (full.EPOCH + 1, None)
    assert verify_installation(copied).ok
    installation.open_(copied)
    installation.refuse_copy("office", keys.load(copied.secrets_folder).public_key.hex())
    database.close()
    again = restoration.adopt(PORTAL, copied)
    assert again.epoch == full.EPOCH + 2


def test_a_tampered_copy_is_not_adopted(made: Full, tmp_path: Path) -> None:
    copied = full.copied(made.office.settings, tmp_path / "may-moi")
    with forging(copied) as connection:
        connection.execute("UPDATE incoming SET subject = 'khác' WHERE id = 1")
    with pytest.raises(StoreDamaged, match="incoming:"):
        restoration.adopt(PORTAL, copied)
    assert not (copied.secrets_folder / keys.FILE_NAME).exists()


def test_a_newer_backup_and_one_of_another_role_are_refused(office: Settings, tmp_path: Path) -> None:
    path = backup.make(office, tmp_path / "usb").path
    node = dataclasses.replace(office, role="node")
    with pytest.raises(StoreRefused, match="vai trò"):
        restoration.restore(PORTAL, node, path)
    for change in ({"schema": 99}, {"format": 99}):
        newer = tmp_path / "newer.zip"
        with zipfile.ZipFile(path) as old, zipfile.ZipFile(newer, "w") as new:
            manifest = {**json.loads(old.read("MANIFEST.json")), **change}
            for name in old.namelist():
                new.writestr(name, json.dumps(manifest) if name == "MANIFEST.json" else old.read(name))
        with pytest.raises(StoreRefused, match="mới hơn"):
            restoration.restore(PORTAL, office, newer)


def test_nothing_is_restored_while_another_process_has_the_register_open(office: Settings, tmp_path: Path) -> None:
    path = backup.make(office, tmp_path / "usb").path
    program = (
        "import sqlite3, sys; c = sqlite3.connect(sys.argv[1]); c.execute('SELECT count(*) FROM units').fetchone();"
        " print('open', flush=True); sys.stdin.read()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", program, str(office.database_path)],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    ) as other:  # fmt: skip
        assert other.stdout is not None
        assert other.stdout.readline() == "open\n"
        with pytest.raises(StoreRefused, match="đang chạy"):
            restoration.restore(PORTAL, office, path)
        with pytest.raises(StoreRefused, match="đang chạy"):
            restoration.adopt(PORTAL, office)
        other.communicate(timeout=20)
    swap.refuse_while_served(office.database_path)
    assert verify_installation(office).ok


EXAMINED = """
import sys
from pathlib import Path
from commune_portal import settings
from commune_portal.documents.verification import verify_installation
from commune_portal.health import examination
from commune_portal.store import backup, database, installation

own = settings.load(Path(sys.argv[1]) / "portal.toml")
installation.open_(own)
for thorough in (False, True):
    examination.examine(own, thorough=thorough)
verify_installation(own)
backup.make(own, Path(sys.argv[2]))
print("open", flush=True)
sys.stdin.read()
database.write_working("INSERT INTO nonces VALUES ('a', 'b')")
"""


def test_reading_a_register_again_does_not_drop_the_locks_of_the_process_that_serves_it(
    office: Settings, tmp_path: Path
) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", EXAMINED, str(office.folder), str(tmp_path / "usb")],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    ) as other:  # fmt: skip
        assert other.stdout is not None
        assert other.stdout.readline() == "open\n"
        with pytest.raises(StoreRefused, match="đang chạy"):
            swap.refuse_while_served(office.database_path)
        other.communicate(timeout=20)
    assert other.returncode == 0
    assert verify_installation(office).ok


@pytest.mark.parametrize("point", ["inside-transaction", "after-commit", "inside-restore"])
def test_a_restore_that_is_killed_leaves_the_old_register_and_its_keys(
    office: Settings, tmp_path: Path, point: str
) -> None:
    path = backup.make(office, tmp_path / "usb").path
    before = contents(office.data_folder)
    old = keys.load(office.secrets_folder)
    killed = subprocess.run(
        [sys.executable, "-c", KILLED, str(office.folder), str(path), point], timeout=60, check=False
    )
    assert killed.returncode == -signal.SIGKILL
    assert {k: v for k, v in contents(office.data_folder).items() if not k.endswith(("-wal", "-shm"))} == before
    assert keys.load(office.secrets_folder).key_id == old.key_id
    assert restoration.restore(PORTAL, office, path).epoch == full.EPOCH + 1


def test_a_full_disk_during_a_restore_leaves_the_old_register(office: Settings, tmp_path: Path) -> None:
    path = backup.make(office, tmp_path / "usb").path
    before = contents(office.data_folder)
    folders = set(office.folder.iterdir())
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, limits[1]))
    try:
        with pytest.raises(DiskFull):
            restoration.restore(PORTAL, office, path)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert contents(office.data_folder) == before
    assert set(office.folder.iterdir()) == folders


def test_a_backup_that_is_noted_is_found_again(office: Settings, tmp_path: Path) -> None:
    installation.open_(office)
    noted = (
        "SELECT json_extract(body, '$.facts.name'), json_extract(body, '$.facts.proven') FROM journal WHERE object = ?"
    )
    assert database.row(noted, (restoration.ABOUT,)) is None
    found = backup.make(office, tmp_path)
    restoration.backed_up(PORTAL, found)
    assert tuple(database.row(noted, (restoration.ABOUT,)) or ()) == (found.path.name, 1)
    database.close()
    assert verify_installation(office).ok
