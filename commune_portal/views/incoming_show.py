"""The page of one incoming document, put together: record, file, signatures, trail, statuses, the act that is open."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from flask import Response, current_app, url_for

from commune_portal import clock
from commune_portal.documents import amendments, attachments, incoming, surroundings, tasks, visibility
from commune_portal.documents.amendments import Amendment
from commune_portal.documents.attachments import PDF, File
from commune_portal.documents.incoming import Incoming
from commune_portal.documents.lists import IncomingTab
from commune_portal.errors import Malformed, PortalError
from commune_portal.people import accesses
from commune_portal.people.actors import Actor
from commune_portal.rules.acts import Act
from commune_portal.rules.permissions import Relation, Verb
from commune_portal.rules.statuses import IncomingAct, IncomingState, incoming_acts
from commune_portal.signing.reports import SignatureReport, Verdict
from commune_portal.signing.workshop import workshop
from commune_portal.store import journal
from commune_portal.views._format import instant
from commune_portal.views._forms import FormState, filled
from commune_portal.views._page import page, request
from commune_portal.views.files import SHOWN_INLINE
from commune_portal.views.incoming_choices import described, handlers, recipient_names, usual_due

VERBS = {
    IncomingAct.REGISTER: Verb.INCOMING_REGISTER,
    IncomingAct.REFUSE: Verb.INCOMING_REFUSE,
    IncomingAct.ASSIGN: Verb.INCOMING_ASSIGN,
    IncomingAct.START: Verb.INCOMING_START,
    IncomingAct.COMPLETE: Verb.INCOMING_COMPLETE,
}
WORDS = {
    IncomingAct.REGISTER: "Tiếp nhận, vào sổ",
    IncomingAct.REFUSE: "Từ chối nhận…",
    IncomingAct.ASSIGN: "Chỉ đạo, phân công",
    IncomingAct.START: "Bắt đầu xử lý",
    IncomingAct.COMPLETE: "Hoàn thành…",
}
OPENED_AT_ONCE = (IncomingAct.REGISTER, IncomingAct.ASSIGN)
"""Acts whose form is open when the page comes: the next step of whoever opens it."""

GONE = frozenset({IncomingState.RECALLED, IncomingState.TAKEN_BACK})
"""States in which the sender has it back: the trace stays, the file is shown no more."""

TONES = {
    Verdict.VALID: "good",
    Verdict.SOUND: "good",
    Verdict.UNCHECKED: "warn",
    Verdict.INVALID: "bad",
    Verdict.NONE: "warn",
}


@dataclass(frozen=True, slots=True)
class Offer:
    """An act that the person may do now: its words, and whether it has a form to open first."""

    act: IncomingAct
    words: str
    main: bool

    @property
    def has_form(self) -> bool:
        """True unless one press does it."""
        return self.act is not IncomingAct.START


@dataclass(frozen=True, slots=True)
class Trouble:
    """What the answer to a sender's question was refused with; `amendment` 0 is the destruction after a recall."""

    amendment: int
    form: FormState


@dataclass(frozen=True, slots=True)
class Event:
    """A line of the trail as people read it."""

    at: datetime
    actor: str
    act: str
    note: str


@dataclass(frozen=True, slots=True)
class Check:
    """One signature as the box shows it."""

    who: str
    verdict: str
    tone: str
    lines: tuple[str, ...]


def tab_asked_for() -> IncomingTab:
    """The tab that the address names; raises Malformed for an unknown one."""
    slug = request.args.get("tab", IncomingTab.ALL.value)
    try:
        return IncomingTab(slug)
    except ValueError:
        raise Malformed("Không có nhóm văn bản này. Hãy mở lại danh sách.") from None


def render(
    by: Actor,
    row_id: int,
    *,
    act: str | None = None,
    form: FormState | None = None,
    trouble: Trouble | None = None,
    status: int = 200,
) -> Response:
    """The page, or the fragment of an act's form; the act is shown only while the state and the roles allow it."""
    document = incoming.see(by, row_id)
    relations = visibility.relations_to(by, "incoming", row_id)
    asked = amendments.of_incoming(row_id)
    offers = _offers(by, document, relations, asked)
    opened = _opened(offers, act)
    values = _form_values(by, document, opened, form)
    tab = tab_asked_for()
    if request.wants_fragment:
        return page(
            "incoming/show.html", "incoming/_act.html", "incoming/_answers.html", status=status,
            document=document, opened=opened, tab=tab, **values,
        )  # fmt: skip
    accesses.note(by.id, accesses.SEEN, document.about)
    file = None if document.state in GONE else attachments.shown("incoming", row_id)
    return page(
        "incoming/show.html",
        status=status,
        document=document,
        opened=opened,
        offers=offers,
        tab=tab,
        file=file,
        viewer=_viewer(file),
        annexes=[] if document.state in GONE else attachments.annexes("incoming", row_id),
        checks=_checks(document),
        unchecked=_unchecked(document),
        may_check=file is not None and file.media_type == PDF and by.may(Verb.INCOMING_REGISTER, *relations),
        answer_url=_answer_url(by, document),
        assignments=tasks.assignments_of(row_id),
        events=_events(document.about),
        sent=surroundings.sent_statuses(document.about, document.message_id),
        beside=surroundings.neighbours(by, row_id, tab),
        asked=asked,
        may_answer=by.may(Verb.INCOMING_AMEND, *relations),
        trouble=trouble,
        same=_same(by, document),
        **values,
    )


def _offers(by: Actor, document: Incoming, relations: tuple[Relation, ...], asked: Iterable[Amendment]) -> list[Offer]:
    if any(item.freezes(document.id) for item in asked):
        return []
    may = [act for act in incoming_acts(document.state) if by.may(VERBS[act], *relations)]
    return [Offer(act, WORDS[act], act is may[0]) for act in may]


def _opened(offers: list[Offer], wanted: str | None) -> IncomingAct | None:
    with_form = [offer.act for offer in offers if offer.has_form]
    if wanted is not None:
        return next((act for act in with_form if act.value == wanted), None)
    return next((act for act in with_form if act in OPENED_AT_ONCE), None)


def _form_values(by: Actor, document: Incoming, opened: IncomingAct | None, form: FormState | None) -> dict[str, Any]:
    """What the open form needs, and nothing else."""
    values: dict[str, Any] = {"form": form or filled({}), "people": [], "recipients": [], "answers": [], "query": ""}
    if opened is IncomingAct.REGISTER:
        values["recipients"] = recipient_names()
        if form is None:
            values["form"] = filled({"requires_handling": "1" if document.requires_handling else None})
    if opened is IncomingAct.ASSIGN:
        values["people"] = [(person.id, described(person)) for person in handlers()]
        if form is None:
            values["form"] = _standing_direction(document)
    if opened is IncomingAct.COMPLETE and by.may_ever(Verb.OUTGOING_SEE):
        values["query"] = request.args.get("q", "").strip()
        values["answers"] = surroundings.possible_answers(by, document.id, values["query"])
    return values


def _standing_direction(document: Incoming) -> FormState:
    """A first direction begins with the sender's deadline or the office's usual one; a new one with what stands."""
    standing = [item for item in tasks.assignments_of(document.id) if item.state in ("assigned", "in-progress")]
    if not standing:
        due = document.asked_due_date
        return filled({"due_date": due if due and due >= clock.today() else usual_due()})
    return filled(
        {
            "lead": next((item.account_id for item in standing if item.part == "lead"), None),
            "supports": [item.account_id for item in standing if item.part == "support"],
            "direction": standing[0].direction,
            "due_date": standing[0].due_date,
        }
    )


def _answer_url(by: Actor, document: Incoming) -> str:
    """Where an answer to this document is drafted, while it is being handled and by whoever may draft."""
    in_hand = document.state in (IncomingState.REGISTERED, IncomingState.ASSIGNED, IncomingState.IN_PROGRESS)
    if not in_hand or not by.may_ever(Verb.OUTGOING_DRAFT) or "outgoing.draft" not in current_app.view_functions:
        return ""
    return url_for("outgoing.draft", answers=document.id)


def _viewer(file: File | None) -> dict[str, Any]:
    """How the file is shown: by the browser's viewer, or page by page as pictures (`?page=`)."""
    if file is None or file.media_type not in SHOWN_INLINE:
        return {"kind": "none"}
    if file.media_type != PDF:
        return {"kind": "picture"}
    wanted = request.args.get("page", type=int)
    if wanted is None:
        return {"kind": "pdf"}
    try:
        pages = workshop().page_count(file.path)
    except PortalError:
        return {"kind": "pdf"}
    return {"kind": "pages", "page": min(max(1, wanted), pages), "pages": pages}


def _same(by: Actor, document: Incoming) -> list[incoming.Duplicate]:
    if document.state is not IncomingState.ARRIVED or not by.may(Verb.INCOMING_REGISTER):
        return []
    return incoming.duplicates(document.code, document.sender_name, but=document.id)


def _unchecked(document: Incoming) -> str:
    if document.origin != "exchange":
        return ""
    if document.check_verdict is None:
        if document.state is IncomingState.ARRIVED:
            return "Hệ thống chưa kiểm tra xong. Hãy đợi giây lát rồi tải lại trang."
        return "Chữ ký số của tệp này không được kiểm tra khi tiếp nhận."
    if document.check_verdict is Verdict.UNCHECKED and not (document.check_report and document.check_report.signatures):
        return "Không mở được tệp để kiểm tra chữ ký; hãy xem tệp và hỏi lại nơi gửi nếu nghi ngờ."
    return ""


def _checks(document: Incoming) -> list[Check]:
    report = document.check_report
    return [_check(item) for item in report.signatures] if report else []


def _check(item: SignatureReport) -> Check:
    certificate = f"Chứng thư {item.chain.label}"
    if item.not_after:
        certificate += f", hiệu lực đến {instant(item.not_after)[:10]}"
    lines = [
        item.why,
        f"Tệp {item.modification.label}",
        certificate,
        f"Ký lúc {instant(item.timestamp or item.signed_at)}" if item.timestamp or item.signed_at else "",
        f"Đơn vị: {item.organisation}" if item.organisation and item.organisation != item.common_name else "",
        "Khóa thử nghiệm, không có giá trị pháp lý" if item.trial and "thử nghiệm" not in item.why else "",
    ]
    return Check(
        item.common_name or "(không rõ người ký)",
        item.verdict.label,
        TONES[item.verdict],
        tuple(line for line in lines if line),
    )


def _events(about: str) -> list[Event]:
    """The journal's lines about a document; names come from the leaf, so a recall leaves none behind."""
    events = []
    for line in journal.lines_about(about):
        said, texts = line.fields, line.texts
        by_portal = said["actor"] == journal.SYSTEM
        act = Act(said["act"])
        words = act.label
        if act is Act.INCOMING_REGISTERED and said["number"]:
            words += f", số đến {said['number']:02d}"
        if act is Act.INCOMING_CHECKED:
            words += f": {Verdict(said['facts']['verdict']).label}"
        who = "Hệ thống" if by_portal else texts.get("actor_name") or "(tên đã xóa)"
        events.append(Event(clock.from_text(said["instant"]), f"{who}:", words, _note(act, texts)))
    return events


def _note(act: Act, texts: dict[str, str]) -> str:
    if act is Act.INCOMING_REFUSED:
        return texts.get("reason", "")
    if act is Act.INCOMING_ASSIGNED:
        handlers_named = texts.get("handler", "")
        return "\n".join(part for part in (f"Giao: {handlers_named}", texts.get("direction", "")) if part)
    if act is Act.INCOMING_COMPLETED:
        answer = texts.get("answered_by", "")
        return "\n".join(part for part in (texts.get("note", ""), f"Trả lời bằng {answer}" if answer else "") if part)
    return ""
