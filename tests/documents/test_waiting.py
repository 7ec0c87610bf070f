"""What waits for whom: the most pressing first, within what the person may see."""

from __future__ import annotations

from datetime import timedelta

from commune_portal import clock
from commune_portal.documents import incoming, tasks, waiting
from commune_portal.documents.incoming import Arrival
from commune_portal.rules.kinds import Urgency
from tests.cast import Cast


def register(office: Cast, subject: str, urgency: Urgency = Urgency.NORMAL) -> int:
    arrival = Arrival(sender_name="Sở Nội vụ", subject=subject, urgency=urgency, on_paper=True)
    return incoming.register(office.clerk, arrival)


def test_the_urgent_stands_first_and_the_rest_in_order(office: Cast) -> None:
    first, second = register(office, "Một"), register(office, "Hai")
    flash = register(office, "Hỏa tốc", Urgency.FLASH)
    pile = waiting.to_direct(office.leader)
    assert (pile.amount, [item.id for item in pile.items]) == (3, [flash, first, second])


def test_a_pile_counts_what_it_does_not_show(office: Cast) -> None:
    for ordinal in range(4):
        register(office, f"Văn bản {ordinal}")
    pile = waiting.to_direct(office.leader, rows=3)
    assert (pile.amount, len(pile.items)) == (4, 3)


def test_tasks_come_by_due_date_and_those_without_one_last(office: Cast) -> None:
    today = clock.today()
    made = [register(office, f"Văn bản {ordinal}") for ordinal in range(3)]
    for row_id, days in zip(made, (None, 5, 1), strict=True):
        due = today + timedelta(days=days) if days else None
        tasks.assign(office.leader, row_id, lead=office.specialist.id, due_date=due)
    assert [item.id for item in waiting.tasks_of(office.specialist)] == [made[2], made[1], made[0]]
    tasks.complete(office.specialist, made[1], result="Xong")
    assert [item.id for item in waiting.tasks_of(office.specialist)] == [made[2], made[0]]


def test_nobody_counts_what_they_may_not_see(office: Cast) -> None:
    register(office, "Của văn phòng")
    assert waiting.to_direct(office.specialist).amount == 0
    assert waiting.to_direct(office.administrator).amount == 0
