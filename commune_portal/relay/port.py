"""What the relay needs of the house it works for: an office's outbox and arrivals, or a node's way upward.

One worker, one code path; a port says what is to be carried and what becomes of what came. Only verbs are called.
"""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Protocol

from commune_portal.documents import arrivals, outbox
from commune_portal.errors import PortalError
from commune_portal.people import peers, trail
from commune_portal.people.peers import Contact
from commune_portal.settings import Settings
from commune_portal.wire.directory import Directory
from commune_portal.wire.envelope import Envelope
from commune_portal.wire.queued import Item


class Port(Protocol):
    """One side of the relay; every method is one verb or one read."""

    def look_after(self) -> list[PortalError]:
        """Does what is to be done here whenever something changed and needs no link; answers what went wrong."""

    def is_pressing(self, contact: Contact, now: datetime) -> bool:
        """True when something should go up at once."""

    def waiting(self, now: datetime, limit: int) -> list[Item]:
        """What may be tried now, in the order in which it goes."""

    def anything_more_urgent(self, than: int, now: datetime) -> bool:
        """True when something more urgent waits."""

    def delivered(self, item: Item, receipt_bytes: bytes) -> None:
        """Keeps the receipt of the node above and closes the item."""

    def attempt_failed(self, message_id: str, reason: str, next_attempt_at: datetime) -> None:
        """Notes a transient failure."""

    def receiver_took(self, receipt_bytes: bytes) -> None:
        """Keeps a receipt that came home; raises Malformed for one that is for nothing of ours."""

    def earlier_receipt(self, envelope: Envelope) -> bytes | None:
        """The receipt that this message got before."""

    def receive(self, sealed: bytes, packet: Path) -> bytes:
        """Takes a message that came from above and answers our signed receipt."""

    def directory_arrived(self, code: str, directory: Directory, etag: str) -> None:
        """Takes the directory of the node above over."""

    def announcement(self) -> bytes | None:
        """The signed directory of who is below us, for the node above; None at an office."""


class OfficePort:
    """An office: its outbox and its arrivals."""

    def look_after(self) -> list[PortalError]:
        """Checks the signatures of what came and was not looked at yet.

        One that cannot be checked (its file is damaged) stays unchecked, which the clerk sees; the others go on.
        """
        troubles = []
        for row_id in arrivals.unchecked():
            try:
                arrivals.check(row_id)
            except PortalError as error:
                troubles.append(error)
        return troubles

    def is_pressing(self, contact: Contact, now: datetime) -> bool:
        """A message waits, or the journal has grown."""
        return bool(outbox.waiting(now, 1)) or trail.journal_size() > contact.journal_sent

    def waiting(self, now: datetime, limit: int) -> list[Item]:
        """The outbox."""
        return outbox.waiting(now, limit)

    def anything_more_urgent(self, than: int, now: datetime) -> bool:
        """The outbox."""
        return outbox.anything_more_urgent(than, now)

    def delivered(self, item: Item, receipt_bytes: bytes) -> None:
        """The outbox."""
        outbox.delivered(item.message_id, receipt_bytes)

    def attempt_failed(self, message_id: str, reason: str, next_attempt_at: datetime) -> None:
        """The outbox."""
        outbox.attempt_failed(message_id, reason, next_attempt_at)

    def receiver_took(self, receipt_bytes: bytes) -> None:
        """The outbox."""
        outbox.receiver_took(receipt_bytes)

    def earlier_receipt(self, envelope: Envelope) -> bytes | None:
        """The receipts given."""
        return arrivals.earlier_receipt(envelope)

    def receive(self, sealed: bytes, packet: Path) -> bytes:
        """The register of arrivals."""
        return arrivals.receive(sealed, packet)

    def directory_arrived(self, code: str, directory: Directory, etag: str) -> None:
        """The list of organisations."""
        peers.directory_arrived(code, directory, etag)

    def announcement(self) -> bytes | None:
        """An office speaks for itself alone."""
        return None


def port_of(settings: Settings) -> Port:
    """The port of this installation."""
    assert settings.role == "office"
    return OfficePort()
