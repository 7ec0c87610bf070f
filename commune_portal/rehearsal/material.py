"""What a rehearsal works on: a real PDF of several pages with Vietnamese text and a scan as its last pages."""

from __future__ import annotations

from pathlib import Path

from commune_portal.paper.body import Paragraph, ParagraphStyle, Table
from commune_portal.paper.letter import Letter, compose
from commune_portal.paper.scan import append_scan

DOCUMENT_BYTES = 2 * 1024 * 1024
BANNER = "TÀI LIỆU DIỄN TẬP – KHÔNG CÓ GIÁ TRỊ"
SUBJECT = "Về việc phê duyệt kết quả rà soát hộ nghèo, hộ cận nghèo theo chuẩn nghèo đa chiều"
REFUSED_SUBJECT = "Về việc cử cán bộ tham gia đoàn kiểm tra liên ngành"

_HAMLETS = ("Suối Cạn", "Bàu Trắng", "Gò Dầu", "Rẫy Mới", "Láng Tròn", "Cầu Ván", "Bến Đò", "Đồng Khởi")


def document(out: Path, *, issuer_name: str, parent_name: str, place: str, signer_name: str) -> Path:
    """A decision as an office would export it from its word processor, with scanned minutes behind it; 2 MB."""
    basis = (
        "Căn cứ Luật Tổ chức chính quyền địa phương;",
        "Căn cứ quy định của Chính phủ về chuẩn nghèo đa chiều giai đoạn hiện hành;",
        "Theo đề nghị của công chức Văn hóa - Xã hội,",
    )
    publish = (
        "Giao Văn phòng Hội đồng nhân dân và Ủy ban nhân dân niêm yết công khai kết quả tại trụ sở, nhà văn hóa các "
        "thôn trong thời hạn 07 ngày làm việc; tiếp nhận, giải thích ý kiến của Nhân dân."
    )
    carry_out = (
        "Các ông, bà: Chánh Văn phòng, Trưởng các phòng chuyên môn, Trưởng các thôn và các hộ có tên trong danh sách "
        "chịu trách nhiệm thi hành Quyết định này kể từ ngày ký."
    )
    articles = (
        ("Điều 1.", "Phê duyệt kết quả rà soát hộ nghèo, hộ cận nghèo trên địa bàn xã (có biểu tổng hợp kèm theo)."),
        ("Điều 2.", publish),
        ("Điều 3.", carry_out),
    )
    report = (
        "Việc rà soát được thực hiện từ thôn, bảo đảm dân chủ, công khai, đúng đối tượng; mỗi hộ được chấm điểm theo "
        "mẫu phiếu, họp dân lấy ý kiến và niêm yết kết quả trước khi trình phê duyệt."
    )
    rows = tuple(
        (str(ordinal), f"Thôn {name}", str(140 + 17 * ordinal), str(9 + ordinal), str(5 + ordinal % 4))
        for ordinal, name in enumerate(_HAMLETS, start=1)
    )
    letter = Letter(
        parent_name=parent_name,
        issuer_name=issuer_name,
        place=place,
        notation="QĐ-UBND",
        type_name="Quyết định",
        subject=SUBJECT,
        body=(
            *(Paragraph(text, ParagraphStyle.BASIS) for text in basis),
            Paragraph("QUYẾT ĐỊNH:", ParagraphStyle.HEADING),
            *(Paragraph(text, lead=lead) for lead, text in articles),
            Paragraph("BIỂU TỔNG HỢP KẾT QUẢ RÀ SOÁT", ParagraphStyle.HEADING),
            Table(("STT", "Thôn", "Tổng số hộ", "Hộ nghèo", "Hộ cận nghèo"), rows, (1, 4, 2, 2, 2)),
            *(Paragraph(f"{ordinal}. Thôn {name}: {report}") for ordinal, name in enumerate(_HAMLETS, start=1)),
        ),
        position="CHỦ TỊCH",
        signer_name=signer_name,
        competence=("TM. ỦY BAN NHÂN DÂN",),
        recipients=("Như Điều 3", "Ủy ban nhân dân tỉnh (để báo cáo)", "Ủy ban nhân dân xã Bình Lợi"),
        filing="VT, VHXH",
        banner=BANNER,
    )
    text = out.with_suffix(".text.pdf")
    try:
        compose(letter, text)
        append_scan(text, out, DOCUMENT_BYTES)
    finally:
        text.unlink(missing_ok=True)
    return out
