"""What an office asks its node besides the messages: what it holds of them, and who is who.

Asked seldom, when the rest of the round is done; a node that does not know a question says so, and nothing is lost.
"""

from __future__ import annotations

import logging
from dataclasses import replace
from datetime import timedelta

from commune_portal import clock
from commune_portal.documents import comparisons
from commune_portal.people import organisation_lists
from commune_portal.relay.client import NodeClient
from commune_portal.relay.link import RefusedByNode
from commune_portal.wire.organisations import MOST_CODES

log = logging.getLogger(__name__)

LEARNT_EVERY = timedelta(hours=6)
MOST_ROUNDS = 20
"""Requests of one kind in one contact: a long list goes on at the next."""


def ask(client: NodeClient, peer_code: str) -> None:
    """Asks whatever is due."""
    try:
        _compare(client, peer_code)
    except RefusedByNode as error:
        log.info("the node does not answer a question: %s", error.detail)
        comparisons.unanswered(peer_code)
    try:
        _learn(client, peer_code)
    except RefusedByNode as error:
        log.info("the node has no list of organisations: %s", error.detail)


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


def _learn(client: NodeClient, peer_code: str) -> None:
    """Takes over what changed in the node's list of organisations, and whom we write to without being told of them."""
    since, at = organisation_lists.read_until(peer_code)
    if at and clock.from_text(at) + LEARNT_EVERY > clock.now():
        return
    for _ in range(MOST_ROUNDS):
        page = client.organisations(since)
        organisation_lists.arrived(peer_code, page)
        since = page.next_after
        if not page.more:
            break
    unlisted = organisation_lists.unlisted(MOST_CODES)
    if unlisted:
        found = client.organisations_named(unlisted)
        organisation_lists.arrived(peer_code, replace(found, next_after=since))
