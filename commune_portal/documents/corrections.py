"""Đính chính: an error of layout or procedure is corrected by a công văn that names the document; nothing is re-sent.

Source: NĐ 30/2020, Điều 18.3.
"""

from __future__ import annotations

from commune_portal import clock
from commune_portal.documents import amendments, issuing, outgoing, visibility
from commune_portal.errors import RuleBroken
from commune_portal.people.actors import Actor
from commune_portal.rules import amendments as rules
from commune_portal.rules.acts import Act
from commune_portal.rules.amendments import AmendmentKind, AmendmentState, Side
from commune_portal.rules.permissions import Verb
from commune_portal.rules.statuses import OutgoingState
from commune_portal.store import database, journal

LETTER = "CV"


def link(actor: Actor, letter_id: int, old_id: int) -> None:
    """Says that a công văn of ours corrects a document of ours, before the letter is sent, so that its packet says it.

    Source: NĐ 30/2020, Điều 18.3.
    """
    visibility.require(actor, Verb.OUTGOING_AMEND, "outgoing", letter_id)
    visibility.require(actor, Verb.OUTGOING_AMEND, "outgoing", old_id)
    letter, old = outgoing.get(letter_id), outgoing.get(old_id)
    state = rules.next_asking(old.state, AmendmentKind.CORRECT)
    if letter.id == old.id:
        raise RuleBroken("Công văn đính chính phải là một văn bản khác. Hãy chọn công văn.", field="notice")
    if letter.type_code != LETTER:
        raise RuleBroken(
            "Đính chính phải bằng công văn. Hãy soạn công văn đính chính; sai nội dung thì thay thế văn bản.",
            field="notice",
        )
    if letter.state in (OutgoingState.VOIDED, OutgoingState.RECALLED, OutgoingState.REPLACED):
        raise RuleBroken("Công văn này không còn hiệu lực. Hãy chọn công văn khác.", field="notice")
    if letter.dispatched_at is not None:
        raise RuleBroken(
            "Công văn này đã gửi nên không gắn thêm được. Hãy gắn văn bản được đính chính trước khi gửi.",
            field="notice",
        )
    with database.transaction() as work:
        known = work.execute(
            "SELECT 1 FROM amendments WHERE outgoing_id = ? AND notice_outgoing_id = ? AND kind = 'correct'",
            (old_id, letter_id),
        ).fetchone()
        if known:
            raise RuleBroken("Công văn này đã gắn với văn bản được đính chính. Không cần làm lại.")
        if work.execute("SELECT dispatched_at FROM outgoing WHERE id = ?", (letter_id,)).fetchone()[0]:
            raise RuleBroken("Công văn này vừa được gửi nên không gắn thêm được. Hãy soạn công văn khác.")
        amendments.add(
            work, Side.OURS, AmendmentKind.CORRECT, old.document_id, state=AmendmentState.AGREED, outgoing_id=old_id,
            notice_outgoing_id=letter_id, asked_by=actor.id, answered_at=clock.now_text(),
        )  # fmt: skip
        note = f"đính chính tại {issuing.printed_code(letter)}" if letter.number else "có công văn đính chính"
        journal.write(
            work, Act.OUTGOING_CORRECTED, actor.uid, about=old.about, before=old.state, after=state,
            facts={"document": old.document_id, "notice": letter.document_id},
            texts={"note": note, "actor_name": actor.full_name},
        )  # fmt: skip
        journal.write(
            work, Act.OUTGOING_CORRECTED, actor.uid, about=letter.about, before=letter.state, after=letter.state,
            facts={"corrects": old.document_id}, texts={"actor_name": actor.full_name},
        )  # fmt: skip
