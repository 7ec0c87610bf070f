"""Issuers, units and the office's dated rules."""

from __future__ import annotations

from datetime import UTC, date, datetime, time

import pytest

from commune_portal import clock
from commune_portal.errors import Malformed, NotAllowed, RuleBroken
from commune_portal.people import directory, issuers, office_rules
from commune_portal.people.actors import PORTAL, Actor
from commune_portal.rules.deadlines import is_working_day
from commune_portal.rules.numbering import NumberGroup, NumberingRules, Scheme
from commune_portal.rules.permissions import Role
from commune_portal.settings import Settings
from commune_portal.store import database, journal, verify
from tests.people.conftest import person

NOON = datetime(2026, 11, 20, 5, tzinfo=UTC)


def add(by: Actor, code: str = "H99.01", name: str = "Ủy ban nhân dân xã An Phú") -> issuers.Issuer:
    return issuers.add(by, code=code, name=name, abbreviation="UBND", place="An Phú", valid_from=date(2026, 1, 1))


def test_an_office_has_several_issuers(office: Settings, administrator: Actor) -> None:
    first, second = add(administrator), add(administrator, "K99.01", "Hội đồng nhân dân xã An Phú")
    assert issuers.current(date(2026, 5, 1)) == [first, second]
    issuers.close(administrator, second.id, date(2026, 6, 30))
    assert issuers.current(date(2026, 7, 1)) == [first]
    assert issuers.issuer_by_code("K99.01", date(2026, 6, 1)) is not None
    assert issuers.issuer_by_code("K99.01", date(2026, 7, 1)) is None
    with pytest.raises(Malformed, match="đã dùng"):
        add(administrator)
    assert verify.verify(database.connect(), office.files_folder).ok


def test_an_issuer_is_changed_by_the_administrator_alone(administrator: Actor) -> None:
    council = add(administrator)
    issuers.change(administrator, council.id, name="UBND xã An Phú mới", abbreviation="UBND", place="An Phú")
    issuers.set_seal(administrator, council.id, "ab" * 32, 36)
    assert issuers.issuer(council.id).name == "UBND xã An Phú mới"
    clerk = person("hoa", "Nguyễn Thị Hoa", Role.CLERK)
    for attempt in (
        lambda: add(clerk, "H99.02"),
        lambda: issuers.change(clerk, council.id, name="X", abbreviation="X", place="X"),
        lambda: issuers.set_seal(clerk, council.id, ""),
        lambda: issuers.close(clerk, council.id, clock.today()),
        lambda: issuers.add_unit(clerk, name="X", abbreviation="X"),
        lambda: office_rules.set_rule(clerk, office_rules.MORNING_ENDS, "11:00"),
        lambda: directory.add(clerk, code="H99.03", name="X"),
    ):
        with pytest.raises(NotAllowed):
            attempt()


def test_units_have_names_and_abbreviations_of_their_own(administrator: Actor) -> None:
    office_unit = issuers.add_unit(administrator, name="Văn phòng", abbreviation="VP")
    issuers.add_unit(administrator, name="Phòng Văn hóa – Xã hội", abbreviation="VHXH")
    with pytest.raises(Malformed) as refused:
        issuers.add_unit(administrator, name="Vụ Pháp", abbreviation="VP")
    assert refused.value.field == "abbreviation"
    issuers.change_unit(administrator, office_unit.id, name="Văn phòng HĐND và UBND", abbreviation="VP")
    assert issuers.unit_by_name("Văn phòng HĐND và UBND") is not None
    issuers.close_unit(administrator, office_unit.id)
    assert [item.abbreviation for item in issuers.units()] == ["VHXH"]
    assert len(issuers.units(closed_too=True)) == 2


def test_the_past_keeps_the_rule_that_held_then(administrator: Actor) -> None:
    with clock.standing_at(NOON):
        assert office_rules.rule(office_rules.MORNING_ENDS, clock.today()) is None
        issuers.set_rule(administrator, office_rules.MORNING_ENDS, "11:00")
        issuers.set_rule(administrator, office_rules.MORNING_ENDS, "12:00", valid_from=date(2027, 1, 1))
        with pytest.raises(RuleBroken):
            issuers.set_rule(administrator, office_rules.MORNING_ENDS, "10:00", valid_from=date(2026, 11, 19))
        with pytest.raises(Malformed):
            issuers.set_rule(administrator, "no-such-rule", 1)
    assert issuers.rule(office_rules.MORNING_ENDS, date(2026, 11, 19)) is None
    assert issuers.rule(office_rules.MORNING_ENDS, date(2026, 12, 31)) == "11:00"
    assert issuers.rule(office_rules.MORNING_ENDS, date(2027, 1, 1)) == "12:00"
    assert office_rules.morning_ends(date(2027, 1, 1)) == time(12, 0)


def test_numbering_rules_are_read_back_as_they_were_set(administrator: Actor) -> None:
    council = add(administrator)
    whole = NumberingRules()
    groups = NumberingRules(
        Scheme.GROUPS, (NumberGroup("qd", "Quyết định, chỉ thị", ("decision", "directive")),), 3, "field"
    )
    assert issuers.numbering_rules(clock.today()) == whole
    office_rules.set_numbering(administrator, groups)
    assert issuers.numbering_rules(clock.today(), council.id) == groups
    office_rules.set_numbering(administrator, whole, issuer_id=council.id)
    assert issuers.numbering_rules(clock.today(), council.id) == whole
    assert issuers.numbering_rules(clock.today()) == groups


def test_the_country_calendar_is_the_seed_and_the_office_may_change_it(administrator: Actor) -> None:
    seed = office_rules.days_off(2026)
    assert seed.is_seed
    assert seed.off[date(2026, 9, 2)] == "Quốc khánh"
    assert date(2026, 2, 17) in seed.off, "the lunar new year is known"
    days = issuers.calendar(date(2026, 9, 1))
    assert not is_working_day(date(2026, 9, 2), days)
    assert is_working_day(date(2026, 8, 22), days), "a Saturday worked in exchange"
    assert not is_working_day(date(2027, 1, 1), days), "the years around are known too"
    changed = {**seed.off, date(2026, 12, 24): "Nghỉ bão"}
    with clock.standing_at(NOON):
        office_rules.set_days_off(administrator, 2026, changed, seed.worked)
    found = office_rules.days_off(2026)
    assert not found.is_seed
    assert not is_working_day(date(2026, 12, 24), issuers.calendar(date(2026, 12, 1)))


@pytest.mark.parametrize(
    ("off", "worked"),
    [
        ({date(2025, 1, 1): "x"}, frozenset[date]()),
        ({date(2026, 11, 21): "x"}, frozenset({date(2026, 11, 21)})),
        ({}, frozenset({date(2026, 11, 23)})),
    ],
)
def test_a_calendar_that_makes_no_sense_is_refused(
    administrator: Actor, off: dict[date, str], worked: frozenset[date]
) -> None:
    with pytest.raises(Malformed):
        office_rules.set_days_off(administrator, 2026, off, worked)


def test_the_directory_finds_without_marks_and_by_code(administrator: Actor) -> None:
    added = directory.add(administrator, code="H99.03", name="Ủy ban nhân dân xã Đức Thắng")
    directory.add(PORTAL, code="H99", name="Ủy ban nhân dân tỉnh Lam Giang", code_legacy="000.00.00.H99")
    assert [item.code for item in directory.search("duc thang")] == ["H99.03"]
    assert [item.code for item in directory.search("ĐỨC  Thắng xã")] == ["H99.03"]
    assert [item.code for item in directory.search("00.h99")] == ["H99"]
    assert len(directory.search("uy ban")) == 2
    assert directory.search("%") == []
    assert directory.by_code("000.00.00.H99") is not None
    directory.rename(administrator, added.id, "UBND xã Đức Thắng")
    directory.close(administrator, added.id)
    assert directory.search("duc thang", open_only=True) == []
    with pytest.raises(Malformed, match="đã có"):
        directory.add(administrator, code="H99.03", name="X")
    hows = [line.fields["facts"]["how"] for line in journal.lines_about("organisation:H99.03")]
    assert hows == ["added", "renamed", "closed"]
