"""What an invented commune's documents say: subjects, senders and names, put together from a seeded generator."""

from __future__ import annotations

import random
from dataclasses import dataclass

ACTS = (
    "Báo cáo", "Đề nghị", "Triển khai", "Hướng dẫn", "Mời họp về", "Tăng cường", "Rà soát", "Phối hợp", "Đôn đốc",
    "Kiểm tra", "Góp ý dự thảo", "Phê duyệt", "Ban hành", "Thông báo kết quả", "Cung cấp số liệu", "Chấn chỉnh",
)  # fmt: skip
MATTERS = (
    "hộ nghèo và hộ cận nghèo", "phòng cháy, chữa cháy rừng", "tiêm chủng mở rộng", "chuyển đổi số cấp xã",
    "giải phóng mặt bằng đường liên thôn", "an toàn vệ sinh thực phẩm", "phòng, chống thiên tai và tìm kiếm cứu nạn",
    "cấp giấy chứng nhận quyền sử dụng đất", "nghĩa vụ quân sự", "phổ cập giáo dục mầm non", "quản lý hộ tịch",
    "phòng, chống dịch tả lợn châu Phi", "thu quỹ đền ơn đáp nghĩa", "nước sạch và vệ sinh môi trường nông thôn",
    "tuyên truyền pháp luật về giao thông", "lễ hội truyền thống đầu năm", "dân quân tự vệ", "nhà văn hóa thôn",
    "kế hoạch sử dụng đất hằng năm", "chi trả trợ cấp xã hội", "bảo hiểm y tế học sinh", "hợp tác xã nông nghiệp",
    "tiếp công dân và giải quyết đơn thư", "kê khai tài sản, thu nhập", "lưu trữ hồ sơ, tài liệu",
    "thủ tục hành chính một cửa", "dự toán ngân sách", "xây dựng nông thôn mới nâng cao", "thủy lợi nội đồng",
    "bầu cử đại biểu Hội đồng nhân dân",
)  # fmt: skip
PLACES = (
    "An Phú", "Bình Lợi", "Cẩm Sơn", "Đông Hòa", "Đại Thành", "Gia Khánh", "Hòa Tiến", "Kim Đường", "Long Vĩnh",
    "Mỹ Thuận", "Nam Đồng", "Phú Ninh", "Quảng Tân", "Sơn Thủy", "Tân Lập", "Thạnh Trị", "Vĩnh Ngọc", "Xuân Đài",
)  # fmt: skip
SENDERS = (
    ("H99", "Ủy ban nhân dân tỉnh Lam Giang"), ("H99.10", "Sở Nội vụ"), ("H99.11", "Sở Tài chính"),
    ("H99.12", "Sở Nông nghiệp và Môi trường"), ("H99.13", "Sở Y tế"), ("H99.14", "Sở Giáo dục và Đào tạo"),
    ("H99.15", "Công an tỉnh"), ("H99.16", "Bộ Chỉ huy quân sự tỉnh"), ("H99.17", "Bảo hiểm xã hội tỉnh"),
    ("H99.02", "Ủy ban nhân dân xã Bình Lợi"), ("H99.03", "Ủy ban nhân dân xã Cẩm Sơn"),
    ("", "Trường Tiểu học Hoa Ban"), ("", "Hợp tác xã Nông nghiệp Suối Vàng"),
)  # fmt: skip
TYPES = (
    ("Công văn", "UBND-VP"), ("Quyết định", "QĐ-UBND"), ("Báo cáo", "BC-UBND"), ("Kế hoạch", "KH-UBND"),
    ("Thông báo", "TB-UBND"), ("Giấy mời", "GM-UBND"), ("Tờ trình", "TTr-UBND"), ("Chỉ thị", "CT-UBND"),
)  # fmt: skip
SURNAMES = ("Nguyễn", "Trần", "Lê", "Phạm", "Hoàng", "Vũ", "Đặng", "Bùi", "Đỗ", "Ngô", "Dương", "Lý", "Đinh", "Mai")
MIDDLES = ("Văn", "Thị", "Minh", "Ngọc", "Đức", "Thanh", "Hữu", "Quang", "Thu", "Hồng", "Xuân", "Gia")
GIVEN = (
    "An", "Bình", "Châu", "Dũng", "Đào", "Giang", "Hạnh", "Hùng", "Khoa", "Lan", "Mạnh", "Nga", "Oanh", "Phúc", "Quân",
    "Sơn", "Thảo", "Uyên", "Vinh", "Yến", "Đạt", "Hiếu", "Kiên", "Linh",
)  # fmt: skip
POSTS = ("Chủ tịch", "Phó Chủ tịch", "Giám đốc", "Phó Giám đốc", "Chánh Văn phòng")


@dataclass(frozen=True, slots=True)
class Words:
    """The words of one document."""

    sender_code: str
    sender: str
    code_number: str
    code_notation: str
    type_name: str
    subject: tuple[str, ...]
    signer: str
    post: str


def name(random_: random.Random) -> str:
    """An invented person."""
    return f"{random_.choice(SURNAMES)} {random_.choice(MIDDLES)} {random_.choice(GIVEN)}"


def words(random_: random.Random, year: int) -> Words:
    """The words of the next document; the subject comes in its phrases, so that each can be folded once."""
    code, sender = random_.choice(SENDERS)
    type_name, notation = random_.choice(TYPES)
    subject = [random_.choice(ACTS), random_.choice(MATTERS), f"xã {random_.choice(PLACES)}"]
    if random_.random() < 0.5:
        subject.append(f"quý {random_.randint(1, 4)} năm {year}")
    if random_.random() < 0.2:
        subject.append(f"đối với ông (bà) {name(random_)}, thửa đất số {random_.randint(1, 2000)}")
    post = random_.choice(POSTS)
    return Words(code, sender, str(random_.randint(1, 4000)), notation, type_name, tuple(subject), name(random_), post)


def question(random_: random.Random) -> str:
    """What a clerk types who remembers something of a document: some words running, a name, an office, a number."""
    told = words(random_, random_.randint(2007, 2026))
    kind = random_.random()
    if kind < 0.1:
        return f"{told.code_number}/{told.code_notation}"
    if kind < 0.25:
        return told.signer
    if kind < 0.35:
        return told.sender
    running = " ".join(told.subject).split()
    start = random_.randrange(len(running))
    return " ".join(running[start : start + random_.randint(2, 5)])
