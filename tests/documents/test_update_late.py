"""Updates that come late or out of order, or from a sender whose clock was wrong: the one made last stands."""

from __future__ import annotations

from datetime import timedelta

import pytest

from commune_portal import clock
from commune_portal.documents import amendments, incoming, updates
from commune_portal.rules.amendments import AmendmentState
from commune_portal.rules.chain import Checkpoint
from commune_portal.store import database
from tests.cast import Cast
from tests.documents.dialogue import Message, accept, document, named, row_of, update_of
from tests.documents.partner import Partner, keys_of


def test_an_update_that_a_newer_one_overtook_waits_for_nobody(office: Cast) -> None:
    partner = Partner().introduce()
    with clock.standing_at(clock.now() - timedelta(hours=1)):
        older = update_of(partner, subject="Về việc cũ hơn")
    document(partner).arrive()
    update_of(partner, subject="Về việc mới hơn").arrive()
    row_id = row_of(named(partner, 7))
    assert accept(office, row_id).subject == "Về việc mới hơn"
    older.arrive()
    states = [item.state for item in amendments.of_incoming(row_id)]
    assert sorted(states) == sorted([AmendmentState.AGREED, AmendmentState.DROPPED])


def updated(partner: Partner, size: int, subject: str) -> Message:
    """An update that was made when the partner's journal was so long."""
    made = update_of(partner, subject=subject)
    checkpoint = Checkpoint(size, "ab" * 32)
    return Message(partner.sealed(made.packet, checkpoint=checkpoint), made.packet)


def test_a_clock_that_was_ahead_makes_no_later_update_an_older_one(office: Cast) -> None:
    partner = Partner().introduce()
    with clock.standing_at(clock.now() + timedelta(days=40)):
        first = updated(partner, 5, "Về việc của lần đầu")
    second = updated(partner, 6, "Về việc của lần sau")  # its clock was put right between the two
    document(partner).arrive()
    row_id = row_of(named(partner, 7))
    first.arrive()
    accept(office, row_id)
    second.arrive()
    assert states_of(row_id) == [AmendmentState.AGREED, AmendmentState.ASKED]
    updates.agree(office.clerk, amendments.of_incoming(row_id)[-1].id)
    assert incoming.get(row_id).subject == "Về việc của lần sau"


@pytest.mark.parametrize("ahead", [timedelta(days=40), timedelta()])  # the second: both in one second
def test_updates_that_wait_for_their_document_take_effect_as_they_were_made(office: Cast, ahead: timedelta) -> None:
    partner = Partner().introduce()
    with clock.standing_at(now := clock.now() + ahead):
        first = updated(partner, 5, "Về việc của lần đầu")
    with clock.standing_at(now - ahead):
        second = updated(partner, 6, "Về việc của lần sau")
    second.arrive()
    first.arrive()
    document(partner).arrive()
    row_id = row_of(named(partner, 7))
    assert incoming.get(row_id).subject == "Về việc của lần sau"


def test_an_older_update_that_waited_for_the_clerk_falls_when_a_newer_one_is_taken(office: Cast) -> None:
    partner = Partner().introduce()
    with clock.standing_at(clock.now() + timedelta(days=40)):
        first = updated(partner, 5, "Về việc của lần đầu")
    document(partner).arrive()
    row_id = row_of(named(partner, 7))
    accept(office, row_id)
    first.arrive()
    updated(partner, 6, "Về việc của lần sau").arrive()
    updates.agree(office.clerk, amendments.of_incoming(row_id)[-1].id)
    assert states_of(row_id) == [AmendmentState.DROPPED, AmendmentState.AGREED]


def test_a_restored_sender_whose_journal_is_shorter_again_is_still_heard(office: Cast) -> None:
    partner = Partner().introduce()
    document(partner).arrive()
    row_id = row_of(named(partner, 7))
    with clock.standing_at(clock.now() - timedelta(hours=2)):
        updated(partner, 20, "Về việc đã mất khi khôi phục").arrive()
    database.write_working(
        "UPDATE organisation_keys SET revoked_at = ?", (clock.to_text(clock.now() - timedelta(hours=1)),)
    )
    after = Partner(own=keys_of("restored"))
    database.write_working(
        "INSERT INTO organisation_keys (key_id, organ_code, public_key, box_public_key, valid_from)"
        " VALUES (?, ?, ?, ?, ?)",
        (after.own.key_id, after.code, after.own.public_key.hex(), after.own.box_public_key.hex(), clock.now_text()),
    )
    updated(after, 12, "Về việc làm lại").arrive()
    assert incoming.get(row_id).subject == "Về việc làm lại"


def states_of(row_id: int) -> list[AmendmentState]:
    """How the requests about a document stand, in the order of their coming."""
    return [item.state for item in amendments.of_incoming(row_id)]
