"""Codes of organisations, both forms."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from commune_portal.errors import Malformed
from commune_portal.rules.agency_codes import (
    CodeShape,
    accept_code,
    code_shape,
    doubt_about_code,
    is_same_organisation,
    to_dotted,
    to_reversed,
)


@pytest.mark.parametrize("code", ["H41.12", "000.00.12.H41", "28.22.H17", "00.22.W00", "H37.DN.001", "a_b:c-d"])
def test_whatever_traffic_shows_is_accepted_as_it_is(code: str) -> None:
    assert accept_code(f" {code}\n") == code


@pytest.mark.parametrize("code", ["", "H41 12", "H41/12", "H" * 36, "Đ01", "a;b", "../x/y"])
def test_what_is_no_code_is_malformed(code: str) -> None:
    with pytest.raises(Malformed):
        accept_code(code)


def test_shapes_are_told_apart_and_others_are_doubted() -> None:
    assert code_shape("H37.DN.001") is CodeShape.DOTTED
    assert code_shape("000.00.12.H41") is CodeShape.REVERSED
    assert code_shape("28.22.H17") is CodeShape.OTHER
    assert code_shape("H41\n") is CodeShape.OTHER
    assert doubt_about_code("28.22.H17")
    assert doubt_about_code("H41.12") is None


@pytest.mark.parametrize(("dotted", "backwards"), [("H41.12", "000.00.12.H41"), ("H49", "000.00.00.H49")])
def test_both_forms_of_two_levels_round_trip(dotted: str, backwards: str) -> None:
    assert to_dotted(backwards) == dotted
    assert to_reversed(dotted) == backwards
    assert to_dotted(dotted) == dotted
    assert to_reversed(backwards) == backwards
    assert is_same_organisation(dotted, backwards)


@pytest.mark.parametrize("code", ["H37.DN.001", "H41.12.03", "H41.123", "H41.00", "28.22.H17"])
def test_deeper_levels_are_looked_up_not_computed_forwards(code: str) -> None:
    assert to_reversed(code) is None


@pytest.mark.parametrize("code", ["000.03.12.H41", "005.00.12.H41", "28.22.H17"])
def test_deeper_levels_are_looked_up_not_computed_backwards(code: str) -> None:
    assert to_dotted(code) is None
    assert not is_same_organisation(code, "H41.12")


@given(st.from_regex(r"[A-Z][0-9]{2}(\.[0-9]{2})?", fullmatch=True))
@settings(max_examples=80, deadline=None)
def test_whatever_can_be_computed_comes_back(code: str) -> None:
    backwards = to_reversed(code)
    assert backwards is None or (len(backwards) == 13 and to_dotted(backwards) == code)
