"""The axis' part of a node's relay: a few calls every few minutes, apart from the way up to the node above."""

from __future__ import annotations

import logging
import random
from datetime import timedelta

from commune_portal import clock
from commune_portal.errors import Malformed, NodeRefused, NodeUnreachable, StoreDamaged, TooLarge
from commune_portal.node import axis, upward
from commune_portal.node.axis import AxisAdapter, Listed
from commune_portal.node.routes import Way
from commune_portal.relay import schedule
from commune_portal.settings import Settings
from commune_portal.store import files
from commune_portal.wire import envelope as envelopes
from commune_portal.wire.envelope import Kind
from commune_portal.wire.queued import Item

log = logging.getLogger(__name__)


class AxisRelay:
    """What goes to the axis and comes from it; `work` does it when it is time."""

    def __init__(self, settings: Settings, adapter: AxisAdapter) -> None:
        self._settings = settings
        self._adapter = adapter
        self._polled_at: float | None = None
        self._listed_at: float | None = None

    def work(self) -> None:
        """One step, called often: sends what is due; fetches and asks for the list when their time has come."""
        try:
            for item in upward.waiting(clock.now(), 20, Way.AXIS):
                self._send(item)
            if _is_due(self._polled_at, self._settings.axis.poll_seconds):
                self._polled_at = clock.monotonic()
                for kind in (Kind.EDOC, Kind.STATUS):
                    self._fetch(kind)
            if _is_due(self._listed_at, self._settings.axis.agencies_seconds):
                self._listed_at = clock.monotonic()
                axis.agencies_arrived(self._adapter.agencies())
        except (NodeUnreachable, NodeRefused) as error:
            log.warning("the axis: %s %s", error.code, error.detail or error.sentence)

    def _send(self, item: Item) -> None:
        """Sends one packet, once however many addressees on the axis it names."""
        doc_id = axis.same_packet_sent(item)
        if not doc_id:
            origin = envelopes.parse_unverified(item.envelope).sender
            try:
                doc_id = self._adapter.send(origin, item.kind, files.path_of(item.packet_sha256))
            except (NodeUnreachable, NodeRefused, StoreDamaged) as error:
                delays = self._settings.relay.retry_seconds
                after = schedule.next_attempt(item.attempts + 1, clock.now(), delays, random.random())  # noqa: S311 -- dice
                upward.attempt_failed(item.message_id, error.sentence, after.at)
                if isinstance(error, NodeUnreachable):
                    raise
                return
        axis.handed_over(item, doc_id)

    def _fetch(self, kind: Kind) -> None:
        for listed in self._adapter.list(kind):
            self._take(listed)

    def _take(self, listed: Listed) -> None:
        """Takes one document: durably here first, then «done»; «fail» for what can never be taken."""
        path = files.temporary(".edxml")
        try:
            self._adapter.fetch(listed.doc_id, path)
            done = axis.arrived(listed, path, self._settings.limits)
        except (Malformed, TooLarge) as error:
            log.warning("the axis' document %s cannot be taken: %s", listed.doc_id, error.sentence)
            done = False
        finally:
            path.unlink(missing_ok=True)
        self._adapter.acknowledge(listed.doc_id, done=done)


def _is_due(last: float | None, every_seconds: float) -> bool:
    return last is None or timedelta(seconds=clock.monotonic() - last) >= timedelta(seconds=every_seconds)
