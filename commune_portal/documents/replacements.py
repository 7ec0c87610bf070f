"""Thay thế: a document whose content was wrong is replaced by another of the same form; both ends link both.

Source: NĐ 30/2020, Điều 18.3; QCVN 102:2016 (BussinessDocType 3).
"""

from __future__ import annotations

from commune_portal import clock
from commune_portal.documents import alongside, amendments, dispatch, outbox, outgoing, visibility
from commune_portal.documents.dispatch import Errand, Posting, Recipient
from commune_portal.documents.issuing import printed_code
from commune_portal.documents.outgoing import Outgoing
from commune_portal.edxml import package
from commune_portal.errors import RuleBroken
from commune_portal.people.actors import Actor
from commune_portal.rules import amendments as rules
from commune_portal.rules import statuses
from commune_portal.rules.acts import Act
from commune_portal.rules.amendments import AmendmentKind, AmendmentState, Side
from commune_portal.rules.kinds import Medium
from commune_portal.rules.permissions import Verb
from commune_portal.rules.statuses import BusinessType, OutgoingState
from commune_portal.store import database, journal


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
    postings = [Posting(item.organ_code, item.organ_name, outbox.new_message_id(), item.message_id) for item in targets]
    codes = tuple(posting.organ_code for posting in postings)
    errand = Errand(BusinessType.REPLACE, reason, replacements=(package.Replacement(old.document_id, codes),))
    paper = alongside.asks(new.type_code)
    groups = alongside.split(postings, lambda posting: paper(posting.organ_code))
    written = [dispatch.write_packet(actor, new, group, errand, everybody=postings) for group in groups]
    with database.transaction() as work:
        work.update("outgoing", old_id, {"state": state}, expected={"state": old.state})
        for group, packet in zip(groups, written, strict=True):
            dispatch.enter(work, new, group, packet, BusinessType.REPLACE)
        for target, posting in zip(targets, postings, strict=True):
            amendments.add(
                work, Side.OURS, AmendmentKind.REPLACE, old.document_id, message_id=posting.message_id,
                organ_code=target.organ_code, organ_name=target.organ_name, outgoing_id=old_id,
                recipient_id=target.id, notice_outgoing_id=new_id, reason=reason, asked_by=actor.id,
            )  # fmt: skip
        if not targets:
            amendments.add(
                work, Side.OURS, AmendmentKind.REPLACE, old.document_id, state=AmendmentState.AGREED,
                outgoing_id=old_id, notice_outgoing_id=new_id, reason=reason, asked_by=actor.id,
                answered_at=clock.now_text(),
            )  # fmt: skip
        names = "; ".join(posting.organ_name for posting in postings)
        journal.write(
            work, Act.OUTGOING_REPLACED, actor.uid, about=old.about, before=old.state, after=state,
            facts={"document": old.document_id, "notice": new.document_id, "recipients": list(codes)},
            texts={"note": f"được thay thế bằng {printed_code(new)}", "reason": reason, "recipients": names,
                   "actor_name": actor.full_name},
        )  # fmt: skip
        checkpoint = journal.write(
            work, Act.OUTGOING_DISPATCHED, actor.uid, about=new.about, before=new.state, after=new.state,
            dates={"dispatched": clock.today().isoformat()}, files=[packet.stored.sha256 for packet in written],
            facts={"document": new.document_id, "urgency": int(new.urgency), "business": int(BusinessType.REPLACE),
                   "replaces": old.document_id, **dispatch.said_of(postings)},
            texts={"recipients": names, "actor_name": actor.full_name},
        )  # fmt: skip
        for group, packet in zip(groups, written, strict=True):
            dispatch.launch(work, new, group, packet, checkpoint)


def _require_replacing(old: Outgoing, new: Outgoing, targets: list[Recipient]) -> None:
    if new.id == old.id:
        raise RuleBroken("Văn bản thay thế phải là một văn bản khác. Hãy chọn văn bản mới.", field="replacing")
    if new.state is not OutgoingState.ISSUED:
        raise RuleBroken(
            "Văn bản thay thế chưa phát hành. Hãy cấp số và ký số văn bản mới trước rồi thay thế.", field="replacing"
        )
    if targets and new.medium is Medium.PAPER:
        raise RuleBroken(
            "Văn bản cũ đã gửi qua liên thông nên văn bản thay thế phải là văn bản điện tử. Hãy chọn văn bản khác.",
            field="replacing",
        )
    has_it = {item.organ_code for item in dispatch.recipients(new.id) if item.has_it}
    again = [item.organ_name for item in targets if item.organ_code in has_it]
    if again:
        raise RuleBroken(
            f"Văn bản này đã gửi cho {', '.join(again)} như văn bản mới nên không gửi thay thế được nữa."
            " Hãy chọn văn bản khác.",
            field="replacing",
        )
