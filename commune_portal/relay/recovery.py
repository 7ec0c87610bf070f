"""After a restore: the node is asked what the office wrote and sent after its backup, and gives the packets back.

Asked in each contact until it is answered whole, before anything is fetched from the mailbox, so that receipts and
statuses for what was lost find their place. A node of before this question says so, and the clerk goes by paper.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path

from commune_portal.documents import lost
from commune_portal.errors import Malformed, NodeUnreachable
from commune_portal.relay import uploads
from commune_portal.relay.client import NodeClient
from commune_portal.relay.link import RefusedByNode
from commune_portal.rules.chain import Checkpoint
from commune_portal.store import files
from commune_portal.wire.lost import LostJournal
from commune_portal.wire.protocol import Refused

log = logging.getLogger(__name__)

OLD_NODE = "Nút liên thông là phiên bản cũ, chưa trả lời được câu hỏi này."
_UNKNOWN = (Refused.NOT_FOUND, Refused.NOT_SUPPORTED, Refused.MALFORMED)


def ask(client: NodeClient, folder: Path, interrupt: Callable[[], bool]) -> None:
    """Puts the question that is open, if any; raises NodeUnreachable when the link fails in between."""
    question = lost.question()
    if question is None:
        return
    try:
        journals = client.lost(question.stated)
    except RefusedByNode as error:
        if error.reason not in _UNKNOWN:
            raise
        log.info("the node does not know what a restore lost: %s", error.detail)
        lost.answered(refused=OLD_NODE)
        return
    for journal in journals:
        _read(client, journal)
    after, more = 0, True
    while more:
        page = client.sent(question.since, after)
        lost.take_sent(page)
        if page.more and page.next_after <= after:
            raise NodeUnreachable(detail="a page of sent documents that leads nowhere")
        after, more = page.next_after, page.more
    for sha256, size in lost.missing_packets():
        if not _fetch(client, sha256, size, folder, interrupt):
            return
    lost.answered()


def _read(client: NodeClient, journal: LostJournal) -> None:
    """Reads an earlier journal to the end that the node has signed for; it must begin at a line of our own."""
    head, after = lost.shares(journal.shared), journal.shared
    if not head:
        raise NodeUnreachable(detail=f"the node says that we share {journal.shared} lines, which we do not have")
    while after < journal.checkpoint.size:
        stretch = client.lost_lines(journal.epoch, after)
        first, lines = stretch.first, stretch.lines
        if first != after + 1 or not lines:
            raise NodeUnreachable(detail="a stretch of another place")
        if len(lines) > journal.checkpoint.size - after:
            lines = lines[: journal.checkpoint.size - after]
        try:
            head = lost.take_lines(journal.epoch, first, lines, head)
        except Malformed as error:
            raise NodeUnreachable(detail=error.detail) from error
        after += len(lines)
    if Checkpoint(after, head) != journal.checkpoint:
        raise NodeUnreachable(detail=f"the lost journal of epoch {journal.epoch} does not end where the node says")


def _fetch(client: NodeClient, sha256: str, size: int, folder: Path, interrupt: Callable[[], bool]) -> bool:
    """Fetches a packet of ours back; False when the portal is stopping."""
    try:
        path = uploads.download(client, sha256, size, folder, interrupt=interrupt)
    except RefusedByNode as error:
        log.info("the node has a packet of ours no more: %s", error.detail)
        lost.packet_settled(sha256, here=False)
        return True
    if path is None:
        return False
    try:
        files.keep_path(path)
    finally:
        path.unlink(missing_ok=True)
    lost.packet_settled(sha256, here=True)
    return True
