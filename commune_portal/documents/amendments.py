"""What is asked about a document after it went out, at both ends: read, noted and settled here.

The verbs are in `recalls`, `takebacks`, `updates`, `replacements` and `corrections`; what a sender's packet does when
it arrives is in `requests`. One row a recipient and message; its state only rises. Source: QĐ 28/2018, Điều 8.2, 9.2.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Any

from commune_portal import clock
from commune_portal.documents import visibility
from commune_portal.errors import NotFound, RuleBroken
from commune_portal.people.actors import Actor
from commune_portal.rules import amendments as rules
from commune_portal.rules import numbering
from commune_portal.rules.amendments import UPDATABLE, AmendmentKind, AmendmentState, Side
from commune_portal.rules.kinds import Urgency
from commune_portal.rules.permissions import Verb
from commune_portal.store import database
from commune_portal.store.register import Row, Work

COLUMN_OF_FIELD = {
    "subject": "subject",
    "due_date": "asked_due_date",
    "urgency": "urgency",
    "signer_position": "signer_position",
    "page_amount": "page_amount",
}
"""Where an incoming document holds what an update may change."""


@dataclass(frozen=True, slots=True)
class Change:
    """One field of an update, as people read it."""

    field: str
    label: str
    old: str
    new: str


@dataclass(frozen=True, slots=True)
class Amendment:
    """One question about one document between two offices.

    `document_code` and `subject` are those of the document concerned, `notice_code` that of the one that carries the
    question (recall notice, replacing document, correcting letter); empty where there is none or it was wiped.
    """

    id: int
    uid: str
    side: Side
    kind: AmendmentKind
    state: AmendmentState
    message_id: str
    document_id: str
    organ_code: str
    organ_name: str
    outgoing_id: int | None
    incoming_id: int | None
    recipient_id: int | None
    notice_outgoing_id: int | None
    notice_incoming_id: int | None
    reason: str
    changes: tuple[Change, ...]
    asked_at: datetime
    asked_by: str
    answered_at: datetime | None
    answered_by: str
    answer: str
    document_code: str
    subject: str
    notice_code: str

    def freezes(self, incoming_id: int) -> bool:
        """Whether it is a recall of this incoming document that waits for its destruction."""
        is_open = self.kind is AmendmentKind.RECALL and self.state is AmendmentState.ASKED
        return is_open and self.side is Side.THEIRS and self.incoming_id == incoming_id

    @property
    def outcome(self) -> str:
        """Kind and state in one phrase."""
        return rules.outcome_label(self.kind, self.state, self.side)


_SELECT = (
    "SELECT a.id, a.uid, a.side, a.kind, a.state, a.message_id, a.document_id, a.organ_code, a.organ_name,"
    " a.outgoing_id, a.incoming_id, a.recipient_id, a.notice_outgoing_id, a.notice_incoming_id, a.reason, a.changes,"
    " a.asked_at, (SELECT full_name FROM accounts WHERE id = a.asked_by), a.answered_at,"
    " (SELECT full_name FROM accounts WHERE id = a.answered_by), a.answer,"
    " i.code_number, i.code_notation, o.number, o.symbol, coalesce(i.subject, o.subject, ''),"
    " m.code_number, m.code_notation, n.number, n.symbol"
    " FROM amendments a LEFT JOIN incoming i ON i.id = a.incoming_id LEFT JOIN outgoing o ON o.id = a.outgoing_id"
    " LEFT JOIN incoming m ON m.id = a.notice_incoming_id LEFT JOIN outgoing n ON n.id = a.notice_outgoing_id"
)


def get(amendment_id: int) -> Amendment:
    """One amendment, without asking who looks; raises NotFound."""
    row = database.row(f"{_SELECT} WHERE a.id = ?", (amendment_id,))
    if row is None:
        raise NotFound
    return _amendment(row)


def of_outgoing(row_id: int) -> list[Amendment]:
    """What we asked about a document of ours, and what it was used for as notice, oldest first."""
    return [
        _amendment(row)
        for row in database.rows(
            f"{_SELECT} WHERE a.outgoing_id = ? OR a.notice_outgoing_id = ? ORDER BY a.id", (row_id, row_id)
        )
    ]


def of_incoming(row_id: int) -> list[Amendment]:
    """What a sender asked about a document that came to us, and what came with it as notice, oldest first."""
    return [
        _amendment(row)
        for row in database.rows(
            f"{_SELECT} WHERE a.incoming_id = ? OR a.notice_incoming_id = ? ORDER BY a.id", (row_id, row_id)
        )
    ]


OPEN = (
    "a.side = 'theirs' AND a.state = 'asked' AND a.kind IN ('recall', 'take-back', 'update')"
    " AND a.incoming_id IS NOT NULL"
)


def open_asked_of_us(actor: Actor, limit: int = 200) -> list[Amendment]:
    """What senders ask and our clerk has not answered: recalls first, then the oldest."""
    actor.require(Verb.INCOMING_AMEND)
    found = database.rows(f"{_SELECT} WHERE {OPEN} ORDER BY a.kind <> 'recall', a.id LIMIT ?", (limit,))
    return [_amendment(row) for row in found]


def is_frozen(incoming_id: int) -> bool:
    """Whether a recall of this incoming document waits for its destruction."""
    return _recall_pending(database.row, incoming_id)


def refuse_frozen(incoming_id: int) -> None:
    """Raises RuleBroken while a recall of the document waits; asked once more inside the act's transaction."""
    rules.refuse_frozen(recall_pending=is_frozen(incoming_id))


def require_free(work: Work, incoming_id: int) -> None:
    """Raises RuleBroken, inside the act's transaction, while a recall of the document waits."""
    rules.refuse_frozen(recall_pending=_recall_pending(lambda *asked: work.execute(*asked).fetchone(), incoming_id))


def _recall_pending(read: Any, incoming_id: int) -> bool:
    statement = (
        "SELECT 1 FROM amendments WHERE incoming_id = ? AND side = 'theirs' AND kind = 'recall' AND state = 'asked'"
    )
    return read(statement, (incoming_id,)) is not None


def open_of_incoming(work: Work, incoming_id: int) -> list[tuple[int, AmendmentKind]]:
    """The unanswered questions about an incoming document, inside a transaction."""
    found = work.execute(
        "SELECT id, kind FROM amendments WHERE incoming_id = ? AND side = 'theirs' AND state = 'asked' ORDER BY id",
        (incoming_id,),
    ).fetchall()
    return [(row[0], AmendmentKind(row[1])) for row in found]


def add(work: Work, side: Side, kind: AmendmentKind, document_id: str, **columns: Any) -> Row:
    """Notes a question in the act's transaction; what is not said of it is empty."""
    return work.insert(
        "amendments",
        {"side": side, "kind": kind, "state": AmendmentState.ASKED, "document_id": document_id,
         "asked_at": clock.now_text(), **columns},
    )  # fmt: skip


def settle(
    work: Work, amendment_id: int, state: AmendmentState, *, actor: Actor | None = None, answer: str = ""
) -> bool:
    """Answers a question, never backwards; False when it stood as high already."""
    row = work.execute("SELECT state FROM amendments WHERE id = ?", (amendment_id,)).fetchone()
    if row is None:
        raise NotFound
    if state.rank <= AmendmentState(row[0]).rank:
        return False
    work.update(
        "amendments",
        amendment_id,
        {"state": state, "answered_at": clock.now_text(), "answer": answer,
         "answered_by": actor.id if actor and not actor.is_portal else None},
    )  # fmt: skip
    return True


def see(actor: Actor, amendment_id: int) -> Amendment:
    """One amendment for a person who may see the document it is about; raises NotFound."""
    found = get(amendment_id)
    if found.side is Side.OURS and found.outgoing_id:
        visibility.require(actor, Verb.OUTGOING_SEE, "outgoing", found.outgoing_id)
    elif found.incoming_id:
        visibility.require(actor, Verb.INCOMING_SEE, "incoming", found.incoming_id)
    else:
        actor.require(Verb.INCOMING_AMEND)
    return found


def to_answer(actor: Actor, amendment_id: int, kind: AmendmentKind) -> Amendment:
    """A question that this clerk may answer; raises RuleBroken for an answered one, or while a recall waits."""
    found = get(amendment_id)
    if found.side is not Side.THEIRS or found.kind is not kind or found.incoming_id is None:
        raise NotFound
    visibility.require(actor, Verb.INCOMING_AMEND, "incoming", found.incoming_id)
    if found.state is not AmendmentState.ASKED:
        raise RuleBroken(f"Yêu cầu này đã được trả lời: {found.outcome.lower()}. Hãy tải lại trang.")
    refuse_frozen(found.incoming_id)
    return found


def require_open(work: Work, amendment_id: int) -> None:
    """Raises RuleBroken, inside the act's transaction, for a question that somebody else has just answered."""
    if work.execute("SELECT state FROM amendments WHERE id = ?", (amendment_id,)).fetchone()[0] != "asked":
        raise RuleBroken("Người khác vừa trả lời yêu cầu này. Hãy tải lại trang để xem trạng thái mới nhất.")


def refused(work: Work, message_id: str, why: str) -> None:
    """A message of ours that will never take effect asks nothing any more."""
    row = work.execute(
        "SELECT id FROM amendments WHERE message_id = ? AND side = 'ours' AND state = 'asked'", (message_id,)
    ).fetchone()
    if row is not None:
        settle(work, row[0], AmendmentState.DROPPED, answer=why)


def changes_text(changes: Mapping[str, tuple[str, str]]) -> str:
    """Changes as stored: field to (old, new), both as stored in their columns."""
    return json.dumps({name: list(pair) for name, pair in changes.items()}, ensure_ascii=False, sort_keys=True)


def stored_changes(text: str) -> dict[str, tuple[str, str]]:
    """Changes as read back."""
    document = json.loads(text) if text else {}
    return {name: (str(pair[0]), str(pair[1])) for name, pair in document.items() if name in UPDATABLE}


def differences(read: Any, incoming_id: int, wanted: Mapping[str, str]) -> dict[str, tuple[str, str]]:
    """What an update would change of the document as it stands: field to (old, new); equal values are left out.

    `read` gives the first row of a statement, inside a transaction or outside.
    """
    row = read(f"SELECT {', '.join(COLUMN_OF_FIELD.values())} FROM incoming WHERE id = ?", (incoming_id,))
    standing = {name: "" if value is None else str(value) for name, value in zip(COLUMN_OF_FIELD, row, strict=True)}
    return {name: (standing[name], new) for name, new in wanted.items() if new != standing.get(name, new)}


def _shown(field: str, value: str) -> str:
    if field == "urgency" and value.isdigit():
        return Urgency(int(value)).label
    if field == "due_date" and value:
        return f"{date.fromisoformat(value):%d/%m/%Y}"
    return value


@dataclass(frozen=True, slots=True)
class Remark:
    """What a book says beside a number: the notice of its recall, and the rest in words."""

    recalled_by: str = ""
    words: tuple[str, ...] = ()

    def beside(self, note: str) -> str:
        """The remark column: what stood there, then what was asked of the document later."""
        return "; ".join(part for part in (note, *self.words) if part)


def remarks(side: Side, row_ids: Iterable[int]) -> dict[int, Remark]:
    """What the book says beside each of these documents, for those of which it says anything.

    Source: NĐ 30/2020, Điều 18.3, 18.4; Phụ lục IV (column «Ghi chú»).
    """
    wanted = list(row_ids)
    if not wanted:
        return {}
    column, other = "incoming_id", "notice_incoming_id"
    code, table = "n.code_number, n.code_notation", "incoming"
    if side is Side.OURS:
        column, other, code, table = "outgoing_id", "notice_outgoing_id", "n.number, n.symbol", "outgoing"
    found = database.rows(
        f"SELECT a.{column}, a.kind, {code}, a.organ_name, a.state FROM amendments a"
        f" LEFT JOIN {table} n ON n.id = a.{other} WHERE a.side = ? AND a.{column} IN ({_marks(wanted)})"
        " ORDER BY a.id",
        (side.value, *wanted),
    )
    said: dict[int, Remark] = {}
    for row_id, kind, first, second, organ, state in found:
        before = said.get(row_id, Remark())
        said[row_id] = _remark(
            before, side, AmendmentKind(kind), _code(first, second), organ, agreed=state == AmendmentState.AGREED
        )
    return said


def _marks(wanted: list[int]) -> str:
    return ", ".join("?" for _ in wanted)


def _remark(before: Remark, side: Side, kind: AmendmentKind, notice: str, organ: str, *, agreed: bool) -> Remark:
    """A recall or replacement of ours stands from the act on; what others ask stands when it is done here."""
    ours = side is Side.OURS
    if kind is AmendmentKind.RECALL and (ours or agreed):
        return replace(before, recalled_by=notice or "thông báo của nơi gửi")
    words = ""
    if kind is AmendmentKind.REPLACE and (ours or agreed):
        words = f"được thay thế bằng {notice or 'văn bản khác'}"
    elif kind is AmendmentKind.CORRECT and agreed and notice:
        words = f"đính chính tại {notice}"
    elif kind is AmendmentKind.UPDATE and agreed and not ours:
        words = "đã cập nhật theo nơi gửi"
    elif kind is AmendmentKind.TAKE_BACK and agreed:
        words = f"đã lấy lại từ {organ}" if ours else "nơi gửi đã lấy lại"
    return before if not words or words in before.words else replace(before, words=(*before.words, words))


def _code(number: Any, notation: str | None) -> str:
    if isinstance(number, int):
        return numbering.number_and_symbol(number, notation or "")
    return "/".join(part for part in (number, notation) if part)


def _amendment(row: Any) -> Amendment:
    values = row
    pairs = stored_changes(values[15])
    if values[3] == AmendmentKind.UPDATE and values[4] == AmendmentState.ASKED and values[10] is not None:
        pairs = differences(database.row, values[10], {name: new for name, (_, new) in pairs.items()})
    changes = tuple(
        Change(name, UPDATABLE[name], _shown(name, old), _shown(name, new)) for name, (old, new) in pairs.items()
    )
    document = _code(values[21], values[22]) or (_code(values[23], values[24]) if values[23] else "")
    notice = _code(values[26], values[27]) or (_code(values[28], values[29]) if values[28] else "")
    return Amendment(
        id=values[0],
        uid=values[1],
        side=Side(values[2]),
        kind=AmendmentKind(values[3]),
        state=AmendmentState(values[4]),
        message_id=values[5] or "",
        document_id=values[6],
        organ_code=values[7],
        organ_name=values[8],
        outgoing_id=values[9],
        incoming_id=values[10],
        recipient_id=values[11],
        notice_outgoing_id=values[12],
        notice_incoming_id=values[13],
        reason=values[14],
        changes=changes,
        asked_at=clock.from_text(values[16]),
        asked_by=values[17] or "",
        answered_at=clock.from_text(values[18]) if values[18] else None,
        answered_by=values[19] or "",
        answer=values[20],
        document_code=document,
        subject=values[25],
        notice_code=notice,
    )
