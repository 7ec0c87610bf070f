"""What people ask about documents that went out, and what the other side answers, at random."""

from __future__ import annotations

import dataclasses
import random
from collections.abc import Iterator
from functools import partial

from commune_portal.documents import dispatch, outgoing, recalls, replacements, takebacks, updates
from commune_portal.rules.kinds import Urgency
from commune_portal.store import database
from tests.model.people import Choice, Deed, Desk

REASON = "Gửi nhầm phụ lục, xin làm lại cho đúng"


def askings(office: Desk, source: random.Random) -> Iterator[Choice]:
    """What the sender can ask about what it has sent."""
    clerk = office.person("vanthu")
    sent = [
        row[0]
        for row in database.rows(
            "SELECT id FROM outgoing WHERE state IN ('issued', 'replaced') AND dispatched_at IS NOT NULL"
            " ORDER BY id DESC LIMIT 6"
        )
    ]
    fresh = [
        row[0]
        for row in database.rows(
            "SELECT id FROM outgoing WHERE state = 'issued' AND dispatched_at IS NULL ORDER BY id LIMIT 12"
        )
    ]
    if not sent:
        return
    old, notice = source.choice(sent), source.choice(fresh or [0])
    if notice:
        yield "recall", 3, lambda: recalls.recall(clerk, old, notice, REASON)
        yield "replace", 3, lambda: replacements.replace(clerk, old, notice, REASON)
    wanted = dataclasses.replace(
        updates.metadata_of(outgoing.get(old)), page_amount=source.randint(1, 90), urgency=Urgency(source.randint(0, 2))
    )
    yield "update", 3, lambda: updates.update(clerk, old, wanted, REASON)
    addressees = dispatch.recipients(old)
    if addressees:
        addressee = source.choice(addressees)
        yield "take back", 4, lambda: takebacks.take_back(clerk, addressee.id, REASON)
        again = [item.organ_code for item in addressees if item.status and item.status.value in ("02", "15")]
        if again:
            yield "send once more", 8, lambda: dispatch.dispatch(clerk, old, [source.choice(again)])


def answerings(office: Desk, source: random.Random) -> Iterator[Choice]:
    """What the receiver can answer."""
    clerk = office.person("vanthu")
    for row_id, kind, incoming_id in database.rows(
        "SELECT id, kind, incoming_id FROM amendments WHERE side = 'theirs' AND state = 'asked'"
        " AND incoming_id IS NOT NULL ORDER BY id DESC LIMIT 6"
    ):
        if kind == "recall":
            yield "destroy", 12, _destroy(office, incoming_id)
        elif kind in ("take-back", "update"):
            verbs = takebacks if kind == "take-back" else updates
            if source.random() < 0.6:
                yield f"agree to {kind}", 12, partial(verbs.agree, clerk, row_id)
            else:
                yield f"decline {kind}", 12, partial(verbs.decline, clerk, row_id, REASON)


def _destroy(office: Desk, incoming_id: int) -> Deed:
    return lambda: recalls.destroy(office.person("vanthu"), incoming_id)
