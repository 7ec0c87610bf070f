"""Where a message goes from here: to a member, to the node below that speaks for its addressee, or up.

Nodes form a tree: what came from above never goes up again, and what came from a node below never goes back there.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from commune_portal.node import members
from commune_portal.node.members import Member
from commune_portal.store import database, installation
from commune_portal.store.register import Work

MOST_HOPS = 8
"""Nodes that a message may have been at; a tree of communes, districts, provinces has three levels."""


class Way(StrEnum):
    """The direction of a message; the two last are `upward.port`."""

    MEMBER = "member"
    BELOW = "below"
    NODE = "node"
    AXIS = "axis"


@dataclass(frozen=True, slots=True)
class Route:
    """A way and, downward, the member that will fetch it."""

    way: Way
    member: Member | None = None

    @property
    def is_upward(self) -> bool:
        """True for what leaves this node to the node above or the axis."""
        return self.way in (Way.NODE, Way.AXIS)


def route(code: str, *, handed_by: Member | None = None, from_above: bool = False) -> Route | None:
    """The way to an organisation for a message that a member handed over, or that came from above; None: none.

    The axis has those that nobody else knows; with a node above, every unknown code is its concern.
    """
    own = database.row("SELECT closed_at FROM members WHERE code = ?", (code,))
    if own is not None:
        return None if own[0] else Route(Way.MEMBER, members.by_code(code))
    if code == installation.own().code:
        return None
    below = node_below(code)
    if below is not None:
        return None if handed_by is not None and below.id == handed_by.id else Route(Way.BELOW, below)
    if from_above:
        return None
    if database.row("SELECT 1 FROM organisations WHERE code = ? AND source = 'axis' AND reachable = 1", (code,)):
        return Route(Way.AXIS)
    return Route(Way.NODE) if has_node_above() else None


def node_below(code: str) -> Member | None:
    """The open member node whose subtree holds a code."""
    for row in database.rows("SELECT id, subtree FROM members WHERE subtree IS NOT NULL AND closed_at IS NULL"):
        member = members.by_id(row[0])
        if member.subtree.covers(code):
            return member
    return None


def has_node_above() -> bool:
    """Whether this node has been introduced to a node above it."""
    return database.row("SELECT 1 FROM peers LIMIT 1") is not None


def speaks_for(member: Member, code: str) -> bool:
    """Whether a member may hand over what this organisation signed: its own, or its subtree's.

    A direct member speaks for itself alone, also where its code lies in the subtree.
    """
    if code == member.code:
        return True
    if not member.subtree.covers(code) or code == installation.own().code:
        return False
    return database.row("SELECT 1 FROM members WHERE code = ? AND closed_at IS NULL", (code,)) is None


def within(column: str, member: Member) -> tuple[str, tuple[str, ...]]:
    """The condition, and its parameters, that a column holds a code for which a member speaks."""
    conditions, parameters = [f"{column} = ?"], [member.code]
    for low, high in member.subtree.ranges():
        if high:
            conditions.append(f"({column} >= ? AND {column} < ?)")
            parameters += [low, high]
        else:
            conditions.append(f"{column} = ?")
            parameters.append(low)
    if len(conditions) == 1:
        return conditions[0], tuple(parameters)
    direct = f"NOT EXISTS (SELECT 1 FROM members d WHERE d.code = {column} AND d.closed_at IS NULL AND d.id <> ?)"
    return f"(({' OR '.join(conditions)}) AND {direct})", (*parameters, str(member.id))


def send_up(
    work: Work, way: Way, message_id: str, kind: str, urgency: int, now: str, trace: tuple[str, ...], bytes_: str = ""
) -> None:
    """Puts a message of the mailbox, or the bytes of a receipt, on its way up in the caller's act."""
    work.execute(
        "INSERT INTO upward (message_id, kind, urgency, port, queued_at, state, next_attempt_at, receipt, trace)"
        " VALUES (?, ?, ?, ?, ?, 'ready', ?, ?, ?) ON CONFLICT DO NOTHING",
        (message_id, kind, urgency, way.value, now, now, bytes_, " ".join(trace)),
    )
