"""After a restore no number is given until every one that was given since the backup stands in its book again."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from commune_portal import clock
from commune_portal.documents import (
    bags,
    books,
    brought_back,
    incoming,
    issuing,
    lost,
    outgoing,
    recovering,
    recovery_prints,
    restoration,
    standings,
    standstill,
)
from commune_portal.documents.brought_back import Typed
from commune_portal.documents.verification import verify_installation
from commune_portal.errors import Malformed, NotAllowed, RuleBroken
from commune_portal.people.actors import PORTAL
from commune_portal.rules.acts import Act
from commune_portal.rules.statuses import OutgoingState
from commune_portal.store import database, installation, journal
from tests.cast import PIN, Cast
from tests.documents.restored import Told, book, by_hand, hear, numbered, opened, restored, voided
from tests.documents.test_outgoing import signed

REASON = "Nút liên thông mất điện cả tuần, chủ tịch đồng ý"
TYPED = Typed(dated=clock.today(), type_code="QD", symbol="QĐ-UBND", subject="Về việc chép từ giấy")


def a_year(office: Cast) -> None:
    """Two outgoing numbers and one arrival."""
    for _ in range(2):
        issuing.seal(office.clerk, numbered(office), PIN)
    by_hand(office)


def after_the_backup(office: Cast) -> None:
    numbered(office, subject="Về việc thứ ba")
    voided(office)
    numbered(office, subject="Về việc thứ năm")
    by_hand(office, "Giấy đến sau bản sao lưu")


@pytest.fixture(scope="module")
def made(founded: Cast, tmp_path_factory: pytest.TempPathFactory) -> tuple[Cast, Told]:
    """The restored office, closed, and the node that has the lost journal; made once, for signing is dear."""
    folder = tmp_path_factory.mktemp("recovering")
    office = opened(founded, founded.settings.folder, folder / "office")
    a_year(office)
    made = restored(office, folder / "moi", after_the_backup)
    database.close()
    return made


@pytest.fixture
def lame(made: tuple[Cast, Told], tmp_path: Path) -> Iterator[tuple[Cast, Told]]:
    """A copy of it to work on, open."""
    office, told = made
    yield opened(office, office.settings.folder, tmp_path / "moi"), told
    database.close()


def refs() -> dict[str, str]:
    now = standings.read()
    assert now is not None
    return {item.series.direction: item.series.ref for item in now.books}


def everywhere(number: int, arrivals: int) -> dict[str, int]:
    found = refs()
    return {found["outgoing"]: number, found["incoming"]: arrivals}


def test_nothing_is_numbered_opened_or_carried_until_the_restore_is_settled(lame: tuple[Cast, Told]) -> None:
    office, _ = lame
    waiting = signed(office)
    for act in (
        lambda: issuing.number(office.clerk, waiting),
        lambda: by_hand(office),
        lambda: bags.cargo(office.clerk, ""),
        lambda: books.open_at(office.clerk, direction="outgoing", issuer_id=office.issuer_id, key="GM", name="Giấy mời",
                              year=clock.today().year, opening_number=5),
    ):  # fmt: skip
        with pytest.raises(RuleBroken, match="/recovering"):
            act()
    assert outgoing.get(waiting).number is None
    assert [number for number, _ in book()] == [1, 2]


def test_what_the_node_saw_comes_back_with_its_numbers_ids_and_words(lame: tuple[Cast, Told], tmp_path: Path) -> None:
    office, told = lame
    hear(told, tmp_path)
    now = recovering.recovery(office.clerk)
    assert now is not None
    assert {(item.restored, item.node, item.missing) for item in now.books} == {(2, 5, (3, 4, 5)), (1, 2, (2,))}
    assert len(now.to_bring) == 4
    assert recovering.bring_back(office.clerk) == 4
    assert [number for number, _ in book()] == [1, 2, 3, 4, 5]
    assert book()[2] == (3, "Về việc thứ ba")
    assert book("incoming")[1] == (2, "Giấy đến sau bản sao lưu")
    rows = database.rows("SELECT number, state, note, document_id FROM outgoing WHERE number > 2 ORDER BY number")
    assert [row[1] for row in rows] == [OutgoingState.NUMBERED, OutgoingState.VOIDED, OutgoingState.NUMBERED]
    assert all(brought_back.FROM_JOURNAL in row[2] for row in rows)
    assert [row[3][-6:] for row in rows] == ["000003", "000004", "000005"]
    recovering.say_paper(office.clerk, everywhere(5, 2))
    recovering.confirm(office.clerk)
    assert not standstill.is_on()
    assert database.row("SELECT count(*) FROM lost_lines")[0] == 0
    row_id = numbered(office)
    after = outgoing.get(row_id)
    assert (after.number, after.document_id[-6:]) == (6, "000006")
    assert verify_installation(office.settings).ok
    acts = [line.fields for line in journal.every_line() if line.fields["act"] == Act.NUMBERS_RECONCILED]
    assert [fields["facts"].get("step") for fields in acts if "step" in fields["facts"]] == [
        "node",
        "paper",
        "confirmed",
    ]
    assert len(acts) == 3 + 4


def test_bringing_back_again_and_hearing_again_changes_nothing(lame: tuple[Cast, Told], tmp_path: Path) -> None:
    office, told = lame
    hear(told, tmp_path)
    recovering.bring_back(office.clerk)
    before = database.rows("SELECT * FROM outgoing ORDER BY id")
    lost.ask_again(office.clerk)
    hear(told, tmp_path)
    assert recovering.bring_back(office.clerk) == 0
    assert database.rows("SELECT * FROM outgoing ORDER BY id") == before


def test_a_number_on_paper_alone_is_typed_and_its_document_id_is_nobody_elses(
    lame: tuple[Cast, Told], tmp_path: Path
) -> None:
    office, told = lame
    hear(told, tmp_path)
    recovering.say_paper(office.clerk, everywhere(7, 3))
    ref = refs()["outgoing"]
    with pytest.raises(RuleBroken, match="Nút liên thông biết"):
        recovering.enter(office.clerk, ref, 4, TYPED)
    recovering.bring_back(office.clerk)
    recovering.enter(office.clerk, ref, 6, TYPED)
    with pytest.raises(RuleBroken, match="đã có trong sổ"):
        recovering.enter(office.clerk, ref, 6, TYPED)
    with pytest.raises(RuleBroken, match="Còn 2 số"):
        recovering.confirm(office.clerk)
    with pytest.raises(RuleBroken, match="ít nhất"):
        recovering.enter_unknown(office.clerk, ref, "mất")
    assert recovering.enter_unknown(office.clerk, ref, REASON) == 1
    typed = Typed(arrival_date=clock.today(), author="Sở Tài chính", symbol="12/STC-NS", subject="Về dự toán")
    recovering.enter(office.clerk, refs()["incoming"], 3, typed)
    recovering.confirm(office.clerk)
    rows = database.rows("SELECT number, note, document_id FROM outgoing WHERE number > 5 ORDER BY number")
    assert brought_back.FROM_PAPER in rows[0][1]
    assert REASON in rows[1][1]
    assert {int(row[2][-6:]) for row in rows}.isdisjoint(range(8)), "3 to 7 may lie with recipients"
    assert outgoing.get(numbered(office)).number == 8
    assert book("incoming")[-1] == (3, "Về dự toán")
    with recovery_prints.print_report(office.clerk) as printed:
        assert printed.path.read_bytes().startswith(b"%PDF")
    of = recovery_prints.settled(office.clerk)
    assert of is not None
    assert [line.number for line in recovery_prints.lines(of)] == [2, 3, 3, 4, 5, 6, 7]
    assert verify_installation(office.settings).ok


def test_without_the_node_somebody_answers_for_it_and_a_contradiction_comes_to_light(
    lame: tuple[Cast, Told], tmp_path: Path
) -> None:
    office, told = lame
    with pytest.raises(RuleBroken, match="Nút liên thông chưa trả lời"):
        recovering.confirm(office.clerk, nothing_more_on_paper=True)
    recovering.without_node(office.clerk, REASON)
    recovering.say_paper(office.clerk, everywhere(4, 1))
    recovering.enter(office.clerk, refs()["outgoing"], 3, TYPED)
    recovering.enter_unknown(office.clerk, refs()["outgoing"], REASON)
    recovering.confirm(office.clerk)
    assert standings.contradictions() == []
    hear(told, tmp_path)
    found = {(item.number, item.is_in_book) for item in standings.contradictions()}
    assert found == {(3, True), (4, True), (5, False), (2, False)}
    assert database.row("SELECT count(*) FROM lost_lines WHERE leaf <> ''")[0] == 0, "nobody brings words back any more"


def test_where_nothing_was_lost_one_confirmation_is_enough(office: Cast, tmp_path: Path) -> None:
    a_year(office)
    office, told = restored(office, tmp_path / "moi", lambda _office: None)
    hear(told, tmp_path)
    now = recovering.recovery(office.clerk)
    assert now is not None
    assert now.lost_nothing
    recovering.confirm(office.clerk, nothing_more_on_paper=True)
    assert outgoing.get(numbered(office)).number == 3


def test_a_draft_of_the_backup_gets_the_number_that_it_was_given(office: Cast, tmp_path: Path) -> None:
    a_year(office)
    row_id = signed(office)

    def since(before: Cast) -> None:
        issuing.number(before.clerk, row_id)

    office, told = restored(office, tmp_path / "moi", since)
    hear(told, tmp_path)
    recovering.bring_back(office.clerk)
    now = outgoing.get(row_id)
    assert (now.number, now.state) == (3, OutgoingState.NUMBERED)
    recovering.say_paper(office.clerk, everywhere(3, 1))
    recovering.confirm(office.clerk)
    issuing.seal(office.clerk, row_id, PIN)
    assert outgoing.get(row_id).state is OutgoingState.ISSUED


def test_paper_is_never_behind_the_register_nor_absurdly_ahead(lame: tuple[Cast, Told]) -> None:
    office, _ = lame
    recovering.without_node(office.clerk, REASON)
    for wrong in (1, 9000):
        with pytest.raises(Malformed) as caught:
            recovering.say_paper(office.clerk, {refs()["outgoing"]: wrong})
        assert caught.value.field == refs()["outgoing"]
    recovering.say_paper(office.clerk, {refs()["outgoing"]: 12})
    recovering.say_paper(office.clerk, {refs()["outgoing"]: 2})
    now = standings.read()
    assert now is not None
    assert now.missing == 0, "a slip of the hand is corrected until something was entered"


def test_only_the_clerk_settles_a_restore(lame: tuple[Cast, Told]) -> None:
    office, _ = lame
    acts: list[Any] = [
        recovering.recovery,
        lambda by: recovering.without_node(by, REASON),
        lambda by: recovering.say_paper(by, {}),
        recovering.bring_back,
        lambda by: recovering.enter(by, refs()["outgoing"], 3, TYPED),
        recovering.confirm,
        lost.ask_again,
        recovery_prints.settled,
    ]
    for act in acts:
        for by in (office.leader, office.specialist, office.administrator):
            with pytest.raises(NotAllowed):
                act(by)


def test_a_second_restore_waits_anew_and_one_confirmation_settles_both(lame: tuple[Cast, Told]) -> None:
    office, _ = lame
    database.close()
    restoration.adopt(PORTAL, office.settings)
    installation.open_(office.settings)
    recovering.without_node(office.clerk, REASON)
    recovering.confirm(office.clerk, nothing_more_on_paper=True)
    assert [item.confirmed_at is not None for item in standstill.restorations()] == [True, True]
    assert incoming.get(by_hand(office)).number == 2


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(ahead=st.integers(0, 6), order=st.permutations(range(6)), typed=st.integers(0, 6))
def test_whatever_is_on_paper_there_is_no_gap_and_no_double_in_any_order(
    lame: tuple[Cast, Told], ahead: int, order: list[int], typed: int
) -> None:
    office, _ = lame
    if not standstill.is_on():  # an earlier example settled it: the same office is restored once more
        database.close()
        restoration.adopt(PORTAL, office.settings)
        installation.open_(office.settings)
    recovering.without_node(office.clerk, REASON)
    highest = max(number for number, _ in book())
    top = highest + ahead
    recovering.say_paper(office.clerk, everywhere(top, max(number for number, _ in book("incoming"))))
    for number in [highest + 1 + step for step in order if step < ahead][:typed]:
        recovering.enter(office.clerk, refs()["outgoing"], number, TYPED)
    now = standings.read()
    assert now is not None
    if now.missing:
        recovering.enter_unknown(office.clerk, refs()["outgoing"], REASON)
    recovering.confirm(office.clerk)
    assert [number for number, _ in book()] == list(range(1, top + 1))
    ids = [row[0] for row in database.rows("SELECT document_id FROM outgoing WHERE number IS NOT NULL")]
    assert len(set(ids)) == len(ids)
