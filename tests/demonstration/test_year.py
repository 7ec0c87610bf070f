"""The plan of the demonstrated year: the same for the same day, lawful in its order, with every state in it."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, date, datetime, timedelta

import pytest

from commune_portal import clock
from commune_portal.demonstration import days, year
from commune_portal.demonstration.acts import Planned
from commune_portal.demonstration.cast import AN_PHU, BINH_LOI, OFFICES, PLANS, PROVINCE
from commune_portal.demonstration.drafts import WAY
from commune_portal.demonstration.filling import ACTS
from commune_portal.demonstration.year import FULL, SMALL, Plan
from commune_portal.rules import deadlines, kinds

SUNDAY = date(2026, 11, 22)
# In Tết, on the first working day of a year, in a leap year, on an ordinary Monday.
OTHER_DAYS = (date(2026, 2, 18), date(2027, 1, 4), date(2028, 2, 29), date(2026, 7, 6))


@pytest.fixture(scope="module")
def plan() -> Plan:
    return year.plan(SUNDAY)


def past(plan: Plan, party: str) -> list[tuple[datetime, Planned]]:
    return [(act.at, act) for act in plan.acts[party] if act.at is not None]


def test_the_same_day_gives_the_same_year() -> None:
    assert year.plan(SUNDAY, SMALL) == year.plan(SUNDAY, SMALL)
    assert year.plan(SUNDAY, SMALL) != year.plan(SUNDAY + timedelta(days=1), SMALL)


def test_a_year_holds_some_hundred_documents_each_way(plan: Plan) -> None:
    for party, least in ((AN_PHU, 300), (BINH_LOI, 200)):
        found = Counter(act.name for act in plan.acts[party])
        assert found["register"] + found["accept"] >= least
        assert found["number"] >= least // 3


@pytest.mark.parametrize("today", [SUNDAY, *OTHER_DAYS])
def test_everything_past_happens_in_order_and_in_office_hours_of_working_days_before_today(today: date) -> None:
    made = year.plan(today, SMALL)
    calendar = days.calendar_around(today)
    for party in OFFICES:
        acts = past(made, party)
        assert [at for at, _ in acts] == sorted(at for at, _ in acts)
        assert [act.round for act in made.acts[party]] == sorted(act.round for act in made.acts[party])
        for at, _ in acts:
            here = at.astimezone(clock.VIETNAM)
            assert here.date() < today
            assert deadlines.is_working_day(here.date(), calendar)
            assert 7 * 60 <= here.hour * 60 + here.minute <= 18 * 60


@pytest.mark.parametrize("today", [SUNDAY, *OTHER_DAYS])
def test_every_document_goes_its_way_step_by_step(today: date) -> None:
    made = year.plan(today, SMALL)
    for party in OFFICES:
        stand: dict[str, str] = {}
        for act in made.acts[party]:
            key, before = act.values["key"], stand.get(act.values["key"], "")
            assert before in LAWFUL[act.name], (party, act)
            stand[key] = act.name


LAWFUL = {
    "register": {""},
    "accept": {""},
    "refuse": {""},
    "assign": {"register", "accept"},
    "start": {"assign"},
    "complete": {"assign", "start"},
    "draft": {""},
    "submit": {"draft", "return"},
    "return": {"submit"},
    "approve": {"submit"},
    "sign": {"approve"},
    "number": {"approve", "sign"},
    "seal": {"number"},
    "void": {"number"},
    "send": {"seal"},
    "replace": {"send"},
    "recall": {"send"},
    "take_back": {"send"},
    "update": {"send"},
}


def test_every_act_of_the_plan_can_be_done_by_somebody_who_is_there(plan: Plan) -> None:
    assert set(WAY) < set(ACTS)
    for party in OFFICES:
        people = {person.username for person in PLANS[party].people}
        for act in plan.acts[party]:
            assert act.name in ACTS
            named = [act.values[name] for name in ("by", "lead", "signer") if name in act.values]
            assert people.issuperset([*named, *act.values.get("supports", [])])


def test_an_office_of_today_has_work_in_every_state(plan: Plan) -> None:
    for party in (AN_PHU, BINH_LOI):
        last: dict[str, Planned] = {act.values["key"]: act for act in plan.acts[party]}
        ends = Counter(act.name for act in last.values())
        assert {"register", "assign", "start", "complete", "refuse", "void"} <= set(ends)
        assert {"draft", "submit", "return", "approve", "sign", "number", "seal", "send"} <= set(ends)


def test_there_is_something_overdue_due_today_tomorrow_and_later(plan: Plan) -> None:
    for party in (AN_PHU, BINH_LOI):
        done = {act.values["key"] for act in plan.acts[party] if act.name == "complete"}
        due = [
            date.fromisoformat(act.values["due"])
            for act in plan.acts[party]
            if act.name == "assign" and act.values["due"] and act.values["key"] not in done
        ]
        classes = {deadlines.due_class(day, SUNDAY) for day in due}
        assert {item.value for item in classes} >= {"overdue", "today", "tomorrow", "later"}


def test_urgent_ones_go_both_ways_and_hoa_toc_is_among_them(plan: Plan) -> None:
    for party in (AN_PHU, BINH_LOI):
        levels = Counter(act.values.get("urgency", 0) for act in plan.acts[party] if act.name in ("register", "draft"))
        assert all(levels[level] for level in range(4))


def test_answers_are_issued_before_what_they_answer_is_completed(plan: Plan) -> None:
    for party in (AN_PHU, BINH_LOI):
        sealed = {act.values["key"]: act.at for act in plan.acts[party] if act.name == "seal"}
        answered = [act for act in plan.acts[party] if act.name == "complete" and act.values["answered_by"]]
        assert len(answered) >= 10
        for act in answered:
            issued = sealed[act.values["answered_by"]]
            assert issued is not None
            assert act.at is not None
            assert issued < act.at


def test_what_comes_through_the_node_is_handled_after_it_was_fetched(plan: Plan) -> None:
    for party in OFFICES:
        sent = {
            f"{PLANS[sender].code}|{act.values['subject']}": finished
            for sender in OFFICES
            if sender != party
            for act in plan.acts[sender]
            if act.name == "draft"
            for finished in [_sent_in(plan, sender, act.values["key"])]
            if finished is not None
        }
        for act in plan.acts[party]:
            if act.name in ("accept", "refuse"):
                assert act.round >= sent[act.values["key"]] + 2


def _sent_in(plan: Plan, sender: str, key: str) -> int | None:
    found = [act.round for act in plan.acts[sender] if act.name == "send" and act.values["key"] == key]
    return found[0] if found else None


def test_a_document_of_today_waits_at_the_node_because_its_addressee_is_away(plan: Plan) -> None:
    last = [act for act in plan.acts[AN_PHU] if act.name == "send"][-1]
    assert last.values["to"] == [PLANS[PROVINCE].code]
    assert all(PROVINCE not in meeting.parties for meeting in plan.rounds[last.round :])


def test_a_scan_is_registered_as_it_is_drawn(plan: Plan) -> None:
    for party in (AN_PHU, BINH_LOI):
        scanned = [act.values for act in plan.acts[party] if act.name == "register" and act.values.get("scan")]
        assert len(scanned) == FULL.scans
        drawn = {item["scan"]: item for item in plan.scans}
        assert all(drawn[item["scan"]]["subject"] == item["subject"] for item in scanned)


def test_subjects_are_filled_and_of_a_known_type(plan: Plan) -> None:
    for party in OFFICES:
        for act in plan.acts[party]:
            subject = act.values.get("subject", "")
            assert "{" not in subject
            if act.name == "draft":
                assert kinds.document_type(act.values["type"], SUNDAY)


def test_books_go_on_in_mid_year_and_begin_with_one_in_january() -> None:
    assert year.opening_numbers(year.plan(SUNDAY), AN_PHU, FULL)["incoming"] > 200
    assert year.opening_numbers(year.plan(date(2027, 1, 2)), AN_PHU, FULL) == {}


def test_an_act_survives_its_way_to_the_process_that_does_it(plan: Plan) -> None:
    for act in plan.acts[PROVINCE]:
        assert Planned.from_json(act.to_json()) == act


def test_a_report_speaks_of_the_month_and_quarter_before() -> None:
    import random

    chance = random.Random(1)
    assert days.filled("tháng {month}/{year}", date(2026, 1, 5), chance) == "tháng 12/2025"
    assert days.filled("quý {quarter}/{year}", date(2026, 2, 5), chance) == "quý 4/2025"
    assert days.filled("quý {quarter}/{year}", date(2026, 4, 5), chance) == "quý 1/2026"


def test_the_instants_of_a_day_are_vietnamese() -> None:
    assert days.at(date(2026, 11, 20), 8 * 60) == datetime(2026, 11, 20, 1, 0, tzinfo=UTC)
