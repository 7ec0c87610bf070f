"""At the end of a round the office asks a real node what it holds, and who is who; a node that cannot say is let be."""

from __future__ import annotations

from datetime import timedelta

import pytest

from commune_portal import clock
from commune_portal.documents import comparisons, reconciliation
from commune_portal.documents.reconciliation import Asked, Side
from commune_portal.people import directory, organisation_lists
from commune_portal.rules.comparison import Compared, Finding
from commune_portal.wire import protocol
from tests.cast import NODE_CODE, OTHER_CODE, Cast
from tests.relay.conftest import Linking
from tests.relay.linked import linked

pytestmark = pytest.mark.story


def compared(office: Cast, side: Side, *, agreeing: bool) -> tuple[Compared, ...]:
    today = clock.today()
    asked = Asked(side, *clock.bounds(today - timedelta(days=1), today), "", agreeing)
    return reconciliation.page(office.clerk, asked).lines


def test_what_arrived_is_compared_with_a_real_node_and_the_list_is_taken_over(really: Linking) -> None:
    with really() as link:
        link.node.write(
            "INSERT INTO organisations (code, name, folded, phone)"
            " VALUES ('H99.50', 'Sở Nội vụ', 'so noi vu', '0260 1')"
        )
        link.arrives(link.partner.edoc())
        worker = link.worker()
        assert worker.contact()
        (line,) = compared(link.office, "incoming", agreeing=True)
        assert line.finding is Finding.AGREES
        assert any(item.words == "Nút nhận gói" for item in line.held)
        found = directory.by_code("H99.50")
        assert found is not None
        assert (found.name, found.phone, found.reachable) == ("Sở Nội vụ", "0260 1", False)
        assert organisation_lists.read_until(NODE_CODE)[0] > 0
        asked = [path for _, path, *_ in link.forwarder.requests if protocol.COMPARISON in path]
        assert worker.contact()
        assert [path for _, path, *_ in link.forwarder.requests if protocol.COMPARISON in path] == asked, (
            "once in hours"
        )
        today = clock.today()
        comparisons.ask_again(link.office.clerk, *clock.bounds(today, today), OTHER_CODE)
        assert comparisons.is_wanted()
        assert worker.contact()
        assert not comparisons.is_wanted()


def test_a_node_that_knows_neither_question_is_not_asked_again_at_once(office: Cast) -> None:
    with linked(office) as link:
        link.arrives(link.partner.edoc())
        assert link.worker().contact()
        assert not comparisons.is_due(clock.now())
        (line,) = compared(link.office, "incoming", agreeing=False)
        assert line.finding is Finding.UNKNOWN
