"""Reading forms: NFC at the door, one error a field, secrets that never come back."""

from __future__ import annotations

import io
import unicodedata
from datetime import date
from enum import Enum

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from werkzeug.datastructures import FileStorage, MultiDict

from commune_portal.errors import Malformed, RuleBroken
from commune_portal.views._forms import EMPTY, FormReader, filled, read_day


class Urgency(Enum):
    NORMAL = "normal"
    URGENT = "urgent"


def reader(**values: str | list[str]) -> FormReader:
    return FormReader(MultiDict(values))


def test_text_is_nfc_on_one_line_without_control_or_direction_characters() -> None:
    typed = unicodedata.normalize("NFD", "Ủy ban\tnhân  dân") + "\u202e\x00\n xã "
    assert reader(subject=typed).text("subject", "Trích yếu") == "Ủy ban nhân dân xã"


def test_several_lines_keep_their_breaks() -> None:
    assert reader(note="a  b\r\n\r\n c ").area("note", "Ghi chú") == "a b\n\nc"


def test_a_required_field_a_long_one_and_a_short_reason_are_refused_beside_the_field() -> None:
    form = reader(symbol="", subject="x" * 11, reason="ngắn")
    form.text("symbol", "Số, ký hiệu", required=True)
    form.text("subject", "Trích yếu", longest=10)
    form.area("reason", "Lý do", shortest=10)
    assert form.refused
    state = form.state()
    assert [item.name for item in state.errors] == ["symbol", "subject", "reason"]
    assert "10" in state.error("subject")
    assert "ít nhất 10" in state.error("reason")
    assert state.value("subject") == "x" * 11


@pytest.mark.parametrize(
    ("typed", "day"), [("5/1/2026", date(2026, 1, 5)), (" 29/02/2028 ", date(2028, 2, 29)), ("", None)]
)
def test_a_day_is_read_the_vietnamese_way(typed: str, day: date | None) -> None:
    form = reader(day=typed)
    assert form.day("day", "Ngày") == day
    assert not form.refused


@pytest.mark.parametrize("typed", ["30/02/2026", "2026-01-05x", "1/13/2026", "5/1/26", "hôm nay"])
def test_what_is_no_day_is_refused_and_shown_again(typed: str) -> None:
    form = reader(day=typed)
    assert form.day("day", "Ngày văn bản") is None
    assert form.state().error("day").startswith("Ngày văn bản: ")
    assert form.state().value("day") == typed


def test_a_number_takes_points_between_thousands_and_stays_within_its_bounds() -> None:
    form = reader(a="1.234", b="-1", c="99", d="²")
    assert form.number("a", "A") == 1234
    assert form.number("b", "B") is None
    assert form.number("c", "C", most=98) is None
    assert form.number("d", "D") is None
    assert [item.name for item in form.state().errors] == ["b", "c", "d"]


def test_a_choice_outside_the_list_is_refused() -> None:
    form = reader(good="urgent", bad="nuclear", none="")
    assert form.choice("good", "Độ khẩn", Urgency) is Urgency.URGENT
    assert form.choice("bad", "Độ khẩn", Urgency) is None
    assert form.choice("none", "Độ khẩn", Urgency, required=True) is None
    assert [item.name for item in form.state().errors] == ["bad", "none"]


def test_keys_chosen_several_times_count_once() -> None:
    assert reader(to=["a", "b", "a", ""]).keys("to", "Nơi nhận") == ("a", "b")


def test_a_secret_is_exact_and_never_comes_back() -> None:
    form = reader(pin=" 12 34 ", csrf_token="t", name="hoa")
    assert form.secret("pin", "PIN") == " 12 34 "
    assert set(form.state().values) == {"name"}


def test_a_file_without_a_name_was_not_chosen() -> None:
    files = MultiDict(
        [
            ("scan", FileStorage(io.BytesIO(b""), filename="")),
            ("other", FileStorage(io.BytesIO(b"x"), filename="a.pdf")),
        ]
    )
    form = FormReader(MultiDict(), files)
    assert form.file("scan", "Tệp", required=True) is None
    assert form.file("other", "Tệp") is not None
    assert form.state().error("scan") == "Tệp: chưa chọn tệp."


def test_a_verbs_refusal_stands_beside_the_field_that_it_names() -> None:
    form = reader(symbol="1")
    form.refuse_because(RuleBroken("Đã có số này.", field="symbol"))
    form.refuse_because(RuleBroken("Sổ đã khóa."))
    state = form.state()
    assert state.error("symbol") == "Đã có số này."
    assert state.errors[1].name == ""
    with pytest.raises(Malformed) as raised:
        form.finish()
    assert raised.value.field == "symbol"


def test_a_form_can_be_filled_before_anybody_typed() -> None:
    state = filled({"day": date(2026, 1, 5), "kind": Urgency.URGENT, "none": None, "many": ["a", 2]}, ["day"])
    assert (state.value("day"), state.value("kind"), state.value("none")) == ("05/01/2026", "urgent", "")
    assert state.all("many") == ("a", "2")
    assert state.guessed("day")
    assert not state.guessed("kind")
    assert EMPTY.value("anything") == ""


@settings(deadline=None, max_examples=80)
@given(st.text(max_size=60))
def test_whatever_is_typed_is_read_or_refused_and_never_crashes(typed: str) -> None:
    form = reader(a=typed)
    form.text("a", "A")
    form.day("a", "A")
    form.number("a", "A")
    form.choice("a", "A", Urgency)
    again = form.state().value("a")
    assert unicodedata.is_normalized("NFC", again)


def test_a_day_in_a_filters_address_is_read_or_left_out() -> None:
    assert read_day("5/1/2026") == date(2026, 1, 5)
    assert read_day("mai") is None
