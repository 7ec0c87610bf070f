"""Sender's journal, mailbox, recipient's journal: each difference is found, and what cannot be told never agrees."""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

import pytest

from commune_portal import clock
from commune_portal.errors import NotAllowed
from commune_portal.node import mailbox, mirrors, reconciliation
from commune_portal.node.reconciliation import Asked
from commune_portal.people.actors import PORTAL
from commune_portal.rules.comparison import Compared, Finding
from commune_portal.rules.permissions import Role
from commune_portal.store import database
from commune_portal.wire.envelope import Envelope
from commune_portal.wire.receipt import RefusalType
from tests.node.cast import Office
from tests.node.conftest import Node

PACKET = b"<edXML/>" * 40
SHA256 = hashlib.sha256(PACKET).hexdigest()


def asked(node: Node, **changes: object) -> Asked:
    today = clock.today()
    since, until = clock.bounds(today - timedelta(days=3), today)
    values: dict[str, object] = {
        "since": since, "until": until, "sender": node.first.code, "recipient": node.second.code, **changes,
    }  # fmt: skip
    return Asked(**values)  # type: ignore[arg-type]  # named as the fields


def dispatched(node: Node, message_id: str = "", sha256: str = SHA256, to: str = "") -> str:
    """The sender's journal says that it sent a message."""
    message_id = message_id or str(uuid.uuid4())
    node.first.journal.add(
        f"outgoing:{message_id[:8]}",
        {"symbol": "QĐ-UBND", "type_name": "Quyết định", "subject": "Về việc thành lập Tổ rà soát"},
        act="outgoing.dispatched",
        files=[sha256],
        facts={
            "document": "H99.01.2026.000001", "recipients": [to or node.second.code], "messages": [message_id],
        },
    )  # fmt: skip
    return message_id


def told(node: Node, act: str, message_id: str, **facts: str) -> None:
    """A later line of the sender's journal about a message."""
    node.first.journal.add(
        f"outgoing:{message_id[:8]}",
        act=act,
        facts={"message": message_id, "recipient": node.second.code, **facts},
    )


def sent(node: Node, message_id: str = "", packet: bytes = PACKET) -> Envelope:
    """The sender's journal and the mailbox have it."""
    message_id = dispatched(node, message_id, hashlib.sha256(packet).hexdigest())
    value = node.first.envelope(node.second.code, packet, message_id=message_id)
    mailbox.take(node.first.member, node.first.seal(value), packet, node.limits)
    return value


def came(node: Node, message_id: str, sha256: str = SHA256, act: str = "incoming.arrived") -> None:
    """The recipient's journal says that it took a message."""
    node.second.journal.add(
        f"incoming:{message_id[:8]}",
        act=act,
        to="arrived",
        files=[sha256],
        facts={"message": message_id, "sender": node.first.code, "document": "H99.01.2026.000001"},
    )


def receipted(node: Node, value: Envelope, refusal: RefusalType | None = None) -> None:
    """The recipient's receipt, given at the newest line of its journal, comes to the node."""
    size = node.second.journal.checkpoint.size
    mailbox.acknowledge(node.second.member, node.second.receipt(value, refusal, receiver_sequence=size))


def mirror(*offices: Office) -> None:
    """The offices hand over their journals as far as they go."""
    for office in offices:
        found = mirrors.of_member(office.member)
        first = (found.size if found else 0) + 1
        if first <= len(office.journal.lines):
            mirrors.take_extract(office.member, office.journal.extract(first))


def found(node: Node, **changes: object) -> Sequence[Compared]:
    page = reconciliation.page(PORTAL, asked(node, **changes))
    assert len(page.lines) + sum(page.counts[item] for item in page.counts if item is Finding.AGREES) == sum(
        page.counts.values()
    )
    return page.lines


def finding(node: Node) -> Finding:
    """The one difference there is."""
    lines = found(node)
    assert len(lines) == 1, lines
    assert lines[0].finding.label
    assert lines[0].finding.advice
    return lines[0].finding


def agreeing(node: Node) -> Sequence[Compared]:
    return reconciliation.page(PORTAL, asked(node, agreeing=True)).lines


def test_what_all_three_say_with_one_hash_and_a_receipt_agrees(node: Node) -> None:
    value = sent(node)
    came(node, value.message_id)
    receipted(node, value)
    mirror(node.first, node.second)
    assert not found(node)
    (line,) = agreeing(node)
    assert line.finding is Finding.AGREES
    assert line.packet_sha256 == SHA256
    assert any(item.words == "Nơi nhận ký nhận" and "chữ ký đúng" in item.detail for item in line.held)


def test_sent_but_never_here(node: Node) -> None:
    dispatched(node)
    mirror(node.first, node.second)
    assert finding(node) is Finding.NOT_AT_NODE


def test_here_but_never_fetched(node: Node) -> None:
    sent(node)
    mirror(node.first, node.second)
    assert finding(node) is Finding.UNFETCHED


def test_fetched_without_a_receipt(node: Node) -> None:
    value = sent(node)
    came(node, value.message_id)
    mirror(node.first, node.second)
    assert finding(node) is Finding.UNRECEIPTED


def test_a_receipt_without_an_arrival_line_in_the_recipients_journal(node: Node) -> None:
    value = sent(node)
    node.second.journal.add("incoming:other", act="incoming.checked")
    receipted(node, value)
    mirror(node.first, node.second)
    assert finding(node) is Finding.UNARRIVED


@pytest.mark.parametrize("where", ["sender", "recipient"])
def test_another_hash_in_a_journal(node: Node, where: str) -> None:
    message_id = str(uuid.uuid4())
    dispatched(node, message_id, "ab" * 32 if where == "sender" else SHA256)
    value = node.first.envelope(node.second.code, PACKET, message_id=message_id)
    mailbox.take(node.first.member, node.first.seal(value), PACKET, node.limits)
    came(node, message_id, "cd" * 32 if where == "recipient" else SHA256)
    receipted(node, value)
    mirror(node.first, node.second)
    assert finding(node) is Finding.OTHER_HASH


def test_an_arrival_that_nobody_sent(node: Node) -> None:
    came(node, str(uuid.uuid4()))
    mirror(node.first, node.second)
    assert finding(node) is Finding.UNSENT


def test_what_the_node_once_gave_a_receipt_for_and_no_longer_has(node: Node) -> None:
    told(node, "outgoing.delivered", dispatched(node))
    mirror(node.first, node.second)
    assert finding(node) is Finding.LOST_AT_NODE


def test_what_the_sender_no_longer_remembers(node: Node) -> None:
    value = node.first.envelope(node.second.code, PACKET)
    mailbox.take(node.first.member, node.first.seal(value), PACKET, node.limits)
    mirror(node.first, node.second)
    assert finding(node) is Finding.UNJOURNALLED


def test_refused_by_the_recipient(node: Node) -> None:
    value = sent(node)
    came(node, value.message_id, act="packet.quarantined")
    receipted(node, value, RefusalType.MALFORMED)
    mirror(node.first, node.second)
    assert finding(node) is Finding.REFUSED


def test_refused_by_the_clerk_after_it_arrived(node: Node) -> None:
    value = sent(node)
    came(node, value.message_id)
    receipted(node, value)
    node.second.journal.add(f"incoming:{value.message_id[:8]}", act="incoming.refused", to="refused")
    mirror(node.first, node.second)
    assert finding(node) is Finding.REFUSED


def test_refused_by_the_node_and_withdrawn_before_it_went(node: Node) -> None:
    told(node, "outgoing.refused-by-node", dispatched(node), refusal="too-large")
    told(node, "outgoing.withdrawn", dispatched(node))
    mirror(node.first, node.second)
    assert [line.finding for line in found(node)] == [Finding.REFUSED_BY_NODE, Finding.WITHDRAWN]


def test_recalled(node: Node) -> None:
    value = sent(node)
    came(node, value.message_id)
    receipted(node, value)
    node.first.journal.add(f"outgoing:{value.message_id[:8]}", act="outgoing.recalled", to="recalled")
    mirror(node.first, node.second)
    assert finding(node) is Finding.RECALLED


@pytest.mark.parametrize("late", ["sender", "recipient", "both"])
def test_a_mirror_too_old_to_tell_never_counts_as_agreeing(node: Node, late: str) -> None:
    value = sent(node)
    came(node, value.message_id)
    receipted(node, value)
    mirror(*{"sender": [node.second], "recipient": [node.first], "both": []}[late])
    assert finding(node) is Finding.UNKNOWN
    assert not agreeing(node)
    mirror(node.first, node.second)
    assert not found(node)
    assert len(agreeing(node)) == 1


def test_a_receipt_that_its_receiver_did_not_sign_is_no_evidence(node: Node) -> None:
    value = sent(node)
    came(node, value.message_id)
    receipted(node, value)
    mirror(node.first, node.second)
    row = database.row("SELECT id, recipient_receipt FROM mailbox WHERE message_id = ?", (value.message_id,))
    body, signature = row[1].split("\n")[:2]
    swapped = signature[:10] + ("A" if signature[10] != "A" else "B") + signature[11:]
    connection = database.connect()
    connection.execute("DROP TRIGGER mailbox_row_is_rehashed")
    connection.execute("UPDATE mailbox SET recipient_receipt = ? WHERE id = ?", (f"{body}\n{swapped}\n", row[0]))
    (line,) = agreeing(node)
    assert line.finding is Finding.BAD_RECEIPT
    assert reconciliation.page(PORTAL, asked(node, agreeing=True)).counts[Finding.AGREES] == 0
    connection.execute("UPDATE mailbox SET recipient_receipt = ? WHERE id = ?", (row[1], row[0]))


def test_statuses_are_no_documents_and_other_pairs_and_periods_are_left_out(node: Node) -> None:
    status = str(uuid.uuid4())
    node.second.journal.add(
        "outgoing:x", act="status.arrived", files=[SHA256], facts={"message": status, "sender": node.first.code}
    )
    dispatched(node, to="H99.77")
    with clock.standing_at(clock.now() - timedelta(days=30)):
        dispatched(node)
    mirror(node.first, node.second)
    assert not found(node)
    assert len(found(node, recipient="H99.77")) == 1
    assert len(found(node, recipient="", sender="")) == 1


def test_pages_follow_each_other_without_a_gap_and_differences_come_first(node: Node) -> None:
    for _ in range(4):
        dispatched(node)
        sent(node)
    mirror(node.first, node.second)
    seen: list[Compared] = []
    after = ""
    while True:
        page = reconciliation.page(PORTAL, asked(node), after, 3)
        seen += page.lines
        after = page.next_after
        if not after:
            break
    assert len({line.message_id for line in seen}) == len(seen) == 8
    assert [line.finding for line in seen] == [Finding.NOT_AT_NODE] * 4 + [Finding.UNFETCHED] * 4


def test_only_who_may_compare_sees_it(node: Node) -> None:
    clerk = replace(PORTAL, id=7, roles=frozenset({Role.SPECIALIST}))
    with pytest.raises(NotAllowed):
        reconciliation.page(clerk, asked(node))


def test_ten_thousand_documents_are_compared_without_reading_them_all(node: Node) -> None:
    mirror_ids = [found.id for found in map(mirrors.of_member, (node.first.member, node.second.member)) if found]
    now = clock.now_text()
    connection = database.connect()
    with database.transaction() as work:
        for index in range(10_000):
            message_id = str(uuid.UUID(int=index))
            for mirror_id, side, peer in zip(
                mirror_ids, ("sent", "arrived"), (node.second.code, node.first.code), strict=True
            ):
                work.execute(
                    "INSERT INTO mirror_messages (mirror_id, side, peer_code, message_id, packet_sha256, object,"
                    " seq, at) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                    (mirror_id, side, peer, message_id, SHA256, f"incoming:{index}", index + 1, now),
                )
    began = clock.monotonic()
    page = reconciliation.page(PORTAL, asked(node))
    took = clock.monotonic() - began
    assert page.counts == {Finding.LOST_AT_NODE: 10_000}
    assert len(page.lines) == reconciliation.PAGE_ROWS
    assert took < 5, f"{took:.2f} s"
    compared = reconciliation.comparison_of(PORTAL, asked(node))
    plan = [row[3] for row in connection.execute(f"EXPLAIN QUERY PLAN {compared.statement}", compared.values)]
    tables = {"s": "mirror_messages", "a": "mirror_messages", "b": "mailbox", "p": "mirror_entries"}
    assert not [step for step in plan if step.split()[0] == "SCAN" and step.split()[1] in tables], plan
