"""One round with the node above: enrol, tell who is below, send what is urgent, fetch, send the rest, mirror.

The same at an office and at a node; what is carried and what becomes of it is the port's. A round raises
NodeUnreachable or NodeRefused when the link or the node failed it; what had been done until then is done. One item
that finds no way is told of at the round's end: what lies in the mailbox is fetched before.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from commune_portal import clock
from commune_portal.errors import NodeRefused, NodeUnreachable, StoreDamaged
from commune_portal.people import peers, trail
from commune_portal.people.peers import Peer
from commune_portal.relay import schedule, uploads
from commune_portal.relay.client import NodeClient, PacketMissing
from commune_portal.relay.fetching import Fetching, move
from commune_portal.relay.link import RefusedByNode, TryLater
from commune_portal.relay.memory import Memory
from commune_portal.relay.port import Port
from commune_portal.relay.uploads import Grain
from commune_portal.settings import Settings
from commune_portal.store import files, installation
from commune_portal.store.installation import Installation
from commune_portal.wire import keys
from commune_portal.wire.directory import Directory
from commune_portal.wire.enrolment import EnrolmentRequest
from commune_portal.wire.envelope import Kind
from commune_portal.wire.keys import InstallationKeys
from commune_portal.wire.protocol import Refused
from commune_portal.wire.queued import Item

log = logging.getLogger(__name__)

INLINE_BYTES = 64 * 1024
SOFTWARE = "commune-portal"
VAIN_SECONDS = 60.0
"""How long a turn in vain counts: in that time a long upload makes headway, however urgent what failed is."""


@dataclass(frozen=True, slots=True)
class Pace:
    """What the thread lends to a round: its stop signal, its pauses, its dice, the size of the next chunk."""

    stop: threading.Event
    pause: Callable[[float], None]
    draw: Callable[[], float]
    grain: Grain
    memory: Memory = field(default_factory=Memory)


class Round:
    """One contact, with the state of the contact alone."""

    def __init__(self, settings: Settings, port: Port, client: NodeClient, peer: Peer, pace: Pace) -> None:
        self._settings = settings
        self._port = port
        self._client = client
        self._peer = peer
        self._pace = pace
        self._newest: int | None = None
        self._failed: NodeUnreachable | None = None
        self._vain: dict[str, float] = {}

    def run(self) -> None:
        """Goes through the whole round."""
        if self._peer.enrolled_at is None:
            self._enrol()
        self._announce()
        self._directory()
        self._compare()
        self._port.recover(self._client, self._settings.work_folder / "fetched", self._pace.stop.is_set)
        self._send()
        self._fetch()
        self._send()
        self._mirror()
        self._port.ask(self._client, self._peer.code)
        if self._failed is not None:
            raise self._failed

    def _enrol(self) -> None:
        file = peers.pending_enrolment(self._settings.secrets_folder)
        if file is None:
            raise NodeRefused("Chưa kết nối với nút: thiếu tệp đăng ký. Hãy xin tệp mới và nạp lại.")
        mine, own = installation.own(), keys.own()
        try:
            directory = self._introduced(file.token, mine, own)
        except RefusedByNode as error:
            if error.reason is Refused.CONFLICT and self._port.epoch_taken():
                raise NodeUnreachable(detail="the epoch was used by an earlier restore; counted on") from error
            raise
        peers.enrolled(self._settings.secrets_folder, directory)
        self._pace.memory.enrolled()

    def _introduced(self, token: str, mine: Installation, own: InstallationKeys) -> Directory:
        directory, _ = self._client.enrol(
            EnrolmentRequest(
                token=token,
                code=mine.code,
                installation_uid=mine.uid,
                epoch=mine.epoch,
                public_key=own.public_key,
                box_public_key=own.box_public_key,
                software=SOFTWARE,
            )
        )
        return directory

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

    def _compare(self) -> None:
        """ "What do you have": receipts that were lost come home, what the node has lost goes again.

        A mailbox that is shorter than our cursor is that of a node that was put back: it is read from the beginning.
        """
        memory = self._pace.memory
        whole = memory.is_whole_due
        cursor = peers.contact(self._peer.code).mailbox_cursor
        said = self._port.vector(cursor, whole=whole)
        try:
            answer = self._client.compare(said)
        except RefusedByNode as error:
            if error.reason not in (Refused.NOT_SUPPORTED, Refused.NOT_FOUND, Refused.MALFORMED):
                raise
            log.info("the node compares nothing: %s", error.detail)
            return
        self._port.answered(said, answer)
        if answer.mailbox_newest < cursor:
            peers.move_cursor(self._peer.code, 0)
        self._newest = answer.mailbox_newest
        if whole:
            memory.compared()

    def _send(self) -> None:
        """Sends what is due, the most urgent first, until nothing more is due.

        One item that finds no way lets the next one try; when that finds none either, it is the link.
        """
        failed: NodeUnreachable | None = None
        while not self._pace.stop.is_set() and (item := self._next_due()) is not None:
            try:
                if not self._send_one(item):
                    self._had_its_turn(item)
            except NodeUnreachable as error:
                if failed is not None:
                    raise _more_patient(failed, error) from error
                failed = error
                self._had_its_turn(item)
            else:
                self._newest = None  # time has passed: what has come meanwhile is to be asked for
        if failed is not None:
            self._failed = failed if self._failed is None else _more_patient(self._failed, failed)

    def _next_due(self) -> Item | None:
        """What goes next: the first that is due and has not had its turn in vain just now."""
        since = clock.monotonic() - VAIN_SECONDS
        vain = {message_id for message_id, at in self._vain.items() if at > since}
        found = self._port.waiting(clock.now(), 1 + len(vain))
        return next((item for item in found if item.message_id not in vain), None)

    def _had_its_turn(self, item: Item) -> None:
        self._vain[item.message_id] = clock.monotonic()

    def _send_one(self, item: Item) -> bool:
        """Sends one item, or steps aside for a more urgent one; a failure is noted in its row, and raised or False."""
        try:
            receipt = self._hand_over(item)
        except (StoreDamaged, OSError) as error:
            # A person must see to it; the queue goes on.
            sentence = error.sentence if isinstance(error, StoreDamaged) else StoreDamaged.sentence
            self._port.attempt_failed(item.message_id, sentence, self._next(item))
            return False
        except (NodeUnreachable, NodeRefused) as error:
            if isinstance(error, RefusedByNode):
                # The node is there and said no to this one in words: it waits for a person, the queue goes on.
                self._port.attempt_failed(item.message_id, error.sentence, self._next(item))
                return False
            self._port.attempt_failed(item.message_id, error.sentence, self._soon(self._next(item)))
            raise
        if receipt is not None:
            self._port.delivered(item, receipt)
        return True

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
        """Only for what then gets its turn: else the two would give way to each other for ever."""
        if self._pace.stop.is_set():
            return True
        other = self._next_due()
        return other is not None and other.urgency > item.urgency

    def _fetch(self) -> None:
        """Fetches every page of the mailbox; the cursor stops before the first item that must be asked for again."""
        cursor = peers.contact(self._peer.code).mailbox_cursor
        if self._newest is not None and self._newest <= cursor:
            return  # the node has just said so
        fetching = Fetching(self._settings, self._port, self._client, self._peer, self._pace)
        after, whole, more = cursor, True, True
        while more and not self._pace.stop.is_set():
            after, page_whole, more = fetching.page(after)
            whole = whole and page_whole
            if whole:
                cursor = move(self._peer.code, cursor, after)
            if more:
                self._send_urgent()

    def _send_urgent(self) -> None:
        if self._port.anything_more_urgent(0, clock.now()):
            self._send()

    def _mirror(self) -> None:
        """Hands the journal to the node's mirror and keeps its signed anchor.

        A journal that the node disagrees with is a matter for people: it is offered again only now and then.
        """
        while not self._pace.stop.is_set() and not self._pace.memory.is_journal_refused:
            extract = trail.extract_after(peers.contact(self._peer.code).journal_sent)
            if extract is None:
                return
            try:
                note, data = self._client.send_journal(extract)
            except RefusedByNode as error:
                has = self._client.journal().checkpoint
                if has.size < trail.journal_size() and has.size != extract.first - 1:
                    trail.forget_sent(self._peer.code, has.size)
                else:
                    self._pace.memory.journal_refused()
                log.warning("the node does not take the journal: %s", error.detail)
                return
            trail.mirrored(self._peer.code, note.checkpoint, data)


def _more_patient(one: NodeUnreachable, other: NodeUnreachable) -> NodeUnreachable:
    """Of two failures the one in which the node said how long to wait, else the later one."""
    return one if isinstance(one, TryLater) and not isinstance(other, TryLater) else other
