"""Thay thế: a document whose content was wrong is replaced by another of the same form; both ends link both.

Source: NĐ 30/2020, Điều 18.3; QCVN 102:2016 (BussinessDocType 3).
"""

from __future__ import annotations

from commune_portal.documents import carrying, dispatch, outgoing, visibility
from commune_portal.documents.dispatch import Errand, Recipient
from commune_portal.documents.issuing import printed_code
from commune_portal.documents.outgoing import Outgoing
from commune_portal.edxml import package
from commune_portal.errors import RuleBroken
from commune_portal.people.actors import Actor
from commune_portal.rules import amendments as rules
from commune_portal.rules import statuses
from commune_portal.rules.acts import Act
from commune_portal.rules.amendments import AmendmentKind
from commune_portal.rules.kinds import Medium
from commune_portal.rules.permissions import Verb
from commune_portal.rules.statuses import BusinessType, OutgoingState


def replace(actor: Actor, old_id: int, new_id: int, reason: str) -> None:
    """Sends an issued document in the place of another to everybody who has the other; both are linked.

    Source: NĐ 30/2020, Điều 18.3.
    """
    visibility.require(actor, Verb.OUTGOING_AMEND, "outgoing", old_id)
    visibility.require(actor, Verb.OUTGOING_AMEND, "outgoing", new_id)
    old, new = outgoing.get(old_id), outgoing.get(new_id)
    state = rules.next_asking(old.state, AmendmentKind.REPLACE)
    targets = [item for item in dispatch.recipients(old_id) if item.has_it]
    _require_replacing(old, new, targets)
    reason = statuses.check_reason(reason)
    postings = carrying.postings_for(targets)
    codes = tuple(posting.organ_code for posting in postings)
    errand = Errand(BusinessType.REPLACE, reason, replacements=(package.Replacement(old.document_id, codes),))
    carrying.carry(
        actor, AmendmentKind.REPLACE, old, new, targets, postings, errand, state=state, act=Act.OUTGOING_REPLACED,
        note=f"được thay thế bằng {printed_code(new)}", said_as="replaces",
    )  # fmt: skip


def _require_replacing(old: Outgoing, new: Outgoing, targets: list[Recipient]) -> None:
    if new.id == old.id:
        raise RuleBroken("Văn bản thay thế phải là một văn bản khác. Hãy chọn văn bản mới.", field="notice")
    if new.state is not OutgoingState.ISSUED:
        raise RuleBroken(
            "Văn bản thay thế chưa phát hành. Hãy cấp số và ký số văn bản mới trước rồi thay thế.", field="notice"
        )
    if targets and new.medium is Medium.PAPER:
        raise RuleBroken(
            "Văn bản cũ đã gửi qua liên thông nên văn bản thay thế phải là văn bản điện tử. Hãy chọn văn bản khác.",
            field="notice",
        )
    has_it = {item.organ_code for item in dispatch.recipients(new.id) if item.has_it}
    again = [item.organ_name for item in targets if item.organ_code in has_it]
    if again:
        raise RuleBroken(
            f"Văn bản này đã gửi cho {', '.join(again)} như văn bản mới nên không gửi thay thế được nữa."
            " Hãy chọn văn bản khác.",
            field="notice",
        )
