"""Types, urgency, secrecy and authority marks."""

from datetime import date

import pytest

from commune_portal.errors import Malformed, NotFound, RuleBroken
from commune_portal.rules.folding import nfc
from commune_portal.rules.kinds import (
    TYPE_TABLES,
    Competence,
    CopyKind,
    Medium,
    Secrecy,
    Urgency,
    check_secrecy,
    document_type,
    document_types,
    priority_for,
    priority_meaning,
    type_by_name,
)

TODAY = date(2026, 11, 22)


def test_the_decree_names_twenty_nine_types_and_two_are_normative() -> None:
    types = document_types(TODAY)
    assert len([kind for kind in types if not kind.normative]) == 29
    assert [kind.code for kind in types if kind.normative] == ["NQQP", "QDQP"]


def test_only_letters_have_no_abbreviation() -> None:
    assert {kind.name for kind in document_types(TODAY) if not kind.abbreviation} == {"Công văn", "Thư công"}
    assert all(kind.lettered == (not kind.abbreviation) for kind in document_types(TODAY))


def test_codes_are_ascii_and_unique_and_names_are_nfc() -> None:
    types = document_types(TODAY)
    assert len({kind.code for kind in types}) == len(types)
    assert len({kind.name for kind in types}) == len(types)
    assert all(kind.code.isascii() and kind.code.isupper() for kind in types)
    assert all(nfc(kind.name) == kind.name and nfc(kind.abbreviation) == kind.abbreviation for kind in types)


def test_administrative_abbreviations_are_unique() -> None:
    printed = [kind.abbreviation for kind in document_types(TODAY) if kind.abbreviation and not kind.normative]
    assert len(set(printed)) == len(printed) == 27


def test_the_table_is_dated_and_the_oldest_serves_older_documents() -> None:
    assert TYPE_TABLES[0].name == "ND30-2020"
    assert TYPE_TABLES[0].valid_from == date(2020, 3, 5)
    assert document_types(date(2019, 1, 1)) == document_types(date(2020, 3, 5))
    assert [table.valid_from for table in TYPE_TABLES] == sorted(table.valid_from for table in TYPE_TABLES)


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("Quyết định", "QD"),
        ("QUYẾT ĐỊNH (cá biệt)", "QD"),
        ("quyet dinh ca biet", "QD"),
        ("  Công   văn ", "CV"),
        ("Đề án", "DEAN"),
        ("Dự án", "DA"),
        ("Hợp đồng", "HDONG"),
        ("Nghị quyết (quy phạm pháp luật)", "NQQP"),
    ],
)
def test_a_type_is_found_by_any_spelling_of_its_name(name: str, code: str) -> None:
    kind = type_by_name(name, TODAY)
    assert kind is not None
    assert kind.code == code


def test_a_foreign_name_is_no_type() -> None:
    assert type_by_name("Thông tư liên tịch", TODAY) is None
    assert type_by_name("", TODAY) is None


def test_every_type_is_found_by_its_own_name_and_code() -> None:
    for kind in document_types(TODAY):
        assert type_by_name(kind.name, TODAY) == kind
        assert document_type(kind.code, TODAY) == kind


def test_an_unknown_code_is_not_found() -> None:
    with pytest.raises(NotFound):
        document_type("XYZ", TODAY)


def test_urgencies_are_ordered_and_named() -> None:
    assert [level.label for level in sorted(Urgency)] == ["Thường", "Khẩn", "Thượng khẩn", "Hỏa tốc"]
    assert [level.stamp for level in sorted(Urgency)] == ["", "KHẨN", "THƯỢNG KHẨN", "HỎA TỐC"]


def test_every_word_has_a_label() -> None:
    for member in [*Secrecy, *Medium, *Competence, *CopyKind]:
        assert member.label
    assert Competence.KT.mark == "KT."
    assert Competence.NONE.mark == ""


def test_priorities_go_both_ways_and_the_fourth_needs_an_hour() -> None:
    for level in Urgency:
        meaning = priority_meaning(priority_for(level))
        assert (meaning.urgency, meaning.needs_deliver_by) == (level, False)
    assert priority_for(Urgency.FLASH, has_deliver_by=True) == 4
    assert priority_for(Urgency.URGENT, has_deliver_by=True) == 1
    assert priority_meaning(4).urgency is Urgency.FLASH
    assert priority_meaning(4).needs_deliver_by


@pytest.mark.parametrize("priority", [-1, 5, 99])
def test_a_priority_outside_the_list_is_malformed(priority: int) -> None:
    with pytest.raises(Malformed):
        priority_meaning(priority)


def test_no_secret_enters() -> None:
    check_secrecy(Secrecy.NONE)
    for grade in set(Secrecy) - {Secrecy.NONE}:
        with pytest.raises(RuleBroken):
            check_secrecy(grade)
