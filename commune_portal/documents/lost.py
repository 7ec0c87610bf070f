"""What was lost by a restore, as the node tells it: kept as it came, read as documents.

The node's words are checked before they are kept: lines must link to our own chain and end where the node's signed note
says, envelopes must bear our own signature. Nothing here changes the register; `recovering` does.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from commune_portal import clock
from commune_portal.documents import standstill
from commune_portal.errors import Malformed, NotFound, Unauthenticated
from commune_portal.people.actors import Actor
from commune_portal.rules import chain
from commune_portal.rules.acts import Act
from commune_portal.rules.chain import Checkpoint
from commune_portal.rules.permissions import Verb
from commune_portal.store import database, files, installation, journal
from commune_portal.store.register import Work
from commune_portal.wire import envelope as envelopes
from commune_portal.wire import keys
from commune_portal.wire.envelope import Envelope, Kind
from commune_portal.wire.extract import JournalLine
from commune_portal.wire.lost import SentPage

log = logging.getLogger(__name__)

BEFORE = timedelta(days=2)
"""How far the node's clock and ours may be apart, and how long a packet may have been under way."""


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked: where our journal stood when it was restored, and from when on we know not what we sent."""

    stated: Checkpoint
    since: datetime


@dataclass(frozen=True, slots=True)
class Answer:
    """How the node stands to the question: when it answered, or in which words it refused to."""

    answered_at: datetime | None = None
    refused: str = ""


def question() -> Question | None:
    """The question that is to be put to the node; None where nothing is open or it has been answered.

    A restore that was settled without the node is asked about all the same: a contradiction must come to light.
    """
    found = standstill.restorations()
    if not found or (found[0].confirmed_at is not None and not found[0].said.get("without_node")):
        return None
    known = database.row("SELECT epoch, answered_at, refused FROM lost_answers")
    if known is not None and known[0] == found[0].epoch and (known[1] is not None or known[2]):
        return None
    open_ = [item for item in found if item.confirmed_at is None] or found[:1]
    newest, oldest = _before(found[0].epoch), _before(open_[-1].epoch)
    return Question(newest[0], oldest[1] - BEFORE)


def _before(epoch: int) -> tuple[Checkpoint, datetime]:
    """Where the journal stood before the line that began an epoch, and when its last line was written."""
    row = database.row(
        "SELECT seq FROM journal WHERE object = ? AND json_extract(body, '$.act') = 'installation.restored'"
        " AND json_extract(body, '$.facts.epoch') = ? ORDER BY seq DESC LIMIT 1",
        (f"installation:{installation.own().uid}", epoch),
    )
    size = int(row[0]) - 1 if row else 0
    last = database.row("SELECT hash, json_extract(body, '$.instant') FROM journal WHERE seq = ?", (size,))
    if last is None:
        raise NotFound
    return Checkpoint(size, last[0]), clock.from_text(last[1])


def answer() -> Answer:
    """How the node stands to the newest restore."""
    found = standstill.restorations()
    row = database.row("SELECT epoch, answered_at, refused FROM lost_answers")
    if not found or row is None or row[0] != found[0].epoch:
        return Answer()
    return Answer(clock.from_text(row[1]) if row[1] else None, row[2])


def ask_again(actor: Actor) -> None:
    """«Hỏi lại nút»: the next contact puts the question once more; what was kept stays until then."""
    actor.require(Verb.BOOKS_OPEN)
    database.write_working("DELETE FROM lost_answers")


def shares(seq: int) -> str:
    """The hash of a line of our own journal, the genesis before the first; empty where there is none."""
    if seq == 0:
        return chain.genesis(installation.own().uid)
    row = database.row("SELECT hash FROM journal WHERE seq = ?", (seq,))
    return str(row[0]) if row else ""


def count_on() -> bool:
    """One epoch more, while a restore waits to be settled: the node knows another journal of ours by this one.

    The same backup was restored before, on a disk that has died since. False where no restore waits.
    """
    if not standstill.is_on():
        return False
    with database.transaction() as work:
        epoch, key = work.execute("SELECT epoch, public_key FROM installation WHERE id = 1").fetchone()
        row = work.update("installation", 1, {"epoch": epoch + 1})
        journal.write(
            work, Act.KEYS_CHANGED, journal.SYSTEM, about=f"installation:{row.uid}",
            facts={"key": key, "was_epoch": epoch, "epoch": epoch + 1},
        )  # fmt: skip
    return True


def take_lines(epoch: int, first: int, lines: Iterable[JournalLine], previous: str) -> str:
    """Keeps lines of an earlier journal that follow a hash; answers the last hash.

    Raises Malformed for a leaf that is not the committed one. What our own journal has too is passed over; words are
    kept only while somebody may still bring documents back.
    """
    head, kept, with_words = previous, [], standstill.is_on()
    for seq, line in enumerate(lines, start=first):
        head = chain.link(head, line.body.encode())
        if shares(seq) == head:
            continue
        fields = json.loads(line.body)
        if line.leaf is not None and chain.commitment(line.salt or "", line.leaf.encode()) != fields.get("commitment"):
            raise Malformed("Phần chữ của dòng nhật ký không khớp mã cam kết.", detail=f"lost line {epoch}:{seq}")
        kept.append((epoch, seq, line.body, head, (line.leaf or "") if with_words else ""))
    with database.transaction() as work:
        for row in kept:
            work.execute(
                "INSERT INTO lost_lines (epoch, seq, body, hash, leaf) VALUES (?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
                row,
            )
    return head


def take_sent(page: SentPage) -> None:
    """Keeps the envelopes of documents that we sent and know nothing of; one that we did not sign is passed over.

    Each gets its closed line in the outbox at once, so that receipts and statuses that come home find it.
    """
    mine = installation.own().code
    for item in page.items:
        try:
            envelope = envelopes.open_(item.envelope, _own_key)
        except (Malformed, Unauthenticated) as error:
            log.warning("the node tells of a document that we did not sign: %s", error.detail or error.code)
            continue
        if envelope.sender != mine or envelope.kind is not Kind.EDOC:
            continue
        with database.transaction() as work:
            if work.execute("SELECT 1 FROM outbox WHERE message_id = ?", (envelope.message_id,)).fetchone():
                continue
            _keep_sent(
                work,
                envelope,
                item.envelope,
                item.sequence,
                clock.to_text(item.taken_at),
                "gone" if item.is_wiped else "",
            )


def _keep_sent(work: Work, envelope: Envelope, sealed: bytes, sequence: int, at: str, packet: str) -> None:
    work.execute(
        "INSERT INTO lost_messages (message_id, sequence, recipient_code, envelope, packet_sha256, packet_bytes,"
        " taken_at, packet) VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
        (
            envelope.message_id, sequence, envelope.recipient, sealed.decode(), envelope.packet_sha256,
            envelope.packet_bytes, at, packet,
        ),
    )  # fmt: skip
    work.execute(
        "INSERT INTO outbox (message_id, kind, recipient_code, urgency, envelope, packet_sha256, packet_bytes, about,"
        " queued_at, state, next_attempt_at, closed_at) VALUES (?, ?, ?, ?, ?, ?, ?, '', ?, 'delivered', ?, ?)",
        (
            envelope.message_id, envelope.kind.value, envelope.recipient, envelope.urgency, sealed.decode(),
            envelope.packet_sha256, envelope.packet_bytes, clock.to_text(envelope.created), at, at,
        ),
    )  # fmt: skip


def _own_key(code: str, key_id: str) -> bytes | None:
    """Our own keys, the retired ones too: as the directory lists them, and as the journal names them."""
    found = database.row("SELECT public_key FROM organisation_keys WHERE organ_code = ? AND key_id = ?", (code, key_id))
    if found:
        return bytes.fromhex(found[0])
    for (spelled,) in database.rows(
        "SELECT DISTINCT json_extract(body, '$.facts.was') FROM journal WHERE object = ?",
        (f"installation:{installation.own().uid}",),
    ):
        if spelled and keys.key_id(bytes.fromhex(spelled)) == key_id:
            return bytes.fromhex(spelled)
    return None


def signed_with() -> dict[str, int | list[str]]:
    """Under which keys of ours the lost messages went, and how many lines of those journals were kept at least.

    The journal keeps it: by it `verification` knows receipts of a journal that is gone from those of a forged one.
    """
    named = set()
    for (sealed,) in database.rows("SELECT envelope FROM lost_messages"):
        named.add(envelopes.parse_unverified(sealed.encode()).key_id)
    mine = installation.own()
    found = [key for key_id in sorted(named) if (key := _own_key(mine.code, key_id)) is not None]
    restored = [item.epoch for item in standstill.restorations()]
    if not found or not restored:
        return {}
    return {"keys": [key.hex() for key in found], "shared": _before(min(restored))[0].size}


def missing_packets() -> list[tuple[str, int]]:
    """The packets of ours that are still to be fetched back, by hash and size."""
    return [
        (row[0], row[1])
        for row in database.rows(
            "SELECT packet_sha256, max(packet_bytes) FROM lost_messages WHERE packet = '' GROUP BY packet_sha256"
            " ORDER BY min(sequence)"
        )
        if not _have(row[0])
    ]


def _have(sha256: str) -> bool:
    if files.has(sha256):
        packet_settled(sha256, here=True)
        return True
    return False


def packet_settled(sha256: str, *, here: bool) -> None:
    """A packet of ours is back in the store, or the node has destroyed it."""
    database.write_working(
        "UPDATE lost_messages SET packet = ? WHERE packet_sha256 = ?", ("here" if here else "gone", sha256)
    )


def answered(refused: str = "") -> None:
    """The node has told everything, or has said that it does not know the question."""
    found = standstill.restorations()
    epoch = found[0].epoch if found else installation.own().epoch
    database.write_working(
        "INSERT INTO lost_answers (id, epoch, answered_at, refused) VALUES (1, ?, ?, ?) ON CONFLICT (id) DO UPDATE SET"
        " epoch = excluded.epoch, answered_at = excluded.answered_at, refused = excluded.refused",
        (epoch, None if refused else clock.now_text(), refused),
    )


def forget(work: Work) -> None:
    """The words that came back are in the register now, or at the node: they are kept in no second place."""
    work.execute("DELETE FROM lost_lines")


def lines() -> list[tuple[int, int, dict[str, Any], dict[str, str]]]:
    """The lines that came back, as (epoch, sequence, fields, texts), in the order in which they were written."""
    return [
        (row[0], row[1], json.loads(row[2]), json.loads(row[3]) if row[3] else {})
        for row in database.rows("SELECT epoch, seq, body, leaf FROM lost_lines ORDER BY epoch, seq")
    ]
