"""`release resume`: after a crash, finish what had been committed and undo what had not. Nothing to do is no error.

At boot it runs before the service and starts nothing. It is run by the program of the release that began the
operation (`rescue`), which understands its journal and is known to start.
"""

from __future__ import annotations

from collections.abc import Sequence

from commune_portal.operations import engine, journal, steps, uninstalling
from commune_portal.operations.engine import Ended, Outcome, Site, Step
from commune_portal.operations.journal import Kind, Operation
from commune_portal.operations.places import Places


def pending(places: Places) -> Operation | None:
    """The operation that was interrupted, None where there is none."""
    found = journal.read(places.journal)
    return found if found is not None and found.is_pending else None


def resume(site: Site, operation: Operation, *, starts: bool = True) -> Ended:
    """Brings an interrupted operation to its end, under the lock."""
    site.say(f"Lần {operation.kind.label} trước bị ngắt ở bước «{operation.step}».")
    if operation.is_committed:
        ended = engine.carry_out(site, operation, _left(operation), _never)
        if ended.outcome is Outcome.DONE and operation.kind is not Kind.UNINSTALL and starts:
            site.services.start()
        return ended

    def undo(at: Site, what: Operation) -> None:
        steps.undo(at, what, starts=starts)

    return engine.undone(site, operation, undo, None)


def tidy(places: Places) -> None:
    """Without a pending operation nothing may keep the portal from writing."""
    steps.mark_of(places).unlink(missing_ok=True)


def _left(operation: Operation) -> Sequence[Step]:
    all_steps: Sequence[Step] = uninstalling.STEPS if operation.kind is Kind.UNINSTALL else steps.STEPS[operation.kind]
    names = [step.name for step in all_steps]
    return all_steps[names.index(operation.step) if operation.step in names else 0 :]


def _never(_: Site, operation: Operation) -> None:
    raise AssertionError(f"{operation.id} was committed: it is finished, not undone")
