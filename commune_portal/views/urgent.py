"""«Cần gọi điện»: whom to telephone about a hỏa tốc document, what to say, and the note of the call.

A call moves no state; the page says so. Everything works by keyboard and without script.
"""

from __future__ import annotations

from flask import Blueprint, Response, flash, url_for

from commune_portal import clock
from commune_portal.documents import alongside, urgent
from commune_portal.errors import Malformed
from commune_portal.people import office_rules
from commune_portal.rules.calls import CallOutcome
from commune_portal.rules.permissions import Verb
from commune_portal.views import _session
from commune_portal.views._forms import FormReader, FormState, filled
from commune_portal.views._page import go_to, page, request

blueprint = Blueprint("urgent", __name__, url_prefix="/outgoing/calls")


@blueprint.get("")
def show_list() -> Response:
    """Whom to telephone now."""
    by = _session.require(Verb.EXCHANGE_CALL)
    return page(
        "urgent/list.html", calls=urgent.to_call(by, clock.now()), limits=office_rules.call_limits(clock.today())
    )


@blueprint.get("/<int:recipient>")
def call(recipient: int) -> Response:
    """The number, the words to say, what was tried, and the form of the call."""
    _session.require(Verb.EXCHANGE_CALL)
    return _form(recipient, None)


@blueprint.post("/<int:recipient>")
def record(recipient: int) -> Response:
    """Notes a call."""
    by = _session.require(Verb.EXCHANGE_CALL)
    reader = FormReader(request.form)
    outcome = reader.choice("outcome", "Kết quả cuộc gọi", CallOutcome, required=True)
    phone = reader.text("phone", "Số đã gọi", longest=urgent.LONGEST_PHONE)
    spoke_to = reader.text("spoke_to", "Người nghe máy", longest=urgent.LONGEST_NAME)
    note = reader.area("note", "Nội dung trao đổi", longest=urgent.LONGEST_NOTE)
    if outcome is not None and not reader.refused:
        try:
            urgent.record_call(by, recipient, phone=phone, spoke_to=spoke_to, outcome=outcome, note=note)
        except Malformed as refusal:
            reader.refuse_because(refusal)
        else:
            again = office_rules.call_limits(clock.today()).again
            told = f"Nếu {again} phút nữa nơi nhận vẫn chưa tiếp nhận, việc này hiện lại." if outcome.told else (
                "Chưa ai biết về văn bản này nên việc gọi vẫn còn trong danh sách."
            )  # fmt: skip
            flash(f"Đã ghi cuộc gọi. {told}", "good" if outcome.told else "warn")
            return go_to(url_for("urgent.show_list"))
    return _form(recipient, reader.state(), 422)


@blueprint.post("/paper/<int:recipient>")
def paper_sent(recipient: int) -> Response:
    """Notes that the paper of a document went to one addressee."""
    by = _session.actor()
    document = alongside.sent(by, recipient)
    flash("Đã ghi nhận gửi bản giấy.", "good")
    return go_to(url_for("outgoing_issue.show", document=document))


def _form(recipient: int, form: FormState | None, status: int = 200) -> Response:
    by = _session.actor()
    task = urgent.task(by, recipient)
    return page(
        "urgent/call.html",
        status=status,
        task=task,
        form=form or filled({"phone": task.phone, "outcome": CallOutcome.REACHED}),
        outcomes=[(item.value, item.label) for item in CallOutcome],
        is_due=task.due_at <= clock.now(),
    )
