"""Incoming documents: the list with its tabs, one document with its file beside it, accepting, refusing, checking.

Registering by hand is in `incoming_register`, handling in `incoming_tasks`; their routes are named here, so that
the whole place can be seen at once.
"""

from __future__ import annotations

from flask import Blueprint, Response, flash, url_for

from commune_portal.documents import arrivals, incoming, lists, visibility
from commune_portal.documents.lists import IncomingTab
from commune_portal.errors import ClockDoubtful, Malformed, RuleBroken
from commune_portal.rules import numbering
from commune_portal.rules.permissions import Verb
from commune_portal.views import _session, incoming_register, incoming_tasks
from commune_portal.views._forms import EMPTY, FormReader
from commune_portal.views._page import go_to, page, request
from commune_portal.views._shell import MenuEntry
from commune_portal.views.incoming_choices import described, handlers, usual_due
from commune_portal.views.incoming_show import render, tab_asked_for

blueprint = Blueprint("incoming", __name__, url_prefix="/incoming")

TONES = {IncomingTab.OVERDUE: "bad", IncomingTab.ARRIVED: "warn", IncomingTab.REGISTERED: "warn"}


@blueprint.get("")
def show_list() -> Response:
    """One tab of the list, newest first, searched without accents; the table alone for htmx."""
    by = _session.actor()
    if not by.may_ever(Verb.INCOMING_SEE):
        by.require(Verb.INCOMING_SEE)
    tab, query, after = tab_asked_for(), request.args.get("q", "").strip(), request.args.get("after", "")
    found = lists.incoming_page(by, tab, query=query, after=after)
    in_part = request.wants_fragment
    counts = {} if in_part else lists.incoming_counts(by)
    assigns_many = tab is IncomingTab.REGISTERED and by.may(Verb.INCOMING_ASSIGN)
    return page(
        "incoming/list.html",
        "incoming/_rows.html",
        tab=tab,
        query=query,
        lines=found.lines,
        older=url_for("incoming.show_list", tab=tab, q=query or None, after=found.next) if found.next else "",
        first=url_for("incoming.show_list", tab=tab, q=query or None) if after else "",
        tabs=[
            MenuEntry(
                item.label,
                url_for("incoming.show_list", tab=item, q=query or None),
                amount,
                TONES.get(item, "quiet") if amount else "quiet",
                current=item is tab,
            )
            for item, amount in counts.items()
        ],
        assigns_many=assigns_many,
        people=[(person.id, described(person)) for person in handlers()] if assigns_many and not in_part else [],
        due=usual_due() if assigns_many and not in_part else None,
        form=EMPTY,
    )


@blueprint.get("/<int:document>")
def show(document: int) -> Response:
    """One document: record, signatures, trail, what may be done now; `?act=` opens the form of an act."""
    return render(_session.actor(), document, act=request.args.get("act"))


@blueprint.post("/<int:document>/accept")
def accept(document: int) -> Response:
    """Accepts an arrived document into the book."""
    by = _session.actor()
    reader = FormReader(request.form)
    recipient = reader.text("recipient_name", "Đơn vị hoặc người nhận", longest=200)
    if not reader.refused:
        try:
            incoming.accept(
                by,
                document,
                recipient_name=recipient,
                requires_handling=reader.ticked("requires_handling"),
                without_check=reader.ticked("without_check"),
                confirmed=reader.ticked("date_confirmed"),
            )
        except ClockDoubtful as doubt:
            reader.refuse("date_confirmed", doubt.sentence)
        except (Malformed, RuleBroken) as refusal:
            if not refusal.field:
                raise
            reader.refuse_because(refusal)
        else:
            number = incoming.get(document).number or 0
            flash(f"Đã vào sổ văn bản đến, số đến {numbering.format_number(number)}.", "good")
            return _back(document)
    return render(by, document, act="register", form=reader.state(), status=422)


@blueprint.post("/<int:document>/refuse")
def refuse(document: int) -> Response:
    """Returns an arrived document to its sender with a reason."""
    by = _session.actor()
    reader = FormReader(request.form)
    reason = reader.area("reason", "Lý do", required=True, longest=1000)
    if not reader.refused:
        try:
            incoming.refuse(by, document, reason)
        except (Malformed, RuleBroken) as refusal:
            if not refusal.field:
                raise
            reader.refuse_because(refusal)
        else:
            flash("Đã từ chối nhận; nơi gửi sẽ được báo lý do.", "good")
            return _back(document)
    return render(by, document, act="refuse", form=reader.state(), status=422)


@blueprint.post("/<int:document>/check")
def check(document: int) -> Response:
    """Checks the signatures now, for whoever cannot wait or wants to know it again."""
    visibility.require(_session.actor(), Verb.INCOMING_REGISTER, "incoming", document)
    verdict = arrivals.check(document)
    flash(f"Đã kiểm tra chữ ký số: {verdict.label}.", "good" if verdict.acceptable else "warn")
    return _back(document)


def _back(document: int) -> Response:
    return go_to(url_for("incoming.show", document=document, tab=request.args.get("tab")))


blueprint.add_url_rule("/register", "register", incoming_register.register)
blueprint.add_url_rule("/register", "save", incoming_register.save, methods=["POST"])
blueprint.add_url_rule("/register/upload", "upload", incoming_register.upload, methods=["POST"])
blueprint.add_url_rule("/register/<token>/file", "staged_file", incoming_register.staged_file)
blueprint.add_url_rule("/senders", "senders", incoming_register.senders)
blueprint.add_url_rule("/assign", "assign_many", incoming_tasks.assign_many, methods=["POST"])
blueprint.add_url_rule("/<int:document>/assign", "assign", incoming_tasks.assign, methods=["POST"])
blueprint.add_url_rule("/<int:document>/start", "start", incoming_tasks.start, methods=["POST"])
blueprint.add_url_rule("/<int:document>/complete", "complete", incoming_tasks.complete, methods=["POST"])
