"""A change of the program, told in the register's own journal: from which release to which, by which operation."""

from __future__ import annotations

from commune_portal.people.actors import Actor
from commune_portal.rules.acts import Act
from commune_portal.store import database, journal


def changed(actor: Actor, operation: str, source: str, target: str) -> None:
    """Notes a change of release once, however often an interrupted operation is finished."""
    about = f"operation:{operation}"
    with database.transaction() as work:
        if work.execute("SELECT 1 FROM journal WHERE object = ?", (about,)).fetchone() is None:
            journal.write(work, Act.SOFTWARE_CHANGED, actor.uid, about=about, facts={"from": source, "to": target})
