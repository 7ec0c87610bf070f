"""The appointed hour in the packet, and the list of what goes on paper."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from commune_portal.errors import Malformed
from commune_portal.rules.delivery import check_deliver_by, deliver_by_in, deliver_by_text
from commune_portal.rules.kinds import Urgency
from commune_portal.rules.paper_alongside import PaperLine, PaperRule, goes_with_paper

HOUR = datetime(2026, 11, 22, 7, 30, tzinfo=UTC)


def test_the_line_is_read_by_people_and_by_programs() -> None:
    text = deliver_by_text(HOUR)
    assert text == "Hẹn giờ đến: 14:30 ngày 22/11/2026 [deliver-by=2026-11-22T14:30:00+07:00]"
    assert deliver_by_in(["Phụ lục 1", text]) == HOUR


@settings(max_examples=50)
@given(st.datetimes(datetime(2000, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC)))
def test_every_hour_comes_back(instant: datetime) -> None:
    assert deliver_by_in([deliver_by_text(instant)]) == instant.replace(microsecond=0)


@pytest.mark.parametrize(
    "text", ["", "Hẹn giờ đến: 14:30", "[deliver-by=2026-13-45T14:30:00+07:00]", "[deliver-by=mai]"]
)
def test_what_is_no_hour_is_none(text: str) -> None:
    assert deliver_by_in([text]) is None


@settings(max_examples=50)
@given(st.lists(st.text(max_size=80), max_size=3))
def test_foreign_texts_never_break_the_reading(texts: list[str]) -> None:
    assert deliver_by_in(texts) is None


def test_only_hoa_toc_has_an_hour() -> None:
    check_deliver_by(Urgency.FLASH, HOUR)
    check_deliver_by(Urgency.NORMAL, None)
    with pytest.raises(Malformed):
        check_deliver_by(Urgency.URGENT, HOUR)


def test_paper_goes_with_what_the_list_names() -> None:
    rule = PaperRule((PaperLine(("NQ",)), PaperLine((), ("H99",)), PaperLine(("BC",), ("H99.02",))))
    asked = [("NQ", "H99.07"), ("QD", "H99"), ("BC", "H99.02"), ("BC", "H99.03"), ("QD", "H99.02")]
    assert [goes_with_paper(rule, *item) for item in asked] == [True, True, True, False, False]
    assert not goes_with_paper(PaperRule(), "NQ", "H99")
    assert PaperRule.from_json(rule.to_json()) == rule
