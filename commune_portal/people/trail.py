"""The journal towards the node: extracts to be mirrored, and the node's countersigned anchors that come back."""

from __future__ import annotations

from commune_portal import clock
from commune_portal.rules.chain import Checkpoint
from commune_portal.store import database, installation, journal
from commune_portal.wire.extract import JournalExtract, JournalLine

LINES_AT_MOST = 400
BYTES_AT_MOST = 1_500_000


def extract_after(sent: int) -> JournalExtract | None:
    """The next stretch of the journal behind what the node has; None when it has everything."""
    mine = installation.own()
    lines: list[JournalLine] = []
    size, head = 0, ""
    for line in journal.lines(sent, LINES_AT_MOST):
        size += len(line.body) + len(line.leaf or "") + 200
        if lines and size > BYTES_AT_MOST:
            break
        lines.append(JournalLine(line.body, line.salt, line.leaf))
        head = line.hash
    if not lines:
        return None
    return JournalExtract(mine.uid, mine.epoch, sent + 1, tuple(lines), Checkpoint(sent + len(lines), head))


def mirrored(node_code: str, checkpoint: Checkpoint, note: bytes) -> None:
    """Keeps the node's signed note on our journal: an anchor that a journal hashed anew cannot agree with."""
    with database.transaction() as work:
        work.execute(
            "INSERT INTO anchors (size, note, stored_at) VALUES (?, ?, ?) ON CONFLICT DO NOTHING",
            (checkpoint.size, note.decode(), clock.now_text()),
        )
        work.execute("UPDATE contacts SET journal_sent = ? WHERE peer_code = ?", (checkpoint.size, node_code))


def forget_sent(node_code: str, size: int) -> None:
    """The node has less, or more, than we thought: the next extract begins behind what it says."""
    database.write_working("UPDATE contacts SET journal_sent = ? WHERE peer_code = ?", (size, node_code))


def journal_size() -> int:
    """How many lines the journal has."""
    return journal.checkpoint().size
