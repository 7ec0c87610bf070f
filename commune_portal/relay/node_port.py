"""What the relay of a node needs: its way to the node above it."""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

from commune_portal import clock
from commune_portal.errors import PortalError
from commune_portal.node import announcements, upward
from commune_portal.people.peers import Contact
from commune_portal.relay.client import NodeClient
from commune_portal.settings import Limits
from commune_portal.store import journal
from commune_portal.wire.directory import Directory
from commune_portal.wire.envelope import Envelope
from commune_portal.wire.mailbox import Vector, VectorAnswer
from commune_portal.wire.queued import Item

log = logging.getLogger(__name__)

TOLD_AGAIN_SECONDS = 3600.0


class NodePort:
    """A node below another: what its members send further, and what comes down for them."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._told = b""
        self._tag = self._told_tag = ""
        self._told_at = 0.0

    def look_after(self) -> list[PortalError]:
        """A node reads no document."""
        return []

    def is_pressing(self, contact: Contact, now: datetime, *, with_journal: bool = True) -> bool:  # noqa: ARG002
        """A message or a receipt waits, or a key was added or revoked; the journal goes with the next contact."""
        return bool(upward.waiting(now, 1)) or announcements.tag() != self._told_tag

    def waiting(self, now: datetime, limit: int) -> list[Item]:
        """What is on its way up."""
        return upward.waiting(now, limit)

    def anything_more_urgent(self, than: int, now: datetime) -> bool:
        """What is on its way up."""
        return upward.anything_more_urgent(than, now)

    def delivered(self, item: Item, receipt_bytes: bytes) -> None:
        """What is on its way up."""
        upward.delivered(item, receipt_bytes)

    def attempt_failed(self, message_id: str, reason: str, next_attempt_at: datetime) -> None:
        """What is on its way up."""
        upward.attempt_failed(message_id, reason, next_attempt_at)

    def receiver_took(self, receipt_bytes: bytes) -> None:
        """The mailbox of the one who sent it."""
        upward.receiver_took(receipt_bytes)

    def earlier_receipt(self, envelope: Envelope) -> bytes | None:
        """The receipts given."""
        return upward.earlier_receipt(envelope)

    def vouch(self, sealed: bytes) -> None:
        """`receive` looks at the signature."""

    def set_aside(self, raw: bytes, reason: str) -> None:
        """A node reads no document: the log tells of it, and it is passed over."""
        log.warning("passed over %d bytes from above: %s", len(raw), reason)

    def vector(self, mailbox_cursor: int, *, whole: bool) -> Vector:  # noqa: ARG002
        """The journal alone: receipts that were lost on the way up are brought by committing again."""
        return Vector(mailbox_cursor, (), checkpoint=journal.checkpoint())

    def answered(self, said: Vector, answer: VectorAnswer) -> None:
        """Nothing was asked for."""

    def receive(self, sealed: bytes, packet: Path) -> bytes:
        """The members' mailbox."""
        return upward.receive(sealed, packet, self._limits)

    def directory_arrived(self, code: str, directory: Directory, etag: str) -> None:
        """The list of organisations, but for those below."""
        upward.directory_arrived(code, directory, etag)

    def epoch_taken(self) -> bool:
        """A person must see to it."""
        return False

    def recover(self, client: NodeClient, folder: Path, interrupt: Callable[[], bool]) -> None:
        """A node gives no numbers: its members' lists tell it what it lost."""

    def ask(self, client: NodeClient, code: str) -> None:
        """A node keeps its own list of organisations and compares by its mirrors."""

    def announcement(self) -> bytes | None:
        """Who is below: when it changed, when this process has not said it yet, and now and then.

        The last because a node above that was restored has forgotten it.
        """
        self._tag, told = announcements.tag(), announcements.own()
        is_fresh = clock.monotonic() - self._told_at < TOLD_AGAIN_SECONDS
        return None if told == self._told and is_fresh else told

    def announced(self, told: bytes) -> None:
        """Remembered until this process ends."""
        self._told, self._told_tag, self._told_at = told, self._tag, clock.monotonic()
