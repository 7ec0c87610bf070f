"""Who may see which documents: one relation for an object and one SQL predicate for lists, counts and search.

Source: decisions 19; the table of rights is `rules.permissions`.
"""

from __future__ import annotations

from typing import Any, Literal

from commune_portal.errors import NotFound
from commune_portal.people.actors import Actor
from commune_portal.rules.permissions import Relation, Verb, relations_for
from commune_portal.store import database

OwnerTable = Literal["incoming", "outgoing"]

SEE = {"incoming": Verb.INCOMING_SEE, "outgoing": Verb.OUTGOING_SEE}

_PREDICATES: dict[tuple[str, Relation], str] = {
    ("incoming", Relation.ASSIGNED): (
        "d.id IN (SELECT incoming_id FROM assignments WHERE account_id = :me AND state <> 'replaced')"
    ),
    ("incoming", Relation.OWN): "d.registered_by = :me",
    ("outgoing", Relation.OWN): "d.drafter_id = :me",
    ("outgoing", Relation.ASSIGNED): "d.signer_id = :me",
}
_RELATIONS = (Relation.ASSIGNED, Relation.OWN)


def predicate(actor: Actor, table: OwnerTable) -> tuple[str, dict[str, Any]]:
    """The condition over a document aliased `d` that keeps only what this person may see, and its parameters."""
    relations = relations_for(actor.roles, SEE[table])
    if Relation.ALL in relations:
        return "1", {}
    parts = [_PREDICATES[table, item] for item in sorted(relations) if (table, item) in _PREDICATES]
    return (f"({' OR '.join(parts)})", {"me": actor.id}) if parts else ("0", {})


def relations_to(actor: Actor, table: OwnerTable, row_id: int) -> tuple[Relation, ...]:
    """How a person stands to one document, in every way that holds; raises NotFound when there is none.

    A leader may have drafted what he signs: both relations count.
    """
    conditions = ", ".join(_PREDICATES[table, relation] for relation in _RELATIONS)
    found = database.row(f"SELECT {conditions} FROM {table} d WHERE d.id = :id", {"id": row_id, "me": actor.id})
    if found is None:
        raise NotFound
    held = tuple(relation for relation, holds in zip(_RELATIONS, found, strict=True) if holds)
    return held or (Relation.NONE,)


def require(actor: Actor, verb: Verb, table: OwnerTable, row_id: int) -> None:
    """Refuses an act on one document: as unknown when the person may not see it, as not allowed otherwise."""
    relations = relations_to(actor, table, row_id)
    if actor.may(verb, *relations):
        return
    if not actor.may(SEE[table], *relations):
        raise NotFound
    actor.require(verb, *relations)
