"""Text at the doors."""

import sqlite3
import unicodedata

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from commune_portal.rules.folding import clean_line, clean_text, fold, nfc, search_terms


def test_folding_drops_marks_and_reads_d_stroke_as_d() -> None:
    assert fold("  ỦY BAN   nhân dân xã Đắk Ưng ") == "uy ban nhan dan xa dak ung"


def test_both_encodings_fold_to_one_key() -> None:
    text = "Quyết định về việc thành lập tổ công tác"
    assert fold(unicodedata.normalize("NFD", text)) == fold(unicodedata.normalize("NFC", text))


@pytest.mark.parametrize(
    ("dirty", "clean"),
    [
        ("a\r\nb\tc", "a b c"),
        ("bao\u202egnp.cao", "baognp.cao"),
        ("x\x00y", "xy"),
        ("\ufeffSố 5", "Số 5"),
        ("e\u0302\u0301", "ế"),
        ("a\u200b\u0301", "á"),
        ("\u2066an\u2069 \u00a0 toàn", "an toàn"),
    ],
)
def test_a_line_holds_nothing_that_cannot_be_seen(dirty: str, clean: str) -> None:
    assert clean_line(dirty) == clean


def test_notes_keep_their_lines() -> None:
    assert clean_text("\r\n một \r\n\r\nhai\x07\n") == "một\n\nhai"


@given(st.text(max_size=60))
@settings(max_examples=150, deadline=None)
def test_cleaning_and_folding_twice_is_once(text: str) -> None:
    assert clean_line(clean_line(text)) == clean_line(text)
    assert fold(fold(text)) == fold(text)
    assert nfc(clean_line(text)) == clean_line(text)
    assert fold(clean_line(text)) == fold(text)


def test_nothing_to_search_for_gives_no_query() -> None:
    assert search_terms('  "" - * ( ) ') is None
    assert search_terms("") is None


def test_the_last_word_may_be_a_beginning() -> None:
    assert search_terms("Ủy ban nh") == '"uy" "ban" "nh"*'


@pytest.fixture(scope="module")
def index() -> sqlite3.Connection:
    connection = sqlite3.connect(":memory:")
    connection.execute("create virtual table t using fts5(words)")
    connection.execute("insert into t values (?)", (fold("Số 05/QĐ-UBND: phê duyệt dự toán NEAR OR AND NOT"),))
    return connection


def _hits(index: sqlite3.Connection, query: str) -> int:
    terms = search_terms(query)
    assert terms is not None
    return int(index.execute("select count(*) from t where t match ?", (terms,)).fetchone()[0])


@pytest.mark.parametrize("query", ["05/QĐ-UBND", "phe duyet", "DỰ TO", "near or", 'phê" duyệt', "qd-ub", "05/qđ"])
def test_what_is_there_is_found(index: sqlite3.Connection, query: str) -> None:
    assert _hits(index, query) == 1


@pytest.mark.parametrize("query", ["duyet phe xyz", "15/QĐ", "words:phe", "phe NOT dutoan"])
def test_what_is_not_there_is_not_found_and_operators_are_only_words(index: sqlite3.Connection, query: str) -> None:
    assert _hits(index, query) == 0


@given(st.text(max_size=40) | st.text(alphabet='"*()^:-+ANDORNEAR ab\x00{},', max_size=40))
@settings(max_examples=250, deadline=None)
def test_no_query_is_ever_a_syntax_error(query: str) -> None:
    terms = search_terms(query)
    if terms is not None:
        connection = sqlite3.connect(":memory:")
        connection.execute("create virtual table t using fts5(words)")
        connection.execute("select * from t where t match ?", (terms,)).fetchall()
        connection.close()
