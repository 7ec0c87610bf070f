"""After a wipe the database file holds the words nowhere: not in a row, not in an index, not between the cells."""

from __future__ import annotations

import dataclasses
import os
import random
import shutil
import sqlite3
import time
from pathlib import Path

import pytest

from commune_portal import clock
from commune_portal.documents import restoration, wiping
from commune_portal.documents.verification import verify_installation
from commune_portal.errors import DiskFull, StoreBusy
from commune_portal.people.actors import PORTAL
from commune_portal.rules.acts import Act
from commune_portal.settings import Settings
from commune_portal.store import backup, database, erasure, files, installation, journal, search
from commune_portal.wire import keys
from tests.documents.wiped import traces
from tests.store.backed import made, office
from tests.store.full import Full

__all__ = ["made", "office"]

DOCUMENTS, WIPED = 2000, 200


@pytest.fixture
def crowded(register: Settings) -> dict[int, str]:
    """A register with many documents, written and changed in no order; each has a word of its own."""
    chance = random.Random(20261122)
    words = {}
    database.connect().execute("PRAGMA synchronous = off")
    with database.transaction() as work:
        for number in chance.sample(range(DOCUMENTS), DOCUMENTS):
            word = f"zq{number:06d}zq"
            row = work.insert(
                "incoming",
                {
                    "origin": "upload", "state": "registered", "sender_name": "Sở Nội vụ", "code_number": word,
                    "code_notation": word, "subject": f"{word} {'nội dung chung ' * chance.randrange(12)}",
                    "signer_name": word, "arrived_at": clock.now_text(),
                },
            )  # fmt: skip
            search.put(work, "incoming", row.id, [word, "nội dung chung"])
            journal.write(
                work, Act.INCOMING_ARRIVED, journal.SYSTEM, about=f"incoming:{row.uid}",
                texts={"subject": word, "note": "x" * chance.randrange(300)},
            )  # fmt: skip
            words[row.id] = word
        for row_id in chance.sample(sorted(words), DOCUMENTS // 2):
            work.update("incoming", row_id, {"note": "y" * chance.randrange(400), "recipient_name": words[row_id]})
        journal.write(work, Act.EXPORTED, journal.SYSTEM)
    return words


def destroy(row_ids: list[int]) -> None:
    """All of them in one transaction."""
    with database.transaction() as work:
        for row_id in row_ids:
            about = f"incoming:{work.execute('SELECT uid FROM incoming WHERE id = ?', (row_id,)).fetchone()[0]}"
            seqs = wiping.wipe(work, row_id)
            line = journal.write(
                work, Act.INCOMING_DESTROYED, "vanthu", about=about, facts=wiping.facts(work, row_id, seqs)
            )
            wiping.erase_leaves(work, seqs, line.size)


def test_no_page_keeps_a_copy_of_what_was_blanked(register: Settings, crowded: dict[int, str]) -> None:
    gone = random.Random(7).sample(sorted(crowded), WIPED)
    destroy(gone)
    began = time.perf_counter()
    assert erasure.finish() == WIPED
    assert time.perf_counter() - began < 10
    data = b"".join(path.read_bytes() for path in register.data_folder.glob("register.sqlite3*"))
    assert [word for row_id in gone if (word := crowded[row_id]).encode() in data] == []
    living = [word for row_id, word in crowded.items() if row_id not in gone]
    assert all(word.encode() in data for word in living)
    assert verify_installation(register).ok


def test_a_full_disk_puts_the_end_off_and_loses_nothing(
    register: Settings, crowded: dict[int, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    destroy(sorted(crowded)[:1])

    def full() -> None:
        raise DiskFull

    with monkeypatch.context() as patched:
        patched.setattr(database, "rewrite", full)
        assert erasure.finish() == 0
    assert erasure.finish() == 0, "not again at once"
    erasure.begin_anew()
    assert erasure.finish() == 1


def test_a_writer_in_another_process_puts_the_end_off(register: Settings, crowded: dict[int, str]) -> None:
    destroy(sorted(crowded)[:1])
    other = sqlite3.connect(register.database_path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(StoreBusy):
        database.rewrite()
    other.execute("ROLLBACK")
    other.close()
    assert erasure.finish() == 1


def test_folders_that_a_power_cut_left_are_swept_too(register: Settings) -> None:
    old, fresh, foreign = (register.work_folder / name for name in ("ab" * 12, "cd" * 12, "fetched"))
    cut = register.work_folder / f"backup-{'ef' * 16}"
    for folder in (old, fresh, foreign, cut):
        folder.mkdir()
        (folder / "van-ban.pdf").write_bytes(b"chu")
    for folder in (old, foreign, cut):
        os.utime(folder, (0, 0))
    assert files.sweep_temporary() == 2
    assert [folder.exists() for folder in (old, fresh, foreign, cut)] == [False, True, True, False]


def test_a_sweep_is_not_stopped_by_what_others_take_away_meanwhile(
    register: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, first, second = (register.work_folder / name for name in ("ab" * 12, "a.part", "b.part"))
    folder.mkdir()
    for path in (folder / "van-ban.pdf", first, second):
        path.write_bytes(b"chu")
    real = files.digest_of

    def taken_away(path: Path) -> files.Stored:
        shutil.rmtree(folder, ignore_errors=True)
        path.unlink()
        return real(path)

    monkeypatch.setattr(files, "digest_of", taken_away)
    erasure._sweep_work_folder({"0" * 64})
    assert list(register.work_folder.iterdir()) == []
    assert [path for path, _ in files.still_there([first, register.work_folder])] == [register.work_folder]


def test_a_backup_of_a_wiped_register_is_proven_and_brings_nothing_back(
    office: Settings, made: Full, tmp_path: Path
) -> None:
    installation.open_(office)
    keys.use(keys.load(office.secrets_folder))
    before = backup.make(office, tmp_path / "usb")
    assert before.last_wipe == ""
    row_id, subject = database.row("SELECT id, subject FROM incoming WHERE state = 'completed'")
    database.write_working("UPDATE outbox SET state = 'delivered'")
    shared = database.rows("SELECT sha256 FROM attachments WHERE owner_table = 'incoming' AND owner_id = ?", (row_id,))
    destroy([row_id])
    assert erasure.finish() > 0
    gone = [sha256 for (sha256,) in shared if not files.has(sha256)]
    assert gone, "the packet at least"
    after = backup.make(office, tmp_path / "usb")
    assert after.is_proven, after.faults
    assert after.last_wipe
    database.close()
    again = dataclasses.replace(office, folder=tmp_path / "again")
    restoration.restore(PORTAL, again, after.path)
    installation.open_(again)
    assert verify_installation(again).ok
    assert not any(files.has(sha256) for sha256 in gone)
    assert database.row("SELECT subject FROM incoming WHERE id = ?", (row_id,)) == ("",)
    assert subject not in {word for _, word in traces(again.data_folder, ("một chữ nào đó",))}


def test_a_backup_between_the_commit_and_the_end_is_finished_where_it_is_restored(
    office: Settings, made: Full, tmp_path: Path
) -> None:
    installation.open_(office)
    keys.use(keys.load(office.secrets_folder))
    database.write_working("UPDATE outbox SET state = 'delivered'")
    (row_id,) = database.row("SELECT id FROM incoming WHERE state = 'completed'")
    destroy([row_id])
    found = backup.make(office, tmp_path / "usb")
    assert found.is_proven, found.faults
    database.close()
    again = dataclasses.replace(office, folder=tmp_path / "again")
    restoration.restore(PORTAL, again, found.path)
    installation.open_(again)
    assert erasure.finish() > 0
    assert verify_installation(again).ok
