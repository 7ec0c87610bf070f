"""The look for marks of state secrecy in files: every upload, every packet, before anything of it is kept.

A file that cannot be read shows no mark: it is judged where it is opened. The rule itself is `rules.classified`.
Source: QĐ 28/2018, Điều 1.2.
"""

from __future__ import annotations

from pathlib import Path

from commune_portal.errors import PortalError
from commune_portal.paper.textlayer import looks_like_pdf
from commune_portal.rules import classified
from commune_portal.rules.classified import Mark
from commune_portal.signing.workshop import workshop


def mark_of(path: Path) -> Mark | None:
    """The mark on a PDF's first page; None for an open document, another kind of file, or one that cannot be read."""
    if not looks_like_pdf(path):
        return None
    try:
        pieces = workshop().first_page(path)
    except PortalError:
        return None
    return classified.mark_on_page(pieces)


def require_open(path: Path, field: str = "file") -> None:
    """Raises RuleBroken, saying what to do, for a PDF that bears a mark."""
    classified.require_open(mark_of(path), field)
