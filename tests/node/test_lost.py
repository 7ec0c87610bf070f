"""A restored member gets its own earlier journals back, from where they part, and the list of what it sent."""

from __future__ import annotations

from datetime import timedelta

import pytest

from commune_portal import clock
from commune_portal.node import lost, mailbox, mirrors
from commune_portal.node.refusals import ExchangeRefused
from commune_portal.rules.acts import Act
from commune_portal.rules.chain import Checkpoint
from commune_portal.wire import checkpoint
from commune_portal.wire.protocol import Refused
from tests.node.cast import NODE_CODE, Journal, Office, enrol, new_keys
from tests.node.conftest import Node

PACKET = b"<edXML/>"


def put_back(office: Office, size: int, key: int) -> None:
    """The office as a backup of so many lines makes it: a shorter journal, a new key, a higher epoch."""
    before = office.journal
    office.journal = Journal(before.uid, before.lines[:size], before.heads[:1])
    office.journal.heads = before.heads[: size + 1]
    office.keys, office.epoch = new_keys(key), office.epoch + 1
    enrol(office)


def written(office: Office, amount: int, word: str) -> None:
    for number in range(amount):
        office.journal.add(f"incoming:{word}{number}", {"subject": f"{word} {number}"}, number=number + 1)
    mirrors.take_extract(office.member, office.journal.extract(epoch=office.epoch))


def test_what_lies_beyond_the_shared_lines_is_told_with_a_note_and_handed_out(node: Node) -> None:
    office = node.first
    written(office, 8, "cu")
    ends = office.journal.checkpoint
    stated = Checkpoint(5, office.journal.heads[5])
    put_back(office, 5, 21)
    (told,) = lost.journals(office.member, stated)
    assert (told.epoch, told.checkpoint, told.shared) == (0, ends, 5)
    assert checkpoint.open_(told.note, NODE_CODE, new_keys(0).public_key).checkpoint == ends
    stretch = lost.lines(office.member, 0, 5)
    assert [line.leaf for line in stretch.lines] == [f'{{"subject":"cu {number}"}}' for number in (5, 6, 7)]
    assert stretch.checkpoint == ends
    assert lost.journals(office.member, ends) == (), "nothing is lost of a journal that the member has whole"


def test_a_second_restore_finds_both_journals_each_from_its_own_fork(node: Node) -> None:
    office = node.first
    written(office, 8, "mot")
    put_back(office, 3, 21)
    written(office, 4, "hai")
    stated = Checkpoint(6, office.journal.heads[6])
    put_back(office, 6, 22)
    told = {item.epoch: item.shared for item in lost.journals(office.member, stated)}
    assert told == {0: 3, 1: 6}


def test_nobody_reads_a_journal_of_now_or_of_another_member(node: Node) -> None:
    written(node.first, 4, "a")
    put_back(node.first, 2, 21)
    for member, epoch in ((node.first.member, 1), (node.second.member, 0), (node.first.member, 7)):
        with pytest.raises(ExchangeRefused):
            lost.lines(member, epoch, 0)
    assert lost.journals(node.second.member, Checkpoint(0, "ab" * 32)) == ()


def test_the_documents_that_the_node_took_are_listed_for_their_sender_alone(node: Node) -> None:
    values = [node.first.envelope(node.second.code, PACKET) for _ in range(3)]
    for value in values:
        mailbox.take(node.first.member, node.first.seal(value), PACKET, node.limits)
    since = clock.now() - timedelta(days=1)
    first = lost.sent(node.first.member, since, 0, 2)
    second = lost.sent(node.first.member, since, first.next_after, 2)
    assert [item.envelope for item in (*first.items, *second.items)] == [node.first.seal(value) for value in values]
    assert (first.more, second.more) == (True, False)
    assert lost.sent(node.second.member, since, 0, 5).items == ()
    assert lost.sent(node.first.member, clock.now() + timedelta(days=1), 0, 5).items == ()


def test_the_node_reads_out_of_the_new_journal_how_far_a_restore_was_settled(node: Node) -> None:
    office = node.first
    written(office, 4, "cu")
    put_back(office, 2, 21)
    office.journal.add("installation:1", act=Act.INSTALLATION_RESTORED.value, facts={"epoch": 1})
    for source in ("node", "packet", "paper", "unknown"):
        office.journal.add(f"outgoing:{source}", act=Act.NUMBERS_RECONCILED.value, facts={"from": source})
    mirrors.take_extract(office.member, office.journal.extract(epoch=1))
    found = lost.settled(mirrors.history(office.member)[0])
    assert (found.from_node, found.from_paper, found.unknown, found.confirmed_at) == (2, 1, 1, None)
    office.journal.add("restorations:1", act=Act.NUMBERS_RECONCILED.value, facts={"step": "confirmed"})
    mirrors.take_extract(office.member, office.journal.extract(epoch=1))
    assert lost.settled(mirrors.history(office.member)[0]).confirmed_at is not None


def test_the_same_backup_restored_twice_must_count_its_epoch_on(node: Node) -> None:
    office = node.first
    written(office, 6, "goc")
    put_back(office, 3, 21)
    written(office, 2, "mot")
    office.keys = new_keys(22)  # the second disk died as well: again three lines, again the first epoch
    with pytest.raises(ExchangeRefused) as caught:
        enrol(office)
    assert caught.value.word is Refused.CONFLICT
    stated = Checkpoint(3, office.journal.heads[3])
    put_back(office, 3, 23)
    assert {item.epoch: item.shared for item in lost.journals(office.member, stated)} == {0: 3, 1: 3}
