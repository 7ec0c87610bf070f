"""PDFs with and without a mark of secrecy on their first page."""

from __future__ import annotations

import io
from pathlib import Path

from reportlab.lib.pagesizes import A4
from reportlab.pdfgen import canvas

from commune_portal.paper import fonts


def a_pdf(stamp: str = "", *, body: str = "Căn cứ Luật Bảo vệ bí mật nhà nước;") -> bytes:
    """One page of a letter; `stamp` stands where the secrecy stamp goes."""
    faces = fonts.registered()
    out = io.BytesIO()
    page = canvas.Canvas(out, pagesize=A4, invariant=True)
    page.setFont(faces.bold, 13)
    page.drawCentredString(170, 780, "ỦY BAN NHÂN DÂN XÃ BÌNH LỢI")
    page.setFont(faces.regular, 13)
    page.drawCentredString(170, 755, "Số: 07/KH-UBND")
    if stamp:
        page.setFont(faces.bold, 13)
        page.drawString(120, 690, stamp)
    page.setFont(faces.regular, 13)
    page.drawString(85, 600, body)
    page.showPage()
    page.save()
    return out.getvalue()


def at(folder: Path, data: bytes, name: str = "van-ban.pdf") -> Path:
    """The bytes as a file."""
    path = folder / name
    path.write_bytes(data)
    return path
