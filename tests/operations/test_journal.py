"""The journal survives what a power cut leaves, and only a living process holds the lock."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from commune_portal.errors import PortalError, StoreBusy, StoreDamaged
from commune_portal.operations import engine, journal
from commune_portal.operations.engine import Facts, Outcome, Site, Step
from commune_portal.operations.journal import Kind, Operation, State
from commune_portal.operations.places import Places


def test_what_was_written_is_read_again(tmp_path: Path) -> None:
    operation = journal.begin(Kind.UPGRADE, "1.0.0", "1.1.0", bundle="/media/usb").knowing({"snapshot": {"lines": 3}})
    written = journal.write(tmp_path / "ops-state.json", operation)
    assert journal.read(tmp_path / "ops-state.json") == written
    assert written.is_pending
    assert journal.read(tmp_path / "none") is None


@pytest.mark.parametrize("ruined", ["", "{", "[]", '{"format": 1}', '{"format": 9, "kind": "install"}', "null"])
def test_a_ruined_journal_is_told_and_not_taken_for_none(tmp_path: Path, ruined: str) -> None:
    path = tmp_path / "ops-state.json"
    path.write_text(ruined, encoding="utf-8")
    with pytest.raises(StoreDamaged, match="đừng xóa gì"):
        journal.read(path)


def test_one_operation_at_a_time_and_a_dead_process_holds_nothing(tmp_path: Path) -> None:
    lock = tmp_path / "state" / "ops.lock"
    program = (
        "import sys; from pathlib import Path; from commune_portal.operations import journal\n"
        "with journal.alone(Path(sys.argv[1])):\n    print('held', flush=True)\n    sys.stdin.read()\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", program, str(lock)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == b"held\n"
        with pytest.raises(StoreBusy, match="khác đang chạy"), journal.alone(lock):
            pass
        other.kill()
        other.wait(20)
    with journal.alone(lock):
        pass


class Still:
    """A service that does nothing."""

    def install(self) -> None: ...

    def remove(self) -> None: ...

    def start(self) -> None: ...

    def stop(self) -> None: ...

    def is_running(self) -> bool:
        return False


@pytest.fixture
def site(tmp_path: Path) -> Site:
    places = Places.under(tmp_path)
    places.state.mkdir(parents=True)
    return Site(places, Still(), "", 1, lambda _: None)


def test_the_journal_is_written_before_each_act_and_keeps_what_was_learnt(site: Site) -> None:
    seen: list[tuple[str, object]] = []

    def act(at: Site, operation: Operation) -> Facts:
        there = journal.read(at.places.journal)
        assert there is not None
        seen.append((there.step, dict(there.facts)))
        return {operation.step: True}

    steps = [Step(name, "", act) for name in ("one", "two", journal.COMMIT)]
    ended = engine.carry_out(site, journal.begin(Kind.INSTALL, "", "1.0.0"), steps, _never)
    assert seen == [("one", {}), ("two", {"one": True}), ("commit", {"one": True, "two": True})]
    assert ended.outcome is Outcome.DONE
    closed = journal.read(site.places.journal)
    assert closed is not None
    assert closed.state is State.DONE


def test_a_failure_is_undone_once_and_told(site: Site) -> None:
    undone: list[str] = []

    def fail(_: Site, __: Operation) -> Facts:
        raise OSError(28, "No space left on device")

    ended = engine.carry_out(
        site, journal.begin(Kind.UPGRADE, "1.0.0", "1.1.0"), [Step("one", "", fail)],
        lambda _, operation: undone.append(operation.error),
    )  # fmt: skip
    assert ended.outcome is Outcome.ROLLED_BACK
    assert len(undone) == 1
    assert "đĩa" in undone[0]
    closed = journal.read(site.places.journal)
    assert closed is not None
    assert closed.state is State.UNDONE


def test_what_was_committed_is_not_undone_by_a_failure(site: Site) -> None:
    def fail(_: Site, __: Operation) -> Facts:
        raise OSError(28, "No space left on device")

    ended = engine.carry_out(site, journal.begin(Kind.UPGRADE, "1", "2"), [Step(journal.COMMIT, "", fail)], _never)
    assert ended.outcome is Outcome.WARNED
    pending = journal.read(site.places.journal)
    assert pending is not None
    assert pending.is_pending


def test_a_journal_that_cannot_be_written_stops_before_the_act(site: Site) -> None:
    undone: list[str] = []
    site.places.journal.mkdir()  # nothing can take its place

    def act(_: Site, __: Operation) -> Facts:
        raise AssertionError("acted without a journal")

    ended = engine.carry_out(
        site, journal.begin(Kind.UPGRADE, "1", "2"), [Step("one", "", act)],
        lambda _, operation: undone.append(operation.id),
    )  # fmt: skip
    assert ended.outcome is Outcome.ROLLED_BACK
    assert isinstance(ended.error, PortalError)
    assert len(undone) == 1


def _never(_: Site, operation: Operation) -> None:
    raise AssertionError(operation.id)
