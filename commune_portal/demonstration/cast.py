"""The offices of the demonstration and their people, all invented; every account has the same printed password."""

from __future__ import annotations

from dataclasses import dataclass

from commune_portal.parties.founding import PartyPlan, PersonPlan

PASSWORD = "trinh-dien-123"  # noqa: S105 -- printed on purpose; it opens a demonstration on this computer
NODE, AN_PHU, BINH_LOI, PROVINCE = "node", "an-phu", "binh-loi", "tinh"
OFFICES = (AN_PHU, BINH_LOI, PROVINCE)
COUNCIL_CODE = "H99.01.02"
COUNCIL_NAME = "Hội đồng nhân dân xã An Phú"

UNITS = (
    ("Văn phòng HĐND và UBND", "VP"),
    ("Phòng Kinh tế", "KT"),
    ("Phòng Văn hóa - Xã hội", "VHXH"),
    ("Trung tâm Phục vụ hành chính công", "TTPVHCC"),
)


@dataclass(frozen=True, slots=True)
class Office:
    """Who does what in an office, by username; `specialists` are by unit, the first leads most."""

    code: str
    clerk: str
    leaders: tuple[str, ...]
    specialists: dict[str, str]


def _clerk(name: str, username: str = "vanthu") -> PersonPlan:
    return PersonPlan(username, name, ("clerk",), "Văn thư", "VP")


def _specialist(username: str, name: str, unit: str) -> PersonPlan:
    return PersonPlan(username, name, ("specialist",), "Chuyên viên", unit)


def _chair(name: str) -> PersonPlan:
    return PersonPlan("chutich", name, ("leader",), "Chủ tịch UBND", "", "TM", "CHỦ TỊCH")


def _deputy(name: str) -> PersonPlan:
    return PersonPlan("phochutich", name, ("leader",), "Phó Chủ tịch UBND", "", "KT", "PHÓ CHỦ TỊCH")


PLANS: dict[str, PartyPlan] = {
    NODE: PartyPlan(
        "node", "H99", "Nút liên thông tỉnh Đông Hòa", "Đông Hòa", "",
        (
            PersonPlan("vanhanh", "Phạm Gia Huy", ("operator",), "Vận hành nút"),
            PersonPlan("kiemtra", "Vũ Mai Anh", ("auditor",), "Kiểm tra viên"),
        ),
        PASSWORD,
    ),
    AN_PHU: PartyPlan(
        "office", "H99.01", "Ủy ban nhân dân xã An Phú", "An Phú", "UBND TỈNH ĐÔNG HÒA",
        (
            _clerk("Trần Thị Bình"),
            _chair("Nguyễn Văn An"),
            _deputy("Phạm Thu Hằng"),
            PersonPlan("chutichhdnd", "Bùi Đức Thịnh", ("leader",), "Chủ tịch HĐND"),
            _specialist("chuyenvien", "Lê Hoàng Yến", "VHXH"),
            _specialist("diachinh", "Vũ Quốc Hưng", "KT"),
            _specialist("tuphap", "Hoàng Thị Lan", "TTPVHCC"),
            _specialist("noivu", "Đặng Ngọc Sơn", "VP"),
            _clerk("Ngô Thị Đào", "vanthu2"),
            PersonPlan("quantri", "Đỗ Minh Quân", ("administrator",), "Chuyên viên CNTT", "VP"),
        ),
        PASSWORD,
        UNITS,
    ),
    BINH_LOI: PartyPlan(
        "office", "H99.02", "Ủy ban nhân dân xã Bình Lợi", "Bình Lợi", "UBND TỈNH ĐÔNG HÒA",
        (
            _clerk("Mai Thị Nhung"),
            _chair("Trịnh Công Tâm"),
            _deputy("Đoàn Thị Mỹ Lệ"),
            _specialist("chuyenvien", "Huỳnh Nhật Minh", "VHXH"),
            _specialist("diachinh", "Cao Xuân Bách", "KT"),
            _specialist("tuphap", "Tạ Thu Thủy", "TTPVHCC"),
            PersonPlan("quantri", "Lương Gia Khải", ("administrator",), "Chuyên viên CNTT", "VP"),
        ),
        PASSWORD,
        UNITS,
    ),
    PROVINCE: PartyPlan(
        "office", "H99.00", "Ủy ban nhân dân tỉnh Đông Hòa", "Đông Hòa", "",
        (
            _clerk("Kim Thị Sen"),
            PersonPlan("chanhvanphong", "Lưu Khánh Vy", ("leader",), "Chánh Văn phòng", "VP", "TL", "CHÁNH VĂN PHÒNG"),
            _specialist("chuyenvien", "Giang Tuấn Kiệt", "VP"),
            PersonPlan("quantri", "Ninh Hải Đăng", ("administrator",), "Chuyên viên CNTT", "VP"),
        ),
        PASSWORD,
        (("Văn phòng", "VP"),),
    ),
}  # fmt: skip

_COMMUNE = {"VHXH": "chuyenvien", "KT": "diachinh", "TTPVHCC": "tuphap"}
ROLES: dict[str, Office] = {
    AN_PHU: Office("H99.01", "vanthu", ("chutich", "phochutich"), {**_COMMUNE, "VP": "noivu"}),
    BINH_LOI: Office("H99.02", "vanthu", ("chutich", "phochutich"), {**_COMMUNE, "VP": "tuphap"}),
    PROVINCE: Office("H99.00", "vanthu", ("chanhvanphong",), {"VP": "chuyenvien"}),
}


def name_of(party: str) -> str:
    """The name of a party's office."""
    return PLANS[party].name
