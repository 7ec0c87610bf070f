"""Đính chính: a công văn that names the document it corrects; both ends link the two."""

from __future__ import annotations

import pytest

from commune_portal.documents import amendments, book_lines, books, corrections, dispatch, outgoing
from commune_portal.edxml import package
from commune_portal.errors import NotAllowed, RuleBroken
from commune_portal.rules.amendments import AmendmentState
from tests.cast import OFFICE_CODE, OTHER_CODE, Cast
from tests.documents.dialogue import accept, asked, document, issued, named, ours, queued_edocs, row_of, sent
from tests.documents.partner import DAY, Partner
from tests.documents.test_outgoing import is_sound


@pytest.fixture
def partner(office: Cast) -> Partner:
    return Partner().introduce()


def test_the_letters_packet_names_the_document_that_it_corrects(office: Cast, partner: Partner) -> None:
    old = sent(office)
    letter = issued(office, "Đính chính Quyết định", type_code="CV")
    corrections.link(office.clerk, letter, old)
    with pytest.raises(RuleBroken, match="Không cần làm lại"):
        corrections.link(office.clerk, letter, old)
    dispatch.dispatch(office.clerk, letter, [OTHER_CODE])
    _, edoc = queued_edocs()[-1]
    assert edoc.business is not None
    assert edoc.business.type == 0
    assert [(item.organ_id, item.document_id) for item in edoc.responses] == [
        (OFFICE_CODE, outgoing.get(old).document_id)
    ]
    assert ours(old, "correct")[0].notice_outgoing_id == letter
    book = next(line for line in books.books(office.clerk) if line.direction == "outgoing")
    assert book_lines.outgoing_entries(book)[0].line.note == f"đính chính tại {ours(old, 'correct')[0].notice_code}"
    other = sent(office, subject="Về việc kiện toàn Tổ")
    with pytest.raises(RuleBroken, match="đã gửi"):
        corrections.link(office.clerk, letter, other)
    assert is_sound(office)


def test_only_a_letter_corrects(office: Cast, partner: Partner) -> None:
    old, decision = sent(office), issued(office, "Về việc kiện toàn Tổ")
    with pytest.raises(RuleBroken, match="bằng công văn"):
        corrections.link(office.clerk, decision, old)
    with pytest.raises(NotAllowed):
        corrections.link(office.leader, decision, old)


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_at_the_receiver_both_are_linked_whichever_comes_first(
    office: Cast, partner: Partner, order: tuple[int, int]
) -> None:
    response = package.ResponseFor(partner.code, "07/CV-VP", named(partner, 7), DAY)
    messages = [document(partner), document(partner, 8, responses=(response,))]
    for which in order:
        messages[which].arrive()
        messages[which].arrive()
    old, letter = row_of(named(partner, 7)), row_of(named(partner, 8))
    linked = asked(old, "correct")
    assert (linked.notice_incoming_id, linked.state) == (letter, AmendmentState.AGREED)
    accept(office, old)
    book = next(line for line in books.books(office.clerk) if line.direction == "incoming")
    assert book_lines.incoming_entries(book)[0].line.note == "đính chính tại 08/CV-VP"
    assert is_sound(office)


def test_a_letter_that_answers_us_corrects_nothing(office: Cast, partner: Partner) -> None:
    response = package.ResponseFor(OFFICE_CODE, "01/QĐ-UBND", "H99.01.2026.000001", DAY)
    document(partner, 8, responses=(response,)).arrive()
    assert amendments.of_incoming(row_of(named(partner, 8))) == []
    assert is_sound(office)
