"""Fetching what lies in the mailbox: each item by itself, so that none of them holds the next one up.

An item is taken, refused for good by a signed receipt, put aside with its bytes, or left for the next contact; only in
the last case the cursor stays before it. What nobody can vouch for is left for some days, then put aside.
"""

from __future__ import annotations

import logging
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from commune_portal import clock, points
from commune_portal.errors import Malformed, NodeRefused, NodeUnreachable, PortalError, Unauthenticated
from commune_portal.people import peers
from commune_portal.people.peers import Peer
from commune_portal.relay import uploads
from commune_portal.relay.client import NodeClient
from commune_portal.relay.link import RefusedByNode, TryLater
from commune_portal.relay.port import Port
from commune_portal.settings import Settings
from commune_portal.store import files
from commune_portal.wire import envelope as envelopes
from commune_portal.wire import receipt as receipts
from commune_portal.wire.mailbox import MailboxItem
from commune_portal.wire.protocol import Refused

if TYPE_CHECKING:
    from commune_portal.relay.rounds import Pace

log = logging.getLogger(__name__)

VOUCHED_WITHIN = timedelta(days=3)
"""How long an item whose signer the directory does not know is asked for again."""
_ABOUT_US = (Refused.UNAUTHENTICATED, Refused.KEY_REVOKED)
"""Words that are meant for the member, whatever the item."""
UNREADABLE = "Không đọc được phong bì; chưa biết ai gửi."
UNVOUCHED = "Không kiểm tra được chữ ký trên phong bì với danh bạ của nút."
STUMBLED = "Phần mềm hỏng khi đọc gói này. Hãy gửi gói này cho nhà cung cấp phần mềm."


class Fetching:
    """The mailbox of one contact."""

    def __init__(self, settings: Settings, port: Port, client: NodeClient, peer: Peer, pace: Pace) -> None:
        self._settings = settings
        self._port = port
        self._client = client
        self._peer = peer
        self._pace = pace
        self._failed: NodeUnreachable | None = None

    def page(self, after: int) -> tuple[int, bool, bool]:
        """Takes a page behind a cursor; answers the next cursor, whether all of it was dealt with, whether more is.

        Raises NodeUnreachable when two items in a row, or the only one, found no way: then it is the link.
        """
        page = self._client.mailbox(after)
        whole = True
        for item in sorted(page.items, key=_urgent_first):
            if not self._try(item):
                whole = False
        if self._failed is not None and not page.more:
            raise self._failed
        return page.next_after, whole, page.more

    def _try(self, item: MailboxItem) -> bool:
        try:
            taken = self._take(item)
        except TryLater:
            raise
        except NodeUnreachable as error:
            if self._failed is not None:
                raise
            log.warning("an item of the mailbox finds no way: %s", error.detail)
            self._failed = error
            return False
        self._failed = None
        return taken

    def _take(self, item: MailboxItem) -> bool:
        """Takes one item of the mailbox; False when it must be looked at again at the next contact."""
        raw, memory = item.envelope or item.receipt or b"", self._pace.memory
        if memory.is_poison(raw):
            return self._put_aside(raw, STUMBLED)
        memory.take_up(raw)
        try:
            with files.disk_errors():  # a full disk is no fault of the item, which would be put aside for it
                taken = self._keep_receipt(item.receipt) if item.receipt else self._take_message(raw, item.packet)
        except PortalError as error:
            memory.put_down()
            return self._judge(raw, item, error)
        memory.put_down()
        return taken

    def _judge(self, raw: bytes, item: MailboxItem, error: PortalError) -> bool:
        """What becomes of an item that could not be taken; raises what is the link's or the node's matter."""
        log.warning("an item of the mailbox cannot be taken: %s %s", error.code, error.detail)
        if isinstance(error, uploads.Damaged):
            return False  # thrown away, fetched again; the others go on
        if isinstance(error, RefusedByNode) and error.reason not in _ABOUT_US:
            return error.reason in (Refused.CONFLICT, Refused.WIPED)  # else it is asked for again; the others go on
        if isinstance(error, NodeUnreachable | NodeRefused):
            raise error
        signed_at = _signed_at(raw, is_receipt=item.receipt is not None)
        if signed_at is None:
            return self._put_aside(raw, UNREADABLE)
        if isinstance(error, Unauthenticated) and not -VOUCHED_WITHIN < clock.now() - signed_at < VOUCHED_WITHIN:
            return self._put_aside(raw, UNVOUCHED)
        return False

    def _put_aside(self, raw: bytes, reason: str) -> bool:
        self._port.set_aside(raw, reason)
        return True

    def _keep_receipt(self, receipt: bytes) -> bool:
        """Keeps what the final receiver signed; what is no receipt for us proves nothing and is passed over."""
        try:
            self._port.receiver_took(receipt)
        except Malformed as error:
            log.warning("a receipt in the mailbox is not for us: %s", error.detail)
        return True

    def _take_message(self, sealed: bytes, packet: bytes | None) -> bool:
        envelope = envelopes.parse_unverified(sealed)
        try:
            receipt = self._port.earlier_receipt(envelope)
        except Malformed:
            receipt = None  # other bytes under a known id: `receive` refuses them for good
        if receipt is None:
            self._port.vouch(sealed)  # before a byte of what nobody vouches for is fetched
            files.refuse_below_floor(envelope.packet_bytes)  # or each try would bring the same bytes for nothing
            path: Path | None
            if packet is not None and envelopes.describes(envelope, packet):
                path = _on_disk(packet)
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


def _on_disk(packet: bytes) -> Path:
    """The packet as a temporary file; a full disk keeps no piece of it."""
    path = files.temporary(".edxml")
    try:
        path.write_bytes(packet)
    except OSError:
        path.unlink(missing_ok=True)
        raise
    return path


def _signed_at(raw: bytes, *, is_receipt: bool) -> datetime | None:
    """When its signer says that it was signed; None for what cannot be read."""
    try:
        return receipts.parse_unverified(raw).received_at if is_receipt else envelopes.parse_unverified(raw).created
    except Malformed:
        return None


def _urgent_first(item: MailboxItem) -> tuple[int, int]:
    if item.envelope is None:
        return (-9, item.sequence)
    try:
        return (-envelopes.parse_unverified(item.envelope).urgency, item.sequence)
    except Malformed:
        return (0, item.sequence)


def move(peer_code: str, cursor: int, after: int) -> int:
    """Moves the cursor on where everything up to there was dealt with; answers where it stands."""
    if after > cursor:
        peers.move_cursor(peer_code, after)
    return max(after, cursor)
