"""What the forms about incoming documents offer to choose from: types, people, units."""

from __future__ import annotations

from datetime import date

from commune_portal import clock
from commune_portal.people import accounts, issuers, office_rules
from commune_portal.people.actors import Actor
from commune_portal.rules import deadlines, kinds
from commune_portal.rules.permissions import Verb


def type_names() -> list[str]:
    """The names of the types in force, for suggestions; a foreign name may be typed."""
    return [kind.name for kind in kinds.document_types(clock.today())]


def handlers() -> list[Actor]:
    """Everybody who can be given a document to handle, by name."""
    open_ones = [account.actor for account in accounts.everyone() if account.disabled_at is None]
    return [person for person in open_ones if person.may_ever(Verb.INCOMING_START)]


def described(person: Actor) -> str:
    """A person with post and unit, as choices show one."""
    post = person.position or ", ".join(sorted(role.label for role in person.roles))
    return f"{person.full_name} – {post}"


def recipient_names() -> list[str]:
    """Units and people that a document may be passed to, for suggestions."""
    return [unit.name for unit in issuers.units()] + [person.full_name for person in handlers()]


def usual_due() -> date | None:
    """The deadline that the office gives unless the leader says otherwise; None where it has set none."""
    today = clock.today()
    days = office_rules.default_due_days(today)
    return deadlines.add_working_days(today, days, office_rules.calendar(today)) if days else None
