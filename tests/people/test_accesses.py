"""Accesses: batches, append-only rows, and a digest that any later change breaks."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from commune_portal import clock
from commune_portal.errors import PortalError
from commune_portal.people import accesses
from commune_portal.people.actors import Actor
from commune_portal.rules.permissions import Role
from commune_portal.settings import Settings
from commune_portal.store import database, journal
from tests.people.conftest import person

DAY = datetime(2026, 11, 20, 3, 0, tzinfo=UTC)


def test_notes_wait_for_their_batch_and_are_written_once(administrator: Actor) -> None:
    for number in range(accesses.BATCH):
        assert not accesses.is_due()
        accesses.note(administrator.id, accesses.SEEN, f"incoming:{number}")
    assert accesses.is_due()
    assert database.row("SELECT count(*) FROM accesses")[0] == 0
    assert accesses.flush() == accesses.BATCH
    assert accesses.flush() == 0
    assert database.row("SELECT count(*) FROM accesses")[0] == accesses.BATCH


def test_what_could_not_be_written_is_written_later(administrator: Actor) -> None:
    accesses.note(administrator.id + 1, accesses.SEEN, "incoming:1")
    with pytest.raises(PortalError):
        accesses.flush()
    accesses.note(administrator.id, accesses.SEEN, "incoming:2")
    assert person("hoa", "Nguyễn Thị Hoa", Role.CLERK).id == administrator.id + 1
    assert accesses.flush() == 2
    assert [row[0] for row in database.rows("SELECT object FROM accesses ORDER BY id")] == ["incoming:1", "incoming:2"]


def test_a_day_is_digested_once_when_it_is_over(administrator: Actor) -> None:
    with clock.standing_at(DAY):
        for number in range(3):
            accesses.note(administrator.id, accesses.FETCHED, f"file:{number}")
        accesses.flush()
        assert accesses.digest() is None
        assert not accesses.is_digest_due()
    with clock.standing_at(DAY + timedelta(days=1)):
        assert accesses.is_digest_due()
        made = accesses.digest()
        assert made is not None
        assert (made.first, made.last, made.amount) == (1, 3, 3)
        assert accesses.digest() is None
        accesses.note(administrator.id, accesses.SEEN, "incoming:9")
        accesses.flush()
    with clock.standing_at(DAY + timedelta(days=2)):
        second = accesses.digest()
        assert second is not None
        assert second.first == 4
    assert [line.fields["facts"]["amount"] for line in journal.lines_about(accesses.ABOUT)] == [3, 1]
    assert accesses.first_wrong_digest() is None


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE accesses SET object = 'file:x' WHERE id = 2",
        "UPDATE accesses SET account_id = NULL WHERE id = 2",
        "DELETE FROM accesses WHERE id = 2",
    ],
)
def test_a_row_changed_behind_the_portals_back_breaks_its_digest(
    office: Settings, administrator: Actor, change: str
) -> None:
    with clock.standing_at(DAY):
        for number in range(3):
            accesses.note(administrator.id, accesses.SEEN, f"file:{number}")
        accesses.flush()
    accesses.digest(DAY + timedelta(days=1))
    with pytest.raises(PortalError):
        database.write_working(change)
    connection = database.connect()
    connection.execute("DROP TRIGGER accesses_are_append_only_update")
    connection.execute("DROP TRIGGER accesses_are_append_only_delete")
    connection.execute(change)
    wrong = accesses.first_wrong_digest()
    assert wrong is not None
    assert wrong.first == 1
