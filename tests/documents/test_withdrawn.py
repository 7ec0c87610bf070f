"""What was withdrawn here and arrived there all the same, by a bag of which no receipt came home."""

from __future__ import annotations

from commune_portal.documents import dispatch, outgoing, takebacks
from tests.cast import Cast
from tests.documents.dialogue import REASON, answer_of, sent
from tests.documents.partner import Partner, codes, items


def test_a_status_of_the_receiver_betrays_that_a_bag_took_a_withdrawn_message_there(office: Cast) -> None:
    partner = Partner().introduce()
    row_id = sent(office)
    message_id = items()[0].message_id
    takebacks.take_back(office.clerk, dispatch.recipients(row_id)[0].id, REASON)
    answer_of(partner, outgoing.get(row_id).document_id, "01", to=message_id).arrive()
    assert dispatch.recipients(row_id)[0].has_it
    assert takebacks.chase() == 1
    assert codes(message_id) == ["13"]
