"""kill -9 at every step of a backup and of a restore: the next start finishes or undoes it, and nothing is lost.

The matrix is printed. A child of this process is killed by itself at a named point; what comes next is what `serve`
does at its start.
"""

from __future__ import annotations

import os
import shutil
import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from commune_portal import points
from commune_portal.documents import backups, incoming, restoration
from commune_portal.documents.incoming import Arrival
from commune_portal.documents.verification import verify_installation
from commune_portal.errors import StoreBusy, StoreDamaged
from commune_portal.people.actors import PORTAL
from commune_portal.points import Point
from commune_portal.settings import Settings
from commune_portal.store import backup, backup_runs, database, installation, swap
from commune_portal.store.backup_runs import Why
from commune_portal.store.swap import Step
from commune_portal.wire import keys
from tests.store.backed import contents, made, office
from tests.store.full import Full

__all__ = ["made", "office"]

BACKUP: tuple[Point, ...] = (
    "backup-begun", "backup-snapshot", "inside-backup", "backup-named", "backup-proved", "backup-noted",
)  # fmt: skip
UNDONE: tuple[Point, ...] = (
    "restore-begun", "restore-unpacked", "restore-keyed", "inside-transaction", "after-commit",
    "inside-restore",
)  # fmt: skip
FINISHED: tuple[Point, ...] = (
    "restore-planned", "restore-aside", "restore-swapped", "restore-retired", "restore-rekeyed",
)  # fmt: skip


def killed_at(point: Point, act: Callable[[], object]) -> bool:
    """Does something in a child that dies by SIGKILL at a point; False when it never came there."""
    database.close()
    child = os.fork()
    if child == 0:

        def strike(reached: Point) -> None:
            if reached == point:
                os.kill(os.getpid(), signal.SIGKILL)

        points.hook = strike
        try:
            act()
        finally:
            os._exit(0)
    _, status = os.waitpid(child, 0)
    return os.WIFSIGNALED(status)


def start(settings: Settings) -> Step | None:
    """What serving does before it opens anything; afterwards the register must be one that is served."""
    cut = restoration.settle(settings)
    installation.open_(settings)
    installation.refuse_copy(settings.role, keys.load(settings.secrets_folder).public_key.hex())
    if backup.sweep(settings):
        backup_runs.settle()
    return cut


def lies_about(settings: Settings) -> list[str]:
    """What should not be left anywhere."""
    left = [path.name for path in settings.folder.glob(f"{settings.paths.data}.moi-*")]
    left += [swap.STATE] if (settings.folder / swap.STATE).exists() else []
    left += ["secrets/next"] if (settings.secrets_folder / "next").exists() else []
    left += [path.name for path in settings.work_folder.glob("backup-*")]
    return left


@pytest.fixture(autouse=True)
def _closed() -> Iterator[None]:
    yield
    database.close()


def test_a_backup_that_is_killed_at_any_step_leaves_a_sound_register_and_no_half_file(
    office: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    def back_up() -> None:
        installation.open_(office)
        backups.back_up(PORTAL, office, Why.ASKED, backups.places(office))

    rows = []
    for point in BACKUP:
        shutil.rmtree(office.backups_folder, ignore_errors=True)
        assert killed_at(point, back_up), point
        start(office)
        assert backup_runs.running() == []
        named = [path for path in office.backups_folder.glob("*") if path.suffix != ".part"]
        for path in named:
            assert backup.prove(path, office.work_folder / "thu", restoration.secrets_at_hand(office)) == []
        assert lies_about(office) == []
        outcome = backup_runs.latest(1)[0].outcome
        assert verify_installation(office, with_files=False).ok
        (again,) = backups.back_up(PORTAL, office, Why.ASKED, backups.places(office))
        assert again.backup is not None
        assert again.backup.is_proven
        assert not list(office.backups_folder.glob("*.part"))
        rows.append(f"  {point:<18} tệp có tên: {len(named)}   dòng: {outcome:<8} lần sau: đã chứng minh")
    assert [row.split("tệp có tên: ")[1][0] for row in rows] == ["0", "0", "0", "1", "1", "1"]
    with capsys.disabled():
        print("\nkill -9 trong khi sao lưu\n" + "\n".join(rows))


def test_a_restore_that_is_killed_at_any_step_ends_as_the_old_or_as_the_new_register(
    office: Settings, made: Full, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    saved = backup.make(office, tmp_path / "usb").path
    installation.open_(office)
    extra = incoming.register(made.office.clerk, Arrival(sender_name="Sở", subject="Sau sao lưu", on_paper=True))
    epoch = installation.own().epoch
    database.close()
    before = tmp_path / "truoc"
    shutil.copytree(office.folder, before)
    rows = []
    for point in (*UNDONE, *FINISHED):
        shutil.rmtree(office.folder)
        shutil.copytree(before, office.folder)
        assert killed_at(point, lambda: restoration.restore(PORTAL, office, saved)), point
        cut = start(office)
        mine = installation.own()
        has_extra = database.row("SELECT count(*) FROM incoming WHERE id = ?", (extra,))[0] == 1
        database.close()
        assert verify_installation(office).ok, point
        assert lies_about(office) == [], point
        if point in UNDONE:
            assert (cut, mine.epoch, has_extra) == (Step.PREPARING, epoch, True), point
            assert not list(office.folder.glob("data.truoc-*"))
        else:
            assert (cut, mine.epoch, has_extra) == (Step.SWAPPING, epoch + 1, False), point
            (aside,) = office.folder.glob("data.truoc-*")
            assert {k: v for k, v in contents(aside).items() if k.startswith("files/")} == {
                k: v for k, v in contents(before / "data").items() if k.startswith("files/")
            }
            assert len(list(office.secrets_folder.glob("retired-*.pem"))) >= 1
        assert restoration.settle(office) is None
        rows.append(f"  {point:<18} {'hoàn lại: sổ cũ' if point in UNDONE else 'làm nốt: sổ vừa khôi phục'}")
    with capsys.disabled():
        print("\nkill -9 trong khi khôi phục\n" + "\n".join(rows))


def test_a_restore_that_is_killed_while_it_is_being_finished_is_finished_by_the_next_start(
    office: Settings, tmp_path: Path
) -> None:
    saved = backup.make(office, tmp_path / "usb").path
    assert killed_at("restore-planned", lambda: restoration.restore(PORTAL, office, saved))
    for point in ("restore-aside", "restore-swapped", "restore-retired", "restore-rekeyed"):
        assert killed_at(point, lambda: restoration.settle(office)), point
        assert (office.folder / swap.STATE).exists()
    assert start(office) is Step.SWAPPING
    database.close()
    assert verify_installation(office).ok
    assert lies_about(office) == []


def test_a_restore_into_an_empty_place_that_is_killed_begins_anew(office: Settings, tmp_path: Path) -> None:
    saved = backup.make(office, tmp_path / "usb").path
    shutil.rmtree(office.data_folder)
    shutil.rmtree(office.secrets_folder)
    for point in ("restore-unpacked", "inside-restore"):
        assert killed_at(point, lambda: restoration.restore(PORTAL, office, saved))
        assert restoration.settle(office) is Step.PREPARING
        assert not office.data_folder.exists()
        assert lies_about(office) == []
    assert killed_at("restore-aside", lambda: restoration.restore(PORTAL, office, saved))
    assert start(office) is Step.SWAPPING
    database.close()
    assert verify_installation(office).ok


def test_an_adoption_that_is_killed_is_undone_before_its_line_and_finished_after_it(office: Settings) -> None:
    for point, ends in (
        ("restore-keyed", Step.ADOPTING), ("inside-transaction", Step.ADOPTING), ("after-commit", Step.ADOPTING),
        ("inside-restore", Step.ADOPTING), ("restore-retired", Step.ADOPTING),
    ):  # fmt: skip
        installation.open_(office)
        epoch = installation.own().epoch
        assert killed_at(point, lambda: restoration.adopt(PORTAL, office)), point  # type: ignore[arg-type]  # a tuple of literals
        assert start(office) is ends
        began = point not in ("restore-keyed", "inside-transaction")
        assert installation.own().epoch == epoch + began, point
        database.close()
        assert verify_installation(office, with_files=False).ok
        assert lies_about(office) == []


def test_nothing_is_settled_while_a_restore_is_at_work_and_a_ruined_state_is_told(office: Settings) -> None:
    swap.write_state(office, swap.State(Step.PREPARING, str(swap.beside(office, "moi"))))
    with restoration._alone(office), pytest.raises(StoreBusy, match="khôi phục khác"):
        restoration.settle(office)
    (office.folder / swap.STATE).write_bytes(b"{rac")
    with pytest.raises(StoreDamaged, match="không xóa"):
        restoration.settle(office)


def test_no_folder_but_one_of_ours_is_ever_taken_away(office: Settings) -> None:
    for stranger in (office.data_folder, office.secrets_folder, office.folder):
        swap.write_state(office, swap.State(Step.PREPARING, str(stranger)))
        restoration.settle(office)
        assert stranger.exists()
    start(office)
