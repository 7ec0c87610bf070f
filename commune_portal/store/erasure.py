"""The one lawful deletion: leaves of the journal, files that a recall condemned, and their words on the disk.

A verb blanks rows, condemns files and erases leaves in its own transaction. `finish` does the rest after the commit,
as often as it takes: it deletes bytes that no living row names, then has the search index and the whole database file
written anew. A row of `wipes` stays until all of that is done, so a power cut anywhere in between costs nothing.
Source: NĐ 30/2020, Phụ lục VI, III.8.b; decisions 1, 18.
"""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Iterable, Sequence
from pathlib import Path

from commune_portal import clock, points
from commune_portal.errors import DiskFull, StoreBusy
from commune_portal.rules import chain
from commune_portal.store import database, files
from commune_portal.store.register import Work

log = logging.getLogger(__name__)

SEARCHED = ("incoming", "outgoing")
PAUSE_SECONDS = 60.0

_WIPED = "SELECT 'incoming:' || uid FROM incoming WHERE wiped_at IS NOT NULL"
_LIVING = (
    "SELECT 1 FROM attachments WHERE sha256 = ?1 AND wiped_at IS NULL",
    "SELECT 1 FROM mailbox WHERE packet_sha256 = ?1 AND wiped_at IS NULL",
    "SELECT 1 FROM statuses WHERE packet_sha256 = ?1",
    "SELECT 1 FROM issuers WHERE seal_sha256 = ?1",
    "SELECT 1 FROM mandates WHERE picture_sha256 = ?1",
    "SELECT 1 FROM quarantine WHERE packet_sha256 = ?1 AND classified = 0",
    "SELECT 1 FROM pending_signatures WHERE ?1 IN (source_sha256, prepared_sha256)",
    "SELECT 1 FROM uploads WHERE sha256 = ?1",
    f"SELECT 1 FROM outbox WHERE packet_sha256 = ?1 AND about NOT IN ({_WIPED})",
)
"""Every kind of row whose file must stay; what is left of a wiped document is none of them."""

_ON_ITS_WAY = (
    "SELECT 1 FROM outbox WHERE packet_sha256 = ?1 AND state = 'ready'",
    "SELECT 1 FROM upward u JOIN mailbox m USING (message_id) WHERE u.state = 'ready' AND m.packet_sha256 = ?1",
)

_WORTH_A_LOOK = (
    "SELECT count(*) FROM wipes w WHERE NOT EXISTS (SELECT 1 FROM outbox o"
    " WHERE o.about = w.about AND o.packet_sha256 = w.sha256 AND o.state = 'ready')"
)

_guard = threading.Lock()
_pausing_until = 0.0
_rewritten: set[tuple[str, str]] = set()


def condemn(work: Work, about: str, sha256s: Iterable[str]) -> None:
    """Puts down, in the act's transaction, that these files and the words about this object have to go."""
    for sha256 in {*sha256s, words_of(about)}:
        work.execute(
            "INSERT INTO wipes (sha256, about, asked_at) VALUES (?, ?, ?) ON CONFLICT DO NOTHING",
            (sha256, about, clock.now_text()),
        )


def words_of(about: str) -> str:
    """Under what a wipe stands that concerns words and no file: no file has this name."""
    return chain.sha256(f"words about {about}".encode())


def erase_leaves(work: Work, seqs: Sequence[int], erased_by: int) -> None:
    """Deletes the leaves of journal lines; the line `erased_by`, written before, has them in its fact `erased`."""
    for seq in seqs:
        work.execute("INSERT INTO journal_erasures (seq, erased_by) VALUES (?, ?)", (seq, erased_by))
        work.execute("DELETE FROM journal_leaves WHERE seq = ?", (seq,))


def finish() -> int:
    """Deletes what is condemned and nobody needs; answers how many wipes were proven done. Does no harm twice.

    A file that a living row names stays, and is no longer condemned. One that still has to be carried somewhere goes
    later; so does everything while a reader keeps an older state of the database, or the disk is full.
    """
    if not database.row(_WORTH_A_LOOK)[0] or clock.monotonic() < _pausing_until or not _guard.acquire(blocking=False):
        return 0
    try:
        return _finish()
    except StoreBusy as error:
        log.info("a wipe waits: %s", error.detail)
    except DiskFull as error:
        _pause()
        log.warning("a wipe waits for room on the disk: %s", error.detail)
    finally:
        _guard.release()
    return 0


def _pause() -> None:
    global _pausing_until
    _pausing_until = clock.monotonic() + PAUSE_SECONDS


def _finish() -> int:
    here = str(database.database.database)
    done = [sha256 for (sha256,) in database.rows("SELECT sha256 FROM wipes ORDER BY asked_at") if _delete(sha256)]
    if not done:
        return 0
    points.reach("inside-wipe")
    if not {(here, sha256) for sha256 in done} <= _rewritten:
        _sweep_work_folder(set(done))
        _merge_search()
        points.reach("inside-wipe")
        database.rewrite()
        _rewritten.update((here, sha256) for sha256 in done)
    points.reach("inside-wipe")
    if not database.empty_log():
        return 0
    points.reach("inside-wipe")
    with database.transaction() as work:
        for sha256 in done:
            work.execute("DELETE FROM wipes WHERE sha256 = ?", (sha256,))
    return len(done)


def delete_at_once(sha256: str) -> None:
    """Deletes a condemned file of which no word ever reached the database; after a power cut `finish` does it."""
    if _delete(sha256):
        database.write_working("DELETE FROM wipes WHERE sha256 = ?", (sha256,))


def begin_anew() -> None:
    """Forgets what this process has rewritten and what it put off, as a new start does."""
    global _pausing_until
    _rewritten.clear()
    _pausing_until = 0.0


def _delete(sha256: str) -> bool:
    """Deletes a condemned file unless somebody lives by it; False while it has to be carried somewhere yet.

    In the writers' turn, so that no verb gives the file to a new row between the question and the deed.
    """
    with database.transaction() as work:
        if _any(work, _LIVING, sha256):
            return True
        if _any(work, _ON_ITS_WAY, sha256):
            return False
        try:
            files.path_in(files.root(), sha256).unlink(missing_ok=True)
        except PermissionError as error:  # Windows, while somebody is reading it
            raise StoreBusy(detail=str(error)) from error
    return True


def _any(work: Work, questions: Sequence[str], sha256: str) -> bool:
    return any(work.execute(question, (sha256,)).fetchone() for question in questions)


def _sweep_work_folder(condemned: set[str]) -> None:
    """Removes copies that a power cut left among the temporary files; others come and go there meanwhile."""
    for folder, _, names in os.walk(files.temporary().parent):
        for path in (Path(folder, name) for name in names):
            try:
                if path.name[:64] in condemned or files.digest_of(path).sha256 in condemned:
                    path.unlink()
            except FileNotFoundError:
                continue  # whoever worked with it has finished
            except PermissionError as error:  # Windows, while somebody is reading it
                raise StoreBusy(detail=str(error)) from error


def _merge_search() -> None:
    """Has the search index written anew: until then it keeps the words of rows that left it, struck out."""
    with database.transaction() as work:
        for kind in SEARCHED:
            work.execute(f"INSERT INTO {kind}_search ({kind}_search) VALUES ('optimize')")
