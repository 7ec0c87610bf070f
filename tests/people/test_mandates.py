"""Mandates: who may sign for whom, from when until when."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest

from commune_portal import clock
from commune_portal.errors import Malformed, NotAllowed, RuleBroken
from commune_portal.people import accounts, issuers, mandates
from commune_portal.people.actors import Actor
from commune_portal.rules.kinds import Competence
from commune_portal.rules.permissions import Role
from commune_portal.settings import Settings
from commune_portal.store import database, verify
from tests.people.conftest import person


@pytest.fixture
def council(administrator: Actor) -> issuers.Issuer:
    return issuers.add(
        administrator,
        code="H99.01",
        name="Ủy ban nhân dân xã An Phú",
        abbreviation="UBND",
        place="An Phú",
        valid_from=date(2026, 1, 1),
    )


@pytest.fixture
def chair(administrator: Actor) -> Actor:
    return person("duc", "Võ Minh Đức", Role.LEADER, position="Chủ tịch")


def test_a_mandate_holds_between_its_days(
    office: Settings, administrator: Actor, council: issuers.Issuer, chair: Actor
) -> None:
    given = mandates.give(
        administrator,
        account_id=chair.id,
        issuer_id=council.id,
        competence=Competence.TM,
        position="Chủ tịch",
        valid_from=date(2026, 3, 1),
        valid_until=date(2026, 6, 30),
    )
    assert mandates.mandate_for(chair.id, council.id, date(2026, 2, 28)) is None
    assert mandates.mandate_for(chair.id, council.id, date(2026, 3, 1)) == given
    assert mandates.mandate_for(chair.id, council.id, date(2026, 6, 30)) == given
    assert mandates.mandate_for(chair.id, council.id, date(2026, 7, 1)) is None
    assert mandates.signers_for(council.id, date(2026, 5, 1)) == [given]
    assert verify.verify(database.connect(), office.files_folder).ok


def test_only_leaders_get_one_and_only_from_the_administrator(
    administrator: Actor, council: issuers.Issuer, chair: Actor
) -> None:
    clerk = person("hoa", "Nguyễn Thị Hoa", Role.CLERK)
    with pytest.raises(RuleBroken, match="Lãnh đạo"):
        mandates.give(
            administrator, account_id=clerk.id, issuer_id=council.id, competence=Competence.TM, position="Chủ tịch"
        )
    for other in (clerk, chair):
        with pytest.raises(NotAllowed):
            mandates.give(
                other, account_id=chair.id, issuer_id=council.id, competence=Competence.TM, position="Chủ tịch"
            )


def test_acting_under_authority_needs_its_paper_and_its_end(
    administrator: Actor, council: issuers.Issuer, chair: Actor
) -> None:
    def give(basis: str, until: date | None) -> mandates.Mandate:
        return mandates.give(
            administrator,
            account_id=chair.id,
            issuer_id=council.id,
            competence=Competence.TUQ,
            position="Trưởng phòng",
            basis=basis,
            valid_until=until,
        )

    with pytest.raises(Malformed):
        give("", date(2027, 1, 1))
    with pytest.raises(Malformed):
        give("12/QĐ-UBND", None)
    assert give("12/QĐ-UBND", date(2099, 1, 1)).basis == "12/QĐ-UBND"


def test_two_mandates_of_one_person_for_one_issuer_do_not_overlap(
    administrator: Actor, council: issuers.Issuer, chair: Actor
) -> None:
    with clock.standing_at(datetime(2026, 11, 20, 3, tzinfo=UTC)):
        first = mandates.give(
            administrator, account_id=chair.id, issuer_id=council.id, competence=Competence.KT, position="Phó Chủ tịch"
        )
        with pytest.raises(RuleBroken, match="kết thúc"):
            mandates.give(
                administrator, account_id=chair.id, issuer_id=council.id, competence=Competence.TM, position="Chủ tịch"
            )
        mandates.end(administrator, first.id)
        second = mandates.give(
            administrator, account_id=chair.id, issuer_id=council.id, competence=Competence.TM, position="Chủ tịch"
        )
        assert mandates.mandate_for(chair.id, council.id, clock.today()) == second
        with pytest.raises(RuleBroken, match="hết hạn"):
            mandates.end(administrator, first.id)


def test_a_disabled_account_signs_nothing(administrator: Actor, council: issuers.Issuer, chair: Actor) -> None:
    mandates.give(
        administrator, account_id=chair.id, issuer_id=council.id, competence=Competence.TM, position="Chủ tịch"
    )
    accounts.disable(administrator, chair.id)
    assert mandates.mandate_for(chair.id, council.id, clock.today()) is None
    assert mandates.signers_for(council.id, clock.today()) == []


def test_the_certificate_is_chosen_by_clerk_or_administrator(
    administrator: Actor, council: issuers.Issuer, chair: Actor
) -> None:
    clerk = person("hoa", "Nguyễn Thị Hoa", Role.CLERK)
    given = mandates.give(
        administrator, account_id=chair.id, issuer_id=council.id, competence=Competence.TM, position="Chủ tịch"
    )
    mandates.set_certificate(clerk, given.id, "ab" * 32)
    issuers.set_certificate(clerk, council.id, "cd" * 32)
    assert mandates.mandate(given.id).certificate_sha256 == "ab" * 32
    assert issuers.issuer(council.id).certificate_sha256 == "cd" * 32
    with pytest.raises(NotAllowed):
        mandates.set_certificate(chair, given.id, "")
    with pytest.raises(Malformed):
        issuers.set_certificate(clerk, council.id, "không phải")
