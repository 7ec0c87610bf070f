"""Documents with a mark of secrecy that were refused: what must be reported, and the note that it was."""

from __future__ import annotations

from flask import Blueprint, Response, flash, url_for

from commune_portal.documents import secrecy
from commune_portal.errors import Malformed
from commune_portal.rules.permissions import Verb
from commune_portal.views import _session
from commune_portal.views._forms import EMPTY, FormReader, FormState
from commune_portal.views._page import go_to, page, request

blueprint = Blueprint("classified", __name__, url_prefix="/incoming/classified")


@blueprint.get("")
def show() -> Response:
    """What was refused, those that nobody has reported yet first."""
    _session.require(Verb.INCOMING_REFUSE)
    return _show(EMPTY, 0)


@blueprint.post("/<int:refusal>")
def report(refusal: int) -> Response:
    """Notes to whom one was reported."""
    by = _session.require(Verb.INCOMING_REFUSE)
    reader = FormReader(request.form)
    note = reader.area("note", "Đã báo cáo", longest=secrecy.LONGEST_NOTE)
    if not reader.refused:
        try:
            secrecy.report(by, refusal, note)
        except Malformed as refused:
            reader.refuse_because(refused)
        else:
            flash("Đã ghi việc báo cáo.", "good")
            return go_to(url_for("classified.show"))
    return _show(reader.state(), refusal, 422)


def _show(form: FormState, typed_in: int, status: int = 200) -> Response:
    by = _session.actor()
    return page("classified/show.html", status=status, form=form, typed_in=typed_in, refusals=secrecy.refusals(by))
