"""Thay thế: the new document takes the old one's place at both ends, and each knows the other."""

from __future__ import annotations

import pytest

from commune_portal.documents import book_lines, books, dispatch, incoming, outgoing, replacements
from commune_portal.errors import NotAllowed, RuleBroken
from commune_portal.rules.amendments import AmendmentState
from commune_portal.rules.statuses import BusinessType, OutgoingState
from commune_portal.store import database, journal
from tests.cast import OTHER_CODE, Cast
from tests.documents.dialogue import (
    REASON,
    accept,
    answer_of,
    asked,
    document,
    issued,
    named,
    ours,
    queued_edocs,
    replacement_of,
    row_of,
    sent,
)
from tests.documents.partner import Partner
from tests.documents.test_outgoing import is_sound


@pytest.fixture
def partner(office: Cast) -> Partner:
    return Partner().introduce()


def test_the_new_document_goes_to_whom_the_old_one_went(office: Cast, partner: Partner) -> None:
    old, new = sent(office), issued(office, "Về việc thành lập Tổ rà soát (thay thế)")
    replacements.replace(office.clerk, old, new, REASON)
    assert outgoing.get(old).state is OutgoingState.REPLACED
    assert [(item.organ_code, item.business_type) for item in dispatch.recipients(new)] == [
        (OTHER_CODE, BusinessType.REPLACE)
    ]
    _, edoc = queued_edocs()[-1]
    assert edoc.business is not None
    replaced = edoc.business.replacements
    assert [(item.document_id, item.organ_ids) for item in replaced] == [(outgoing.get(old).document_id, (OTHER_CODE,))]
    linked = ours(old, "replace")[0]
    assert (linked.notice_outgoing_id, linked.notice_code) == (new, "02/QĐ-UBND")
    book = next(line for line in books.books(office.clerk) if line.direction == "outgoing")
    assert "được thay thế bằng 02/QĐ-UBND" in book_lines.outgoing_entries(book)[0].line.note
    with pytest.raises(RuleBroken, match="văn bản thay thế"):
        replacements.replace(office.clerk, old, new, REASON)
    message_id = dispatch.recipients(new)[0].message_id
    for code in ("01", "03", "02"):
        answer_of(partner, outgoing.get(new).document_id, code, to=message_id).arrive()
    assert ours(old, "replace")[0].state is AmendmentState.AGREED
    assert is_sound(office)


def test_what_may_not_replace(office: Cast, partner: Partner) -> None:
    old, other = sent(office), sent(office, subject="Về việc kiện toàn Tổ")
    with pytest.raises(RuleBroken, match="văn bản khác"):
        replacements.replace(office.clerk, old, old, REASON)
    with pytest.raises(RuleBroken, match="như văn bản mới"):
        replacements.replace(office.clerk, old, other, REASON)
    with pytest.raises(NotAllowed):
        replacements.replace(office.leader, old, other, REASON)
    assert outgoing.get(old).state is OutgoingState.ISSUED


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_at_the_receiver_both_are_linked_whichever_comes_first(
    office: Cast, partner: Partner, order: tuple[int, int]
) -> None:
    first = document(partner)
    messages = [first, replacement_of(partner, of=first)]
    for which in order:
        messages[which].arrive()
        messages[which].arrive()
    old, new = row_of(named(partner, 7)), row_of(named(partner, 8))
    linked = asked(old, "replace")
    assert (linked.incoming_id, linked.notice_incoming_id, linked.state) == (old, new, AmendmentState.AGREED)
    assert asked(new, "replace").id == linked.id
    assert "incoming.replaced" in [line.fields["act"] for line in journal.lines_about(incoming.get(old).about)]
    accept(office, old)
    book = next(line for line in books.books(office.clerk) if line.direction == "incoming")
    assert book_lines.incoming_entries(book)[0].line.note == "được thay thế bằng 08/CV-VP"
    assert is_sound(office)


def test_a_replacement_of_nothing_is_refused_for_good(office: Cast, partner: Partner) -> None:
    message = replacement_of(partner)
    packet = message.packet.replace(named(partner, 7).encode(), b"")
    type(message)(partner.sealed(packet), packet).arrive()
    assert database.row("SELECT reason FROM quarantine")[0].startswith("Gói thay thế không nêu")
