"""How values look: dates, numbers, sizes, deadlines."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest

from commune_portal import clock
from commune_portal.views import _format

NOON = datetime(2026, 11, 22, 5, 0, tzinfo=UTC)
TODAY = date(2026, 11, 22)


def test_a_day_is_dd_mm_yyyy_and_an_instant_is_vietnams_hour() -> None:
    late = datetime(2026, 11, 21, 18, 5, tzinfo=UTC)
    assert _format.day(date(2026, 1, 5)) == "05/01/2026"
    assert _format.day(late) == "22/11/2026"
    assert _format.instant(late) == "22/11/2026 01:05"
    assert _format.hour(late) == "01:05"
    assert _format.day(None) == _format.instant(None) == _format.hour(None) == ""


@pytest.mark.parametrize(
    ("value", "decimals", "text"),
    [
        (1234567, None, "1.234.567"),
        (Decimal("1234567.891"), None, "1.234.567,89"),
        (0.5, 1, "0,5"),
        (-1200, None, "-1.200"),
        (None, None, ""),
    ],
)
def test_numbers_have_points_between_thousands_and_a_comma(
    value: int | float | Decimal | None, decimals: int | None, text: str
) -> None:
    assert _format.number(value, decimals) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [(0, "0 B"), (1023, "1023 B"), (1024, "1,0 KB"), (2 << 20, "2,0 MB"), (50 << 20, "50 MB"), (10**13, "9.313 GB")],
)
def test_sizes_are_read_at_a_glance(value: int, text: str) -> None:
    assert _format.size(value) == text


@pytest.mark.parametrize(
    ("away", "words", "tone"),
    [
        (-3, "Quá hạn 3 ngày", "bad"),
        (0, "Hạn hôm nay", "warn"),
        (1, "Còn 1 ngày", "warn"),
        (2, "Còn 2 ngày", "warn"),
        (3, "Còn 3 ngày", "quiet"),
    ],
)
def test_a_deadline_says_in_words_how_near_it_is(away: int, words: str, tone: str) -> None:
    with clock.standing_at(NOON):
        found = _format.due(TODAY + timedelta(days=away))
    assert found is not None
    assert (found.text, found.tone) == (words, tone)
    assert _format.due(None) is None


def test_days_and_instants_near_now_are_told_in_words() -> None:
    with clock.standing_at(NOON):
        assert [_format.relative_day(TODAY + timedelta(days=n)) for n in (-8, -3, -1, 0, 1, 2)] == [
            "14/11/2026", "3 ngày trước", "hôm qua", "hôm nay", "ngày mai", "24/11/2026",
        ]  # fmt: skip
        told = [_format.ago(NOON - timedelta(seconds=seconds)) for seconds in (5, 300, 7200, 2 * 86400)]
    assert told == ["vừa xong", "5 phút trước", "2 giờ trước", "2 ngày trước"]
    assert _format.ago(None) == "chưa lần nào"


def test_paragraphs_keep_breaks_and_escape_the_rest() -> None:
    assert _format.paragraphs("<b>a\nc") == "&lt;b&gt;a<br>c"
    assert _format.paragraphs(None) == ""
