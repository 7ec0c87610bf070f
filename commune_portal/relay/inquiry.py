"""A question to the node while a person waits: organisations that our own part of the list does not have."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from commune_portal.errors import NodeRefused, NotFound
from commune_portal.people import organisation_lists, peers
from commune_portal.relay.client import NodeClient
from commune_portal.relay.link import NodeIdentity
from commune_portal.store import installation
from commune_portal.wire import keys
from commune_portal.wire.organisations import Listed

PATIENCE_SECONDS = 8.0


def search(words: str) -> tuple[Listed, ...]:
    """Asks the node's whole list; raises NodeUnreachable, NodeRefused, or NotFound before there is a node."""
    with _client() as (client, _):
        return client.organisations_found(words).items


def take(code: str) -> str:
    """Takes one organisation of the node's list, and who stands for it, into our own; answers its name."""
    with _client() as (client, peer_code):
        page = client.organisations_named([code])
    if not page.items:
        raise NotFound("Danh sách của nút không có cơ quan này.")
    organisation_lists.arrived(peer_code, page)
    return page.items[0].name


@contextmanager
def _client() -> Iterator[tuple[NodeClient, str]]:
    peer = peers.peer()
    if peer.enrolled_at is None:
        raise NodeRefused("Chưa kết nối với nút lần nào. Hãy chờ lần liên lạc đầu rồi tìm lại.")
    identity = NodeIdentity(peer.code, peer.address, peer.ca or None, {keys.key_id(peer.public_key): peer.public_key})
    client = NodeClient(identity, keys.own(), installation.own().code, timeout_seconds=PATIENCE_SECONDS)
    try:
        yield client, peer.code
    finally:
        client.close()
