"""Who acts: a person with roles, or the portal itself; every verb is given one."""

from __future__ import annotations

from dataclasses import dataclass

from commune_portal.errors import NotAllowed
from commune_portal.people import accesses
from commune_portal.rules import permissions
from commune_portal.rules.permissions import Relation, Role, Verb
from commune_portal.store import journal


@dataclass(frozen=True, slots=True)
class Actor:
    """A person as verbs see one; `uid` is what journal lines carry."""

    id: int
    uid: str
    username: str
    full_name: str
    position: str
    unit: str
    roles: frozenset[Role]

    @property
    def is_portal(self) -> bool:
        """True for what the portal does by itself; there is no such account."""
        return self.id == 0

    def may(self, verb: Verb, *relations: Relation) -> bool:
        """Whether the roles carry this act on an object of any of these relations; the portal itself may do all."""
        asked = relations or (Relation.ALL,)
        return self.is_portal or any(permissions.allowed(self.roles, verb, relation) for relation in asked)

    def may_ever(self, verb: Verb) -> bool:
        """Whether there is any object to which the roles carry this act."""
        return self.is_portal or permissions.may_ever(self.roles, verb)

    def require(self, verb: Verb, *relations: Relation) -> None:
        """Raises NotAllowed, and notes it among the accesses, when the roles do not carry this act."""
        if not self.may(verb, *relations):
            accesses.note(self.id, accesses.REFUSED, verb.value)
            raise NotAllowed(detail=verb.value)


PORTAL = Actor(0, journal.SYSTEM, "", "Hệ thống", "", "", frozenset())
"""The actor of what the portal does itself: arrivals, statuses, receipts, the demonstration's founding."""
