"""Documents with a mark of state secrecy that came by the exchange: refused for good, hidden, and to be reported.

By the packet's own words nothing is taken and its bytes are not kept; by the PDF's first page, which is looked at
before anybody can accept, the document goes back with 02 and its files are shown to nobody.
Source: QĐ 28/2018, Điều 1.2, 5.4.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from commune_portal import clock
from commune_portal.documents import answers, attachments, marks
from commune_portal.documents.answers import Concerned
from commune_portal.documents.attachments import PDF
from commune_portal.edxml import package
from commune_portal.errors import Malformed, NotFound
from commune_portal.people.actors import PORTAL, Actor
from commune_portal.rules import classified, folding, statuses
from commune_portal.rules.acts import Act
from commune_portal.rules.classified import Mark
from commune_portal.rules.permissions import Verb
from commune_portal.rules.statuses import IncomingAct, IncomingState, StatusCode
from commune_portal.signing.reports import Verdict
from commune_portal.store import database, erasure, files, journal
from commune_portal.store.files import Stored
from commune_portal.wire import given
from commune_portal.wire.envelope import Envelope
from commune_portal.wire.receipt import RefusalType

LONGEST_NOTE = 2000


@dataclass(frozen=True, slots=True)
class ClassifiedRefusal:
    """A marked document that was refused: what a clerk needs to report it, and nothing of its content."""

    id: int
    message_id: str
    sender_code: str
    sender_name: str
    packet_sha256: str
    reason: str
    arrived_at: datetime
    incoming_id: int | None
    reported_at: datetime | None


def mark_of_packet(edoc: package.Edoc) -> Mark | None:
    """The mark in a packet's own words: subject, type, symbol, drafter's symbol."""
    other = edoc.other or package.OtherInfo()
    return classified.mark_in_words(
        subject=edoc.subject, type_name=edoc.document_type.name, notation=edoc.code.printed,
        typer_notation=other.typer_notation,
    )  # fmt: skip


def refuse_packet(envelope: Envelope, sealed: bytes, packet: Stored, mark: Mark) -> bytes:
    """Refuses a marked packet for good with a signed receipt; its hash and the reason stay, its bytes do not."""
    reason, at = classified.explain(mark), clock.now_text()
    with database.transaction() as work:
        earlier = work.execute(
            "SELECT bytes FROM receipts_given WHERE message_id = ? AND packet_sha256 = ? AND sender_code = ?",
            (envelope.message_id, envelope.packet_sha256, envelope.sender),
        ).fetchone()
        if earlier is not None:
            return str(earlier[0]).encode()
        row = (envelope.message_id, envelope.sender, sealed.decode(), packet.sha256, reason, at)
        work.execute(
            "INSERT INTO quarantine (message_id, sender_code, envelope, packet_sha256, reason, arrived_at, classified)"
            " VALUES (?, ?, ?, ?, ?, ?, 1)",
            row,
        )
        work.execute(
            "INSERT INTO wipes (sha256, about, asked_at) VALUES (?, ?, ?) ON CONFLICT DO NOTHING",
            (packet.sha256, envelope.message_id, at),
        )
        checkpoint = journal.write(
            work, Act.CLASSIFIED_REFUSED, journal.SYSTEM, files=[packet.sha256],
            facts={"message": envelope.message_id, "sender": envelope.sender,
                   "refusal": RefusalType.NOT_PERMITTED.value, "grade": mark.grade.value},
            texts={"reason": reason},
        )  # fmt: skip
        receipt = given.give(work, envelope, checkpoint, RefusalType.NOT_PERMITTED)
    erasure.delete_at_once(packet.sha256)
    return receipt


def look(row_id: int) -> Mark | None:
    """Looks at the first pages of a document that came by the exchange; a marked one is refused or hidden at once."""
    row = database.row("SELECT origin FROM incoming WHERE id = ?", (row_id,))
    if row is None:
        raise NotFound
    if row[0] != "exchange":
        return None
    for file in attachments.all_of("incoming", row_id):
        if file.media_type == PDF and files.is_sound(files.root(), file.sha256):
            mark = marks.mark_of(file.path)
            if mark is not None:
                _hide(row_id, mark)
                return mark
    return None


def _hide(row_id: int, mark: Mark) -> None:
    """Sends a marked document back with 02 while it is not accepted; later it can only be hidden and reported."""
    (uid, state, sender, document_id, number, notation, day, message_id, urgency) = database.row(
        "SELECT uid, state, sender_code, document_id, code_number, code_notation, promulgation_date, message_id,"
        " urgency FROM incoming WHERE id = ?",
        (row_id,),
    )
    about, before, reason, at = f"incoming:{uid}", IncomingState(state), classified.explain(mark), clock.now_text()
    arrived = before is IncomingState.ARRIVED
    after = statuses.next_incoming(before, IncomingAct.REFUSE) if arrived else before
    code = package.Code(number, notation).printed
    concerned = Concerned(sender, document_id, code, day, message_id, urgency, about)
    answer = answers.prepare(PORTAL, concerned, StatusCode.REFUSED, reason) if arrived else None
    standing = [file.sha256 for file in attachments.all_of("incoming", row_id)]
    packet = attachments.current("incoming", row_id, "packet")
    with database.transaction() as work:
        changes: dict[str, str | int | None] = {"check_verdict": Verdict.UNCHECKED, "checked_at": at}
        if arrived:
            changes |= {"state": after, "refused_at": at, "refusal_reason": reason}
        work.update("incoming", row_id, changes, expected={"state": before})
        attachments.supersede(work, "incoming", row_id, "main", "annex", "packet")
        work.execute(
            "INSERT INTO quarantine (message_id, sender_code, envelope, packet_sha256, reason, arrived_at, classified,"
            " incoming_id) VALUES (?, ?, '', ?, ?, ?, 1, ?)",
            (message_id, sender, packet.sha256 if packet else "", reason, at, row_id),
        )
        checkpoint = journal.write(
            work, Act.CLASSIFIED_REFUSED, journal.SYSTEM, about=about, before=before, after=after, files=standing,
            facts={"message": message_id, "sender": sender, "grade": mark.grade.value}, texts={"reason": reason},
        )  # fmt: skip
        answers.queue(work, answer, checkpoint)


def refusals(actor: Actor, *, open_only: bool = False, limit: int = 100) -> list[ClassifiedRefusal]:
    """Marked documents that were refused, those not reported yet first."""
    actor.require(Verb.EXCHANGE_SEE)
    condition = "q.classified = 1" + (" AND q.reported_at IS NULL" if open_only else "")
    found = database.rows(
        "SELECT q.id, q.message_id, q.sender_code, coalesce(o.name, q.sender_code), q.packet_sha256, q.reason,"
        " q.arrived_at, q.incoming_id, q.reported_at FROM quarantine q"
        f" LEFT JOIN organisations o ON o.code = q.sender_code WHERE {condition}"
        " ORDER BY q.reported_at IS NOT NULL, q.id DESC LIMIT ?",
        (limit,),
    )
    return [
        ClassifiedRefusal(
            row[0], row[1], row[2], row[3], row[4], row[5], clock.from_text(row[6]), row[7],
            clock.from_text(row[8]) if row[8] else None,
        )
        for row in found
    ]  # fmt: skip


def amount_to_report() -> int:
    """How many marked documents nobody has reported yet."""
    found = database.row("SELECT count(*) FROM quarantine WHERE classified = 1 AND reported_at IS NULL")
    return int(found[0])


def report(actor: Actor, refusal_id: int, note: str) -> None:
    """Notes to whom a marked document was reported; the task is done."""
    actor.require(Verb.INCOMING_REFUSE)
    note = folding.clean_text(note)[:LONGEST_NOTE]
    if len(note) < statuses.REASON_LETTERS:
        raise Malformed(f"Hãy ghi đã báo cáo ai, bằng cách nào (ít nhất {statuses.REASON_LETTERS} ký tự).",
                        field="note")  # fmt: skip
    with database.transaction() as work:
        found = work.execute(
            "SELECT message_id, sender_code FROM quarantine WHERE id = ? AND classified = 1 AND reported_at IS NULL",
            (refusal_id,),
        ).fetchone()
        if found is None:
            raise NotFound("Việc này đã được ghi là báo cáo rồi. Hãy tải lại trang.")
        work.execute("UPDATE quarantine SET reported_at = ? WHERE id = ?", (clock.now_text(), refusal_id))
        journal.write(
            work, Act.CLASSIFIED_REPORTED, actor.uid, facts={"message": found[0], "sender": found[1]},
            texts={"note": note, "actor_name": actor.full_name},
        )  # fmt: skip
