"""A backup holds everything and no secret, and is whole or absent."""

from __future__ import annotations

import hashlib
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
from pathlib import Path

import pytest

from commune_portal import clock
from commune_portal.documents import incoming, restoration
from commune_portal.documents.incoming import Arrival
from commune_portal.documents.verification import verify_installation
from commune_portal.errors import DiskFull, Malformed, StoreDamaged, StoreRefused
from commune_portal.people.actors import PORTAL
from commune_portal.settings import MEBIBYTE, Settings
from commune_portal.store import archive, backup, database, files, installation, migrate, verify
from commune_portal.store.backup import Keep
from tests import cast
from tests.store.backed import KILLED, contents, made, mine_size, office
from tests.store.full import Full

__all__ = ["made", "office"]


def test_a_backup_is_one_proven_zip_that_a_plain_tool_opens(office: Settings, tmp_path: Path) -> None:
    found = backup.make(office, tmp_path / "usb")
    assert found.is_proven, found.faults
    assert [path.name for path in (tmp_path / "usb").iterdir()] == [found.path.name]
    with zipfile.ZipFile(found.path) as archive:
        assert archive.testzip() is None
        manifest = json.loads(archive.read("MANIFEST.json"))
        names = set(archive.namelist())
        kinds = {info.filename: info.compress_type for info in archive.infolist()}
    assert (manifest["format"], manifest["schema"], manifest["code"]) == (
        1,
        len(migrate.migrations()),
        cast.OFFICE_CODE,
    )
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
    first = backup.make(office, tmp_path, keep=Keep(1, 0, 0))
    sha256 = next(verify.stored_files(office.files_folder))
    path = files.path_in(office.files_folder, sha256)
    path.write_bytes(path.read_bytes() + b"!")
    with clock.standing_at(clock.now().replace(year=2027)):
        second = backup.make(office, tmp_path, keep=Keep(1, 0, 0))
    assert not second.is_proven
    assert second.manifest.damaged == [sha256]
    assert first.path.exists()
    path.write_bytes(path.read_bytes()[:-1])
    with clock.standing_at(clock.now().replace(year=2028)):
        third = backup.make(office, tmp_path, keep=Keep(2, 0, 0))
    assert backup.backups_in(tmp_path, cast.OFFICE_CODE) == [third.path, second.path]
    with pytest.raises(StoreDamaged, match="không nguyên vẹn"):
        restoration.restore(PORTAL, office, second.path)


def test_a_register_that_cannot_be_read_gives_no_backup(office: Settings, tmp_path: Path) -> None:
    office.database_path.write_bytes(b"rac" * 5000)
    with pytest.raises(StoreDamaged):
        backup.make(office, tmp_path / "usb")
    assert not list(tmp_path.glob("usb/*"))


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


def test_an_entry_that_was_exchanged_inside_a_backup_is_refused(office: Settings, tmp_path: Path) -> None:
    path = backup.make(office, tmp_path / "usb").path
    for wanted in ("register.sqlite3", "files/"):
        forged = tmp_path / "forged.zip"
        with zipfile.ZipFile(path) as old, zipfile.ZipFile(forged, "w") as new:
            target = next(name for name in old.namelist() if name.startswith(wanted))
            for name in old.namelist():
                new.writestr(name, old.read(name) + (b"!" if name == target else b""))
        with pytest.raises(StoreDamaged) as caught:
            backup.unpack(forged, tmp_path / wanted.strip("/"))
        assert caught.value.detail == target


def test_a_backup_that_unpacks_to_more_than_the_disk_takes_is_refused_before_anything_is_written(
    office: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = backup.make(office, tmp_path / "usb").path
    bomb = tmp_path / "bomb.zip"
    with zipfile.ZipFile(path) as old, zipfile.ZipFile(bomb, "w", zipfile.ZIP_DEFLATED) as new:
        for name in old.namelist():
            more = bytes(50 * MEBIBYTE) if name == "register.sqlite3" else b""
            new.writestr(name, old.read(name) + more)
    assert bomb.stat().st_size < path.stat().st_size + MEBIBYTE
    room = shutil.disk_usage(tmp_path)._replace(free=archive.ROOM_LEFT_BYTES + 40 * MEBIBYTE)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: room)
    with pytest.raises(DiskFull, match="Chưa có gì thay đổi"):
        backup.unpack(bomb, tmp_path / "a")
    assert [item.name for item in (tmp_path / "a").rglob("*")] == ["files"]
    backup.unpack(path, tmp_path / "b")


@pytest.mark.parametrize(("name", "value"), [("schema", "3"), ("made_at", 7), ("epoch", None), ("role", ["office"])])
def test_a_manifest_of_other_values_is_no_manifest(office: Settings, tmp_path: Path, name: str, value: object) -> None:
    path = backup.make(office, tmp_path / "usb").path
    other = tmp_path / "other.zip"
    with zipfile.ZipFile(path) as old, zipfile.ZipFile(other, "w") as new:
        new.writestr("MANIFEST.json", json.dumps({**json.loads(old.read("MANIFEST.json")), name: value}))
    with pytest.raises(Malformed):
        backup.read_manifest(other, tmp_path)


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


def test_a_backup_that_is_killed_leaves_no_zip_under_its_final_name(office: Settings, tmp_path: Path) -> None:
    usb = tmp_path / "usb"
    killed = subprocess.run(
        [sys.executable, "-c", KILLED, str(office.folder), str(usb), "inside-backup"], timeout=60, check=False
    )
    assert killed.returncode == -signal.SIGKILL
    assert [path.suffix for path in usb.iterdir()] == [".part"]
    assert backup.make(office, usb).is_proven
    assert [path.suffix for path in usb.iterdir()] == [".zip"]


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


@pytest.mark.parametrize("where", ["snapshot", "first entry", "stored files"])
def test_a_full_disk_during_a_backup_leaves_nothing_half_done(office: Settings, tmp_path: Path, where: str) -> None:
    usb = tmp_path / "usb"
    database_bytes = office.database_path.stat().st_size
    large = random.Random(4).randbytes(database_bytes + 200_000)
    path = files.path_in(office.files_folder, hashlib.sha256(large).hexdigest())
    path.parent.mkdir(parents=True)
    path.write_bytes(large)
    before = contents(office.data_folder)
    room = {"snapshot": 4096, "first entry": database_bytes // 2, "stored files": database_bytes + 50_000}[where]
    ended = subprocess.run(
        [sys.executable, "-c", LIMITED, str(office.folder), str(usb), str(room)],
        timeout=60, check=False, capture_output=True, text=True,
    )  # fmt: skip
    assert (ended.returncode, ended.stdout) == (9, "disk-full\n"), ended.stderr
    assert not list(tmp_path.glob("usb/*"))
    left = {k: v for k, v in contents(office.data_folder).items() if not k.endswith(("-wal", "-shm", "backup.lock"))}
    assert left == before


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
