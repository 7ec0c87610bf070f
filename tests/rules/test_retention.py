"""Dossiers and how long they are kept."""

from datetime import date

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from commune_portal.errors import Malformed
from commune_portal.rules.retention import (
    PERMANENT,
    USUAL_TERMS,
    DossierCode,
    RetentionTerm,
    dossier_code,
    kept_until,
    must_be_handed_over_by,
    parse_dossier_code,
    parse_term,
)


def test_terms_are_read_as_they_are_written() -> None:
    for term in USUAL_TERMS:
        assert parse_term(term.label) == term
    assert parse_term(" VĨNH VIỄN ") == PERMANENT
    assert parse_term("20năm") == RetentionTerm(20)


@pytest.mark.parametrize("text", ["", "lâu dài", "0 năm", "201 năm", "20", "-5 năm"])
def test_anything_else_is_no_term(text: str) -> None:
    with pytest.raises(Malformed):
        parse_term(text)


def test_a_dossier_is_kept_to_the_end_of_its_last_year() -> None:
    assert kept_until(date(2026, 3, 1), RetentionTerm(20)) == date(2046, 12, 31)
    assert kept_until(date(2026, 3, 1), PERMANENT) is None


def test_dossiers_kept_five_years_go_to_the_archives_within_one() -> None:
    assert must_be_handed_over_by(date(2026, 3, 1), RetentionTerm(5)) == date(2027, 3, 1)
    assert must_be_handed_over_by(date(2024, 2, 29), PERMANENT) == date(2025, 2, 28)
    assert must_be_handed_over_by(date(2026, 3, 1), RetentionTerm(4)) is None


@given(st.integers(1, 99_999), st.sampled_from(["TCCB", "VP", "ĐĐ", "TP1"]))
@settings(max_examples=60, deadline=None)
def test_a_dossiers_code_comes_apart_as_it_was_made(ordinal: int, heading: str) -> None:
    assert parse_dossier_code(dossier_code(ordinal, heading)) == DossierCode(ordinal, heading)


def test_a_dossiers_code_has_two_digits_and_a_heading() -> None:
    assert dossier_code(1, "TCCB") == "01.TCCB"
    for text in ("", "TCCB", "01", "00.TCCB", "01.TC/CB", "01.TC.CB"):
        with pytest.raises(Malformed):
            parse_dossier_code(text)
    with pytest.raises(Malformed):
        dossier_code(0, "TCCB")
