"""Cập nhật: data of a document's envelope is put right at the receiver; the signed file is never touched.

Source: QCVN 102:2016 (BussinessDocType 2).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date

from commune_portal import clock
from commune_portal.documents import (
    amendments,
    answers,
    attachments,
    changing,
    dispatch,
    issuing,
    outbox,
    outgoing,
    visibility,
)
from commune_portal.documents.amendments import Amendment
from commune_portal.documents.changing import Held
from commune_portal.documents.dispatch import Errand, Posting
from commune_portal.documents.outgoing import LONGEST_SUBJECT, Outgoing
from commune_portal.errors import Malformed, RuleBroken
from commune_portal.people.actors import Actor
from commune_portal.rules import amendments as rules
from commune_portal.rules import folding, statuses
from commune_portal.rules.acts import Act
from commune_portal.rules.amendments import UPDATABLE, AmendmentKind, AmendmentState, Side
from commune_portal.rules.kinds import Medium, Urgency
from commune_portal.rules.permissions import Verb
from commune_portal.rules.statuses import BusinessType, StatusCode
from commune_portal.store import database, journal, search
from commune_portal.store.register import Work


@dataclass(frozen=True, slots=True)
class Metadata:
    """What an update may change, as it shall be."""

    subject: str
    due_date: date | None
    urgency: Urgency
    signer_position: str
    page_amount: int


def metadata_of(document: Outgoing) -> Metadata:
    """What stands now: for the form."""
    return Metadata(
        document.subject, document.due_date, document.urgency, document.signer_position, document.page_amount
    )


def update(actor: Actor, outgoing_id: int, wanted: Metadata, reason: str) -> None:
    """Changes the data of an issued document here and asks its receivers to do the same; no file goes with it.

    Raises Malformed where nothing changes, or where a value would be taken away, which no packet can say.
    """
    visibility.require(actor, Verb.OUTGOING_AMEND, "outgoing", outgoing_id)
    now = outgoing.get(outgoing_id)
    state = rules.next_asking(now.state, AmendmentKind.UPDATE)
    wanted = _clean(wanted)
    changes = _changes(now, wanted)
    reason = statuses.check_reason(reason)
    after = replace(
        now, subject=wanted.subject, due_date=wanted.due_date, urgency=wanted.urgency,
        signer_position=wanted.signer_position, page_amount=wanted.page_amount,
    )  # fmt: skip
    electronic = now.medium is Medium.ELECTRONIC
    targets = [item for item in dispatch.recipients(outgoing_id) if item.has_it and electronic]
    postings = [Posting(item.organ_code, item.organ_name, outbox.new_message_id(), item.message_id) for item in targets]
    errand = Errand(BusinessType.UPDATE, reason, now.document_id, with_files=False)
    packet = dispatch.write_packet(actor, after, postings, errand) if postings else None
    with database.transaction() as work:
        work.update(
            "outgoing", outgoing_id, _columns(wanted), expected={"state": now.state, **_columns(metadata_of(now))}
        )
        _require_held(work, [target.id for target in targets])
        _make_findable(work, after)
        if packet:  # before the packet that carried the document: that one stays the document's own
            attachments.attach(work, "outgoing", outgoing_id, "packet", packet, -1)
        for target, posting in zip(targets, postings, strict=True):
            amendments.add(
                work, Side.OURS, AmendmentKind.UPDATE, now.document_id, message_id=posting.message_id,
                organ_code=target.organ_code, organ_name=target.organ_name, outgoing_id=now.id,
                recipient_id=target.id, reason=reason, changes=amendments.changes_text(changes), asked_by=actor.id,
            )  # fmt: skip
        if not targets:
            amendments.add(
                work, Side.OURS, AmendmentKind.UPDATE, now.document_id, state=AmendmentState.AGREED,
                outgoing_id=now.id, reason=reason, changes=amendments.changes_text(changes), asked_by=actor.id,
                answered_at=clock.now_text(),
            )  # fmt: skip
        checkpoint = journal.write(
            work, Act.OUTGOING_UPDATED, actor.uid, about=now.about, before=now.state, after=state,
            files=[packet.stored.sha256] if packet else [],
            dates={"due": after.due_date.isoformat() if after.due_date else None},
            facts={"document": now.document_id, "fields": sorted(changes), "urgency": int(after.urgency),
                   "business": int(BusinessType.UPDATE), **dispatch.said_of(postings)},
            texts={"subject": after.subject, "reason": reason, "actor_name": actor.full_name},
        )  # fmt: skip
        if packet:
            dispatch.launch(work, after, postings, packet, checkpoint)


def _require_held(work: Work, recipient_ids: list[int]) -> None:
    """Raises RuleBroken where a refusal, or what was given back, came home since the addressees were read.

    Nobody would ever answer an update of a document that is gone there.
    """
    gone = (StatusCode.REFUSED.value, StatusCode.TAKE_BACK_AGREED.value)
    for row_id in recipient_ids:
        status, refused_at = work.execute(
            "SELECT status, refused_at FROM recipients WHERE id = ?", (row_id,)
        ).fetchone()
        if refused_at is not None or status in gone:
            raise RuleBroken("Một nơi nhận vừa từ chối hoặc trả lại văn bản. Hãy tải lại trang rồi làm lại.")


def _clean(wanted: Metadata) -> Metadata:
    subject = folding.clean_line(wanted.subject)
    if not subject:
        raise Malformed("Chưa nhập trích yếu.", field="subject")
    if len(subject) > LONGEST_SUBJECT:
        raise Malformed(f"Trích yếu dài quá {LONGEST_SUBJECT} ký tự. Hãy viết gọn lại.", field="subject")
    return replace(
        wanted, subject=subject, signer_position=folding.clean_line(wanted.signer_position),
        page_amount=max(0, wanted.page_amount),
    )  # fmt: skip


def _columns(values: Metadata) -> dict[str, str | int | None]:
    return {
        "subject": values.subject,
        "due_date": values.due_date.isoformat() if values.due_date else None,
        "urgency": int(values.urgency),
        "signer_position": values.signer_position,
        "page_amount": values.page_amount,
    }


def _changes(now: Outgoing, wanted: Metadata) -> dict[str, tuple[str, str]]:
    old, new = _columns(metadata_of(now)), _columns(wanted)
    for name in ("due_date", "signer_position", "page_amount"):
        if old[name] and not new[name]:
            raise Malformed(f"Không để trống «{UPDATABLE[name]}» được. Hãy nhập giá trị đúng.", field=name)
    changes = {name: (_text(old[name]), _text(new[name])) for name in UPDATABLE if old[name] != new[name]}
    if not changes:
        raise Malformed("Chưa thay đổi thông tin nào. Hãy sửa ít nhất một mục rồi gửi cập nhật.", field="subject")
    return changes


def _text(value: str | int | None) -> str:
    return "" if value is None else str(value)


def _make_findable(work: Work, now: Outgoing) -> None:
    search.put(
        work, "outgoing", now.id,
        [issuing.printed_code(now), now.symbol, now.type_name, now.subject, now.signer_name, now.recipients_text,
         now.note],
    )  # fmt: skip


def agree(actor: Actor, amendment_id: int) -> None:
    """The clerk takes the sender's update over (15)."""
    found, document = _standing(actor, amendment_id)
    answer = answers.prepare(actor, changing.concerned(document, found.message_id), StatusCode.TAKE_BACK_AGREED)
    with database.transaction() as work:
        amendments.require_free(work, document.id)
        amendments.require_open(work, amendment_id)
        changing.apply_update(work, document, amendment_id, actor, answer)


def decline(actor: Actor, amendment_id: int, reason: str) -> None:
    """The clerk leaves the register as it is (16), with a reason."""
    found, document = _standing(actor, amendment_id)
    reason = statuses.check_reason(reason)
    concerned = changing.concerned(document, found.message_id)
    answer = answers.prepare(actor, concerned, StatusCode.TAKE_BACK_DECLINED, reason)
    with database.transaction() as work:
        amendments.require_free(work, document.id)
        amendments.require_open(work, amendment_id)
        changing.decline(work, document, amendment_id, actor, answer, reason, Act.UPDATE_DECLINED)


def _standing(actor: Actor, amendment_id: int) -> tuple[Amendment, Held]:
    found = amendments.to_answer(actor, amendment_id, AmendmentKind.UPDATE)
    assert found.incoming_id is not None
    return found, changing.standing(found.incoming_id)
