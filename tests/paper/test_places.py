"""Places survive the way through JSON, and nonsense is refused with a sentence."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from commune_portal.errors import Malformed
from commune_portal.paper.places import Places, Rectangle

sides = st.integers(0, 80_000).map(lambda hundredths: hundredths / 100)


@st.composite
def rectangles(draw: st.DrawFn) -> Rectangle:
    x0, y0 = draw(sides), draw(sides)
    return Rectangle(draw(st.integers(0, 2000)), x0, y0, round(x0 + 1.25, 2), round(y0 + 2.5, 2))


@settings(deadline=None, max_examples=50)
@given(st.builds(Places, rectangles(), rectangles(), rectangles(), rectangles()))
def test_places_come_back_from_json_as_they_were(places: Places) -> None:
    assert Places.from_json(places.to_json()) == places


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "{}",
        "null",
        '{"number":[0,1,1,2,2],"date":[0,1,1,2,2],"leader":[0,1,1,2,2]}',
        '{"number":[0,1,1,2,2],"date":[0,1,1,2,2],"leader":[0,1,1,2,2],"seal":[0,1,1,2]}',
        '{"number":[0,1,1,2,2],"date":[0,1,1,2,2],"leader":[0,1,1,2,2],"seal":[0,2,1,1,2]}',
        '{"number":[0,1,1,2,2],"date":[0,1,1,2,2],"leader":[0,1,1,2,2],"seal":[-1,1,1,2,2]}',
        '{"number":[0,1,1,2,2],"date":[0,1,1,2,2],"leader":[0,1,1,2,2],"seal":[0,1,1,NaN,2]}',
        '{"number":[0,1,1,2,2],"date":[0,1,1,2,2],"leader":[0,1,1,2,2],"seal":[0,1,1,1e9,2]}',
        '{"number":[0,1,1,2,2],"date":[0,1,1,2,2],"leader":[0,1,1,2,2],"seal":["0",1,1,2,2]}',
        '{"number":[0,1,1,2,2],"date":[0,1,1,2,2],"leader":[0,1,1,2,2],"seal":[0.5,1,1,2,2]}',
        '{"number":[0,1,1,2,2],"date":[0,1,1,2,2],"leader":[0,1,1,2,2],"seal":[0,1,1,1' + "0" * 400 + ",2]}",
        "[" * 100_000,
    ],
)
def test_nonsense_is_refused_and_not_crashed_on(text: str) -> None:
    with pytest.raises(Malformed):
        Places.from_json(text)


def test_millimetres_become_points() -> None:
    rectangle = Rectangle.from_mm(0, 0, 0, 25.4, 50.8)
    assert (rectangle.width, rectangle.height) == pytest.approx((72, 144))
