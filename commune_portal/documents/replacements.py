"""Thay thế: a document whose content was wrong is replaced by another of the same form; both ends link both.

Source: NĐ 30/2020, Điều 18.3; QCVN 102:2016 (BussinessDocType 3).
"""

from __future__ import annotations

from commune_portal.people.actors import Actor


def replace(actor: Actor, old_id: int, new_id: int, reason: str) -> None:
    """Sends an issued document in the place of another to everybody who has the other."""
    raise NotImplementedError
