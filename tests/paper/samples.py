"""Fictional letters for the tests of this room."""

from __future__ import annotations

from dataclasses import replace
from io import BytesIO
from pathlib import Path

from commune_portal.paper.body import blocks_from_text
from commune_portal.paper.fonts import registered
from commune_portal.paper.letter import Letter, LetterLayout
from commune_portal.paper.places import Rectangle

SENTENCE = (
    "Thực hiện Kế hoạch công tác năm 2026 về tăng cường quản lý văn bản điện tử, Ủy ban nhân dân xã Tân Phước Mẫu "
    "yêu cầu các phòng, đơn vị rà soát hồ sơ tồn đọng, phân công người chịu trách nhiệm và báo cáo bằng văn bản."
)

DECISION = Letter(
    parent_name="",
    issuer_name="Ủy ban nhân dân xã Tân Phước Mẫu",
    place="Tân Phước Mẫu",
    notation="QĐ-UBND",
    type_name="Quyết định",
    subject="Về việc ban hành Quy chế công tác văn thư, lưu trữ của Ủy ban nhân dân xã Tân Phước Mẫu",
    body=blocks_from_text(
        "CHỦ TỊCH ỦY BAN NHÂN DÂN XÃ TÂN PHƯỚC MẪU\n"
        "Căn cứ Luật Tổ chức chính quyền địa phương ngày 16 tháng 6 năm 2025;\n"
        "Theo đề nghị của Chánh Văn phòng Hội đồng nhân dân và Ủy ban nhân dân xã.\n"
        "QUYẾT ĐỊNH:\n"
        "Điều 1. Ban hành kèm theo Quyết định này Quy chế công tác văn thư, lưu trữ.\n"
        f"Điều 2. {SENTENCE}\n"
        "Điều 3. Quyết định này có hiệu lực kể từ ngày ký."
    ),
    position="Phó Chủ tịch",
    signer_name="Nguyễn Thị Mẫu Đơn",
    competence=("TM. Ủy ban nhân dân", "KT. Chủ tịch"),
    recipients=("Như Điều 3", "Thường trực Hội đồng nhân dân xã (để b/c)"),
    filing="VT, VP",
)

OFFICIAL_LETTER = replace(
    DECISION,
    parent_name="Ủy ban nhân dân tỉnh Mẫu Giang",
    notation="UBND-VHXH",
    type_name=None,
    subject="tăng cường phòng, chống dịch trên địa bàn các thôn trong mùa mưa năm 2026",
    body=blocks_from_text("\n".join([SENTENCE] * 3), with_basis=False),
    position="Chủ tịch",
    competence=("TM. Ủy ban nhân dân",),
    addressees=("Các phòng, đơn vị thuộc xã", "Trưởng các thôn trên địa bàn xã"),
    recipients=("Như trên",),
)


def fill(pdf: Path, layout: LetterLayout, number: str, date: str, out: Path) -> None:
    """Prints number and date onto the places, as a program would that makes its PDF in one go."""
    import pypdfium2

    from commune_portal.paper.sheet import open_canvas

    names = registered()
    buffer = BytesIO()
    canvas = open_canvas(buffer, names, title="")
    for text, place, font in (
        (number, layout.places.number, names.regular),
        (date, layout.places.date, names.italic),
    ):
        canvas.setFont(font, 13)
        canvas.drawCentredString(place.x0 + place.width / 2, place.y0 + 4.5, text)
    canvas.showPage()
    canvas.save()
    with pypdfium2.PdfDocument(pdf) as document, pypdfium2.PdfDocument(buffer.getvalue()) as drawn:
        page = document[0]
        page.insert_obj(drawn.page_as_xobject(0, document).as_pageobject())
        page.gen_content()
        document.save(out)


def contains(outer: Rectangle, inner: Rectangle, slack: float = 0.5) -> bool:
    """True when one rectangle lies in another on the same page."""
    return (
        outer.page == inner.page
        and outer.x0 - slack <= inner.x0
        and outer.y0 - slack <= inner.y0
        and inner.x1 <= outer.x1 + slack
        and inner.y1 <= outer.y1 + slack
    )
