"""Đính chính: an error of layout or procedure is corrected by a công văn that names the document; nothing is re-sent.

Source: NĐ 30/2020, Điều 18.3.
"""

from __future__ import annotations

from commune_portal.people.actors import Actor


def link(actor: Actor, letter_id: int, old_id: int) -> None:
    """Says that a letter of ours corrects a document of ours, before the letter is sent."""
    raise NotImplementedError
