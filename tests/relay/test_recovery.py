"""What a node tells of a lost journal is kept only where it links to our own chain and ends where the node signed."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from commune_portal.documents import lost
from commune_portal.errors import NodeUnreachable
from commune_portal.relay.link import RefusedByNode
from commune_portal.relay.port import OfficePort
from commune_portal.relay.recovery import OLD_NODE
from commune_portal.rules.chain import Checkpoint
from commune_portal.store import database
from commune_portal.wire.extract import JournalExtract, JournalLine
from commune_portal.wire.lost import LostJournal
from commune_portal.wire.protocol import Refused
from tests.cast import Cast
from tests.documents.restored import Told, by_hand, hear, opened, restored
from tests.relay.linked import queue


@pytest.fixture(scope="module")
def made(founded: Cast, tmp_path_factory: pytest.TempPathFactory) -> tuple[Cast, Told]:
    folder = tmp_path_factory.mktemp("recovery")
    office = opened(founded, founded.settings.folder, folder / "office")

    def since(before: Cast) -> None:
        for number in range(4):
            by_hand(before, f"Giấy thứ {number}")

    found = restored(office, folder / "moi", since)
    database.close()
    return found


@pytest.fixture
def told(made: tuple[Cast, Told], tmp_path: Path) -> Iterator[Told]:
    office, told = made
    opened(office, office.settings.folder, tmp_path / "moi")
    yield dataclasses.replace(told)
    database.close()


def kept() -> int:
    return int(database.row("SELECT count(*) FROM lost_lines")[0])


def test_a_whole_answer_is_kept_and_the_question_is_put_no_more(told: Told, tmp_path: Path) -> None:
    assert lost.question() is not None
    hear(told, tmp_path)
    assert kept() == len(told.lines)
    assert lost.question() is None
    assert lost.answer().answered_at is not None


def _other_leaf(told: Told) -> None:
    line = told.lines[1]
    leaf = json.dumps({"subject": "Trích yếu khác"}, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    told.lines = [told.lines[0], JournalLine(line.body, line.salt, leaf), *told.lines[2:]]


def _other_body(told: Told) -> None:
    line = told.lines[1]
    told.lines = [told.lines[0], JournalLine(line.body.replace("Giấy", "Khác").replace('"number":2', '"number":9'),
                                             line.salt, line.leaf), *told.lines[2:]]  # fmt: skip


def _other_end(told: Told) -> None:
    told.end = Checkpoint(told.end.size, "ab" * 32)


def _longer(told: Told) -> None:
    told.end = Checkpoint(told.end.size + 5, told.end.head)


def _other_place(told: Told) -> None:
    told.shared += 1


@pytest.mark.parametrize("spoil", [_other_leaf, _other_body, _other_end, _longer, _other_place])
def test_an_answer_that_is_not_our_own_journal_proves_nothing(
    told: Told, tmp_path: Path, spoil: Callable[[Told], None]
) -> None:
    spoil(told)
    with pytest.raises(NodeUnreachable):
        hear(told, tmp_path)
    assert lost.question() is not None, "it is asked again"
    assert lost.answer().answered_at is None


def test_what_was_kept_before_the_link_broke_is_no_trouble_at_the_next_contact(told: Told, tmp_path: Path) -> None:
    class Broken(Told):
        def lost_lines(self, epoch: int, after: int) -> JournalExtract:
            if after > self.shared:
                raise NodeUnreachable
            return super().lost_lines(epoch, after)

    with pytest.raises(NodeUnreachable):
        hear(Broken(told.shared, told.lines, told.end), tmp_path)
    assert kept() == told.at_most
    hear(told, tmp_path)
    assert kept() == len(told.lines)


def test_a_node_of_before_the_question_is_remembered_as_such(told: Told, tmp_path: Path) -> None:
    class Old(Told):
        def lost(self, stated: Checkpoint) -> tuple[LostJournal, ...]:
            raise RefusedByNode(Refused.NOT_FOUND)

    hear(Old(told.shared, told.lines, told.end), tmp_path)
    assert (lost.question(), lost.answer().refused) == (None, OLD_NODE)


def test_the_relay_holds_everything_back_until_the_restore_is_settled(told: Told) -> None:
    from commune_portal import clock
    from commune_portal.people import peers

    assert told.lines
    queue()
    port = OfficePort()
    assert port.waiting(clock.now(), 5) == []
    assert not port.anything_more_urgent(-1, clock.now())
    contact = peers.Contact(0, 10**6, "", clock.now(), None, 0)
    assert not port.is_pressing(contact, clock.now(), with_journal=False)
    database.write_working("DELETE FROM lost_answers")
    with database.transaction() as work:
        row = work.execute("SELECT id FROM restorations").fetchone()[0]
        work.update("restorations", row, {"confirmed_at": clock.now_text()})
        from commune_portal.rules.acts import Act
        from commune_portal.store import journal

        journal.write(work, Act.NUMBERS_RECONCILED, "system")
    assert len(port.waiting(clock.now(), 5)) == 1


def test_an_epoch_that_an_earlier_restore_used_up_is_counted_on(told: Told, tmp_path: Path) -> None:
    from commune_portal.store import installation

    before = installation.own().epoch
    assert OfficePort().epoch_taken()
    assert installation.own().epoch == before + 1
    hear(told, tmp_path)
    assert kept() == len(told.lines), "the question is still about where the journal stood when it was restored"
