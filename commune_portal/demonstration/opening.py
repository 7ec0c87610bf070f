"""What an office of the demonstration has set up before its first document: numbering, books, council, directory."""

from __future__ import annotations

from typing import Any

from commune_portal.demonstration import cast
from commune_portal.demonstration.cast import OFFICES, PLANS
from commune_portal.documents import books
from commune_portal.people import accounts, directory, groups, issuers, mandates, office_rules
from commune_portal.people.actors import PORTAL
from commune_portal.rules import numbering
from commune_portal.rules.kinds import Competence
from commune_portal.rules.numbering import ARRIVALS_KEY, OTHERS_KEY, NumberGroup, NumberingRules, Scheme

DUE_DAYS = 10
NOT_CONNECTED = (
    ("H99.03", "Ủy ban nhân dân xã Hòa Thuận"),
    ("H99.04", "Ủy ban nhân dân xã Cẩm Sơn"),
    ("H99.00.05", "Sở Nội vụ tỉnh Đông Hòa"),
    ("H99.00.08", "Sở Nông nghiệp và Môi trường tỉnh Đông Hòa"),
)
GROUPS = NumberingRules(Scheme.GROUPS, (NumberGroup("quyet-dinh", "Quyết định", ("QD",)),))


def prepare(office: dict[str, Any]) -> None:
    """Sets an office up under the clock that stands; `office` names its party and its opening numbers."""
    party, opening = office["party"], office["opening"]
    office_rules.set_rule(PORTAL, office_rules.DEFAULT_DUE_DAYS, DUE_DAYS)
    rules = GROUPS if party == cast.AN_PHU else NumberingRules()
    if party == cast.AN_PHU:
        office_rules.set_numbering(PORTAL, rules)
        _council(PORTAL)
    if opening:
        _open_books(opening, rules)
    known = [(PLANS[item].code, PLANS[item].name) for item in OFFICES if item != party]
    for code, name in (*known, *NOT_CONNECTED):
        directory.add(PORTAL, code=code, name=name)
    groups.make(PORTAL, "Các sở hay trao đổi", [code for code, _ in NOT_CONNECTED][:3])


def _council(by: Any) -> None:
    """The council of the commune: an issuer of its own, which signs on paper."""
    chairman = accounts.by_username("chutichhdnd")
    assert chairman is not None
    council = issuers.add(
        by, code=cast.COUNCIL_CODE, name=cast.COUNCIL_NAME, abbreviation="HĐND", place="An Phú", parent_name=""
    )
    mandates.give(by, account_id=chairman.actor.id, issuer_id=council.id, competence=Competence.TM, position="CHỦ TỊCH")


def _open_books(opening: dict[str, Any], rules: NumberingRules) -> None:
    """The first year's books go on from those that were kept on paper before the portal came."""
    year = opening["year"]
    books.open_at(
        PORTAL, direction="incoming", issuer_id=None, key=ARRIVALS_KEY, name=books.ARRIVALS_NAME, year=year,
        opening_number=opening["incoming"],
    )  # fmt: skip
    title = "Sổ đăng ký văn bản đi"
    if rules.scheme is Scheme.GROUPS:
        keys = [("group:quyet-dinh", f"{title} – Quyết định"), (OTHERS_KEY, f"{title} – Các loại văn bản khác")]
    else:
        keys = [(numbering.WHOLE_OFFICE_KEY, title)]
    for key, name in keys:
        books.open_at(
            PORTAL, direction="outgoing", issuer_id=1, key=key, name=name, year=year,
            opening_number=max(1, opening["outgoing"] // len(keys)),
        )  # fmt: skip
