"""«Gửi kèm bản giấy»: which addressees of a document also get paper, and the note that it went.

Source: QĐ 28/2018, Điều 5.3 and Điều 7.2.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

from commune_portal import clock
from commune_portal.documents import visibility
from commune_portal.errors import NotFound, RuleBroken
from commune_portal.people import office_rules
from commune_portal.people.actors import Actor
from commune_portal.rules.acts import Act
from commune_portal.rules.paper_alongside import PaperStep, goes_with_paper
from commune_portal.rules.permissions import Verb
from commune_portal.store import database, journal

Thing = TypeVar("Thing")


def asks(type_code: str) -> Callable[[str], bool]:
    """Says of an office's code whether paper must follow a document of this type to it; reads the list once."""
    rule = office_rules.paper_rule(clock.today())
    return lambda organ_code: goes_with_paper(rule, type_code, organ_code)


def split(things: Sequence[Thing], with_paper: Callable[[Thing], bool]) -> list[list[Thing]]:
    """Things in one or two groups, those with paper first: a packet says one thing of paper to all whom it goes to."""
    groups = ([item for item in things if with_paper(item)], [item for item in things if not with_paper(item)])
    return [group for group in groups if group]


def sent(actor: Actor, recipient_id: int) -> int:
    """Notes that the paper went to one addressee and answers its document.

    Raises RuleBroken where no paper is asked for, or it went already.
    """
    found = database.row(
        "SELECT r.outgoing_id, r.organ_code, r.organ_name, r.paper_follows, o.uid FROM recipients r"
        " JOIN outgoing o ON o.id = r.outgoing_id WHERE r.id = ?",
        (recipient_id,),
    )
    if found is None:
        raise NotFound
    outgoing_id, code, name, step, uid = found
    visibility.require(actor, Verb.OUTGOING_DISPATCH, "outgoing", outgoing_id)
    if step != PaperStep.TO_GO:
        raise RuleBroken("Nơi này không phải gửi bản giấy, hoặc bản giấy đã gửi rồi. Hãy tải lại trang.")
    with database.transaction() as work:
        work.update(
            "recipients", recipient_id, {"paper_follows": int(PaperStep.GONE)}, expected={"paper_follows": step}
        )
        journal.write(
            work, Act.PAPER_SENT, actor.uid, about=f"outgoing:{uid}", facts={"recipient": code},
            dates={"sent": clock.today().isoformat()}, texts={"recipients": name, "actor_name": actor.full_name},
        )  # fmt: skip
    return int(outgoing_id)
