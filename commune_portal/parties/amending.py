"""The acts of a desk on documents that went out: recall, take back, update, replace, correct, and their answers."""

from __future__ import annotations

import dataclasses
from typing import Any

from commune_portal.documents import (
    amendments,
    corrections,
    dispatch,
    incoming,
    outgoing,
    recalls,
    replacements,
    takebacks,
    updates,
)
from commune_portal.parties.acting import act, day, person
from commune_portal.rules.amendments import AmendmentKind
from commune_portal.rules.kinds import Urgency


@act
def resend(by: str, document: int, to: list[str]) -> None:
    """Sends once more to offices that refused a document, or gave it back."""
    dispatch.dispatch(person(by), document, to)


@act
def recall(by: str, document: int, notice: int, reason: str) -> None:
    """Withdraws an issued document by a notice."""
    recalls.recall(person(by), document, notice, reason)


@act
def destroy(by: str, document: int) -> None:
    """Destroys a recalled incoming document."""
    recalls.destroy(person(by), document)


@act
def take_back(by: str, document: int, organ: str, reason: str) -> None:
    """Asks one addressee for a document back, or withdraws what has not left."""
    found = next(item for item in dispatch.recipients(document) if item.organ_code == organ)
    takebacks.take_back(person(by), found.id, reason)


@act
def agree(by: str, amendment: int) -> None:
    """Says yes to a sender's request: taking back, or update."""
    _answering(amendment).agree(person(by), amendment)


@act
def decline(by: str, amendment: int, reason: str) -> None:
    """Says no to a sender's request, with a reason."""
    _answering(amendment).decline(person(by), amendment, reason)


def _answering(amendment: int) -> Any:
    return updates if amendments.get(amendment).kind is AmendmentKind.UPDATE else takebacks


@act
def replace(by: str, old: int, new: int, reason: str) -> None:
    """Replaces an issued document by another."""
    replacements.replace(person(by), old, new, reason)


@act
def update(by: str, document: int, reason: str, **changed: Any) -> None:
    """Puts data of an issued document right here and at its receivers."""
    now = updates.metadata_of(outgoing.get(document))
    if "due_date" in changed:
        changed["due_date"] = day(changed["due_date"])
    if "urgency" in changed:
        changed["urgency"] = Urgency(changed["urgency"])
    updates.update(person(by), document, dataclasses.replace(now, **changed), reason)


@act
def link_correction(by: str, letter: int, document: int) -> None:
    """Says that a letter corrects an issued document, before it is sent."""
    corrections.link(person(by), letter, document)


@act
def asked(table: str, document: int) -> list[dict[str, Any]]:
    """What was asked about a document, at either end: id, kind, state, who, reason."""
    found = amendments.of_incoming(document) if table == "incoming" else amendments.of_outgoing(document)
    return [
        {"id": item.id, "kind": item.kind.value, "state": item.state.value, "organ": item.organ_code,
         "reason": item.reason}
        for item in found
    ]  # fmt: skip


@act
def state_of(table: str, document: int) -> str:
    """The state of a document."""
    found = incoming.get(document) if table == "incoming" else outgoing.get(document)
    return found.state.value
