"""An older update that comes when a newer one was taken over and the document is in the book: no task for the clerk."""

from __future__ import annotations

from datetime import timedelta

from commune_portal import clock
from commune_portal.documents import amendments
from commune_portal.rules.amendments import AmendmentState
from tests.cast import Cast
from tests.documents.dialogue import accept, document, named, row_of, update_of
from tests.documents.partner import Partner


def test_an_update_that_a_newer_one_overtook_waits_for_nobody(office: Cast) -> None:
    partner = Partner().introduce()
    with clock.standing_at(clock.now() - timedelta(hours=1)):
        older = update_of(partner, subject="Về việc cũ hơn")
    document(partner).arrive()
    update_of(partner, subject="Về việc mới hơn").arrive()
    row_id = row_of(named(partner, 7))
    assert accept(office, row_id).subject == "Về việc mới hơn"
    older.arrive()
    states = [item.state for item in amendments.of_incoming(row_id)]
    assert sorted(states) == sorted([AmendmentState.AGREED, AmendmentState.DROPPED])
