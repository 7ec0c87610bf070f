"""Lấy lại: a document that was sent by mistake comes back, from our own queue or from the receiver (13, 15, 16).

Source: the exchange axis' dialogue of taking back; NĐ 30/2020, Điều 22.2.
"""

from __future__ import annotations

from commune_portal.people.actors import Actor


def take_back(actor: Actor, recipient_id: int, reason: str) -> None:
    """Drops what has not left yet, else asks the receiver (13)."""
    raise NotImplementedError


def agree(actor: Actor, amendment_id: int) -> None:
    """The clerk lets the sender have it back (15): the row is struck, the số đến stays."""
    raise NotImplementedError


def decline(actor: Actor, amendment_id: int, reason: str) -> None:
    """The clerk keeps it (16), with a reason."""
    raise NotImplementedError
