"""A recall is destroyed: the node forgets the words of it, for the office that said so in its own journal."""

from __future__ import annotations

from dataclasses import replace

import pytest

from commune_portal import clock
from commune_portal.documents.verification import verify_installation
from commune_portal.node import bags, mailbox, members, mirrors
from commune_portal.node.refusals import ExchangeRefused
from commune_portal.people.actors import PORTAL
from commune_portal.rules.acts import Act
from commune_portal.rules.folding import fold
from commune_portal.store import database, erasure, files, journal
from commune_portal.wire import enrolment
from commune_portal.wire.envelope import Envelope, Kind
from commune_portal.wire.protocol import Refused
from tests.documents.wiped import traces
from tests.node.cast import Office, enrol, new_keys, new_office
from tests.node.conftest import Node

PACKET = b"<edXML>tam voi xanh</edXML>" * 9
STATUS = b"<status>977/HLO-UB</status>"
ABOUT = "incoming:0123456789abcdef"
SUBJECT = "Về việc rà soát chợ Hồ Lô"
WORDS = (SUBJECT, "977/HLO-UB", "Zơrâm Wênh", "tam voi xanh")


@pytest.fixture
def third(node: Node) -> Office:
    return enrol(new_office(3))


def send(node: Node, sender: Office, recipient: Office, packet: bytes = PACKET, **changes: object) -> Envelope:
    """A message that the node takes."""
    value = sender.envelope(recipient.code, packet, **changes)
    mailbox.take(sender.member, sender.seal(value), packet, node.limits)
    return value


def fetch(office: Office, value: Envelope) -> None:
    """The office has it and says so."""
    mailbox.acknowledge(office.member, office.receipt(value))


def hand_over(office: Office) -> None:
    """What is new in the office's journal goes up."""
    known = mirrors.mirrored(office.member).checkpoint.size
    mirrors.take_extract(office.member, office.journal.extract(known + 1))


def arrive(office: Office, value: Envelope, about: str = ABOUT) -> None:
    """Two lines about a document: it came, it was taken into the book."""
    for to, texts in (
        ("arrived", {"subject": SUBJECT, "symbol": "977/HLO-UB", "author": "Sở Nội vụ", "signer": "Zơrâm Wênh"}),
        ("registered", {"note": SUBJECT, "handler": "Zơrâm Wênh", "recipients": SUBJECT}),
    ):
        office.journal.add(
            about, texts, to=to, book="incoming", year=2026, number=12, facts={"message": value.message_id},
            dates={"promulgated": "2026-11-19", "arrived": "2026-11-20"},
        )  # fmt: skip
    hand_over(office)


def destroy(office: Office, *values: Envelope, about: str = ABOUT, seqs: tuple[int, ...] = (1, 2)) -> None:
    """The line of a destruction, as the office's journal has it."""
    office.journal.lines = [
        replace(line, salt=None, leaf=None) if seq in seqs else line
        for seq, line in enumerate(office.journal.lines, start=1)
    ]
    office.journal.add(
        about, {"author": "Sở Nội vụ"}, act="incoming.destroyed", to="recalled",
        facts={"erased": [str(seq) for seq in seqs], "messages": [value.message_id for value in values]},
    )  # fmt: skip
    hand_over(office)


def entry(about: str = ABOUT) -> dict[str, object]:
    """What the auditor's book has."""
    names = ("number", "state", "arrival_date", "author", "subject", "symbol", "signer", "note", "handler",
             "recipients", "promulgation_date", "folded")  # fmt: skip
    found = database.row(f"SELECT {', '.join(names)} FROM mirror_entries WHERE object = ?", (about,))
    return dict(zip(names, found, strict=True))


def is_wiped(value: Envelope) -> bool:
    return database.row("SELECT wiped_at FROM mailbox WHERE message_id = ?", (value.message_id,))[0] is not None


def word(office: Office, value: Envelope) -> Refused:
    with pytest.raises(ExchangeRefused) as caught:
        mailbox.packet_for(office.member, value.packet_sha256)
    return caught.value.word


def test_a_destroyed_document_leaves_number_day_sender_and_state_in_the_mirror_and_no_word_on_the_disk(
    node: Node,
) -> None:
    value = send(node, node.first, node.second)
    fetch(node.second, value)
    arrive(node.second, value)
    folder = node.settings.data_folder
    assert {found for _, found in traces(folder, WORDS)} == set(WORDS)
    destroy(node.second, value)
    assert traces(folder, WORDS) == set()
    assert entry() == {
        "number": 12, "state": "recalled", "arrival_date": "2026-11-20", "author": "Sở Nội vụ", "subject": "",
        "symbol": "", "signer": "", "note": "", "handler": "", "recipients": "", "promulgation_date": None,
        "folded": fold("Sở Nội vụ"),
    }  # fmt: skip
    assert is_wiped(value)
    found = verify_installation(node.settings)
    assert found.ok, found.faults
    assert mirrors.mirrored(node.second.member).checkpoint == node.second.journal.checkpoint
    last = [line for line in journal.every_line() if line.fields["act"] == Act.PACKAGE_WIPED.value]
    assert [line.fields["facts"]["message"] for line in last] == [value.message_id]


def test_a_packet_for_two_stays_until_both_have_destroyed_it(node: Node, third: Office) -> None:
    one, other = send(node, node.first, node.second), send(node, node.first, third)
    for office, value in ((node.second, one), (third, other)):
        fetch(office, value)
        arrive(office, value)
    destroy(node.second, one)
    assert is_wiped(one)
    assert not is_wiped(other)
    assert files.has(one.packet_sha256)
    assert word(node.second, one) is Refused.WIPED
    assert mailbox.packet_for(third.member, other.packet_sha256).is_file()
    assert mailbox.packet_for(node.first.member, one.packet_sha256).is_file()
    destroy(third, other)
    assert not files.has(one.packet_sha256)
    assert {word(office, one) for office in (node.first, node.second, third)} == {Refused.WIPED}
    assert erasure.finish() == 0


def test_nobody_wipes_another_s_copy(node: Node, third: Office) -> None:
    value = send(node, node.first, node.second)
    arrive(third, value, "incoming:fedcba")
    destroy(third, value, about="incoming:fedcba")
    destroy(node.first, value, about="incoming:abcdef", seqs=())
    node.first.journal.add("mailbox:1", act="package.wiped", facts={"message": value.message_id})
    hand_over(node.first)
    assert not is_wiped(value)
    assert files.has(value.packet_sha256)


def test_a_destruction_takes_no_leaf_of_another_object_with_it(node: Node) -> None:
    value = send(node, node.first, node.second)
    arrive(node.second, value, "incoming:other")
    arrive(node.second, value)
    node.second.journal.add(
        ABOUT, {"reason": "x"}, act="incoming.destroyed", facts={"erased": ["1", "2", "3", "4", "99", "-1", "x"]}
    )
    hand_over(node.second)
    assert entry("incoming:other")["subject"] == SUBJECT
    left = database.rows("SELECT seq FROM mirror_lines WHERE leaf <> '' ORDER BY seq")
    assert [row[0] for row in left] == [1, 2, 5]


@pytest.mark.parametrize("facts", [None, [], {"erased": 7, "messages": "x"}, {"messages": [None, "?", {}]}])
def test_a_destruction_that_says_nonsense_destroys_nothing(node: Node, facts: object) -> None:
    value = send(node, node.first, node.second)
    arrive(node.second, value)
    node.second.journal.add(ABOUT, act="incoming.destroyed", facts=facts)
    hand_over(node.second)
    assert not is_wiped(value)
    assert files.has(value.packet_sha256)


def test_statuses_that_quote_it_go_as_soon_as_their_addressee_has_them(node: Node) -> None:
    value = send(node, node.first, node.second)
    fetch(node.second, value)
    arrive(node.second, value)
    answer = {"kind": Kind.STATUS, "in_reply_to": value.message_id}
    early = send(node, node.second, node.first, STATUS, **answer)
    late = send(node, node.second, node.first, STATUS + b" ", **answer)
    foreign = send(node, node.first, node.second, STATUS + b"  ", **answer)
    fetch(node.first, early)
    destroy(node.second, value)
    assert [is_wiped(item) for item in (early, late, foreign)] == [True, False, False]
    assert not files.has(early.packet_sha256)
    assert [item.packet for item in mailbox.waiting(node.first.member, 0, 50).items if item.packet] == [STATUS + b" "]
    fetch(node.first, late)
    assert is_wiped(late)
    assert not files.has(late.packet_sha256)
    fetch(node.second, foreign)
    assert not is_wiped(foreign)


def test_what_still_has_to_go_up_stays_until_it_has_gone(node: Node) -> None:
    value = send(node, node.first, node.second)
    fetch(node.second, value)
    arrive(node.second, value)
    database.write_working(
        "INSERT INTO upward (message_id, kind, urgency, queued_at, state, next_attempt_at) VALUES (?, 'edoc', 0, ?,"
        " 'ready', ?)",
        (value.message_id, clock.now_text(), clock.now_text()),
    )
    destroy(node.second, value)
    assert files.has(value.packet_sha256)
    assert verify_installation(node.settings).ok
    database.write_working("UPDATE upward SET state = 'delivered'")
    erasure.finish()
    assert not files.has(value.packet_sha256)


def test_a_restored_office_is_offered_nothing_that_was_destroyed_and_its_old_mirror_forgets_too(node: Node) -> None:
    office = node.second
    value = send(node, node.first, office)
    fetch(office, value)
    arrive(office, value)
    office.keys, office.epoch = new_keys(11), 1
    enrol(office)
    mirrors.take_extract(office.member, office.journal.extract(epoch=1))
    office.journal.lines = [replace(line, salt=None, leaf=None) for line in office.journal.lines]
    office.journal.add(
        ABOUT, act="incoming.destroyed", to="recalled", facts={"erased": ["1", "2"], "messages": [value.message_id]}
    )
    mirrors.take_extract(office.member, office.journal.extract(3, epoch=1))
    assert database.row("SELECT count(*) FROM mirrors WHERE member_id = ?", (office.member.id,))[0] == 2
    assert traces(node.settings.data_folder, WORDS) == set()
    assert [item.envelope for item in mailbox.waiting(office.member, 0, 50).items] == []
    assert verify_installation(node.settings).ok


@pytest.mark.parametrize("packet", [PACKET, PACKET * 80])
def test_what_was_destroyed_before_its_receipt_came_is_listed_for_the_receipt_alone(
    node: Node, third: Office, packet: bytes
) -> None:
    value, other = send(node, node.first, node.second, packet), send(node, node.first, third, packet)
    arrive(node.second, value)
    assert len(mailbox.waiting(node.second.member, 0, 50).items) == 1
    destroy(node.second, value)
    listed = mailbox.waiting(node.second.member, 0, 50).items
    assert [(item.envelope, item.packet) for item in listed] == [(node.first.seal(value), None)]
    assert word(node.second, value) is Refused.WIPED
    cargo = bags.cargo(PORTAL, node.second.code)
    assert (cargo.messages, cargo.left_behind, cargo.vector.covers) == ((), 0, (0, 0))  # others have it: it lies here
    assert [item.message_id for item in cargo.vector.waiting] == [value.message_id]
    fetch(node.second, value)
    assert mailbox.waiting(node.second.member, 0, 50).items == ()
    home = [item.receipt for item in mailbox.waiting(node.first.member, 0, 50).items]
    assert home == [node.second.receipt(value)]
    assert not is_wiped(other)


def test_a_node_below_tells_what_its_own_member_destroyed(node: Node) -> None:
    below = new_office(20)
    file = members.add_node(PORTAL, below.code, "Nút huyện", subtree="H99.21.*", address="http://127.0.0.1:8400")
    members.enrol(below.request(enrolment.read(file).token))
    commune = Office("H99.21.04", new_office(4).keys, new_office(4).journal)
    value = node.first.envelope(commune.code, PACKET)
    mailbox.take(node.first.member, node.first.seal(value), PACKET, node.limits)
    below.journal.add("mailbox:1", act="package.wiped", facts={"message": value.message_id})
    hand_over(below)
    assert is_wiped(value)
    assert not files.has(value.packet_sha256)
