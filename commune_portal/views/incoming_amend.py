"""What senders ask about documents that came to us: the list of open questions, and the clerk's answers."""

from __future__ import annotations

from collections.abc import Callable

from flask import Blueprint, Response, flash, url_for

from commune_portal.documents import amendments, recalls, takebacks, updates
from commune_portal.errors import Malformed, NotFound, RuleBroken
from commune_portal.rules.amendments import AmendmentKind
from commune_portal.rules.permissions import Verb
from commune_portal.views import _session
from commune_portal.views._errors import status_of
from commune_portal.views._forms import FormReader
from commune_portal.views._page import go_to, page, request
from commune_portal.views.incoming_show import Trouble, render

blueprint = Blueprint("incoming_amend", __name__, url_prefix="/incoming")

AGREE = {AmendmentKind.TAKE_BACK: takebacks.agree, AmendmentKind.UPDATE: updates.agree}
DECLINE = {AmendmentKind.TAKE_BACK: takebacks.decline, AmendmentKind.UPDATE: updates.decline}


@blueprint.get("/requests")
def show_list() -> Response:
    """Every question of a sender that waits for the clerk, recalls first."""
    by = _session.require(Verb.INCOMING_AMEND)
    return page("incoming/requests.html", asked=amendments.open_asked_of_us(by))


@blueprint.post("/<int:document>/destroy")
def destroy(document: int) -> Response:
    """Destroys a recalled document: its file and its data; what must stay stays."""
    by = _session.actor()
    return _answer(document, 0, lambda: recalls.destroy(by, document), "Đã hủy văn bản và xác nhận với nơi gửi.")


@blueprint.post("/<int:document>/requests/<int:amendment>/agree")
def agree(document: int, amendment: int) -> Response:
    """Grants what the sender asks."""
    by = _session.actor()
    perform = AGREE[_kind(document, amendment)]
    return _answer(document, amendment, lambda: perform(by, amendment), "Đã đồng ý; nơi gửi được báo.")


@blueprint.post("/<int:document>/requests/<int:amendment>/decline")
def decline(document: int, amendment: int) -> Response:
    """Declines what the sender asks, with a reason."""
    by = _session.actor()
    perform = DECLINE[_kind(document, amendment)]
    reason = FormReader(request.form).area("reason", "Lý do", longest=1000)
    return _answer(document, amendment, lambda: perform(by, amendment, reason), "Đã từ chối; nơi gửi được báo lý do.")


def _kind(document: int, amendment: int) -> AmendmentKind:
    """The kind of a question about this very document; raises NotFound for another's, and for a kind without answer."""
    found = amendments.see(_session.actor(), amendment)
    if found.incoming_id != document or found.kind not in AGREE:
        raise NotFound
    return found.kind


def _answer(document: int, amendment: int, perform: Callable[[], None], done: str) -> Response:
    """Performs an answer; what is refused is shown at its own form, with what was typed."""
    try:
        perform()
    except (Malformed, RuleBroken) as refusal:
        reader = FormReader(request.form)
        reader.refuse_because(refusal)
        status = status_of(refusal)
        return render(_session.actor(), document, trouble=Trouble(amendment, reader.state()), status=status)
    flash(done, "good")
    return go_to(url_for("incoming.show", document=document))
