"""A draft of two megabytes as an office has it: a letter with scanned pages behind it, and its pictures."""

from __future__ import annotations

from pathlib import Path

from commune_portal.paper.scan import append_scan
from commune_portal.signing import pdf
from tests.signing import material

TWO_MEGABYTES = 2_000_000


def draft_of_two_megabytes(folder: Path) -> Path:
    """Writes a draft that waits for its leader, with a picture of a signature beside it as `ky.png`."""
    source, scanned, draft = folder / "source.pdf", folder / "scanned.pdf", folder / "draft.pdf"
    material.draft(source, pages=2)
    append_scan(source, scanned, TWO_MEGABYTES)
    pdf.prepare_draft(scanned, draft, material.PLACES)
    (folder / "ky.png").write_bytes(material.picture())
    return draft
