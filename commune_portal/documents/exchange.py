"""What the exchange page reads beyond the queue itself: what each line is about."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from commune_portal.people.actors import Actor
from commune_portal.rules import numbering
from commune_portal.rules.permissions import Verb
from commune_portal.store import database


@dataclass(frozen=True, slots=True)
class Subject:
    """The document that a line of the queue is about."""

    table: Literal["incoming", "outgoing"]
    id: int
    words: str


def subjects(actor: Actor, abouts: Iterable[str]) -> dict[str, Subject]:
    """The documents that queue lines call `outgoing:<uid>` or `incoming:<uid>`, in two queries."""
    actor.require(Verb.EXCHANGE_SEE)
    wanted: dict[str, set[str]] = {"incoming": set(), "outgoing": set()}
    for about in abouts:
        table, _, uid = about.partition(":")
        if table in wanted and uid:
            wanted[table].add(uid)
    found: dict[str, Subject] = {}
    if uids := sorted(wanted["outgoing"]):
        for row in database.rows(
            f"SELECT uid, id, number, symbol, subject FROM outgoing WHERE uid IN ({_marks(uids)})", uids
        ):
            code = numbering.number_and_symbol(row[2], row[3]) if row[2] else row[3]
            found[f"outgoing:{row[0]}"] = Subject("outgoing", row[1], f"{code}: {row[4]}")
    if uids := sorted(wanted["incoming"]):
        for row in database.rows(
            f"SELECT uid, id, code_number, code_notation, subject FROM incoming WHERE uid IN ({_marks(uids)})",
            uids,
        ):
            code = "/".join(part for part in row[2:4] if part) or "không số"
            found[f"incoming:{row[0]}"] = Subject("incoming", row[1], f"{code}: {row[4]}")
    return found


def _marks(uids: list[str]) -> str:
    return ", ".join("?" for _ in uids)
