"""The one background thread: it drains the outbox, fetches the mailbox, mirrors the journal, checks arrivals.

It wakes when another connection changed the database (`PRAGMA data_version`), when a retry is due, and every few
minutes. It changes state only by verbs; whoever wants to know how it fares reads the rows that those leave. Its
outermost loop is the single catch-all of the program: it logs, shows itself on the pages, and goes on.
"""

from __future__ import annotations

import logging
import random
import threading
from datetime import timedelta
from typing import TYPE_CHECKING

from commune_portal import clock
from commune_portal.errors import (
    NodeRefused,
    NodeUnreachable,
)
from commune_portal.people import accesses, peers
from commune_portal.people.peers import Peer
from commune_portal.relay import schedule
from commune_portal.relay.client import NodeClient
from commune_portal.relay.link import NodeIdentity, TryLater
from commune_portal.relay.memory import Memory
from commune_portal.relay.port import Port, port_of
from commune_portal.relay.rounds import Pace, Round
from commune_portal.relay.schedule import Circuit
from commune_portal.relay.uploads import Grain
from commune_portal.settings import Settings
from commune_portal.store import database, erasure, installation
from commune_portal.wire import keys

if TYPE_CHECKING:
    from commune_portal.relay.axis import AxisRelay

log = logging.getLogger(__name__)

HEARTBEAT_SECONDS = 30.0
STEADY_SECONDS = 300.0
LOOKING_AFTER = b"look after"
"""What is in hand while nothing of the link is: checks that need none must not keep it from being used."""


class Worker:
    """The relay of one installation. `start` and `stop` belong to `serve`; `contact` alone is one round, for tests."""

    def __init__(self, settings: Settings, port: Port | None = None) -> None:
        self._settings = settings
        self._port = port or port_of(settings)
        self._axis = _axis_of(settings)
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="relay", daemon=True)
        self._client: NodeClient | None = None
        self._grain = Grain(
            settings.relay.chunk_bytes, settings.relay.smallest_chunk_bytes, settings.relay.largest_chunk_bytes
        )
        self._draw = random.random
        self._memory = Memory()

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
            began = clock.monotonic()
            try:
                self._watch()
            except Exception:
                # The single catch-all: whatever went wrong is logged, and the relay goes on after a pause, which
                # grows while it stumbles again and again, and is short once more when it has gone well for a while.
                failures = failures + 1 if clock.monotonic() - began < STEADY_SECONDS else 1
                self._memory.stumbled()
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
            if self._axis is not None:
                self._axis.work()
            self._keep_house()
            self._stop.wait(self._settings.relay.watch_seconds)

    def _keep_house(self) -> None:
        if accesses.is_due():
            accesses.flush()
        if accesses.is_digest_due():
            accesses.digest()
        erasure.finish()

    def _wants_contact(self, peer: Peer) -> bool:
        now = clock.now()
        contact = peers.contact(peer.code)
        if contact.next_attempt_at is not None:
            # After a failure only the schedule decides, unless a person pressed «gửi lại ngay», which clears it.
            return now >= contact.next_attempt_at or contact.next_attempt_at > now + timedelta(hours=3)
        if schedule.contact_due(contact.last_contact_at, now, self._settings.relay.poll_seconds):
            return True
        return self._port.is_pressing(contact, now, with_journal=not self._memory.is_journal_refused)

    def check_arrivals(self) -> None:
        """Does what is to be done at home after a change; needs no link."""
        if self._memory.is_poison(LOOKING_AFTER):
            return
        self._memory.take_up(LOOKING_AFTER)
        for error in self._port.look_after():
            log.warning("an arrival cannot be checked: %s %s", error.code, error.detail)
        self._memory.put_down()

    def contact(self) -> bool:
        """One round with the node above, and what it tells of the link. False when it failed."""
        peer = peers.find_peer()
        if peer is None:
            return False
        client = self._client_for(peer)
        before = client.traffic.sent_bytes
        circuit = Circuit(peers.contact(peer.code).failures)
        pace = Pace(self._stop, self._pause, self._draw, self._grain, self._memory)
        try:
            Round(self._settings, self._port, client, peer, pace).run()
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

    def _pause(self, seconds: float) -> None:
        self._stop.wait(seconds)


def _axis_of(settings: Settings) -> AxisRelay | None:
    """The way to the document axis, where the settings of a node ask for one; raises SettingsWrong."""
    if settings.role != "node":
        return None
    from commune_portal.relay.axis import AxisRelay
    from commune_portal.relay.vxp import adapter_of

    adapter = adapter_of(settings)
    return AxisRelay(settings, adapter) if adapter else None
