"""What a sender asks of us about a document of theirs, as it arrives: bound, granted, declined, or left to the clerk.

A request binds only to a document whose sender is the envelope's sender; a document id alone proves nothing. One that
comes before its document waits and takes effect when the document comes, so the order of arrival does not matter.
Answers are written before the transaction; where the document has moved meanwhile, the clerk decides.
Source: NĐ 30/2020, Điều 18.3, 18.4; QĐ 28/2018, Điều 9.2; QCVN 102:2016 (BussinessDocType 1-3, status 13).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from commune_portal import clock
from commune_portal.documents import amendments, answers, changing, precedence
from commune_portal.documents.answers import Answer
from commune_portal.documents.changing import Held
from commune_portal.edxml import package
from commune_portal.errors import Malformed
from commune_portal.people.actors import PORTAL
from commune_portal.rules import amendments as rules
from commune_portal.rules import statuses
from commune_portal.rules.acts import Act
from commune_portal.rules.amendments import AmendmentKind, AmendmentState, Side, Verdict
from commune_portal.rules.chain import Checkpoint
from commune_portal.rules.statuses import BusinessType, IncomingState, StatusCode
from commune_portal.store import database, journal
from commune_portal.store.files import Stored
from commune_portal.store.register import Work
from commune_portal.wire.envelope import Envelope

DONE_SENTENCE = "Văn bản đã được xử lý xong nên không trả lại được."


@dataclass(frozen=True, slots=True)
class Named:
    """A document that a packet speaks of."""

    kind: AmendmentKind
    document_id: str


@dataclass(frozen=True, slots=True)
class Plan:
    """Answers written beforehand: by the row of a request that waits, or under 0 for the request that arrives."""

    answers: Mapping[int, Answer | None]


def named_by(envelope: Envelope, edoc: package.Edoc) -> tuple[Named, ...]:
    """The documents that a packet asks something about; raises Malformed for a recall or replacement of nothing."""
    business = edoc.business or package.Business()
    own = {envelope.sender, edoc.sender.organ_id}
    responses = [item for item in edoc.responses if item.document_id]
    ours = [item.document_id for item in responses if item.organ_id in own]
    if business.type == BusinessType.RECALL:
        ids = [business.document_id, *(ours or [item.document_id for item in responses if not item.organ_id])]
        return _named(AmendmentKind.RECALL, ids, "Gói thu hồi không nêu văn bản bị thu hồi. Đề nghị nơi gửi gửi lại.")
    if business.type == BusinessType.REPLACE:
        ids = [item.document_id for item in business.replacements]
        return _named(AmendmentKind.REPLACE, ids, "Gói thay thế không nêu văn bản cũ. Đề nghị nơi gửi gửi lại.")
    if business.type == BusinessType.UPDATE:
        return (Named(AmendmentKind.UPDATE, business.document_id or edoc.document_id),)
    if business.type not in (None, BusinessType.NEW):
        raise Malformed("Không biết nghiệp vụ của gói tin. Đề nghị nơi gửi dùng mới, thu hồi, cập nhật hoặc thay thế.")
    return tuple(Named(AmendmentKind.CORRECT, item) for item in dict.fromkeys(ours) if item != edoc.document_id)


def _named(kind: AmendmentKind, ids: Sequence[str], missing: str) -> tuple[Named, ...]:
    found = tuple(Named(kind, item) for item in dict.fromkeys(ids) if item)
    if not found:
        raise Malformed(missing)
    return found


# ── a document arrives ───────────────────────────────────────────────────────────────────────────────────────


def plan_document(envelope: Envelope, edoc: package.Edoc) -> Plan:
    """Answers to what waits for this very document, and to a recall of what was destroyed before."""
    held = changing.arriving(envelope, edoc)
    prepared: dict[int, Answer | None] = {}
    for row_id, kind, message_id in _waiting_rows(database.rows, database.row, edoc.document_id, envelope.sender):
        if kind in (AmendmentKind.TAKE_BACK, AmendmentKind.UPDATE) and message_id:
            prepared[row_id] = _prepare(held, message_id, StatusCode.TAKE_BACK_AGREED)
    for named in named_by(envelope, edoc):
        known = changing.held(database.row, envelope, named.document_id)
        if named.kind is AmendmentKind.RECALL and known and known.state is IncomingState.RECALLED:
            prepared[0] = _prepare(held, envelope.message_id, StatusCode.TAKE_BACK_AGREED)
    return Plan(prepared)


def document_arrived(work: Work, envelope: Envelope, edoc: package.Edoc, row_id: int, plan: Plan) -> Checkpoint | None:
    """Binds what waited for this document, then does what the document itself asks; answers the last line written."""
    last: Checkpoint | None = None
    held = changing.held_by_id(work, row_id)
    for waiting_id, kind, message_id in _waiting_rows(
        _rows_of(work), _first_row_of(work), edoc.document_id, envelope.sender
    ):
        last = _bind(work, held, waiting_id, kind, message_id, plan.answers.get(waiting_id)) or last
        held = changing.held_by_id(work, row_id)
    last = _recalled_before(work, envelope, held) or last
    for ordinal, named in enumerate(named_by(envelope, edoc)):
        last = _ask(work, envelope, edoc, named, row_id, plan.answers.get(0), first=ordinal == 0) or last
    return last


def _bind(
    work: Work, held: Held, amendment_id: int, kind: AmendmentKind, message_id: str, answer: Answer | None
) -> Checkpoint | None:
    work.update("amendments", amendment_id, {"incoming_id": held.id})
    if kind in (AmendmentKind.TAKE_BACK, AmendmentKind.UPDATE):
        changing.keep_packet(work, held, message_id)
    if kind is AmendmentKind.TAKE_BACK and answer is not None:
        return changing.take_back(work, held, amendment_id, PORTAL, answer)
    if kind is AmendmentKind.UPDATE and answer is not None:
        return changing.apply_update(work, held, amendment_id, PORTAL, answer)
    return _trace(work, held, amendment_id, kind)


def _trace(work: Work, held: Held, amendment_id: int, kind: AmendmentKind) -> Checkpoint:
    """The line in the document's own trail; links (replacement, correction) are complete with it."""
    if kind in (AmendmentKind.REPLACE, AmendmentKind.CORRECT):
        amendments.settle(work, amendment_id, AmendmentState.AGREED)
    row = work.execute(
        "SELECT a.message_id, n.message_id, n.document_id, n.code_number, n.code_notation, a.reason FROM amendments a"
        " LEFT JOIN incoming n ON n.id = a.notice_incoming_id WHERE a.id = ?",
        (amendment_id,),
    ).fetchone()
    code = "/".join(part for part in row[3:5] if part)
    replaced = kind is AmendmentKind.REPLACE
    said = {
        AmendmentKind.RECALL: f"có thông báo thu hồi {code}",
        AmendmentKind.REPLACE: f"được thay thế bằng {code}",
        AmendmentKind.CORRECT: f"đính chính tại {code}",
    }
    return journal.write(
        work, Act.INCOMING_REPLACED if replaced else Act.AMENDMENT_ARRIVED, journal.SYSTEM, about=held.about,
        before=held.state if replaced else "", after=held.state if replaced else "",
        facts={"kind": kind.value, "message": row[0] or row[1], "sender": held.sender_code,
               "document": held.document_id, "notice": row[2]},
        texts={"note": said.get(kind, ""), "reason": row[5]},
    )  # fmt: skip


def _recalled_before(work: Work, envelope: Envelope, held: Held) -> Checkpoint | None:
    """A second copy of a document that its sender has recalled already is recalled as well."""
    row = work.execute(
        "SELECT notice_incoming_id, reason, organ_name, asked_at FROM amendments WHERE document_id = ?"
        " AND organ_code = ? AND side = 'theirs' AND kind = 'recall' AND incoming_id IS NOT NULL AND incoming_id <> ?"
        " AND NOT EXISTS (SELECT 1 FROM amendments x WHERE x.incoming_id = ? AND x.kind = 'recall')"
        " AND notice_incoming_id IS NOT ? ORDER BY id DESC LIMIT 1",
        (held.document_id, envelope.sender, held.id, held.id, held.id),
    ).fetchone()
    if (
        row is None
        or work.execute(
            "SELECT 1 FROM incoming WHERE id = ? AND business_type = ?", (held.id, int(BusinessType.RECALL))
        ).fetchone()
    ):
        return None
    made = amendments.add(
        work, Side.THEIRS, AmendmentKind.RECALL, held.document_id, organ_code=envelope.sender, organ_name=row[2],
        incoming_id=held.id, notice_incoming_id=row[0], reason=row[1], asked_at=row[3],
    )  # fmt: skip
    return _trace(work, held, made.id, AmendmentKind.RECALL)


def _ask(
    work: Work,
    envelope: Envelope,
    edoc: package.Edoc,
    named: Named,
    notice_id: int,
    answer: Answer | None,
    *,
    first: bool,
) -> Checkpoint | None:
    held = changing.held(
        _first_row_of(work), envelope, named.document_id, but=notice_id,
        exactly=first and named.kind is not AmendmentKind.CORRECT,
    )  # fmt: skip
    row = amendments.add(
        work, Side.THEIRS, named.kind, named.document_id,
        message_id=envelope.message_id if first else None, organ_code=envelope.sender,
        organ_name=edoc.sender.name or envelope.sender, incoming_id=held.id if held else None,
        notice_incoming_id=notice_id, reason=(edoc.business.reason if edoc.business else ""),
        asked_at=clock.to_text(envelope.created),
    )  # fmt: skip
    if held is None:
        return journal.write(
            work, Act.AMENDMENT_ARRIVED, journal.SYSTEM, about=changing.held_by_id(work, notice_id).about,
            facts={"kind": named.kind.value, "message": envelope.message_id, "sender": envelope.sender,
                   "document": named.document_id},
        )  # fmt: skip
    if held.state is IncomingState.RECALLED and named.kind is AmendmentKind.RECALL and answer is not None:
        amendments.settle(work, row.id, AmendmentState.AGREED)
        last = journal.write(
            work, Act.AMENDMENT_ARRIVED, journal.SYSTEM, about=held.about,
            facts={"kind": named.kind.value, "message": envelope.message_id, "sender": envelope.sender,
                   "document": named.document_id, "applied": 1},
        )  # fmt: skip
        changing.queue_answer(work, changing.held_by_id(work, notice_id), answer, last)
        return last
    return _trace(work, held, row.id, named.kind)


# ── an update arrives ────────────────────────────────────────────────────────────────────────────────────────


def plan_update(envelope: Envelope, edoc: package.Edoc) -> Plan:
    """The answer of an update that needs no clerk."""
    held = changing.held(database.row, envelope, named_by(envelope, edoc)[0].document_id)
    if held is None or rules.update_verdict(held.state, registered=held.registered) is not Verdict.GRANT:
        return Plan({})
    return Plan({0: _prepare(held, envelope.message_id, StatusCode.TAKE_BACK_AGREED)})


def update_arrived(work: Work, envelope: Envelope, edoc: package.Edoc, packet: Stored, plan: Plan) -> Checkpoint:
    """Notes an update and applies it where the document is in no book yet; else the clerk decides."""
    document_id = named_by(envelope, edoc)[0].document_id
    first_row = _first_row_of(work)
    held = changing.held(first_row, envelope, document_id)
    asked_at = clock.to_text(envelope.created)
    place = precedence.place_of(first_row, envelope.sender, "", asked_at, envelope.checkpoint.size)
    verdict = rules.update_verdict(held.state, registered=held.registered) if held else Verdict.ASK
    dropped = verdict is Verdict.DROP
    row = amendments.add(
        work, Side.THEIRS, AmendmentKind.UPDATE, document_id,
        message_id=envelope.message_id, organ_code=envelope.sender, organ_name=edoc.sender.name or envelope.sender,
        incoming_id=held.id if held else None, asked_at=asked_at,
        reason="" if dropped or not edoc.business else edoc.business.reason,
        changes="" if dropped else amendments.changes_text(changing.proposed(edoc)),
    )  # fmt: skip
    if held:
        _put_beside(work, held, envelope, packet)
    if dropped:
        amendments.settle(work, row.id, AmendmentState.DROPPED)
    elif held and verdict is Verdict.ASK and changing.is_overtaken(work, held, place):
        amendments.settle(work, row.id, AmendmentState.DROPPED, answer=changing.OVERTAKEN)  # no clerk need look at it
    last = journal.write(
        work, Act.AMENDMENT_ARRIVED, journal.SYSTEM, about=held.about if held else "", files=[packet.sha256],
        facts={"kind": AmendmentKind.UPDATE.value, "message": envelope.message_id, "sender": envelope.sender,
               "document": document_id, "applied": 0},
    )  # fmt: skip
    if held is None:
        return last
    if verdict is Verdict.GRANT and plan.answers.get(0) is not None:
        return changing.apply_update(work, held, row.id, PORTAL, plan.answers[0], place) or last
    return last


# ── a 13 arrives ─────────────────────────────────────────────────────────────────────────────────────────────


def is_take_back(status: package.Status) -> bool:
    """Whether a status asks for a document back; a 13 about one of our own asks for nothing of the asker's."""
    if statuses.read_status(status.status_code) is not StatusCode.TAKE_BACK_ASKED:
        return False
    return not database.row("SELECT 1 FROM outgoing WHERE document_id = ?", (status.response_for.document_id,))


def plan_take_back(envelope: Envelope, status: package.Status) -> Plan:
    """The answer of a taking back that needs no clerk: 15 before the book, 16 when the work is done."""
    held = changing.held(database.row, envelope, status.response_for.document_id)
    if held is None:
        return Plan({})
    verdict = rules.take_back_verdict(held.state)
    if verdict is Verdict.GRANT:
        return Plan({0: _prepare(held, envelope.message_id, StatusCode.TAKE_BACK_AGREED)})
    if verdict is Verdict.DECLINE:
        return Plan({0: _prepare(held, envelope.message_id, StatusCode.TAKE_BACK_DECLINED, DONE_SENTENCE)})
    return Plan({})


def take_back_arrived(work: Work, envelope: Envelope, status: package.Status, packet: Stored, plan: Plan) -> Checkpoint:
    """Notes a 13 and grants or declines it where that is the system's to say; else it waits for the clerk."""
    document_id = status.response_for.document_id
    held = changing.held(_first_row_of(work), envelope, document_id)
    row = amendments.add(
        work, Side.THEIRS, AmendmentKind.TAKE_BACK, document_id,
        message_id=envelope.message_id, organ_code=envelope.sender, organ_name=status.sender.name or envelope.sender,
        incoming_id=held.id if held else None, reason=status.description, asked_at=clock.to_text(envelope.created),
    )  # fmt: skip
    if held:
        _put_beside(work, held, envelope, packet)
    last = journal.write(
        work, Act.AMENDMENT_ARRIVED, journal.SYSTEM, about=held.about if held else "",
        facts={"kind": AmendmentKind.TAKE_BACK.value, "message": envelope.message_id, "sender": envelope.sender,
               "document": document_id, "packet": packet.sha256},
        texts={"reason": status.description} if held else {},
    )  # fmt: skip
    answer = plan.answers.get(0)
    if held is None or answer is None:
        return last
    verdict = rules.take_back_verdict(held.state)
    if verdict is Verdict.GRANT and answer.code is StatusCode.TAKE_BACK_AGREED:
        return changing.take_back(work, held, row.id, PORTAL, answer)
    if verdict is Verdict.DECLINE and answer.code is StatusCode.TAKE_BACK_DECLINED:
        return changing.decline(work, held, row.id, PORTAL, answer, DONE_SENTENCE, Act.TAKE_BACK_DECLINED)
    return last


def _put_beside(work: Work, held: Held, envelope: Envelope, packet: Stored) -> None:
    """A request's packet goes with its document; of a destroyed document it goes at once."""
    if held.state is IncomingState.RECALLED:
        changing.forget_packet(work, held, packet.sha256)
    else:
        changing.keep_packet(work, held, envelope.message_id, packet)


def _prepare(held: Held, message_id: str, code: StatusCode, reason: str = "") -> Answer | None:
    return answers.prepare(PORTAL, changing.concerned(held, message_id), code, reason)


def _waiting_rows(read: Any, first_row: Any, document_id: str, sender: str) -> list[tuple[int, AmendmentKind, str]]:
    """What waits for a document, in the order in which its sender asked it."""
    found = read(
        "SELECT id, kind, message_id, asked_at FROM amendments WHERE document_id = ? AND organ_code = ?"
        " AND side = 'theirs' AND incoming_id IS NULL AND state = 'asked' ORDER BY id",
        (document_id, sender),
    )
    in_order = sorted(found, key=lambda row: precedence.place_of(first_row, sender, row[2] or "", row[3]))
    return [(row[0], AmendmentKind(row[1]), row[2] or "") for row in in_order]


def _rows_of(work: Work) -> Any:
    return lambda *asked: work.execute(*asked).fetchall()


def _first_row_of(work: Work) -> Any:
    return lambda *asked: work.execute(*asked).fetchone()
