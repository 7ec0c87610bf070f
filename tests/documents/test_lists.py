"""Lists, counts and search."""

from __future__ import annotations

import pytest

from commune_portal.documents import incoming, lists, outgoing, tasks
from commune_portal.documents.incoming import Arrival
from commune_portal.documents.lists import IncomingTab, OutgoingTab
from commune_portal.store import database
from tests.cast import Cast
from tests.documents.test_outgoing import a_draft


def register(office: Cast, subject: str, number: str = "12", notation: str = "QĐ-UBND") -> int:
    return incoming.register(
        office.clerk,
        Arrival(
            sender_name="UBND huyện Đông Hòa",
            subject=subject,
            code_number=number,
            code_notation=notation,
            on_paper=True,
        ),
    )


def test_pages_follow_each_other_without_gap_or_repeat(office: Cast) -> None:
    made = [register(office, f"Văn bản thứ {ordinal}") for ordinal in range(7)]
    seen: list[int] = []
    after = ""
    while True:
        page = lists.incoming_page(office.clerk, rows=3, after=after)
        seen += [line.id for line in page.lines]
        if page.next is None:
            break
        after = page.next
    assert seen == made[::-1]


def test_search_needs_no_accents_and_finds_d_stroke(office: Cast) -> None:
    wanted = register(office, "Đề nghị báo cáo rà soát hộ nghèo")
    register(office, "Mời họp giao ban")
    page = lists.incoming_page(office.clerk, query="de nghi ho ngheo")
    assert [line.id for line in page.lines] == [wanted]


def test_the_last_word_may_be_a_beginning_until_a_document_has_it_whole(office: Cast) -> None:
    first = register(office, "Rà soát hộ nghèo")
    assert [line.id for line in lists.incoming_page(office.clerk, query="ra soat ho ngh").lines] == [first]
    assert [line.id for line in lists.incoming_page(office.clerk, query="ra soat ho nghe").lines] == [first]
    whole = register(office, "Rà soát họ Nghê")
    assert [line.id for line in lists.incoming_page(office.clerk, query="ra soat ho nghe").lines] == [whole]
    assert lists.incoming_page(office.clerk, IncomingTab.ARRIVED, query="ra soat ho nghe").lines == ()


def test_a_whole_word_in_documents_of_others_changes_nothing_for_a_specialist(office: Cast) -> None:
    mine = register(office, "Rà soát hộ nghèo")
    register(office, "Rà soát họ Nghê")
    tasks.assign(office.leader, mine, lead=office.specialist.id)
    assert [line.id for line in lists.incoming_page(office.specialist, query="soat ho nghe").lines] == [mine]


def test_pages_of_a_search_follow_each_other_in_the_same_words(office: Cast) -> None:
    made = [register(office, f"Họp giao ban tuần {ordinal}") for ordinal in range(5)]
    seen: list[int] = []
    after = ""
    while True:
        page = lists.incoming_page(office.clerk, query="hop gi", rows=2, after=after)
        seen += [line.id for line in page.lines]
        if page.next is None:
            break
        after = page.next
    assert seen == made[::-1]


def test_an_exact_code_stands_first(office: Cast) -> None:
    wanted = register(office, "Quyết định số 77", "77", "QĐ-UBND")
    register(office, "Nhắc đến 77/QĐ-UBND trong trích yếu", "78", "CV")
    assert lists.incoming_page(office.clerk, query="77/QĐ-UBND").lines[0].id == wanted


def test_a_specialist_sees_and_counts_only_what_is_assigned(office: Cast) -> None:
    mine = register(office, "Giao chuyên viên")
    register(office, "Giao người khác")
    tasks.assign(office.leader, mine, lead=office.specialist.id)
    assert [line.id for line in lists.incoming_page(office.specialist).lines] == [mine]
    assert lists.incoming_counts(office.specialist)[IncomingTab.ALL] == 1
    assert lists.incoming_counts(office.clerk)[IncomingTab.ALL] == 2
    assert lists.incoming_page(office.specialist, query="nguoi khac").lines == ()


def test_the_administrator_sees_no_document(office: Cast) -> None:
    register(office, "Văn bản")
    assert lists.incoming_page(office.administrator).lines == ()
    assert lists.incoming_counts(office.administrator)[IncomingTab.ALL] == 0


def test_counts_agree_with_pages_in_every_tab(office: Cast) -> None:
    for ordinal in range(3):
        register(office, f"Văn bản {ordinal}")
        outgoing.draft(office.clerk, a_draft(office))
    for tab, amount in lists.incoming_counts(office.clerk).items():
        assert len(lists.incoming_page(office.clerk, tab).lines) == amount
    for outgoing_tab, amount in lists.outgoing_counts(office.clerk).items():
        assert len(lists.outgoing_page(office.clerk, outgoing_tab).lines) == amount


@pytest.mark.parametrize("kind", ["incoming", "outgoing"])
def test_no_list_scans_or_sorts(office: Cast, kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    statements: list[tuple[str, object]] = []
    original = database.rows

    def noting(statement: str, parameters: object = ()) -> list[object]:
        statements.append((statement, parameters))
        return original(statement, parameters)  # type: ignore[arg-type] # stands in for both shapes

    monkeypatch.setattr(database, "rows", noting)
    for query in ("", "ho ngheo"):
        for after in ("", "5"):
            if kind == "incoming":
                for tab in IncomingTab:
                    cursor = "2026-01-01.5" if tab is IncomingTab.OVERDUE and after and not query else after
                    lists.incoming_page(office.clerk, tab, query=query, after=cursor)
            else:
                for outgoing_tab in OutgoingTab:
                    lists.outgoing_page(office.clerk, outgoing_tab, query=query, after=after)
    assert statements
    for statement, parameters in statements:
        plan = " | ".join(row[3] for row in original(f"EXPLAIN QUERY PLAN {statement}", parameters))  # type: ignore[arg-type] # stands in for both shapes
        assert "TEMP B-TREE" not in plan, (statement, plan)
        assert "SCAN d" not in plan or f"FROM {kind} d WHERE 1 " in statement or "INDEX" in plan, (statement, plan)
