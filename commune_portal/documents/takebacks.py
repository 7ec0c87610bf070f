"""Lấy lại: a document that was sent by mistake comes back, from our own queue or from the receiver (13, 15, 16).

Source: the exchange axis' dialogue of taking back; NĐ 30/2020, Điều 22.2.
"""

from __future__ import annotations

from commune_portal import clock
from commune_portal.documents import amendments, answers, changing, dispatch, outgoing, visibility
from commune_portal.documents.amendments import Amendment
from commune_portal.documents.answers import Answer, Concerned
from commune_portal.documents.changing import Held
from commune_portal.documents.dispatch import Recipient
from commune_portal.documents.issuing import printed_code
from commune_portal.documents.outgoing import Outgoing
from commune_portal.errors import RuleBroken
from commune_portal.people.actors import PORTAL, Actor
from commune_portal.rules import amendments as rules
from commune_portal.rules import kinds, statuses
from commune_portal.rules.acts import Act
from commune_portal.rules.amendments import AmendmentKind, AmendmentState, Side
from commune_portal.rules.permissions import Verb
from commune_portal.rules.statuses import BusinessType, IncomingState, StatusCode
from commune_portal.store import database, journal
from commune_portal.store.register import Work

WITHDRAWN = "Đã rút trước khi gửi"


def take_back(actor: Actor, recipient_id: int, reason: str) -> None:
    """Drops what has not left yet, else asks the receiver (13); raises RuleBroken where there is nothing to take."""
    outgoing_id, addressee = dispatch.recipient(recipient_id)
    visibility.require(actor, Verb.OUTGOING_AMEND, "outgoing", outgoing_id)
    now = outgoing.get(outgoing_id)
    rules.next_asking(now.state, AmendmentKind.TAKE_BACK)
    _require_takeable(addressee)
    reason = statuses.check_reason(reason)
    question = _question(actor, now, addressee, reason)
    with database.transaction() as work:
        if _asked_already(work, recipient_id):
            raise RuleBroken("Đã yêu cầu nơi này trả lại văn bản. Hãy đợi nơi nhận trả lời.")
        if _withdraw(work, addressee.message_id):
            _withdrawn(work, actor, now, addressee, reason)
            return
        amendments.add(
            work, Side.OURS, AmendmentKind.TAKE_BACK, now.document_id, message_id=question.message_id,
            organ_code=addressee.organ_code, organ_name=addressee.organ_name, outgoing_id=now.id,
            recipient_id=recipient_id, reason=reason, asked_by=actor.id,
        )  # fmt: skip
        checkpoint = journal.write(
            work, Act.TAKE_BACK_ASKED, actor.uid, about=now.about, before=now.state, after=now.state,
            files=[question.packet.sha256],
            facts={"document": now.document_id, "recipient": addressee.organ_code, "message": question.message_id},
            texts={"reason": reason, "recipients": addressee.organ_name, "actor_name": actor.full_name},
        )  # fmt: skip
        answers.queue(work, question, checkpoint)


def _require_takeable(addressee: Recipient) -> None:
    if addressee.business_type is BusinessType.RECALL:
        raise RuleBroken("Thông báo thu hồi không lấy lại được. Nếu thu hồi nhầm, hãy ban hành lại văn bản.")
    if not addressee.has_it:
        raise RuleBroken(
            "Nơi này không giữ văn bản: đã từ chối, đã trả lại hoặc chưa nhận. Có thể gửi lại cho nơi này."
        )
    if addressee.status is StatusCode.COMPLETED:
        raise RuleBroken("Nơi nhận đã xử lý xong nên không lấy lại được. Hãy thu hồi hoặc thay thế văn bản.")


def _question(actor: Actor, now: Outgoing, addressee: Recipient, reason: str) -> Answer:
    """The 13: From is the sender of the document, ResponseFor names the receiver. Source: QCVN 102:2016."""
    concerned = Concerned(
        addressee.organ_code, now.document_id, printed_code(now),
        now.promulgation_date.isoformat() if now.promulgation_date else None, addressee.message_id,
        kinds.priority_for(now.urgency, has_deliver_by=now.deliver_by is not None), now.about,
    )  # fmt: skip
    question = answers.prepare(actor, concerned, StatusCode.TAKE_BACK_ASKED, reason)
    assert question is not None
    return question


def _asked_already(work: Work, recipient_id: int) -> bool:
    found = work.execute(
        "SELECT 1 FROM amendments WHERE recipient_id = ? AND side = 'ours' AND kind = 'take-back' AND state = 'asked'",
        (recipient_id,),
    ).fetchone()
    return found is not None


def _withdraw(work: Work, message_id: str) -> bool:
    """Takes a message out of the queue, if the node has given no receipt for it."""
    changed = work.execute(
        "UPDATE outbox SET state = 'withdrawn', closed_at = ?, last_reason = ?"
        " WHERE message_id = ? AND state = 'ready'",
        (clock.now_text(), WITHDRAWN, message_id),
    ).rowcount
    return bool(changed)


def _withdrawn(work: Work, actor: Actor, now: Outgoing, addressee: Recipient, reason: str) -> None:
    work.update("recipients", addressee.id, {"refused_at": clock.now_text(), "refusal": WITHDRAWN})
    amendments.add(
        work, Side.OURS, AmendmentKind.TAKE_BACK, now.document_id, state=AmendmentState.AGREED,
        organ_code=addressee.organ_code, organ_name=addressee.organ_name, outgoing_id=now.id,
        recipient_id=addressee.id, reason=reason, asked_by=actor.id, answered_at=clock.now_text(), answer=WITHDRAWN,
    )  # fmt: skip
    for (row_id,) in work.execute(
        "SELECT id FROM amendments WHERE message_id = ? AND side = 'ours' AND state = 'asked'", (addressee.message_id,)
    ).fetchall():
        amendments.settle(work, row_id, AmendmentState.DROPPED, answer=WITHDRAWN)
    journal.write(
        work, Act.OUTGOING_WITHDRAWN, actor.uid, about=now.about, before=now.state, after=now.state,
        facts={"document": now.document_id, "recipient": addressee.organ_code, "message": addressee.message_id},
        texts={"reason": reason, "recipients": addressee.organ_name, "actor_name": actor.full_name},
    )  # fmt: skip


def chase() -> int:
    """Asks for what was withdrawn here and went to the node after all (13); answers how many were asked for."""
    found = database.rows(
        "SELECT id, outgoing_id, recipient_id, reason FROM amendments WHERE side = 'ours' AND kind = 'take-back'"
        " AND state = 'asked' AND message_id IS NULL ORDER BY id"
    )
    for row_id, outgoing_id, recipient_id, reason in found:
        now, (_, addressee) = outgoing.get(outgoing_id), dispatch.recipient(recipient_id)
        question = _question(PORTAL, now, addressee, reason)
        with database.transaction() as work:
            work.update("amendments", row_id, {"message_id": question.message_id}, expected={"message_id": None})
            checkpoint = journal.write(
                work, Act.TAKE_BACK_ASKED, journal.SYSTEM, about=now.about, files=[question.packet.sha256],
                facts={"document": now.document_id, "recipient": addressee.organ_code, "message": question.message_id},
                texts={"reason": reason, "recipients": addressee.organ_name},
            )  # fmt: skip
            answers.queue(work, question, checkpoint)
    return len(found)


def agree(actor: Actor, amendment_id: int) -> None:
    """The clerk lets the sender have it back (15): the row is struck, the số đến stays."""
    found, document = _standing(actor, amendment_id)
    if document.state is IncomingState.COMPLETED:
        raise RuleBroken("Văn bản đã xử lý xong nên không trả lại được. Hãy từ chối và nêu lý do.")
    answer = answers.prepare(actor, changing.concerned(document, found.message_id), StatusCode.TAKE_BACK_AGREED)
    with database.transaction() as work:
        amendments.require_free(work, document.id)
        amendments.require_open(work, amendment_id)
        changing.take_back(work, document, amendment_id, actor, answer)


def decline(actor: Actor, amendment_id: int, reason: str) -> None:
    """The clerk keeps it (16), with a reason."""
    found, document = _standing(actor, amendment_id)
    reason = statuses.check_reason(reason)
    answer = answers.prepare(
        actor, changing.concerned(document, found.message_id), StatusCode.TAKE_BACK_DECLINED, reason
    )
    with database.transaction() as work:
        amendments.require_free(work, document.id)
        amendments.require_open(work, amendment_id)
        changing.decline(work, document, amendment_id, actor, answer, reason, Act.TAKE_BACK_DECLINED)


def _standing(actor: Actor, amendment_id: int) -> tuple[Amendment, Held]:
    found = amendments.to_answer(actor, amendment_id, AmendmentKind.TAKE_BACK)
    assert found.incoming_id is not None
    return found, changing.standing(found.incoming_id)
