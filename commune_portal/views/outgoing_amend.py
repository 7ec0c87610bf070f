"""What is asked of the receivers after a document went out: recall, replace, update, correct, take back.

Each is a page of its own: what it does and whom it reaches stands above the button, because none can be undone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from flask import Blueprint, Response, flash, url_for

from commune_portal.documents import (
    corrections,
    dispatch,
    issuing,
    lists,
    outgoing,
    recalls,
    replacements,
    takebacks,
    updates,
    visibility,
)
from commune_portal.documents.dispatch import Recipient
from commune_portal.documents.lists import OutgoingLine, OutgoingTab
from commune_portal.documents.outgoing import Outgoing
from commune_portal.documents.updates import Metadata
from commune_portal.errors import Malformed, NotFound, RuleBroken
from commune_portal.people.actors import Actor
from commune_portal.rules import amendments as rules
from commune_portal.rules.amendments import AmendmentKind
from commune_portal.rules.kinds import Urgency
from commune_portal.rules.permissions import Verb
from commune_portal.rules.statuses import StatusCode
from commune_portal.views import _session
from commune_portal.views._errors import status_of
from commune_portal.views._forms import EMPTY, FormReader, FormState, filled
from commune_portal.views._outgoing_words import code_of_line, progress
from commune_portal.views._page import go_to, page, request

blueprint = Blueprint("outgoing_amend", __name__, url_prefix="/outgoing")

CHOICES_SHOWN = 20
PAGES_AT_MOST = 9999
OVER = frozenset({StatusCode.REFUSED, StatusCode.COMPLETED, StatusCode.TAKE_BACK_AGREED})
"""What a receiver says last: nothing is left there to be taken back."""

ENDPOINTS = {
    AmendmentKind.RECALL: "outgoing_amend.recall",
    AmendmentKind.REPLACE: "outgoing_amend.replace",
    AmendmentKind.UPDATE: "outgoing_amend.update",
    AmendmentKind.CORRECT: "outgoing_amend.correct",
}
WORDS = {
    AmendmentKind.RECALL: "Thu hồi…",
    AmendmentKind.REPLACE: "Thay thế…",
    AmendmentKind.UPDATE: "Cập nhật thông tin…",
    AmendmentKind.CORRECT: "Đính chính…",
}


def offers(by: Actor, now: Outgoing) -> list[tuple[str, str]]:
    """What this person may ask of a sent document now: (words, address)."""
    relations = visibility.relations_to(by, "outgoing", now.id)
    if now.dispatched_at is None or not by.may(Verb.OUTGOING_AMEND, *relations):
        return []
    return [
        (WORDS[kind], url_for(ENDPOINTS[kind], document=now.id))
        for kind in rules.asking_kinds(now.state)
        if kind in ENDPOINTS
    ]


def gone_codes(sent: Iterable[Recipient]) -> set[str]:
    """The offices that had the document and hold none of it now."""
    lines = list(sent)
    return {item.organ_code for item in lines} - {item.organ_code for item in lines if item.has_it}


def may_take_back(by: Actor, now: Outgoing, item: Recipient) -> bool:
    """Whether a receiver can still be asked to give the document back."""
    return (
        by.may(Verb.OUTGOING_AMEND, *visibility.relations_to(by, "outgoing", now.id))
        and AmendmentKind.TAKE_BACK in rules.asking_kinds(now.state)
        and item.refused_at is None
        and item.status not in OVER
    )


@blueprint.get("/<int:document>/recall")
def recall(document: int) -> Response:
    """Asks for the notice that withdraws the document, and the reason."""
    return _choose(*_may(document, AmendmentKind.RECALL), AmendmentKind.RECALL)


@blueprint.post("/<int:document>/recall")
def send_recall(document: int) -> Response:
    """Freezes the document and sends the notice to everybody who has it."""
    return _ask_with_notice(document, AmendmentKind.RECALL, recalls.recall)


@blueprint.get("/<int:document>/replace")
def replace(document: int) -> Response:
    """Asks for the document that stands in its place, and the reason."""
    return _choose(*_may(document, AmendmentKind.REPLACE), AmendmentKind.REPLACE)


@blueprint.post("/<int:document>/replace")
def send_replacement(document: int) -> Response:
    """Links both and sends the new one to everybody who has the old one."""
    return _ask_with_notice(document, AmendmentKind.REPLACE, replacements.replace)


@blueprint.get("/<int:document>/correct")
def correct(document: int) -> Response:
    """Asks for the công văn that corrects the document."""
    return _choose(*_may(document, AmendmentKind.CORRECT), AmendmentKind.CORRECT)


@blueprint.post("/<int:document>/correct")
def link_correction(document: int) -> Response:
    """Links the công văn to what it corrects; it is sent as any other document."""
    return _ask_with_notice(
        document, AmendmentKind.CORRECT, lambda by, old, letter, _reason: corrections.link(by, letter, old)
    )


@blueprint.get("/<int:document>/update")
def update(document: int) -> Response:
    """Shows the data that may be put right; the signed file is not among it."""
    _, now = _may(document, AmendmentKind.UPDATE)
    found = updates.metadata_of(now)
    return _update_page(
        now,
        filled(
            {
                "subject": found.subject,
                "due_date": found.due_date,
                "urgency": int(found.urgency),
                "signer_position": found.signer_position,
                "page_amount": found.page_amount or None,
            }
        ),
    )


@blueprint.post("/<int:document>/update")
def send_update(document: int) -> Response:
    """Puts the data right here and asks the receivers to do the same."""
    by, now = _may(document, AmendmentKind.UPDATE)
    reader = FormReader(request.form)
    wanted = Metadata(
        subject=reader.text("subject", "Trích yếu", required=True, longest=500),
        due_date=reader.day("due_date", "Hạn xử lý"),
        urgency=reader.choice("urgency", "Độ khẩn", Urgency) or Urgency.NORMAL,
        signer_position=reader.text("signer_position", "Chức vụ người ký", longest=200),
        page_amount=reader.number("page_amount", "Số trang", least=0, most=PAGES_AT_MOST) or 0,
    )
    reason = reader.area("reason", "Lý do", required=True, longest=1000)
    if not reader.refused:
        try:
            updates.update(by, document, wanted, reason)
        except (Malformed, RuleBroken) as refusal:
            reader.refuse_because(refusal)
            return _update_page(now, reader.state(), status_of(refusal))
        return _done(document, "Đã cập nhật ở đây và báo các nơi nhận. Câu trả lời từng nơi hiện bên dưới.")
    return _update_page(now, reader.state(), 422)


@blueprint.get("/<int:document>/recipients/<int:recipient>/take-back")
def take_back(document: int, recipient: int) -> Response:
    """Asks why a document goes back from one receiver."""
    by, now = _may(document, AmendmentKind.TAKE_BACK)
    return _take_back_page(now, _receiver(by, now, recipient), EMPTY)


@blueprint.post("/<int:document>/recipients/<int:recipient>/take-back")
def ask_back(document: int, recipient: int) -> Response:
    """Takes it out of the queue, or asks the receiver to give it back."""
    by, now = _may(document, AmendmentKind.TAKE_BACK)
    item = _receiver(by, now, recipient)
    reader = FormReader(request.form)
    reason = reader.area("reason", "Lý do", required=True, longest=1000)
    if reader.refused:
        return _take_back_page(now, item, reader.state(), 422)
    try:
        takebacks.take_back(by, recipient, reason)
    except (Malformed, RuleBroken) as refusal:
        reader.refuse_because(refusal)
        return _take_back_page(now, item, reader.state(), status_of(refusal))
    return _done(document, f"Đã ghi nhận việc lấy lại văn bản từ {item.organ_name}.")


def _may(document: int, kind: AmendmentKind) -> tuple[Actor, Outgoing]:
    """Who asks, and the document; raises what speaks against it before a form is filled in for nothing."""
    by = _session.actor()
    visibility.require(by, Verb.OUTGOING_AMEND, "outgoing", document)
    now = outgoing.get(document)
    rules.next_asking(now.state, kind)
    return by, now


def _ask_with_notice(document: int, kind: AmendmentKind, perform: Callable[[Actor, int, int, str], None]) -> Response:
    by, now = _may(document, kind)
    reader = FormReader(request.form)
    notice = reader.number("notice", "Văn bản", least=1)
    needs_reason = kind is not AmendmentKind.CORRECT
    reason = reader.area("reason", "Lý do", required=needs_reason, longest=1000)
    if notice is None:
        reader.refuse("notice", "Chưa chọn văn bản. Hãy chọn một văn bản đã phát hành ở danh sách dưới đây.")
    if reader.refused or notice is None:
        return _choose(by, now, kind, reader.state(), 422)
    try:
        perform(by, document, notice, reason)
    except NotFound:
        reader.refuse("notice", "Không có văn bản này. Hãy tìm lại và chọn trong danh sách.")
        return _choose(by, now, kind, reader.state(), 422)
    except (Malformed, RuleBroken) as refusal:
        reader.refuse_because(refusal)
        return _choose(by, now, kind, reader.state(), status_of(refusal))
    return _done(
        document,
        {
            AmendmentKind.RECALL: "Đã thu hồi. Thông báo đang được gửi; từng nơi nhận xác nhận hủy ở bảng bên dưới.",
            AmendmentKind.REPLACE: "Đã thay thế. Văn bản mới đang được gửi tới các nơi nhận của văn bản cũ.",
            AmendmentKind.CORRECT: "Đã gắn công văn đính chính. Hãy gửi công văn đó tới các nơi nhận.",
        }[kind],
    )


def _choose(by: Actor, now: Outgoing, kind: AmendmentKind, form: FormState = EMPTY, status: int = 200) -> Response:
    """The page of recall, replace and correct: whom it reaches, which document carries it, why."""
    query = request.values.get("q", "").strip()[:100]
    code = code_of_line()
    found = lists.outgoing_page(by, OutgoingTab.ISSUED, query=query, rows=CHOICES_SHOWN + 1).lines
    choices: list[tuple[OutgoingLine, str]] = [(line, code(line)) for line in found if line.id != now.id]
    return page(
        "outgoing/amend.html", "outgoing/_notices.html", status=status,
        now=now, code=issuing.printed_code(now), kind=kind.value, form=form, query=query,
        choices=choices[:CHOICES_SHOWN], reached=_reached(now),
    )  # fmt: skip


def _update_page(now: Outgoing, form: FormState, status: int = 200) -> Response:
    return page(
        "outgoing/update.html", status=status,
        now=now, code=issuing.printed_code(now), form=form, reached=_reached(now),
        urgencies=[(int(item), item.label) for item in Urgency],
    )  # fmt: skip


def _take_back_page(now: Outgoing, item: Recipient, form: FormState, status: int = 200) -> Response:
    return page(
        "outgoing/take_back.html", status=status,
        now=now, code=issuing.printed_code(now), form=form, item=item, at=progress(item),
    )  # fmt: skip


def _receiver(by: Actor, now: Outgoing, recipient: int) -> Recipient:
    item = next((one for one in dispatch.recipients(now.id) if one.id == recipient), None)
    if item is None:
        raise NotFound("Không có nơi nhận này ở văn bản.")
    if not may_take_back(by, now, item):
        raise RuleBroken(f"{item.organ_name}: {progress(item).words.lower()}. Không còn gì để lấy lại ở nơi này.")
    return item


def _reached(now: Outgoing) -> list[str]:
    """The receivers that hold the document, each once."""
    return list(dict.fromkeys(item.organ_name for item in dispatch.recipients(now.id) if item.has_it))


def _done(document: int, words: str) -> Response:
    flash(words, "good")
    return go_to(url_for("outgoing_issue.show", document=document))
