"""What a destroyed document leaves: its number, day and sender; everything that describes it goes.

`wipe` blanks the rows in the act's own transaction, before its journal line; `erase_leaves` follows that line; `finish`
deletes the bytes after the commit. What stays for ever are hashes: of the files, and of rows whose salt is thrown away,
so that nobody can try words against them. Source: NĐ 30/2020, Điều 22.2, Phụ lục VI, III.8.b; decisions 1, 18.
"""

from __future__ import annotations

import secrets
from typing import Any

from commune_portal import clock
from commune_portal.errors import NotFound
from commune_portal.store import erasure
from commune_portal.store.erasure import erase_leaves, finish
from commune_portal.store.register import Work

__all__ = ["erase_leaves", "facts", "finish", "wipe"]

DESCRIPTIVE: dict[str, str | int | None] = {
    "code_number": "",
    "code_notation": "",
    "promulgation_date": None,
    "type_name": "",
    "subject": "",
    "signer_name": "",
    "signer_position": "",
    "deliver_by": None,
    "page_amount": 0,
    "asked_due_date": None,
    "check_report": "",
    "refusal_reason": "",
    "recipient_name": "",
    "note": "",
}
"""The columns of an incoming document that a wipe empties; kept are số đến, year, book, days, sender, ids, states."""


def wipe(work: Work, incoming_id: int) -> list[int]:
    """Empties a document's rows and condemns its files; answers the journal lines whose leaves have to go.

    The caller writes the act's line with `facts` of that answer, then calls `erase_leaves`, and `finish` after the
    commit. Files that another document lives by stay. A second wipe of the same document changes nothing.
    """
    row = work.execute("SELECT uid, wiped_at FROM incoming WHERE id = ?", (incoming_id,)).fetchone()
    if row is None:
        raise NotFound
    if row[1] is not None:
        return []
    about, now = f"incoming:{row[0]}", clock.now_text()
    condemned = _packets_about(work, about)
    _blank(work, "incoming", incoming_id, {**DESCRIPTIVE, "wiped_at": now})
    for (assignment_id,) in work.execute("SELECT id FROM assignments WHERE incoming_id = ?", (incoming_id,)).fetchall():
        _blank(work, "assignments", assignment_id, {"direction": "", "result": ""})
    for file_id, sha256, part in work.execute(
        "SELECT id, sha256, part FROM attachments WHERE owner_table = 'incoming' AND owner_id = ?", (incoming_id,)
    ).fetchall():
        _blank(work, "attachments", file_id, {"name": "", "wiped_at": now})
        condemned.add(sha256)
        if part == "packet":  # the same bytes, refused under another message's name
            work.execute("DELETE FROM quarantine WHERE packet_sha256 = ? AND classified = 0", (sha256,))
    for amendment_id, kind in work.execute(
        "SELECT id, kind FROM amendments WHERE incoming_id = ?", (incoming_id,)
    ).fetchall():
        told = {} if kind == "recall" else {"reason": "", "answer": ""}  # why it was recalled is kept
        _blank(work, "amendments", amendment_id, {"changes": "", **told})
    work.execute("DELETE FROM incoming_texts WHERE id = ?", (incoming_id,))
    erasure.condemn(work, about, condemned)
    found = work.execute(
        "SELECT l.seq FROM journal_leaves l JOIN journal j ON j.seq = l.seq WHERE j.object = ? ORDER BY l.seq", (about,)
    )
    return [seq for (seq,) in found]


def facts(work: Work, incoming_id: int, seqs: list[int]) -> dict[str, str | int | list[str] | None]:
    """What the act's line must say: the leaves that go, and the messages whose packets the node has to destroy."""
    messages = work.execute(
        "SELECT message_id FROM incoming WHERE id = ?1 AND message_id IS NOT NULL UNION"
        " SELECT message_id FROM amendments WHERE incoming_id = ?1 AND side = 'theirs' AND kind = 'update'"
        " AND message_id IS NOT NULL ORDER BY 1",
        (incoming_id,),
    )
    return {"erased": [str(seq) for seq in seqs], "messages": [message_id for (message_id,) in messages]}


def _packets_about(work: Work, about: str) -> set[str]:
    """Our status messages about the document: they quote its number, its day and what we said of it."""
    return {row[0] for row in work.execute("SELECT packet_sha256 FROM outbox WHERE about = ?", (about,))}


def _blank(work: Work, table: str, row_id: int, values: dict[str, Any]) -> None:
    """Empties columns and takes a new salt: the hashes of the row as it was cannot be tried against guesses then."""
    work.update(table, row_id, {**values, "salt": secrets.token_hex(8)})
