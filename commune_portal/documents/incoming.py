"""Incoming documents: register by hand, accept into the book, refuse with a reason.

Arrivals by the exchange are in `arrivals`, handling in `tasks`. Source: NĐ 30/2020, Điều 20-24.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import Literal

from commune_portal import clock
from commune_portal.documents import amendments, answers, attachments, books, finding, secrecy, visibility
from commune_portal.documents.answers import Concerned
from commune_portal.documents.attachments import Kept, Upload
from commune_portal.errors import Malformed, NotFound, RuleBroken
from commune_portal.people.actors import Actor
from commune_portal.rules import classified, folding, kinds, numbering, statuses
from commune_portal.rules.acts import Act
from commune_portal.rules.chain import Checkpoint
from commune_portal.rules.kinds import Secrecy, Urgency
from commune_portal.rules.numbering import ARRIVALS_KEY
from commune_portal.rules.permissions import Verb
from commune_portal.rules.statuses import IncomingAct, IncomingState, StatusCode
from commune_portal.signing.reports import Report, Verdict
from commune_portal.store import database, journal
from commune_portal.store.register import Work

Origin = Literal["exchange", "upload", "paper"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrival:
    """What the clerk says of a document that came by hand, by post, or by mail."""

    sender_name: str
    subject: str
    sender_code: str = ""
    code_number: str = ""
    code_notation: str = ""
    promulgation_date: date | None = None
    type_name: str = ""
    signer_name: str = ""
    signer_position: str = ""
    urgency: Urgency = Urgency.NORMAL
    secrecy: Secrecy = Secrecy.NONE
    page_amount: int = 0
    asked_due_date: date | None = None
    requires_handling: bool = True
    recipient_name: str = ""
    note: str = ""
    on_paper: bool = False


@dataclass(frozen=True, slots=True)
class Incoming:
    """An incoming document as verbs and pages read it; instants are aware, dates civil."""

    id: int
    uid: str
    origin: Origin
    state: IncomingState
    message_id: str
    document_id: str
    sender_code: str
    sender_name: str
    code_number: str
    code_notation: str
    promulgation_date: date | None
    type_name: str
    subject: str
    signer_name: str
    signer_position: str
    urgency: Urgency
    deliver_by: datetime | None
    page_amount: int
    paper_follows: bool
    asked_due_date: date | None
    requires_handling: bool
    arrived_at: datetime
    check_verdict: Verdict | None
    check_report: Report | None
    checked_at: datetime | None
    year: int | None
    number: int | None
    arrival_date: date | None
    registered_at: datetime | None
    refused_at: datetime | None
    refusal_reason: str
    recipient_name: str
    due_date: date | None
    completed_at: datetime | None
    answered_by: int | None
    note: str

    @property
    def about(self) -> str:
        """What journal lines call it."""
        return f"incoming:{self.uid}"

    @property
    def code(self) -> str:
        """Số, ký hiệu as printed."""
        return "/".join(part for part in (self.code_number, self.code_notation) if part)


@dataclass(frozen=True, slots=True)
class Duplicate:
    """A registered document that looks the same: for the warning before a second registration."""

    id: int
    number: int | None
    code: str
    sender_name: str
    subject: str
    arrived_at: datetime


_COLUMNS = (
    "id", "uid", "origin", "state", "message_id", "document_id", "sender_code", "sender_name", "code_number",
    "code_notation", "promulgation_date", "type_name", "subject", "signer_name", "signer_position", "urgency",
    "deliver_by", "page_amount", "paper_follows", "asked_due_date", "requires_handling", "arrived_at",
    "check_verdict", "check_report", "checked_at", "year", "number", "arrival_date", "registered_at", "refused_at",
    "refusal_reason", "recipient_name", "due_date", "completed_at", "answered_by", "note",
)  # fmt: skip
_SELECT = f"SELECT {', '.join(_COLUMNS)} FROM incoming WHERE id = ?"
_INSTANTS = tuple(name for name in _COLUMNS if name.endswith("_at") or name == "deliver_by")
_DATES = tuple(name for name in _COLUMNS if name.endswith("_date"))


def get(row_id: int) -> Incoming:
    """One document, without asking who looks; raises NotFound."""
    row = database.row(_SELECT, (row_id,))
    if row is None:
        raise NotFound
    values = dict(zip(_COLUMNS, row, strict=True))
    for name in _INSTANTS:
        values[name] = clock.from_text(values[name]) if values[name] else None
    for name in _DATES:
        values[name] = date.fromisoformat(values[name]) if values[name] else None
    values.update(
        state=IncomingState(values["state"]),
        urgency=Urgency(values["urgency"]),
        message_id=values["message_id"] or "",
        paper_follows=bool(values["paper_follows"]),
        requires_handling=bool(values["requires_handling"]),
        check_verdict=Verdict(values["check_verdict"]) if values["check_verdict"] else None,
        check_report=Report.from_json(values["check_report"]) if values["check_report"] else None,
    )
    return Incoming(**values)


def see(actor: Actor, row_id: int) -> Incoming:
    """One document for a person; raises NotFound when it is not theirs to know of."""
    visibility.require(actor, Verb.INCOMING_SEE, "incoming", row_id)
    return get(row_id)


def duplicates(code: str, sender_name: str, *, but: int = 0) -> list[Duplicate]:
    """Documents with the same số, ký hiệu and issuer. Source: NĐ 30/2020, Phụ lục VI, III.1.h."""
    try:
        parsed = numbering.parse(code)
    except Malformed:
        return []
    found = database.rows(
        "SELECT id, number, code_number, code_notation, sender_name, subject, arrived_at FROM incoming"
        " WHERE code_number = ? AND code_notation = ? AND id <> ? AND state <> ? ORDER BY id DESC LIMIT 20",
        (parsed.number, parsed.notation, but, IncomingState.REFUSED.value),
    )
    wanted = folding.fold(sender_name)
    return [
        Duplicate(row[0], row[1], f"{row[2]}/{row[3]}", row[4], row[5], clock.from_text(row[6]))
        for row in found
        if folding.fold(row[4]) == wanted
    ]


def register(
    actor: Actor,
    arrival: Arrival,
    main: Upload | None = None,
    annexes: tuple[Upload, ...] = (),
    *,
    confirmed: bool = False,
) -> int:
    """Registers a document that came by hand: number, file and row in one act; answers its id in the house.

    Paper may be registered without a scan. Raises ClockDoubtful until a doubtful date is confirmed.
    """
    actor.require(Verb.INCOMING_REGISTER)
    columns = _columns(arrival)
    if main is None and not arrival.on_paper:
        raise Malformed("Chưa chọn tệp văn bản. Hãy chọn tệp, hoặc đánh dấu là văn bản giấy chưa quét.", field="file")
    kept_main = attachments.keep(main) if main else None
    kept_annexes = [attachments.keep(upload) for upload in annexes]
    on = clock.today()
    with database.transaction() as work:
        given = _give(work, on, confirmed=confirmed)
        row = work.insert(
            "incoming",
            {
                **columns,
                "origin": "paper" if arrival.on_paper else "upload",
                "state": IncomingState.REGISTERED,
                "arrived_at": clock.now_text(),
                "due_date": _asked(arrival.asked_due_date, requires_handling=arrival.requires_handling),
                **_registered(actor, given, on),
            },
        )
        if kept_main:
            attachments.attach(work, "incoming", row.id, "main", kept_main)
        for ordinal, annex in enumerate(kept_annexes, start=1):
            attachments.attach(work, "incoming", row.id, "annex", annex, ordinal)
        finding.put_in_search(work, row.id)
        _journal_registration(work, actor, row.id, given, [item for item in (kept_main, *kept_annexes) if item])
    return row.id


def accept(
    actor: Actor,
    row_id: int,
    *,
    recipient_name: str = "",
    requires_handling: bool = True,
    note: str | None = None,
    without_check: bool = False,
    confirmed: bool = False,
) -> None:
    """Accepts an arrived document into the book and answers 03.

    It needs a result of the signature check, or the clerk's explicit word that it could not be checked.
    Source: QĐ 28/2018, Điều 9; NĐ 30/2020, Điều 21.2, 22.
    """
    visibility.require(actor, Verb.INCOMING_REGISTER, "incoming", row_id)
    now = get(row_id)
    state = statuses.next_incoming(now.state, IncomingAct.REGISTER)
    amendments.refuse_frozen(row_id)
    if now.check_verdict is None:
        classified.require_open(secrecy.look(row_id))
    if now.check_verdict in (None, Verdict.UNCHECKED) and not without_check:
        raise RuleBroken(
            "Chữ ký số chưa kiểm tra được. Hãy đợi kiểm tra xong, hoặc đánh dấu «tiếp nhận khi chưa kiểm tra được».",
            field="without_check",
        )
    if now.check_verdict is Verdict.INVALID and not without_check:
        raise RuleBroken(
            "Chữ ký số không hợp lệ. Hãy từ chối và nêu lý do; nếu vẫn tiếp nhận, đánh dấu xác nhận đã biết.",
            field="without_check",
        )
    answer = answers.prepare(actor, concerned(now), StatusCode.REGISTERED)
    on = clock.today()
    with database.transaction() as work:
        amendments.require_free(work, row_id)
        given = _give(work, on, confirmed=confirmed)
        work.update(
            "incoming",
            row_id,
            {
                "state": state,
                "recipient_name": folding.clean_line(recipient_name),
                "requires_handling": int(requires_handling),
                "note": now.note if note is None else folding.clean_text(note),
                "due_date": _asked(now.asked_due_date, requires_handling=requires_handling),
                **_registered(actor, given, on),
            },
            expected={"state": now.state, "number": None},
        )
        finding.put_in_search(work, row_id)
        checkpoint = _journal_registration(work, actor, row_id, given, [], unchecked=without_check)
        answers.queue(work, answer, checkpoint)


def refuse(actor: Actor, row_id: int, reason: str) -> None:
    """Returns an arrived document with a reason and answers 02. Source: NĐ 30/2020, Điều 21.2.b; QĐ 28/2018, 5.4."""
    visibility.require(actor, Verb.INCOMING_REFUSE, "incoming", row_id)
    now = get(row_id)
    state = statuses.next_incoming(now.state, IncomingAct.REFUSE)
    amendments.refuse_frozen(row_id)
    reason = statuses.check_reason(reason)
    answer = answers.prepare(actor, concerned(now), StatusCode.REFUSED, reason)
    with database.transaction() as work:
        amendments.require_free(work, row_id)
        work.update(
            "incoming",
            row_id,
            {"state": state, "refused_at": clock.now_text(), "refused_by": actor.id, "refusal_reason": reason},
            expected={"state": now.state},
        )
        checkpoint = journal.write(
            work, Act.INCOMING_REFUSED, actor.uid, about=now.about, before=now.state, after=state,
            facts={"message": now.message_id}, texts={"reason": reason, "actor_name": actor.full_name},
        )  # fmt: skip
        answers.queue(work, answer, checkpoint)


def concerned(document: Incoming) -> Concerned | None:
    """The document as a status to its sender names it; None for what did not come by the exchange."""
    if document.origin != "exchange":
        return None
    day = document.promulgation_date.isoformat() if document.promulgation_date else None
    return Concerned(
        document.sender_code, document.document_id, document.code, day, document.message_id,
        int(document.urgency), document.about,
    )  # fmt: skip


def _give(work: Work, on: date, *, confirmed: bool) -> books.Given:
    return books.give(
        work, direction="incoming", issuer_id=None, key=ARRIVALS_KEY, name=books.ARRIVALS_NAME, on=on,
        confirmed=confirmed,
    )  # fmt: skip


def _registered(actor: Actor, given: books.Given, on: date) -> dict[str, str | int]:
    return {
        "book_id": given.book_id,
        "year": given.year,
        "number": given.number,
        "arrival_date": on.isoformat(),
        "registered_at": clock.now_text(),
        "registered_by": actor.id,
    }


def _asked(asked_due_date: date | None, *, requires_handling: bool) -> str | None:
    """The sender's date is the deadline until the directing officer sets one. Source: NĐ 30/2020, Điều 23.2."""
    return asked_due_date.isoformat() if asked_due_date and requires_handling else None


def _journal_registration(
    work: Work, actor: Actor, row_id: int, given: books.Given, kept: list[Kept], *, unchecked: bool = False
) -> Checkpoint:
    row = work.execute(
        "SELECT uid, sender_code, sender_name, code_number, code_notation, promulgation_date, type_name, subject,"
        " signer_name, urgency, requires_handling, recipient_name, note, arrival_date, origin, check_verdict,"
        " message_id FROM incoming WHERE id = ?",
        (row_id,),
    ).fetchone()
    return journal.write(
        work, Act.INCOMING_REGISTERED, actor.uid, about=f"incoming:{row[0]}",
        before=IncomingState.ARRIVED if row[14] == "exchange" else "", after=IncomingState.REGISTERED,
        book=given.key, year=given.year, number=given.number, files=[item.stored.sha256 for item in kept],
        dates={"promulgated": row[5], "arrived": row[13]},
        facts={
            "sender": row[1], "message": row[16], "urgency": row[9], "requires_handling": row[10],
            "medium": "paper" if row[14] == "paper" else "electronic", "verdict": row[15],
            "accepted_unchecked": int(unchecked),
        },
        texts={
            "author": row[2], "symbol": "/".join(part for part in (row[3], row[4]) if part), "type_name": row[6],
            "subject": row[7], "signer": row[8], "recipients": row[11], "note": row[12],
            "actor_name": actor.full_name,
        },
    )  # fmt: skip


def _columns(arrival: Arrival) -> dict[str, str | int | None]:
    kinds.check_secrecy(arrival.secrecy)
    mark = classified.mark_in_words(
        subject=arrival.subject, type_name=arrival.type_name, notation=f"{arrival.code_number}/{arrival.code_notation}"
    )
    classified.require_open(mark, "subject")
    sender = folding.clean_line(arrival.sender_name)
    subject = folding.clean_line(arrival.subject)
    if not sender:
        raise Malformed("Chưa nhập cơ quan ban hành.", field="sender_name")
    if not subject:
        raise Malformed("Chưa nhập trích yếu.", field="subject")
    return {
        "sender_code": folding.clean_line(arrival.sender_code),
        "sender_name": sender,
        "code_number": folding.clean_line(arrival.code_number),
        "code_notation": folding.clean_line(arrival.code_notation),
        "promulgation_date": arrival.promulgation_date.isoformat() if arrival.promulgation_date else None,
        "type_name": folding.clean_line(arrival.type_name),
        "subject": subject,
        "signer_name": folding.clean_line(arrival.signer_name),
        "signer_position": folding.clean_line(arrival.signer_position),
        "urgency": int(arrival.urgency),
        "page_amount": max(0, arrival.page_amount),
        "asked_due_date": arrival.asked_due_date.isoformat() if arrival.asked_due_date else None,
        "requires_handling": int(arrival.requires_handling),
        "recipient_name": folding.clean_line(arrival.recipient_name),
        "note": folding.clean_text(arrival.note),
    }
