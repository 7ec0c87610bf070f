"""What we sent and took against the node's answers and the receipts, which are verified: each difference is found."""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

import pytest

from commune_portal import clock
from commune_portal.documents import (
    comparison_prints,
    comparisons,
    dispatch,
    incoming,
    issuing,
    outbox,
    reconciliation,
)
from commune_portal.documents.reconciliation import Asked, Side
from commune_portal.errors import NotAllowed
from commune_portal.rules.acts import Act
from commune_portal.rules.comparison import Compared, Finding
from commune_portal.store import database, journal
from commune_portal.wire import envelope
from commune_portal.wire.comparison import Held, HeldPage, Standing
from commune_portal.wire.receipt import RefusalType
from tests.cast import NODE_CODE, OFFICE_CODE, OTHER_CODE, PIN, Cast
from tests.documents.partner import Node, Partner, an_arrival, receive
from tests.documents.test_outgoing import signed
from tests.documents.test_printing import text_of


@pytest.fixture
def partner(office: Cast) -> Partner:
    return Partner().introduce()


@pytest.fixture
def node(office: Cast) -> Node:
    return Node().introduce(office)


def asked(side: Side = "outgoing", *, agreeing: bool = False, peer: str = "") -> Asked:
    today = clock.today()
    return Asked(side, *clock.bounds(today - timedelta(days=9), today), peer, agreeing)


def lines(office: Cast, side: Side = "outgoing") -> Sequence[Compared]:
    return reconciliation.page(office.clerk, asked(side)).lines


def finding(office: Cast, side: Side = "outgoing") -> Finding:
    found = lines(office, side)
    assert len(found) == 1, found
    assert found[0].finding.advice
    return found[0].finding


def agrees(office: Cast, side: Side = "outgoing") -> bool:
    page = reconciliation.page(office.clerk, asked(side, agreeing=True))
    return len(page.lines) == 1 and page.lines[0].finding is Finding.AGREES and not lines(office, side)


def sent(office: Cast) -> bytes:
    """A document that waits in the outbox; its envelope."""
    row_id = signed(office)
    issuing.number(office.clerk, row_id)
    issuing.seal(office.clerk, row_id, PIN)
    dispatch.dispatch(office.clerk, row_id, [OTHER_CODE])
    sealed: str = database.row("SELECT envelope FROM outbox WHERE kind = 'edoc' ORDER BY id DESC LIMIT 1")[0]
    return sealed.encode()


def delivered(office: Cast, node: Node) -> bytes:
    sealed = sent(office)
    outbox.delivered(envelope.parse_unverified(sealed).message_id, node.receipt(sealed))
    return sealed


def held(sealed: bytes, receipt: bytes | None = None, **changes: object) -> Held:
    """What the node says of a message."""
    written = envelope.parse_unverified(sealed)
    values: dict[str, object] = {
        "message_id": written.message_id, "standing": Standing.HELD, "sender": written.sender,
        "recipient": written.recipient, "packet_sha256": written.packet_sha256, "taken_at": clock.now(),
        "fetched_at": clock.now() if receipt else None,
        "receipt_sha256": hashlib.sha256(receipt).hexdigest() if receipt else "", "receipt": receipt, **changes,
    }  # fmt: skip
    return Held(**values)  # type: ignore[arg-type]  # named as the fields


def unknown(sealed: bytes) -> Held:
    return Held(message_id=envelope.parse_unverified(sealed).message_id, standing=Standing.UNKNOWN)


def test_what_was_sent_held_and_signed_for_agrees(office: Cast, partner: Partner, node: Node) -> None:
    sealed = delivered(office, node)
    assert comparisons.answered((held(sealed, partner.receipt(sealed)),)) == 1, "the receipt that we lacked is kept"
    assert agrees(office)
    assert comparisons.answered((held(sealed, partner.receipt(sealed)),)) == 0


def test_what_waits_and_what_was_withdrawn(office: Cast, partner: Partner, node: Node) -> None:
    sealed = sent(office)
    outbox.attempt_failed(envelope.parse_unverified(sealed).message_id, "Không có mạng", clock.now())
    assert finding(office) is Finding.NOT_AT_NODE
    assert any(item.detail == "Không có mạng" for item in lines(office)[0].sent)
    database.write_working("UPDATE outbox SET state = 'withdrawn'")
    assert finding(office) is Finding.WITHDRAWN


def test_what_the_node_never_told_is_too_little_to_agree(office: Cast, partner: Partner, node: Node) -> None:
    sealed = delivered(office, node)
    assert finding(office) is Finding.UNKNOWN
    outbox.receiver_took(partner.receipt(sealed))
    assert finding(office) is Finding.UNKNOWN


def test_a_node_that_signed_for_it_and_no_longer_has_it(office: Cast, partner: Partner, node: Node) -> None:
    comparisons.answered((unknown(delivered(office, node)),))
    assert finding(office) is Finding.LOST_AT_NODE
    assert any("chữ ký đúng" in item.detail for item in lines(office)[0].sent), "our evidence stands beside it"


def test_held_and_not_fetched_then_fetched_without_a_receipt(office: Cast, partner: Partner, node: Node) -> None:
    sealed = delivered(office, node)
    comparisons.answered((held(sealed),))
    assert finding(office) is Finding.UNFETCHED
    comparisons.answered((held(sealed, fetched_at=clock.now()),))
    assert finding(office) is Finding.UNRECEIPTED
    comparisons.answered((held(sealed),))
    document = database.row("SELECT document_id FROM outgoing WHERE dispatched_at IS NOT NULL")[0]
    status = partner.status(document, "03")
    receive(partner.status_sealed(status), status)
    assert finding(office) is Finding.UNRECEIPTED, "a status shows that it is there, a receipt is missing"


def test_another_hash_at_the_node(office: Cast, partner: Partner, node: Node) -> None:
    comparisons.answered((held(delivered(office, node), packet_sha256="ab" * 32),))
    assert finding(office) is Finding.OTHER_HASH


def test_refused_by_node_by_signature_and_by_status(office: Cast, partner: Partner, node: Node) -> None:
    sealed = sent(office)
    outbox.delivered(envelope.parse_unverified(sealed).message_id, node.receipt(sealed, RefusalType.TOO_LARGE))
    assert finding(office) is Finding.REFUSED_BY_NODE


def test_refused_by_the_recipients_receipt(office: Cast, partner: Partner, node: Node) -> None:
    sealed = delivered(office, node)
    comparisons.answered((held(sealed, partner.receipt(sealed, RefusalType.MALFORMED)),))
    assert finding(office) is Finding.REFUSED


def test_a_receipt_with_a_wrong_signature_never_counts(office: Cast, partner: Partner, node: Node) -> None:
    sealed = delivered(office, node)
    comparisons.answered((held(sealed, partner.receipt(sealed)),))
    connection = database.connect()
    before = connection.execute("SELECT id, bytes FROM receipts WHERE peer_code = ?", (OTHER_CODE,)).fetchone()
    body, signature = before[1].split("\n")[:2]
    other = f"{body}\n{'A' if signature[0] != 'A' else 'B'}{signature[1:]}\n"
    connection.execute("DROP TRIGGER receipts_row_is_rehashed")
    connection.execute("UPDATE receipts SET bytes = ? WHERE id = ?", (other, before[0]))
    page = reconciliation.page(office.clerk, asked(agreeing=True))
    assert [line.finding for line in page.lines] == [Finding.BAD_RECEIPT]
    assert page.counts[Finding.AGREES] == 0
    connection.execute("UPDATE receipts SET bytes = 'rubbish' WHERE id = ?", (before[0],))
    assert Finding.BAD_RECEIPT in {line.finding for line in lines(office)}


def test_the_incoming_side(office: Cast, partner: Partner, node: Node) -> None:
    arrived = an_arrival(partner)
    sealed = _received(arrived.message_id or "")
    given = database.row("SELECT bytes FROM receipts_given WHERE message_id = ?", (arrived.message_id,))[0].encode()
    assert finding(office, "incoming") is Finding.UNKNOWN
    comparisons.answered((sealed,))
    assert finding(office, "incoming") is Finding.UNACKNOWLEDGED
    comparisons.answered((replace(sealed, receipt_sha256=hashlib.sha256(given).hexdigest()),))
    assert agrees(office, "incoming")
    comparisons.answered((Held(message_id=sealed.message_id, standing=Standing.UNKNOWN),))
    assert finding(office, "incoming") is Finding.UNSENT
    comparisons.answered((replace(sealed, packet_sha256="ab" * 32),))
    assert finding(office, "incoming") is Finding.OTHER_HASH


def _received(message_id: str) -> Held:
    row = database.row("SELECT packet_sha256, sender_code FROM receipts_given WHERE message_id = ?", (message_id,))
    return Held(
        message_id=message_id, standing=Standing.HELD, sequence=4, sender=row[1], recipient=OFFICE_CODE,
        packet_sha256=row[0], taken_at=clock.now(),
    )  # fmt: skip


def test_what_lies_at_the_node_for_us_and_what_a_restore_lost(office: Cast, partner: Partner, node: Node) -> None:
    item = Held(
        message_id=str(uuid.uuid4()), standing=Standing.HELD, sequence=9, sender=OTHER_CODE, recipient=OFFICE_CODE,
        packet_sha256="ab" * 32, taken_at=clock.now(),
    )  # fmt: skip
    comparisons.listed(NODE_CODE, HeldPage((item,), 9, more=False))
    assert comparisons.cursor(NODE_CODE) == 9
    assert finding(office, "incoming") is Finding.WAITING_THERE
    comparisons.answered((replace(item, sequence=0, fetched_at=clock.now(), receipt_sha256="cd" * 32),))
    assert finding(office, "incoming") is Finding.LOST_HERE
    comparisons.answered((replace(item, sequence=0, standing=Standing.WIPED),))
    assert finding(office, "incoming") is Finding.RECALLED


def test_what_we_refused(office: Cast, partner: Partner, node: Node) -> None:
    arrived = an_arrival(partner)
    comparisons.answered((_received(arrived.message_id or ""),))
    incoming.refuse(office.clerk, arrived.id, "Không thuộc thẩm quyền của xã")
    assert finding(office, "incoming") is Finding.REFUSED


def test_the_node_is_asked_what_is_not_settled_and_what_somebody_wants(
    office: Cast, partner: Partner, node: Node
) -> None:
    assert comparisons.is_due(clock.now())
    sealed = delivered(office, node)
    message_id = envelope.parse_unverified(sealed).message_id
    (question,) = comparisons.questions(clock.now())
    assert (question.message_id, question.receipt_sha256) == (message_id, None)
    comparisons.answered((held(sealed),))
    assert comparisons.questions(clock.now()) == ()
    assert len(comparisons.questions(clock.now() + timedelta(hours=4))) == 1, "it is not settled"
    receipt = partner.receipt(sealed)
    comparisons.answered((held(sealed, receipt),))
    assert comparisons.questions(clock.now() + timedelta(hours=4)) == ()
    comparisons.compared(NODE_CODE)
    assert not comparisons.is_due(clock.now())
    assert comparisons.is_due(clock.now() + timedelta(hours=7))
    period = asked()
    assert comparisons.ask_again(office.clerk, period.since, period.until, OTHER_CODE) == 1
    assert comparisons.is_due(clock.now())
    (question,) = comparisons.questions(clock.now())
    assert question.receipt_sha256 == hashlib.sha256(receipt).hexdigest(), "what we have is not sent again"
    comparisons.answered((held(sealed, receipt),))
    assert not comparisons.is_wanted()


def test_it_is_printed_with_every_line_and_journalled(office: Cast, partner: Partner, node: Node) -> None:
    comparisons.answered((held(delivered(office, node)),))
    today = clock.today()
    with comparison_prints.print_comparison(office.clerk, asked(), today - timedelta(days=9), today) as printed:
        text = " ".join(text_of(printed.path).split())
        assert printed.pages >= 2
        assert "BẢNG ĐỐI CHIẾU VĂN BẢN LIÊN THÔNG" in text
        assert "Nút giữ, nơi" in text
        assert f"Mã chuỗi nhật ký: {printed.chain}" in text
        assert printed.path.is_file()
    assert not printed.path.exists()
    line = journal.lines(journal.checkpoint().size - 1)[-1].fields
    assert (line["act"], line["files"], line["facts"]["what"]) == (Act.EXPORTED.value, [printed.sha256], "comparison")


@pytest.mark.parametrize("who", ["specialist", "administrator"])
def test_only_who_may_compare_sees_asks_and_prints(office: Cast, who: str) -> None:
    by = getattr(office, who)
    with pytest.raises(NotAllowed):
        reconciliation.page(by, asked())
    with pytest.raises(NotAllowed):
        comparisons.ask_again(by, "", "9")
    with pytest.raises(NotAllowed), comparison_prints.print_comparison(by, asked(), clock.today(), clock.today()):
        pass
