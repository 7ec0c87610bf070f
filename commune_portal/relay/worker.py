"""The one background thread: it drains the outbox, fetches the mailbox, mirrors the journal, checks arrivals.

It wakes when another connection changed the database (`PRAGMA data_version`), when a retry is due, and every few
minutes. It changes state only by verbs; whoever wants to know how it fares reads the rows that those leave. Its
outermost loop is the single catch-all of the program: it logs, shows itself on the pages, and goes on.
"""

from __future__ import annotations

import logging
import random
import threading
from datetime import datetime, timedelta
from pathlib import Path

from commune_portal import clock, points
from commune_portal.documents import arrivals, outbox, peers, trail
from commune_portal.documents.outbox import Item
from commune_portal.documents.peers import Peer
from commune_portal.errors import (
    Malformed,
    NodeRefused,
    NodeUnreachable,
    PortalError,
    StoreDamaged,
    Unauthenticated,
)
from commune_portal.people import accesses
from commune_portal.relay import schedule, uploads
from commune_portal.relay.client import NodeClient, PacketMissing
from commune_portal.relay.link import NodeIdentity, RefusedByNode, TryLater
from commune_portal.relay.schedule import Circuit
from commune_portal.relay.uploads import Grain
from commune_portal.settings import Settings
from commune_portal.store import database, files, installation
from commune_portal.wire import envelope as envelopes
from commune_portal.wire import keys
from commune_portal.wire.enrolment import EnrolmentRequest
from commune_portal.wire.mailbox import MailboxItem

log = logging.getLogger(__name__)

HEARTBEAT_SECONDS = 30.0
INLINE_BYTES = 64 * 1024
SOFTWARE = "commune-portal"


class Worker:
    """The relay of one office. `start` and `stop` belong to `serve`; `contact` alone is one round, for tests."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="relay", daemon=True)
        self._client: NodeClient | None = None
        self._grain = Grain(
            settings.relay.chunk_bytes, settings.relay.smallest_chunk_bytes, settings.relay.largest_chunk_bytes
        )
        self._draw = random.random

    def start(self) -> None:
        """Begins the thread."""
        self._thread.start()

    def stop(self, timeout_seconds: float = 10.0) -> None:
        """Asks the thread to end and waits for it; an upload stops between two chunks."""
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join(timeout_seconds)

    @property
    def is_alive(self) -> bool:
        """True while the thread runs."""
        return self._thread.is_alive()

    def _run(self) -> None:
        failures = 0
        while not self._stop.is_set():
            try:
                self._watch()
            except Exception:
                # The single catch-all: whatever went wrong is logged, and the relay goes on after a pause.
                failures += 1
                log.exception("the relay stumbled")
                database.roll_back_leftover()
                self._stop.wait(min(60.0, 2.0**failures))
        if self._client is not None:
            self._client.close()
        database.close()

    def _watch(self) -> None:
        """Waits for a reason to make contact, and makes it."""
        seen = -1
        beaten = clock.monotonic() - HEARTBEAT_SECONDS
        while not self._stop.is_set():
            peer = peers.find_peer()
            if peer is not None and clock.monotonic() - beaten >= HEARTBEAT_SECONDS:
                beaten = clock.monotonic()
                peers.heartbeat(peer.code)
            version = database.connect().execute("PRAGMA data_version").fetchone()[0]
            if version != seen:
                # Commits of others only: a contact's own are looked after below.
                seen = version
                self.check_arrivals()
            if peer is not None and self._wants_contact(peer):
                self.contact()
                self.check_arrivals()
            self._keep_house()
            self._stop.wait(self._settings.relay.watch_seconds)

    def _keep_house(self) -> None:
        if accesses.is_due():
            accesses.flush()
        if accesses.is_digest_due():
            accesses.digest()

    def _wants_contact(self, peer: Peer) -> bool:
        now = clock.now()
        contact = peers.contact(peer.code)
        if contact.next_attempt_at is not None:
            # After a failure only the schedule decides, unless a person pressed «gửi lại ngay», which clears it.
            return now >= contact.next_attempt_at or contact.next_attempt_at > now + timedelta(hours=3)
        if schedule.contact_due(contact.last_contact_at, now, self._settings.relay.poll_seconds):
            return True
        return bool(outbox.waiting(now, 1)) or trail.journal_size() > contact.journal_sent

    def check_arrivals(self) -> None:
        """Checks the signatures of what came and was not looked at yet; needs no link.

        One that cannot be checked (its file is damaged) stays unchecked, which the clerk sees; the others go on.
        """
        for row_id in arrivals.unchecked():
            try:
                arrivals.check(row_id)
            except PortalError as error:
                log.warning("an arrival cannot be checked: %s %s", error.code, error.detail)

    def contact(self) -> bool:
        """One round with the node: enrol, send what is urgent, fetch, send the rest, mirror. False when it failed."""
        peer = peers.find_peer()
        if peer is None:
            return False
        client = self._client_for(peer)
        before = client.traffic.sent_bytes
        circuit = Circuit(peers.contact(peer.code).failures)
        try:
            if peer.enrolled_at is None:
                self._enrol(client)
            self._directory(client, peer)
            self._send(client)
            self._fetch(client, peer)
            self._send(client)
            self._mirror(client, peer)
        except (NodeUnreachable, NodeRefused) as error:
            asked = error.retry_after_seconds if isinstance(error, TryLater) else 0.0
            after = circuit.after_failure(clock.now(), self._settings.relay.retry_seconds, self._draw(), asked)
            delays = self._settings.relay.retry_seconds
            until = after.closed_until or schedule.next_attempt(after.failures, clock.now(), delays, self._draw()).at
            peers.contact_failed(peer.code, error.sentence, after.failures, until, client.traffic.sent_bytes - before)
            log.info("no contact: %s %s", error.code, error.detail)
            return False
        peers.contact_made(peer.code, client.skew_seconds, client.traffic.sent_bytes - before)
        return True

    def _client_for(self, peer: Peer) -> NodeClient:
        identity = NodeIdentity(
            peer.code, peer.address, peer.ca or None, {keys.key_id(peer.public_key): peer.public_key}
        )
        if self._client is None or self._client.node != identity:
            if self._client is not None:
                self._client.close()
            self._client = NodeClient(
                identity,
                keys.own(),
                installation.own().code,
                timeout_seconds=self._settings.relay.timeout_seconds,
            )
        return self._client

    def _enrol(self, client: NodeClient) -> None:
        file = peers.pending_enrolment(self._settings.secrets_folder)
        if file is None:
            raise NodeRefused("Chưa kết nối với nút: thiếu tệp đăng ký. Hãy xin tệp mới và nạp lại.")
        mine, own = installation.own(), keys.own()
        directory, _ = client.enrol(
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

    def _directory(self, client: NodeClient, peer: Peer) -> None:
        found = client.directory(peers.contact(peer.code).directory_etag)
        if found is not None:
            directory, _, etag = found
            peers.directory_arrived(peer.code, directory, etag)

    def _send(self, client: NodeClient) -> None:
        """Sends what is due, the most urgent first, until nothing more is due."""
        while not self._stop.is_set():
            due = outbox.waiting(clock.now(), 1)
            if not due:
                return
            self._send_one(client, due[0])

    def _send_one(self, client: NodeClient, item: Item) -> None:
        """Sends one item, or steps aside for a more urgent one; a failure is noted in its row and raised."""
        try:
            path = files.path_of(item.packet_sha256)
        except StoreDamaged as error:
            after = schedule.next_attempt(
                item.attempts + 1, clock.now(), self._settings.relay.retry_seconds, self._draw()
            )
            outbox.attempt_failed(
                item.message_id, error.sentence, after.at
            )  # a person must see to it; the queue goes on
            return
        inline = path.read_bytes() if item.packet_bytes <= INLINE_BYTES else None
        try:
            answer = client.commit(item.envelope, inline)
            if isinstance(answer, PacketMissing):
                sent = uploads.upload(
                    client, path, item.packet_sha256, item.message_id, grain=self._grain,
                    interrupt=lambda: self._steps_aside(item), pause=self._pause,
                )  # fmt: skip
                if not sent.finished:
                    return
                answer = client.commit(item.envelope)
                if isinstance(answer, PacketMissing):
                    raise NodeUnreachable(detail="the node lost the packet after its upload")
        except (NodeUnreachable, NodeRefused) as error:
            after = schedule.next_attempt(
                item.attempts + 1, clock.now(), self._settings.relay.retry_seconds, self._draw()
            )
            if isinstance(error, RefusedByNode):
                # The node is there and said no to this one in words: it waits for a person, the queue goes on.
                outbox.attempt_failed(item.message_id, error.sentence, after.at)
                return
            outbox.attempt_failed(item.message_id, error.sentence, self._soon(after.at))
            raise
        outbox.delivered(item.message_id, answer.receipt_bytes)

    def _pause(self, seconds: float) -> None:
        self._stop.wait(seconds)

    def _soon(self, at: datetime) -> datetime:
        """A link that was dark is tried again within a poll's time, however long it has been dark."""
        return min(at, clock.now() + timedelta(seconds=self._settings.relay.poll_seconds))

    def _steps_aside(self, item: Item) -> bool:
        return self._stop.is_set() or outbox.anything_more_urgent(item.urgency, clock.now())

    def _fetch(self, client: NodeClient, peer: Peer) -> None:
        """Fetches every page of the mailbox; the cursor stops before the first item that could not be taken."""
        cursor = peers.contact(peer.code).mailbox_cursor
        after, whole = cursor, True
        while not self._stop.is_set():
            page = client.mailbox(after)
            for item in sorted(page.items, key=_urgent_first):
                if not self._take(client, item):
                    whole = False
            after = page.next_after
            if whole and after > cursor:
                peers.move_cursor(peer.code, after)
                cursor = after
            if not page.more:
                return
            self._send_urgent(client)

    def _send_urgent(self, client: NodeClient) -> None:
        if outbox.anything_more_urgent(0, clock.now()):
            self._send(client)

    def _take(self, client: NodeClient, item: MailboxItem) -> bool:
        """Takes one item of the mailbox; False when it must be looked at again at the next contact."""
        try:
            if item.receipt is not None:
                return self._keep_receipt(item.receipt)
            if item.envelope is None:
                return True
            return self._take_message(client, item.envelope, item.packet)
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
            outbox.receiver_took(receipt)
        except Malformed as error:
            log.warning("a receipt in the mailbox is not for us: %s", error.detail)
        return True

    def _take_message(self, client: NodeClient, sealed: bytes, packet: bytes | None) -> bool:
        envelope = envelopes.parse_unverified(sealed)
        receipt = arrivals.earlier_receipt(envelope)
        if receipt is None:
            path: Path | None
            if packet is not None:
                path = files.temporary(".edxml")
                path.write_bytes(packet)
            else:
                path = uploads.download(
                    client, envelope.packet_sha256, envelope.packet_bytes, self._settings.work_folder / "fetched",
                    interrupt=self._stop.is_set, pause=self._pause,
                )  # fmt: skip
            if path is None:
                return False
            points.reach("between-fetch-and-receipt")
            try:
                receipt = arrivals.receive(sealed, path)
            finally:
                path.unlink(missing_ok=True)
        client.acknowledge(receipt)
        return True

    def _mirror(self, client: NodeClient, peer: Peer) -> None:
        """Hands the journal to the node's mirror and keeps its signed anchor."""
        while not self._stop.is_set():
            extract = trail.extract_after(peers.contact(peer.code).journal_sent)
            if extract is None:
                return
            try:
                note, data = client.send_journal(extract)
            except RefusedByNode as error:
                has = client.journal().checkpoint
                if has.size < trail.journal_size() and has.size != extract.first - 1:
                    trail.forget_sent(peer.code, has.size)
                log.warning("the node does not take the journal: %s", error.detail)
                return
            trail.mirrored(peer.code, note.checkpoint, data)


def _urgent_first(item: MailboxItem) -> tuple[int, int]:
    if item.envelope is None:
        return (-9, item.sequence)
    try:
        return (-envelopes.parse_unverified(item.envelope).urgency, item.sequence)
    except Malformed:
        return (0, item.sequence)
