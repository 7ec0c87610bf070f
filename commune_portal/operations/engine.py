"""One engine for every operation: named steps, the journal before each, undone on failure, resumed after a crash.

The step `commit` is the border: an operation that has not written it is undone, one that has is finished.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

from commune_portal import points
from commune_portal.errors import DiskFull, PortalError
from commune_portal.operations import journal, record
from commune_portal.operations.journal import Operation, State
from commune_portal.operations.places import Places
from commune_portal.operations.services import Services

log = logging.getLogger(__name__)

Facts = dict[str, Any] | None


@dataclass(frozen=True, slots=True)
class Site:
    """The installation that is worked on; `say` tells a person how far it has come."""

    places: Places
    services: Services
    account: str
    port: int
    say: Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Step:
    """One step: its name in the journal, the words a person reads, what it does; it answers facts for the journal."""

    name: str
    told: str
    act: Callable[[Site, Operation], Facts]


class Outcome(StrEnum):
    """How an operation ended; `kept` is a failure before anything of the old state was touched."""

    DONE = "done"
    WARNED = "warned"
    KEPT = "kept"
    ROLLED_BACK = "rolled-back"


@dataclass(frozen=True, slots=True)
class Ended:
    """An operation at its end, and why it did not end well."""

    operation: Operation
    outcome: Outcome
    error: PortalError | None = None


def note(site: Site, operation: Operation) -> Operation:
    """Writes the journal, readable for the service."""
    written = journal.write(site.places.journal, operation)
    record.give(site.places, site.places.journal)
    return written


def carry_out(
    site: Site, operation: Operation, steps: Sequence[Step], undo: Callable[[Site, Operation], None]
) -> Ended:
    """Does the steps in order; a failure before `commit` is undone, one after it is left for `resume`."""
    try:
        for step in steps:
            site.say(step.told)
            operation = note(site, replace(operation, step=step.name))
            points.reach("operation-step-written")
            operation = operation.knowing(step.act(site, operation) or {})
            points.reach("operation-step-done")
        operation = note(site, replace(operation, state=State.DONE))
    except (PortalError, OSError) as failure:
        error = told(failure)
        log.info("%s stopped at %s: %s", operation.kind, operation.step, error)
        if operation.is_committed:
            return Ended(operation, Outcome.WARNED, error)
        return undone(site, operation, undo, error)
    return Ended(operation, Outcome.DONE)


def undone(
    site: Site, operation: Operation, undo: Callable[[Site, Operation], None], error: PortalError | None
) -> Ended:
    """Undoes an operation and says so in the journal; where even that cannot be written, undoing again does no harm."""
    operation = _noted(site, replace(operation, error=error.sentence if error else operation.error))
    points.reach("operation-step-written")
    site.say("Đang trở lại như trước…")
    undo(site, operation)
    points.reach("operation-step-done")
    operation = _noted(site, replace(operation, state=State.UNDONE))
    return Ended(operation, Outcome.ROLLED_BACK, error)


def _noted(site: Site, operation: Operation) -> Operation:
    try:
        return note(site, operation)
    except (PortalError, OSError) as failure:
        log.info("the journal of %s cannot be written: %s", operation.id, failure)
        return operation


def told(failure: PortalError | OSError) -> PortalError:
    """A failure as a sentence."""
    if isinstance(failure, PortalError):
        return failure
    return DiskFull(
        f"Máy báo lỗi khi ghi hoặc đọc đĩa: {failure}. Hãy kiểm tra ổ đĩa rồi làm lại.", detail=str(failure)
    )
