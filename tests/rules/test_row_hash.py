"""The row hash is spelled from pieces for speed; its bytes are those of the canonical JSON that verifiers know."""

from __future__ import annotations

import hashlib
import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from commune_portal.rules import chain

VALUES = st.one_of(st.none(), st.integers(), st.booleans(), st.text(alphabet=st.characters(exclude_categories=["Cs"])))


@settings(max_examples=200, deadline=None)
@given(st.lists(VALUES, max_size=8), st.integers(0, 8))
def test_the_row_hash_is_that_of_the_canonical_json(values: list[object], place: int) -> None:
    columns = [f'cột "{position}"' for position in range(len(values))]
    if place < len(columns):
        columns[place] = "row_hash"
    pairs = [[name, value] for name, value in zip(columns, values, strict=True) if name != "row_hash"]
    plain = json.dumps(["bảng", pairs], ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    assert chain.row_hash("bảng", columns, values) == hashlib.sha256(plain.encode()).hexdigest()


def test_what_is_no_value_of_a_column_has_no_hash() -> None:
    with pytest.raises(TypeError):
        chain.row_hash("books", ["id"], [b"1"])
    with pytest.raises(ValueError, match=r"shorter|longer"):
        chain.row_hash("books", ["id", "name"], [1])
