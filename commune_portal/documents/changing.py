"""What a granted request does to an incoming document, and how the document is found: for system and clerk alike.

Each function works in the caller's transaction, writes the act's line and queues the answer that was written before.
Source: NĐ 30/2020, Điều 18.3, 22.2; QCVN 102:2016 (status 15, 16).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from commune_portal import clock
from commune_portal.documents import amendments, answers, attachments, finding, precedence
from commune_portal.documents.answers import Answer, Concerned
from commune_portal.documents.attachments import EDXML, Kept
from commune_portal.documents.precedence import Place
from commune_portal.edxml import package
from commune_portal.errors import NotFound, StoreDamaged
from commune_portal.people.actors import Actor
from commune_portal.rules import amendments as rules
from commune_portal.rules import folding
from commune_portal.rules.acts import Act
from commune_portal.rules.amendments import AmendmentKind, AmendmentState
from commune_portal.rules.chain import Checkpoint
from commune_portal.rules.kinds import Urgency
from commune_portal.rules.statuses import IncomingState
from commune_portal.store import database, erasure, files, journal
from commune_portal.store.files import Stored
from commune_portal.store.register import Work
from commune_portal.wire import receipt as receipts
from commune_portal.wire.envelope import Envelope

FirstRow = Callable[..., Any]


@dataclass(frozen=True, slots=True)
class Held:
    """A document of another office that is with us, as its requests need it."""

    id: int
    about: str
    state: IncomingState
    sender_code: str
    document_id: str
    code: str
    promulgation_date: str | None
    message_id: str
    urgency: int
    registered: bool


_SELECT = (
    "SELECT id, uid, state, sender_code, document_id, code_number, code_notation, promulgation_date, message_id,"
    " urgency, number FROM incoming"
)


def held(first: FirstRow, envelope: Envelope, document_id: str, *, but: int = 0, exactly: bool = True) -> Held | None:
    """The document of this sender that a request means: the very message it names, else the newest with this id.

    A request that names a message which is not here yet waits for it, so that a document which was refused and sent
    again is not mistaken for its first sending.
    """
    if exactly and envelope.in_reply_to:
        row = first(
            f"{_SELECT} WHERE message_id = ? AND sender_code = ? AND document_id = ? AND origin = 'exchange'",
            (envelope.in_reply_to, envelope.sender, document_id),
        )
        return _held(row) if row else None
    row = first(
        f"{_SELECT} WHERE document_id = ? AND sender_code = ? AND origin = 'exchange' AND id <> ?"
        " ORDER BY id DESC LIMIT 1",
        (document_id, envelope.sender, but),
    )
    return _held(row) if row else None


def held_by_id(work: Work, row_id: int) -> Held:
    """One document inside a transaction; raises NotFound."""
    row = work.execute(f"{_SELECT} WHERE id = ?", (row_id,)).fetchone()
    if row is None:
        raise NotFound
    return _held(row)


def standing(row_id: int) -> Held:
    """One document as it stands, before an act; raises NotFound."""
    row = database.row(f"{_SELECT} WHERE id = ?", (row_id,))
    if row is None:
        raise NotFound
    return _held(row)


def arriving(envelope: Envelope, edoc: package.Edoc) -> Held:
    """A document that is about to arrive, as its answers name it."""
    day = edoc.promulgation_date.isoformat() if edoc.promulgation_date else None
    return Held(
        0, "", IncomingState.ARRIVED, envelope.sender, edoc.document_id, edoc.code.printed, day, envelope.message_id,
        envelope.urgency, registered=False,
    )  # fmt: skip


def _held(row: Any) -> Held:
    code = "/".join(part for part in row[5:7] if part)
    return Held(
        row[0], f"incoming:{row[1]}", IncomingState(row[2]), row[3], row[4], code, row[7], row[8] or "", row[9],
        row[10] is not None,
    )  # fmt: skip


def concerned(document: Held, message_id: str) -> Concerned:
    """The document as an answer to a request names it; `message_id` is the request's."""
    return Concerned(
        document.sender_code, document.document_id, document.code, document.promulgation_date, message_id,
        document.urgency, document.about,
    )  # fmt: skip


def queue_answer(work: Work, document: Held, answer: Answer | None, checkpoint: Checkpoint) -> None:
    """Queues an answer under the document that it is about, which may not have had a row when it was written."""
    if answer is not None:
        answers.queue(work, replace(answer, concerned=replace(answer.concerned, about=document.about)), checkpoint)


def take_back(work: Work, document: Held, amendment_id: int, actor: Actor, answer: Answer | None) -> Checkpoint:
    """Gives a document back: the row is struck and keeps its số đến, open parts end, 15 goes to the sender."""
    amendments.settle(work, amendment_id, AmendmentState.AGREED, actor=actor)
    after = document.state
    if document.state not in rules.GONE:
        after = IncomingState.TAKEN_BACK
        work.update("incoming", document.id, {"state": after}, expected={"state": document.state})
        end_parts(work, document.id)
        _drop_updates(work, document)
    reason = work.execute("SELECT reason FROM amendments WHERE id = ?", (amendment_id,)).fetchone()[0]
    kept = after is not IncomingState.RECALLED  # of a destroyed document no word is written again
    checkpoint = journal.write(
        work, Act.INCOMING_TAKEN_BACK, actor.uid, about=document.about, before=document.state, after=after,
        facts={"document": document.document_id, "sender": document.sender_code},
        texts={"note": "đã lấy lại", "reason": reason if kept else "", "actor_name": _name(actor)},
    )  # fmt: skip
    queue_answer(work, document, answer, checkpoint)
    return checkpoint


def decline(
    work: Work, document: Held, amendment_id: int, actor: Actor, answer: Answer | None, reason: str, act: Act
) -> Checkpoint:
    """Says no to a request (16) with a reason; nothing changes but the request."""
    amendments.settle(work, amendment_id, AmendmentState.DECLINED, actor=actor, answer=reason)
    checkpoint = journal.write(
        work, act, actor.uid, about=document.about, before=document.state, after=document.state,
        facts={"document": document.document_id, "sender": document.sender_code},
        texts={"reason": reason, "actor_name": _name(actor)},
    )  # fmt: skip
    queue_answer(work, document, answer, checkpoint)
    return checkpoint


OVERTAKEN = "Đã có bản cập nhật mới hơn."


def is_overtaken(work: Work, document: Held, place: Place) -> bool:
    """True when a newer update of the document was taken over already."""
    return any(theirs > place for _, theirs in _updates(work, document, AmendmentState.AGREED))


def apply_update(
    work: Work, document: Held, amendment_id: int, actor: Actor, answer: Answer | None, place: Place | None = None
) -> Checkpoint | None:
    """Takes an update over and says 15; one that came behind a newer one is dropped, None then.

    `place` is that of an update which is arriving just now. The signed file stays as it is.
    """
    row = work.execute("SELECT changes, message_id, asked_at FROM amendments WHERE id = ?", (amendment_id,)).fetchone()
    place = place or precedence.place_of(_first(work), document.sender_code, *row[1:])
    if is_overtaken(work, document, place):
        amendments.settle(work, amendment_id, AmendmentState.DROPPED, answer=OVERTAKEN)
        return journal.write(
            work, Act.UPDATE_DECLINED, actor.uid, about=document.about, before=document.state, after=document.state,
            facts={"document": document.document_id, "sender": document.sender_code, "applied": 0},
        )  # fmt: skip
    wanted = {name: new for name, (_, new) in amendments.stored_changes(row[0]).items()}
    changes = amendments.differences(lambda *asked: work.execute(*asked).fetchone(), document.id, wanted)
    work.update("amendments", amendment_id, {"changes": amendments.changes_text(changes)})
    amendments.settle(work, amendment_id, AmendmentState.AGREED, actor=actor)
    columns = {amendments.COLUMN_OF_FIELD[name]: _stored(name, new) for name, (_, new) in changes.items()}
    work.update("incoming", document.id, columns, expected={"state": document.state})
    _drop_updates(work, document, before=place)
    finding.put_in_search(work, document.id)
    checkpoint = journal.write(
        work, Act.INCOMING_UPDATED, actor.uid, about=document.about, before=document.state, after=document.state,
        dates={"asked": changes.get("due_date", ("", ""))[1]},
        facts={"document": document.document_id, "sender": document.sender_code, "fields": sorted(changes),
               **({"urgency": int(changes["urgency"][1])} if "urgency" in changes else {})},
        texts={"subject": changes.get("subject", ("", ""))[1], "actor_name": _name(actor)},
    )  # fmt: skip
    queue_answer(work, document, answer, checkpoint)
    return checkpoint


def proposed(edoc: package.Edoc) -> dict[str, tuple[str, str]]:
    """What an update's header says of the fields that it may change; what it leaves out stays."""
    other = edoc.other or package.OtherInfo()
    signer = edoc.signer or package.Signer()
    values = {
        "subject": folding.clean_line(edoc.subject),
        "due_date": edoc.due_date.isoformat() if edoc.due_date else "",
        "urgency": str(min(max(other.priority, 0), int(Urgency.FLASH))) if other.priority is not None else "",
        "signer_position": folding.clean_line(signer.position),
        "page_amount": str(other.page_amount) if other.page_amount and other.page_amount > 0 else "",
    }
    return {name: ("", value) for name, value in values.items() if value}


def keep_packet(work: Work, document: Held, message_id: str, packet: Stored | None = None) -> None:
    """Puts a request's packet beside the document, before the original, so that it goes with it when it is wiped.

    `packet` is that of the message which is arriving just now; of an earlier one the receipt knows it.
    """
    stored = packet or _packet_of(work, document.sender_code, message_id)
    attachments.attach(work, "incoming", document.id, "packet", Kept(stored, f"{message_id}.edxml", EDXML), -1)


def _packet_of(work: Work, sender_code: str, message_id: str) -> Stored:
    found = work.execute(
        "SELECT packet_sha256, bytes FROM receipts_given WHERE message_id = ? AND sender_code = ?",
        (message_id, sender_code),
    ).fetchall()
    for sha256, sealed in found:
        if receipts.parse_unverified(sealed.encode()).verdict is receipts.Verdict.ACCEPTED:
            return Stored(sha256, files.path_of(sha256).stat().st_size)
    raise StoreDamaged(detail=f"no receipt given for {message_id}")


def forget_packet(work: Work, document: Held, sha256: str) -> None:
    """Has a request's packet destroyed that came after its document was: it says the words again."""
    erasure.condemn(work, document.about, [sha256])


def end_parts(work: Work, row_id: int) -> None:
    """Ends what people were still to do about a document that is no longer here."""
    for (assignment_id,) in work.execute(
        "SELECT id FROM assignments WHERE incoming_id = ? AND state IN ('assigned', 'in-progress')", (row_id,)
    ).fetchall():
        work.update("assignments", assignment_id, {"state": "replaced", "completed_at": clock.now_text()})


def drop_open(work: Work, row_id: int) -> None:
    """Lets every unanswered question about a document fall, when the document is gone."""
    for amendment_id, kind in amendments.open_of_incoming(work, row_id):
        if kind is not AmendmentKind.RECALL:
            amendments.settle(work, amendment_id, AmendmentState.DROPPED)


def _drop_updates(work: Work, document: Held, before: Place | None = None) -> None:
    for amendment_id, place in _updates(work, document, AmendmentState.ASKED):
        if before is None or place < before:
            amendments.settle(work, amendment_id, AmendmentState.DROPPED)


def _updates(work: Work, document: Held, state: AmendmentState) -> list[tuple[int, Place]]:
    """The sender's updates of a document that stand so, each with its place."""
    found = work.execute(
        "SELECT id, message_id, asked_at FROM amendments WHERE incoming_id = ? AND kind = 'update' AND side = 'theirs'"
        " AND state = ? ORDER BY id",
        (document.id, state),
    ).fetchall()
    return [(row[0], precedence.place_of(_first(work), document.sender_code, *row[1:])) for row in found]


def _first(work: Work) -> FirstRow:
    return lambda *asked: work.execute(*asked).fetchone()


def _stored(name: str, value: str) -> str | int | None:
    if name in ("urgency", "page_amount"):
        return int(value)
    return value or None if name == "due_date" else value


def _name(actor: Actor) -> str:
    return "" if actor.is_portal else actor.full_name
