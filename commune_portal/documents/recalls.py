"""Thu hồi: an issued document is withdrawn by a notice, frozen here, destroyed there, and the destruction confirmed.

Source: NĐ 30/2020, Điều 18.4, Phụ lục VI, III.8; QĐ 28/2018, Điều 8.2, 9.2; decisions 18.
"""

from __future__ import annotations

from commune_portal.people.actors import Actor


def recall(actor: Actor, outgoing_id: int, notice_id: int, reason: str) -> None:
    """Withdraws our issued document by an issued notice, which goes to everybody who has the document."""
    raise NotImplementedError


def destroy(actor: Actor, incoming_id: int) -> None:
    """Destroys a recalled incoming document, keeps its tombstone, and confirms to the sender (15)."""
    raise NotImplementedError
