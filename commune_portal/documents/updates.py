"""Cập nhật: data of a document's envelope is put right at the receiver; the signed file is never touched.

Source: QCVN 102:2016 (BussinessDocType 2).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from commune_portal.documents.outgoing import Outgoing
from commune_portal.people.actors import Actor
from commune_portal.rules.kinds import Urgency


@dataclass(frozen=True, slots=True)
class Metadata:
    """What an update may change, as it shall be."""

    subject: str
    due_date: date | None
    urgency: Urgency
    signer_position: str
    page_amount: int


def metadata_of(document: Outgoing) -> Metadata:
    """What stands now: for the form."""
    return Metadata(
        document.subject, document.due_date, document.urgency, document.signer_position, document.page_amount
    )


def update(actor: Actor, outgoing_id: int, wanted: Metadata, reason: str) -> None:
    """Changes the data of an issued document here and asks its receivers to do the same."""
    raise NotImplementedError


def agree(actor: Actor, amendment_id: int) -> None:
    """The clerk takes the sender's update over (15)."""
    raise NotImplementedError


def decline(actor: Actor, amendment_id: int, reason: str) -> None:
    """The clerk leaves the register as it is (16), with a reason."""
    raise NotImplementedError
