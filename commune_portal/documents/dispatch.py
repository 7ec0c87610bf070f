"""Sending an issued document and what comes back: one packet a dispatch, one envelope a recipient, statuses home."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from commune_portal import clock
from commune_portal.documents import attachments, outbox, outgoing, visibility
from commune_portal.documents.attachments import EDXML, Kept
from commune_portal.documents.issuing import printed_code
from commune_portal.documents.outgoing import Outgoing
from commune_portal.edxml import package, writer
from commune_portal.errors import Malformed, RuleBroken
from commune_portal.people import issuers, office_rules
from commune_portal.people.actors import Actor
from commune_portal.rules import kinds, numbering, statuses
from commune_portal.rules.acts import Act
from commune_portal.rules.kinds import Medium
from commune_portal.rules.permissions import Verb
from commune_portal.rules.statuses import BusinessType, OutgoingAct, StatusCode
from commune_portal.store import database, files, journal
from commune_portal.store.files import Stored
from commune_portal.store.register import Work
from commune_portal.wire.envelope import Envelope, Kind


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
    has_it = {item.organ_code for item in recipients(row_id) if item.refused_at is None}
    again = [names[code] for code in wanted if code in has_it]
    if again:
        raise RuleBroken(f"Đã gửi cho {', '.join(again)} rồi; văn bản không gửi lặp.")
    priority = kinds.priority_for(now.urgency, has_deliver_by=now.deliver_by is not None)
    packet = _packet(actor, now, [(code, names[code]) for code in wanted])
    with database.transaction() as work:
        at = clock.now_text()
        work.update(
            "outgoing", row_id, {"dispatched_at": (now.dispatched_at and clock.to_text(now.dispatched_at)) or at},
            expected={"state": now.state},
        )  # fmt: skip
        attachments.attach(work, "outgoing", row_id, "packet", packet)
        messages = [(code, outbox.new_message_id()) for code in wanted]
        for code, message_id in messages:
            work.insert(
                "recipients",
                {"outgoing_id": row_id, "organ_code": code, "organ_name": names[code], "message_id": message_id,
                 "queued_at": at},
            )  # fmt: skip
        checkpoint = journal.write(
            work, Act.OUTGOING_DISPATCHED, actor.uid, about=now.about, before=now.state, after=now.state,
            dates={"dispatched": clock.today().isoformat()}, files=[packet.stored.sha256],
            facts={"document": now.document_id, "recipients": wanted, "urgency": int(now.urgency),
                   "messages": [message_id for _, message_id in messages]},
            texts={"recipients": "; ".join(names[code] for code in wanted), "actor_name": actor.full_name},
        )  # fmt: skip
        for code, message_id in messages:
            outbox.queue(
                work, message_id=message_id, kind=Kind.EDOC, recipient_code=code, urgency=priority,
                packet=packet.stored, checkpoint=checkpoint, about=now.about,
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
    if missing:
        raise RuleBroken(f"Chưa gửi qua liên thông được cho {', '.join(missing)}: chưa kết nối. Hãy gửi bản giấy.")
    own = outbox.own_code()
    if own in found:
        raise RuleBroken("Nơi nhận là chính cơ quan này. Hãy bỏ khỏi danh sách nơi nhận.")
    return found


def _packet(actor: Actor, now: Outgoing, addressees: list[tuple[str, str]]) -> Kept:
    """Writes the packet once, to the store; the same bytes go to every recipient and in every retry."""
    issuer = issuers.issuer(now.issuer_id)
    main = attachments.current("outgoing", now.id, "sealed")
    if main is None:
        raise RuleBroken("Chưa có bản ký số phát hành. Hãy cấp số và ký số của cơ quan trước khi gửi.")
    contents = [main, *attachments.annexes("outgoing", now.id)]
    assert now.number is not None
    width = office_rules.numbering_rules(now.promulgation_date or clock.today(), now.issuer_id).zero_width
    kind = kinds.document_type(now.type_code, now.promulgation_date or clock.today())
    edoc = package.Edoc(
        sender=package.Organ(issuer.code, issuer.name, issuer.parent_name),
        receivers=tuple(package.Organ(code, name) for code, name in addressees),
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
        ),
        responses=_answered(now),
        traces=(package.Trace(issuer.code, clock.now()),),
        business=package.Business(
            BusinessType.NEW, paper=False, staff=package.Staff(department=actor.unit, staff=actor.full_name)
        ),
        attachments=tuple(
            package.Attachment(file.name, file.media_type, file.bytes, file.sha256, path=file.path) for file in contents
        ),
    )
    out = files.temporary(".edxml")
    try:
        with files.disk_errors(), out.open("w+b") as stream:
            writer.write(edoc, stream)
        stored = files.adopt(out)
    finally:
        out.unlink(missing_ok=True)
    name = f"{printed_code(now).replace('/', '-')}.edxml"
    return Kept(Stored(stored.sha256, stored.bytes), name, EDXML)


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


def recipients(row_id: int) -> list[Recipient]:
    """The addressees of a document in the order in which they were queued."""
    found = database.rows(
        "SELECT id, organ_code, organ_name, message_id, queued_at, delivered_at, refused_at, refusal, status,"
        " status_at, status_reason FROM recipients WHERE outgoing_id = ? ORDER BY id",
        (row_id,),
    )
    lines = []
    for row in found:
        values = list(row)
        for position in (4, 5, 6, 9):
            values[position] = _instant(row[position])
        values[8] = StatusCode(row[8]) if row[8] else None
        lines.append(Recipient(*values))
    return lines


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


def status_arrived(work: Work, envelope: Envelope, status: package.Status, packet: Stored) -> tuple[str, int, bool]:
    """Logs a status by message id and moves the recipient's state when it is newer; never backwards.

    Works in the transaction of `arrivals.receive`, which journals it, and answers what the line is about, the row's
    number and whether it took effect. A status for an unknown document is kept; it is not dropped.

    Source: QĐ 28/2018, Điều 6.3, 10.2.h.
    """
    code = statuses.read_status(status.status_code)
    document_id = status.response_for.document_id
    found = work.execute(
        "SELECT o.id, r.id, r.status, o.uid FROM outgoing o JOIN recipients r ON r.outgoing_id = o.id"
        " WHERE o.document_id = ? AND r.organ_code = ? ORDER BY r.id DESC LIMIT 1",
        (document_id, envelope.sender),
    ).fetchone()
    applied = False
    if found is not None:
        advance = statuses.advance(StatusCode(found[2]) if found[2] else None, code)
        applied = advance.applied
        if applied:
            at = clock.to_text(status.timestamp) if status.timestamp else clock.now_text()
            work.update("recipients", found[1], {"status": code, "status_at": at, "status_reason": status.description})
    row = work.insert(
        "statuses",
        {
            "message_id": envelope.message_id,
            "outgoing_id": found[0] if found else None,
            "recipient_id": found[1] if found else None,
            "document_id": document_id,
            "organ_code": envelope.sender,
            "code": code,
            "reason": status.description,
            "staff": status.staff.staff if status.staff else "",
            "told_at": clock.to_text(status.timestamp) if status.timestamp else None,
            "arrived_at": clock.now_text(),
            "applied": int(applied),
            "packet_sha256": packet.sha256,
        },
    )
    return (f"outgoing:{found[3]}" if found else "", row.id, applied)


def _instant(text: str | None) -> datetime | None:
    return clock.from_text(text) if text else None
