"""What an office asks its node besides the messages: what it holds of them, and who is who.

Asked seldom, when the rest of the round is done; a node that does not know a question says so, and nothing is lost.
"""

from __future__ import annotations

import logging

from commune_portal import clock
from commune_portal.documents import comparisons
from commune_portal.relay.client import NodeClient
from commune_portal.relay.link import RefusedByNode

log = logging.getLogger(__name__)

MOST_ROUNDS = 20
"""Requests of one kind in one contact: a long list goes on at the next."""


def ask(client: NodeClient, peer_code: str) -> None:
    """Asks whatever is due."""
    try:
        _compare(client, peer_code)
    except RefusedByNode as error:
        log.info("the node does not answer a question: %s", error.detail)
        comparisons.unanswered(peer_code)


def _compare(client: NodeClient, peer_code: str) -> None:
    """Asks what the node holds: the list of what is for us, then what we sent and it may have news of."""
    if not comparisons.is_due(clock.now()):
        return
    for _ in range(MOST_ROUNDS):
        page = client.held_for_us(comparisons.cursor(peer_code))
        comparisons.listed(peer_code, page)
        if not page.more:
            break
    for _ in range(MOST_ROUNDS):
        questions = comparisons.questions(clock.now())
        if not questions:
            break
        comparisons.answered(client.held(questions))
    comparisons.compared(peer_code)
