"""What the node makes of a vector: a shorter journal is told, what it lost is owned up to, statuses come again."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from commune_portal import clock
from commune_portal.edxml import package
from commune_portal.edxml.status import write_status
from commune_portal.node import mailbox, mirrors, vectors
from commune_portal.rules.chain import Checkpoint
from commune_portal.wire import envelope as envelopes
from commune_portal.wire.envelope import Kind
from commune_portal.wire.mailbox import Open, Vector
from tests.node.cast import enrol, new_keys
from tests.node.conftest import Node

PACKET = b"<edXML/>" * 50


def grown(node: Node, lines: int) -> None:
    for number in range(lines):
        node.first.journal.add(f"incoming:{number}", {"subject": "Về việc"}, number=number + 1)
    mirrors.take_extract(node.first.member, node.first.journal.extract())


def told(node: Node, size: int, head: str = "ab" * 32, after: timedelta = timedelta(minutes=3)) -> str:
    """What is noted on the mirror when the office states this of its journal."""
    vectors.compare(node.first.member, Vector(0, (), checkpoint=Checkpoint(size, head)), clock.now() + after)
    found = mirrors.of_member(node.first.member)
    assert found is not None
    return found.disagreement


def test_a_journal_that_is_shorter_than_its_mirror_is_told_to_the_operator(node: Node) -> None:
    grown(node, 4)
    same = node.first.journal.checkpoint
    assert told(node, same.size, same.head) == ""
    assert told(node, same.size + 5) == ""  # it has grown: the extract will say how
    assert told(node, 2, after=timedelta(seconds=30)) == ""  # this may have been under way
    assert told(node, 2) == "rolled:2"
    found = mirrors.of_member(node.first.member)
    assert found is not None
    assert "chỉ đến dòng 2" in found.warning


def test_another_head_of_the_same_size_is_told_too(node: Node) -> None:
    grown(node, 2)
    assert told(node, 2) == "stated:2"


def status(node: Node, code: str, in_reply_to: str) -> bytes:
    """The second office's status for a message of the first."""
    packet = write_status(
        package.Status(
            sender=package.Organ(node.second.code, "UBND xã"),
            response_for=package.ResponseFor(node.first.code, "01/QĐ-UBND", f"{node.first.code}.2026.000001"),
            status_code=code, description="theo quy định", timestamp=clock.now(),
        )
    )  # fmt: skip
    value = replace(node.second.envelope(node.first.code, packet), kind=Kind.STATUS, in_reply_to=in_reply_to)
    mailbox.take(node.second.member, node.second.seal(value), packet, node.limits)
    return packet


def test_statuses_that_the_office_has_passed_and_lost_come_in_the_answer(node: Node) -> None:
    sent = node.first.envelope(node.second.code, PACKET)
    mailbox.take(node.first.member, node.first.seal(sent), PACKET, node.limits)
    packets = [status(node, code, sent.message_id) for code in ("01", "03")]
    newest = vectors.compare(node.first.member, Vector(0, ())).mailbox_newest

    def missing(rank: int, after: int) -> list[bytes | None]:
        said = Vector(after, (), (Open(sent.message_id, sent.packet_sha256, rank),))
        return [item.packet for item in vectors.compare(node.first.member, said).statuses]

    assert missing(0, newest) == packets
    assert missing(1, newest) == packets[1:]
    assert missing(3, newest) == []
    assert missing(0, 0) == []  # they are still in its mailbox
    item = vectors.compare(node.first.member, Vector(newest, (), (Open(sent.message_id, sent.packet_sha256, 1),)))
    assert item.statuses[0].envelope is not None
    assert envelopes.parse_unverified(item.statuses[0].envelope).sender == node.second.code


def test_the_node_owns_up_to_what_it_has_no_more(node: Node) -> None:
    sent = node.first.envelope(node.second.code, PACKET)
    mailbox.take(node.first.member, node.first.seal(sent), PACKET, node.limits)
    gone = node.first.envelope(node.second.code, b"khac")
    said = Vector(0, (), tuple(Open(item.message_id, item.packet_sha256, 0) for item in (sent, gone)))
    assert vectors.compare(node.first.member, said).lost == (gone.message_id,)
    assert vectors.compare(node.second.member, said).lost == (sent.message_id, gone.message_id)


def test_what_was_fetched_in_the_very_second_of_an_enrolment_or_later_is_listed_again(node: Node) -> None:
    sent = node.first.envelope(node.second.code, PACKET)
    for ahead in (timedelta(), timedelta(hours=1)):  # the second time the node's clock was set back by an hour
        now = clock.now() + timedelta(days=1)
        with clock.standing_at(now + ahead):
            mailbox.take(node.first.member, node.first.seal(sent), PACKET, node.limits)
            mailbox.acknowledge(node.second.member, node.second.receipt(sent))
            assert mailbox.waiting(node.second.member, 0, 10).items == ()
        with clock.standing_at(now):
            node.second.keys, node.second.epoch = new_keys(20 + ahead.seconds), node.second.epoch + 1
            enrol(node.second)
            assert len(mailbox.waiting(node.second.member, 0, 10).items) == 1
