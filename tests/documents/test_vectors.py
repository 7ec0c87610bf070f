"""What this office tells the node that it has."""

from __future__ import annotations

from commune_portal.documents import vectors
from commune_portal.store import database
from tests.cast import Cast
from tests.relay.linked import queue


def test_what_was_withdrawn_is_asked_for_still_since_an_attempt_may_have_reached_the_node(office: Cast) -> None:
    message_id = queue()
    assert vectors.vector(0, whole=False).waiting == ()  # nobody has tried it
    database.write_working("UPDATE outbox SET state = 'withdrawn' WHERE message_id = ?", (message_id,))
    assert [item.message_id for item in vectors.vector(0, whole=False).waiting] == [message_id]
