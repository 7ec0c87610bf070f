"""Which codes a node below may speak for."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from commune_portal.errors import Malformed
from commune_portal.rules.subtree import Subtree, read_subtree

CODES = st.from_regex(r"H9[0-2](\.0[0-2]){0,2}", fullmatch=True)
PARTS = st.builds(lambda code, below: code + (".*" if below else ""), CODES, st.booleans())
SUBTREES = st.lists(PARTS, min_size=1, max_size=4, unique=True).map(lambda parts: Subtree(tuple(parts)))


def test_a_prefix_covers_what_is_below_it_and_not_itself() -> None:
    found = read_subtree("H99.12.*, H98.07")
    assert str(found) == "H99.12.* H98.07"
    assert [code for code in ("H99.12.01", "H99.12.01.5", "H98.07") if not found.covers(code)] == []
    assert [
        code for code in ("H99.12", "H99.120", "H99.1", "H98.07.1", "h99.12.01", "H99.12/1") if found.covers(code)
    ] == []


@pytest.mark.parametrize("text", ["", " , ", "*", "H99*", "H99.**", ".*", "H9 9/x", "x" * 36, "H99.*.12"])
def test_what_is_no_subtree_is_refused(text: str) -> None:
    with pytest.raises(Malformed):
        read_subtree(text)


@settings(max_examples=150, deadline=None)
@given(SUBTREES, SUBTREES, CODES)
def test_two_subtrees_that_cover_one_code_overlap(one: Subtree, other: Subtree, code: str) -> None:
    assert one.overlaps(other) == other.overlaps(one)
    if one.covers(code) and other.covers(code):
        assert one.overlaps(other)


@settings(max_examples=60, deadline=None)
@given(SUBTREES)
def test_a_subtree_reads_as_it_is_written(subtree: Subtree) -> None:
    assert read_subtree(str(subtree)) == subtree
    assert subtree.overlaps(subtree)
