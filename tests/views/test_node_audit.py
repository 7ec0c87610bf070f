"""The auditor's pages: two books of each office, read only, with names masked."""

from __future__ import annotations

from datetime import timedelta

import pytest

from commune_portal import clock
from commune_portal.node import inspections, mirrors
from commune_portal.node.inspections import OVERDUE, Filters
from commune_portal.node.mirrors import Mirror
from commune_portal.people import accesses
from commune_portal.rules.acts import Act
from commune_portal.store import database, journal
from tests.node.conftest import empty_node, node
from tests.views.node_stage import PEOPLE, Stage, stage, text

__all__ = ["empty_node", "node", "stage"]

HTMX = {"HX-Request": "true", "HX-Request-Type": "partial", "HX-Target": "div#entries"}


def book(stage: Stage, direction: str = "incoming", query: str = "") -> str:
    return f"/audit/{stage.node.first.member.uid}/{direction}{query}"


def mirror(stage: Stage) -> Mirror:
    found = mirrors.of_member(stage.node.first.member)
    assert found is not None
    return found


def test_only_the_auditor_reads_books(stage: Stage) -> None:
    for path in ("/audit", book(stage), book(stage, "outgoing")):
        assert stage.as_("kiemtra").get(path).status_code == 200
        assert stage.as_("vanhanh").get(path).status_code == 403
        assert stage.as_("").get(path).status_code == 303
        assert stage.as_("kiemtra").post(path).status_code == 405


def test_the_offices_are_listed_with_the_state_of_their_mirrors(stage: Stage) -> None:
    shown = text(stage.as_("kiemtra").get("/audit"))
    assert "UBND xã số H99.01" in shown
    assert f"{len(stage.node.first.journal.lines)} dòng" in shown
    assert "H99.03" not in shown


def test_names_and_notes_are_masked_and_cannot_be_searched_for(stage: Stage) -> None:
    for direction in ("incoming", "outgoing"):
        shown = text(stage.as_("kiemtra").get(book(stage, direction)))
        assert inspections.BAR in shown
        assert "Võ Minh Đức" not in shown
        assert not any(person in shown for person in PEOPLE)
        assert "đã trả lời công dân" not in shown
    assert "Không có văn bản nào khớp" in text(stage.as_("kiemtra").get(book(stage, "incoming", "?q=Vo+Minh+Duc")))


def test_a_book_is_paged_by_number_newest_first(stage: Stage) -> None:
    client = stage.as_("kiemtra")
    first = text(client.get(book(stage)))
    assert first.count("<tr>") == 51
    assert "60 văn bản" in first
    assert '<td class="num">60</td>' in first
    second = text(client.get(book(stage, "incoming", "?after=11:incoming:0011")))
    assert second.count("<tr>") == 11
    assert '<td class="num">11</td>' not in second
    assert "Về đầu" in second


def test_a_page_behind_a_key_never_repeats_or_leaves_out_a_line(stage: Stage) -> None:
    year = clock.today().year
    seen: list[int] = []
    after = ""
    while True:
        found = inspections.entries(stage.auditor, mirror(stage), "incoming", Filters(year), after=after, limit=7)
        seen += [entry.number for entry in found.entries]
        after = found.next_after
        if not after:
            break
    assert seen == list(range(60, 0, -1))


def numbers(stage: Stage, direction: inspections.Direction = "incoming", **filters: object) -> list[int]:
    wanted = Filters(**{"year": clock.today().year, **filters})  # type: ignore[arg-type]  # named as Filters has them
    return [
        entry.number
        for entry in inspections.entries(stage.auditor, mirror(stage), direction, wanted, limit=200).entries
    ]


def test_filters_by_words_without_accents_state_book_and_dates(stage: Stage) -> None:
    assert numbers(stage, words="hop GIAO ban") == [number for number in range(60, 0, -1) if number % 5 == 2]
    assert numbers(stage, words="giao ban 17") == [17]
    assert numbers(stage, words="100%") == []
    assert numbers(stage, words="!") == []
    assert numbers(stage, state="assigned") == [number for number in range(60, 0, -1) if number % 4 == 0]
    overdue = numbers(stage, state=OVERDUE)
    assert overdue == [number for number in range(54, 0, -1) if number % 4 == 0]
    today = clock.today()
    assert numbers(stage, since=today - timedelta(days=2)) == [60, 59, 58]
    assert numbers(stage, until=today - timedelta(days=58)) == [2, 1]
    assert numbers(stage, "outgoing", book="QĐ") == list(range(20, 0, -1))
    assert numbers(stage, "outgoing", book="CV") == []
    assert numbers(stage, year=2020) == []


def test_figures_carry_their_fractions(stage: Stage) -> None:
    year = clock.today().year
    incoming = inspections.totals(stage.auditor, mirror(stage), "incoming", Filters(year))
    assert dict(incoming.by_state) == {"completed": 45, "assigned": 15}
    in_time, open_not_due, overdue = incoming.rates
    assert (in_time.denominator, open_not_due.denominator, overdue.denominator) == (60, 60, 60)
    assert in_time.numerator + open_not_due.numerator + overdue.numerator == 60
    assert open_not_due.numerator == 2
    outgoing = inspections.totals(stage.auditor, mirror(stage), "outgoing", Filters(year))
    assert dict(outgoing.by_state) == {"issued": 19, "voided": 1}
    electronic, signed, exchange = outgoing.rates
    assert (electronic.numerator, electronic.denominator) == (15, 19)
    assert (signed.numerator, signed.denominator) == (15, 19)
    assert exchange.denominator == 15
    assert electronic.text in text(stage.as_("kiemtra").get(book(stage, "outgoing")))


def test_a_fragment_comes_alone_and_odd_addresses_do_no_harm(stage: Stage) -> None:
    client = stage.as_("kiemtra")
    fragment = client.get(book(stage, "incoming", "?q=dat+dai"), headers=HTMX)
    assert "<html" not in fragment.text
    assert 'id="entries"' in fragment.text
    for query in (
        "?year=x",
        "?year=99999",
        "?after=zzz",
        "?after=1",
        "?state=nonsense",
        "?since=31/02/2026",
        "?q=%25_!'",
    ):
        assert client.get(book(stage, "incoming", query)).status_code == 200
    assert client.get(book(stage, "sideways")).status_code == 404
    assert client.get("/audit/nobody/incoming").status_code == 404
    assert client.get(f"/audit/{stage.third.member.uid}/incoming").status_code == 404


def test_the_first_look_of_a_day_is_journalled_and_every_look_is_an_access(stage: Stage) -> None:
    client = stage.as_("kiemtra")
    for _ in range(3):
        client.get(book(stage))
    opened = [line for line in journal.every_line() if line.fields["act"] == Act.AUDIT_OPENED.value]
    assert [line.fields["actor"] for line in opened] == [stage.auditor.uid]
    accesses.flush()
    about = stage.node.first.member.about
    assert database.row("SELECT count(*) FROM accesses WHERE object = ?", (about,))[0] == 3
    with clock.standing_at(clock.now() + timedelta(days=1)):
        inspections.look(stage.auditor, stage.node.first.member)
    assert sum(line.fields["act"] == Act.AUDIT_OPENED.value for line in journal.every_line()) == 2


def test_an_auditor_is_warned_of_what_is_missing_or_disagrees(stage: Stage) -> None:
    from commune_portal.rules.chain import Checkpoint

    office = stage.node.first
    with database.transaction() as work:
        mirrors.heed(work, office.member, Checkpoint(9000, "ab" * 32), "m")
    assert "đến dòng 9000" in text(stage.as_("kiemtra").get(book(stage)))
    with database.transaction() as work:
        mirrors.disagree(work, office.member, mirror(stage), "stated:9000")
    assert "có hai bản sổ" in text(stage.as_("kiemtra").get(book(stage)))


@pytest.mark.parametrize("direction", ["incoming", "outgoing"])
def test_what_a_book_holds_is_escaped(stage: Stage, direction: str) -> None:
    office = stage.node.first
    office.journal.add(
        f"{direction}:evil",
        {"subject": "<script>alert(1)</script>", "author": "<b>x", "symbol": "'\"", "recipients": "<i>"},
        to="<u>state",
        book="<book>",
        year=clock.today().year,
        number=999,
    )
    size = mirror(stage).size
    mirrors.take_extract(office.member, office.journal.extract(size + 1))
    shown = text(stage.as_("kiemtra").get(book(stage, direction)))
    assert "&lt;script&gt;" in shown
    assert not any(raw in shown for raw in ("<script>alert", "<b>x", "<i>", "<u>state", "<book>"))


def test_a_book_costs_a_bounded_number_of_reads(stage: Stage) -> None:
    client = stage.as_("kiemtra")
    client.get(book(stage))
    statements: list[str] = []
    database.connect().set_trace_callback(statements.append)
    client.get(book(stage))
    database.connect().set_trace_callback(None)
    assert len(statements) <= 40, statements
