"""Outgoing documents: the list with its tabs, and the draft, uploaded or composed here.

What follows the draft is in `outgoing_issue`; the places of an upload's fields are in `outgoing_places`.
"""

from __future__ import annotations

from flask import Blueprint, Response, flash, render_template, url_for

from commune_portal.documents import lists, outgoing, visibility
from commune_portal.documents.lists import OutgoingTab
from commune_portal.documents.outgoing import Outgoing
from commune_portal.errors import PortalError
from commune_portal.people.actors import Actor
from commune_portal.rules.kinds import Medium
from commune_portal.rules.permissions import Relation, Verb
from commune_portal.rules.statuses import OutgoingAct, next_outgoing
from commune_portal.views import _drafts, _session
from commune_portal.views._drafts import DraftForm
from commune_portal.views._forms import FormState
from commune_portal.views._outgoing_words import STATE_TONES, code_of_line, sent_text
from commune_portal.views._page import go_to, page, request, respond
from commune_portal.views._shell import MenuEntry

blueprint = Blueprint("outgoing", __name__, url_prefix="/outgoing")

WAITING = frozenset({OutgoingTab.TO_SIGN, OutgoingTab.TO_ISSUE, OutgoingTab.TO_SEND})


@blueprint.get("")
def show_list() -> Response:
    """The list: tabs with counts, search without accents, newest first."""
    by = _may_see()
    tab = next((item for item in OutgoingTab if item.value == request.args.get("tab")), OutgoingTab.ALL)
    query = request.args.get("q", "").strip()[:200]
    after = request.args.get("after", "")
    found = lists.outgoing_page(by, tab, query=query, after=after)
    counts = lists.outgoing_counts(by)
    shown = len(found.lines)
    is_part = bool(after or found.next)
    return page(
        "outgoing/list.html",
        "outgoing/_rows.html",
        tabs=[_tab_entry(item, counts[item], query, current=item is tab) for item in OutgoingTab],
        tab=tab,
        query=query,
        lines=found.lines,
        code_of=code_of_line(),
        sent_text=sent_text,
        tones=STATE_TONES,
        said=f"{shown} văn bản trên trang này" if is_part else f"{shown} văn bản",
        older=url_for("outgoing.show_list", tab=tab.value, q=query or None, after=found.next) if found.next else "",
        first=url_for("outgoing.show_list", tab=tab.value, q=query or None) if after else "",
    )


def _tab_entry(tab: OutgoingTab, count: int, query: str, *, current: bool) -> MenuEntry:
    url = url_for("outgoing.show_list", tab=tab.value, q=query or None)
    return MenuEntry(tab.label, url, count, "warn" if count and tab in WAITING else "quiet", current)


@blueprint.get("/draft")
def draft() -> Response:
    """The form of a new draft; `?answers=<id>` names the incoming document that it answers."""
    by = _may_draft()
    return _form(by, _drafts.beginning(by, request.args.get("answers", type=int)))


@blueprint.post("/draft")
def make_draft() -> Response:
    """Begins a document."""
    by = _may_draft()
    form = DraftForm(by)
    wanted = form.read()
    if wanted is not None:
        try:
            made = outgoing.draft(by, wanted, form.main, form.annexes)
        except PortalError as refusal:
            form.refuse(refusal)
        else:
            form.forget_uploads()
            return _after_saving(by, made, form)
    return _form(by, form.state(), posted=form)


@blueprint.get("/<int:document>/edit")
def edit(document: int) -> Response:
    """The form of a draft that is being worked on."""
    by = _session.actor()
    now = _may_edit(by, document)
    return _form(by, _drafts.of_document(now), now)


@blueprint.post("/<int:document>/edit")
def change_draft(document: int) -> Response:
    """Changes a draft; files that are not chosen again stay."""
    by = _session.actor()
    now = _may_edit(by, document)
    form = DraftForm(by, now)
    wanted = form.read()
    if wanted is not None:
        try:
            outgoing.edit(by, document, wanted, form.main, form.annexes, drop_annexes=form.dropped)
        except PortalError as refusal:
            form.refuse(refusal)
        else:
            form.forget_uploads()
            return _after_saving(by, document, form)
    return _form(by, form.state(), now, posted=form)


@blueprint.get("/answerable")
def answerable() -> Response:
    """Incoming documents that a draft could answer: the search inside the form; without script saving searches."""
    by = _may_draft()
    query = request.args.get("answers_query", "").strip()[:200]
    chosen = request.args.get("answers_id", "")
    found = _drafts.answerable(by, query, chosen)
    return respond(render_template("outgoing/_answerable.html", choices=found, chosen=chosen, query=query))


def _may_see() -> Actor:
    by = _session.actor()
    if not by.may_ever(Verb.OUTGOING_SEE):
        by.require(Verb.OUTGOING_SEE)
    return by


def _may_draft() -> Actor:
    return _session.require(Verb.OUTGOING_DRAFT, Relation.OWN)


def _may_edit(by: Actor, document: int) -> Outgoing:
    """The document, once it is known that this person may change it in its present state."""
    visibility.require(by, Verb.OUTGOING_DRAFT, "outgoing", document)
    now = outgoing.get(document)
    next_outgoing(now.state, OutgoingAct.EDIT, now.medium)
    return now


def _form(by: Actor, form: FormState, now: Outgoing | None = None, posted: DraftForm | None = None) -> Response:
    query = form.value("answers_query")
    return page(
        "outgoing/draft.html",
        status=422 if form.errors else 200,
        form=form,
        now=now,
        choices=_drafts.choices(),
        staged=posted.staged if posted else _drafts.NOTHING,
        files=_drafts.files_of(now),
        answerable=_drafts.answerable(by, query, form.value("answers_id")),
        query=query,
        back=url_for("outgoing_issue.show", document=now.id) if now else url_for("outgoing.show_list"),
    )


def _after_saving(by: Actor, document: int, form: DraftForm) -> Response:
    """Where a saved draft leads: to its page, to the next empty form, to its signer, or first to its places."""
    if form.then == "another":
        flash("Đã lưu dự thảo. Mời soạn văn bản tiếp theo.", "good")
        return go_to(url_for("outgoing.draft"))
    if form.then == "submit":
        now = outgoing.get(document)
        if now.medium is Medium.ELECTRONIC and now.letter is None:
            flash("Đã lưu dự thảo. Hãy xem vị trí bốn ô rồi bấm Trình.", "good")
            return go_to(url_for("outgoing_places.show", document=document))
        try:
            outgoing.submit(by, document)
        except PortalError as refusal:
            flash(f"Đã lưu dự thảo nhưng chưa trình được. {refusal.sentence}", "bad")
        else:
            flash(f"Đã trình {now.signer_name}.", "good")
        return go_to(url_for("outgoing_issue.show", document=document))
    flash("Đã lưu dự thảo.", "good")
    return go_to(url_for("outgoing_issue.show", document=document))
