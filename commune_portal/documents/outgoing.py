"""Outgoing documents up to the approval: drafting, editing, submitting, returning, approving, voiding a number.

Signing, numbering and sealing are in `issuing`, sending in `dispatch`.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, replace
from datetime import date, datetime

from commune_portal import clock
from commune_portal.documents import attachments, layouts, visibility
from commune_portal.documents.attachments import Kept, Upload
from commune_portal.errors import Malformed, NotFound, RuleBroken
from commune_portal.paper.places import Places
from commune_portal.people import accounts, issuers, mandates
from commune_portal.people.actors import Actor
from commune_portal.rules import classified, delivery, folding, kinds, numbering, statuses
from commune_portal.rules.acts import Act
from commune_portal.rules.kinds import Medium, Secrecy, Urgency
from commune_portal.rules.permissions import Relation, Verb
from commune_portal.rules.statuses import OutgoingAct, OutgoingState
from commune_portal.store import database, journal, search
from commune_portal.store.register import Work

LONGEST_SUBJECT = 500


@dataclass(frozen=True, slots=True)
class LetterText:
    """What is typed for a letter composed in the portal: one addressee and one paragraph a line."""

    addressees: tuple[str, ...]
    body: str

    def to_json(self) -> str:
        """The text as stored with the draft."""
        return json.dumps(asdict(self), ensure_ascii=False)

    @classmethod
    def from_json(cls, text: str) -> LetterText | None:
        """The stored text, None where the draft is an upload."""
        if not text:
            return None
        document = json.loads(text)
        return cls(tuple(document["addressees"]), document["body"])


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """What a drafter says of a document before it has a number. `unit` is an abbreviation; dates are civil."""

    issuer_id: int
    type_code: str
    subject: str
    medium: Medium = Medium.ELECTRONIC
    unit: str = ""
    signer_id: int | None = None
    urgency: Urgency = Urgency.NORMAL
    secrecy: Secrecy = Secrecy.NONE
    deliver_by: datetime | None = None
    due_date: date | None = None
    recipients_text: str = ""
    kept_by: str = ""
    copy_amount: int = 1
    letter: LetterText | None = None
    answers_id: int | None = None
    note: str = ""


@dataclass(frozen=True, slots=True)
class Outgoing:
    """An outgoing document as verbs and pages read it; instants are aware, dates civil."""

    id: int
    uid: str
    issuer_id: int
    state: OutgoingState
    medium: Medium
    type_code: str
    type_name: str
    subject: str
    unit: str
    drafter_id: int
    drafted_at: datetime
    signer_id: int | None
    signer_name: str
    signer_position: str
    competence: str
    urgency: Urgency
    deliver_by: datetime | None
    due_date: date | None
    page_amount: int
    copy_amount: int
    recipients_text: str
    kept_by: str
    letter: LetterText | None
    places: Places | None
    return_reason: str
    submitted_at: datetime | None
    approved_at: datetime | None
    signed_at: datetime | None
    book_id: int | None
    year: int | None
    number: int | None
    symbol: str
    document_id: str
    promulgation_date: date | None
    numbered_at: datetime | None
    sealed_at: datetime | None
    dispatched_at: datetime | None
    voided_at: datetime | None
    void_reason: str
    answers_id: int | None
    note: str

    @property
    def about(self) -> str:
        """What journal lines call it."""
        return f"outgoing:{self.uid}"


_COLUMNS = (
    "id", "uid", "issuer_id", "state", "medium", "type_code", "type_name", "subject", "unit", "drafter_id",
    "drafted_at", "signer_id", "signer_name", "signer_position", "competence", "urgency", "deliver_by", "due_date",
    "page_amount", "copy_amount", "recipients_text", "kept_by", "letter", "places", "return_reason", "submitted_at",
    "approved_at", "signed_at", "book_id", "year", "number", "symbol", "document_id", "promulgation_date",
    "numbered_at", "sealed_at", "dispatched_at", "voided_at", "void_reason", "answers_id", "note",
)  # fmt: skip

_SELECT = f"SELECT {', '.join(_COLUMNS)} FROM outgoing WHERE id = ?"
_INSTANTS = frozenset(name for name in _COLUMNS if name.endswith("_at") or name == "deliver_by")


def get(row_id: int) -> Outgoing:
    """One document, without asking who looks; raises NotFound."""
    row = database.row(_SELECT, (row_id,))
    if row is None:
        raise NotFound
    values = dict(zip(_COLUMNS, row, strict=True))
    for name in _INSTANTS:
        values[name] = clock.from_text(values[name]) if values[name] else None
    for name in ("due_date", "promulgation_date"):
        values[name] = date.fromisoformat(values[name]) if values[name] else None
    values.update(
        state=OutgoingState(values["state"]),
        medium=Medium(values["medium"]),
        urgency=Urgency(values["urgency"]),
        letter=LetterText.from_json(values["letter"]),
        places=Places.from_json(values["places"]) if values["places"] else None,
        document_id=values["document_id"] or "",
    )
    return Outgoing(**values)


def see(actor: Actor, row_id: int) -> Outgoing:
    """One document for a person; raises NotFound when it is not theirs to know of."""
    visibility.require(actor, Verb.OUTGOING_SEE, "outgoing", row_id)
    return get(row_id)


def draft(actor: Actor, wanted: Draft, main: Upload | None = None, annexes: tuple[Upload, ...] = ()) -> int:
    """Begins a document from an upload or from typed text; answers its id in the house."""
    actor.require(Verb.OUTGOING_DRAFT, Relation.OWN)
    columns = _columns(wanted)
    kept_main = _keep_main(main)
    kept_annexes = [attachments.keep(upload) for upload in annexes]
    with database.transaction() as work:
        row = work.insert(
            "outgoing",
            {**columns, "state": OutgoingState.DRAFT, "drafter_id": actor.id, "drafted_at": clock.now_text()},
        )
        _attach(work, row.id, kept_main, kept_annexes)
        _make_findable(work, row.id, wanted, columns["type_name"], columns["signer_name"])
        journal.write(
            work, Act.OUTGOING_DRAFTED, actor.uid, about=f"outgoing:{row.uid}", after=OutgoingState.DRAFT,
            files=_hashes(kept_main, kept_annexes), texts=_texts(actor, wanted, columns),
        )  # fmt: skip
    return row.id


def edit(
    actor: Actor,
    row_id: int,
    wanted: Draft,
    main: Upload | None = None,
    annexes: tuple[Upload, ...] = (),
    *,
    drop_annexes: tuple[int, ...] = (),
) -> None:
    """Changes a draft; files that are not sent again stay."""
    visibility.require(actor, Verb.OUTGOING_DRAFT, "outgoing", row_id)
    now = get(row_id)
    state = statuses.next_outgoing(now.state, OutgoingAct.EDIT, now.medium)
    columns = _columns(wanted)
    kept_main = _keep_main(main)
    kept_annexes = [attachments.keep(upload) for upload in annexes]
    with database.transaction() as work:
        work.update("outgoing", row_id, {**columns, "state": state}, expected={"state": now.state})
        if kept_main:
            attachments.supersede(work, "outgoing", row_id, "draft", "prepared", "signed")
        for file in attachments.annexes("outgoing", row_id):
            if file.id in drop_annexes:
                work.update("attachments", file.id, {"superseded_at": clock.now_text()})
        _attach(work, row_id, kept_main, kept_annexes)
        _make_findable(work, row_id, wanted, columns["type_name"], columns["signer_name"])
        journal.write(
            work, Act.OUTGOING_EDITED, actor.uid, about=now.about, before=now.state, after=state,
            files=_hashes(kept_main, kept_annexes), texts=_texts(actor, wanted, columns),
        )  # fmt: skip


def submit(actor: Actor, row_id: int, places: Places | None = None) -> None:
    """Submits a draft to its signer: composes or prepares the PDF, with the four fields at their places.

    `places` are those which the drafter corrected on the page picture; without them an upload's own text layer
    says where. Raises Malformed for an upload that is signed, certified, encrypted or no PDF.
    """
    visibility.require(actor, Verb.OUTGOING_SUBMIT, "outgoing", row_id)
    now = get(row_id)
    state = statuses.next_outgoing(now.state, OutgoingAct.SUBMIT, now.medium)
    if now.signer_id is None:
        raise Malformed("Chưa chọn người ký. Hãy chọn người ký rồi trình.", field="signer_id")
    prepared = layouts.prepare(now, places) if now.medium is Medium.ELECTRONIC else None
    with database.transaction() as work:
        changes: dict[str, object] = {"state": state, "submitted_at": clock.now_text(), "return_reason": ""}
        if prepared:
            changes.update(places=prepared.places.to_json(), page_amount=prepared.pages)
            attachments.supersede(work, "outgoing", row_id, "prepared", "signed")
            attachments.attach(work, "outgoing", row_id, "prepared", prepared.file)
        work.update("outgoing", row_id, changes, expected={"state": now.state, "letter": _letter_text(now.letter)})
        journal.write(
            work, Act.OUTGOING_SUBMITTED, actor.uid, about=now.about, before=now.state, after=state,
            files=[prepared.file.stored.sha256] if prepared else [], texts={"actor_name": actor.full_name},
        )  # fmt: skip


def return_(actor: Actor, row_id: int, reason: str) -> None:
    """Sends a draft back to its drafter with a reason."""
    visibility.require(actor, Verb.OUTGOING_RETURN, "outgoing", row_id)
    now = get(row_id)
    state = statuses.next_outgoing(now.state, OutgoingAct.RETURN, now.medium)
    reason = statuses.check_reason(reason)
    with database.transaction() as work:
        work.update(
            "outgoing",
            row_id,
            {"state": state, "return_reason": reason, "approved_at": None, "signed_at": None},
            expected={"state": now.state},
        )
        attachments.supersede(work, "outgoing", row_id, "prepared", "signed")
        journal.write(
            work, Act.OUTGOING_RETURNED, actor.uid, about=now.about, before=now.state, after=state,
            texts={"reason": reason, "actor_name": actor.full_name},
        )  # fmt: skip


def approve(actor: Actor, row_id: int) -> None:
    """The named signer approves; the document then waits for the signature (chờ ký). Source: NĐ 30/2020, Điều 12."""
    visibility.require(actor, Verb.OUTGOING_APPROVE, "outgoing", row_id)
    now = get(row_id)
    state = statuses.next_outgoing(now.state, OutgoingAct.APPROVE, now.medium)
    require_mandate(actor, now)
    with database.transaction() as work:
        work.update(
            "outgoing", row_id, {"state": state, "approved_at": clock.now_text()}, expected={"state": now.state}
        )
        journal.write(
            work, Act.OUTGOING_APPROVED, actor.uid, about=now.about, before=now.state, after=state,
            texts={"actor_name": actor.full_name},
        )  # fmt: skip


def require_mandate(actor: Actor, document: Outgoing) -> mandates.Mandate:
    """The mandate under which this person signs this document today; raises RuleBroken without one.

    Source: NĐ 30/2020, Điều 13.
    """
    if document.signer_id != actor.id:
        raise RuleBroken(f"Văn bản này trình {document.signer_name} ký; người khác không duyệt, không ký thay được.")
    mandate = mandates.mandate_for(actor.id, document.issuer_id, clock.today())
    if mandate is None:
        raise RuleBroken("Bạn chưa được giao thẩm quyền ký cho cơ quan này hoặc đã hết hạn. Hãy báo người quản trị.")
    return mandate


def void(actor: Actor, row_id: int, reason: str) -> None:
    """«Hủy số»: a number that will not be issued stays in the book, with who, when and why."""
    visibility.require(actor, Verb.OUTGOING_VOID, "outgoing", row_id)
    now = get(row_id)
    state = statuses.next_outgoing(now.state, OutgoingAct.VOID, now.medium)
    reason = statuses.check_reason(reason)
    with database.transaction() as work:
        work.update(
            "outgoing",
            row_id,
            {"state": state, "voided_at": clock.now_text(), "void_reason": reason},
            expected={"state": now.state},
        )
        journal.write(
            work, Act.NUMBER_VOIDED, actor.uid, about=now.about, before=now.state, after=state, year=now.year,
            number=now.number, texts={"reason": reason, "actor_name": actor.full_name},
        )  # fmt: skip


def symbol_of(wanted: Draft) -> str:
    """The symbol that a draft will have: its type, issuer and unit."""
    kind = kinds.document_type(wanted.type_code, clock.today())
    return numbering.symbol(kind, issuers.issuer(wanted.issuer_id).abbreviation, wanted.unit)


def _columns(wanted: Draft) -> dict[str, str | int | None]:
    kinds.check_secrecy(wanted.secrecy)
    delivery.check_deliver_by(wanted.urgency, wanted.deliver_by)
    classified.require_open(classified.mark_in_words(subject=wanted.subject, notation=wanted.unit), "subject")
    subject = folding.clean_line(wanted.subject)
    if not subject:
        raise Malformed("Chưa nhập trích yếu.", field="subject")
    if len(subject) > LONGEST_SUBJECT:
        raise Malformed(f"Trích yếu dài quá {LONGEST_SUBJECT} ký tự. Hãy viết gọn lại.", field="subject")
    kind = kinds.document_type(wanted.type_code, clock.today())
    signer_name, position, competence = "", "", ""
    if wanted.signer_id is not None:
        mandate = mandates.mandate_for(wanted.signer_id, wanted.issuer_id, clock.today())
        if mandate is None:
            raise Malformed("Người được chọn chưa có thẩm quyền ký cho cơ quan này. Hãy chọn lại.", field="signer_id")
        signer_name, position, competence = (
            accounts.actor(wanted.signer_id).full_name,
            mandate.position,
            mandate.competence.value,
        )
    return {
        "issuer_id": wanted.issuer_id,
        "medium": wanted.medium.value,
        "type_code": kind.code,
        "type_name": kind.name,
        "subject": subject,
        "unit": folding.clean_line(wanted.unit),
        "symbol": symbol_of(wanted),
        "signer_id": wanted.signer_id,
        "signer_name": signer_name,
        "signer_position": position,
        "competence": competence,
        "urgency": int(wanted.urgency),
        "deliver_by": clock.to_text(wanted.deliver_by) if wanted.deliver_by else None,
        "due_date": wanted.due_date.isoformat() if wanted.due_date else None,
        "copy_amount": max(1, wanted.copy_amount),
        "recipients_text": folding.clean_text(wanted.recipients_text),
        "kept_by": folding.clean_line(wanted.kept_by),
        "letter": _letter_text(_clean_letter(wanted.letter)),
        "answers_id": wanted.answers_id,
        "note": folding.clean_text(wanted.note),
    }


def _clean_letter(letter: LetterText | None) -> LetterText | None:
    if letter is None:
        return None
    lines = tuple(line for line in map(folding.clean_line, letter.addressees) if line)
    return replace(letter, addressees=lines, body=folding.clean_text(letter.body))


def _letter_text(letter: LetterText | None) -> str:
    return letter.to_json() if letter else ""


def _keep_main(main: Upload | None) -> Kept | None:
    return attachments.keep(main, only_pdf=True) if main else None


def _attach(work: Work, row_id: int, main: Kept | None, annexes: list[Kept]) -> None:
    if main:
        attachments.attach(work, "outgoing", row_id, "draft", main)
    first = 1 + len(attachments.annexes("outgoing", row_id))
    for ordinal, annex in enumerate(annexes, start=first):
        attachments.attach(work, "outgoing", row_id, "annex", annex, ordinal)


def _hashes(main: Kept | None, annexes: list[Kept]) -> list[str]:
    return [kept.stored.sha256 for kept in ([main] if main else []) + annexes]


def _texts(actor: Actor, wanted: Draft, columns: dict[str, str | int | None]) -> dict[str, str]:
    return {
        "actor_name": actor.full_name,
        "type_name": str(columns["type_name"]),
        "subject": str(columns["subject"]),
        "signer": str(columns["signer_name"]),
        "recipients": wanted.recipients_text,
    }


def _make_findable(work: Work, row_id: int, wanted: Draft, type_name: object, signer: object) -> None:
    search.put(
        work, "outgoing", row_id,
        [symbol_of(wanted), str(type_name), wanted.subject, str(signer), wanted.recipients_text, wanted.note],
    )  # fmt: skip
