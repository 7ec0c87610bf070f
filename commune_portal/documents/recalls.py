"""Thu hồi: an issued document is withdrawn by a notice, frozen here, destroyed there, and the destruction confirmed.

Source: NĐ 30/2020, Điều 18.4, Phụ lục VI, III.8; QĐ 28/2018, Điều 8.2, 9.2; decisions 18.
"""

from __future__ import annotations

from commune_portal.documents import (
    amendments,
    answers,
    carrying,
    changing,
    dispatch,
    incoming,
    outgoing,
    visibility,
    wiping,
)
from commune_portal.documents.dispatch import Errand, Recipient
from commune_portal.documents.issuing import printed_code
from commune_portal.documents.outgoing import Outgoing
from commune_portal.errors import RuleBroken
from commune_portal.people.actors import Actor
from commune_portal.rules import amendments as rules
from commune_portal.rules import statuses
from commune_portal.rules.acts import Act
from commune_portal.rules.amendments import AmendmentKind, AmendmentState
from commune_portal.rules.chain import Checkpoint
from commune_portal.rules.kinds import Medium
from commune_portal.rules.permissions import Verb
from commune_portal.rules.statuses import BusinessType, IncomingState, OutgoingState, StatusCode
from commune_portal.store import database, journal
from commune_portal.store.register import Work


def recall(actor: Actor, outgoing_id: int, notice_id: int, reason: str) -> None:
    """Withdraws our issued document by an issued notice, which goes to everybody who has the document.

    The document is frozen from here on. Who refused it or gave it back is not asked; without anybody to ask, the
    recall is complete at once. Source: NĐ 30/2020, Điều 18.4; QĐ 28/2018, Điều 8.2.
    """
    visibility.require(actor, Verb.OUTGOING_AMEND, "outgoing", outgoing_id)
    visibility.require(actor, Verb.OUTGOING_AMEND, "outgoing", notice_id)
    now, notice = outgoing.get(outgoing_id), outgoing.get(notice_id)
    state = rules.next_asking(now.state, AmendmentKind.RECALL)
    targets = [item for item in dispatch.recipients(outgoing_id) if item.has_it]
    _require_notice(now, notice, targets)
    reason = statuses.check_reason(reason)
    postings = carrying.postings_for(targets)
    errand = Errand(BusinessType.RECALL, reason, now.document_id, (dispatch.response_for(now),))
    carrying.carry(
        actor, AmendmentKind.RECALL, now, notice, targets, postings, errand, state=state, act=Act.OUTGOING_RECALLED,
        note=f"đã thu hồi theo {printed_code(notice)}", said_as="recalls",
    )  # fmt: skip


def _require_notice(now: Outgoing, notice: Outgoing, targets: list[Recipient]) -> None:
    if notice.id == now.id:
        raise RuleBroken("Thông báo thu hồi phải là một văn bản khác. Hãy ban hành thông báo rồi chọn.", field="notice")
    if notice.state is not OutgoingState.ISSUED:
        raise RuleBroken(
            "Thông báo thu hồi chưa phát hành. Hãy cấp số và ký số thông báo trước rồi thu hồi.", field="notice"
        )
    if targets and notice.medium is Medium.PAPER:
        raise RuleBroken(
            "Văn bản đã gửi qua liên thông nên thông báo thu hồi phải là văn bản điện tử. Hãy chọn thông báo khác.",
            field="notice",
        )
    used = database.row(
        "SELECT 1 FROM amendments WHERE notice_outgoing_id = ? AND side = 'ours' AND kind IN ('recall', 'replace')",
        (notice.id,),
    )
    if used:
        raise RuleBroken(
            "Văn bản này đã dùng để thu hồi hoặc thay thế văn bản khác. Hãy chọn thông báo khác.", field="notice"
        )
    has_it = {item.organ_code for item in dispatch.recipients(notice.id) if item.has_it}
    again = [item.organ_name for item in targets if item.organ_code in has_it]
    if again:
        raise RuleBroken(
            f"Thông báo này đã gửi cho {', '.join(again)} như văn bản thường. Hãy ban hành thông báo thu hồi khác.",
            field="notice",
        )


def destroy(actor: Actor, incoming_id: int) -> None:
    """Destroys a recalled incoming document, keeps its tombstone, and confirms to the sender (15).

    Copies of the same document that were refused or given back go with it. Source: NĐ 30/2020, Phụ lục VI, III.8.b;
    QĐ 28/2018, Điều 9.2.
    """
    visibility.require(actor, Verb.INCOMING_AMEND, "incoming", incoming_id)
    now = incoming.get(incoming_id)
    rules.may_destroy(now.state, recall_pending=amendments.is_frozen(incoming_id))
    copies = [incoming_id, *(_other_copies(now.id, now.document_id, now.sender_code))]
    asked = _asked(copies)
    confirmations = [
        answers.prepare(actor, incoming.concerned(incoming.get(notice)), StatusCode.TAKE_BACK_AGREED)
        for notice in dict.fromkeys(notice for _, _, notice in asked)
    ]
    with database.transaction() as work:
        rules.may_destroy(changing.held_by_id(work, incoming_id).state, recall_pending=bool(asked))
        for row_id in copies:
            notices = [notice for _, copy, notice in asked if copy == row_id] or [notice for _, _, notice in asked]
            for amendment_id, copy, _ in asked:
                if copy == row_id:
                    amendments.settle(work, amendment_id, AmendmentState.AGREED, actor=actor)
            checkpoint = _destroy(work, actor, row_id, notices[-1])
        for confirmation in confirmations:
            answers.queue(work, confirmation, checkpoint)
    wiping.finish()


def _destroy(work: Work, actor: Actor, row_id: int, notice_id: int) -> Checkpoint:
    document, notice = changing.held_by_id(work, row_id), changing.held_by_id(work, notice_id)
    changing.end_parts(work, row_id)
    changing.drop_open(work, row_id)
    work.update("incoming", row_id, {"state": IncomingState.RECALLED}, expected={"state": document.state})
    erased = wiping.wipe(work, row_id)
    checkpoint = journal.write(
        work, Act.INCOMING_DESTROYED, actor.uid, about=document.about, before=document.state,
        after=IncomingState.RECALLED,
        facts={**wiping.facts(work, row_id, erased), "message": document.message_id, "document": document.document_id,
               "sender": document.sender_code, "notice": notice.document_id},
        texts={"note": f"đã thu hồi theo {notice.code or 'thông báo của nơi gửi'}", "actor_name": actor.full_name},
    )  # fmt: skip
    wiping.erase_leaves(work, erased, checkpoint.size)
    return checkpoint


def _other_copies(row_id: int, document_id: str, sender_code: str) -> list[int]:
    found = database.rows(
        "SELECT id FROM incoming WHERE document_id = ? AND sender_code = ? AND origin = 'exchange' AND id <> ?"
        " AND state IN ('refused', 'taken-back') AND wiped_at IS NULL AND coalesce(business_type, 0) <> 1",
        (document_id, sender_code, row_id),
    )
    return [row[0] for row in found]


def _asked(copies: list[int]) -> list[tuple[int, int, int]]:
    """The recalls that wait: their rows, the copy that each is about, and the notice that carries it."""
    marks = ", ".join("?" for _ in copies)
    return database.rows(
        f"SELECT id, incoming_id, notice_incoming_id FROM amendments WHERE incoming_id IN ({marks})"
        " AND side = 'theirs' AND kind = 'recall' AND state = 'asked' ORDER BY id",
        copies,
    )
