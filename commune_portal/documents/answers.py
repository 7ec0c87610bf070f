"""Status messages of our own: written before the transaction, queued in it. Source: QĐ 28/2018, Điều 5.4, 6.3."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from commune_portal import clock
from commune_portal.documents import outbox
from commune_portal.edxml import package
from commune_portal.edxml.status import write_status
from commune_portal.people.actors import Actor
from commune_portal.rules.chain import Checkpoint
from commune_portal.rules.statuses import StatusCode
from commune_portal.store import files, installation
from commune_portal.store.files import Stored
from commune_portal.store.register import Work
from commune_portal.wire.envelope import Kind


@dataclass(frozen=True, slots=True)
class Concerned:
    """The document that a status speaks of, as its sender knows it; `code` is printed, `urgency` the edXML one."""

    sender_code: str
    document_id: str
    code: str
    promulgation_date: str | None
    message_id: str
    urgency: int
    about: str


@dataclass(frozen=True, slots=True)
class Answer:
    """A status message in the store, ready to be queued; None in its place where nobody waits for one."""

    concerned: Concerned
    code: StatusCode
    packet: Stored
    message_id: str


def prepare(actor: Actor, concerned: Concerned | None, code: StatusCode, reason: str = "") -> Answer | None:
    """Writes the status to the store, outside any transaction; None for what did not come by the exchange."""
    if concerned is None:
        return None
    mine = installation.own()
    day = date.fromisoformat(concerned.promulgation_date) if concerned.promulgation_date else None
    status = package.Status(
        sender=package.Organ(mine.code, mine.name),
        response_for=package.ResponseFor(concerned.sender_code, concerned.code, concerned.document_id, day),
        status_code=code,
        description=reason or code.label,
        timestamp=clock.now(),
        staff=None if actor.is_portal else package.Staff(department=actor.unit, staff=actor.full_name),
    )
    return Answer(concerned, code, files.keep(write_status(status)), outbox.new_message_id())


def queue(work: Work, answer: Answer | None, checkpoint: Checkpoint) -> None:
    """Queues a prepared status in the act's transaction."""
    if answer is None:
        return
    outbox.queue(
        work,
        message_id=answer.message_id,
        kind=Kind.STATUS,
        recipient_code=answer.concerned.sender_code,
        urgency=answer.concerned.urgency,
        packet=answer.packet,
        checkpoint=checkpoint,
        about=answer.concerned.about,
        in_reply_to=answer.concerned.message_id,
    )
