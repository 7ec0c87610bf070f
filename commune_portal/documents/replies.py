"""Statuses that come home: logged by message id, applied only forwards, matched to the question that they answer.

An answer names its question by the envelope's `in_reply_to`; where a foreign system leaves that out, by the document id
and the office that answers. Source: QĐ 28/2018, Điều 6.3, 10.2.h; QCVN 102:2016 (01-06, 15, 16).
"""

from __future__ import annotations

from dataclasses import dataclass

from commune_portal import clock
from commune_portal.documents import addressees, amendments
from commune_portal.edxml import package
from commune_portal.rules import amendments as rules
from commune_portal.rules import statuses
from commune_portal.rules.acts import Act
from commune_portal.rules.amendments import AmendmentKind, AmendmentState
from commune_portal.rules.chain import Checkpoint
from commune_portal.rules.statuses import StatusCode
from commune_portal.store import journal
from commune_portal.store.files import Stored
from commune_portal.store.register import Work
from commune_portal.wire.envelope import Envelope


@dataclass(frozen=True, slots=True)
class Settled:
    """A question of ours that an arrived status has answered; `about` is the document that it was about."""

    about: str
    kind: AmendmentKind
    state: AmendmentState


@dataclass(frozen=True, slots=True)
class Landed:
    """What an arrived status is about, whether it took effect, and what it answered."""

    about: str
    applied: bool
    settled: tuple[Settled, ...] = ()


@dataclass(frozen=True, slots=True)
class _Sent:
    """The sending that a status speaks of."""

    outgoing_id: int
    recipient_id: int | None
    status: StatusCode | None
    about: str


def take(work: Work, envelope: Envelope, status: package.Status, packet: Stored) -> Checkpoint:
    """Logs a status, applies it and writes its lines: one of the status, one for each question that it answered."""
    landed = status_arrived(work, envelope, status, packet)
    checkpoint = journal.write(
        work, Act.STATUS_ARRIVED, journal.SYSTEM, about=landed.about, files=[packet.sha256],
        facts={"message": envelope.message_id, "sender": envelope.sender, "code": status.status_code,
               "document": status.response_for.document_id, "applied": int(landed.applied)},
        texts={"reason": status.description, "handler": status.staff.staff if status.staff else ""},
    )  # fmt: skip
    for item in landed.settled:
        checkpoint = journal.write(
            work, Act.AMENDMENT_ANSWERED, journal.SYSTEM, about=item.about,
            facts={"message": envelope.message_id, "sender": envelope.sender, "kind": item.kind.value,
                   "answer": item.state.value},
        )  # fmt: skip
    return checkpoint


def status_arrived(work: Work, envelope: Envelope, status: package.Status, packet: Stored) -> Landed:
    """Logs a status by message id and moves the recipient's state when it is newer; never backwards.

    Works in the transaction of `arrivals.receive`, which journals it. A status for an unknown document is kept; it is
    not dropped, and it moves nothing of another office's.
    """
    code = statuses.read_status(status.status_code)
    asked = _question(work, envelope, status.response_for.document_id) if code.is_dialogue else None
    sent = _asked_about(work, asked) if asked else _sending(work, envelope, status.response_for.document_id)
    at = clock.to_text(status.timestamp) if status.timestamp else clock.now_text()
    applied, settled = False, list[Settled]()
    if sent is not None and not code.is_dialogue:
        applied = statuses.advance(sent.status, code).applied
        if applied and sent.recipient_id:
            work.update(
                "recipients", sent.recipient_id, {"status": code, "status_at": at, "status_reason": status.description}
            )
            settled += _replacements(work, sent.recipient_id, code, status.description)
            settled += _refused(work, sent, code)
    if sent is not None and envelope.in_reply_to:
        addressees.arrived_after_all(work, envelope.in_reply_to, clock.now_text())
    if asked is not None:
        settled += _answer(work, asked, code, status.description, at)
        applied = bool(settled)
    work.insert(
        "statuses",
        {
            "message_id": envelope.message_id,
            "outgoing_id": sent.outgoing_id if sent else None,
            "recipient_id": sent.recipient_id if sent else None,
            "document_id": status.response_for.document_id,
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
    return Landed(sent.about if sent else "", applied, tuple(settled))


def match_kept(work: Work, outgoing_id: int, document_id: str) -> int:
    """Applies statuses that came before their document did, as after a restore; answers how many moved something.

    Works in the transaction that brings the document back, which journals it.
    """
    moved = 0
    for row_id, organ, code, reason, told_at in work.execute(
        "SELECT id, organ_code, code, reason, coalesce(told_at, arrived_at) FROM statuses WHERE document_id = ?"
        " AND outgoing_id IS NULL ORDER BY id",
        (document_id,),
    ).fetchall():
        found = work.execute(
            "SELECT id, status FROM recipients WHERE outgoing_id = ? AND organ_code = ? ORDER BY id DESC LIMIT 1",
            (outgoing_id, organ),
        ).fetchone()
        if found is None:
            continue
        status = statuses.read_status(code)
        applied = (
            not status.is_dialogue and statuses.advance(StatusCode(found[1]) if found[1] else None, status).applied
        )
        if applied:
            work.update("recipients", found[0], {"status": status, "status_at": told_at, "status_reason": reason})
            moved += 1
        work.update("statuses", row_id, {"outgoing_id": outgoing_id, "recipient_id": found[0], "applied": int(applied)})
    return moved


def _sending(work: Work, envelope: Envelope, document_id: str) -> _Sent | None:
    """The sending of a document of ours to this office: the very message that is answered, else the newest."""
    found = work.execute(
        "SELECT o.id, r.id, r.status, o.uid FROM outgoing o JOIN recipients r ON r.outgoing_id = o.id"
        " WHERE o.document_id = ? AND r.organ_code = ? ORDER BY r.message_id = ? DESC, r.id DESC LIMIT 1",
        (document_id, envelope.sender, envelope.in_reply_to or ""),
    ).fetchone()
    if found is None:
        return None
    return _Sent(found[0], found[1], StatusCode(found[2]) if found[2] else None, f"outgoing:{found[3]}")


@dataclass(frozen=True, slots=True)
class _Question:
    id: int
    kind: AmendmentKind
    state: AmendmentState
    outgoing_id: int
    recipient_id: int | None
    notice_id: int | None
    organ_code: str


_QUESTION = (
    "SELECT a.id, a.kind, a.state, a.outgoing_id, a.recipient_id, a.notice_outgoing_id, a.organ_code FROM amendments a"
)


def _question(work: Work, envelope: Envelope, document_id: str) -> _Question | None:
    """Our own question that a 15 or 16 of this office answers.

    Without `in_reply_to` a recall is thought of last, since its «yes» says that a document is destroyed.
    """
    row = None
    if envelope.in_reply_to:
        row = work.execute(
            f"{_QUESTION} WHERE a.message_id = ? AND a.side = 'ours' AND a.organ_code = ?",
            (envelope.in_reply_to, envelope.sender),
        ).fetchone()
    if row is None and not envelope.in_reply_to:
        row = work.execute(
            f"{_QUESTION} LEFT JOIN outgoing n ON n.id = a.notice_outgoing_id WHERE a.side = 'ours'"
            " AND a.organ_code = ? AND a.state = 'asked' AND a.kind IN ('recall', 'take-back', 'update')"
            " AND (a.document_id = ? OR (a.kind = 'recall' AND n.document_id = ?))"
            " ORDER BY n.document_id IS ? DESC, a.kind = 'recall', a.id DESC LIMIT 1",
            (envelope.sender, document_id, document_id, document_id),
        ).fetchone()
    if row is None:
        return None
    return _Question(row[0], AmendmentKind(row[1]), AmendmentState(row[2]), *row[3:])


def _asked_about(work: Work, asked: _Question) -> _Sent | None:
    row = work.execute("SELECT uid FROM outgoing WHERE id = ?", (asked.outgoing_id,)).fetchone()
    status = (
        work.execute("SELECT status FROM recipients WHERE id = ?", (asked.recipient_id,)).fetchone()
        if asked.recipient_id
        else None
    )
    known = StatusCode(status[0]) if status and status[0] else None
    return _Sent(asked.outgoing_id, asked.recipient_id, known, f"outgoing:{row[0]}")


def _answer(work: Work, asked: _Question, code: StatusCode, reason: str, at: str) -> list[Settled]:
    state = rules.answered(asked.state, code)
    if state is None or not amendments.settle(work, asked.id, state, answer=reason):
        return []
    about = _uid(work, asked.outgoing_id)
    settled = [Settled(about, asked.kind, state)]
    if state is not AmendmentState.AGREED:
        return settled
    if asked.kind is AmendmentKind.TAKE_BACK and asked.recipient_id:
        work.update(
            "recipients", asked.recipient_id,
            {"status": StatusCode.TAKE_BACK_AGREED, "status_at": at, "status_reason": reason},
        )  # fmt: skip
    for other_id, kind in _overtaken(work, asked):
        if amendments.settle(work, other_id, AmendmentState.DROPPED, answer=asked.kind.label):
            settled.append(Settled(about, kind, AmendmentState.DROPPED))
    return settled


def _overtaken(work: Work, asked: _Question) -> list[tuple[int, AmendmentKind]]:
    """What nobody will answer any more: of a document that is gone there, or updates before a newer one."""
    kinds = "('update')" if asked.kind is not AmendmentKind.RECALL else "('update', 'take-back')"
    older = " AND id < ?" if asked.kind is AmendmentKind.UPDATE else " AND id <> ?"
    found = work.execute(
        "SELECT id, kind FROM amendments WHERE side = 'ours' AND outgoing_id = ? AND organ_code = ?"
        f" AND recipient_id IS ? AND state = 'asked' AND kind IN {kinds}{older} ORDER BY id",
        (asked.outgoing_id, asked.organ_code, asked.recipient_id, asked.id),
    ).fetchall()
    return [(row[0], AmendmentKind(row[1])) for row in found]


def _replacements(work: Work, recipient_id: int, code: StatusCode, reason: str) -> list[Settled]:
    """A replacing document that is accepted, or refused, settles the replacement at that receiver."""
    found = work.execute(
        "SELECT a.id, a.state, a.outgoing_id FROM amendments a JOIN recipients r ON r.message_id = a.message_id"
        " WHERE r.id = ? AND a.side = 'ours' AND a.kind = 'replace'",
        (recipient_id,),
    ).fetchall()
    settled = []
    for row_id, current, outgoing_id in found:
        state = rules.replacement_outcome(AmendmentState(current), code)
        if state and amendments.settle(work, row_id, state, answer=reason):
            settled.append(Settled(_uid(work, outgoing_id), AmendmentKind.REPLACE, state))
    return settled


def _refused(work: Work, sent: _Sent, code: StatusCode) -> list[Settled]:
    """Who refuses a document will not answer an update of it."""
    if code is not StatusCode.REFUSED:
        return []
    found = work.execute(
        "SELECT id FROM amendments WHERE side = 'ours' AND kind = 'update' AND state = 'asked' AND recipient_id = ?",
        (sent.recipient_id,),
    ).fetchall()
    dropped = [row[0] for row in found if amendments.settle(work, row[0], AmendmentState.DROPPED, answer=code.label)]
    return [Settled(sent.about, AmendmentKind.UPDATE, AmendmentState.DROPPED) for _ in dropped]


def _uid(work: Work, outgoing_id: int) -> str:
    return f"outgoing:{work.execute('SELECT uid FROM outgoing WHERE id = ?', (outgoing_id,)).fetchone()[0]}"
