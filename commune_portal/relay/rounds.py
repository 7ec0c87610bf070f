"""One round with the node above: enrol, tell who is below, send what is urgent, fetch, send the rest, mirror.

The same at an office and at a node; what is carried and what becomes of it is the port's. A round raises
NodeUnreachable or NodeRefused when the link or the node failed it; what had been done until then is done.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from commune_portal import clock, points
from commune_portal.errors import Malformed, NodeRefused, NodeUnreachable, PortalError, StoreDamaged, Unauthenticated
from commune_portal.people import peers, trail
from commune_portal.people.peers import Peer
from commune_portal.relay import schedule, uploads
from commune_portal.relay.client import NodeClient, PacketMissing
from commune_portal.relay.link import RefusedByNode
from commune_portal.relay.port import Port
from commune_portal.relay.uploads import Grain
from commune_portal.settings import Settings
from commune_portal.store import files, installation
from commune_portal.wire import envelope as envelopes
from commune_portal.wire import keys
from commune_portal.wire.enrolment import EnrolmentRequest
from commune_portal.wire.envelope import Kind
from commune_portal.wire.mailbox import MailboxItem
from commune_portal.wire.queued import Item

log = logging.getLogger(__name__)

INLINE_BYTES = 64 * 1024
SOFTWARE = "commune-portal"


@dataclass(frozen=True, slots=True)
class Pace:
    """What the thread lends to a round: its stop signal, its pauses, its dice, the size of the next chunk."""

    stop: threading.Event
    pause: Callable[[float], None]
    draw: Callable[[], float]
    grain: Grain


class Round:
    """One contact, with the state of the contact alone."""

    def __init__(self, settings: Settings, port: Port, client: NodeClient, peer: Peer, pace: Pace) -> None:
        self._settings = settings
        self._port = port
        self._client = client
        self._peer = peer
        self._pace = pace

    def run(self) -> None:
        """Goes through the whole round."""
        if self._peer.enrolled_at is None:
            self._enrol()
        self._announce()
        self._directory()
        self._send()
        self._fetch()
        self._send()
        self._mirror()

    def _enrol(self) -> None:
        file = peers.pending_enrolment(self._settings.secrets_folder)
        if file is None:
            raise NodeRefused("Chưa kết nối với nút: thiếu tệp đăng ký. Hãy xin tệp mới và nạp lại.")
        mine, own = installation.own(), keys.own()
        directory, _ = self._client.enrol(
            EnrolmentRequest(
                token=file.token,
                code=mine.code,
                installation_uid=mine.uid,
                epoch=mine.epoch,
                public_key=own.public_key,
                box_public_key=own.box_public_key,
                software=SOFTWARE,
            )
        )
        peers.enrolled(self._settings.secrets_folder, directory)

    def _announce(self) -> None:
        """Tells the node above who is below us, where there is something new to tell."""
        told = self._port.announcement()
        if told is None:
            return
        heard = self._client.announce(told)
        if heard.outside:
            log.warning("outside of what the node above grants us: %s", " ".join(heard.outside))
        self._port.announced(told)

    def _directory(self) -> None:
        found = self._client.directory(peers.contact(self._peer.code).directory_etag)
        if found is not None:
            directory, _, etag = found
            self._port.directory_arrived(self._peer.code, directory, etag)

    def _send(self) -> None:
        """Sends what is due, the most urgent first, until nothing more is due."""
        while not self._pace.stop.is_set():
            due = self._port.waiting(clock.now(), 1)
            if not due:
                return
            self._send_one(due[0])

    def _send_one(self, item: Item) -> None:
        """Sends one item, or steps aside for a more urgent one; a failure is noted in its row and raised."""
        try:
            receipt = self._hand_over(item)
        except StoreDamaged as error:
            # A person must see to it; the queue goes on.
            self._port.attempt_failed(item.message_id, error.sentence, self._next(item))
            return
        except (NodeUnreachable, NodeRefused) as error:
            if isinstance(error, RefusedByNode):
                # The node is there and said no to this one in words: it waits for a person, the queue goes on.
                self._port.attempt_failed(item.message_id, error.sentence, self._next(item))
                return
            self._port.attempt_failed(item.message_id, error.sentence, self._soon(self._next(item)))
            raise
        if receipt is not None:
            self._port.delivered(item, receipt)

    def _hand_over(self, item: Item) -> bytes | None:
        """Brings an item to the node and gives its receipt; None when something more urgent came between.

        A receipt that goes home has none itself: that the node took it is enough.
        """
        if item.kind is Kind.RECEIPT:
            self._client.acknowledge(item.envelope)
            return b""
        path = files.path_of(item.packet_sha256)
        inline = path.read_bytes() if item.packet_bytes <= INLINE_BYTES else None
        answer = self._client.commit(item.envelope, inline, item.trace)
        if isinstance(answer, PacketMissing):
            sent = uploads.upload(
                self._client, path, item.packet_sha256, item.message_id, grain=self._pace.grain,
                interrupt=lambda: self._steps_aside(item), pause=self._pace.pause,
            )  # fmt: skip
            if not sent.finished:
                return None
            answer = self._client.commit(item.envelope, None, item.trace)
            if isinstance(answer, PacketMissing):
                raise NodeUnreachable(detail="the node lost the packet after its upload")
        return answer.receipt_bytes

    def _next(self, item: Item) -> datetime:
        delays = self._settings.relay.retry_seconds
        return schedule.next_attempt(item.attempts + 1, clock.now(), delays, self._pace.draw()).at

    def _soon(self, at: datetime) -> datetime:
        """A link that was dark is tried again within a poll's time, however long it has been dark."""
        return min(at, clock.now() + timedelta(seconds=self._settings.relay.poll_seconds))

    def _steps_aside(self, item: Item) -> bool:
        return self._pace.stop.is_set() or self._port.anything_more_urgent(item.urgency, clock.now())

    def _fetch(self) -> None:
        """Fetches every page of the mailbox; the cursor stops before the first item that could not be taken."""
        cursor = peers.contact(self._peer.code).mailbox_cursor
        after, whole = cursor, True
        while not self._pace.stop.is_set():
            page = self._client.mailbox(after)
            for item in sorted(page.items, key=_urgent_first):
                if not self._take(item):
                    whole = False
            after = page.next_after
            if whole and after > cursor:
                peers.move_cursor(self._peer.code, after)
                cursor = after
            if not page.more:
                return
            self._send_urgent()

    def _send_urgent(self) -> None:
        if self._port.anything_more_urgent(0, clock.now()):
            self._send()

    def _take(self, item: MailboxItem) -> bool:
        """Takes one item of the mailbox; False when it must be looked at again at the next contact."""
        try:
            if item.receipt is not None:
                return self._keep_receipt(item.receipt)
            if item.envelope is None:
                return True
            return self._take_message(item.envelope, item.packet)
        except (Malformed, Unauthenticated) as error:
            log.warning("an item of the mailbox cannot be taken: %s %s", error.code, error.detail)
            return False
        except PortalError as error:
            if isinstance(error, NodeUnreachable | NodeRefused):
                raise
            log.warning("an item of the mailbox waits: %s %s", error.code, error.detail)
            return False

    def _keep_receipt(self, receipt: bytes) -> bool:
        """Keeps what the final receiver signed; what is no receipt for us proves nothing and is passed over."""
        try:
            self._port.receiver_took(receipt)
        except Malformed as error:
            log.warning("a receipt in the mailbox is not for us: %s", error.detail)
        return True

    def _take_message(self, sealed: bytes, packet: bytes | None) -> bool:
        envelope = envelopes.parse_unverified(sealed)
        receipt = self._port.earlier_receipt(envelope)
        if receipt is None:
            path: Path | None
            if packet is not None:
                path = files.temporary(".edxml")
                path.write_bytes(packet)
            else:
                path = uploads.download(
                    self._client, envelope.packet_sha256, envelope.packet_bytes, self._settings.work_folder / "fetched",
                    interrupt=self._pace.stop.is_set, pause=self._pace.pause,
                )  # fmt: skip
            if path is None:
                return False
            points.reach("between-fetch-and-receipt")
            try:
                receipt = self._port.receive(sealed, path)
            finally:
                path.unlink(missing_ok=True)
        self._client.acknowledge(receipt)
        return True

    def _mirror(self) -> None:
        """Hands the journal to the node's mirror and keeps its signed anchor."""
        while not self._pace.stop.is_set():
            extract = trail.extract_after(peers.contact(self._peer.code).journal_sent)
            if extract is None:
                return
            try:
                note, data = self._client.send_journal(extract)
            except RefusedByNode as error:
                has = self._client.journal().checkpoint
                if has.size < trail.journal_size() and has.size != extract.first - 1:
                    trail.forget_sent(self._peer.code, has.size)
                log.warning("the node does not take the journal: %s", error.detail)
                return
            trail.mirrored(self._peer.code, note.checkpoint, data)


def _urgent_first(item: MailboxItem) -> tuple[int, int]:
    if item.envelope is None:
        return (-9, item.sequence)
    try:
        return (-envelopes.parse_unverified(item.envelope).urgency, item.sequence)
    except Malformed:
        return (0, item.sequence)
