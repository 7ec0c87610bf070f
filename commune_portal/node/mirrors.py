"""The mirror of every office's journal: taken in stretches, checked line by line, never corrected.

Whatever does not agree (a fork, a wrong head, a leaf that is not the committed one, a checkpoint in an envelope that
the journal later belies) is kept on the mirror, journalled and shown red; what was mirrored stays as it was.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from commune_portal import clock
from commune_portal.node import passages, projection, wiping
from commune_portal.node.members import Member
from commune_portal.node.refusals import ExchangeRefused
from commune_portal.rules import chain
from commune_portal.rules.acts import Act
from commune_portal.rules.chain import Checkpoint
from commune_portal.store import database, erasure, installation, journal
from commune_portal.store.register import Work
from commune_portal.wire import checkpoint as checkpoints
from commune_portal.wire import keys
from commune_portal.wire.checkpoint import Note
from commune_portal.wire.extract import JournalExtract, JournalLine, Mirrored
from commune_portal.wire.protocol import Refused

FORK, HEAD, LEAF, BODY, STATED, FOREIGN, ROLLED = "fork", "head", "leaf", "body", "stated", "foreign", "rolled"

_WORDS = {
    FORK: "Nhật ký gửi lên khác với bản đã lưu từ dòng {}: sổ đã bị sửa, hoặc khôi phục mà không khai báo",
    HEAD: "Mốc kèm trích lục không khớp với các dòng gửi lên, tại dòng {}",
    LEAF: "Phần chữ của dòng {} không khớp với mã cam kết",
    BODY: "Dòng {} không đúng dạng chuẩn của nhật ký",
    STATED: "Mốc mà cơ quan ghi trong phong bì ở dòng {} khác với nhật ký đã gửi: có hai bản sổ",
    ROLLED: "Cơ quan đang dùng bản sổ cũ, chỉ đến dòng {}, ngắn hơn bản đã gửi: đã khôi phục mà không khai báo",
    FOREIGN: "Trích lục thuộc một bản cài đặt hoặc một lần khôi phục khác với bản đã đăng ký (từ dòng {})",
}

LATEST_WORD = timedelta(minutes=2)
"""How long a request may be under way, or the clocks apart, without speaking of a journal that has grown since."""

_COLUMNS = "id, uid, member_id, epoch, genesis, size, head, disagreement, checked_at"


@dataclass(frozen=True, slots=True)
class Mirror:
    """What the node has of one journal of a member; `disagreement` is empty while all agrees."""

    id: int
    uid: str
    member_id: int
    epoch: int
    genesis: str
    size: int
    head: str
    disagreement: str
    checked_at: datetime

    @property
    def checkpoint(self) -> Checkpoint:
        """Size and head of what is mirrored."""
        return Checkpoint(self.size, self.head)

    @property
    def is_sound(self) -> bool:
        """True while nothing has disagreed."""
        return not self.disagreement

    @property
    def warning(self) -> str:
        """What disagreed, in Vietnamese; empty when nothing did."""
        kind, _, where = self.disagreement.partition(":")
        return _WORDS[kind].format(where) if kind in _WORDS else self.disagreement


@dataclass(frozen=True, slots=True)
class _Fault:
    """What an extract says that cannot be: the kind and the line."""

    kind: str
    seq: int

    def __str__(self) -> str:
        return f"{self.kind}:{self.seq}"


@dataclass(frozen=True, slots=True)
class _NewLine:
    """A checked line that the mirror does not have yet."""

    seq: int
    line: JournalLine
    hash: str
    fields: dict[str, Any]
    texts: dict[str, str]


def of_member(member: Member) -> Mirror | None:
    """The mirror of the journal that the member keeps now; None before it enrolled."""
    found = database.row(f"SELECT {_COLUMNS} FROM mirrors WHERE member_id = ? ORDER BY id DESC LIMIT 1", (member.id,))
    return _mirror(found) if found else None


def history(member: Member) -> list[Mirror]:
    """All mirrors of a member, the present one first; a restore begins a new one."""
    found = database.rows(f"SELECT {_COLUMNS} FROM mirrors WHERE member_id = ? ORDER BY id DESC", (member.id,))
    return [_mirror(row) for row in found]


def common_size(older: Mirror, newer: Mirror) -> int:
    """How many lines two journals of a member share: what lies beyond in the older one was lost by a restore."""
    found = database.row(
        "SELECT coalesce(max(a.seq), 0) FROM mirror_lines a JOIN mirror_lines b"
        " ON b.mirror_id = ? AND b.seq = a.seq AND b.hash = a.hash WHERE a.mirror_id = ?",
        (newer.id, older.id),
    )
    return int(found[0])


def mirrored(member: Member) -> Mirrored:
    """What the node has of the member's journal, and a note that the node signs for it."""
    mirror = of_member(member)
    if mirror is None:
        raise ExchangeRefused(Refused.NOT_FOUND, "no mirror")
    return Mirrored(mirror.checkpoint, mirror.epoch, note(member, mirror) if mirror.size else None)


def take_extract(member: Member, extract: JournalExtract) -> bytes:
    """Checks a stretch of the member's journal against the mirror, keeps what is new, answers the node's signed note.

    A stretch that is known already is answered like a new one. Raises ExchangeRefused: a gap, or a disagreement, which
    is then journalled; no note is signed for it.
    """
    with database.transaction() as work:
        mirror = of_member(member)
        if mirror is None:
            raise ExchangeRefused(Refused.NOT_FOUND, "no mirror")
        if extract.first > mirror.size + 1:
            raise ExchangeRefused(Refused.JOURNAL_GAP, f"mirror has {mirror.size}, extract begins at {extract.first}")
        found = _check(mirror, extract)
        if isinstance(found, _Fault):
            disagree(work, member, mirror, str(found))
        elif found:
            mirror = _keep(work, member, mirror, found)
    if isinstance(found, _Fault):
        raise ExchangeRefused(Refused.JOURNAL_FORK, str(found))
    erasure.finish()
    return note(member, mirror)


def heed(work: Work, member: Member, stated: Checkpoint, message_id: str) -> None:
    """Compares what an envelope or receipt states of its sender's journal, now or when the mirror has come so far.

    A contradiction never stops the message: it is journalled in the caller's transaction and shown.
    """
    mirror = of_member(member)
    if mirror is None:
        return
    if stated.size <= mirror.size:
        if hash_at(mirror, stated.size) != stated.head:
            disagree(work, member, mirror, f"{STATED}:{stated.size}")
        return
    work.execute(
        "INSERT INTO stated_checkpoints (mirror_id, size, head, message_id, stated_at) VALUES (?, ?, ?, ?, ?)"
        " ON CONFLICT DO NOTHING",
        (mirror.id, stated.size, stated.head, message_id, clock.now_text()),
    )
    heads = work.execute(
        "SELECT count(*) FROM stated_checkpoints WHERE mirror_id = ? AND size = ?", (mirror.id, stated.size)
    ).fetchone()[0]
    if heads > 1:  # two heads of one size: two journals, whichever of them will be sent
        disagree(work, member, mirror, f"{STATED}:{stated.size}")


def heed_present(member: Member, stated: Checkpoint, at: datetime) -> None:
    """Compares what an office says of its whole journal at this very moment; a shorter one has been put back.

    `at` is when it was said. What was said before the newest extract came proves nothing: the network was late.
    """
    mirror = of_member(member)
    if mirror is None or stated.size > mirror.size or at < mirror.checked_at + LATEST_WORD:
        return
    if stated.size < mirror.size:
        what = f"{ROLLED}:{stated.size}"
    elif stated.head != mirror.head:
        what = f"{STATED}:{stated.size}"
    else:
        return
    with database.transaction() as work:
        disagree(work, member, mirror, what)


def largest_stated(mirror: Mirror) -> int:
    """The largest size that the member has stated of its journal."""
    found = database.row("SELECT max(size) FROM stated_checkpoints WHERE mirror_id = ?", (mirror.id,))
    return max(mirror.size, int(found[0] or 0))


def disagree(work: Work, member: Member, mirror: Mirror, what: str) -> None:
    """Marks the mirror and journals it, once; the first disagreement stays, later ones are journalled only."""
    told = work.execute(
        "SELECT 1 FROM journal WHERE object = ? AND body LIKE ? LIMIT 1",
        (f"mirrors:{mirror.uid}", f'%"what":"{what}"%'),
    ).fetchone()
    if told:
        return
    if not work.execute("SELECT disagreement FROM mirrors WHERE id = ?", (mirror.id,)).fetchone()[0]:
        work.update("mirrors", mirror.id, {"disagreement": what, "checked_at": clock.now_text()})
    journal.write(
        work,
        Act.EXTRACT_DISAGREES,
        member.about,
        about=f"mirrors:{mirror.uid}",
        facts={"code": member.code, "what": what, "size": mirror.size, "head": mirror.head},
    )


def _check(mirror: Mirror, extract: JournalExtract) -> list[_NewLine] | _Fault:
    """Reads the stretch; the new lines, or the first thing that cannot be."""
    if chain.genesis(extract.installation_uid) != mirror.genesis or extract.epoch != mirror.epoch:
        return _Fault(FOREIGN, extract.first)
    head = hash_at(mirror, extract.first - 1)
    new: list[_NewLine] = []
    seq = extract.first - 1
    for line in extract.lines:
        seq += 1
        head = chain.link(head, line.body.encode())
        if seq <= mirror.size:
            if hash_at(mirror, seq) != head:
                return _Fault(FORK, seq)
            continue
        read = _read(seq, line, head)
        if isinstance(read, _Fault):
            return read
        new.append(read)
    if extract.checkpoint != Checkpoint(seq, head):
        return _Fault(HEAD, seq)
    return new


def _read(seq: int, line: JournalLine, head: str) -> _NewLine | _Fault:
    try:
        fields = json.loads(line.body)
        canonical = isinstance(fields, dict) and chain.canonical_bytes(fields).decode() == line.body
    except (ValueError, RecursionError):
        return _Fault(BODY, seq)
    if not canonical or fields.get("seq") != seq:
        return _Fault(BODY, seq)
    committed = fields.get("commitment")
    if line.leaf is None or line.salt is None:
        return _NewLine(seq, line, head, fields, {})  # it had none, or a recall has destroyed it
    if committed is None or chain.commitment(line.salt, line.leaf.encode()) != committed:
        return _Fault(LEAF, seq)
    try:
        texts = json.loads(line.leaf)
    except (ValueError, RecursionError):
        return _Fault(LEAF, seq)
    if not isinstance(texts, dict):
        return _Fault(LEAF, seq)
    return _NewLine(seq, line, head, fields, {name: text for name, text in texts.items() if isinstance(text, str)})


def _keep(work: Work, member: Member, mirror: Mirror, new: list[_NewLine]) -> Mirror:
    for item in new:
        work.execute(
            "INSERT INTO mirror_lines (mirror_id, seq, body, hash, salt, leaf) VALUES (?, ?, ?, ?, ?, ?)",
            (mirror.id, item.seq, item.line.body, item.hash, item.line.salt or "", item.line.leaf or ""),
        )
    lines = [(item.seq, item.fields, item.texts) for item in new]
    projection.apply(work, mirror.id, lines)
    passages.apply(work, mirror.id, lines)
    wiping.heed(work, member, mirror.id, lines)
    last = new[-1]
    now = clock.now_text()
    work.update(
        "mirrors",
        mirror.id,
        {"size": last.seq, "head": last.hash, "checked_at": now},
        expected={"size": mirror.size, "head": mirror.head},
    )
    journal.write(
        work,
        Act.EXTRACT_TAKEN,
        member.about,
        about=f"mirrors:{mirror.uid}",
        facts={"code": member.code, "from": mirror.size + 1, "size": last.seq, "head": last.hash},
    )
    _compare_statements(work, member, mirror, {item.seq: item.hash for item in new})
    found = of_member(member)
    assert found is not None
    return found


def _compare_statements(work: Work, member: Member, mirror: Mirror, hashes: dict[int, str]) -> None:
    """Judges what envelopes stated of the lines that have now come."""
    reached = max(hashes)
    for size, head in work.execute(
        "SELECT size, head FROM stated_checkpoints WHERE mirror_id = ? AND size <= ? ORDER BY size",
        (mirror.id, reached),
    ).fetchall():
        if hashes.get(size) != head:
            disagree(work, member, mirror, f"{STATED}:{size}")
    work.execute("DELETE FROM stated_checkpoints WHERE mirror_id = ? AND size <= ?", (mirror.id, reached))


def hash_at(mirror: Mirror, size: int) -> str:
    """The hash of a line of a mirror, the genesis before the first; empty where the mirror has not come so far."""
    if size == 0:
        return mirror.genesis
    found = database.row("SELECT hash FROM mirror_lines WHERE mirror_id = ? AND seq = ?", (mirror.id, size))
    return str(found[0]) if found else ""


def note(member: Member, mirror: Mirror) -> bytes:
    """The node's signed word of how far it has a journal of the member, and what its last hash is."""
    stated = Note(f"{member.code}/journal", mirror.checkpoint, mirror.checked_at)
    return checkpoints.seal(stated, installation.own().code, keys.own())


def _mirror(row: tuple[Any, ...]) -> Mirror:
    return Mirror(row[0], row[1], row[2], row[3], row[4], row[5], row[6], row[7], clock.from_text(row[8]))
