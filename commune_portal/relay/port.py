"""What the relay needs of the house it works for: an office's outbox and arrivals, or a node's way upward.

One worker, one code path; a port says what is to be carried and what becomes of what came. Only verbs are called.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Protocol

from commune_portal.documents import arrivals, comparisons, lost, outbox, quarantine, standstill, takebacks, vectors
from commune_portal.errors import PortalError
from commune_portal.people import peers, trail
from commune_portal.people.peers import Contact
from commune_portal.relay import asking, recovery
from commune_portal.relay.client import NodeClient
from commune_portal.settings import Settings
from commune_portal.wire.directory import Directory
from commune_portal.wire.envelope import Envelope
from commune_portal.wire.mailbox import Vector, VectorAnswer
from commune_portal.wire.queued import Item

log = logging.getLogger(__name__)


class Port(Protocol):
    """One side of the relay; every method is one verb or one read."""

    def look_after(self) -> list[PortalError]:
        """Does what is to be done here whenever something changed and needs no link; answers what went wrong."""

    def is_pressing(self, contact: Contact, now: datetime, *, with_journal: bool = True) -> bool:
        """True when something should go up at once; the journal alone does not press where the node refuses it."""

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

    def vouch(self, sealed: bytes) -> None:
        """Raises Unauthenticated for an envelope that nobody we know has signed."""

    def receive(self, sealed: bytes, packet: Path) -> bytes:
        """Takes a message that came from above and answers our signed receipt."""

    def set_aside(self, raw: bytes, reason: str) -> None:
        """Puts aside what can neither be taken nor refused, so that it is asked for no more."""

    def vector(self, mailbox_cursor: int, *, whole: bool) -> Vector:
        """What we have, for the node above to answer what we lack."""

    def answered(self, said: Vector, answer: VectorAnswer) -> None:
        """Takes what the node above told of that."""

    def directory_arrived(self, code: str, directory: Directory, etag: str) -> None:
        """Takes the directory of the node above over."""

    def epoch_taken(self) -> bool:
        """The node has a journal of our epoch already; True when we count on and may ask again."""

    def recover(self, client: NodeClient, folder: Path, interrupt: Callable[[], bool]) -> None:
        """After a restore: asks the node above what was lost, and fetches it into `folder`."""

    def ask(self, client: NodeClient, code: str) -> None:
        """Asks the node above whatever else is due."""

    def announcement(self) -> bytes | None:
        """The signed directory of who is below us, when the node above should hear it; None at an office."""

    def announced(self, told: bytes) -> None:
        """The node above has heard it."""


class OfficePort:
    """An office: its outbox and its arrivals."""

    def look_after(self) -> list[PortalError]:
        """Checks the signatures of what came and was not looked at yet; asks back what was withdrawn too late.

        One that cannot be checked (its file is damaged) stays unchecked, which the clerk sees; the others go on.
        """
        troubles = []
        for row_id in arrivals.unchecked():
            try:
                arrivals.check(row_id)
            except PortalError as error:
                troubles.append(error)
        try:
            takebacks.chase()
        except PortalError as error:  # a full disk: the next change, or the next contact, brings it here again
            troubles.append(error)
        return troubles

    def is_pressing(self, contact: Contact, now: datetime, *, with_journal: bool = True) -> bool:
        """A message waits, the journal has grown, or somebody wants to know what the node holds."""
        if self.waiting(now, 1) or comparisons.is_wanted():
            return True
        return with_journal and trail.journal_size() > contact.journal_sent

    def waiting(self, now: datetime, limit: int) -> list[Item]:
        """The outbox; nothing until a restore is settled."""
        return [] if standstill.is_on() else outbox.waiting(now, limit)

    def anything_more_urgent(self, than: int, now: datetime) -> bool:
        """The outbox; nothing until a restore is settled."""
        return not standstill.is_on() and outbox.anything_more_urgent(than, now)

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

    def vouch(self, sealed: bytes) -> None:
        """The directory of the node."""
        arrivals.opened(sealed)

    def receive(self, sealed: bytes, packet: Path) -> bytes:
        """The register of arrivals."""
        return arrivals.receive(sealed, packet)

    def set_aside(self, raw: bytes, reason: str) -> None:
        """The quarantine."""
        quarantine.set_aside(raw, reason)

    def vector(self, mailbox_cursor: int, *, whole: bool) -> Vector:
        """The outbox and the documents that are open."""
        return vectors.vector(mailbox_cursor, whole=whole)

    def answered(self, said: Vector, answer: VectorAnswer) -> None:
        """The outbox, and statuses that we had lost."""
        vectors.answered(said, answer)

    def directory_arrived(self, code: str, directory: Directory, etag: str) -> None:
        """The list of organisations."""
        peers.directory_arrived(code, directory, etag)

    def epoch_taken(self) -> bool:
        """The same backup was restored twice: the second time counts as one more."""
        return lost.count_on()

    def recover(self, client: NodeClient, folder: Path, interrupt: Callable[[], bool]) -> None:
        """The journal's lost lines and the documents that the node took."""
        recovery.ask(client, folder, interrupt)

    def ask(self, client: NodeClient, code: str) -> None:
        """What the node holds of our messages, and who is who."""
        asking.ask(client, code)

    def announcement(self) -> bytes | None:
        """An office speaks for itself alone."""
        return None

    def announced(self, told: bytes) -> None:
        """Never asked for."""


def port_of(settings: Settings) -> Port:
    """The port of this installation."""
    if settings.role == "office":
        return OfficePort()
    from commune_portal.relay.node_port import NodePort  # an office never reads it

    return NodePort(settings.limits)
