"""A recall and a replacement go out alike: one issued document of ours carries the question about another.

Works on what the verb has checked and decided; the packets are written before the transaction. Source: NĐ 30/2020,
Điều 18.3, 18.4; QĐ 28/2018, Điều 8.2.
"""

from __future__ import annotations

from collections.abc import Sequence

from commune_portal import clock
from commune_portal.documents import alongside, amendments, dispatch, outbox
from commune_portal.documents.dispatch import Errand, Posting, Recipient
from commune_portal.documents.outgoing import Outgoing
from commune_portal.people.actors import Actor
from commune_portal.rules.acts import Act
from commune_portal.rules.amendments import AmendmentKind, AmendmentState, Side
from commune_portal.rules.statuses import OutgoingState
from commune_portal.store import database, journal
from commune_portal.store.register import Work


def postings_for(targets: Sequence[Recipient]) -> list[Posting]:
    """A message to each addressee that has the document, naming the message that brought it there."""
    return [Posting(item.organ_code, item.organ_name, outbox.new_message_id(), item.message_id) for item in targets]


def carry(
    actor: Actor,
    kind: AmendmentKind,
    concerned: Outgoing,
    carrier: Outgoing,
    targets: Sequence[Recipient],
    postings: Sequence[Posting],
    errand: Errand,
    *,
    state: OutgoingState,
    act: Act,
    note: str,
    said_as: str,
) -> None:
    """Moves the concerned document to its state, notes a question for each target, and sends the carrier to them.

    `note` is what the book says of it; `said_as` is the fact under which the carrier's line names the other document.
    """
    paper = alongside.asks(carrier.type_code)
    groups = alongside.split(postings, lambda posting: paper(posting.organ_code))
    written = [dispatch.write_packet(actor, carrier, group, errand, everybody=postings) for group in groups]
    names = "; ".join(posting.organ_name for posting in postings)
    with database.transaction() as work:
        work.update("outgoing", concerned.id, {"state": state}, expected={"state": concerned.state})
        for group, packet in zip(groups, written, strict=True):
            dispatch.enter(work, carrier, group, packet, errand.type)
        _ask(work, actor, kind, concerned, carrier, errand.reason, list(zip(targets, postings, strict=True)))
        journal.write(
            work, act, actor.uid, about=concerned.about, before=concerned.state, after=state,
            facts={"document": concerned.document_id, "notice": carrier.document_id,
                   "recipients": [posting.organ_code for posting in postings]},
            texts={"note": note, "reason": errand.reason, "recipients": names, "actor_name": actor.full_name},
        )  # fmt: skip
        checkpoint = journal.write(
            work, Act.OUTGOING_DISPATCHED, actor.uid, about=carrier.about, before=carrier.state, after=carrier.state,
            dates={"dispatched": clock.today().isoformat()}, files=[packet.stored.sha256 for packet in written],
            facts={"document": carrier.document_id, "urgency": int(carrier.urgency), "business": int(errand.type),
                   said_as: concerned.document_id, **dispatch.said_of(postings)},
            texts={"recipients": names, "actor_name": actor.full_name},
        )  # fmt: skip
        for group, packet in zip(groups, written, strict=True):
            dispatch.launch(work, carrier, group, packet, checkpoint)


def _ask(
    work: Work,
    actor: Actor,
    kind: AmendmentKind,
    concerned: Outgoing,
    carrier: Outgoing,
    reason: str,
    asked: Sequence[tuple[Recipient, Posting]],
) -> None:
    """One question a target; with nobody to ask the matter is settled at once."""
    for target, posting in asked:
        amendments.add(
            work, Side.OURS, kind, concerned.document_id, message_id=posting.message_id,
            organ_code=target.organ_code, organ_name=target.organ_name, outgoing_id=concerned.id,
            recipient_id=target.id, notice_outgoing_id=carrier.id, reason=reason, asked_by=actor.id,
        )  # fmt: skip
    if not asked:
        amendments.add(
            work, Side.OURS, kind, concerned.document_id, state=AmendmentState.AGREED, outgoing_id=concerned.id,
            notice_outgoing_id=carrier.id, reason=reason, asked_by=actor.id, answered_at=clock.now_text(),
        )  # fmt: skip
