"""What a recall destroys at the node: the leaves in the mirror, the recipient's copy, and statuses that quote it.

The recipient's own journal says so (`incoming.destroyed`), or that of the node below it (`package.wiped`); nobody
else's does. The chain of the mirror still verifies: bodies hold commitments only. A packet that went to several offices
lies here until the last of them has destroyed it. Source: NĐ 30/2020, Phụ lục VI, III.8.b; docs/wire.md §6.4, §7.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

from commune_portal import clock
from commune_portal.node import projection, routes
from commune_portal.node.members import Member
from commune_portal.rules.acts import Act
from commune_portal.store import erasure, journal
from commune_portal.store.register import Work

MOST_MESSAGES = 50
"""Messages that one line may condemn: a document and the updates of it."""

Line = tuple[int, Mapping[str, Any], Mapping[str, str]]

_ROW = "SELECT id, uid, message_id, sender_code, recipient_code, packet_sha256 FROM mailbox"


def heed(work: Work, member: Member, mirror_id: int, lines: Iterable[Line]) -> None:
    """Does what the new lines of a member's journal say of destructions, in the transaction that mirrors them."""
    for seq, fields, texts in lines:
        act = fields.get("act")
        facts = fields.get("facts")
        facts = facts if isinstance(facts, dict) else {}
        if act == Act.INCOMING_DESTROYED:
            about = fields.get("object")
            if isinstance(about, str) and about.startswith("incoming:"):
                _erase_mirrored(work, member, mirror_id, seq, about, facts, texts)
            for message_id in _words(facts.get("messages"))[:MOST_MESSAGES]:
                _wipe_copy(work, member, message_id, own=True)
        elif act == Act.PACKAGE_WIPED and member.is_node:
            for message_id in _words([facts.get("message")]):
                _wipe_copy(work, member, message_id, own=False)


def wipe_answers(work: Work, bearer: str, message_id: str) -> None:
    """Wipes the statuses that answer a wiped message of their sender, once they have been fetched."""
    found = work.execute(
        "SELECT s.id, s.uid, s.message_id, s.sender_code, s.recipient_code, s.packet_sha256 FROM mailbox s"
        " JOIN mailbox m ON m.message_id = s.in_reply_to WHERE s.in_reply_to = ? AND s.kind = 'status'"
        " AND s.fetched_at IS NOT NULL AND s.wiped_at IS NULL AND m.wiped_at IS NOT NULL"
        " AND m.recipient_code = s.sender_code",
        (message_id,),
    ).fetchall()
    for row in found:
        _wipe_row(work, bearer, row)


def _erase_mirrored(
    work: Work,
    member: Member,
    mirror_id: int,
    seq: int,
    about: str,
    facts: Mapping[str, Any],
    texts: Mapping[str, str],
) -> None:
    """Empties the leaves that the line names, of that object alone, and all that older mirrors have of the object."""
    mirrors = [row[0] for row in work.execute("SELECT id FROM mirrors WHERE member_id = ?", (member.id,)).fetchall()]
    for erased in _words(facts.get("erased")):
        if erased.isascii() and erased.isdigit() and len(erased) < 12 and int(erased) < seq:
            row = work.execute(
                "SELECT body FROM mirror_lines WHERE mirror_id = ? AND seq = ?", (mirror_id, int(erased))
            ).fetchone()
            if row and json.loads(row[0]).get("object") == about:
                _empty(work, mirror_id, int(erased))
    for other in mirrors:
        if other != mirror_id:  # from before a restore: the same document under the same name
            for told, body in work.execute(
                "SELECT seq, body FROM mirror_lines WHERE mirror_id = ? AND leaf <> '' AND body LIKE ?",
                (other, f'%"object":"{about}"%'),
            ).fetchall():
                if json.loads(body).get("object") == about:
                    _empty(work, other, told)
        projection.blank(work, other, about, texts)
    erasure.condemn(work, f"{member.about}/{about}", ())


def _empty(work: Work, mirror_id: int, seq: int) -> None:
    work.execute("UPDATE mirror_lines SET salt = '', leaf = '' WHERE mirror_id = ? AND seq = ?", (mirror_id, seq))


def _wipe_copy(work: Work, member: Member, message_id: str, *, own: bool) -> None:
    """Wipes the copy that went to this member, or below it; then the answers to it that are fetched."""
    row = work.execute(f"{_ROW} WHERE message_id = ? AND kind = 'edoc' AND wiped_at IS NULL", (message_id,)).fetchone()
    if row is None:
        return
    recipient = row[4]
    if recipient != member.code if own else not routes.speaks_for(member, recipient):
        return
    _wipe_row(work, member.about, row)
    wipe_answers(work, member.about, message_id)


def _wipe_row(work: Work, bearer: str, row: tuple[int, str, str, str, str, str]) -> None:
    row_id, uid, message_id, sender, recipient, sha256 = row
    work.update("mailbox", row_id, {"wiped_at": clock.now_text()})
    journal.write(
        work, Act.PACKAGE_WIPED, bearer, about=f"mailbox:{uid}", files=[sha256],
        facts={"message": message_id, "sender": sender, "recipient": recipient},
    )  # fmt: skip
    erasure.condemn(work, f"mailbox:{uid}", [sha256])


def _words(value: object) -> list[str]:
    """The texts in a list that came from another installation."""
    return [item for item in value if isinstance(item, str) and len(item) <= 100] if isinstance(value, list) else []
