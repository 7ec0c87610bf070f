"""Handling of incoming documents: direct and assign (one or several), start, complete with the answer."""

from __future__ import annotations

from datetime import date

from flask import Response, flash, url_for

from commune_portal import clock
from commune_portal.documents import tasks
from commune_portal.documents.lists import IncomingTab
from commune_portal.errors import Malformed, NotFound, PortalError, RuleBroken
from commune_portal.people.actors import Actor
from commune_portal.rules.permissions import Verb
from commune_portal.views import _session
from commune_portal.views._forms import FormReader
from commune_portal.views._page import go_to, request
from commune_portal.views.incoming_choices import handlers
from commune_portal.views.incoming_show import render

MANY = 50


def assign(document: int) -> Response:
    """Names lead, supports, direction and deadline."""
    by = _session.actor()
    reader = FormReader(request.form)
    people = {str(person.id): person for person in handlers()}
    lead = reader.one_of("lead", "Chủ trì", people.get, required=True)
    supports = [people[key].id for key in reader.keys("supports", "Phối hợp") if key in people]
    direction, due = _direction(reader)
    if lead and not reader.refused:
        try:
            tasks.assign(by, document, lead=lead.id, supports=supports, direction=direction, due_date=due)
        except (Malformed, RuleBroken) as refusal:
            if not refusal.field:
                raise
            reader.refuse_because(refusal)
        else:
            flash(f"Đã phân công cho {lead.full_name}.", "good")
            return _back(document)
    return render(by, document, act="assign", form=reader.state(), status=422)


def assign_many() -> Response:
    """Gives several documents to one lead with one direction; each is an act of its own."""
    by = _session.require(Verb.INCOMING_ASSIGN)
    reader = FormReader(request.form)
    people = {str(person.id): person for person in handlers()}
    chosen = [int(key) for key in reader.keys("documents", "Văn bản", required=True) if key.isascii() and key.isdigit()]
    lead = reader.one_of("lead", "Chủ trì", people.get, required=True)
    direction, due = _direction(reader)
    if lead is None or reader.refused or not 0 < len(chosen) <= MANY:
        flash(_first_error(reader) or f"Mỗi lần phân công từ 1 đến {MANY} văn bản.", "bad")
        return go_to(url_for("incoming.show_list", tab=IncomingTab.REGISTERED))
    done = sum(_assigned(by, document, lead, direction, due) for document in chosen)
    flash(f"Đã phân công {done} văn bản cho {lead.full_name}.", "good")
    return go_to(url_for("incoming.show_list", tab=IncomingTab.REGISTERED))


def start(document: int) -> Response:
    """A handler begins."""
    tasks.start(_session.actor(), document)
    flash("Đã ghi nhận bắt đầu xử lý.", "good")
    return _back(document)


def complete(document: int) -> Response:
    """Ends the handling with a result or the document that answers."""
    by = _session.actor()
    reader = FormReader(request.form)
    result = reader.area("result", "Kết quả xử lý", longest=4000)
    answered_by = reader.number("answered_by", "Văn bản trả lời", least=1)
    if not reader.refused:
        try:
            tasks.complete(by, document, result=result, answered_by=answered_by)
        except NotFound as refusal:
            if answered_by is None:
                raise
            reader.refuse("answered_by", refusal.sentence)
        except (Malformed, RuleBroken) as refusal:
            if not refusal.field:
                raise
            reader.refuse_because(refusal)
        else:
            flash("Đã hoàn thành xử lý.", "good")
            return _back(document)
    return render(by, document, act="complete", form=reader.state(), status=422)


def _direction(reader: FormReader) -> tuple[str, date | None]:
    direction = reader.area("direction", "Ý kiến chỉ đạo", longest=4000)
    due = reader.day("due_date", "Hạn xử lý")
    if due and due < clock.today():
        reader.refuse("due_date", "Hạn xử lý: đã qua. Hãy chọn hôm nay hoặc một ngày sau.")
    return direction, due


def _assigned(by: Actor, document: int, lead: Actor, direction: str, due: date | None) -> bool:
    """One of several: what was meanwhile taken by somebody else is told and left as it is."""
    try:
        tasks.assign(by, document, lead=lead.id, direction=direction, due_date=due)
    except PortalError as refusal:
        flash(f"Văn bản {document}: {refusal.sentence}", "warn")
        return False
    return True


def _first_error(reader: FormReader) -> str:
    errors = reader.state().errors
    return errors[0].sentence if errors else ""


def _back(document: int) -> Response:
    return go_to(url_for("incoming.show", document=document, tab=request.args.get("tab")))
