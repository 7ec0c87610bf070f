"""Numbers under contention: contiguous and once each, whoever works at once, whatever fails in the middle."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections import Counter
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from commune_portal import clock, points
from commune_portal.documents import incoming, issuing, outgoing
from commune_portal.documents.verification import verify_installation
from commune_portal.errors import RuleBroken
from commune_portal.people import office_rules
from commune_portal.people.actors import PORTAL
from commune_portal.rules.numbering import NumberGroup, NumberingRules, Scheme
from commune_portal.store import database
from tests.cast import Cast
from tests.documents.clerks import Task, a_paper, approved_papers, at_once

PROJECT = Path(__file__).parents[2]


def series() -> dict[tuple[str, str, int], list[int]]:
    """Every book's numbers in the order of giving: by direction, key, year."""
    found: dict[tuple[str, str, int], list[int]] = {}
    for direction in ("incoming", "outgoing"):
        for key, year, number in database.rows(
            f"SELECT b.key, d.year, d.number FROM {direction} d JOIN books b ON b.id = d.book_id ORDER BY d.number"
        ):
            found.setdefault((direction, key, year), []).append(number)
    return found


def amounts() -> dict[tuple[str, str, int], int]:
    """How many numbers each book has given; every book must be contiguous from one."""
    found = series()
    for name, numbers in found.items():
        assert numbers == list(range(1, len(numbers) + 1)), name
    return {name: len(numbers) for name, numbers in found.items()}


def serials() -> list[str]:
    return [row[0] for row in database.rows("SELECT document_id FROM outgoing WHERE document_id <> '' ORDER BY 1")]


def is_sound(office: Cast) -> bool:
    found = verify_installation(office.settings)
    assert found.ok, found.faults
    return True


def registering(office: Cast, lane: int, amount: int) -> list[Task]:
    clerk = (office.clerk, office.other_clerk)[lane % 2]
    return [partial(incoming.register, clerk, a_paper(f"{lane}{item:03d}")) for item in range(amount)]


def numbering(office: Cast, lane: int, rows: list[int]) -> list[Task]:
    clerk = (office.clerk, office.other_clerk)[lane % 2]
    return [partial(issuing.number, clerk, row) for row in rows]


def test_two_clerks_in_eight_threads_number_several_hundred_documents(office: Cast) -> None:
    rows = approved_papers(office.clerk, office.leader, office.issuer_id, ["QD"] * 80)
    lanes = [registering(office, lane, 45) for lane in range(4)]
    lanes += [numbering(office, lane, rows[lane::4]) for lane in range(4)]
    assert at_once(lanes) == []
    year = clock.today().year
    assert amounts() == {("incoming", "arrivals", year): 180, ("outgoing", "office", year): 80}
    assert serials() == [f"H99.01.{year}.{serial:06d}" for serial in range(1, 81)]
    assert is_sound(office)


TYPES = ["QD", "CV", "BC", "TB"]
GROUPS = (NumberGroup("lon", "Quyết định, báo cáo", ("QD", "BC")), NumberGroup("cv", "Công văn", ("CV",)))


@pytest.mark.parametrize(
    ("rules", "wanted"),
    [
        (NumberingRules(Scheme.WHOLE_OFFICE), {"office": 32}),
        (NumberingRules(Scheme.PER_TYPE), {"type:QD": 8, "type:CV": 8, "type:BC": 8, "type:TB": 8}),
        (NumberingRules(Scheme.GROUPS, GROUPS), {"group:lon": 16, "group:cv": 8, "group:others": 8}),
    ],
    ids=lambda value: value.scheme.value if isinstance(value, NumberingRules) else "",
)
def test_each_scheme_keeps_its_series_contiguous(office: Cast, rules: NumberingRules, wanted: dict[str, int]) -> None:
    office_rules.set_numbering(PORTAL, rules)
    rows = approved_papers(office.clerk, office.leader, office.issuer_id, TYPES * 8)
    assert at_once([numbering(office, lane, rows[lane::4]) for lane in range(4)]) == []
    year = clock.today().year
    assert amounts() == {("outgoing", key, year): amount for key, amount in wanted.items()}
    assert len(set(serials())) == len(serials()) == 32
    assert is_sound(office)


def test_a_document_that_two_clerks_number_at_once_gets_one_number(office: Cast) -> None:
    rows = approved_papers(office.clerk, office.leader, office.issuer_id, ["QD"] * 20)
    raised = at_once([numbering(office, 0, rows), numbering(office, 1, rows), numbering(office, 2, rows)])
    assert [type(error) for error in raised] == [RuleBroken] * 40
    assert amounts() == {("outgoing", "office", clock.today().year): 20}
    assert is_sound(office)


class Unlucky(Exception):
    """What fails inside a transaction."""


class _Luck(threading.local):
    """Whether this thread's next transaction fails."""

    bad = False


luck = _Luck()


def fail_when_unlucky(point: points.Point) -> None:
    if point == "inside-transaction" and luck.bad:
        raise Unlucky


Plan = list[list[tuple[str, bool]]]
PLANS = st.lists(
    st.lists(st.tuples(st.sampled_from(["register", "number", "void"]), st.booleans()), min_size=1, max_size=5),
    min_size=2,
    max_size=4,
)


@settings(deadline=None, max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(plan=PLANS)
def test_an_act_that_fails_inside_its_transaction_consumes_no_number(office: Cast, plan: Plan) -> None:
    before = Counter(amounts())
    documents = iter(
        approved_papers(
            office.clerk, office.leader, office.issuer_id,
            ["QD" for lane in plan for act, _ in lane if act in ("number", "void")],
        )
    )  # fmt: skip
    expected: Counter[tuple[str, str, int]] = Counter()
    year = clock.today().year

    def task(act: str, unlucky: bool, row_id: int) -> Task:
        def done() -> None:
            luck.bad = unlucky
            try:
                if act == "register":
                    incoming.register(office.clerk, a_paper(str(row_id)))
                else:
                    issuing.number(office.clerk, row_id)
                if act == "void":
                    outgoing.void(office.clerk, row_id, "Cấp nhầm số cho văn bản này")
            finally:
                luck.bad = False

        return done

    lanes = []
    for lane in plan:
        tasks = []
        for act, unlucky in lane:
            row_id = 0 if act == "register" else next(documents)
            tasks.append(task(act, unlucky, row_id))
            if not unlucky:
                name = ("incoming", "arrivals", year) if act == "register" else ("outgoing", "office", year)
                expected[name] += 1
        lanes.append(tasks)
    points.hook = fail_when_unlucky
    try:
        raised = at_once(lanes)
    finally:
        points.hook = None
    assert Counter(type(error) for error in raised) == Counter(Unlucky for lane in plan for _, bad in lane if bad)
    assert Counter(amounts()) == before + expected
    assert is_sound(office)


def test_the_year_changes_while_clerks_are_at_work(office: Cast) -> None:
    last_second = datetime(2027, 12, 31, 16, 59, 59, tzinfo=UTC)  # 23:59:59 in Vietnam
    first_second = datetime(2027, 12, 31, 17, 0, 0, tzinfo=UTC)
    refused: list[RuleBroken] = []
    registered = threading.Semaphore(0)

    def register(lane: int, item: int) -> None:
        while True:
            try:
                incoming.register(office.clerk, a_paper(f"{lane}{item}"), confirmed=True)
            except RuleBroken as error:  # it read the old date, and the new year has begun: the clerk does it again
                refused.append(error)
                continue
            registered.release()
            return

    lanes = [[partial(register, lane, item) for item in range(25)] for lane in range(4)]

    def roll_over() -> None:
        for _ in range(40):
            registered.acquire(timeout=30)
        with clock.standing_at(first_second):
            for _ in range(60):
                registered.acquire(timeout=30)

    with clock.standing_at(last_second):
        assert at_once([*lanes, [roll_over]]) == []
    found = amounts()
    assert set(found) == {("incoming", "arrivals", 2027), ("incoming", "arrivals", 2028)}
    assert sum(found.values()) == 100
    assert found["incoming", "arrivals", 2027] >= 40
    years = [row[0] for row in database.rows("SELECT year FROM incoming ORDER BY id")]
    assert years == sorted(years)
    assert all("2028" in error.sentence for error in refused)
    assert is_sound(office)


@pytest.mark.story
def test_two_processes_on_one_register_give_each_number_once(office: Cast) -> None:
    rows = approved_papers(office.clerk, office.leader, office.issuer_id, ["QD"] * 60)
    database.close()
    children = [
        subprocess.Popen(
            [sys.executable, "-m", "tests.documents.clerks", str(office.settings.folder), username, name, "60", *half],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=PROJECT,
        )
        for username, name, half in (
            ("vanthu", "7", [str(row) for row in rows[::2]]),
            ("vanthu2", "8", [str(row) for row in rows[1::2]]),
        )
    ]  # fmt: skip
    try:
        for child in children:
            assert child.stdout is not None
            assert child.stdout.readline() == "ready\n"
        for child in children:
            assert child.stdin is not None
            child.stdin.write("\n")
            child.stdin.flush()
        assert [child.communicate(timeout=120)[0] for child in children] == ["done 0 []\n"] * 2
    finally:
        for child in children:
            child.kill()
            child.wait()
    year = clock.today().year
    assert amounts() == {("incoming", "arrivals", year): 120, ("outgoing", "office", year): 60}
    assert len(set(serials())) == 60
    assert is_sound(office)
