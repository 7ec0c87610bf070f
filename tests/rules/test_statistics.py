"""Rates that can be checked."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from commune_portal.errors import Malformed
from commune_portal.rules.statistics import (
    HandlingCounts,
    IssueCounts,
    Rate,
    ReceiptCounts,
    UrgentCounts,
    electronic_rate,
    exchange_rate,
    in_time_rate,
    open_not_due_rate,
    overdue_rate,
    paper_rate,
    received_electronically_rate,
    refused_rate,
    registered_in_time_rate,
    sent_in_time_rate,
    signed_rate,
    urgent_rate,
)


def test_published_figures_of_a_province_are_reproduced() -> None:
    counts = IssueCounts(issued=73_407, electronic=72_046, signed=64_890)
    assert electronic_rate(counts).percent == 98.15
    assert signed_rate(counts).percent == 88.4
    assert electronic_rate(counts).text == "98,15 % (72.046/73.407)"


def test_published_figures_of_the_communes_are_corrected() -> None:
    counts = IssueCounts(issued=10_330, electronic=9_642, signed=4_145)
    assert electronic_rate(counts).percent == 93.34  # printed as 99.6 %
    assert signed_rate(counts).percent == 40.13


def test_in_time_counts_those_that_require_handling_and_shows_the_open_ones_apart() -> None:
    counts = HandlingCounts(finished_in_time=15_008, finished_late=0, open_overdue=0, open_not_due=393)
    assert counts.requiring == 15_401
    assert in_time_rate(counts).percent == 97.45
    assert open_not_due_rate(counts).numerator == 393
    assert overdue_rate(counts).numerator == 0


def test_nothing_to_divide_by_is_no_percentage() -> None:
    nothing = electronic_rate(IssueCounts(0, 0, 0))
    assert nothing.percent is None
    assert nothing.text == "– (0/0)"


def test_a_part_larger_than_the_whole_is_refused() -> None:
    for numerator, denominator in ((2, 1), (-1, 1)):
        with pytest.raises(Malformed):
            Rate("thử", numerator, denominator, "", "")


def test_halves_are_rounded_up() -> None:
    assert Rate("thử", 1, 800, "", "").percent == 0.13
    assert Rate("thử", 1, 3, "", "").percent == 33.33


def test_every_rate_names_its_definition_and_source() -> None:
    issue = IssueCounts(100, 90, 80, by_exchange=70, with_paper=5, sent_late=7, signed_by_exchange=60)
    receipt = ReceiptCounts(100, 60, registered=90, registered_late=9, refused=4)
    handling = HandlingCounts(50, 20, 10, 20)
    rates = [
        electronic_rate(issue),
        signed_rate(issue),
        exchange_rate(issue),
        paper_rate(issue),
        sent_in_time_rate(issue),
        received_electronically_rate(receipt),
        registered_in_time_rate(receipt),
        refused_rate(receipt),
        in_time_rate(handling),
        open_not_due_rate(handling),
        overdue_rate(handling),
        urgent_rate(UrgentCounts(4, 3)),
    ]
    assert [rate.percent for rate in rates] == [90, 80, 75, 5.56, 90, 60, 90, 4, 50, 20, 30, 75]
    assert all(rate.definition and rate.source for rate in rates)
    assert len({rate.name for rate in rates}) == len(rates)


@given(st.integers(0, 10**7), st.integers(0, 10**7))
@settings(max_examples=100, deadline=None)
def test_a_percentage_is_within_half_a_hundredth(part: int, rest: int) -> None:
    percent = Rate("thử", part, part + rest, "", "").percent
    if percent is None:
        assert part + rest == 0
    else:
        assert abs(percent - 100 * part / (part + rest)) <= 0.005 + 1e-9
