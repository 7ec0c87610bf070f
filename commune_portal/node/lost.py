"""What a restored member asks for: the lines of its earlier journals that it lost, and the documents that it sent.

The mirror of an earlier epoch is the only other copy of what the office wrote after its backup. It goes to nobody but
the office itself, as it came, with the node's note over its end. Source: decisions 9; deploy.md §9.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from commune_portal import clock
from commune_portal.node import mirrors
from commune_portal.node.members import Member
from commune_portal.node.mirrors import Mirror
from commune_portal.node.refusals import ExchangeRefused
from commune_portal.rules.acts import Act
from commune_portal.rules.chain import Checkpoint
from commune_portal.store import database
from commune_portal.wire import protocol
from commune_portal.wire.envelope import Kind
from commune_portal.wire.extract import JournalExtract, JournalLine
from commune_portal.wire.lost import LARGEST_STRETCH_BYTES, MOST_JOURNALS, LostJournal, SentItem, SentPage
from commune_portal.wire.protocol import Refused

NAMELESS = "-"
"""Which installation it was the member knows; the mirror keeps the genesis that it makes alone."""


def journals(member: Member, stated: Checkpoint) -> tuple[LostJournal, ...]:
    """The member's earlier journals of the same installation, and how many lines of each it still has.

    `stated` is where its journal stood when it was restored. What each shares with that is told by the hashes: of the
    journal that passed through that very point, and of the others by comparison with it.
    """
    known = mirrors.history(member)
    if not known:
        return ()
    present, earlier = known[0], [item for item in known[1:] if item.genesis == known[0].genesis]
    through = next((item for item in known if mirrors.hash_at(item, stated.size) == stated.head), None)
    found = []
    for item in earlier[:MOST_JOURNALS]:
        if item is through:
            shared = stated.size
        elif through is not None:
            shared = min(stated.size, mirrors.common_size(item, through))
        else:
            shared = min(stated.size, mirrors.common_size(item, present))
        if item.size > shared:
            found.append(LostJournal(item.epoch, item.checkpoint, shared, mirrors.note(member, item)))
    return tuple(found)


def lines(member: Member, epoch: int, after: int) -> JournalExtract:
    """A stretch of an earlier journal, from behind a line; raises ExchangeRefused for one that the node has not."""
    known = mirrors.history(member)
    mirror = next((item for item in known[1:] if (item.epoch, item.genesis) == (epoch, known[0].genesis)), None)
    if mirror is None:
        raise ExchangeRefused(Refused.NOT_FOUND, f"no earlier journal of epoch {epoch}")
    room, taken, head = LARGEST_STRETCH_BYTES // 2, list[JournalLine](), mirrors.hash_at(mirror, after)
    for body, hash_, salt, leaf in database.rows(
        "SELECT body, hash, salt, leaf FROM mirror_lines WHERE mirror_id = ? AND seq > ? ORDER BY seq LIMIT ?",
        (mirror.id, after, protocol.LARGEST_JOURNAL_LINES),
    ):
        room -= len(body.encode()) + len(leaf.encode())
        if taken and room < 0:
            break
        taken.append(JournalLine(body, salt or None, leaf or None))
        head = hash_
    return JournalExtract(NAMELESS, epoch, after + 1, tuple(taken), Checkpoint(after + len(taken), head))


@dataclass(frozen=True, slots=True)
class Settled:
    """What a member's journal says of a restore: rows that came back from the node, off paper, and as used alone."""

    from_node: int
    from_paper: int
    unknown: int
    confirmed_at: datetime | None


def settled(mirror: Mirror) -> Settled:
    """How far a member has settled the restore that began this journal, in its own words."""
    counted: dict[str, int] = {}
    confirmed = None
    for step, source, instant, amount in database.rows(
        "SELECT json_extract(body, '$.facts.step') AS step, json_extract(body, '$.facts.from') AS source,"
        " max(json_extract(body, '$.instant')), count(*) FROM mirror_lines WHERE mirror_id = ?"
        " AND json_extract(body, '$.act') = ? AND seq > coalesce((SELECT max(seq) FROM mirror_lines WHERE mirror_id = ?"
        " AND json_extract(body, '$.act') = ?), 0) GROUP BY step, source",
        (mirror.id, Act.NUMBERS_RECONCILED.value, mirror.id, Act.INSTALLATION_RESTORED.value),
    ):
        if step == "confirmed":
            confirmed = clock.from_text(instant)
        elif source:
            counted[source] = amount
    return Settled(
        counted.get("node", 0) + counted.get("packet", 0), counted.get("paper", 0), counted.get("unknown", 0), confirmed
    )


def sent(member: Member, since: datetime, after: int, limit: int) -> SentPage:
    """The documents that the node took from the member since an instant, in the order in which it took them."""
    found = database.rows(
        "SELECT id, envelope, taken_at, wiped_at FROM mailbox WHERE sender_code = ? AND kind = ? AND taken_at >= ?"
        " AND id > ? ORDER BY id LIMIT ?",
        (member.code, Kind.EDOC.value, clock.to_text(since), after, limit + 1),
    )
    items = tuple(
        SentItem(row[0], row[1].encode(), clock.from_text(row[2]), row[3] is not None) for row in found[:limit]
    )
    return SentPage(items, items[-1].sequence if items else after, len(found) > limit)
