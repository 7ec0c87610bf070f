"""A node with something to look at: three offices, their books, packages on the way, an operator and an auditor."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from commune_portal import clock
from commune_portal.app import create_app
from commune_portal.node import contacts, mailbox, mirrors
from commune_portal.people import accounts
from commune_portal.people.actors import PORTAL, Actor
from commune_portal.rules.permissions import Role
from commune_portal.wire.requests import VerifiedRequest
from tests.cast import PASSWORD, cheap_passwords
from tests.node.cast import Office, invite, new_office
from tests.node.conftest import Node

SUBJECTS = (
    "Về việc rà soát, tổng hợp danh sách hộ nghèo, hộ cận nghèo theo chuẩn nghèo đa chiều giai đoạn 2026 – 2030",
    "Phê duyệt kế hoạch sử dụng đất năm 2027",
    "Mời họp giao ban công tác phòng, chống thiên tai và tìm kiếm cứu nạn",
    "Tuyển chọn, gọi công dân nhập ngũ năm 2027",
    "Đôn đốc báo cáo kết quả giải quyết thủ tục hành chính quý IV",
)
AUTHORS = ("Sở Nội vụ tỉnh Lam Giang", "UBND tỉnh Lam Giang", "Văn phòng UBND tỉnh")
PEOPLE = ("Trần Văn Lâm", "Lê Thị Mai", "Phạm Quốc Huy")


@dataclass(frozen=True)
class Stage:
    """The node, its pages, and its people."""

    node: Node
    app: Flask
    operator: Actor
    auditor: Actor
    third: Office

    def as_(self, username: str) -> FlaskClient:
        """A browser in which somebody has logged in; nobody for an empty name."""
        client = self.app.test_client()
        if username:
            answer = client.post("/login", data={"username": username, "password": PASSWORD})
            assert answer.status_code == 303, answer.text
        return client


@pytest.fixture
def stage(node: Node) -> Stage:
    cheap_passwords()
    people = [
        accounts.add(PORTAL, username=name, full_name=full_name, roles=[role], password=PASSWORD)
        for name, full_name, role in (
            ("vanhanh", "Hoàng Thị Vân", Role.OPERATOR),
            ("kiemtra", "Bùi Đức Kiên", Role.AUDITOR),
        )
    ]
    operator, auditor = (accounts.actor(person.account_id) for person in people)
    third = new_office(3)
    invite(third)
    fill(node.first)
    mirrors.take_extract(node.first.member, node.first.journal.extract(1, min(500, len(node.first.journal.lines))))
    for index in range(4):
        packet = b"<edXML/>" * (300 * index + 10)
        value = node.first.envelope(node.second.code, packet, urgency=index)
        with clock.standing_at(clock.now() - timedelta(hours=30 - 9 * index)):
            mailbox.take(node.first.member, node.first.seal(value), packet, node.limits)
    now = clock.now()
    contacts.meet(node.first.member.id, VerifiedRequest("k", "n" * 16, now), "127.0.0.1")
    with clock.standing_at(now - timedelta(days=2)):
        told = VerifiedRequest("k", "m" * 16, clock.now() + timedelta(seconds=190))
        contacts.meet(node.second.member.id, told, "127.0.0.1")
    app = create_app(node.settings)
    app.config["WTF_CSRF_ENABLED"] = False
    return Stage(node, app, operator, auditor, third)


def fill(office: Office, amount: int = 60) -> None:
    """A year of lines as an office would journal them."""
    today = clock.today()
    for number in range(1, amount + 1):
        arrived = max(today - timedelta(days=amount - number), date(today.year, 1, 1))
        due = arrived + timedelta(days=5)
        office.journal.add(
            f"incoming:{number:04d}",
            {
                "author": AUTHORS[number % 3],
                "symbol": f"{100 + number}/SNV-VP",
                "type_name": "Công văn",
                "subject": SUBJECTS[number % 5],
                "signer": "Võ Minh Đức",
            },
            to="registered",
            book="all",
            year=today.year,
            number=number,
            dates={"promulgated": arrived.isoformat(), "arrived": arrived.isoformat()},
            facts={"urgency": 0 if number % 7 else 3, "requires_handling": 1, "medium": "electronic"},
        )
        office.journal.add(
            f"incoming:{number:04d}",
            {"handler": PEOPLE[number % 3]},
            to="assigned",
            dates={"due": due.isoformat()},
        )
        if number % 4:
            office.journal.add(
                f"incoming:{number:04d}",
                {"note": "đã trả lời công dân"},
                to="completed",
                dates={"completed": min(due + timedelta(days=number % 3 - 1), today).isoformat()},
            )
        if number % 3 == 0:
            office.journal.add(
                f"outgoing:{number:04d}",
                {
                    "symbol": "QĐ-UBND",
                    "type_name": "Quyết định",
                    "subject": SUBJECTS[number % 5],
                    "signer": "Võ Minh Đức",
                    "recipients": "Sở Nội vụ; Lưu: VT",
                    "author": "UBND xã An Phú",
                },
                to="voided" if number == 9 else "issued",
                issuer=office.code,
                book="QĐ",
                year=today.year,
                number=number // 3,
                dates={
                    "promulgated": arrived.isoformat(),
                    "dispatched": None if number % 2 else arrived.isoformat(),
                },
                facts={"medium": "paper" if number % 15 == 0 else "electronic", "signed": int(number % 15 != 0)},
            )


def text(answer: TestResponse) -> str:
    """The page, once it is one."""
    assert answer.status_code == 200, answer.status_code
    return answer.text
