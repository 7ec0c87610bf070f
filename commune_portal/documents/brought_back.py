"""Rows for numbers that were given between the backup and the restore: out of the node's knowledge, or off paper.

Each becomes a real row of the register with the number that it had, so that the book has no gap and the number is never
given again; its note says where it came from. One journal line a document: the auditor's mirror reads books by them.
"""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

from commune_portal import clock
from commune_portal.documents import attachments, books, finding, replies
from commune_portal.documents.attachments import EDXML, PDF, Kept
from commune_portal.documents.lost_documents import LostDocument, Series
from commune_portal.edxml import package, reader
from commune_portal.errors import PortalError
from commune_portal.people.actors import Actor
from commune_portal.rules import content, kinds, numbering
from commune_portal.rules.acts import Act
from commune_portal.rules.kinds import Medium
from commune_portal.rules.statuses import IncomingState, OutgoingState
from commune_portal.store import files, journal, search
from commune_portal.store.files import Stored
from commune_portal.store.register import Work

FROM_JOURNAL = "Khôi phục: theo nhật ký mà nút liên thông lưu"
FROM_PACKET = "Khôi phục: theo gói tin mà nút liên thông giữ"
FROM_PAPER = "Khôi phục: chép từ sổ, bản giấy"
FROM_NOBODY = "Khôi phục: số đã dùng, chưa rõ văn bản"
NOT_KNOWN = "(số đã dùng, chưa rõ văn bản)"
NO_SYMBOL = "chưa rõ"


@dataclass(frozen=True, slots=True, kw_only=True)
class Typed:
    """A line of a paper book as the clerk types it; with nothing but a `reason` the number counts as used."""

    dated: date | None = None
    arrival_date: date | None = None
    type_code: str = ""
    symbol: str = ""
    subject: str = ""
    author: str = ""
    signer: str = ""
    recipients: str = ""
    note: str = ""
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Parts:
    """What a packet that came back is made of, in the store before the transaction."""

    packet: Kept
    main: Kept | None
    annexes: tuple[Kept, ...]


def parts_of(document: LostDocument) -> list[Parts]:
    """The packets of a lost document that are here again, taken apart; slow work, outside every transaction."""
    found = []
    for sha256 in dict.fromkeys(document.packets):
        if not files.has(sha256):
            continue
        folder = files.temporary()
        folder.mkdir()
        try:
            parsed = reader.read(files.path_of(sha256), folder)
            contents = parsed.attachments if isinstance(parsed, package.Edoc) else ()
            kept = [_keep(item.path, item.name) for item in contents if item.path]
        except PortalError:
            continue
        finally:
            shutil.rmtree(folder, ignore_errors=True)
        main = next((item for item in kept if item.media_type == PDF), None)
        name = f"{document.number or ''}-{document.symbol or 'van-ban'}.edxml".replace("/", "-")
        packet = Kept(Stored(sha256, files.path_of(sha256).stat().st_size), name, EDXML)
        found.append(Parts(packet, main, tuple(item for item in kept if item is not main)))
    return found


def _keep(path: Path, name: str) -> Kept:
    with path.open("rb") as file:
        head = file.read(content.HEAD_BYTES)
    safe = content.safe_name(name)
    return Kept(files.keep_path(path), safe, content.media_type_of(safe, head))


def outgoing(work: Work, actor: Actor, item: LostDocument, parts: list[Parts], name: str) -> None:
    """Writes a lost outgoing document into the register, with its files, addressees and the statuses that wait."""
    found = _row(work, "outgoing", item)
    now = clock.now_text()
    values: dict[str, Any] = {}
    if found is None or (found["number"] is None and item.number is not None):
        values = _numbered(work, actor, item, name, _medium(item, parts))
    sent = [sending for sending in item.sendings if sending.taken_at]
    if sent and not (found and found["dispatched_at"]):
        values["dispatched_at"] = min(sending.taken_at for sending in sent)
    before = found["state"] if found else ""
    state = _state(item, before, has_file=bool(parts))
    values["state"] = state
    if state is OutgoingState.ISSUED and not (found and found["sealed_at"]):
        values["sealed_at"] = _noon(item.dated) or now
    if state is OutgoingState.VOIDED and before != state:
        values.update(voided_at=now, void_reason=item.void_reason)
    note = FROM_PACKET if item.source == "packet" else FROM_JOURNAL
    if "number" in values or found is None:
        values["note"] = _joined(item.note or (found["note"] if found else ""), note)
    if found is None:
        row = work.insert("outgoing", {**_blank(actor, item), **values}, uid=_uid(item))
    else:
        row = work.update("outgoing", found["id"], values)
    _attach(work, row.id, parts)
    _recipients(work, row.id, item)
    for sending in sent:
        work.execute(
            "UPDATE outbox SET about = ? WHERE message_id = ? AND about = ''",
            (f"outgoing:{row.uid}", sending.message_id),
        )
    if item.document_id:
        replies.match_kept(work, row.id, item.document_id)
    _put_outgoing_in_search(work, row.id)
    _journal(work, actor, f"outgoing:{row.uid}", item, before, state, values, parts)


def _state(item: LostDocument, before: str, *, has_file: bool) -> OutgoingState:
    if item.is_recalled:
        return OutgoingState.RECALLED
    if item.void_reason:
        return OutgoingState.VOIDED
    if item.is_sealed or has_file:
        return OutgoingState.ISSUED
    known = OutgoingState(before) if before else None
    numbered = (OutgoingState.NUMBERED, OutgoingState.ISSUED, OutgoingState.VOIDED, OutgoingState.RECALLED)
    return known if known in (*numbered, OutgoingState.REPLACED) else OutgoingState.NUMBERED


def _medium(item: LostDocument, parts: list[Parts]) -> str:
    """Without its bytes and without anybody who has them, only the signed paper is left of a document."""
    has_bytes = bool(parts) or any(sending.taken_at for sending in item.sendings)
    if item.medium == Medium.PAPER or (item.is_sealed and not has_bytes and not item.is_recalled):
        return Medium.PAPER.value
    return Medium.ELECTRONIC.value


def _numbered(work: Work, actor: Actor, item: LostDocument, name: str, medium: str) -> dict[str, Any]:
    assert item.series is not None
    assert item.number is not None
    assert item.series.issuer_id is not None
    book_id = books.account_for(
        work, direction="outgoing", issuer_id=item.series.issuer_id, key=item.series.key, name=name,
        year=item.series.year, number=item.number, on=item.dated,
    )  # fmt: skip
    code = work.execute("SELECT code FROM issuers WHERE id = ?", (item.series.issuer_id,)).fetchone()[0]
    document_id = item.document_id or books.mint_document_id(work, item.series.issuer_id, code, item.series.year)
    minted = numbering.parse_document_id(document_id)
    if minted is not None and minted.organ_code == code:
        books.move_serials(work, item.series.issuer_id, minted.year, minted.serial)
    return {
        "book_id": book_id, "year": item.series.year, "number": item.number, "symbol": item.symbol or NO_SYMBOL,
        "document_id": document_id, "promulgation_date": item.dated.isoformat() if item.dated else None,
        "numbered_at": clock.now_text(), "numbered_by": actor.id, "medium": medium,
    }  # fmt: skip


def _blank(actor: Actor, item: LostDocument) -> dict[str, Any]:
    kind = kinds.type_by_name(item.type_name, item.dated or clock.today())
    assert item.series is not None
    return {
        "issuer_id": item.series.issuer_id, "medium": item.medium, "type_code": kind.code if kind else "CV",
        "type_name": item.type_name, "subject": item.words if item.is_recalled else item.subject or NOT_KNOWN,
        "drafter_id": actor.id, "drafted_at": clock.now_text(), "signer_name": item.signer, "urgency": item.urgency,
        "recipients_text": item.recipients,
    }  # fmt: skip


def _attach(work: Work, row_id: int, parts: list[Parts]) -> None:
    for position, part in enumerate(parts):
        attachments.attach(work, "outgoing", row_id, "packet", part.packet)
        if position or part.main is None:
            continue
        attachments.supersede(work, "outgoing", row_id, "sealed", "annex")
        attachments.attach(work, "outgoing", row_id, "sealed", part.main)
        for ordinal, annex in enumerate(part.annexes, start=1):
            attachments.attach(work, "outgoing", row_id, "annex", annex, ordinal)


def _recipients(work: Work, row_id: int, item: LostDocument) -> None:
    names = dict(work.execute("SELECT code, name FROM organisations").fetchall())
    for sending in item.sendings:
        has_it = work.execute(
            "SELECT 1 FROM recipients WHERE message_id = ? OR (outgoing_id = ? AND organ_code = ?"
            " AND refused_at IS NULL AND status NOT IN ('02', '15'))",
            (sending.message_id, row_id, sending.organ_code),
        ).fetchone()
        if has_it or not sending.taken_at:
            continue
        work.insert(
            "recipients",
            {"outgoing_id": row_id, "organ_code": sending.organ_code,
             "organ_name": names.get(sending.organ_code, sending.organ_code), "message_id": sending.message_id,
             "queued_at": sending.taken_at, "delivered_at": sending.taken_at, "business_type": 0},
        )  # fmt: skip


def incoming(work: Work, actor: Actor, item: LostDocument, name: str) -> None:
    """Gives a document that came before its number back; what has not come again is written from the lost line."""
    found = _row(work, "incoming", item)
    before = found["state"] if found else ""
    now = clock.now_text()
    if item.is_refused and item.number is None:
        if found is None or before != IncomingState.ARRIVED:
            return
        values: dict[str, Any] = {
            "state": IncomingState.REFUSED, "refused_at": now, "refused_by": actor.id, "refusal_reason": item.refusal,
        }  # fmt: skip
    else:
        assert item.series is not None
        assert item.number is not None
        if found is not None and found["number"] is not None:
            return
        book_id = books.account_for(
            work, direction="incoming", issuer_id=None, key=item.series.key, name=name, year=item.series.year,
            number=item.number, on=item.arrival_date,
        )  # fmt: skip
        values = {
            "state": IncomingState.COMPLETED if item.is_completed else IncomingState.REGISTERED,
            "book_id": book_id, "year": item.series.year, "number": item.number, "registered_at": now,
            "registered_by": actor.id, "requires_handling": int(item.requires_handling),
            "arrival_date": item.arrival_date.isoformat() if item.arrival_date else None,
            "completed_at": now if item.is_completed else None,
            "note": _joined(item.note or (found["note"] if found else ""), FROM_JOURNAL),
        }  # fmt: skip
    if found is None:
        row = work.insert("incoming", {**_arrived(item), **values}, uid=_uid(item))
    else:
        row = work.update("incoming", found["id"], values)
    finding.put_in_search(work, row.id)
    _journal(work, actor, f"incoming:{row.uid}", item, before, values["state"], values, [])


def _arrived(item: LostDocument) -> dict[str, Any]:
    number, _, notation = item.symbol.partition("/")
    return {
        "origin": "paper", "document_id": item.document_id, "sender_code": item.sender, "sender_name": item.author,
        "code_number": number, "code_notation": notation,
        "promulgation_date": item.dated.isoformat() if item.dated else None, "type_name": item.type_name,
        "subject": item.subject or NOT_KNOWN, "signer_name": item.signer, "urgency": item.urgency,
        "arrived_at": _noon(item.arrival_date) or clock.now_text(), "recipient_name": item.recipients,
    }  # fmt: skip


def typed(work: Work, actor: Actor, series: Series, number: int, said: Typed, name: str) -> None:
    """Writes a number off paper: with what the clerk typed, or as used with a reason."""
    is_known = bool(said.subject)
    note = _joined(said.note, FROM_PAPER if is_known else f"{FROM_NOBODY}: {said.reason}")
    item = LostDocument(
        series.direction, "", "journal", series, number, dated=said.dated, arrival_date=said.arrival_date,
        medium=Medium.PAPER.value, symbol=said.symbol, subject=said.subject or NOT_KNOWN, author=said.author,
        signer=said.signer, recipients=said.recipients, is_sealed=True, requires_handling=is_known, note=note,
    )  # fmt: skip
    now = clock.now_text()
    if series.direction == "outgoing":
        kind = kinds.document_type(said.type_code or "CV", said.dated or clock.today())
        values = _numbered(work, actor, item, name, Medium.PAPER.value)
        values |= {"state": OutgoingState.ISSUED, "sealed_at": _noon(said.dated) or now, "note": note}
        blank = {**_blank(actor, item), "type_code": kind.code, "type_name": kind.name if is_known else ""}
        row = work.insert("outgoing", {**blank, **values})
        _put_outgoing_in_search(work, row.id)
    else:
        book_id = books.account_for(
            work, direction="incoming", issuer_id=None, key=series.key, name=name, year=series.year, number=number,
            on=said.arrival_date,
        )  # fmt: skip
        values = {
            "state": IncomingState.REGISTERED if is_known else IncomingState.COMPLETED, "book_id": book_id,
            "year": series.year, "number": number, "registered_at": now, "registered_by": actor.id,
            "arrival_date": said.arrival_date.isoformat() if said.arrival_date else None,
            "completed_at": None if is_known else now, "requires_handling": int(is_known), "note": note,
        }  # fmt: skip
        sender = said.author or ("" if is_known else NO_SYMBOL)
        row = work.insert("incoming", {**_arrived(item), "sender_name": sender, **values})
        finding.put_in_search(work, row.id)
    source = "paper" if is_known else "unknown"
    _journal(work, actor, f"{series.direction}:{row.uid}", item, "", values["state"], values, [], source)


def _journal(
    work: Work, actor: Actor, about: str, item: LostDocument, before: str, state: str, values: dict[str, Any],
    parts: list[Parts], source: str = "",
) -> None:  # fmt: skip
    series = item.series
    issuer = ""
    if series is not None and series.issuer_id:
        issuer = work.execute("SELECT code FROM issuers WHERE id = ?", (series.issuer_id,)).fetchone()[0]
    sent = [sending for sending in item.sendings if sending.taken_at]
    packets = [part.packet.stored.sha256 for part in parts] or [name for name in item.packets[:1] if sent]
    journal.write(
        work, Act.NUMBERS_RECONCILED, actor.uid, about=about, before=before, after=state, issuer=issuer,
        book=series.key if series else "", year=values.get("year"), number=values.get("number"), files=packets,
        dates={
            "promulgated": item.dated.isoformat() if item.dated else None,
            "arrived": item.arrival_date.isoformat() if item.arrival_date else None,
            "dispatched": values.get("dispatched_at"),
        },
        facts={
            "from": source or ("packet" if item.source == "packet" else "node"),
            "document": str(values.get("document_id") or item.document_id),
            "medium": str(values.get("medium") or item.medium),
            "urgency": item.urgency, "message": item.message_id, "messages": [sending.message_id for sending in sent],
            "recipients": [sending.organ_code for sending in sent],
        },
        texts={
            "symbol": item.symbol, "type_name": item.type_name, "subject": item.subject, "author": item.author,
            "signer": item.signer, "recipients": item.recipients, "note": str(values.get("note") or ""),
            "reason": item.void_reason or item.refusal, "actor_name": actor.full_name,
        },
    )  # fmt: skip


def _row(work: Work, table: str, item: LostDocument) -> dict[str, Any] | None:
    """The document's row in the restored register: by what the lost journal called it, by its id or its message."""
    extra = "sealed_at, dispatched_at" if table == "outgoing" else "message_id, document_id"
    key = "document_id" if table == "outgoing" else "message_id"
    wanted = item.document_id if table == "outgoing" else item.message_id
    found = work.execute(
        f"SELECT id, uid, state, number, note, {extra} FROM {table} WHERE uid = ? OR ({key} = ? AND ? <> '')"
        " ORDER BY uid = ? DESC LIMIT 1",
        (item.uid, wanted, wanted, item.uid),
    )
    names = [column[0] for column in found.description]
    row = found.fetchone()
    return dict(zip(names, row, strict=True)) if row else None


def _uid(item: LostDocument) -> str | None:
    """What the lost journal called it, so that both journals speak of one thing; a packet has no such name."""
    return item.uid if item.source == "journal" and len(item.uid) == 32 else None


def _noon(day: date | None) -> str | None:
    return f"{day.isoformat()}T05:00:00Z" if day else None


def _joined(*notes: str) -> str:
    return "\n".join(note for note in notes if note)


def _put_outgoing_in_search(work: Work, row_id: int) -> None:
    row = work.execute(
        "SELECT number, symbol, type_name, subject, signer_name, recipients_text, note FROM outgoing WHERE id = ?",
        (row_id,),
    ).fetchone()
    printed = numbering.number_and_symbol(row[0], row[1]) if row[0] else row[1]
    search.put(work, "outgoing", row_id, [printed, *row[1:]])
