"""A backup holds everything and no secret, is whole or absent, and a restore never loses what was there."""

from __future__ import annotations

import dataclasses
import json
import random
import resource
import shutil
import signal
import sqlite3
import subprocess
import sys
import threading
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from commune_portal import clock
from commune_portal.documents import incoming, restoration
from commune_portal.documents.incoming import Arrival
from commune_portal.documents.verification import verify_installation
from commune_portal.errors import DiskFull, Malformed, StoreDamaged, StoreRefused
from commune_portal.people.actors import PORTAL
from commune_portal.rules.acts import Act
from commune_portal.settings import Settings
from commune_portal.store import backup, database, files, installation, journal, swap, verify
from commune_portal.wire import keys
from tests import cast
from tests.store import full
from tests.store.full import Full, forging

TOML = "[paths]\nallow_any_disk = true\n[token]\ntrial = true\n"


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Full:
    found = full.build(tmp_path_factory.mktemp("full"))
    (found.office.settings.folder / "portal.toml").write_text(TOML, encoding="utf-8")
    return found


@pytest.fixture
def office(made: Full, tmp_path: Path) -> Iterator[Settings]:
    folder = tmp_path / "office"
    shutil.copytree(made.office.settings.folder, folder)
    yield dataclasses.replace(made.office.settings, folder=folder)
    database.close()


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def test_a_backup_is_one_proven_zip_that_a_plain_tool_opens(office: Settings, tmp_path: Path) -> None:
    found = backup.make(office, tmp_path / "usb")
    assert found.is_proven, found.faults
    assert [path.name for path in (tmp_path / "usb").iterdir()] == [found.path.name]
    with zipfile.ZipFile(found.path) as archive:
        assert archive.testzip() is None
        manifest = json.loads(archive.read("MANIFEST.json"))
        names = set(archive.namelist())
        kinds = {info.filename: info.compress_type for info in archive.infolist()}
    assert (manifest["format"], manifest["schema"], manifest["code"]) == (1, 1, cast.OFFICE_CODE)
    assert names == {*manifest["members"], "MANIFEST.json"}
    assert {"register.sqlite3", "portal.toml", "trust/trial.pem"} <= names
    assert kinds["register.sqlite3"] == zipfile.ZIP_DEFLATED
    assert {kinds[name] for name in names if name.startswith("files/")} == {zipfile.ZIP_STORED}
    assert manifest["rows"]["incoming"] == 5
    assert found.sha256 == files.digest_of(found.path).sha256
    assert not list(office.work_folder.glob("backup-*"))


def test_no_secret_is_ever_inside(office: Settings, tmp_path: Path) -> None:
    secrets = [path.read_bytes() for path in office.secrets_folder.rglob("*") if path.is_file()]
    lines = {line for text in secrets for line in text.splitlines() if len(line) > 40 and b"BEGIN" not in line}
    lines |= {installation.session_secret(office.secrets_folder), cast.PIN.encode(), cast.PASSWORD.encode()}
    public = [path.read_bytes() for path in office.trust_folder.iterdir()]
    lines -= {line for text in public for line in text.splitlines()}  # certificates lie beside their keys
    found = backup.make(office, tmp_path)
    with zipfile.ZipFile(found.path) as archive:
        assert not [name for name in archive.namelist() if "secret" in name or "key" in name]
        everything = b"".join(archive.read(name) for name in archive.namelist())
    assert len(lines) > 5
    assert not [line for line in lines if b"CERTIFICATE" not in line and line in everything]


def test_a_backup_of_a_register_that_is_written_to_all_the_while_is_consistent(
    office: Settings, made: Full, tmp_path: Path
) -> None:
    installation.open_(office)
    stop = threading.Event()
    written: list[int] = []

    def write() -> None:
        while not stop.is_set():
            arrival = Arrival(sender_name="Sở Nội vụ", subject=f"Văn bản {len(written)}", on_paper=True)
            written.append(incoming.register(made.office.clerk, arrival))
        database.close()

    thread = threading.Thread(target=write)
    thread.start()
    try:
        found = [backup.make(office, tmp_path / "usb") for _ in range(3)]
    finally:
        stop.set()
        thread.join(30)
    assert all(item.is_proven for item in found), [item.faults for item in found]
    assert len(written) > 3
    assert found[0].manifest.size < found[-1].manifest.size


def test_a_damaged_file_is_saved_as_it_is_told_and_no_older_backup_is_let_go(office: Settings, tmp_path: Path) -> None:
    first = backup.make(office, tmp_path, keep=1)
    sha256 = next(verify.stored_files(office.files_folder))
    path = files.path_in(office.files_folder, sha256)
    path.write_bytes(path.read_bytes() + b"!")
    with clock.standing_at(clock.now().replace(year=2027)):
        second = backup.make(office, tmp_path, keep=1)
    assert not second.is_proven
    assert second.manifest.damaged == [sha256]
    assert first.path.exists()
    path.write_bytes(path.read_bytes()[:-1])
    with clock.standing_at(clock.now().replace(year=2028)):
        third = backup.make(office, tmp_path, keep=2)
    assert backup.backups_in(tmp_path, cast.OFFICE_CODE) == [third.path, second.path]
    with pytest.raises(StoreDamaged, match="không nguyên vẹn"):
        restoration.restore(PORTAL, office, second.path)


def test_a_register_that_cannot_be_read_gives_no_backup(office: Settings, tmp_path: Path) -> None:
    office.database_path.write_bytes(b"rac" * 5000)
    with pytest.raises(StoreDamaged):
        backup.make(office, tmp_path / "usb")
    assert list((tmp_path / "usb").iterdir()) == []


def test_any_flipped_byte_of_a_backup_is_refused_and_nothing_changes(office: Settings, tmp_path: Path) -> None:
    path = backup.make(office, tmp_path / "usb").path
    sound = path.read_bytes()
    before = contents(office.folder)
    chance = random.Random(22)
    harmless = 0
    for place in [chance.randrange(len(sound)) for _ in range(40)]:
        damaged = bytearray(sound)
        damaged[place] ^= 1 << chance.randrange(8)
        path.write_bytes(damaged)
        faults = []
        try:
            faults = backup.prove(path, tmp_path / "thu")
        except (Malformed, StoreRefused) as error:
            faults = [verify.Fault(path.name, error.sentence)]
        harmless += not faults
        shutil.rmtree(tmp_path / "thu", ignore_errors=True)
    assert harmless <= 8  # time stamps and the like in the zip's own directory
    path.write_bytes(sound[: len(sound) // 2])
    with pytest.raises(Malformed):
        restoration.restore(PORTAL, office, path)
    assert contents(office.folder) == before


def test_a_restore_brings_everything_back_as_a_new_epoch_that_must_enrol_again(
    office: Settings, made: Full, tmp_path: Path
) -> None:
    old = keys.load(office.secrets_folder)
    path = backup.make(office, tmp_path / "usb").path
    installation.open_(office)
    incoming.register(made.office.clerk, Arrival(sender_name="Sở", subject="Sau khi sao lưu", on_paper=True))
    database.close()
    done = restoration.restore(PORTAL, office, path)
    assert (done.epoch, done.faults, done.must_enrol) == (1, (), True)
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
    assert (mine.epoch, mine.public_key) == (1, new.public_key.hex())
    assert database.row("SELECT enrolled_at FROM peers")[0] is None
    assert database.row("SELECT journal_sent FROM contacts")[0] == 0
    acts = [line.fields["act"] for line in journal.lines(mine_size() - 2)]
    assert acts == [Act.INSTALLATION_RESTORED, Act.KEYS_CHANGED]


def mine_size() -> int:
    return journal.checkpoint().size


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
    assert (done.epoch, done.put_aside) == (1, None)
    assert verify_installation(copied).ok
    installation.open_(copied)
    installation.refuse_copy("office", keys.load(copied.secrets_folder).public_key.hex())
    database.close()
    again = restoration.adopt(PORTAL, copied)
    assert again.epoch == 2


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


def test_a_hostile_archive_writes_nothing_outside(office: Settings, tmp_path: Path) -> None:
    path = backup.make(office, tmp_path / "usb").path
    hostile = tmp_path / "hostile.zip"
    with zipfile.ZipFile(path) as old, zipfile.ZipFile(hostile, "w") as new:
        manifest = json.loads(old.read("MANIFEST.json"))
        manifest["members"]["../../ngoai"] = "0" * 64
        manifest["members"]["files/aa/bb/../../../../ngoai"] = "0" * 64
        for name in old.namelist():
            new.writestr(name, json.dumps(manifest) if name == "MANIFEST.json" else old.read(name))
        new.writestr("../../ngoai", b"x")
    backup.unpack(hostile, tmp_path / "a" / "b")
    assert not list(tmp_path.rglob("ngoai"))


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


KILLED = """
import sys
from pathlib import Path
from commune_portal import points, settings
from commune_portal.documents import restoration
from commune_portal.people.actors import PORTAL
from commune_portal.store import backup
import os, signal

def strike(point):
    if point == sys.argv[3]:
        os.kill(os.getpid(), signal.SIGKILL)

points.hook = strike
own = settings.load(Path(sys.argv[1]) / "portal.toml")
if sys.argv[3] == "inside-backup":
    backup.make(own, Path(sys.argv[2]))
else:
    restoration.restore(PORTAL, own, Path(sys.argv[2]))
"""


def test_a_backup_that_is_killed_leaves_no_zip_under_its_final_name(office: Settings, tmp_path: Path) -> None:
    usb = tmp_path / "usb"
    killed = subprocess.run(
        [sys.executable, "-c", KILLED, str(office.folder), str(usb), "inside-backup"], timeout=60, check=False
    )
    assert killed.returncode == -signal.SIGKILL
    assert [path.suffix for path in usb.iterdir()] == [".part"]
    assert backup.make(office, usb).is_proven
    assert [path.suffix for path in usb.iterdir()] == [".zip"]


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
    assert restoration.restore(PORTAL, office, path).epoch == 1


LIMITED = """
import resource, sys
from pathlib import Path
from commune_portal import settings
from commune_portal.errors import DiskFull
from commune_portal.store import backup
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[3]), resource.RLIM_INFINITY))
try:
    backup.make(settings.load(Path(sys.argv[1]) / "portal.toml"), Path(sys.argv[2]))
except DiskFull as error:
    print(error.code)
    sys.exit(9)
"""


@pytest.mark.parametrize("room", [4096, 100_000, 560_000])
def test_a_full_disk_during_a_backup_leaves_nothing_half_done(office: Settings, tmp_path: Path, room: int) -> None:
    usb = tmp_path / "usb"
    before = contents(office.data_folder)
    ended = subprocess.run(
        [sys.executable, "-c", LIMITED, str(office.folder), str(usb), str(room)],
        timeout=60, check=False, capture_output=True, text=True,
    )  # fmt: skip
    assert (ended.returncode, ended.stdout) == (9, "disk-full\n"), ended.stderr
    assert list(usb.iterdir()) == []
    assert {k: v for k, v in contents(office.data_folder).items() if not k.endswith(("-wal", "-shm"))} == before


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


def test_a_full_disk_during_a_registration_gives_no_number_and_no_row(office: Settings, made: Full) -> None:
    installation.open_(office)
    wal = office.database_path.with_name(office.database_path.name + "-wal")
    arrival = Arrival(sender_name="Sở Nội vụ", subject="Khi ổ đĩa đầy", on_paper=True)
    first = incoming.register(made.office.clerk, arrival)
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    size = mine_size()
    refused = 0
    for room in (0, 4096, 8192):
        resource.setrlimit(resource.RLIMIT_FSIZE, (wal.stat().st_size + room, limits[1]))
        try:
            with pytest.raises(DiskFull, match="đầy"):
                incoming.register(made.office.clerk, arrival)
            refused += 1
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert refused == 3
    assert mine_size() == size
    second = incoming.register(made.office.clerk, arrival)
    assert incoming.get(second).number == (incoming.get(first).number or 0) + 1
    database.close()
    assert verify_installation(office).ok


def test_a_backup_that_is_noted_is_found_again(office: Settings, tmp_path: Path) -> None:
    installation.open_(office)
    assert restoration.last_backup() is None
    found = backup.make(office, tmp_path)
    restoration.backed_up(PORTAL, found)
    last = restoration.last_backup(proven=True)
    assert last is not None
    assert (last.name, last.is_proven) == (found.path.name, True)
    database.close()
    assert verify_installation(office).ok


def test_two_backups_in_one_second_have_two_names(office: Settings, tmp_path: Path) -> None:
    with clock.standing_at(clock.now()):
        names = {backup.make(office, tmp_path).path.name for _ in range(2)}
    assert len(names) == 2


def test_an_older_copy_without_its_tables_is_refused_as_no_register(office: Settings, tmp_path: Path) -> None:
    office.database_path.unlink()
    connection = sqlite3.connect(office.database_path)
    connection.execute("CREATE TABLE one (a)")
    connection.commit()
    connection.close()
    with pytest.raises(StoreDamaged):
        backup.make(office, tmp_path / "usb")
