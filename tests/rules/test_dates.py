"""Dates in print and in forms."""

from datetime import date

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from commune_portal.errors import Malformed
from commune_portal.rules.dates import format_civil, parse_civil, printed_date


@pytest.mark.parametrize(
    ("day", "words"),
    [
        (date(2026, 1, 5), "ngày 05 tháng 01 năm 2026"),
        (date(2026, 2, 28), "ngày 28 tháng 02 năm 2026"),
        (date(2026, 3, 9), "ngày 09 tháng 3 năm 2026"),
        (date(2026, 6, 29), "ngày 29 tháng 6 năm 2026"),
        (date(2026, 12, 31), "ngày 31 tháng 12 năm 2026"),
    ],
)
def test_days_below_ten_and_the_first_two_months_get_a_zero(day: date, words: str) -> None:
    assert printed_date("An Phú", day) == f"An Phú, {words}"
    assert printed_date(" ", day) == words


@pytest.mark.parametrize(
    ("text", "day"), [("05/01/2026", (2026, 1, 5)), (" 5/1/2026 ", (2026, 1, 5)), ("29/02/2024", (2024, 2, 29))]
)
def test_typed_dates_are_read(text: str, day: tuple[int, int, int]) -> None:
    assert parse_civil(text) == date(*day)


@pytest.mark.parametrize(
    "text",
    ["", "2026-01-05", "29/02/2026", "00/01/2026", "5/13/2026", "5/1/26", "5.1.2026", "05/01/0026", "٠٥/01/2026"],
)
def test_anything_else_is_malformed_and_names_its_field(text: str) -> None:
    with pytest.raises(Malformed) as refusal:
        parse_civil(text, "due_date")
    assert refusal.value.field == "due_date"


@given(st.dates(date(1900, 1, 1), date(9999, 12, 31)))
@settings(max_examples=80, deadline=None)
def test_what_is_shown_is_read_back(day: date) -> None:
    assert parse_civil(format_civil(day)) == day
