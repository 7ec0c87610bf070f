"""Who may do what to which object: one table, read by pages, lists, counts, search, export and files alike.

A role grants a verb for some relations between the person and the object. `allowed` answers for one object;
`relations_for` gives the relations from which one SQL predicate is built.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from enum import StrEnum


class Role(StrEnum):
    """What an account may be; an account has a set of them.

    Source: NĐ 30/2020, Phụ lục VI, I.3 and IV.1.b; the roles themselves are our proposal.
    """

    CLERK = "clerk"
    LEADER = "leader"
    SPECIALIST = "specialist"
    ADMINISTRATOR = "administrator"
    OPERATOR = "operator"
    AUDITOR = "auditor"

    @property
    def label(self) -> str:
        """The words that people read."""
        return _ROLE_LABELS[self]


_ROLE_LABELS = {
    Role.CLERK: "Văn thư",
    Role.LEADER: "Lãnh đạo",
    Role.SPECIALIST: "Chuyên viên",
    Role.ADMINISTRATOR: "Quản trị",
    Role.OPERATOR: "Vận hành nút",
    Role.AUDITOR: "Kiểm tra viên",
}

OFFICE_ROLES = frozenset({Role.CLERK, Role.LEADER, Role.SPECIALIST, Role.ADMINISTRATOR})
NODE_ROLES = frozenset({Role.OPERATOR, Role.AUDITOR})


class Relation(StrEnum):
    """How a person stands to an object. In a grant, ALL means whatever the relation.

    ASSIGNED: the object is assigned to the person (lead or support). OWN: the person made it, or is about to.
    UNIT: it belongs to somebody of the person's unit. NONE: none of these. Asked with ALL, only a grant for all
    objects answers yes: that is how whole lists and acts without an object are asked for.
    """

    ALL = "all"
    UNIT = "unit"
    OWN = "own"
    ASSIGNED = "assigned"
    NONE = "none"


class Verb(StrEnum):
    """Everything that can be done, by the place where it is done."""

    INCOMING_SEE = "incoming.see"
    INCOMING_REGISTER = "incoming.register"
    INCOMING_REFUSE = "incoming.refuse"
    INCOMING_AMEND = "incoming.amend"
    INCOMING_ASSIGN = "incoming.assign"
    INCOMING_START = "incoming.start"
    INCOMING_COMPLETE = "incoming.complete"
    OUTGOING_SEE = "outgoing.see"
    OUTGOING_DRAFT = "outgoing.draft"
    OUTGOING_SUBMIT = "outgoing.submit"
    OUTGOING_RETURN = "outgoing.return"
    OUTGOING_APPROVE = "outgoing.approve"
    OUTGOING_SIGN = "outgoing.sign"
    OUTGOING_NUMBER = "outgoing.number"
    OUTGOING_SEAL = "outgoing.seal"
    OUTGOING_DISPATCH = "outgoing.dispatch"
    OUTGOING_VOID = "outgoing.void"
    OUTGOING_AMEND = "outgoing.amend"
    BOOKS_SEE = "books.see"
    BOOKS_PRINT = "books.print"
    BOOKS_CLOSE = "books.close"
    BOOKS_OPEN = "books.open"
    EXCHANGE_SEE = "exchange.see"
    EXCHANGE_RETRY = "exchange.retry"
    EXCHANGE_CALL = "exchange.call"
    EXCHANGE_BAG = "exchange.bag"
    EXCHANGE_GROUPS = "exchange.groups"
    EXCHANGE_COMPARE = "exchange.compare"
    STATISTICS_SEE = "statistics.see"
    FILES_SEE = "files.see"
    ADMINISTRATION_USERS = "administration.users"
    ADMINISTRATION_OFFICE = "administration.office"
    ADMINISTRATION_DIRECTORY = "administration.directory"
    ADMINISTRATION_TOKEN = "administration.token"  # noqa: S105 -- a verb, not a secret
    ADMINISTRATION_HEALTH = "administration.health"
    ADMINISTRATION_SETTINGS = "administration.settings"
    OWN_PASSWORD = "own.password"  # noqa: S105 -- a verb, not a secret
    NODE_MEMBERS = "node.members"
    NODE_TRANSIT = "node.transit"
    NODE_AUDIT = "node.audit"
    NODE_ENROL = "node.enrol"


_ALL = frozenset({Relation.ALL})
_OWN = frozenset({Relation.OWN})
_ASSIGNED = frozenset({Relation.ASSIGNED})
_CONCERNED = frozenset({Relation.OWN, Relation.ASSIGNED})
_NOTHING: frozenset[Relation] = frozenset()

GRANTS: Mapping[Role, Mapping[Verb, frozenset[Relation]]] = {
    Role.CLERK: {
        Verb.INCOMING_SEE: _ALL,
        Verb.INCOMING_REGISTER: _ALL,
        Verb.INCOMING_REFUSE: _ALL,
        Verb.INCOMING_START: _ASSIGNED,
        Verb.INCOMING_COMPLETE: _ASSIGNED,
        Verb.OUTGOING_SEE: _ALL,
        Verb.OUTGOING_DRAFT: _ALL,
        Verb.OUTGOING_SUBMIT: _ALL,
        Verb.OUTGOING_NUMBER: _ALL,
        Verb.OUTGOING_SEAL: _ALL,
        Verb.OUTGOING_DISPATCH: _ALL,
        Verb.OUTGOING_VOID: _ALL,
        Verb.OUTGOING_AMEND: _ALL,
        Verb.INCOMING_AMEND: _ALL,
        Verb.BOOKS_SEE: _ALL,
        Verb.BOOKS_PRINT: _ALL,
        Verb.BOOKS_CLOSE: _ALL,
        Verb.BOOKS_OPEN: _ALL,
        Verb.EXCHANGE_SEE: _ALL,
        Verb.EXCHANGE_RETRY: _ALL,
        Verb.EXCHANGE_CALL: _ALL,
        Verb.EXCHANGE_BAG: _ALL,
        Verb.EXCHANGE_GROUPS: _ALL,
        Verb.EXCHANGE_COMPARE: _ALL,
        Verb.STATISTICS_SEE: _ALL,
        Verb.FILES_SEE: _ALL,
        Verb.ADMINISTRATION_TOKEN: _ALL,
        Verb.ADMINISTRATION_HEALTH: _ALL,
        Verb.OWN_PASSWORD: _OWN,
    },
    Role.LEADER: {
        Verb.INCOMING_SEE: _ALL,
        Verb.INCOMING_ASSIGN: _ALL,
        Verb.INCOMING_START: _ASSIGNED,
        Verb.INCOMING_COMPLETE: _ALL,
        Verb.OUTGOING_SEE: _ALL,
        Verb.OUTGOING_DRAFT: _OWN,
        Verb.OUTGOING_SUBMIT: _OWN,
        Verb.OUTGOING_RETURN: _ALL,
        Verb.OUTGOING_APPROVE: _ALL,
        Verb.OUTGOING_SIGN: _ALL,
        Verb.BOOKS_SEE: _ALL,
        Verb.EXCHANGE_SEE: _ALL,
        Verb.EXCHANGE_COMPARE: _ALL,
        Verb.STATISTICS_SEE: _ALL,
        Verb.FILES_SEE: _ALL,
        Verb.OWN_PASSWORD: _OWN,
    },
    Role.SPECIALIST: {
        Verb.INCOMING_SEE: _CONCERNED,
        Verb.INCOMING_START: _ASSIGNED,
        Verb.INCOMING_COMPLETE: _ASSIGNED,
        Verb.OUTGOING_SEE: _CONCERNED,
        Verb.OUTGOING_DRAFT: _OWN,
        Verb.OUTGOING_SUBMIT: _OWN,
        Verb.FILES_SEE: _CONCERNED,
        Verb.OWN_PASSWORD: _OWN,
    },
    Role.ADMINISTRATOR: {
        Verb.ADMINISTRATION_USERS: _ALL,
        Verb.ADMINISTRATION_OFFICE: _ALL,
        Verb.ADMINISTRATION_DIRECTORY: _ALL,
        Verb.ADMINISTRATION_TOKEN: _ALL,
        Verb.ADMINISTRATION_HEALTH: _ALL,
        Verb.ADMINISTRATION_SETTINGS: _ALL,
        Verb.OWN_PASSWORD: _OWN,
    },
    Role.OPERATOR: {
        Verb.NODE_MEMBERS: _ALL,
        Verb.NODE_TRANSIT: _ALL,
        Verb.NODE_ENROL: _ALL,
        Verb.EXCHANGE_BAG: _ALL,
        Verb.EXCHANGE_COMPARE: _ALL,
        Verb.ADMINISTRATION_USERS: _ALL,
        Verb.ADMINISTRATION_DIRECTORY: _ALL,
        Verb.ADMINISTRATION_HEALTH: _ALL,
        Verb.ADMINISTRATION_SETTINGS: _ALL,
        Verb.OWN_PASSWORD: _OWN,
    },
    Role.AUDITOR: {
        Verb.NODE_AUDIT: _ALL,
        Verb.EXCHANGE_COMPARE: _ALL,
        Verb.STATISTICS_SEE: _ALL,
        Verb.OWN_PASSWORD: _OWN,
    },
}
"""The one table. What is not here is refused."""

READING_VERBS = frozenset(
    {
        Verb.INCOMING_SEE,
        Verb.OUTGOING_SEE,
        Verb.BOOKS_SEE,
        Verb.EXCHANGE_SEE,
        Verb.EXCHANGE_COMPARE,
        Verb.STATISTICS_SEE,
        Verb.FILES_SEE,
        Verb.NODE_TRANSIT,
        Verb.NODE_AUDIT,
        Verb.ADMINISTRATION_HEALTH,
    }
)
"""Verbs that change nothing."""

AUDITOR_MASKED_COLUMNS = frozenset(
    {
        "signer",
        "signer_name",
        "handler",
        "recipient_name",
        "drafter",
        "full_name",
        "kept_by",
        "note",
    }
)
"""Columns of the registers that hold people's names or words about people: an auditor sees a bar instead."""


def allowed(roles: Iterable[Role], verb: Verb, relation: Relation = Relation.ALL) -> bool:
    """Whether somebody with these roles may do this to an object to which they stand in this relation.

    Source: NĐ 30/2020, Điều 32.2 (the clerk seals in person), Phụ lục VI, I.3, III.3.b and IV.1.
    """
    granted = relations_for(roles, verb)
    return Relation.ALL in granted or (relation is not Relation.NONE and relation in granted)


def relations_for(roles: Iterable[Role], verb: Verb) -> frozenset[Relation]:
    """The relations in which the verb is granted; empty means never, ALL alone means every object.

    Source: NĐ 30/2020, Phụ lục VI, III.3.b (rights per dossier and per document).
    """
    granted = frozenset[Relation]().union(*(GRANTS[role].get(verb, _NOTHING) for role in roles))
    return _ALL if Relation.ALL in granted else granted


def may_ever(roles: Iterable[Role], verb: Verb) -> bool:
    """Whether there is any object to which they may do this: what decides about a place in the menu.

    Source: NĐ 30/2020, Phụ lục VI, I.3.
    """
    return bool(relations_for(roles, verb))


def is_masked(roles: Iterable[Role], column: str) -> bool:
    """Whether a column is hidden from somebody who looks into an office's register as an auditor.

    Source: Luật Bảo vệ dữ liệu cá nhân 2025; QĐ 28/2018, Điều 11 (statistics need no names).
    """
    return Role.AUDITOR in roles and column in AUDITOR_MASKED_COLUMNS
