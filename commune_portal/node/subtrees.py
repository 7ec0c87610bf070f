"""The subtrees of the nodes below: no two of them hold the same code."""

from __future__ import annotations

from commune_portal.errors import RuleBroken
from commune_portal.rules.subtree import Subtree
from commune_portal.store.register import Work


def refuse_overlap(work: Work, own_code: str, code: str, subtree: Subtree) -> None:
    """A code has one way down: two nodes may not speak for it, and none for this node itself or the one above."""
    above = [row[0] for row in work.execute("SELECT code FROM peers").fetchall()]
    for taken in (own_code, *above):
        if subtree.covers(taken):
            raise RuleBroken(f"Phạm vi này bao trùm mã {taken} của chính nút hoặc của nút trên.", field="subtree")
    others = work.execute(
        "SELECT code, subtree FROM members WHERE subtree IS NOT NULL AND closed_at IS NULL AND code <> ?", (code,)
    ).fetchall()
    for other, text in others:
        if subtree.overlaps(Subtree(tuple(text.split()))):
            raise RuleBroken(f"Phạm vi này trùng với phạm vi của nút {other}.", field="subtree")
