"""Lost journal lines and lost packets read as documents: what had a number, what was sent, what was refused or voided.

A line that tells of a document is folded into it, in order; a packet whose lines never reached the node is read itself.
Values were written by this office, yet are read with care: what does not fit is left out.
"""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from functools import lru_cache
from typing import Any, Literal

from commune_portal import clock
from commune_portal.documents import lost
from commune_portal.edxml import package, reader
from commune_portal.errors import PortalError
from commune_portal.people import issuers, office_rules
from commune_portal.rules import kinds, numbering
from commune_portal.rules.acts import Act
from commune_portal.rules.statuses import BusinessType
from commune_portal.store import database, files
from commune_portal.store.journal import SYSTEM

_OF_THE_ARRIVAL = (Act.INCOMING_ARRIVED, Act.INCOMING_REGISTERED, Act.INCOMING_REFUSED, Act.NUMBERS_RECONCILED)

Source = Literal["journal", "packet"]
Direction = Literal["incoming", "outgoing"]


@dataclass(frozen=True, slots=True)
class Series:
    """A book as everybody can name it, whether or not the restored register has it: its series and its year."""

    direction: Direction
    issuer_id: int | None
    key: str
    year: int

    @property
    def ref(self) -> str:
        """The series as one word, for forms and for what is kept of the clerk's answers."""
        return f"{self.direction}|{self.issuer_id or 0}|{self.key}|{self.year}"


@dataclass(frozen=True, slots=True)
class Sending:
    """A message of a lost document: to whom it went, and when the node took it (empty where it never did)."""

    message_id: str
    organ_code: str
    taken_at: str = ""


@dataclass(frozen=True, slots=True)
class LostDocument:
    """A document that got a number, or more than it had, after the backup. `uid` is what the lost journal called it."""

    direction: Direction
    uid: str
    source: Source
    series: Series | None = None
    number: int | None = None
    document_id: str = ""
    dated: date | None = None
    arrival_date: date | None = None
    medium: str = "electronic"
    urgency: int = 0
    is_sealed: bool = False
    is_recalled: bool = False
    void_reason: str = ""
    refusal: str = ""
    is_refused: bool = False
    is_completed: bool = False
    symbol: str = ""
    type_name: str = ""
    subject: str = ""
    author: str = ""
    signer: str = ""
    recipients: str = ""
    note: str = ""
    sender: str = ""
    message_id: str = ""
    requires_handling: bool = True
    packets: tuple[str, ...] = ()
    sendings: tuple[Sending, ...] = ()
    by: str = ""
    acts: tuple[str, ...] = field(default=())

    @property
    def about(self) -> str:
        """What journal lines call it."""
        return f"{self.direction}:{self.uid}"

    @property
    def says_something(self) -> bool:
        """Whether it got a number, was sent or came to an end; else it was a draft, or only its answers were sent."""
        ended = self.void_reason or self.is_recalled or (self.is_refused and self.direction == "incoming")
        return self.number is not None or bool(self.sendings) or bool(ended)

    @property
    def words(self) -> str:
        """Type and subject, or that a recall has destroyed them."""
        if self.is_recalled and not self.subject:
            return "(đã thu hồi)"
        return ": ".join(part for part in (self.type_name, self.subject) if part)


def read() -> list[LostDocument]:
    """Everything that the node's answer tells of documents, by book and number."""
    found = _of_lines()
    by_id = {item.document_id: uid for uid, item in found.items() if item.document_id}
    said = {sending.message_id for item in found.values() for sending in item.sendings}
    taken = dict(database.rows("SELECT message_id, taken_at FROM lost_messages"))
    for message_id, recipient, sha256, at in database.rows(
        "SELECT message_id, recipient_code, packet_sha256, taken_at FROM lost_messages WHERE packet = 'here'"
        " ORDER BY sequence"
    ):
        if message_id in said:
            continue
        edoc = _packet(sha256)
        if edoc is None or (edoc.business and edoc.business.type is not BusinessType.NEW):
            continue
        uid = by_id.get(edoc.document_id) or _known(edoc.document_id) or f"packet-{sha256[:24]}"
        before = found.get(uid) or _of_packet(uid, edoc)
        sending = Sending(message_id, recipient, at)
        packets = before.packets if sha256 in before.packets else (*before.packets, sha256)
        found[uid] = replace(before, packets=packets, sendings=(*before.sendings, sending), is_sealed=True)
        by_id[edoc.document_id] = uid
    documents = [
        replace(
            item,
            sendings=tuple(
                replace(one, taken_at=one.taken_at or taken.get(one.message_id, "")) for one in item.sendings
            ),
        )
        for item in found.values()
        if item.says_something
    ]
    return sorted(
        documents, key=lambda item: (item.direction, item.series.ref if item.series else "", item.number or 0)
    )


def highest_serials() -> dict[tuple[str, int], int]:
    """The highest serial of a document id that was seen, by the issuer's code and the year."""
    found: dict[tuple[str, int], int] = {}
    for item in read():
        minted = numbering.parse_document_id(item.document_id)
        if minted is not None and item.direction == "outgoing":
            place = (minted.organ_code, minted.year)
            found[place] = max(found.get(place, 0), minted.serial)
    return found


def acts_by_label() -> list[tuple[str, int]]:
    """How many lines of each act were lost, the most first; what the portal does by itself is left out."""
    counted: dict[str, int] = {}
    for _, _, fields, _ in lost.lines():
        act = fields.get("act")
        if fields.get("actor") != SYSTEM and act in set(Act):
            label = Act(act).label
            counted[label] = counted.get(label, 0) + 1
    return sorted(counted.items(), key=lambda item: -item[1])


def _of_lines() -> dict[str, LostDocument]:
    found: dict[str, LostDocument] = {}
    for _, _, fields, texts in lost.lines():
        direction, _, uid = str(fields.get("object", "")).partition(":")
        if direction not in ("incoming", "outgoing") or not uid:
            continue
        before = found.get(uid) or LostDocument(direction, uid, "journal")  # type: ignore[arg-type]  # checked above
        found[uid] = _folded(before, fields, texts)
    return found


def _folded(item: LostDocument, fields: Mapping[str, Any], texts: Mapping[str, str]) -> LostDocument:
    facts, dates = _mapping(fields.get("facts")), _mapping(fields.get("dates"))
    act = fields.get("act")
    changes: dict[str, Any] = {"acts": (*item.acts, str(act))}
    series = _series(item.direction, fields)
    if series is not None and isinstance(fields.get("number"), int):
        changes.update(series=series, number=fields["number"])
    for name, column in (("promulgated", "dated"), ("arrived", "arrival_date")):
        day = _day(dates.get(name))
        if day is not None:
            changes[column] = day
    for name, column in (("medium", "medium"), ("sender", "sender"), ("document", "document_id")):
        if isinstance(facts.get(name), str) and facts[name]:
            changes[column] = facts[name]
    if act in _OF_THE_ARRIVAL and isinstance(facts.get("message"), str):  # others name messages of our answers
        changes["message_id"] = facts["message"]
    if isinstance(facts.get("urgency"), int):
        changes["urgency"] = facts["urgency"]
    if "requires_handling" in facts:
        changes["requires_handling"] = bool(facts["requires_handling"])
    for name in ("symbol", "type_name", "subject", "author", "signer", "recipients", "note"):
        if texts.get(name) and not (name == "recipients" and act == Act.OUTGOING_DISPATCHED):
            changes[name] = texts[name]
    if act in (Act.OUTGOING_NUMBERED, Act.INCOMING_REGISTERED) and texts.get("actor_name"):
        changes["by"] = texts["actor_name"]
    changes.update(_outcome(item, act, fields, facts, texts))
    return replace(item, **changes)


def _outcome(
    item: LostDocument, act: object, fields: Mapping[str, Any], facts: Mapping[str, Any], texts: Mapping[str, str]
) -> dict[str, Any]:
    """What an act made of the document."""
    if act == Act.OUTGOING_SEALED:
        return {"is_sealed": True}
    if act == Act.NUMBER_VOIDED:
        return {"void_reason": texts.get("reason", "") or "(không còn lý do)"}
    if act == Act.OUTGOING_RECALLED:
        return {"is_recalled": True}
    if act == Act.INCOMING_REFUSED:
        return {"is_refused": True, "refusal": texts.get("reason", "")}
    if act == Act.INCOMING_COMPLETED:
        return {"is_completed": True}
    if act not in (Act.OUTGOING_DISPATCHED, Act.NUMBERS_RECONCILED):
        return {}
    messages, codes = facts.get("messages"), facts.get("recipients")
    if not isinstance(messages, list) or not isinstance(codes, list) or len(messages) != len(codes):
        return {}
    packets = tuple(name for name in fields.get("files", []) if isinstance(name, str))
    sendings = tuple(Sending(str(message), str(code)) for message, code in zip(messages, codes, strict=True))
    return {"sendings": (*item.sendings, *sendings), "packets": (*item.packets, *packets), "is_sealed": True}


def _series(direction: Direction, fields: Mapping[str, Any]) -> Series | None:
    key, year = fields.get("book"), fields.get("year")
    if not isinstance(key, str) or not key or not isinstance(year, int):
        return None
    if direction == "incoming":
        return Series(direction, None, key, year)
    row = database.row(
        "SELECT id FROM issuers WHERE code = ? ORDER BY valid_from DESC LIMIT 1", (fields.get("issuer"),)
    )
    return Series(direction, row[0], key, year) if row else None


def _of_packet(uid: str, edoc: package.Edoc) -> LostDocument:
    on = edoc.promulgation_date or clock.today()
    issuer = issuers.issuer_by_code(edoc.sender.organ_id, on)
    kind = kinds.type_by_name(edoc.document_type.name, on)
    series, number = None, None
    if issuer is not None and kind is not None and edoc.code.number.isdigit():
        minted = numbering.parse_document_id(edoc.document_id)
        key = numbering.book_key(office_rules.numbering_rules(on, issuer.id), kind)
        series, number = Series("outgoing", issuer.id, key, minted.year if minted else on.year), int(edoc.code.number)
    signer = edoc.signer or package.Signer()
    return LostDocument(
        "outgoing", uid, "packet", series, number, edoc.document_id, edoc.promulgation_date,
        urgency=min(edoc.other.priority or 0, 3) if edoc.other else 0, is_sealed=True, symbol=edoc.code.notation,
        type_name=edoc.document_type.name, subject=edoc.subject, author=edoc.sender.name, signer=signer.full_name,
        recipients="\n".join(edoc.to_places),
    )  # fmt: skip


def _known(document_id: str) -> str:
    """The uid of a document of the register by its document id."""
    row = database.row("SELECT uid FROM outgoing WHERE document_id = ?", (document_id,))
    return str(row[0]) if row else ""


@lru_cache(maxsize=512)
def _packet(sha256: str) -> package.Edoc | None:
    """What a packet of ours says, without its files; None for what cannot be read."""
    if not files.has(sha256):
        return None
    folder = files.temporary()
    folder.mkdir()
    try:
        parsed = reader.read(files.path_of(sha256), folder)
    except PortalError:
        return None
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    return replace(parsed, attachments=()) if isinstance(parsed, package.Edoc) else None


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _day(text: object) -> date | None:
    try:
        return date.fromisoformat(text) if isinstance(text, str) else None
    except ValueError:
        return None
