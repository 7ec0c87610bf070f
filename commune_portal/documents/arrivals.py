"""What the exchange brings: receive stores, receipts and answers 01; check verifies signatures later.

`receive` is idempotent by message id: a duplicate gets the original receipt, byte for byte. A packet that cannot
be read is quarantined with its bytes and refused for good by a signed receipt, so the queue goes on.
Source: QĐ 28/2018, Điều 9.1, 6.3; NĐ 30/2020, Điều 21.2; decisions 7, 17.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

from commune_portal import clock, points
from commune_portal.documents import answers, attachments, finding, quarantine, replies, requests, secrecy
from commune_portal.documents.answers import Answer, Concerned
from commune_portal.documents.attachments import EDXML, PDF, Kept
from commune_portal.edxml import package, reader
from commune_portal.errors import Malformed, PortalError, StoreDamaged, TooLarge, Unauthenticated
from commune_portal.people.actors import PORTAL
from commune_portal.rules import content, delivery, folding, statuses
from commune_portal.rules.acts import Act
from commune_portal.rules.kinds import Urgency
from commune_portal.rules.statuses import BusinessType, IncomingState, StatusCode
from commune_portal.signing.reports import Report, Verdict
from commune_portal.signing.workshop import workshop
from commune_portal.store import database, files, installation, journal
from commune_portal.store.files import Stored
from commune_portal.wire import envelope as envelopes
from commune_portal.wire import given
from commune_portal.wire.envelope import Envelope, Kind
from commune_portal.wire.receipt import RefusalType

VOUCHED = "Đến qua trục liên thông: nút bảo đảm nguồn gửi, phong bì không có chữ ký của chính nơi gửi."
SUBJECT_MISSING = "(không có trích yếu)"
CHECKED_WITHIN = timedelta(days=2)


def receive(envelope_bytes: bytes, packet_path: Path, limits: package.ReadLimits | None = None) -> bytes:
    """Takes one envelope and its packet and answers our signed receipt; the packet's file is moved to the store.

    Raises Unauthenticated for an envelope that its sender did not sign, Malformed for a packet whose bytes are not
    those that the envelope names: both prove nothing and get no receipt.
    """
    envelope = _of_its_origin(opened(envelope_bytes))
    mine = installation.own()
    conflict = ""
    try:
        earlier = earlier_receipt(envelope)
    except Malformed as error:
        earlier, conflict = None, error.sentence
    if earlier is not None:
        return earlier
    packet = files.adopt(packet_path)
    if packet != Stored(envelope.packet_sha256, envelope.packet_bytes):
        raise Malformed("Gói tin tải về không đúng mã băm ghi trên phong bì.", detail=envelope.message_id)
    if conflict:
        return quarantine.refuse(envelope, envelope_bytes, packet, RefusalType.CONFLICT, conflict)
    if envelope.recipient != mine.code:
        stray = "Gói tin gửi nhầm cơ quan."
        return quarantine.refuse(envelope, envelope_bytes, packet, RefusalType.INVALID_ADDRESSEE, stray)
    with _scratch() as folder:
        try:
            parsed = reader.read(files.path_of(packet.sha256), folder, limits)
            _require_kind(envelope, parsed)
        except (Malformed, TooLarge) as error:
            kind = RefusalType.TOO_LARGE if isinstance(error, TooLarge) else RefusalType.MALFORMED
            return quarantine.refuse(envelope, envelope_bytes, packet, kind, error.sentence)
        if isinstance(parsed, package.Status):
            return _take_status(envelope, parsed, packet)
        mark = secrecy.mark_of_packet(parsed)
        if mark is not None:
            return secrecy.refuse_packet(envelope, envelope_bytes, packet, mark)
        if parsed.business and parsed.business.type == BusinessType.UPDATE:
            return _take_update(envelope, parsed, packet)
        kept = [_keep(item) for item in parsed.attachments if item.path is not None]
        return _take_document(envelope, parsed, packet, kept)


def opened(sealed: bytes) -> Envelope:
    """An envelope that its sender signed while the key was valid; raises Unauthenticated for any other, Malformed.

    A sender that was restored meanwhile has revoked the key under which it sent: what it said before still stands.
    """
    envelope = envelopes.open_(sealed, lambda code, key_id: (_key(code, key_id) or (None, None))[0])
    key = _key(envelope.sender, envelope.key_id)
    if key is None or (key[1] is not None and envelope.created > key[1]):
        raise Unauthenticated(detail=f"signed with a revoked key: {envelope.message_id}")
    return envelope


def sender_key(code: str, key_id: str) -> bytes | None:
    """The key of another office as the node's directory gives it, unless it was revoked."""
    found = _key(code, key_id)
    return found[0] if found is not None and found[1] is None else None


def _key(code: str, key_id: str) -> tuple[bytes, datetime | None] | None:
    row = database.row(
        "SELECT public_key, revoked_at FROM organisation_keys WHERE organ_code = ? AND key_id = ?", (code, key_id)
    )
    return (bytes.fromhex(row[0]), clock.from_text(row[1]) if row[1] else None) if row else None


def earlier_receipt(envelope: Envelope) -> bytes | None:
    """The receipt that this message got before, to be given again; raises Malformed for other bytes under its id."""
    found = given.given(envelope.origin, envelope.message_id, envelope.packet_sha256)
    if found is None and database.row("SELECT 1 FROM receipts_given WHERE message_id = ?", (envelope.message_id,)):
        raise Malformed("Hai gói tin khác nhau mang cùng một mã thông điệp.", detail=envelope.message_id)
    return found


def _of_its_origin(envelope: Envelope) -> Envelope:
    """For what a node vouches for, the one who wrote it stands as sender: answers go there, by way of the node."""
    return replace(envelope, sender=envelope.origin)


def _vouched(sealed: Envelope) -> list[str]:
    return [VOUCHED] if sealed.on_behalf_of else []


def _require_kind(envelope: Envelope, parsed: package.Edoc | package.Status) -> None:
    """Raises Malformed for what can never take effect here, so that it is refused for good and not asked for again."""
    if envelope.kind is not (Kind.STATUS if isinstance(parsed, package.Status) else Kind.EDOC):
        raise Malformed("Loại gói tin ghi trên phong bì không khớp với nội dung.")
    if isinstance(parsed, package.Status):
        statuses.read_status(parsed.status_code)
    if isinstance(parsed, package.Edoc):
        requests.named_by(envelope, parsed)


@contextmanager
def _scratch() -> Iterator[Path]:
    folder = files.temporary()
    folder.mkdir()
    try:
        yield folder
    finally:
        for path in folder.iterdir():
            path.unlink(missing_ok=True)
        folder.rmdir()


def _keep(attachment: package.Attachment) -> Kept:
    assert attachment.path is not None
    with attachment.path.open("rb") as file:
        head = file.read(content.HEAD_BYTES)
    name = content.safe_name(attachment.name)
    return Kept(files.adopt(attachment.path), name, content.media_type_of(name, head))


def _take_document(envelope: Envelope, edoc: package.Edoc, packet: Stored, kept: list[Kept]) -> bytes:
    answer = answers.prepare(PORTAL, _concerned(envelope, edoc), StatusCode.ARRIVED)
    main = next((item for item in kept if item.media_type == PDF), None)
    other = edoc.other or package.OtherInfo()
    signer = edoc.signer or package.Signer()
    urgency = min(envelope.urgency, int(Urgency.FLASH))
    plan = requests.plan_document(envelope, edoc)
    business = edoc.business.type if edoc.business else None
    with database.transaction() as work:
        earlier = earlier_receipt(envelope)
        if earlier is not None:
            return earlier
        subject = folding.clean_line(edoc.subject) or SUBJECT_MISSING
        row = work.insert(
            "incoming",
            {
                "origin": "exchange",
                "state": IncomingState.ARRIVED,
                "message_id": envelope.message_id,
                "document_id": edoc.document_id,
                "sender_code": envelope.sender,
                "sender_name": edoc.sender.name or envelope.sender,
                "code_number": edoc.code.number,
                "code_notation": edoc.code.notation,
                "promulgation_date": edoc.promulgation_date.isoformat() if edoc.promulgation_date else None,
                "type_name": edoc.document_type.name,
                "subject": subject,
                "signer_name": signer.full_name,
                "signer_position": signer.position,
                "urgency": urgency,
                "page_amount": other.page_amount or 0,
                "paper_follows": int(bool(edoc.business and edoc.business.paper)),
                "asked_due_date": edoc.due_date.isoformat() if edoc.due_date else None,
                "deliver_by": _deliver_by(edoc, urgency),
                "arrived_at": clock.now_text(),
                "business_type": business if business is not None else int(BusinessType.NEW),
                "note": "\n".join([*_vouched(envelope), *(finding.sentence for finding in edoc.findings[:5])]),
            },
        )
        attachments.attach(work, "incoming", row.id, "packet", Kept(packet, f"{envelope.message_id}.edxml", EDXML))
        for ordinal, item in enumerate(kept):
            attachments.attach(work, "incoming", row.id, "main" if item is main else "annex", item, ordinal)
        finding.put_in_search(work, row.id)
        arrived = journal.write(
            work, Act.INCOMING_ARRIVED, journal.SYSTEM, about=f"incoming:{row.uid}", after=IncomingState.ARRIVED,
            dates={"promulgated": edoc.promulgation_date.isoformat() if edoc.promulgation_date else None},
            files=[packet.sha256, *(item.stored.sha256 for item in kept)],
            facts={"message": envelope.message_id, "sender": envelope.sender, "document": edoc.document_id,
                   "urgency": urgency, "medium": "electronic", "business": business or None},
            texts={"author": edoc.sender.name, "symbol": edoc.code.printed, "type_name": edoc.document_type.name,
                   "subject": subject, "signer": signer.full_name},
        )  # fmt: skip
        answers.queue(work, _about(answer, f"incoming:{row.uid}"), arrived)
        checkpoint = requests.document_arrived(work, envelope, edoc, row.id, plan) or arrived
        receipt = given.give(work, envelope, checkpoint)
    points.reach("before-answer")
    return receipt


def _take_update(envelope: Envelope, edoc: package.Edoc, packet: Stored) -> bytes:
    plan = requests.plan_update(envelope, edoc)
    with database.transaction() as work:
        earlier = earlier_receipt(envelope)
        if earlier is not None:
            return earlier
        checkpoint = requests.update_arrived(work, envelope, edoc, packet, plan)
        receipt = given.give(work, envelope, checkpoint)
    points.reach("before-answer")
    return receipt


def _deliver_by(edoc: package.Edoc, urgency: int) -> str | None:
    """The appointed hour of a hỏa tốc document, where the packet says one."""
    other = edoc.other or package.OtherInfo()
    found = delivery.deliver_by_in((*other.appendixes, edoc.content)) if urgency == Urgency.FLASH else None
    return clock.to_text(found) if found else None


def _about(answer: Answer | None, about: str) -> Answer | None:
    return answer and replace(answer, concerned=replace(answer.concerned, about=about))


def _concerned(envelope: Envelope, edoc: package.Edoc) -> Concerned:
    day = edoc.promulgation_date.isoformat() if edoc.promulgation_date else None
    return Concerned(
        envelope.sender, edoc.document_id, edoc.code.printed, day, envelope.message_id, envelope.urgency, ""
    )


def _take_status(envelope: Envelope, status: package.Status, packet: Stored) -> bytes:
    asks = requests.is_take_back(status)
    plan = requests.plan_take_back(envelope, status) if asks else requests.Plan({})
    with database.transaction() as work:
        earlier = earlier_receipt(envelope)
        if earlier is not None:
            return earlier
        if asks:
            checkpoint = requests.take_back_arrived(work, envelope, status, packet, plan)
        else:
            checkpoint = replies.take(work, envelope, status, packet)
        receipt = given.give(work, envelope, checkpoint)
    points.reach("before-answer")
    return receipt


def unchecked(limit: int = 20) -> list[int]:
    """Documents whose signatures nobody has looked at yet: what waits at the door, and files handed in lately.

    A file handed in long ago (a demonstration's past year, a migrated register) is checked when somebody asks.
    """
    since = clock.to_text(clock.now() - CHECKED_WITHIN)
    found = database.rows(
        "SELECT id FROM incoming INDEXED BY incoming_unchecked WHERE check_verdict = '' AND origin <> 'paper'"
        " AND wiped_at IS NULL AND (state = ? OR arrived_at >= ?) ORDER BY urgency DESC, id LIMIT ?",
        (IncomingState.ARRIVED.value, since, limit),
    )
    return [row[0] for row in found]


def check(row_id: int) -> Verdict:
    """Checks the signatures of a document's PDF outside any transaction and writes the result beside it.

    What the workshop cannot check is UNCHECKED with the reason, never valid; a document with a mark of secrecy is
    refused first. Source: QĐ 28/2018, Điều 9.1, 1.2.
    """
    if secrecy.look(row_id) is not None:
        return Verdict.UNCHECKED
    file = attachments.shown("incoming", row_id)
    if file is None:
        report = Report((), Verdict.NONE)
    elif not files.is_sound(files.root(), file.sha256):
        raise StoreDamaged(detail=file.sha256)
    else:
        try:
            report = workshop().verify(file.path)
        except PortalError:
            report = Report((), Verdict.UNCHECKED)
    with database.transaction() as work:
        row = work.update(
            "incoming",
            row_id,
            {
                "check_verdict": report.overall,
                "check_report": json.dumps(report.to_json(), ensure_ascii=False),
                "checked_at": clock.now_text(),
            },
            expected={"wiped_at": None},
        )
        journal.write(
            work, Act.INCOMING_CHECKED, journal.SYSTEM, about=f"incoming:{row.uid}",
            files=[file.sha256] if file else [],
            facts={"verdict": report.overall, "signatures": len(report.signatures)},
        )  # fmt: skip
    return report.overall
