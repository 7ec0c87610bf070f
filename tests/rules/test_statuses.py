"""The two state machines and the six statuses."""

import unicodedata
from collections.abc import Mapping

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from commune_portal.errors import Malformed, RuleBroken
from commune_portal.rules.kinds import Medium
from commune_portal.rules.statuses import (
    INCOMING_TABLE,
    OUTGOING_TABLE,
    PAPER_TABLE,
    BusinessType,
    IncomingAct,
    IncomingState,
    OutgoingAct,
    OutgoingState,
    StatusCode,
    advance,
    check_reason,
    incoming_acts,
    next_incoming,
    next_outgoing,
    outgoing_acts,
    read_status,
    status_for,
)

S, A = OutgoingState, OutgoingAct
CODES = list(StatusCode)
MAIN = [code for code in StatusCode if not code.is_dialogue]


def _walk_outgoing(acts: list[OutgoingAct], medium: Medium = Medium.ELECTRONIC) -> list[OutgoingState]:
    states = [S.DRAFT]
    for act in acts:
        states.append(next_outgoing(states[-1], act, medium))
    return states


def test_the_way_of_an_outgoing_document() -> None:
    acts = [A.EDIT, A.SUBMIT, A.RETURN, A.EDIT, A.SUBMIT, A.APPROVE, A.SIGN, A.NUMBER, A.SEAL, A.DISPATCH, A.DISPATCH]
    assert _walk_outgoing(acts)[-1] is S.ISSUED


def test_paper_is_numbered_without_a_digital_signature_and_nothing_else_is() -> None:
    acts = [A.SUBMIT, A.APPROVE, A.NUMBER, A.SEAL]
    assert _walk_outgoing(acts, Medium.PAPER)[-1] is S.ISSUED
    with pytest.raises(RuleBroken, match="chữ ký số của người có thẩm quyền"):
        _walk_outgoing(acts)


def test_the_clerk_cannot_seal_what_nobody_signed() -> None:
    for state in set(S) - {S.NUMBERED}:
        with pytest.raises(RuleBroken):
            next_outgoing(state, A.SEAL)


def test_every_refusal_says_why_and_what_to_do() -> None:
    for medium in Medium:
        for state in S:
            for act in set(A) - set(outgoing_acts(state, medium)):
                with pytest.raises(RuleBroken) as refusal:
                    next_outgoing(state, act, medium)
                assert refusal.value.sentence.endswith(".")
                assert refusal.value.sentence.count(".") >= 2
    for place in IncomingState:
        for deed in set(IncomingAct) - set(incoming_acts(place)):
            with pytest.raises(RuleBroken) as refusal:
                next_incoming(place, deed)
            assert refusal.value.sentence.count(".") >= 2


def test_a_number_is_voided_only_before_issue_and_stays_void() -> None:
    assert next_outgoing(S.NUMBERED, A.VOID) is S.VOIDED
    assert outgoing_acts(S.VOIDED) == ()
    with pytest.raises(RuleBroken, match="đính chính bằng công văn"):
        next_outgoing(S.ISSUED, A.VOID)


def test_only_issued_documents_are_sent() -> None:
    assert [state for state in S if A.DISPATCH in outgoing_acts(state, Medium.PAPER)] == [S.ISSUED]


@given(st.lists(st.sampled_from(list(A)), max_size=25), st.sampled_from(list(Medium)))
@settings(max_examples=200, deadline=None)
def test_no_series_of_acts_leads_an_outgoing_document_astray(acts: list[OutgoingAct], medium: Medium) -> None:
    table: Mapping[tuple[OutgoingState, OutgoingAct], OutgoingState] = (
        PAPER_TABLE if medium is Medium.PAPER else OUTGOING_TABLE
    )
    state, done = S.DRAFT, list[OutgoingAct]()
    for act in acts:
        try:
            after = next_outgoing(state, act, medium)
        except RuleBroken:
            assert (state, act) not in table
        else:
            assert table[state, act] is after
            state = after
            done.append(act)
    if state in (S.NUMBERED, S.ISSUED, S.VOIDED):
        assert done.count(A.NUMBER) == 1
        assert A.APPROVE in done
        assert medium is Medium.PAPER or A.SIGN in done
    if state is S.ISSUED:
        assert done.count(A.SEAL) == 1
    assert state not in (S.RECALLED, S.REPLACED)


def test_the_way_of_an_incoming_document() -> None:
    state = IncomingState.ARRIVED
    for act in (IncomingAct.REGISTER, IncomingAct.ASSIGN, IncomingAct.START, IncomingAct.ASSIGN, IncomingAct.COMPLETE):
        state = next_incoming(state, act)
    assert state is IncomingState.COMPLETED
    assert incoming_acts(state) == ()


def test_refusal_is_impossible_after_registering() -> None:
    assert next_incoming(IncomingState.ARRIVED, IncomingAct.REFUSE) is IncomingState.REFUSED
    for state in set(IncomingState) - {IncomingState.ARRIVED}:
        with pytest.raises(RuleBroken):
            next_incoming(state, IncomingAct.REFUSE)
    with pytest.raises(RuleBroken, match="đã vào sổ"):
        next_incoming(IncomingState.REGISTERED, IncomingAct.REFUSE)


@given(st.lists(st.sampled_from(list(IncomingAct)), max_size=20))
@settings(max_examples=200, deadline=None)
def test_the_statuses_sent_by_any_series_of_acts_only_rise(acts: list[IncomingAct]) -> None:
    state = IncomingState.ARRIVED
    known: StatusCode | None = StatusCode.ARRIVED
    for act in acts:
        try:
            after = next_incoming(state, act)
        except RuleBroken:
            assert (state, act) not in INCOMING_TABLE
            continue
        assert INCOMING_TABLE[state, act] is after
        state = after
        known = advance(known, status_for(act)).now
    assert state not in (IncomingState.RECALLED, IncomingState.TAKEN_BACK)
    assert known is not None
    assert known.name == state.name


def test_the_statuses_have_the_codes_of_the_axis() -> None:
    assert [code.value for code in CODES] == ["01", "02", "03", "04", "05", "06", "13", "15", "16"]
    assert [code.rank for code in MAIN] == [1, 2, 3, 4, 5, 6]
    assert [code for code in StatusCode if code.final] == [StatusCode.REFUSED, StatusCode.COMPLETED]
    assert [kind.value for kind in BusinessType] == [0, 1, 2, 3]


def test_fourteen_is_read_as_fifteen_and_nonsense_is_malformed() -> None:
    assert read_status(" 14 ") is StatusCode.TAKE_BACK_AGREED
    assert read_status("03") is StatusCode.REGISTERED
    for text in ("", "1", "07", "99", "abc"):
        with pytest.raises(Malformed):
            read_status(text)


def test_every_word_has_a_label() -> None:
    for member in [*S, *A, *IncomingState, *IncomingAct, *StatusCode, *BusinessType]:
        assert member.label


@pytest.mark.parametrize(
    ("current", "arrived", "now"),
    [
        (None, "01", "01"),
        (None, "04", "04"),
        ("01", "02", "02"),
        ("01", "03", "03"),
        ("03", "06", "06"),
        ("03", "02", "03"),
        ("05", "03", "05"),
        ("02", "03", "02"),
        ("02", "01", "02"),
        ("06", "05", "06"),
        ("04", "13", "04"),
        ("04", "15", "04"),
        ("03", "03", "03"),
    ],
)
def test_a_status_is_applied_only_forwards(current: str | None, arrived: str, now: str) -> None:
    before = StatusCode(current) if current else None
    outcome = advance(before, StatusCode(arrived))
    assert outcome.now == StatusCode(now)
    assert outcome.applied == (outcome.now != before)
    assert bool(outcome.reason) != outcome.applied


def test_a_refusal_after_registering_is_told_apart_from_a_late_status() -> None:
    assert "đã vào sổ" in advance(StatusCode.REGISTERED, StatusCode.REFUSED).reason
    assert "muộn" in advance(StatusCode.IN_PROGRESS, StatusCode.ASSIGNED).reason


def _after(arrivals: list[StatusCode]) -> StatusCode | None:
    now: StatusCode | None = None
    for arrived in arrivals:
        now = advance(now, arrived).now
    return now


@given(st.lists(st.sampled_from(CODES), max_size=15))
@settings(max_examples=200, deadline=None)
def test_what_holds_never_goes_backwards_and_doubles_change_nothing(arrivals: list[StatusCode]) -> None:
    now: StatusCode | None = None
    for arrived in arrivals:
        outcome = advance(now, arrived)
        assert now is None or (outcome.now is not None and outcome.now.rank >= now.rank)
        assert now is None or not now.final or outcome.now is now
        assert advance(outcome.now, arrived) == advance(outcome.now, arrived)
        assert not advance(outcome.now, arrived).applied
        now = outcome.now
    doubled = [code for arrived in arrivals for code in (arrived, arrived)]
    assert _after(doubled) == _after(arrivals) == _after(arrivals + arrivals)


@given(st.lists(st.sampled_from([code for code in MAIN if code is not StatusCode.REFUSED]), min_size=1, max_size=10))
@settings(max_examples=150, deadline=None)
def test_without_a_refusal_the_order_of_arrival_does_not_matter(arrivals: list[StatusCode]) -> None:
    assert _after(arrivals) == max(arrivals, key=lambda code: code.rank)


def test_a_reason_needs_ten_characters_after_composing() -> None:
    assert check_reason("  Sai nơi nhận, đề nghị gửi lại \n") == "Sai nơi nhận, đề nghị gửi lại"
    for text in ("", "   ngắn    ", unicodedata.normalize("NFD", "Sai ế ế ế"), "a\u200b" * 9):
        with pytest.raises(RuleBroken) as refusal:
            check_reason(text)
        assert refusal.value.field == "reason"
