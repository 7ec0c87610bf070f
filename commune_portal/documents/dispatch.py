"""Sending an issued document and what comes back: one packet a dispatch, one envelope a recipient, statuses home."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from commune_portal import clock
from commune_portal.documents import alongside, attachments, marks, outbox, outgoing, visibility
from commune_portal.documents.attachments import EDXML, File, Kept
from commune_portal.documents.issuing import printed_code
from commune_portal.documents.outgoing import Outgoing
from commune_portal.edxml import package, writer
from commune_portal.errors import Malformed, NotFound, RuleBroken
from commune_portal.people import directory, issuers, office_rules
from commune_portal.people.actors import Actor
from commune_portal.rules import classified, delivery, kinds, numbering, statuses
from commune_portal.rules.acts import Act
from commune_portal.rules.chain import Checkpoint
from commune_portal.rules.kinds import Medium
from commune_portal.rules.paper_alongside import PaperStep
from commune_portal.rules.permissions import Verb
from commune_portal.rules.statuses import BusinessType, OutgoingAct, StatusCode
from commune_portal.store import database, files, journal
from commune_portal.store.files import Stored
from commune_portal.store.register import Work
from commune_portal.wire.envelope import Kind


@dataclass(frozen=True, slots=True)
class Recipient:
    """One addressee of a document and how far it has come there; `status` is None until the first one returns."""

    id: int
    organ_code: str
    organ_name: str
    message_id: str
    queued_at: datetime
    delivered_at: datetime | None
    refused_at: datetime | None
    refusal: str
    status: StatusCode | None
    status_at: datetime | None
    status_reason: str
    business_type: BusinessType = BusinessType.NEW
    paper: PaperStep = PaperStep.NONE

    @property
    def has_it(self) -> bool:
        """Whether the document is, or will be, with this addressee: not refused, not taken back."""
        return self.refused_at is None and self.status not in (StatusCode.REFUSED, StatusCode.TAKE_BACK_AGREED)


@dataclass(frozen=True, slots=True)
class Errand:
    """What a packet does: bring a document (new), or recall, update or replace the one with this `document_id`."""

    type: BusinessType = BusinessType.NEW
    reason: str = ""
    document_id: str = ""
    responses: tuple[package.ResponseFor, ...] = ()
    replacements: tuple[package.Replacement, ...] = ()
    with_files: bool = True


@dataclass(frozen=True, slots=True)
class Posting:
    """One envelope to be: to whom, under which message id, and which earlier message of ours it speaks of."""

    organ_code: str
    organ_name: str
    message_id: str
    in_reply_to: str | None = None


@dataclass(frozen=True, slots=True)
class StatusLine:
    """A status as it came, applied or not; `told_at` is the sender's own clock."""

    organ_code: str
    code: StatusCode
    reason: str
    staff: str
    told_at: datetime | None
    arrived_at: datetime
    applied: bool


def dispatch(actor: Actor, row_id: int, codes: Sequence[str]) -> None:
    """Sends an issued document to offices of the directory; raises RuleBroken for one that has it already.

    Source: QĐ 28/2018, Điều 6.2, 8.1, 10.1; NĐ 30/2020, Điều 18.
    """
    visibility.require(actor, Verb.OUTGOING_DISPATCH, "outgoing", row_id)
    now = outgoing.get(row_id)
    statuses.next_outgoing(now.state, OutgoingAct.DISPATCH, now.medium)
    if now.medium is Medium.PAPER:
        raise RuleBroken("Văn bản giấy không gửi qua liên thông. Hãy ghi nơi nhận và gửi bản giấy.")
    wanted = list(dict.fromkeys(code for code in codes if code))
    if not wanted:
        raise Malformed("Chưa chọn nơi nhận. Hãy chọn ít nhất một cơ quan trong danh bạ.", field="recipients")
    names = reachable(wanted)
    has_it = {item.organ_code for item in recipients(row_id) if item.has_it}
    again = [names[code] for code in wanted if code in has_it]
    if again:
        raise RuleBroken(f"Đã gửi cho {', '.join(again)} rồi; văn bản không gửi lặp.")
    postings = [Posting(code, names[code], outbox.new_message_id()) for code in wanted]
    paper, errand = alongside.asks(now.type_code), Errand(responses=_corrected(now))
    groups = alongside.split(postings, lambda posting: paper(posting.organ_code))
    written = [write_packet(actor, now, group, errand, everybody=postings) for group in groups]
    with database.transaction() as work:
        for group, packet in zip(groups, written, strict=True):
            enter(work, now, group, packet)
        checkpoint = journal.write(
            work, Act.OUTGOING_DISPATCHED, actor.uid, about=now.about, before=now.state, after=now.state,
            dates={"dispatched": clock.today().isoformat()}, files=[packet.stored.sha256 for packet in written],
            facts={"document": now.document_id, "urgency": int(now.urgency), **said_of(postings)},
            texts={"recipients": "; ".join(names[code] for code in wanted), "actor_name": actor.full_name},
        )  # fmt: skip
        for group, packet in zip(groups, written, strict=True):
            launch(work, now, group, packet, checkpoint)


def said_of(postings: Sequence[Posting]) -> dict[str, list[str]]:
    """What a journal line says of the envelopes of a sending: recipients, and message ids in the same order."""
    return {
        "recipients": [posting.organ_code for posting in postings],
        "messages": [posting.message_id for posting in postings],
    }


def enter(
    work: Work, now: Outgoing, postings: Sequence[Posting], packet: Kept, type_: BusinessType = BusinessType.NEW
) -> dict[str, int]:
    """Notes the addressees of a sending before its journal line; answers their rows by code."""
    at = clock.now_text()
    work.update(
        "outgoing", now.id, {"dispatched_at": (now.dispatched_at and clock.to_text(now.dispatched_at)) or at},
        expected={"state": now.state},
    )  # fmt: skip
    attachments.attach(work, "outgoing", now.id, "packet", packet)
    rows = {}
    paper = alongside.asks(now.type_code)
    for posting in postings:
        follows = type_ is not BusinessType.UPDATE and paper(posting.organ_code)
        rows[posting.organ_code] = work.insert(
            "recipients",
            {"outgoing_id": now.id, "organ_code": posting.organ_code, "organ_name": posting.organ_name,
             "message_id": posting.message_id, "queued_at": at, "business_type": int(type_),
             "paper_follows": int(PaperStep.TO_GO) if follows else None},
        ).id  # fmt: skip
    return rows


def launch(work: Work, now: Outgoing, postings: Sequence[Posting], packet: Kept, checkpoint: Checkpoint) -> None:
    """Queues one envelope an addressee, after the journal line of the act."""
    for posting in postings:
        outbox.queue(
            work, message_id=posting.message_id, kind=Kind.EDOC, recipient_code=posting.organ_code,
            urgency=kinds.priority_for(now.urgency, has_deliver_by=now.deliver_by is not None),
            packet=packet.stored, checkpoint=checkpoint, about=now.about, in_reply_to=posting.in_reply_to,
        )  # fmt: skip


def reachable(codes: Sequence[str]) -> dict[str, str]:
    """The names of offices that can be sent to now; raises RuleBroken for one that cannot."""
    found = dict(
        database.rows(
            "SELECT o.code, o.name FROM organisations o WHERE o.reachable = 1 AND o.closed_at IS NULL"
            f" AND o.code IN ({', '.join('?' for _ in codes)})",
            list(codes),
        )
    )
    missing = [code for code in codes if code not in found]
    for code in missing:
        heir = directory.successor(code)
        if heir is not None and heir.code != code:
            raise RuleBroken(f"Cơ quan có mã {code} đã sáp nhập hoặc đổi mã. Hãy gửi cho {heir.name} ({heir.code}).")
    if missing:
        raise RuleBroken(f"Chưa gửi qua liên thông được cho {', '.join(missing)}: chưa kết nối. Hãy gửi bản giấy.")
    own = outbox.own_code()
    if own in found:
        raise RuleBroken("Nơi nhận là chính cơ quan này. Hãy bỏ khỏi danh sách nơi nhận.")
    return found


def write_packet(
    actor: Actor, now: Outgoing, postings: Sequence[Posting], errand: Errand, *, everybody: Sequence[Posting] = ()
) -> Kept:
    """Writes the packet once, to the store; the same bytes go to every recipient and in every retry.

    It names `everybody` as addressees, also those who get another packet because no paper follows to them. Raises
    RuleBroken for a document that bears a mark of state secrecy.
    """
    issuer = issuers.issuer(now.issuer_id)
    main = attachments.current("outgoing", now.id, "sealed")
    if main is None:
        raise RuleBroken("Chưa có bản ký số phát hành. Hãy cấp số và ký số của cơ quan trước khi gửi.")
    contents = [main, *attachments.annexes("outgoing", now.id)] if errand.with_files else []
    _require_open(now, contents)
    paper = alongside.asks(now.type_code)
    assert now.number is not None
    width = office_rules.numbering_rules(now.promulgation_date or clock.today(), now.issuer_id).zero_width
    kind = kinds.document_type(now.type_code, now.promulgation_date or clock.today())
    edoc = package.Edoc(
        sender=package.Organ(issuer.code, issuer.name, issuer.parent_name),
        receivers=tuple(package.Organ(posting.organ_code, posting.organ_name) for posting in everybody or postings),
        document_id=now.document_id,
        code=package.Code(numbering.format_number(now.number, width), now.symbol),
        promulgation_date=now.promulgation_date,
        promulgation_place=issuer.place,
        document_type=package.DocumentType(now.type_name, kind.edxml_type, kind.type_detail),
        subject=now.subject,
        signer=package.Signer(now.competence, now.signer_position, now.signer_name),
        due_date=now.due_date,
        to_places=tuple(line.strip("- ;.") for line in now.recipients_text.split("\n") if line.strip("- ;.")),
        other=package.OtherInfo(
            priority=kinds.priority_for(now.urgency, has_deliver_by=now.deliver_by is not None),
            page_amount=now.page_amount or None,
            promulgation_amount=now.copy_amount,
            appendixes=(delivery.deliver_by_text(now.deliver_by),) if now.deliver_by else (),
        ),
        responses=(*errand.responses, *_answered(now)),
        traces=(package.Trace(issuer.code, clock.now()),),
        business=package.Business(
            errand.type,
            errand.reason,
            paper=errand.type is not BusinessType.UPDATE and any(paper(posting.organ_code) for posting in postings),
            staff=package.Staff(department=actor.unit, staff=actor.full_name),
            document_id=errand.document_id,
            document_info=True if errand.type is BusinessType.UPDATE else None,
            replacements=errand.replacements,
        ),
        attachments=tuple(
            package.Attachment(file.name, file.media_type, file.bytes, file.sha256, path=file.path) for file in contents
        ),
    )
    files.refuse_below_floor(sum(file.bytes for file in contents))
    out = files.temporary(".edxml")
    try:
        with files.disk_errors(), out.open("w+b") as stream:
            writer.write(edoc, stream)
        stored = files.adopt(out)
    finally:
        out.unlink(missing_ok=True)
    name = f"{printed_code(now).replace('/', '-')}.edxml"
    return Kept(Stored(stored.sha256, stored.bytes), name, EDXML)


def _require_open(now: Outgoing, contents: Sequence[File]) -> None:
    """The last door before a document leaves: its words once more, and the first page of every file."""
    classified.require_open(
        classified.mark_in_words(subject=now.subject, type_name=now.type_name, notation=printed_code(now))
    )
    for file in contents:
        marks.require_open(file.path)


def _answered(now: Outgoing) -> tuple[package.ResponseFor, ...]:
    """The incoming document that this one answers, as ResponseFor."""
    if now.answers_id is None:
        return ()
    row = database.row(
        "SELECT sender_code, code_number, code_notation, document_id FROM incoming WHERE id = ?", (now.answers_id,)
    )
    if row is None or not row[0]:
        return ()
    return (package.ResponseFor(row[0], package.Code(row[1], row[2]).printed, row[3]),)


def _corrected(now: Outgoing) -> tuple[package.ResponseFor, ...]:
    """The documents of ours that this letter corrects, as ResponseFor with our own code."""
    found = database.rows(
        "SELECT outgoing_id FROM amendments WHERE notice_outgoing_id = ? AND side = 'ours' AND kind = 'correct'"
        " ORDER BY id",
        (now.id,),
    )
    return tuple(response_for(outgoing.get(row[0])) for row in found)


def response_for(document: Outgoing) -> package.ResponseFor:
    """A document of ours as another packet of ours names it."""
    return package.ResponseFor(
        issuers.issuer(document.issuer_id).code, printed_code(document), document.document_id,
        document.promulgation_date,
    )  # fmt: skip


_RECIPIENT = (
    "id, organ_code, organ_name, message_id, queued_at, delivered_at, refused_at, refusal, status, status_at,"
    " status_reason, business_type, paper_follows"
)


def recipients(row_id: int) -> list[Recipient]:
    """The addressees of a document in the order in which they were first sent to, the newest sending of each first."""
    found = database.rows(
        f"SELECT {_RECIPIENT} FROM recipients r WHERE r.outgoing_id = ? ORDER BY (SELECT min(x.id) FROM recipients x"
        " WHERE x.outgoing_id = r.outgoing_id AND x.organ_code = r.organ_code), r.id DESC",
        (row_id,),
    )
    return [_recipient(row) for row in found]


def recipient(recipient_id: int) -> tuple[int, Recipient]:
    """One addressee with the row of its document; raises NotFound."""
    row = database.row(f"SELECT {_RECIPIENT}, outgoing_id FROM recipients WHERE id = ?", (recipient_id,))
    if row is None:
        raise NotFound
    return row[-1], _recipient(row[:-1])


def _recipient(row: Sequence[Any]) -> Recipient:
    values = list(row)
    for position in (4, 5, 6, 9):
        values[position] = _instant(row[position])
    values[8] = StatusCode(row[8]) if row[8] else None
    values[11] = BusinessType(row[11] or 0)
    values[12] = PaperStep(row[12] or 0)
    return Recipient(*values)


def statuses_of(row_id: int) -> list[StatusLine]:
    """Every status that came home for a document, in the order of arrival, late and doubled ones too."""
    found = database.rows(
        "SELECT organ_code, code, reason, staff, told_at, arrived_at, applied FROM statuses WHERE outgoing_id = ?"
        " ORDER BY id",
        (row_id,),
    )
    return [
        StatusLine(row[0], StatusCode(row[1]), row[2], row[3], _instant(row[4]), clock.from_text(row[5]), bool(row[6]))
        for row in found
    ]


def _instant(text: str | None) -> datetime | None:
    return clock.from_text(text) if text else None
