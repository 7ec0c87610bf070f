"""Thu hồi: frozen at the sender, destroyed at the receiver, confirmed, and never undone by what comes late or twice."""

from __future__ import annotations

import hashlib
from collections.abc import Callable

import pytest

from commune_portal.documents import (
    amendments,
    attachments,
    book_lines,
    books,
    dispatch,
    incoming,
    outbox,
    outgoing,
    recalls,
    takebacks,
    tasks,
    updates,
)
from commune_portal.errors import NotAllowed, NotFound, RuleBroken
from commune_portal.rules.amendments import FROZEN_SENTENCE, AmendmentState
from commune_portal.rules.statuses import BusinessType, IncomingState, OutgoingState, StatusCode
from commune_portal.store import database, erasure, files, journal
from commune_portal.wire.receipt import RefusalType
from tests.cast import OFFICE_CODE, OTHER_CODE, Cast
from tests.documents.dialogue import (
    REASON,
    accept,
    answer_of,
    asked,
    asking_back,
    document,
    issued,
    named,
    ours,
    queued_edocs,
    recall_of,
    row_of,
    sent,
    update_of,
)
from tests.documents.partner import PDF, Node, Partner, an_arrival, codes, items, keys_of, queued_statuses
from tests.documents.test_outgoing import is_sound, make_reachable

SECRET = "tuần tra"


@pytest.fixture
def partner(office: Cast) -> Partner:
    return Partner().introduce()


def test_a_recall_freezes_ours_and_sends_the_notice_to_everybody_who_has_it(office: Cast, partner: Partner) -> None:
    make_reachable("H99.03", "Ủy ban nhân dân xã Cao Sơn")
    row_id = sent(office, OTHER_CODE, "H99.03")
    document_id = outgoing.get(row_id).document_id
    first = dispatch.recipients(row_id)[0].message_id
    stranger = Partner("H99.03", "Ủy ban nhân dân xã Cao Sơn", keys_of("third"))
    database.write_working(
        "INSERT INTO organisation_keys (key_id, organ_code, public_key, box_public_key, valid_from)"
        " VALUES (?, ?, ?, ?, ?)",
        (stranger.own.key_id, stranger.code, stranger.own.public_key.hex(), "", "2026-01-01T00:00:00Z"),
    )
    answer_of(stranger, document_id, "02", reason="Không thuộc thẩm quyền của xã").arrive()
    notice = issued(office, "Thông báo thu hồi Quyết định")
    recalls.recall(office.clerk, row_id, notice, REASON)
    assert outgoing.get(row_id).state is OutgoingState.RECALLED
    assert [item.organ_code for item in ours(row_id, "recall")] == [OTHER_CODE]
    assert [item.business_type for item in dispatch.recipients(notice)] == [BusinessType.RECALL]
    envelope, edoc = queued_edocs()[-1]
    assert edoc.business is not None
    assert (edoc.document_id, edoc.business.type, edoc.business.document_id, edoc.business.reason) == (
        outgoing.get(notice).document_id, 1, document_id, REASON,
    )  # fmt: skip
    assert [(item.organ_id, item.document_id) for item in edoc.responses] == [(OFFICE_CODE, document_id)]
    assert envelope.in_reply_to == first
    assert len(edoc.attachments) == 1
    acts: tuple[Callable[[], None], ...] = (
        lambda: dispatch.dispatch(office.clerk, row_id, ["H99.03"]),
        lambda: recalls.recall(office.clerk, row_id, notice, REASON),
        lambda: updates.update(office.clerk, row_id, updates.metadata_of(outgoing.get(row_id)), REASON),
        lambda: takebacks.take_back(office.clerk, dispatch.recipients(row_id)[0].id, REASON),
    )
    for act in acts:
        with pytest.raises(RuleBroken, match=r"[Tt]hu hồi"):
            act()
    assert is_sound(office)


def test_only_the_receivers_15_says_that_it_is_destroyed(office: Cast, partner: Partner) -> None:
    row_id, notice = sent(office), issued(office, "Thông báo thu hồi Quyết định")
    recalls.recall(office.clerk, row_id, notice, REASON)
    about, message_id = outgoing.get(notice).document_id, dispatch.recipients(notice)[0].message_id
    for code in ("01", "03", "02"):
        answer_of(partner, about, code, to=message_id).arrive()
    assert ours(row_id, "recall")[0].state is AmendmentState.ASKED
    assert dispatch.recipients(notice)[0].status is StatusCode.REGISTERED
    confirmed = answer_of(partner, about, "15", to=message_id)
    assert confirmed.arrive() == confirmed.arrive()
    answer_of(partner, about, "16", to=message_id, reason="Không hủy được vì đã lưu hồ sơ").arrive()
    assert ours(row_id, "recall")[0].outcome == "Đã xác nhận hủy"
    assert "amendment.answered" in [line.fields["act"] for line in journal.lines_about(outgoing.get(row_id).about)]
    assert is_sound(office)


def test_a_notice_must_be_issued_another_document_and_used_once(office: Cast, partner: Partner) -> None:
    row_id, other = sent(office), sent(office, subject="Về việc kiện toàn Tổ")
    drafted = outgoing.get(row_id)
    with pytest.raises(RuleBroken, match="văn bản khác"):
        recalls.recall(office.clerk, row_id, row_id, REASON)
    with pytest.raises(RuleBroken, match="như văn bản thường"):
        recalls.recall(office.clerk, row_id, other, REASON)
    notice = issued(office, "Thông báo thu hồi")
    with pytest.raises(RuleBroken, match="10 ký tự"):
        recalls.recall(office.clerk, row_id, notice, "sai")
    with pytest.raises(NotAllowed):
        recalls.recall(office.leader, row_id, notice, REASON)
    recalls.recall(office.clerk, row_id, notice, REASON)
    with pytest.raises(RuleBroken, match="đã dùng"):
        recalls.recall(office.clerk, other, notice, REASON)
    assert drafted.state is OutgoingState.ISSUED
    assert outgoing.get(other).state is OutgoingState.ISSUED


def test_what_went_to_nobody_is_recalled_at_once(office: Cast) -> None:
    row_id, notice = issued(office), issued(office, "Thông báo thu hồi")
    recalls.recall(office.clerk, row_id, notice, REASON)
    assert [item.state for item in ours(row_id, "recall")] == [AmendmentState.AGREED]
    assert items() == []
    book = next(line for line in books.books(office.clerk) if line.direction == "outgoing")
    assert book_lines.outgoing_entries(book)[0].line.recalled == "02/QĐ-UBND"
    assert is_sound(office)


def test_a_notice_that_the_node_refuses_asks_nothing_any_more(office: Cast, partner: Partner) -> None:
    node = Node().introduce(office)
    row_id, notice = sent(office), issued(office, "Thông báo thu hồi")
    recalls.recall(office.clerk, row_id, notice, REASON)
    last = items()[-1]
    outbox.delivered(last.message_id, node.receipt(last.envelope, RefusalType.TOO_LARGE))
    assert ours(row_id, "recall")[0].state is AmendmentState.DROPPED
    assert is_sound(office)


def test_a_recalled_document_is_frozen_until_it_is_destroyed(office: Cast, partner: Partner) -> None:
    first = document(partner, pdf=PDF + b"% tuan tra\n")
    first.arrive()
    row_id = row_of(named(partner, 7))
    number = accept(office, row_id).number
    tasks.assign(office.leader, row_id, lead=office.specialist.id)
    asking_back(partner, of=first).arrive()
    notice = recall_of(partner, of=first)
    assert notice.arrive() == notice.arrive()
    acts: tuple[Callable[[], None], ...] = (
        lambda: tasks.assign(office.leader, row_id, lead=office.specialist.id),
        lambda: tasks.start(office.specialist, row_id),
        lambda: tasks.complete(office.leader, row_id, result="Đã xong"),
        lambda: takebacks.agree(office.clerk, asked(row_id, "take-back").id),
    )
    for act in acts:
        with pytest.raises(RuleBroken) as refusal:
            act()
        assert refusal.value.sentence == FROZEN_SENTENCE
    with pytest.raises(NotAllowed):
        recalls.destroy(office.leader, row_id)
    file = attachments.shown("incoming", row_id)
    assert file is not None
    path = file.path
    recalls.destroy(office.clerk, row_id)
    now = incoming.get(row_id)
    assert (now.state, now.number, now.subject, now.code) == (IncomingState.RECALLED, number, "", "")
    assert not path.exists()
    assert codes(notice.message_id) == ["01", "15"]
    last = queued_statuses(notice.message_id)[-1]
    assert last.status.response_for.document_id == named(partner, 90)
    line = next(item for item in journal.lines_about(now.about) if item.fields["act"] == "incoming.destroyed")
    facts = line.fields["facts"]
    assert (facts["message"], facts["document"], facts["notice"]) == (
        first.message_id, named(partner, 7), named(partner, 90),
    )  # fmt: skip
    assert facts["erased"]
    assert all(SECRET not in json for item in journal.lines_about(now.about) for json in item.texts.values())
    book = next(line for line in books.books(office.clerk) if line.direction == "incoming")
    entry = book_lines.incoming_entries(book)[0].line
    assert (entry.author, entry.recalled, entry.type_and_subject) == (partner.name, "90/CV-VP", "")
    with pytest.raises(RuleBroken, match="đã được hủy"):
        recalls.destroy(office.clerk, row_id)
    assert is_sound(office)


def test_a_document_without_a_recall_is_destroyed_by_nobody(office: Cast, partner: Partner) -> None:
    arrived = an_arrival(partner)
    with pytest.raises(RuleBroken, match="Không có thông báo thu hồi"):
        recalls.destroy(office.clerk, arrived.id)
    with pytest.raises((NotAllowed, NotFound)):
        recalls.destroy(office.specialist, arrived.id)


def test_a_recall_that_comes_first_waits_and_freezes_the_document_when_it_comes(office: Cast, partner: Partner) -> None:
    first = document(partner)
    notice = recall_of(partner, of=first)
    notice.arrive()
    assert incoming.get(row_of(named(partner, 90))).state is IncomingState.ARRIVED
    first.arrive()
    row_id = row_of(named(partner, 7))
    with pytest.raises(RuleBroken, match="thu hồi"):
        incoming.accept(office.clerk, row_id, without_check=True)
    with pytest.raises(RuleBroken, match="thu hồi"):
        incoming.refuse(office.clerk, row_id, "Không thuộc thẩm quyền của xã")
    recalls.destroy(office.clerk, row_id)
    assert codes(notice.message_id) == ["01", "15"]
    assert is_sound(office)


def test_a_second_notice_about_what_is_destroyed_is_confirmed_at_once(office: Cast, partner: Partner) -> None:
    first = document(partner)
    first.arrive()
    recall_of(partner, of=first).arrive()
    recalls.destroy(office.clerk, row_of(named(partner, 7)))
    again = recall_of(partner, notice=91, of=first)
    again.arrive()
    late = update_of(partner, of=first)
    late.arrive()
    asking_back(partner, of=first).arrive()
    assert codes(again.message_id) == ["01", "15"]
    assert incoming.get(row_of(named(partner, 7))).subject == ""
    assert asked(row_of(named(partner, 7)), "update").state is AmendmentState.DROPPED
    assert is_sound(office)


def test_copies_that_were_refused_go_with_the_document_that_is_destroyed(office: Cast, partner: Partner) -> None:
    document(partner).arrive()
    refused = row_of(named(partner, 7))
    incoming.refuse(office.clerk, refused, "Không thuộc thẩm quyền của xã")
    again = document(partner)
    again.arrive()
    recall_of(partner, of=again).arrive()
    recalls.destroy(office.clerk, row_of(named(partner, 7)))
    assert (incoming.get(refused).state, incoming.get(refused).subject) == (IncomingState.RECALLED, "")
    assert is_sound(office)


def test_another_office_recalls_nothing_of_this_sender(office: Cast, partner: Partner) -> None:
    first = document(partner)
    first.arrive()
    row_id = row_of(named(partner, 7))
    foreign = Partner("H99.03", "Ủy ban nhân dân xã Cao Sơn", keys_of("third")).introduce()
    packet = recall_of(partner).packet
    type(first)(foreign.sealed(packet, in_reply_to=first.message_id), packet).arrive()
    assert amendments.of_incoming(row_id) == []
    assert not amendments.is_frozen(row_id)
    accept(office, row_id)
    assert is_sound(office)


def test_a_recall_that_names_nothing_is_refused_for_good(office: Cast, partner: Partner) -> None:
    notice = recall_of(partner)
    packet = notice.packet.replace(named(partner, 7).encode(), b"")
    type(notice)(partner.sealed(packet), packet).arrive()
    assert database.row("SELECT reason FROM quarantine")[0].startswith("Gói thu hồi không nêu")
    assert database.row("SELECT count(*) FROM amendments")[0] == 0


def test_the_packets_of_open_requests_go_with_the_document(office: Cast, partner: Partner) -> None:
    first = document(partner)
    first.arrive()
    row_id = row_of(named(partner, 7))
    accept(office, row_id)
    open_, question = update_of(partner, of=first), asking_back(partner, of=first)
    for message in (open_, question, recall_of(partner, of=first)):
        message.arrive()
    stored = [files.path_of(hashlib.sha256(item.packet).hexdigest()) for item in (first, open_, question)]
    assert all(path.exists() for path in stored)
    recalls.destroy(office.clerk, row_id)
    assert not any(path.exists() for path in stored)
    late = update_of(partner, of=first, subject="Tuần tra rừng phòng hộ")
    late.arrive()
    erasure.finish()
    assert not files.has(hashlib.sha256(late.packet).hexdigest())
    assert is_sound(office)
