"""The parties of a rehearsal: a node and two offices with fictional people."""

from __future__ import annotations

import secrets

from commune_portal.parties.founding import PartyPlan, PersonPlan

NODE_CODE = "H99"
SENDER_CODE = "H99.01"
RECEIVER_CODE = "H99.02"
PARENT = "UBND TỈNH ĐÔNG HÒA"
CLERK, LEADER, SPECIALIST = "vanthu", "chutich", "chuyenvien"


def plans() -> dict[str, PartyPlan]:
    """The three installations by the names of their folders; one random password for all their accounts."""
    password = secrets.token_urlsafe(9)
    return {
        "node": PartyPlan(
            "node",
            NODE_CODE,
            "Nút liên thông cấp trên (diễn tập)",
            "Đông Hòa",
            "",
            (
                PersonPlan("vanhanh", "Phạm Gia Huy", ("operator",), "Vận hành"),
                PersonPlan("kiemtra", "Vũ Mai Anh", ("auditor",), "Kiểm tra viên"),
            ),
            password,
        ),
        "sender": _office(SENDER_CODE, "An Phú", ("Trần Thị Bình", "Nguyễn Văn An", "Lê Hoàng Yến"), password),
        "receiver": _office(RECEIVER_CODE, "Bình Lợi", ("Ngô Thị Đào", "Đặng Quốc Khánh", "Hồ Minh Tâm"), password),
    }


def _office(code: str, place: str, names: tuple[str, str, str], password: str) -> PartyPlan:
    clerk, leader, specialist = names
    return PartyPlan(
        "office",
        code,
        f"Ủy ban nhân dân xã {place}",
        place,
        PARENT,
        (
            PersonPlan("quantri", "Đỗ Minh Quân", ("administrator",), "Quản trị"),
            PersonPlan(CLERK, clerk, ("clerk",), "Văn thư", "VP"),
            PersonPlan(LEADER, leader, ("leader",), "Chủ tịch", "", "TM", "CHỦ TỊCH"),
            PersonPlan(SPECIALIST, specialist, ("specialist",), "Công chức VH-XH", "VHXH"),
        ),
        password,
        (("Văn phòng HĐND và UBND", "VP"), ("Phòng Văn hóa - Xã hội", "VHXH")),
    )
