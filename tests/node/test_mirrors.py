"""Extracts of journals: what agrees is mirrored, what does not is kept, journalled and shown."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from commune_portal.node import mailbox, mirrors
from commune_portal.node.mirrors import Mirror
from commune_portal.node.refusals import ExchangeRefused
from commune_portal.rules.acts import Act
from commune_portal.rules.chain import Checkpoint
from commune_portal.store import database, journal
from commune_portal.wire import checkpoint
from commune_portal.wire.extract import JournalExtract
from commune_portal.wire.protocol import Refused
from tests.node.cast import NODE_CODE, Journal, Office, enrol, new_keys
from tests.node.conftest import Node

PACKET = b"<edXML/>"


def filled(office: Office, amount: int = 5) -> None:
    for number in range(len(office.journal.lines) + 1, len(office.journal.lines) + amount + 1):
        office.journal.add(
            f"incoming:{number}",
            {"subject": f"Trích yếu {number}", "author": "Sở Nội vụ"},
            to="REGISTERED",
            book="incoming",
            year=2026,
            number=number,
            dates={"arrived": "2026-11-20", "due": "2026-11-27"},
            facts={"requires_handling": 1, "urgency": 2},
        )


def mirror(office: Office) -> Mirror:
    found = mirrors.of_member(office.member)
    assert found is not None
    return found


def word(office: Office, extract: JournalExtract) -> Refused:
    with pytest.raises(ExchangeRefused) as caught:
        mirrors.take_extract(office.member, extract)
    return caught.value.word


def disagreements() -> int:
    lines = [line for line in journal.every_line() if line.fields["act"] == Act.EXTRACT_DISAGREES.value]
    return len(lines)


def test_an_extract_is_mirrored_and_answered_with_the_node_s_signed_note(node: Node) -> None:
    office = node.first
    filled(office)
    note = mirrors.take_extract(office.member, office.journal.extract(1, 3))
    read = checkpoint.open_(note, NODE_CODE, new_keys(0).public_key)
    assert read.origin == f"{office.code}/journal"
    assert read.checkpoint == Checkpoint(3, office.journal.heads[3])
    mirrors.take_extract(office.member, office.journal.extract(4))
    assert mirror(office).checkpoint == office.journal.checkpoint
    assert mirrors.mirrored(office.member).checkpoint == office.journal.checkpoint
    assert mirror(office).is_sound


def test_a_repeated_or_overlapping_extract_is_answered_and_changes_nothing(node: Node) -> None:
    office = node.first
    filled(office)
    mirrors.take_extract(office.member, office.journal.extract(1, 4))
    size = journal.checkpoint().size
    mirrors.take_extract(office.member, office.journal.extract(1, 4))
    mirrors.take_extract(office.member, office.journal.extract(2, 3))
    assert journal.checkpoint().size == size
    mirrors.take_extract(office.member, office.journal.extract(2, 5))
    assert mirror(office).size == 5


def test_an_empty_extract_at_the_head_is_a_question_and_writes_nothing(node: Node) -> None:
    office = node.first
    filled(office)
    note = mirrors.take_extract(office.member, office.journal.extract())
    size = journal.checkpoint().size
    assert mirrors.take_extract(office.member, office.journal.extract(6, 5)) == note
    assert journal.checkpoint().size == size


def test_a_gap_is_refused_without_blame(node: Node) -> None:
    filled(node.first)
    assert word(node.first, node.first.journal.extract(2)) is Refused.JOURNAL_GAP
    assert disagreements() == 0


def test_a_fork_is_refused_kept_and_journalled_once(node: Node) -> None:
    office = node.first
    filled(office)
    mirrors.take_extract(office.member, office.journal.extract())
    other = Journal(office.journal.uid)
    other.lines, other.heads = office.journal.lines[:2], office.journal.heads[:3]
    office.journal = other
    office.journal.add("incoming:9", {"subject": "khác"})
    for _ in range(2):
        assert word(office, office.journal.extract(1)) is Refused.JOURNAL_FORK
    assert mirror(office).disagreement == "fork:3"
    assert "dòng 3" in mirror(office).warning
    assert mirror(office).size == 5
    assert disagreements() == 1


def test_a_rollback_that_grew_again_is_a_fork(node: Node) -> None:
    office = node.first
    filled(office)
    mirrors.take_extract(office.member, office.journal.extract())
    office.journal.lines, office.journal.heads = office.journal.lines[:4], office.journal.heads[:5]
    office.journal.add("incoming:8", {"subject": "một"})
    office.journal.add("incoming:9", {"subject": "hai"})
    assert word(office, office.journal.extract(6)) is Refused.JOURNAL_FORK


def test_a_wrong_head_is_refused(node: Node) -> None:
    filled(node.first)
    wrong = replace(node.first.journal.extract(), checkpoint=Checkpoint(5, "ab" * 32))
    assert word(node.first, wrong) is Refused.JOURNAL_FORK
    assert mirror(node.first).disagreement == "head:5"


@pytest.mark.parametrize(
    ("change", "kind"),
    [
        ({"leaf": '{"subject":"sửa"}'}, "leaf"),
        ({"leaf": "["}, "leaf"),
        ({"salt": "00" * 16}, "leaf"),
        ({"body": "{"}, "body"),
        ({"body": '{"seq":9}'}, "body"),
        ({"body": '{"seq": 2}'}, "body"),
        ({"body": "[]"}, "body"),
    ],
)
def test_a_line_that_is_not_what_it_should_be_is_refused(node: Node, change: dict[str, str], kind: str) -> None:
    filled(node.first)
    lines = list(node.first.journal.lines)
    lines[1] = replace(lines[1], **change)
    assert word(node.first, replace(node.first.journal.extract(), lines=tuple(lines))) is Refused.JOURNAL_FORK
    assert mirror(node.first).disagreement == f"{kind}:2"
    assert mirror(node.first).size == 0


def test_a_leaf_that_a_recall_has_destroyed_still_chains(node: Node) -> None:
    filled(node.first)
    lines = tuple(replace(line, salt=None, leaf=None) for line in node.first.journal.lines)
    mirrors.take_extract(node.first.member, replace(node.first.journal.extract(), lines=lines))
    assert mirror(node.first).is_sound
    assert database.row("SELECT subject, number FROM mirror_entries WHERE number = 1") == ("", 1)


def test_another_installation_or_epoch_does_not_write_into_this_mirror(node: Node) -> None:
    filled(node.first)
    assert word(node.first, node.first.journal.extract(epoch=1)) is Refused.JOURNAL_FORK
    other = Journal("somebody")
    other.add("incoming:1")
    assert word(node.first, other.extract()) is Refused.JOURNAL_FORK
    assert mirror(node.first).disagreement == "foreign:1"


def test_a_restore_begins_a_new_mirror_and_shows_what_was_lost(node: Node) -> None:
    office = node.first
    filled(office)
    mirrors.take_extract(office.member, office.journal.extract())
    office.journal.lines, office.journal.heads = office.journal.lines[:3], office.journal.heads[:4]
    office.keys, office.epoch = new_keys(11), 1
    enrol(office)
    office.journal.add("", act="installation.restored")
    mirrors.take_extract(office.member, office.journal.extract(epoch=1))
    newer, older = mirrors.history(office.member)
    assert (newer.size, older.size) == (4, 5)
    assert mirrors.common_size(older, newer) == 3
    assert newer.is_sound
    assert older.is_sound


def take(node: Node, office: Office, stated: Checkpoint) -> None:
    value = office.envelope(NODE_CODE + ".02", PACKET, checkpoint=stated)
    mailbox.take(office.member, office.seal(value), PACKET, node.limits)


def test_what_an_envelope_states_is_compared_at_once_or_when_the_mirror_has_come_so_far(node: Node) -> None:
    office = node.first
    filled(office)
    take(node, office, office.journal.checkpoint)
    assert mirrors.largest_stated(mirror(office)) == 5
    mirrors.take_extract(office.member, office.journal.extract())
    assert mirror(office).is_sound
    take(node, office, Checkpoint(3, office.journal.heads[3]))
    assert mirror(office).is_sound
    take(node, office, Checkpoint(3, "ab" * 32))
    assert mirror(office).disagreement == "stated:3"
    assert database.row("SELECT count(*) FROM mailbox")[0] == 3


def test_a_journal_that_belies_its_envelope_is_found_when_it_comes(node: Node) -> None:
    office = node.first
    filled(office)
    take(node, office, Checkpoint(4, "ab" * 32))
    mirrors.take_extract(office.member, office.journal.extract())
    assert mirror(office).disagreement == "stated:4"
    assert mirror(office).size == 5
    assert database.row("SELECT count(*) FROM stated_checkpoints")[0] == 0


def test_two_heads_for_one_size_are_found_before_any_extract(node: Node) -> None:
    take(node, node.first, Checkpoint(7, "ab" * 32))
    take(node, node.first, Checkpoint(7, "cd" * 32))
    assert mirror(node.first).disagreement == "stated:7"


def test_the_first_disagreement_stays_and_every_one_is_journalled(node: Node) -> None:
    take(node, node.first, Checkpoint(7, "ab" * 32))
    take(node, node.first, Checkpoint(7, "cd" * 32))
    take(node, node.first, Checkpoint(0, "cd" * 32))
    assert mirror(node.first).disagreement == "stated:7"
    assert disagreements() == 2


def test_a_receipt_states_its_giver_s_journal_too(node: Node) -> None:
    value = node.first.envelope(node.second.code, PACKET)
    mailbox.take(node.first.member, node.first.seal(value), PACKET, node.limits)
    mailbox.acknowledge(node.second.member, node.second.receipt(value, checkpoint=Checkpoint(0, "ab" * 32)))
    assert mirror(node.second).disagreement == "stated:0"


def test_the_books_follow_the_lines(node: Node) -> None:
    office = node.first
    filled(office, 1)
    office.journal.add("incoming:1", to="COMPLETED", dates={"completed": "2026-11-25"})
    office.journal.add(
        "outgoing:1",
        {"symbol": "12/QĐ-UBND", "subject": "Về đất đai", "recipients": "Sở"},
        to="DISPATCHED",
        issuer="H99.01",
        book="QĐ",
        year=2026,
        number=12,
        dates={"promulgated": "2026-11-21", "dispatched": "2026-11-21T03:00:00Z"},
        facts={"medium": "electronic", "signed": 1},
    )
    office.journal.add("accounts:1", {"account_name": "Nguyễn Văn A"})
    mirrors.take_extract(office.member, office.journal.extract(1, 1))
    mirrors.take_extract(office.member, office.journal.extract(2))
    found = database.rows(
        "SELECT object, direction, state, number, subject, folded, due_date, completed_date, dispatched_date, medium,"
        " is_signed, requires_handling, urgency, last_seq FROM mirror_entries ORDER BY object"
    )
    assert found == [
        (
            *("incoming:1", "incoming", "COMPLETED", 1, "Trích yếu 1", "trich yeu 1 so noi vu"),
            *("2026-11-27", "2026-11-25", None, "", 0, 1, 2, 2),
        ),
        (
            *("outgoing:1", "outgoing", "DISPATCHED", 12, "Về đất đai", "12/qd-ubnd ve dat dai so"),
            *(None, None, "2026-11-21", "electronic", 1, 0, 0, 3),
        ),
    ]


json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**40), 2**40) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)
NAMES = ["object", "to", "issuer", "book", "year", "number", "dates", "facts", "commitment"]


@settings(deadline=None, max_examples=40)
@given(st.dictionaries(st.sampled_from(NAMES), json_values), st.booleans())
def test_no_line_that_chains_can_make_the_mirror_fall(fields: dict[str, object], about_document: bool) -> None:
    from commune_portal.node import projection
    from commune_portal.store.register import Work

    class Unwritten(Work):
        """Takes the statements and does nothing."""

        __slots__ = ()

        def execute(self, statement: str, parameters: object = ()) -> object:  # type: ignore[override]  # a stand-in that answers itself
            return self

        def fetchone(self) -> None:
            return None

    if about_document:
        fields["object"] = "incoming:1"
    projection.apply(Unwritten(None), 1, [(1, fields, {})])  # type: ignore[arg-type]  # it needs no connection
