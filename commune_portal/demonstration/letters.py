"""The typed bodies of composed letters: short, in the manner of each type, with nothing real in them."""

from __future__ import annotations

_RESOLVE = (
    "Căn cứ Luật Tổ chức chính quyền địa phương;",
    "Căn cứ Nghị định số 30/2020/NĐ-CP ngày 05 tháng 3 năm 2020 của Chính phủ về công tác văn thư;",
    "Theo đề nghị của {unit}.",
    "QUYẾT ĐỊNH:",
)

_BODIES: dict[str, tuple[str, ...]] = {
    "QD": (
        *_RESOLVE,
        "Điều 1. Phê duyệt nội dung {subject}, kèm theo danh sách do {unit} lập và chịu trách nhiệm về số liệu.",
        "Điều 2. Giao {unit} chủ trì, phối hợp với các ban, ngành và các thôn tổ chức thực hiện, báo cáo kết quả.",
        "Điều 3. Văn phòng, {unit} và các cá nhân có liên quan chịu trách nhiệm thi hành Quyết định này.",
    ),
    "KH": (
        "I. MỤC ĐÍCH, YÊU CẦU",
        "1. Cụ thể hóa chỉ đạo của cấp trên về {subject}, bảo đảm thiết thực, tiết kiệm, đúng đối tượng.",
        "2. Phân công rõ người, rõ việc, rõ thời gian và kết quả.",
        "II. NỘI DUNG",
        "1. Rà soát, lập danh sách và tuyên truyền trên hệ thống truyền thanh ở các thôn.",
        "2. Kiểm tra, đôn đốc hằng tuần; kịp thời tháo gỡ vướng mắc ngay từ cơ sở.",
        "III. TỔ CHỨC THỰC HIỆN",
        "Giao {unit} theo dõi, tổng hợp, báo cáo Ủy ban nhân dân trước ngày 25 hằng tháng.",
    ),
    "BC": (
        "1. Kết quả thực hiện",
        "Ủy ban nhân dân đã chỉ đạo {unit} triển khai {subject} tới toàn bộ các thôn; số liệu chi tiết trong phụ lục.",
        "2. Tồn tại, nguyên nhân",
        "Một số thôn báo cáo chậm; đường truyền ở khu vực xa trung tâm chưa ổn định.",
        "3. Đề xuất, kiến nghị",
        "Đề nghị cấp trên quan tâm hỗ trợ kinh phí và hướng dẫn nghiệp vụ cho công chức cơ sở.",
    ),
    "GM": (
        "Ủy ban nhân dân trân trọng kính mời đại biểu dự: {subject}.",
        "1. Thời gian: 08 giờ 00 phút, ngày làm việc tiếp theo.",
        "2. Địa điểm: Hội trường trụ sở.",
        "Đề nghị đại biểu sắp xếp thời gian đến dự đúng giờ.",
    ),
    "CD": (
        "Theo bản tin dự báo, trong 24 giờ tới khu vực có mưa rất to, nguy cơ lũ quét, sạt lở đất và ngập úng cục bộ.",
        "Yêu cầu các địa phương tổ chức trực ban 24/24 giờ, rà soát khu vực nguy hiểm, sẵn sàng sơ tán dân.",
        "Báo cáo nhanh kết quả thực hiện trước 16 giờ hằng ngày.",
    ),
}

_PLAIN = (
    "Qua theo dõi tình hình thực tế tại địa phương, Ủy ban nhân dân thông tin về việc {subject} như sau:",
    "1. Nội dung đã được {unit} rà soát, đối chiếu với hồ sơ lưu và ý kiến của các thôn.",
    "2. Đề nghị quý cơ quan phối hợp, cho ý kiến bằng văn bản để thống nhất triển khai.",
    "Trong quá trình thực hiện nếu có vướng mắc, đề nghị phản ánh về {unit} để được hướng dẫn./.",
)


def body_of(type_code: str, subject: str, unit: str) -> str:
    """The paragraphs of a letter, one a line."""
    spoken = subject.removeprefix("Về việc ")
    spoken = spoken[0].lower() + spoken[1:]
    return "\n".join(_BODIES.get(type_code, _PLAIN)).format(subject=spoken, unit=unit)
