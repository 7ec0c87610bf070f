"""A document as large as a scan, for the stories that cut a link in the middle of one."""

from __future__ import annotations

import random
from pathlib import Path


def a_long_pdf(folder: Path, ballast_bytes: int) -> Path:
    """A PDF of one page and much ballast, as a scan would be."""
    from reportlab.pdfgen.canvas import Canvas

    path = folder / "ban-quet.pdf"
    canvas = Canvas(str(path), pageCompression=0)
    source = random.Random(11)
    canvas.setFont("Helvetica", 1)
    for _ in range(ballast_bytes // 1000):
        canvas.drawString(72, 400, source.randbytes(470).hex())
    canvas.save()
    return path
