"""One outgoing document and what is done to it: submit, return, approve, sign, number and seal, void, dispatch.

The PIN of a signing is read, handed to the verb and forgotten; no answer, flash or log ever holds it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from flask import Blueprint, Response, current_app, flash, url_for

from commune_portal.documents import amendments, attachments, dispatch, incoming, issuing, outgoing, urgent, visibility
from commune_portal.documents.outgoing import Outgoing
from commune_portal.errors import ClockDoubtful, Malformed, NotFound, PortalError, RuleBroken, TokenLastTry
from commune_portal.people import accesses, accounts, issuers
from commune_portal.people.actors import Actor
from commune_portal.rules.kinds import Competence, Medium, Urgency
from commune_portal.rules.permissions import Verb
from commune_portal.rules.statuses import OutgoingAct, OutgoingState, outgoing_acts
from commune_portal.settings import Settings
from commune_portal.signing.reports import Report, SignatureReport, Verdict
from commune_portal.signing.workshop import workshop
from commune_portal.views import _session, outgoing_amend
from commune_portal.views._errors import status_of
from commune_portal.views._format import instant
from commune_portal.views._forms import EMPTY, FormReader, FormState
from commune_portal.views._outgoing_words import STATE_TONES, progress, trail
from commune_portal.views._page import go_to, page, request
from commune_portal.views._recipients import choices

blueprint = Blueprint("outgoing_issue", __name__, url_prefix="/outgoing")

VERBS = {
    OutgoingAct.EDIT: Verb.OUTGOING_DRAFT,
    OutgoingAct.SUBMIT: Verb.OUTGOING_SUBMIT,
    OutgoingAct.RETURN: Verb.OUTGOING_RETURN,
    OutgoingAct.APPROVE: Verb.OUTGOING_APPROVE,
    OutgoingAct.SIGN: Verb.OUTGOING_SIGN,
    OutgoingAct.NUMBER: Verb.OUTGOING_NUMBER,
    OutgoingAct.SEAL: Verb.OUTGOING_SEAL,
    OutgoingAct.DISPATCH: Verb.OUTGOING_DISPATCH,
    OutgoingAct.VOID: Verb.OUTGOING_VOID,
}
SIGNERS_OWN = frozenset({OutgoingAct.APPROVE, OutgoingAct.SIGN})
ELECTRONIC_ONLY = frozenset({OutgoingAct.SIGN, OutgoingAct.DISPATCH})
VERDICT_TONES = {
    Verdict.VALID: "good",
    Verdict.SOUND: "good",
    Verdict.UNCHECKED: "warn",
    Verdict.INVALID: "bad",
    Verdict.NONE: "quiet",
}


@dataclass(frozen=True, slots=True)
class SignatureWords:
    """One signature of the document as the panel shows it."""

    who: str
    verdict: str
    tone: str
    lines: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Trouble:
    """What an act was refused with, shown where the act is: `act` opens its form again."""

    act: str
    form: FormState
    clock: bool = False
    last_try: bool = False
    status: int = 200


NO_TROUBLE = Trouble("", EMPTY)


@blueprint.get("/<int:document>")
def show(document: int) -> Response:
    """The document beside its record, with the acts that its state and the person's roles allow."""
    by = _session.actor()
    now = outgoing.see(by, document)
    accesses.note(by.id, accesses.SEEN, now.about)
    return _show(by, now)


@blueprint.get("/<int:document>/signatures")
def signatures(document: int) -> Response:
    """Every signature of the PDF, checked now; loaded behind the page, and a page of its own without script."""
    by = _session.actor()
    now = outgoing.see(by, document)
    file = attachments.shown("outgoing", document)
    checks: list[SignatureWords] = []
    unchecked = ""
    if file is not None:
        try:
            checks = _signature_words(workshop().verify(file.path))
        except PortalError as refusal:
            unchecked = refusal.sentence
    return page(
        "outgoing/signatures.html", "outgoing/_signatures.html",
        now=now, code=issuing.printed_code(now), checks=checks, unchecked=unchecked,
    )  # fmt: skip


@blueprint.post("/<int:document>/submit")
def submit(document: int) -> Response:
    """Submits a draft to its signer; an upload goes by its places first."""
    by = _session.actor()
    return _act(by, document, "submit", lambda: outgoing.submit(by, document), "Đã trình ký.")


@blueprint.post("/<int:document>/return")
def return_(document: int) -> Response:
    """Sends a draft back with a reason."""
    by = _session.actor()
    reason = request.form.get("reason", "")
    return _act(by, document, "return", lambda: outgoing.return_(by, document, reason), "Đã trả lại người soạn.")


@blueprint.post("/<int:document>/approve")
def approve(document: int) -> Response:
    """The signer approves without signing now."""
    by = _session.actor()
    return _act(by, document, "approve", lambda: outgoing.approve(by, document), "Đã duyệt; văn bản chờ ký.")


@blueprint.post("/<int:document>/sign")
def sign(document: int) -> Response:
    """«Duyệt và ký»: approves what is not approved yet, then signs; a failing token leaves it approved."""
    by = _session.actor()
    reader = FormReader(request.form)
    pin = reader.secret("pin", "Mã PIN")

    def approve_and_sign() -> None:
        reader.finish()
        if outgoing.see(by, document).state is OutgoingState.SUBMITTED:
            outgoing.approve(by, document)
        issuing.sign(by, document, pin, confirm_final=reader.ticked("confirm_final"))

    return _act(by, document, "sign", approve_and_sign, "Đã ký số. Văn thư cấp số và đóng dấu.")


@blueprint.post("/<int:document>/issue")
def issue(document: int) -> Response:
    """«Cấp số và đóng dấu»: number, then seal; where the seal fails the number stays and the seal is tried again."""
    by = _session.actor()
    reader = FormReader(request.form)
    pin = reader.secret("pin", "Mã PIN", required=False)

    def number_and_seal() -> None:
        now = outgoing.see(by, document)
        if now.medium is Medium.ELECTRONIC and not pin:
            raise Malformed("Mã PIN: chưa nhập.", field="pin")
        if OutgoingAct.SEAL not in outgoing_acts(now.state, now.medium):
            issuing.number(by, document, confirmed=reader.ticked("confirmed"))
        issuing.seal(by, document, pin, confirm_final=reader.ticked("confirm_final"))

    def issued() -> str:
        return f"Đã phát hành văn bản số {issuing.printed_code(outgoing.get(document))}."

    return _act(by, document, "issue", number_and_seal, issued)


@blueprint.post("/<int:document>/void")
def void(document: int) -> Response:
    """«Hủy số» with a reason."""
    by = _session.actor()
    reason = request.form.get("reason", "")
    return _act(by, document, "void", lambda: outgoing.void(by, document, reason), "Đã hủy số; số vẫn nằm trong sổ.")


@blueprint.get("/<int:document>/dispatch")
def recipients(document: int) -> Response:
    """Offices of the directory to choose from, with search; what is chosen stays chosen."""
    by = _session.actor()
    now = _may_dispatch(by, document)
    return _recipients(now, EMPTY, tuple(request.args.getlist("to")), request.args.get("q", "").strip()[:100])


@blueprint.post("/<int:document>/dispatch")
def send(document: int) -> Response:
    """Sends an issued document to the chosen offices."""
    by = _session.actor()
    reader = FormReader(request.form)
    chosen = reader.keys("to", "Nơi nhận")
    query = reader.text("q", "Tìm", longest=100)
    group = reader.number("group", "Nhóm")
    if group is not None or reader.text("then", "Việc", longest=10) == "search":
        return _recipients(_may_dispatch(by, document), EMPTY, chosen, query, group=group)
    try:
        dispatch.dispatch(by, document, chosen)
    except (Malformed, RuleBroken) as refusal:
        reader.refuse_because(refusal)
        now = outgoing.see(by, document)
        if OutgoingAct.DISPATCH not in _acts(by, now):
            raise
        return _recipients(now, reader.state(), chosen, query, status_of(refusal))
    flash(f"Đã xếp {len(chosen)} gói tin vào hàng chờ gửi. Trạng thái từng nơi hiện ở bảng bên dưới.", "good")
    return go_to(url_for("outgoing_issue.show", document=document))


def _may_dispatch(by: Actor, document: int) -> Outgoing:
    visibility.require(by, Verb.OUTGOING_DISPATCH, "outgoing", document)
    now = outgoing.get(document)
    if OutgoingAct.DISPATCH not in _acts(by, now):
        raise RuleBroken("Văn bản chưa gửi qua liên thông được ở trạng thái này. Hãy cấp số và đóng dấu trước.")
    return now


def _recipients(
    now: Outgoing, form: FormState, chosen: tuple[str, ...], query: str, status: int = 200, group: int | None = None
) -> Response:
    has_it = {item.organ_code for item in dispatch.recipients(now.id) if item.has_it}
    return page(
        "outgoing/dispatch.html", "outgoing/_directory.html", status=status,
        now=now, code=issuing.printed_code(now), form=form, query=query,
        offer=choices(query, chosen, has_it, group),
    )  # fmt: skip


def _act(by: Actor, document: int, name: str, perform: Callable[[], None], done: str | Callable[[], str]) -> Response:
    """Performs an act and goes back to the document; what it refuses is shown there, at the act's own form."""
    try:
        perform()
    except PortalError as refusal:
        try:
            now = outgoing.see(by, document)
        except NotFound:
            raise refusal from None
        if status_of(refusal) in (403, 404):
            raise
        return _show(by, now, _trouble(name, now, refusal))
    flash(done if isinstance(done, str) else done(), "good")
    return go_to(url_for("outgoing_issue.show", document=document))


def _trouble(name: str, now: Outgoing, refusal: PortalError) -> Trouble:
    reader = FormReader(request.form)
    reader.secret("pin", "Mã PIN", required=False)
    sentence = refusal.sentence
    if name == "issue" and now.state is OutgoingState.NUMBERED:
        sentence = f"Số {issuing.printed_code(now)} đã cấp và giữ nguyên; chưa đóng dấu được. {sentence}"
    elif name == "sign" and now.state is OutgoingState.APPROVED:
        sentence = f"Đã duyệt, chưa ký. {sentence}"
    reader.refuse(refusal.field if refusal.field in ("pin", "reason") else "", sentence)
    return Trouble(
        name,
        reader.state(),
        clock=isinstance(refusal, ClockDoubtful),
        last_try=isinstance(refusal, TokenLastTry),
        status=status_of(refusal),
    )


def _acts(by: Actor, now: Outgoing) -> frozenset[OutgoingAct]:
    """What this person may do now: the state allows it, the roles carry it, and approving is the signer's own."""
    relations = visibility.relations_to(by, "outgoing", now.id)
    return frozenset(
        act
        for act in outgoing_acts(now.state, now.medium)
        if by.may(VERBS[act], *relations)
        and (act not in SIGNERS_OWN or now.signer_id == by.id)
        and not (act in ELECTRONIC_ONLY and now.medium is Medium.PAPER)
    )


def _show(by: Actor, now: Outgoing, trouble: Trouble = NO_TROUBLE) -> Response:
    settings: Settings = current_app.config["PORTAL_SETTINGS"]
    standing = attachments.all_of("outgoing", now.id)
    main = attachments.shown("outgoing", now.id)
    sent = dispatch.recipients(now.id)
    acts = _acts(by, now)
    names = {item.organ_code: item.organ_name for item in sent}
    return page(
        "outgoing/show.html",
        status=trouble.status,
        now=now,
        code=issuing.printed_code(now),
        tone=STATE_TONES[now.state],
        acts={act.value for act in acts},
        has_work=bool(acts - {OutgoingAct.EDIT, OutgoingAct.DISPATCH}),
        trouble=trouble,
        blank=EMPTY,
        issuer=issuers.issuer(now.issuer_id),
        drafter=accounts.names([now.drafter_id]).get(now.drafter_id, ""),
        mark=Competence(now.competence).mark if now.competence else "",
        main=main,
        files=[file for file in standing if file.part in ("annex", "packet") or file == main],
        is_upload=now.letter is None,
        has_pdf=main is not None,
        recipients=[(item, progress(item)) for item in sent],
        offers=outgoing_amend.offers(by, now),
        asked=amendments.of_outgoing(now.id),
        may_take_back={item.id for item in sent if outgoing_amend.may_take_back(by, now, item)},
        may_resend=outgoing_amend.gone_codes(sent) if OutgoingAct.DISPATCH in acts else set(),
        statuses=[(names.get(line.organ_code, line.organ_code), line) for line in dispatch.statuses_of(now.id)],
        calls=urgent.calls_of(now.id) if now.urgency is Urgency.FLASH else [],
        watched=urgent.watched_recipients(now.id) if now.urgency is Urgency.FLASH else frozenset(),
        answered=_answered(by, now),
        events=trail(now.about),
        is_trial=settings.token.trial and not settings.token.module,
        is_signed=now.signed_at is not None and now.medium is Medium.ELECTRONIC,
    )


def _answered(by: Actor, now: Outgoing) -> incoming.Incoming | None:
    if now.answers_id is None:
        return None
    try:
        return incoming.see(by, now.answers_id)
    except NotFound:
        return None


def _signature_words(report: Report) -> list[SignatureWords]:
    return [_words(item) for item in report.signatures]


def _words(item: SignatureReport) -> SignatureWords:
    when = instant(item.timestamp or item.signed_at)
    lines = [
        f"Ký lúc {when}{'' if item.timestamp else ' (theo đồng hồ máy ký, chưa có dấu thời gian)'}" if when else "",
        item.organisation if item.organisation != item.common_name else "",
        item.why,
        f"Tệp: {item.modification.label}",
        f"Chứng thư: {item.chain.label}; cấp bởi {_common_name(item.issuer)}",
    ]
    return SignatureWords(item.common_name, item.verdict.label, VERDICT_TONES[item.verdict], tuple(filter(None, lines)))


def _common_name(issuer: str) -> str:
    """The CN of a certificate's issuer, for people; the whole name where there is none."""
    parts = (part.strip() for part in issuer.split(","))
    return next((part.removeprefix("CN=") for part in parts if part.startswith("CN=")), issuer)
