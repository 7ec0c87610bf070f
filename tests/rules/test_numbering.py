"""Books, numbers, symbols and ids."""

import unicodedata
from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from commune_portal.errors import Malformed, RuleBroken
from commune_portal.rules.kinds import document_type, document_types
from commune_portal.rules.numbering import (
    BookState,
    MintedId,
    NumberGroup,
    NumberingRules,
    Scheme,
    book_key,
    book_name,
    check_abbreviation,
    check_opening_number,
    check_year_is_open,
    document_id,
    doubt_about_date,
    doubt_about_order,
    format_number,
    next_number,
    number_and_symbol,
    parse,
    parse_document_id,
    symbol,
)

TODAY = date(2026, 11, 22)
DECISION = document_type("QD", TODAY)
REPORT = document_type("BC", TODAY)
LETTER = document_type("CV", TODAY)
NORMATIVE = document_type("QDQP", TODAY)
GROUPS = (
    NumberGroup("quyet-dinh", "Quyết định, chỉ thị", ("QD", "CT")),
    NumberGroup("cong-van", "Công văn", ("CV",)),
)


def test_each_scheme_has_its_books() -> None:
    whole, per_type = NumberingRules(), NumberingRules(Scheme.PER_TYPE)
    groups = NumberingRules(Scheme.GROUPS, GROUPS)
    assert book_key(whole, DECISION) == book_key(whole, LETTER) == "office"
    assert book_key(per_type, DECISION) == "type:QD"
    assert book_key(groups, DECISION) == "group:quyet-dinh"
    assert book_key(groups, REPORT) == "group:others"
    assert book_name(groups, LETTER) == "Sổ đăng ký văn bản đi – Công văn"
    assert book_name(groups, REPORT) == "Sổ đăng ký văn bản đi – Các loại văn bản khác"
    assert book_name(whole, REPORT) == "Sổ đăng ký văn bản đi"


@pytest.mark.parametrize("scheme", list(Scheme))
def test_normative_types_always_have_their_own_series(scheme: Scheme) -> None:
    rules = NumberingRules(scheme, GROUPS)
    others = {book_key(rules, kind) for kind in document_types(TODAY) if kind is not NORMATIVE}
    assert book_key(rules, NORMATIVE) == "type:QDQP"
    assert book_key(rules, NORMATIVE) not in others


def test_a_type_stands_in_one_group_only() -> None:
    with pytest.raises(Malformed):
        NumberingRules(Scheme.GROUPS, (*GROUPS, NumberGroup("khac", "Khác", ("CV",))))
    with pytest.raises(Malformed):
        NumberingRules(Scheme.GROUPS, (NumberGroup("Khác!", "Khác", ()),))
    with pytest.raises(Malformed):
        NumberingRules(zero_width=1)


@given(st.integers(1, 900), st.integers(1, 60))
@settings(max_examples=100, deadline=None)
def test_numbers_follow_without_gap_or_double(opening: int, amount: int) -> None:
    book = BookState(2026, opening, opening - 1)
    given_numbers = []
    for step in range(amount):
        number = next_number(book, TODAY)
        assert number == next_number(book, TODAY)
        given_numbers.append(number)
        book = BookState(2026, opening, number, TODAY - timedelta(days=step % 3))
    assert given_numbers == list(range(opening, opening + amount))


def test_a_new_year_starts_from_one_and_the_old_book_gives_no_more() -> None:
    old = BookState(2026, 1, 357, date(2026, 12, 31))
    assert next_number(BookState(2027), date(2027, 1, 1)) == 1
    with pytest.raises(RuleBroken, match="2026"):
        next_number(old, date(2027, 1, 1))
    with pytest.raises(RuleBroken):
        next_number(BookState(2027, 1, 3, date(2027, 1, 2)), date(2026, 12, 31))
    with pytest.raises(RuleBroken, match="lùi"):
        check_year_is_open(2026, 2027)
    check_year_is_open(2027, 2027)
    check_year_is_open(2027, None)


def test_a_closed_book_gives_no_number() -> None:
    with pytest.raises(RuleBroken, match="khóa"):
        next_number(BookState(2026, closed=True), TODAY)


def test_an_office_that_starts_in_mid_year_goes_on_from_its_opening_number() -> None:
    assert next_number(BookState(2026, 120, 0), TODAY) == 120
    assert next_number(BookState(2026, 120, 119), TODAY) == 120
    assert next_number(BookState(2026, 120, 120), TODAY) == 121
    assert check_opening_number(120) == 120
    for number in (0, -1, 1_000_000):
        with pytest.raises(Malformed):
            check_opening_number(number)


@pytest.mark.parametrize(("number", "printed"), [(1, "01"), (5, "05"), (9, "09"), (12, "12"), (123, "123")])
def test_a_number_below_ten_gets_a_leading_zero(number: int, printed: str) -> None:
    assert format_number(number) == printed
    assert number_and_symbol(number, "QĐ-UBND") == f"{printed}/QĐ-UBND"


def test_there_is_no_number_zero() -> None:
    with pytest.raises(Malformed):
        format_number(0)


def test_symbols_of_named_types_and_of_letters() -> None:
    assert symbol(DECISION, "UBND", "VX") == "QĐ-UBND"
    assert symbol(LETTER, "UBND", "VX") == "UBND-VX"
    assert number_and_symbol(1, symbol(NORMATIVE, "UBND"), year=2026) == "01/2026/QĐ-UBND"
    with pytest.raises(Malformed) as refusal:
        symbol(LETTER, "UBND", " ")
    assert refusal.value.field == "unit"


@pytest.mark.parametrize("text", ["UBND", "HĐND", "VX", "TTPVHCC", "VP1", "QyĐ"])
def test_abbreviations_are_letters_and_digits(text: str) -> None:
    assert check_abbreviation(f" {unicodedata.normalize('NFD', text)} ") == text


@pytest.mark.parametrize("text", ["", "UB/ND", "UBND-VX", "U BND", "a" * 21, "VP&TH"])
def test_no_abbreviation_holds_a_separator(text: str) -> None:
    with pytest.raises(Malformed):
        check_abbreviation(text)


@pytest.mark.parametrize(
    ("text", "number", "notation", "separator"),
    [
        ("05/QĐ-UBND", "05", "QĐ-UBND", "/"),
        ("Số: 05/QĐ-UBND", "05", "QĐ-UBND", "/"),
        ("  số  05 / QĐ – UBND ", "05", "QĐ-UBND", "/"),
        (unicodedata.normalize("NFD", "Số:05/QĐ-UBND"), "05", "QĐ-UBND", "/"),
        ("15a/BC-UBND", "15a", "BC-UBND", "/"),
        ("15bis/BC-UBND", "15bis", "BC-UBND", "/"),
        ("VB 12-CV/ĐU", "12", "CV/ĐU", "-"),
        ("Công văn số 7816/VPCP-TTĐT", "7816", "VPCP-TTĐT", "/"),
        ("01/2026/QĐ-UBND", "01", "2026/QĐ-UBND", "/"),
        ("/QĐ-UBND", "", "QĐ-UBND", "/"),
        ("Số:        /QĐ-UBND", "", "QĐ-UBND", "/"),
        ("123", "123", "", "/"),
        ("12 CV/ĐU", "12", "CV/ĐU", " "),
        ("7/GM-UBND", "7", "GM-UBND", "/"),
    ],
)
def test_a_number_is_read_as_people_write_it(text: str, number: str, notation: str, separator: str) -> None:
    read = parse(text)
    assert (read.number, read.notation, read.separator) == (number, notation, separator)
    assert parse(read.text) == read


@pytest.mark.parametrize("text", ["", "Số:", "QĐ-UBND", "không số", "/", "-"])
def test_what_holds_no_number_is_malformed(text: str) -> None:
    with pytest.raises(Malformed):
        parse(text)


@given(st.integers(1, 99_999), st.sampled_from(document_types(TODAY)), st.sampled_from(["VX", "VP", "HĐ", "TP1"]))
@settings(max_examples=150, deadline=None)
def test_what_is_written_is_read_back(number: int, kind: object, unit: str) -> None:
    notation = symbol(kind, "UBND", unit)  # type: ignore[arg-type]  # drawn from document types
    read = parse("Số: " + unicodedata.normalize("NFD", number_and_symbol(number, notation)))
    assert (read.number, read.notation) == (format_number(number), notation)


@given(st.text(max_size=40))
@settings(max_examples=150, deadline=None)
def test_reading_never_crashes(text: str) -> None:
    try:
        read = parse(text)
    except Malformed:
        return
    assert read.number or read.notation


@given(
    st.sampled_from(["H41.12", "000.00.12.H41", "H37.DN.2026.000001"]), st.integers(2020, 2100), st.integers(1, 999_999)
)
@settings(max_examples=80, deadline=None)
def test_a_document_id_comes_apart_as_it_was_made(organ: str, year: int, serial: int) -> None:
    made = document_id(organ, year, serial)
    assert parse_document_id(made) == MintedId(organ, year, serial)


def test_ids_have_six_digits_and_foreign_ones_are_opaque() -> None:
    assert document_id("H41.12", 2026, 7) == "H41.12.2026.000007"
    for foreign in ("", "H41.12,2026/11/22,05/QĐ-UBND", "6f1e9d0c-aaaa", "H41.2026.7", "H41.2026.000000"):
        assert parse_document_id(foreign) is None
    for serial in (0, 1_000_000):
        with pytest.raises(RuleBroken):
            document_id("H41.12", 2026, serial)


def test_a_clock_behind_the_journal_is_doubted() -> None:
    late_evening = datetime(2026, 11, 22, 18, 30, tzinfo=UTC)  # 01:30 on the 23rd in Vietnam
    assert doubt_about_date(TODAY, late_evening, None)
    assert doubt_about_date(date(2026, 11, 23), late_evening, None) is None
    assert doubt_about_date(date(2026, 11, 23), late_evening, None, now=late_evening - timedelta(seconds=1))
    assert doubt_about_date(date(2026, 11, 23), late_evening, None, now=late_evening) is None


def test_a_clock_far_ahead_of_the_last_contact_is_doubted() -> None:
    contact = datetime(2026, 11, 19, 2, tzinfo=UTC)
    assert doubt_about_date(TODAY, None, contact) is None
    assert doubt_about_date(TODAY + timedelta(days=1), None, contact)
    assert doubt_about_date(TODAY, None, None) is None


def test_a_date_before_the_newest_is_asked_about_but_not_forbidden() -> None:
    book = BookState(2026, 1, 10, date(2026, 11, 25))
    assert doubt_about_order(book, TODAY)
    assert next_number(book, TODAY) == 11
    assert doubt_about_order(book, date(2026, 11, 25)) is None
